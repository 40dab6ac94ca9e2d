"""What was erased is gone."""

from collections.abc import Sequence
from random import Random

from weft.model.block import Sealed
from weft.model.commit import Commit
from weft.model.digest import Digest
from weft.model.encoding import encode
from weft.model.stored import Erased
from weft.model.transaction import Attachment
from weft.simulation.ports import Asked, Checker, End, Kept

SAMPLE = 4
"""Contents that are searched for byte by byte."""


class Erasure(Checker):
    """When a block that erases is stored, and ever after, there is a tombstone in the place of the content;
    and neither content nor salt stands in the journal, nor in any block (24, 26)."""

    promise = "Erased is gone"

    def __init__(self) -> None:
        self._contents: dict[Digest, Attachment] = {}
        self._erased: dict[Digest, int] = {}

    def asked(self, asked: Asked) -> None:
        self._contents |= {one.commitment: one for one in asked.attachments}

    def stored(self, place: int, sealed: Sequence[Sealed], commits: Sequence[Commit]) -> None:
        for one in sealed:
            self._erased |= dict.fromkeys(one.erased, one.block.header.height)
            if one.erased:
                self._check(self.scene.look(place), one.erased)

    def finished(self, end: End) -> None:
        random = Random(f"{self.scene.seed}/erasure")
        known = [self._contents[one] for one in self._erased if one in self._contents]
        sample = random.sample(known, min(SAMPLE, len(known)))
        for kept in end.members.values():
            height = kept.store.head.height
            self._check(kept, [one for one, erased in self._erased.items() if erased <= height])
            self._search(kept, sample)

    def _check(self, kept: Kept, erased: Sequence[Digest]) -> None:
        for commitment in erased:
            found = kept.attachments.find(commitment)
            if not isinstance(found, Erased):
                self.fail(
                    f"member {kept.place} has erased {commitment.hex()[:16]}, and "
                    f"{'has no tombstone of it' if found is None else 'still has it'}"
                )

    def _search(self, kept: Kept, sample: Sequence[Attachment]) -> None:
        for attachment in sample:
            for secret in (attachment.salt, attachment.content):
                if kept.is_safe(secret):
                    self.fail(f"the journal of member {kept.place} holds what was erased")
        blocks = b"".join(
            encode(kept.store.find_block(height)) for height in range(kept.store.head.height + 1) if sample
        )
        for attachment in sample:
            if attachment.content in blocks or attachment.salt in blocks:
                self.fail(f"a block of member {kept.place} holds what was erased")
