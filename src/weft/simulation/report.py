"""What people read of a run."""

from weft.simulation.run import Result
from weft.simulation.scenario import Given, Scenario


def format_result(result: Result, given: Given) -> str:
    """One run in words; all that is needed to look into it, if a promise was broken."""
    scenario, violation = result.scenario, result.violation
    head = (
        f"seed {scenario.seed}: {describe(scenario)}\n"
        f"{result.rounds} rounds, {result.blocks} blocks, {result.calls} calls of clients, "
        f"{result.seconds:.1f} s of its own time\n"
        f"{', '.join(f'{count} {what}' for what, count in result.counts.items())}\n"
        f"trace {result.digest}"
    )
    if violation is None:
        return f"{head}\nno promise was broken"
    lines = "\n".join(result.lines)
    return (
        f"{lines}\n\n{result.drawing}\n\n{head}\n"
        f"BROKEN: {violation.promise}\n{violation.text}\n"
        f"again: {command(scenario.seed, given)}"
    )


def describe(scenario: Scenario) -> str:
    """Who takes part and what happens to them."""
    genesis = scenario.genesis
    weights = [member.weight for member in genesis.members]
    parts = [scenario.mode, f"{len(weights)} members", genesis.fault_model]
    parts += [f"weights {weights}"] if len(set(weights)) > 1 else []
    parts += [
        f"member {place} lies ({', '.join(kind.__name__ for kind in kinds)})"
        for place, kinds in scenario.liars.items()
    ]
    parts.append(f"faults: {', '.join(scenario.faults) or 'none'}")
    parts += ["real signatures"] if scenario.is_real else []
    return "; ".join(parts)


def command(seed: int, given: Given) -> str:
    """What to type to run a seed again."""
    faults = None if given.faults is None else ",".join(given.faults) or "none"
    options = {
        "--nodes": given.nodes,
        "--fault-model": given.fault_model,
        "--byzantine": given.byzantine,
        "--faults": faults,
        "--rounds": given.rounds,
        "--mode": given.mode,
    }
    return f"weft simulate --seed {seed}" + "".join(
        f" {name} {value}" for name, value in options.items() if value is not None
    )
