"""Bugs in execution, in the ledger and in what is read off it."""

from collections.abc import AsyncGenerator, Iterable, Sequence

import msgspec
import pytest

from tests.simulation.planted.bug import Bug
from weft.execution.builtin import records
from weft.execution.idempotency import Tags
from weft.ledger.seal import seal
from weft.model import merkle
from weft.model.block import Sealed
from weft.model.commit import Commit
from weft.model.digest import Digest, digest
from weft.model.transaction import Attachment
from weft.model.view import EventRow
from weft.node import apply
from weft.node.apply import Applied, _Group
from weft.node.follow import Ledger
from weft.node.node import Node
from weft.simulation.byzantine.starve import Starve
from weft.simulation.checkers.agreement import Sameness
from weft.simulation.checkers.erasure import Erasure
from weft.simulation.checkers.execution import Conditions, ExecutedOnce, OneWish
from weft.simulation.checkers.following import Followed
from weft.simulation.checkers.proofs import Proofs
from weft.simulation.checkers.reads import Linearizable
from weft.simulation.checkers.roots import Rebuilt
from weft.simulation.disk import Attachments

BLOCKS = 2
"""How far back the shortened replay window reaches."""


def _executed_twice(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(_Group, "_is_known", lambda self, identity: False)
    patch.setattr(_Group, "_is_used", lambda self, commitment: False)


def _short_window(patch: pytest.MonkeyPatch) -> None:
    def is_known(self: _Group, identity: Digest) -> bool:
        place = self._store.find_transaction(identity)
        return identity in self._known or (place is not None and place.height > self.head.height - BLOCKS)

    patch.setattr(_Group, "_is_known", is_known)


def _every_wish_is_new(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Tags, "check", lambda self, space, wish: None)


def _unconditional(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(records, "_check_expected", lambda held, collection, key, expected: None)


def _failures_leave_traces(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("weft.execution.view.View.undo", lambda self: None)


def _own_order(patch: pytest.MonkeyPatch) -> None:
    add = _Group.add

    def add_anyhow(self: _Group, commit: Commit, transactions: Iterable[bytes]) -> Applied:
        copies = [bytes(bytearray(raw)) for raw in transactions]
        return add(
            self, commit, sorted(copies, key=lambda raw: digest("here", raw + self._hash + _where(self)))
        )

    def _where(group: _Group) -> bytes:
        return str(id(group._store)).encode()

    patch.setattr(_Group, "add", add_anyhow)


def _tree_of_the_last_block(patch: pytest.MonkeyPatch) -> None:
    advance = _Group._advance

    def forget(self: _Group, sealed: Sealed) -> None:
        self._changes = {}
        advance(self, sealed)

    patch.setattr(_Group, "_advance", forget)


def _receipts_backwards(patch: pytest.MonkeyPatch) -> None:
    def seal_backwards(*arguments: object) -> Sealed | None:
        sealed = seal(*arguments)  # type: ignore[arg-type]
        if sealed is None:
            return None
        root = merkle.root("receipts", sealed.block.receipts[::-1])
        header = msgspec.structs.replace(sealed.block.header, receipt_root=root)
        block = msgspec.structs.replace(sealed.block, header=header)
        return Sealed(
            block,
            header.hash,
            sealed.identities,
            sealed.commitments,
            sealed.writes,
            sealed.erased,
            sealed.order,
        )

    patch.setattr(apply, "seal", seal_backwards)


def _cursor_skips_a_block(patch: pytest.MonkeyPatch) -> None:
    follow = Ledger.follow

    async def skip(
        self: Ledger, cursor: tuple[int, int] | None, contract: str | None = None
    ) -> AsyncGenerator[EventRow, None]:
        if cursor is not None and cursor[1] >= 0:
            cursor = cursor[0] + 1, -1
        async for row in follow(self, cursor, contract):
            yield row

    patch.setattr(Ledger, "follow", skip)


def _erases_the_first(patch: pytest.MonkeyPatch) -> None:
    erase = Attachments.erase

    def erase_one(self: Attachments, commitments: Sequence[Digest], height: int) -> None:
        erase(self, commitments[:1], height)

    patch.setattr(Attachments, "erase", erase_one)


def _read_without_barrier(patch: pytest.MonkeyPatch) -> None:
    async def barrier(self: Node) -> None:
        return

    patch.setattr(Node, "barrier", barrier)


def _commitment_to_salt(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Attachment, "commitment", property(lambda self: digest("attachment", self.salt)))


LEDGER = (
    Bug(
        "double execution",
        "`is_known` and `is_used` are never so for the executor",
        ExecutedOnce,
        _executed_twice,
    ),
    Bug(
        "replay window too short",
        "`is_known` reaches two blocks back",
        ExecutedOnce,
        _short_window,
    ),
    Bug(
        "every wish is new",
        "`Tags.check` remembers nothing",
        OneWish,
        _every_wish_is_new,
    ),
    Bug(
        "conditions are not looked at",
        "`records._check_expected` does nothing",
        Conditions,
        _unconditional,
    ),
    Bug(
        "a failure leaves traces",
        "`View.undo` takes nothing back",
        Conditions,
        _failures_leave_traces,
    ),
    Bug(
        "each node executes in its own order",
        "`_Group.add` sorts the transactions of a commit by something of this node",
        Sameness,
        _own_order,
    ),
    Bug(
        "the state tree misses blocks",
        "`_Group` brings the tree up to date with the last block of a group only",
        Rebuilt,
        _tree_of_the_last_block,
    ),
    Bug(
        "receipts in another order",
        "`seal` takes the root over the receipts from the last to the first",
        Proofs,
        _receipts_backwards,
    ),
    Bug(
        "the rest of a block is skipped",
        "`Ledger.follow` goes on at the next block, wherever the cursor stands",
        Followed,
        _cursor_skips_a_block,
    ),
    Bug(
        "only the newest version is erased",
        "the attachments destroy the first of what they are told to",
        Erasure,
        _erases_the_first,
    ),
    Bug(
        "reads do not wait",
        "`Node.barrier` returns at once",
        Linearizable,
        _read_without_barrier,
    ),
    Bug(
        "attachment not checked against its commitment",
        "`Attachment.commitment` covers the salt alone, so that any content will do",
        Linearizable,
        _commitment_to_salt,
        liars=(Starve,),
    ),
)
