"""What is told of a trial: a line while it runs, a page when it is over."""

import subprocess
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from tests.fire.history import Operation, digest_of
from tests.fire.nemesis import Phase
from tests.fire.trial import Result


def longest_gap_s(operations: Sequence[Operation], spans: Sequence[tuple[int, int]] = ()) -> float:
    """The longest time without an acknowledgement, in seconds; with spans, only what lies within one."""
    times = sorted(
        operation.told_us
        for operation in operations
        if operation.outcome == "ok" and operation.kind != "get" and operation.told_us is not None
    )
    longest = 0
    for before, after in pairwise(times):
        inside = [min(after, end) - max(before, begin) for begin, end in spans] or [after - before]
        longest = max(longest, *inside)
    return longest / 1e6


def survivable_spans(phases: Sequence[Phase], end_us: int) -> list[tuple[int, int]]:
    """When the fault model promises that the network goes on: outside the phases that went beyond it."""
    spans, begin = [], 0
    for phase in phases:
        if not phase.is_survivable:
            spans.append((begin, phase.struck_us))
            begin = phase.recovered_us or end_us
    return [*spans, (begin, end_us)]


def quantile_ms(operations: Sequence[Operation], is_read: bool, share: float) -> float:
    taken = sorted(
        operation.told_us - operation.invoked_us
        for operation in operations
        if operation.outcome == "ok" and (operation.kind == "get") == is_read and operation.told_us
    )
    return taken[min(int(len(taken) * share), len(taken) - 1)] / 1000 if taken else 0.0


def commit_of(root: Path) -> str:
    """The commit that was tried, and whether the tree held more."""
    done = subprocess.run(
        ["git", "describe", "--always", "--abbrev=12", "--dirty", "--exclude=*"],
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout.strip() or "unknown"


def summary(result: Result) -> list[tuple[str, str]]:
    """The facts of a trial, in the order of a page."""
    setup, operations, count = result.setup, result.operations, result.count
    outcomes = Counter((operation.kind, operation.outcome) for operation in operations)
    kinds = Counter(fault.split()[0] for phase in result.phases for fault in phase.faults)
    end_us = max((operation.told_us or 0 for operation in operations), default=0)
    spans = survivable_spans(result.phases, end_us)
    verdict = result.verdict

    def told(kind: str) -> str:
        found = [outcomes[kind, outcome] for outcome in ("ok", "fail", "unknown")]  # type: ignore[index]
        return "{:,} done, {:,} refused, {:,} unknown".format(*found)

    answers = {True: "yes", False: "NO", None: "not decided"}
    facts = [
        ("network", f"{setup.nodes} nodes, {setup.fault_model}, {result.carrier}"),
        ("seed", setup.seed),
        ("under fire", f"{setup.seconds:,.0f} s, {len(result.phases):,} phases"),
        ("faults", ", ".join(f"{kind} {times}" for kind, times in sorted(kinds.items()))),
        ("beyond the fault model", f"{sum(not phase.is_survivable for phase in result.phases)} phases"),
        ("operations", f"{len(operations):,} of {setup.clients} clients"),
        ("writes", told("put")),
        ("deletions", told("delete")),
        ("linearizable reads", told("get")),
        ("lost", f"{len(count.lost):,}" if count else "not counted"),
        ("doubled", f"{len(count.doubled):,}" if count else "not counted"),
        ("refused and there", f"{len(count.phantoms):,}" if count else "not counted"),
        (
            "unknown",
            f"{count.unknown_there:,} took effect, {count.unknown_not_there:,} did not" if count else "",
        ),
        ("linearizable", f"{answers[verdict.is_linearizable]} ({verdict.text})" if verdict else "not judged"),
        ("same head at all nodes", f"height {result.head[0]:,}, {result.head[1]}" if result.head else "NO"),
        ("weft verify", f"{result.verified} of {setup.nodes} homes verify"),
        ("write p50 / p99", _quantiles(operations, is_read=False)),
        ("read p50 / p99", _quantiles(operations, is_read=True)),
        ("longest gap", f"{longest_gap_s(operations, spans):.1f} s where the fault model promises progress"),
        ("longest gap at all", f"{longest_gap_s(operations):.1f} s"),
        ("longest recovery", f"{_recovery_s(result.phases):.1f} s until every node served again"),
        ("largest node", f"{result.memory_mib_max:.0f} MiB"),
        ("history", f"SHA-256 {digest_of(operations)}"),
    ]
    facts += [("not tried", text) for text in result.missing]
    return [(name, text) for name, text in facts if text]


def page(result: Result, date: str, command: str, commit: str, history: str) -> str:
    """The report as Markdown."""
    verdict = "**No promise was broken.**" if not result.violations else "**PROMISES WERE BROKEN.**"
    lines = [f"# Under fire, {date}", "", verdict, "", "```", command, "```", ""]
    lines += [f"At commit `{commit}`. What the lines mean: [fire.md](../fire.md).", "", "| | |", "|---|---|"]
    lines += [
        f"| {name} | {text.replace('|', '/')} |" for name, text in (*summary(result), ("kept in", history))
    ]
    if result.violations:
        lines += ["", "## What was broken", "", *(f"```\n{text}\n```" for text in result.violations)]
    return "\n".join(lines) + "\n"


def _quantiles(operations: Sequence[Operation], is_read: bool) -> str:
    return " / ".join(f"{quantile_ms(operations, is_read, share):,.0f} ms" for share in (0.5, 0.99))


def _recovery_s(phases: Sequence[Phase]) -> float:
    return (
        max((phase.recovered_us - phase.healed_us for phase in phases if phase.recovered_us), default=0) / 1e6
    )
