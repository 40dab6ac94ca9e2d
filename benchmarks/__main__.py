"""`python -m benchmarks` (`make bench`): measure, print the table, draw the chart, keep the raw data."""

import argparse
import signal
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from benchmarks.alone import Fact, Sizes, tell_stories
from benchmarks.chart import draw
from benchmarks.cometbft import CometBFT
from benchmarks.etcd import TXN_OPERATIONS, Etcd
from benchmarks.limits import measure_limits
from benchmarks.machine import describe_machine
from benchmarks.peers import BUILT
from benchmarks.pysyncobj import PySyncObj
from benchmarks.report import Run, page, save
from benchmarks.rounds import run_rounds, tell
from benchmarks.system import Load, MissingError, System
from benchmarks.weft import Weft

RESULTS = Path(__file__).parent / "results"
SYSTEMS: dict[str, tuple[System, ...]] = {
    "weft": (Weft(4, "byzantine"), Weft(3, "crash")),
    "etcd": (Etcd(), Etcd(TXN_OPERATIONS)),
    "cometbft": (CometBFT(),),
    "pysyncobj": (PySyncObj(is_batched=True), PySyncObj(is_batched=False)),
}
SIZES_BYTES = (128, 1024)
RATES = (50, 500, 2000)
ALONE_RATE = 50


def main(arguments: list[str]) -> int:
    options = _parse(arguments)
    # What was started ends with the contexts that started it.
    signal.signal(signal.SIGTERM, _end)
    # Not where the system keeps what is temporary: that may be memory, where fsync costs nothing.
    options.folder.mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = str(options.folder.resolve())
    begun = time.monotonic()
    systems, versions, missing = _find(options.systems)
    loads = [Load(size, 0, options.seconds, options.in_flight) for size in options.sizes]
    loads += [Load(128, rate, options.seconds, options.in_flight) for rate in options.rates]
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as folder:
        tell("the limits of this machine")
        limits = measure_limits(Path(folder))
    measurements, failures = run_rounds(systems, loads, options.rounds)
    facts: list[Fact] = []
    if not options.peers_only:
        facts, failed = tell_stories(
            Sizes(
                options.seconds,
                options.rounds,
                (4, 7) if options.quick else (4, 7, 10),
                ALONE_RATE,
                options.in_flight,
                options.idle,
                options.away,
                options.uploads,
                2_000_000,
            )
        )
        failures += failed
    run = Run(
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "python -m benchmarks " + " ".join(arguments),
        describe_machine(options.folder),
        time.monotonic() - begun,
        versions,
        missing,
        failures,
        limits,
        measurements,
        facts,
    )
    text = page(run, systems)
    target = options.out or RESULTS / f"{datetime.now(UTC):%Y-%m-%d-%H%M}"
    save(run, text, target)
    draw(run, systems, target / "chart.png")
    sys.stdout.write(text)
    tell(f"table, chart and raw data: {target}")
    return 1 if failures else 0


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="about three minutes: one round of two seconds each"
    )
    parser.add_argument("--rounds", type=int, help="of all systems in turn (3)")
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS), metavar="SYSTEM")
    parser.add_argument("--seconds", type=float, help="of each measurement (10)")
    parser.add_argument(
        "--in-flight", type=int, default=2000, help="records under way in all, when saturated"
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES_BYTES, help="bytes of a record")
    parser.add_argument("--rates", type=int, nargs="*", default=RATES, help="records a second, steady")
    parser.add_argument("--peers-only", action="store_true", help="leave out what is told of Weft alone")
    parser.add_argument("--out", type=Path, help="the folder for table, chart and raw data")
    parser.add_argument("--folder", type=Path, default=BUILT, help="the disk for all data meanwhile")
    options = parser.parse_args(arguments)
    quick = options.quick
    options.rounds = options.rounds or (1 if quick else 3)
    options.seconds = options.seconds or (2.0 if quick else 10.0)
    options.idle = 5.0 if quick else 60.0
    options.away = 2_000 if quick else 100_000
    options.uploads = 20 if quick else 2_000
    return options


def _find(names: list[str]) -> tuple[list[System], dict[str, str], dict[str, str]]:
    """The systems that can be measured here, their versions, and what is missing for the others."""
    systems: list[System] = []
    versions: dict[str, str] = {}
    missing: dict[str, str] = {}
    for name in names:
        for system in SYSTEMS[name]:
            try:
                versions[system.name] = system.version()
                systems.append(system)
                tell(f"{system.name}: {versions[system.name]}")
            except MissingError as error:
                missing[system.name] = str(error)
                tell(f"MISSING, AND NOT MEASURED: {system.name}: {error}")
    return systems, versions, missing


def _end(*_: object) -> NoReturn:
    sys.exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
