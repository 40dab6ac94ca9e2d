"""What clients were told stays true."""

from typing import NamedTuple

from weft.model.digest import Digest
from weft.model.errors import ConflictError, WeftError
from weft.model.receipt import Named, decode_receipt
from weft.model.stored import Place
from weft.model.view import Fate
from weft.node.ports import Store
from weft.node.recover import Recovered
from weft.simulation.ports import Asked, Checker, End, Told


class _Decided(NamedTuple):
    place: Place
    status: str
    code: str
    result: Named


class Acknowledged(Checker):
    """A fate that an honest member told stands on its disk, then and after every crash, and in the end at the
    same place in the chain of every honest member that has come so far (19)."""

    promise = "Acknowledged is never lost"

    def __init__(self) -> None:
        self._told: dict[Digest, _Decided] = {}
        self._by: dict[int, dict[Digest, None]] = {}

    def told(self, asked: Asked, told: Told) -> None:
        fate, place = told.fate, asked.place
        if fate is None or fate.height is None or fate.position is None or place in self.scene.liars:
            return
        decided = _Decided(Place(fate.height, fate.position), fate.status, fate.code, fate.result)
        if self._told.setdefault(fate.identity, decided) != decided:
            self.fail(f"{_name(fate)} is told as {decided} and as {self._told[fate.identity]}")
        self._by.setdefault(place, {})[fate.identity] = None
        self._check(place, self.scene.look(place).store, fate.identity)

    def restarted(self, place: int, recovered: Recovered, is_disk_lost: bool) -> None:
        if is_disk_lost:
            self._by.pop(place, None)
        store = self.scene.look(place).store
        for identity in self._by.get(place, ()):
            self._check(place, store, identity)

    def finished(self, end: End) -> None:
        for place, kept in end.members.items():
            height = kept.store.head.height
            for identity, decided in self._told.items():
                if end.is_healed or decided.place.height <= height:
                    self._check(place, kept.store, identity)

    def _check(self, place: int, store: Store, identity: Digest) -> None:
        decided = self._told[identity]
        found = store.find_transaction(identity)
        block = store.find_block(found.height) if found is not None else None
        if found is None or block is None:
            self.fail(f"member {place} does not have {identity.hex()[:16]}, told as {decided}")
            return
        receipt = decode_receipt(block.receipts[found.position])
        if _Decided(found, receipt.status, receipt.code, receipt.result) != decided:
            self.fail(f"member {place} has {identity.hex()[:16]} at {found} as {receipt}, told as {decided}")


class Refused(Checker):
    """What every node that was asked refused is never executed, nor is what was told to have expired (31).

    What was refused is looked for by its content, which nobody else has seen; what was sent out and then
    expired by its identity, as a liar may state another's commitments.
    """

    promise = "Refused is without effect"

    def __init__(self) -> None:
        self._open: dict[Digest, int] = {}
        """Calls with this content that may still have an effect."""
        self._expired: dict[Digest, int] = {}
        """Identities, and who told so."""

    def asked(self, asked: Asked) -> None:
        for attachment in asked.attachments:
            self._open[attachment.commitment] = self._open.get(attachment.commitment, 0) + 1

    def told(self, asked: Asked, told: Told) -> None:
        if asked.place in self.scene.liars:
            return
        if isinstance(told.error, WeftError) and not isinstance(told.error, ConflictError):
            for attachment in asked.attachments:
                self._open[attachment.commitment] -= 1
        elif told.fate is not None and told.fate.status == "expired":
            self._expired[told.fate.identity] = asked.place

    def finished(self, end: End) -> None:
        refused = [commitment for commitment, calls in self._open.items() if calls == 0]
        for place, kept in end.members.items():
            for commitment in refused:
                height = kept.store.find_commitment(commitment)
                if height is not None:
                    self.fail(
                        f"content {commitment.hex()[:16]}, refused by all, took effect at height {height} of "
                        f"member {place}"
                    )
            for identity, by in self._expired.items():
                found = kept.store.find_transaction(identity)
                if found is not None:
                    self.fail(
                        f"transaction {identity.hex()[:16]}, which member {by} told to have expired, is in "
                        f"block {found.height} of member {place}"
                    )


def _name(fate: Fate) -> str:
    return f"transaction {fate.identity.hex()[:16]}"
