"""What a seed says: who takes part, who lies and how, what fails, for how long.

Whatever the caller gives stands; the rest is drawn.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from random import Random

from weft.model.committee import FaultModel, Member
from weft.model.errors import SimulationError
from weft.model.genesis import Account, Genesis
from weft.model.keys import ED25519, SECP256K1, PrivateKey
from weft.model.limits import LOCAL, Limits, LocalLimits
from weft.simulation.clock import BEGIN_MS
from weft.simulation.keyed import KeyedKey
from weft.simulation.ports import Behaviour, Mode

SIZES = (3, 4, 4, 4, 7, 10)
ROUNDS_SHARE = {7: 0.6, 10: 0.3}
"""A round of a large committee costs as much as many of a small one."""
REAL_KEYS_EVERY = 50
"""One seed of so many signs and verifies for real."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One run, before it begins."""

    seed: int
    mode: Mode
    rounds: int
    genesis: Genesis
    limits: LocalLimits
    is_real: bool
    """Real signatures."""
    signers: Sequence[PrivateKey]
    gateway: PrivateKey
    clients: Sequence[PrivateKey]
    liars: Mapping[int, tuple[type[Behaviour], ...]]
    faults: tuple[str, ...]
    delay_s: float
    """Of a usual link."""


@dataclass(frozen=True, slots=True)
class Given:
    """What the caller wants; None is drawn."""

    nodes: int | None = None
    fault_model: FaultModel | None = None
    byzantine: int | None = None
    faults: tuple[str, ...] | None = None
    rounds: int | None = None
    mode: Mode | None = None


ANYTHING = Given()


def draw(seed: int, given: Given, faults: Sequence[str], behaviours: Sequence[type[Behaviour]]) -> Scenario:
    """Raises SimulationError when what is given cannot be."""
    random = Random(f"{seed}/scenario")
    size = random.choice(SIZES)
    size = given.nodes or size
    model: FaultModel = "crash" if random.random() < (0.8 if size == 3 else 0.15) else "byzantine"
    model = given.fault_model or model
    is_real = seed % REAL_KEYS_EVERY == REAL_KEYS_EVERY - 1
    signers = [_key(f"node{place}", is_real) for place in range(size)]
    gateway, clients = (
        _key("gateway", is_real),
        [
            _key(f"client{number}", is_real, SECP256K1 if number % 2 else ED25519)
            for number in range(random.randint(1, 4))
        ],
    )
    weights = [1] * size
    if model == "byzantine" and random.random() < 0.25:
        weights = [random.randint(1, 4) for _ in range(size)]
    genesis = Genesis(
        1,
        f"seed {seed}",
        BEGIN_MS,
        model,
        tuple(
            Member(f"node{place}", signer.public.key, weight)
            for place, (signer, weight) in enumerate(zip(signers, weights, strict=True))
        ),
        _draw_limits(random, size),
        True,
        (Account(gateway.public, "gateway"),),
    )
    genesis.check()
    liars = _draw_liars(random, genesis, given.byzantine, behaviours)
    chosen = tuple(name for name in faults if random.random() < 0.4)
    mode: Mode = "liveness" if seed % 11 == 0 else "safety"
    rounds = round(random.choice((60, 100, 150, 200)) * ROUNDS_SHARE.get(size, 1))
    return Scenario(
        seed,
        given.mode or mode,
        given.rounds or rounds,
        genesis,
        _draw_local_limits(random),
        is_real,
        signers,
        gateway,
        clients,
        liars,
        chosen if given.faults is None else given.faults,
        random.choice((0.0003, 0.0005, 0.002, 0.02, 0.08)),
    )


def _key(name: str, is_real: bool, curve: int = ED25519) -> PrivateKey:
    return PrivateKey(curve, sha256(name.encode()).digest()) if is_real else KeyedKey(name)


def _draw_limits(random: Random, size: int) -> Limits:
    depth = random.choice((32, 64, 512))
    return Limits(
        depth=depth,
        rounds_without_block_max=depth // 4,
        slots_per_round=random.choice((0, 0, 0, random.randint(1, size))),
        checkpoint_window_ms=random.choice((1, 20, 50)),
    )


def _draw_local_limits(random: Random) -> LocalLimits:
    """Small ones too, so that a short run comes to its bounds."""
    return LocalLimits(
        journal_segment_bytes=random.choice((10_000, 100_000, LOCAL.journal_segment_bytes)),
        incomplete_vertices_max=random.choice((20, LOCAL.incomplete_vertices_max)),
        held_vertices_max=random.choice((5, LOCAL.held_vertices_max)),
        unfinished_bytes_max=random.choice((5_000, LOCAL.unfinished_bytes_max)),
        peer_queue_bytes_max=random.choice((100_000, LOCAL.peer_queue_bytes_max)),
        answer_bytes_max=random.choice((4_000, LOCAL.answer_bytes_max)),
    )


def _draw_liars(
    random: Random, genesis: Genesis, wanted: int | None, behaviours: Sequence[type[Behaviour]]
) -> dict[int, tuple[type[Behaviour], ...]]:
    """Members of at most f together."""
    committee = genesis.committee
    places = list(range(committee.size))
    random.shuffle(places)
    count = random.randint(0, committee.size) if wanted is None else wanted
    liars: list[int] = []
    for place in places if wanted is None else sorted(places, key=lambda one: committee.weights[one]):
        if len(liars) < count and committee.weigh((*liars, place)) <= committee.faulty:
            liars.append(place)
    if wanted is not None and len(liars) < wanted:
        raise SimulationError(
            f"{wanted} of {committee.size} members cannot lie: together they may weigh {committee.faulty}, "
            f"fault model {committee.fault_model}"
        )
    return {
        place: tuple(random.sample(behaviours, min(len(behaviours), random.choice((1, 1, 2, 3)))))
        for place in sorted(liars)
    }
