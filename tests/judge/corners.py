"""Which corners of the rule a drawn case reaches, so that what was drawn can be counted."""

from weft.simulation.vectors import Case

from .plain import author_of, round_of

LONG = 5
"""Rounds that a member must miss in a row to have been away for long."""


def corners_of(case: Case) -> list[str]:
    """What this case has in it."""
    size = len(case.weights)
    dag = {line.split(":")[0]: line.split(":")[1].split() for line in case.dag}
    return [
        f"{case.model}, {size} validators",
        "weights differ" if len(set(case.weights)) > 1 else "weights alike",
        "every member has a slot" if case.slots_per_round == size else "fewer slots than members",
        *sorted({" ".join(fate.split()[:2]) for fate in case.slots.values()}),
        *_twins(case, dag),
        *_late(case, dag),
        *_order(case, dag),
    ]


def _twins(case: Case, dag: dict[str, list[str]]) -> list[str]:
    twins = {(author_of(v), round_of(v)) for v in dag if v.endswith("'")}
    named = [parent for parents in dag.values() for parent in parents]
    split = {slot for slot in twins if len({v for v in named if (author_of(v), round_of(v)) == slot}) > 1}
    how = {" ".join(case.slots[f"{a}{r}"].split()[:2]) for a, r in twins if f"{a}{r}" in case.slots}
    found = ["twins"] if twins else []
    found += ["twins of several authors"] if len({author for author, _ in twins}) > 1 else []
    found += ["twins named by different vertices"] if split else []
    return found + [f"a slot with twins: {fate}" for fate in sorted(how)]


def _late(case: Case, dag: dict[str, list[str]]) -> list[str]:
    behind = [round_of(v) - round_of(p) for v, parents in dag.items() for p in parents[1:] if round_of(p)]
    away = [round_of(v) - round_of(parents[0]) for v, parents in dag.items()]
    rounds = {name: {round_of(v) for v in dag if author_of(v) == name} for name in map(author_of, dag)}
    last = max(map(round_of, dag), default=0)
    found = ["a late parent"] if any(gap > 1 for gap in behind) else []
    found += [f"a parent {LONG} rounds late"] if any(gap >= LONG for gap in behind) else []
    found += [f"silent for {LONG} rounds, then back"] if any(gap > LONG for gap in away) else []
    silent = [name for name, spoken in rounds.items() if last - max(spoken) >= LONG]
    return found + ([f"silent for the last {LONG} rounds"] if silent else [])


def _order(case: Case, dag: dict[str, list[str]]) -> list[str]:
    ordered = {v: final.round for final in case.final for v in final.order}
    reached = {parent for vertex in ordered for parent in dag[vertex] if round_of(parent)}
    found = ["something final"] if case.final else []
    found += ["a final round that orders nothing"] if any(not final.order for final in case.final) else []
    found += ["ordered in a later round"] if any(round_of(v) < r for v, r in ordered.items()) else []
    return found + (["cut by the floor"] if reached - ordered.keys() else [])
