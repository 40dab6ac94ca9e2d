"""Random DAGs as text, as honest members and liars of weight at most f may make them.

A case draws its committee (4 to 13 members, at times 1 to 3; both fault models; weights), its liars, members
that say nothing for many rounds and come back, members whose vertices reach nobody for many rounds, and how
the others choose whom to name: all they can, a bare quorum, or their own half first.
"""

import random
from dataclasses import dataclass, field

from weft.simulation.vectors import Case, FinalRound

from .plain import PlainRule, author_of, round_of

SIZES = {
    "byzantine": [1, 2, 3, *[4] * 6, *[5] * 2, *[6] * 2, *[7] * 4, 8, 9, 10, 10, 11, 12, 13, 13],
    "crash": [1, 2, *[3] * 5, *[4] * 3, 5, 5, 6, 7, 7, 8, 9, 10, 11, 12, 13],
}
VERTICES = 120
"""Of a case, about: so that a large committee has fewer rounds."""


@dataclass
class Scene:
    """What the members of a case are like."""

    liars: list[str]
    silent: dict[str, range]
    """Rounds in which a member says nothing."""
    hidden: dict[str, range]
    """Rounds in which a member's vertices reach nobody, until they are over."""
    halves: dict[str, bool]
    """Who is near whom."""
    is_split: bool
    """Whether members name their own half first."""
    speak: float
    lean: float
    """How often somebody who may name one of several twins names the first."""
    newest: dict[str, list[str]] = field(default_factory=dict)


def draw_case(seed: int) -> Case:
    """A DAG drawn by chance, with what the plain rule makes of it."""
    chance = random.Random(seed)
    model = chance.choice(["byzantine", "byzantine", "crash"])
    weights = draw_weights(chance, chance.choice(SIZES[model]))
    size = len(weights)
    slots = chance.choice([size, size, 1, chance.randint(1, size)])
    rule = PlainRule(model, weights, slots, chance.choice([1, 2, 3, 5, 8, 512]), {})
    rule.dag.update(draw_dag(chance, rule, draw_scene(chance, rule)))
    fates = rule.decide()
    final = tuple(FinalRound(round_, tuple(order)) for round_, order in rule.order())
    lines = tuple(f"{vertex}: {' '.join(parents)}" for vertex, parents in rule.dag.items())
    return Case(
        f"seed {seed}", "drawn by chance", model, tuple(weights), slots, rule.depth, lines, fates, final
    )


def draw_weights(chance: random.Random, size: int) -> list[int]:
    """All alike, a few steps apart, far apart, or one member that is nearly a quorum by itself."""
    kind = chance.choice(["alike", "alike", "alike", "near", "near", "far", "heavy"])
    most = {"alike": 1, "near": 5, "far": 1000, "heavy": 1}[kind]
    weights = [chance.randint(1, most) for _ in range(size)]
    if kind == "heavy":
        weights[chance.randrange(size)] = chance.randint(1, 2 * size)
    return weights


def draw_scene(chance: random.Random, rule: PlainRule) -> Scene:
    """Liars weigh at most f; those that are silent or hidden leave a quorum, if it is to go on."""
    total = sum(rule.weights)
    liars = choose(chance, rule, (total - 1) // 3, 0.7) if rule.model == "byzantine" else []
    away = choose(chance, rule, total - rule.quorum, chance.choice([0, 0.4, 0.8]))
    spans = {name: draw_span(chance) for name in away}
    hidden = {name: span for name, span in spans.items() if chance.random() < 0.5}
    return Scene(
        liars,
        {name: span for name, span in spans.items() if name not in hidden},
        hidden,
        {name: chance.random() < 0.5 for name in rule.names},
        chance.random() < 0.3,
        chance.choice([0.8, 0.95, 1.0, 1.0]),
        chance.choice([0.3, 0.5, 0.9, 1.0]),
        {name: [f"{name}0"] for name in rule.names},
    )


def choose(chance: random.Random, rule: PlainRule, weight: int, how_often: float) -> list[str]:
    """Members that weigh at most so much together, or nobody."""
    chosen = []
    for place in chance.sample(range(len(rule.names)), len(rule.names)):
        if rule.weights[place] <= weight and chance.random() < how_often:
            weight -= rule.weights[place]
            chosen.append(rule.names[place])
    return chosen


def draw_span(chance: random.Random) -> range:
    first = chance.randint(1, 6)
    return range(first, first + chance.choice([1, 2, 3, 5, 8, 100]))


def draw_dag(chance: random.Random, rule: PlainRule, scene: Scene) -> dict[str, list[str]]:
    """Rounds in which each member names a quorum or more, and late vertices now and then."""
    dag: dict[str, list[str]] = {}
    before = [f"{name}0" for name in rule.names]
    see = chance.choice([0.0, 0.3, 0.7, 0.9, 1.0])
    rounds_max = min(25, max(8, VERTICES // len(rule.names)))
    for round_ in range(1, chance.randint(4, rounds_max)):
        see = chance.choice([see, see, 0.0, 0.5, 1.0])
        spoken: list[str] = []
        for name in rule.names:
            if round_ in scene.silent.get(name, ()):
                continue
            copies = chance.choice([1, 2, 2, 3]) if name in scene.liars else 1
            for twin in range(copies if chance.random() < scene.speak else 0):
                parents = draw_parents(chance, rule, scene, name, before, see)
                if parents:
                    dag[f"{name}{round_}" + "'" * twin] = parents
                    spoken.append(f"{name}{round_}" + "'" * twin)
        for vertex in spoken:
            scene.newest[vertex[0]] = [vertex, *scene.newest[vertex[0]]][:4]
        if not rule.is_quorum(spoken):
            break
        before = spoken
    return dag


def draw_parents(chance, rule, scene, name, before, see) -> list[str]:
    """Own first; a quorum of the round before, each author once; some of the rest, and late ones."""
    round_ = round_of(before[0]) + 1
    own = [vertex for vertex in before if author_of(vertex) == name]
    newest = scene.newest[name]
    parents = [chance.choice(own or newest[: 1 + (name in scene.liars)])]
    for vertex in nearest(chance, scene, name, before):
        seen = {author_of(parent) for parent in parents}
        is_enough = rule.is_quorum([parent for parent in parents if parent in before])
        if author_of(vertex) in seen or is_hidden(scene, vertex, round_):
            continue
        if not is_enough or chance.random() < see:
            parents.append(lean(chance, scene, vertex, before))
    if not rule.is_quorum([parent for parent in parents if parent in before]):
        return []
    for author, vertices in scene.newest.items():
        late = [v for v in vertices if v not in before and round_of(v) and not is_hidden(scene, v, round_)]
        if author not in {author_of(parent) for parent in parents} and late and chance.random() < 0.4:
            parents.append(chance.choice(late))
    return parents


def nearest(chance: random.Random, scene: Scene, name: str, before: list[str]) -> list[str]:
    """In any order, or those of one's own half first."""
    mine = scene.halves[name]
    far = {v: scene.is_split and scene.halves[author_of(v)] != mine for v in before}
    return sorted(before, key=lambda v: (far[v], chance.random()))


def lean(chance: random.Random, scene: Scene, vertex: str, before: list[str]) -> str:
    """The vertex, or the first of its slot: else hardly any twin would find a quorum of votes."""
    return vertex.rstrip("'") if vertex.rstrip("'") in before and chance.random() < scene.lean else vertex


def is_hidden(scene: Scene, vertex: str, round_: int) -> bool:
    """Whether this vertex has reached nobody but its author by this round."""
    span = scene.hidden.get(author_of(vertex), range(0))
    return round_of(vertex) in span and round_ <= span[-1]
