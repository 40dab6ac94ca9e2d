"""Bugs on the way to the disk and back."""

import dataclasses
from collections import deque
from collections.abc import Sequence
from functools import partial

import pytest

from tests.simulation.planted.bug import Bug
from weft.mempool.pool import Pool
from weft.model.commit import Commit
from weft.model.digest import Digest
from weft.model.view import Fate
from weft.node import recover
from weft.node.apply import Applied, Applier, _Group
from weft.node.driver import Driver, Roll
from weft.node.fate import Fates, _given
from weft.node.ports import OWN, WORD
from weft.simulation.checkers.acknowledged import Acknowledged, Refused
from weft.simulation.checkers.recovery import Recovery
from weft.simulation.checkers.spoken import NoTwin, OnDisk
from weft.simulation.checkers.standing import Stops
from weft.storage.segment import Segment, Survey


def _broadcast_before_persist(patch: pytest.MonkeyPatch) -> None:
    async def run(self: Driver) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            effects, self._effects = self._effects, deque()
            for effect in effects:
                if not isinstance(effect, Roll):
                    self._perform(effect)
            await self._persist(effects)

    patch.setattr(Driver, "run", run)


def _content_not_synced(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Driver, "_sync", lambda self: self._journal.sync())


def _forgotten_slot(patch: pytest.MonkeyPatch) -> None:
    take = recover._Replay.take

    def forget(self: recover._Replay, kind: int, round_: int, payload: bytes) -> None:
        if kind != OWN:
            take(self, kind, round_, payload)

    patch.setattr(recover._Replay, "take", forget)


def _forgotten_word(patch: pytest.MonkeyPatch) -> None:
    take = recover._Replay.take

    def forget(self: recover._Replay, kind: int, round_: int, payload: bytes) -> None:
        if kind != WORD:
            take(self, kind, round_, payload)

    patch.setattr(recover._Replay, "take", forget)


def _lost_tail(patch: pytest.MonkeyPatch) -> None:
    survey = Segment.survey

    def cut(self: Segment) -> Survey:
        found = survey(self)
        entries = list(self.entries())
        if found.end == self.size or len(entries) < 4:
            return found
        last = entries[-4]
        return dataclasses.replace(
            found, end=last.end, link=last.check, durable=min(found.durable, last.end), beyond=()
        )

    patch.setattr(Segment, "survey", cut)


def _told_before_stored(patch: pytest.MonkeyPatch) -> None:
    finish = Applier._finish

    def later(self: Applier, group: _Group, commits: Sequence[Commit]) -> None:
        held: list[tuple[_Group, Sequence[Commit]]] = self.__dict__.setdefault("held", [])
        held.append((group, commits))
        if len(held) > 1:
            finish(self, *held.pop(0))

    patch.setattr(Applier, "_finish", later)


def _known_is_expired(patch: pytest.MonkeyPatch) -> None:
    settle = Fates.settle

    def tell(self: Fates, applied: Applied) -> None:
        for identity, _ in applied.passed_over:
            if identity in self._waiting:
                fate = Fate(identity, "expired", None, None, "transaction.expired", (), False)
                self._tell(identity, partial(_given, fate))
        settle(self, applied)

    patch.setattr(Fates, "settle", tell)


def _forgets_what_is_not_there(patch: pytest.MonkeyPatch) -> None:
    forget = Pool.forget

    def forget_strictly(self: Pool, identities: Sequence[Digest]) -> None:
        names = list(identities)
        assert all(identity in self for identity in names), "only what is here can be forgotten"
        forget(self, names)

    patch.setattr(Pool, "forget", forget_strictly)


DURABILITY = (
    Bug(
        "broadcast before persist",
        "`Driver.run` carries effects out and writes to the disk then",
        OnDisk,
        _broadcast_before_persist,
    ),
    Bug(
        "content is not synced",
        "`Driver._sync` syncs the journal alone",
        OnDisk,
        _content_not_synced,
    ),
    Bug(
        "forgotten slot after restart",
        "`recover` passes over own vertices",
        NoTwin,
        _forgotten_slot,
        faults=("crash",),
    ),
    Bug(
        "forgotten word after restart",
        "`recover` passes over own words",
        Recovery,
        _forgotten_word,
        faults=("crash",),
    ),
    Bug(
        "lost tail on torn write",
        "`Segment.survey` gives up four records in front of a torn one",
        Recovery,
        _lost_tail,
        faults=("crash",),
    ),
    Bug(
        "told before stored",
        "`Applier` stores a group with the next one",
        Acknowledged,
        _told_before_stored,
    ),
    Bug(
        "known is told as expired",
        "`Fates.settle` takes any transaction that was passed over for an expired one",
        Refused,
        _known_is_expired,
    ),
    Bug(
        "others' transactions are a mistake",
        "`Pool.forget` expects everything that is executed to have come through this node",
        Stops,
        _forgets_what_is_not_there,
    ),
)
