"""A small deterministic network of real cores: delays, losses, crashes and liars by seed.

Only what carries effects is written here; every decision is the shipped core's. One heap of events is the
clock. When the heap is empty, nobody has anything to do or to wait for: that is silence.
"""

import heapq
import itertools
import random
from dataclasses import dataclass, field

import msgspec

from weft.consensus.core import Core, first_base
from weft.consensus.messages import (
    Accuse,
    Alarm,
    Answered,
    Arrived,
    Behind,
    Broadcast,
    Certify,
    Deliver,
    Discard,
    Doubt,
    Executed,
    Fetch,
    Forget,
    Found,
    Heard,
    Lost,
    Measured,
    Opened,
    Persist,
    PersistStatement,
    Refuse,
    Return,
    Root,
    Rooted,
    Send,
    Speak,
    Submit,
    Tick,
    Vouched,
    Wake,
)
from weft.model.block import Header
from weft.model.committee import Member as Validator
from weft.model.digest import ZERO, digest
from weft.model.genesis import Genesis
from weft.model.keys import ED25519, PrivateKey
from weft.model.limits import LOCAL, Limits
from weft.model.message import Announced, Certified, Signed
from weft.model.vertex import decode_vertex

START_MS = 1_700_000_000_000
LOST_FETCH_US = 100_000


def make_genesis(weights, model="byzantine", **limits):
    """A chain whose members' keys are known to the test."""
    members = tuple(
        Validator(f"member{place}", key_of(place).public.key, weight) for place, weight in enumerate(weights)
    )
    return Genesis(1, "test", START_MS, model, members, Limits(**limits), True, ())


def key_of(place):
    return PrivateKey(ED25519, place.to_bytes(32, "big"))


def attachment_of(name):
    """A commitment, and a transaction that needs it."""
    commitment = digest("attachment", name.encode())
    return commitment, b"A" + name.encode() + commitment


def commitments_in(vertex):
    return [transaction[-32:] for transaction in vertex.batch if transaction.startswith(b"A")]


@dataclass
class Node:
    """One member: a core, what it wrote down, and what became of its effects."""

    world: "World"
    place: int
    core: Core
    clock_ms: int = 0
    is_up: bool = True
    life: int = 0
    pool: list = field(default_factory=list)
    content: set = field(default_factory=set)
    journal: list = field(default_factory=list)
    synced: int = 0
    words: list = field(default_factory=list)
    commits: list = field(default_factory=list)
    replayed: int = 0
    executed: list = field(default_factory=list)
    headers: list = field(default_factory=list)
    checkpoint: object = None
    noted: list = field(default_factory=list)
    returned: list = field(default_factory=list)
    wake: int = 0
    sent: int = 0

    def handle(self, input_):
        """Time, then the input, then as many waiting transactions as there is room for."""
        if not self.is_up:
            return
        wall_ms = START_MS + self.clock_ms + self.world.now // 1000
        self.carry(self.core.handle(Tick(self.world.now, wall_ms)))
        if not isinstance(input_, Tick):
            self.carry(self.core.handle(input_))
        room = self.core.room()
        if self.pool and room.transactions:
            batch, self.pool = tuple(self.pool[: room.transactions]), self.pool[room.transactions :]
            self.carry(self.core.handle(Submit(batch, 0)))

    def submit(self, transaction):
        self.pool.append(transaction)
        self.handle(Tick(0, 0))

    def carry(self, effects):
        for effect in effects:
            getattr(self, f"on_{type(effect).__name__.lower()}", self.noted.append)(effect)

    def on_persist(self, effect: Persist):
        self.journal.append((effect.vertex, effect.is_own))
        if effect.is_own:
            self.synced = len(self.journal)

    def on_persiststatement(self, effect: PersistStatement):
        heights = [word.statement.height for word in self.words]
        assert effect.word.statement.height not in heights, "one word a height"
        self.words.append(effect.word)

    def on_broadcast(self, effect: Broadcast):
        if isinstance(effect.item, Announced):
            vertex = decode_vertex(effect.item.vertex)
            if vertex.author == self.place:
                assert (vertex, True) in self.journal[: self.synced], "on disk before anybody hears it"
                self.world.note_said(self, vertex)
        for other in range(self.world.size):
            if other != self.place:
                self.world.send(self.place, other, effect.item)

    def on_send(self, effect: Send):
        self.world.send(self.place, effect.member, effect.item)

    def on_fetch(self, effect: Fetch):
        self.world.fetch(self.place, effect)

    def on_wake(self, effect: Wake):
        self.wake += 1
        number, life = self.wake, self.life
        self.world.at(effect.at_us, lambda: self._ring(number, life))

    def _ring(self, number, life):
        if self.wake == number and self.life == life:
            self.handle(Tick(0, 0))

    def on_deliver(self, effect: Deliver):
        if self.replayed < len(self.commits):
            assert self.commits[self.replayed] == effect.commit, "a replay is the same order again"
            self.replayed += 1
            return
        self.commits.append(effect.commit)
        self.replayed += 1
        self.world.check_prefix(self)
        fresh = [t for vertex in effect.vertices for t in vertex.batch if t not in self.executed]
        self.executed += dict.fromkeys(fresh)
        last = self.headers[-1] if self.headers else None
        if fresh or effect.commit.round >= (last.round if last else 0) + self.world.blocks_every:
            self.seal(effect.commit, last)

    def seal(self, commit, last):
        header = Header(
            self.world.genesis.chain,
            0,
            len(self.headers) + 1,
            last.hash if last else ZERO,
            commit.round,
            commit.order_hash,
            commit.time_ms,
            ZERO,
            ZERO,
            ZERO,
            0,
        )
        self.headers.append(header)
        self.world.later(200, self, lambda: Executed(header, header.hash))

    def on_root(self, effect: Root):
        header = self.headers[effect.height - 1]
        self.world.later(100, self, lambda: Rooted(effect.height, digest("root", header.hash)))

    def on_return(self, effect: Return):
        self.pool += effect.transactions
        self.returned += effect.transactions

    def on_certify(self, effect: Certify):
        self.checkpoint = effect.checkpoint

    def on_behind(self, effect: Behind):
        self.noted.append(effect)
        if self.world.can_follow:
            self.world.follow(self)

    def on_forget(self, effect: Forget):
        self.noted.append(effect)

    def seen(self, kind):
        """What the core said of one kind: Accuse, Alarm, Behind, Discard, Doubt, Forget, Refuse."""
        assert kind in (Accuse, Alarm, Behind, Discard, Doubt, Forget, Refuse)
        return [effect for effect in self.noted if isinstance(effect, kind)]

    def crash(self):
        """Power lost: what was not synced may be gone."""
        kept = self.world.chance.randint(self.synced, len(self.journal))
        self.journal, self.is_up, self.life = self.journal[:kept], False, self.life + 1
        self.pool = []
        self.world.break_streams(self.place)

    def restart(self, journal=True):
        """Back from the own disk, or (journal=False) from the disk of somebody who lost it."""
        self.journal = self.journal if journal else []
        self.is_up, self.replayed, self.synced = True, 0, len(self.journal)
        self.core = self.world.make_core(self.place)
        for vertex, is_own in self.journal:
            self.carry(self.core.restore(vertex, is_own))
        for word in self.words:
            self.carry(self.core.handle(Heard(word)))
        if self.checkpoint is not None:
            self.carry(self.core.handle(Vouched(self.checkpoint)))
        for header in self.headers[self.checkpoint.statement.height - 1 if self.checkpoint else 0 :]:
            self.carry(self.core.handle(Executed(header, header.hash)))
        self.world.open_streams(self.place)
        newest = self.core.own_newest
        if journal:
            self.world.later(2_000, self, lambda: Speak(newest.round + 1 if newest else 1))


class World:
    """All members, the links between them, and the events to come."""

    def __init__(
        self,
        size=4,
        seed=0,
        weights=None,
        model="byzantine",
        delay_us=(200, 700),
        local=LOCAL,
        down=(),
        follow=False,
        kinds=None,
        **limits,
    ):
        self.chance = random.Random(seed)
        self.size = len(weights) if weights else size
        self.genesis = make_genesis(weights or [1] * self.size, model, **limits)
        self.local = local
        self.delay_us = delay_us
        self.can_follow = follow
        self.blocks_every = min(128, self.genesis.limits.depth // 2)
        self.now = 0
        self.numbers = itertools.count()
        self.events = []
        self.open = {}
        self.last = {}
        self.blocked = set()
        self.drops = {}
        self.said = {}
        self.liars = set()
        self.nodes = [
            (kinds or {}).get(place, Node)(self, place, self.make_core(place)) for place in range(self.size)
        ]
        for place in down:
            self.nodes[place].is_up = False
        for node in self.nodes:
            if node.is_up:
                self.open_streams(node.place)
                node.handle(Speak(1))

    def make_core(self, place):
        return Core(self.genesis, place, key_of(place), first_base(self.genesis), self.local)

    @property
    def honest(self):
        return [node for node in self.nodes if node.is_up and node.place not in self.liars]

    def at(self, time_us, call):
        heapq.heappush(self.events, (max(time_us, self.now), next(self.numbers), call))

    def later(self, wait_us, node, make_input):
        life = node.life
        self.at(self.now + wait_us, lambda: node.handle(make_input()) if node.life == life else None)

    def run(self, for_us=None, until=None, events=400_000):
        """Until silence, or for some time, or until something is true; fails when it never is."""
        end = None if for_us is None else self.now + for_us
        for _ in range(events):
            if until is not None and until():
                return
            if not self.events or (end is not None and self.events[0][0] > end):
                break
            self.now, _, call = heapq.heappop(self.events)
            call()
        else:
            raise AssertionError("no end of events")
        assert until is None or until(), "what was waited for did not come"
        self.now = self.now if end is None else end

    def delay(self, source, target):
        low, high = self.delay_us(source, target) if callable(self.delay_us) else self.delay_us
        return self.chance.randint(low, high)

    # Streams

    def open_streams(self, place):
        for other in range(self.size):
            if other != place and self.nodes[other].is_up:
                self._open(place, other)
                self._open(other, place)

    def _open(self, source, target):
        if (source, target) in self.blocked or (source, target) in self.open:
            return
        self.open[source, target] = next(self.numbers)
        mine, other = self.nodes[source], self.nodes[target]
        self.later(1, mine, lambda: Measured(target, 2 * self.delay(source, target)))
        self.later(2, mine, lambda: Opened(target, other.core.newest()))

    def break_streams(self, place):
        for source, target in list(self.open):
            if place in (source, target):
                self.close(source, target)

    def close(self, source, target):
        if self.open.pop((source, target), None) is not None:
            self.nodes[source].handle(Lost(target))

    def block(self, *links):
        """Cut these directions until `heal`."""
        for source, target in links:
            self.blocked.add((source, target))
            self.close(source, target)

    def partition(self, *groups):
        """Only members of one group hear each other."""
        side = {place: number for number, group in enumerate(groups) for place in group}
        self.block(*[(a, b) for a in side for b in side if a != b and side[a] != side[b]])

    def heal(self):
        self.blocked.clear()
        for node in self.nodes:
            if node.is_up:
                self.open_streams(node.place)

    # Messages

    def send(self, source, target, item):
        """In order on a stream; lost with it."""
        stream = self.open.get((source, target))
        node = self.nodes[source]
        node.sent += 1
        if stream is None or self.chance.random() < self.drops.get((source, target), 0):
            return
        time = max(self.last.get((source, target), 0), self.now + self.delay(source, target))
        self.last[source, target] = time
        attached = self.attached(node, item)
        self.at(time, lambda: self._receive(source, target, stream, item, attached))

    def attached(self, node, item):
        if not isinstance(item, Announced):
            return set()
        return {c for c in commitments_in(decode_vertex(item.vertex)) if c in node.content}

    def _receive(self, source, target, stream, item, attached):
        if self.open.get((source, target)) != stream:
            return
        node = self.nodes[target]
        node.content |= attached
        if isinstance(item, Announced):
            node.handle(self.arrival(node, source, decode_vertex(item.vertex), False))
        elif isinstance(item, Signed):
            node.handle(Heard(item.word))
        elif isinstance(item, Certified):
            node.handle(Vouched(item.checkpoint))

    def arrival(self, node, source, vertex, asked):
        missing = tuple(c for c in commitments_in(vertex) if c not in node.content)
        return Arrived(vertex, source, missing, asked)

    def fetch(self, place, effect):
        node, other = self.nodes[place], self.nodes[effect.member]
        life = node.life
        pair = (place, effect.member)
        if pair in self.blocked or pair[::-1] in self.blocked or not other.is_up:
            answer = Answered(effect.member, effect.references, effect.commitments, ())
            self.later(LOST_FETCH_US, node, lambda: answer)
            return
        wait = self.delay(*pair) + self.delay(*pair[::-1])
        self.at(self.now + wait, lambda: self._answer(node, other, effect) if node.life == life else None)

    def _answer(self, node, other, effect):
        for reference in effect.references:
            vertex = other.core.find_vertex(reference)
            if vertex is not None:
                node.handle(self.arrival(node, other.place, vertex, True))
        found = tuple(c for c in effect.commitments if c in other.content)
        node.content |= set(found)
        node.handle(Found(found))
        forgotten = tuple(r for r in effect.references if other.core.is_forgotten(r))
        node.handle(Answered(other.place, effect.references, effect.commitments, forgotten))

    def follow(self, node):
        """Catch up by blocks: take over the order of a member that is further on."""
        best = max(self.honest, key=lambda other: other.core.last_final)
        if best.core.last_final <= node.core.last_final:
            return
        old = node.core.base()
        base = msgspec.structs.replace(best.core.base(), spoken=old.spoken, height=old.height)
        node.life += 1
        node.pool += node.core.unfinished()
        node.commits, node.replayed = list(best.commits), len(best.commits)
        node.executed, node.headers = list(best.executed), list(best.headers)
        node.core = Core(self.genesis, node.place, key_of(node.place), base, self.local)
        self.break_streams(node.place)
        self.open_streams(node.place)
        self.later(10, node, lambda: Speak(base.spoken + 1))

    # Checkers

    def note_said(self, node, vertex):
        """No honest twin, ever."""
        if node.place not in self.liars:
            digests = self.said.setdefault((vertex.author, vertex.round), set())
            digests.add(vertex.digest)
            assert len(digests) == 1, f"member {vertex.author} spoke twice in round {vertex.round}"

    def check_prefix(self, node):
        """Agreement: any two members' commits are prefixes of one another."""
        place = len(node.commits) - 1
        for other in self.nodes:
            if len(other.commits) > place and other.place not in self.liars | {node.place}:
                assert other.commits[place] == node.commits[place], f"fork at commit {place}"

    def check_same(self):
        """All honest members have come to the same end, and nothing was executed twice."""
        first = self.honest[0]
        for node in self.honest:
            assert node.commits == first.commits
            assert node.executed == first.executed
            assert len(set(node.executed)) == len(node.executed)


def load(world, count, every_us=500, places=None):
    """Transactions at members in turn; gives them."""
    places = list(range(world.size)) if places is None else places
    transactions = []
    for number in range(count):
        place, name = places[number % len(places)], b"tx%d" % number
        transactions.append(name)
        world.at(world.now + number * every_us, lambda p=place, n=name: world.nodes[p].submit(n))
    return transactions


def finish(world, transactions):
    """Run until silence: everybody has executed everything once, in one order."""
    world.run()
    world.check_same()
    assert set(transactions) <= set(world.honest[0].executed)
    for node in world.honest:
        assert not node.seen(Doubt)
