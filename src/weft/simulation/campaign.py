"""Many seeds over several processes, with a record that adds up.

The record is lines of JSON, one for each piece of a range. A piece that stands in the record is not run
again, so whoever stops in the middle goes on there.
"""

import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import msgspec

from weft.model.errors import SimulationError
from weft.simulation.run import simulate
from weft.simulation.scenario import Given

PIECE = 100
"""Seeds in one line of the record."""


class Found(msgspec.Struct, frozen=True):
    """A seed that broke a promise."""

    seed: int
    promise: str
    text: str


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """Consecutive seeds that were run."""

    first: int
    last: int
    given: str
    """What was not drawn, as the command line says it."""
    safety: int
    liveness: int
    byzantine: int
    """Runs with liars."""
    nodes: dict[str, int]
    """Runs by the size of the committee."""
    rounds: int
    seconds: float
    """Of one processor."""
    date: str
    commit: str
    violations: list[Found]

    @property
    def seeds(self) -> int:
        return self.last - self.first + 1


def run_piece(first: int, last: int, given: Given) -> Piece:
    """Run seeds `first` to `last`."""
    modes: Counter[str] = Counter()
    nodes: Counter[str] = Counter()
    rounds = byzantine = 0
    violations: list[Found] = []
    began = time.process_time()
    for seed in range(first, last + 1):
        result = simulate(seed, given)
        modes[result.scenario.mode] += 1
        nodes[str(len(result.scenario.signers))] += 1
        byzantine += bool(result.scenario.liars)
        rounds += result.rounds
        if result.violation is not None:
            violations.append(Found(seed, result.violation.promise, result.violation.text))
    return Piece(
        first=first,
        last=last,
        given=str(given),
        safety=modes["safety"],
        liveness=modes["liveness"],
        byzantine=byzantine,
        nodes=dict(sorted(nodes.items())),
        rounds=rounds,
        seconds=round(time.process_time() - began, 1),
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        commit=_commit(),
        violations=violations,
    )


def run_range(
    first: int,
    last: int,
    given: Given,
    processes: int,
    record: Path | None,
    progress: Callable[[Piece], None],
    piece: int = PIECE,
) -> list[Piece]:
    """Run what the record does not have of a range; gives all of it. `progress` hears of each piece."""
    kept = [one for one in load_record(record) if one.given == str(given)] if record else []
    known = {seed for one in kept for seed in range(one.first, one.last + 1)}
    done = [one for one in kept if first <= one.first and one.last <= last]
    for one in done:
        progress(one)
    wanted = (seed for seed in range(first, last + 1) if seed not in known)
    todo = [(cut[0], cut[-1], given) for cut in _cut(wanted, piece)]
    with get_context("spawn").Pool(min(processes, max(1, len(todo)))) as pool:
        for one in pool.imap_unordered(_run, todo):
            if record is not None:
                _append(record, one)
            done.append(one)
            progress(one)
    return sorted(done, key=lambda one: one.first)


def load_record(path: Path) -> list[Piece]:
    """The pieces of a record; none if there is no file. Raises SimulationError."""
    if not path.exists():
        return []
    try:
        return [msgspec.json.decode(line, type=Piece) for line in path.read_bytes().splitlines()]
    except msgspec.MsgspecError as error:
        raise SimulationError(f"{path} is not a record of seeds: {error}") from None


def add_up(pieces: Sequence[Piece]) -> dict[str, object]:
    """All pieces together, for people."""
    nodes: Counter[str] = Counter()
    for piece in pieces:
        nodes.update(piece.nodes)
    return {
        "seeds": sum(piece.seeds for piece in pieces),
        "safety": sum(piece.safety for piece in pieces),
        "liveness": sum(piece.liveness for piece in pieces),
        "with liars": sum(piece.byzantine for piece in pieces),
        **{f"of {size} members": nodes[size] for size in sorted(nodes, key=int)},
        "rounds": sum(piece.rounds for piece in pieces),
        "processor hours": round(sum(piece.seconds for piece in pieces) / 3600, 2),
        "from": min((piece.date for piece in pieces), default=None),
        "to": max((piece.date for piece in pieces), default=None),
        "commits": sorted({piece.commit for piece in pieces}),
        "violations": sum(len(piece.violations) for piece in pieces),
        "broken seeds": [found.seed for piece in pieces for found in piece.violations],
    }


def _append(path: Path, piece: Piece) -> None:
    with path.open("ab") as file:
        file.write(msgspec.json.encode(piece) + b"\n")


def _run(todo: tuple[int, int, Given]) -> Piece:
    return run_piece(*todo)


def _cut(seeds: Iterator[int], length: int) -> Iterator[Sequence[int]]:
    """Runs of consecutive seeds, none longer than a piece, none across a multiple of its length."""
    piece: list[int] = []
    for seed in seeds:
        if piece and (seed != piece[-1] + 1 or seed % length == 0):
            yield piece
            piece = []
        piece.append(seed)
    if piece:
        yield piece


def _commit() -> str:
    """Of the source that was run, if it is a checkout."""
    folder = Path(__file__).parent
    try:
        found = subprocess.run(
            ("git", "-C", str(folder), "rev-parse", "--short=12", "HEAD"), capture_output=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return found.stdout.decode().strip()
