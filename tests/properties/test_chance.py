"""Networks drawn by chance: committee, weights, liars, crashes, partitions, clocks, depth.

`WEFT_CHANCE_SEEDS=1000 pytest tests/properties/test_chance.py` runs more of them. A seed that ever failed is
added to FAILED and stays.
"""

import os
import random

import pytest

from weft.consensus.messages import Alarm, Doubt

from .liar import Equivocator
from .world import World

SEEDS = int(os.environ.get("WEFT_CHANCE_SEEDS", "16"))
FAILED = (138,)
"""138: one that knew of a lie and two that did not waited for each other."""


@pytest.mark.parametrize("seed", sorted({*range(SEEDS), *FAILED}))
def test_whatever_happens_honest_members_agree_and_lose_nothing(seed):
    """After the faults stop all honest members have the same order, and every accepted transaction."""
    story = Story(seed)
    story.world.run(for_us=60_000_000)
    story.world.check_same()
    executed = set(story.world.honest[0].executed)
    assert [name for name in story.owed() if name not in executed] == []
    for node in story.world.honest:
        assert not node.seen(Doubt)
        assert not node.seen(Alarm)


class Story:
    """One network and what will happen to it."""

    def __init__(self, seed):
        self.chance = chance = random.Random(seed)
        size = chance.choice([1, 2, 3, 4, 4, 4, 5, 7, 10])
        model = chance.choice(["byzantine", "byzantine", "crash"])
        weights = [1] * size if chance.random() < 0.6 else [chance.randint(1, 4) for _ in range(size)]
        self.choose_faulty(weights, model)
        self.world = World(
            seed=seed,
            weights=weights,
            model=model,
            kinds=dict.fromkeys(self.liars, Equivocator),
            down=self.down,
            delay_us=chance.choice([(200, 700), (100, 5_000), (1_000, 60_000)]),
            depth=chance.choice([512, 512, 40, 20]),
            follow=True,
        )
        self.world.liars |= set(self.liars)
        self.submitted = {}
        self.crashed = set()
        self.submit(chance.randint(1, 60), chance.choice([10_000, 300_000, 2_000_000]))
        for happens, odds in ((self.crash, 0.5), (self.divide, 0.4), (self.block, 0.3), (self.shift, 0.3)):
            if chance.random() < odds:
                happens()

    def choose_faulty(self, weights, model):
        """Liars of weight at most f, and silent ones as long as a quorum is left."""
        total = sum(weights)
        faulty = (total - 1) // 3 if model == "byzantine" else 0
        spare = total - ((total + faulty) // 2 + 1)
        self.liars, self.down = [], []
        for place in self.chance.sample(range(len(weights)), len(weights)):
            weight = weights[place]
            if weight <= min(faulty, spare) and self.chance.random() < 0.4:
                self.liars.append(place)
                faulty, spare = faulty - weight, spare - weight
            elif weight <= spare and self.chance.random() < 0.2:
                self.down.append(place)
                spare -= weight
        self.spare = spare

    def submit(self, count, over_us):
        for number in range(count):
            place = self.chance.randrange(self.world.size)
            name = b"tx%d.%d" % (place, number)
            self.world.at(self.chance.randrange(over_us), lambda p=place, n=name: self.hand_in(p, n))

    def hand_in(self, place, name):
        if self.world.nodes[place].is_up:
            self.submitted.setdefault(place, []).append(name)
            self.world.nodes[place].submit(name)

    def crash(self):
        for _ in range(self.chance.randint(1, 3)):
            place = self.chance.randrange(self.world.size)
            if place not in self.down and place not in self.liars:
                self.crashed.add(place)
                node, at = self.world.nodes[place], self.chance.randrange(1_000_000)
                self.world.at(at, lambda n=node: n.crash() if n.is_up else None)
                back = at + self.chance.randrange(1_000, 800_000)
                self.world.at(back, lambda n=node: None if n.is_up else n.restart())

    def divide(self):
        places = self.chance.sample(range(self.world.size), self.world.size)
        cut, at = self.chance.randint(0, self.world.size), self.chance.randrange(500_000)
        self.world.at(at, lambda: self.world.partition(places[:cut], places[cut:]))
        self.world.at(at + self.chance.randrange(1_000, 1_500_000), self.world.heal)

    def block(self):
        for _ in range(3):
            link = (self.chance.randrange(self.world.size), self.chance.randrange(self.world.size))
            if link[0] != link[1]:
                self.world.at(self.chance.randrange(500_000), lambda link=link: self.world.block(link))
        self.world.at(self.chance.randrange(500_000, 2_000_000), self.world.heal)

    def shift(self):
        place = self.chance.randrange(self.world.size)
        if self.world.genesis.members[place].weight <= self.spare:
            self.world.nodes[place].clock_ms = self.chance.choice([-3_600_000, 3_600_000, 400, -400])

    def owed(self):
        """What honest members took in and must not lose: a crash forgets its pool, a clock that is an hour
        ahead speaks an hour later."""
        for place, names in self.submitted.items():
            is_sound = place not in self.liars and place not in self.crashed
            if is_sound and self.world.nodes[place].clock_ms < 500:
                yield from names
