"""Random DAGs as text, as honest members and liars of weight at most f may make them."""

import random

from weft.simulation.vectors import Case, FinalRound

from .plain import PlainRule


def draw_case(seed: int) -> Case:
    """A DAG drawn by chance, with what the plain rule makes of it."""
    chance = random.Random(seed)
    model = chance.choice(["byzantine", "byzantine", "crash"])
    size = chance.choice([1, 2, 3, 4, 4, 4, 5, 6, 7, 7, 10])
    weights = [1] * size if chance.random() < 0.6 else [chance.randint(1, 5) for _ in range(size)]
    slots = chance.choice([size, size, 1, chance.randint(1, size)])
    depth = chance.choice([1, 2, 3, 5, 512])
    liars = choose_liars(chance, weights) if model == "byzantine" else []
    rule = PlainRule(model, weights, slots, depth, {})
    rule.dag.update(draw_dag(chance, rule, liars))
    fates = rule.decide()
    final = tuple(FinalRound(round_, tuple(order)) for round_, order in rule.order())
    lines = tuple(f"{vertex}: {' '.join(parents)}" for vertex, parents in rule.dag.items())
    return Case(f"seed {seed}", "drawn by chance", model, tuple(weights), slots, depth, lines, fates, final)


def choose_liars(chance: random.Random, weights: list[int]) -> list[str]:
    """Members that weigh at most f together, or nobody."""
    faulty, liars = (sum(weights) - 1) // 3, []
    for place in chance.sample(range(len(weights)), len(weights)):
        if weights[place] <= faulty and chance.random() < 0.7:
            faulty -= weights[place]
            liars.append(chr(ord("A") + place))
    return liars


def draw_dag(chance: random.Random, rule: PlainRule, liars: list[str]) -> dict[str, list[str]]:
    """Rounds in which each member names a quorum or more, and late vertices now and then."""
    dag: dict[str, list[str]] = {}
    before = [f"{name}0" for name in rule.names]
    newest: dict[str, list[str]] = {name: [f"{name}0"] for name in rule.names}
    see, speak = chance.choice([0.0, 0.3, 0.7, 1.0]), chance.choice([0.8, 1.0])
    for round_ in range(1, chance.randint(3, 13)):
        spoken: list[str] = []
        for name in rule.names:
            copies = chance.choice([1, 2, 2, 3]) if name in liars else 1
            for twin in range(copies if chance.random() < speak else 0):
                parents = draw_parents(chance, rule, name, before, newest, see)
                if parents:
                    dag[f"{name}{round_}" + "'" * twin] = parents
                    spoken.append(f"{name}{round_}" + "'" * twin)
        for vertex in spoken:
            newest[vertex[0]] = [vertex, *newest[vertex[0]]][:3]
        if not rule.is_quorum(spoken):
            break
        before = spoken
    return dag


def draw_parents(chance, rule, name, before, newest, see) -> list[str]:
    """Own first; a quorum of the round before, each author once; some of the rest, and late ones."""
    own = [vertex for vertex in before if vertex[0] == name]
    parents = [chance.choice(own) if own else chance.choice(newest[name][:1])]
    for vertex in chance.sample(before, len(before)):
        seen = {parent[0] for parent in parents}
        is_enough = rule.is_quorum([parent for parent in parents if parent in before])
        if vertex[0] not in seen and (not is_enough or chance.random() < see):
            parents.append(vertex)
    if not rule.is_quorum([parent for parent in parents if parent in before]):
        return []
    for author, vertices in newest.items():
        late = [vertex for vertex in vertices if vertex not in before and not vertex.endswith("0")]
        if author not in {parent[0] for parent in parents} and late and chance.random() < 0.3:
            parents.append(chance.choice(late))
    return parents
