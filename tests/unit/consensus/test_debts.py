"""Members that name what never was: what they make this node ask for is bounded, and harms nobody else."""

import pytest

from weft.consensus.core import Core, first_base
from weft.consensus.debts import US_EACH, VAIN_MAX
from weft.consensus.messages import Answered, Arrived, Fetch, Opened, Speak, Tick
from weft.model.vertex import Reference, implied_reference, sign_vertex

from ...properties.world import START_MS, key_of, make_genesis

GENESIS = make_genesis([1] * 4)
SECONDS = 20


class Asker:
    """A core whose every question is answered with nothing."""

    def __init__(self):
        self.core = Core(GENESIS, 0, key_of(0), first_base(GENESIS))
        self.now_us = 0
        self.asked = []
        self.take(*(Opened(member, (0,) * 4) for member in (1, 2, 3)), Speak(1))

    def take(self, *inputs):
        effects = self.core.handle(Tick(self.now_us, START_MS + self.now_us // 1000), *inputs)
        for fetch in [effect for effect in effects if isinstance(effect, Fetch)]:
            self.asked += fetch.references
            self.take(Answered(fetch.member, fetch.references, (), ()))

    def wait(self, seconds):
        for _ in range(seconds * 100):
            self.now_us += 10_000
            self.take()

    def hear(self, vertex, sender):
        self.take(Arrived(vertex, sender, (), False))


def orphan(author, round_, parents):
    """A vertex over these parents and the author's very first."""
    first = implied_reference(GENESIS.chain, 0, author)
    return sign_vertex(key_of(author), GENESIS.chain, 0, author, round_, START_MS, (first, *parents), ())


def invented(number, round_):
    """By the three others."""
    return [Reference(author, round_, number.to_bytes(31, "big") + bytes((author,))) for author in (0, 1, 2)]


@pytest.fixture
def flooded():
    """Member 3 has said a thousand vertices over parents that never were."""
    asker = Asker()
    for number in range(1_000):
        asker.hear(orphan(3, 2 + number, invented(number, 1 + number)), 3)
    return asker


def test_a_thousand_orphans_make_few_questions(flooded):
    """What may be owed, and what is forgiven as time goes on, times the three members asked."""
    flooded.wait(SECONDS)
    allowed = VAIN_MAX + SECONDS * 1_000_000 // (US_EACH * 4)
    assert 100 < len(flooded.asked) <= 3 * (allowed + 1)


def test_what_another_member_lacks_is_asked_for_at_once(flooded):
    flooded.wait(1)
    missing = Reference(2, 5, bytes(32))
    flooded.asked.clear()
    flooded.hear(orphan(1, 6, [Reference(0, 5, bytes(32)), missing, Reference(3, 5, bytes(32))]), 1)
    flooded.wait(1)
    assert missing in flooded.asked


def test_what_a_debtor_lacks_is_asked_for_when_another_member_lacks_it_too(flooded):
    """By naming it, by naming what lacks it, or by sending the same vertex."""
    flooded.wait(1)
    for case, number in enumerate((997, 998, 999)):
        wanted, child = invented(number, 1 + number), orphan(3, 2 + number, invented(number, 1 + number))
        flooded.asked.clear()
        if case == 0:
            wanted = wanted[::2]
            others = [Reference(3, 1 + number, bytes(32))]
            flooded.hear(orphan(1, 2 + number, [*wanted, *others]), 1)
        elif case == 1:
            others = [Reference(author, 2 + number, bytes(32)) for author in (0, 2)]
            flooded.hear(orphan(1, 3 + number, [*others, child.reference]), 1)
        else:
            flooded.hear(child, 2)
        flooded.wait(1)
        assert set(wanted) <= set(flooded.asked), case
