"""Fuzz for a while: `python -m tests.fuzz TARGET|all --seconds 60`; 1 if anything was found.

What one run learned is kept in `build/corpus` for the next; an input that fails is kept in `found/`, where
the suite tries it again.
"""

import argparse
import re
import subprocess
import sys
from contextlib import suppress
from hashlib import sha1
from pathlib import Path
from typing import TextIO

from tests.fuzz.target import CPU_S, Target
from tests.fuzz.targets import FOUND, TARGETS

ROOT = Path(__file__).parents[2]
CORPUS = ROOT / "build" / "corpus"
MEMORY_MIB = 2048
END_S = 120
"""For the start and the end of a fuzzer beside its own time."""


def main(out: TextIO) -> int:
    """A line a target, and the failures."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=["all", *TARGETS])
    parser.add_argument("--seconds", type=int, default=60, help="of each target")
    given = parser.parse_args()
    chosen = list(TARGETS.values()) if given.target == "all" else [TARGETS[given.target]]
    found = 0
    for target in chosen:
        before = set((FOUND / target.name).glob("*"))
        log = fuzz(target, given.seconds)
        new = sorted(set((FOUND / target.name).glob("*")) - before)
        found += len(new)
        print(f"{target.name:12} {summarise(log)} found {len(new)}", file=out, flush=True)
        for path in new:
            print(f"  {path.relative_to(ROOT)}\n{failure(log)}", file=out, flush=True)
    return 1 if found else 0


def fuzz(target: Target, seconds: int) -> str:
    """Run one target; what the fuzzer said."""
    corpus, artifacts = CORPUS / target.name, FOUND / target.name
    corpus.mkdir(parents=True, exist_ok=True)
    artifacts.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds():
        (corpus / sha1(seed).hexdigest()).write_bytes(seed)
    command = [
        *(sys.executable, "-m", "tests.fuzz.engine", target.name, str(corpus)),
        *(f"-max_total_time={seconds}", f"-timeout={CPU_S}", f"-rss_limit_mb={MEMORY_MIB}"),
        *(f"-max_len={target.size_max}", f"-artifact_prefix={artifacts}/", "-print_final_stats=1"),
    ]
    log = CORPUS / f"{target.name}.log"
    # Where threads are left, the fuzzer's last breath waits for them for ever; all is said by then.
    with log.open("wb") as out, suppress(subprocess.TimeoutExpired):
        subprocess.run(command, cwd=ROOT, stdout=out, stderr=out, check=False, timeout=seconds + END_S)
    if not any(artifacts.iterdir()):
        artifacts.rmdir()
    return log.read_text(encoding="utf-8", errors="replace")


def summarise(log: str) -> str:
    """Executions, coverage and the corpus, of what the fuzzer said."""
    executed = re.findall(r"^(?:stat::number_of_executed_units:\s*|#)(\d+)", log, re.MULTILINE)
    covered = re.findall(r"cov: (\d+)", log)
    if not executed:
        return "did not run:\n" + log[-2000:]
    return f"{executed[-1]:>10} executions, {covered[-1] if covered else 0:>5} places,"


def failure(log: str) -> str:
    """The traceback of what was found."""
    _, _, trace = log.partition("=== Uncaught Python exception: ===")
    return "\n".join(trace.splitlines()[:60]) if trace else "\n".join(log.splitlines()[-40:])


if __name__ == "__main__":
    sys.exit(main(sys.stdout))
