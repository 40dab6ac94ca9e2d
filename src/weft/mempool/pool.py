"""Transactions between admission and their fate.

A transaction is here from `admit` until `forget`: first waiting, then (after `cut`) proposed in an own
vertex. Promise: one identity is here at most once; what waits and what is proposed together never exceed the
bounds; transactions leave in the order they came.
"""

from collections.abc import Iterable
from typing import NamedTuple

from weft.model.digest import Digest
from weft.model.errors import FullError
from weft.model.limits import LocalLimits
from weft.model.transaction import Attachment


class Candidate(NamedTuple):
    """A client's transaction, valid and on its way to the pool."""

    identity: Digest
    raw: bytes
    attachments: tuple[Attachment, ...]
    attachment_bytes: int


class Pool:
    """Bounded waiting room of one node."""

    def __init__(self, limits: LocalLimits) -> None:
        self._limits = limits
        self._waiting: dict[Digest, tuple[bytes, int]] = {}
        self._proposed: dict[Digest, tuple[bytes, int]] = {}
        self._bytes = 0
        self._attachment_bytes = 0

    def __len__(self) -> int:
        """How many transactions are here, waiting or proposed."""
        return len(self._waiting) + len(self._proposed)

    def __contains__(self, identity: Digest) -> bool:
        return identity in self._waiting or identity in self._proposed

    @property
    def waiting(self) -> int:
        """How many wait to be proposed."""
        return len(self._waiting)

    def transactions(self) -> list[bytes]:
        """All that are here, raw."""
        return [raw for part in (self._proposed, self._waiting) for raw, _ in part.values()]

    def admit(self, identity: Digest, raw: bytes, attachment_bytes: int) -> bool:
        """Take a transaction in; False if it is here already. Raises FullError when there is no room."""
        waiting, proposed, limits = self._waiting, self._proposed, self._limits
        if identity in waiting or identity in proposed:
            return False
        if (
            len(waiting) + len(proposed) >= limits.pool_transactions_max
            or self._bytes + len(raw) > limits.pool_bytes_max
            or self._attachment_bytes + attachment_bytes > limits.pool_attachment_bytes_max
        ):
            raise FullError(
                f"{len(self)} transactions of {self._bytes} bytes and {self._attachment_bytes} bytes of "
                "attachments wait already"
            )
        self._bytes += len(raw)
        self._attachment_bytes += attachment_bytes
        waiting[identity] = (raw, attachment_bytes)
        return True

    def admit_many(self, candidates: Iterable[Candidate]) -> tuple[list[Candidate], dict[Digest, FullError]]:
        """`admit` for each: those that were not here yet, and what there is no room for."""
        taken: list[Candidate] = []
        refused: dict[Digest, FullError] = {}
        for one in candidates:
            try:
                if self.admit(one.identity, one.raw, one.attachment_bytes):
                    taken.append(one)
            except FullError as error:
                refused[one.identity] = error
        return taken, refused

    def cut(self, transactions: int, bytes_: int, attachment_bytes: int) -> tuple[tuple[bytes, ...], int]:
        """The oldest that fit into this room together, and the bytes of their attachments."""
        taken: list[Digest] = []
        total = 0
        for identity, (raw, attached) in self._waiting.items():
            if len(taken) == transactions or len(raw) > bytes_ or total + attached > attachment_bytes:
                break
            taken.append(identity)
            bytes_ -= len(raw)
            total += attached
        for identity in taken:
            self._proposed[identity] = self._waiting.pop(identity)
        return tuple(self._proposed[identity][0] for identity in taken), total

    def give_back(self, identities: Iterable[Digest]) -> None:
        """Proposed in vain: to the front of those that wait, unless their fate is known by now."""
        back = {
            identity: self._proposed.pop(identity) for identity in identities if identity in self._proposed
        }
        self._waiting = {**back, **self._waiting} if back else self._waiting

    def forget(self, identities: Iterable[Digest]) -> None:
        """Their fate is known."""
        for identity in identities:
            entry = self._proposed.pop(identity, None) or self._waiting.pop(identity, None)
            if entry is not None:
                self._bytes -= len(entry[0])
                self._attachment_bytes -= entry[1]
