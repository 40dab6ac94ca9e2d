"""How a node's process ended, in words for who started it: by its exit code, and by what its log says of it.

Promise: a log line is shown only when it states an error of the run that ended; else the code speaks alone.
"""

import json
import re
import signal
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from weft.model.errors import LaunchError
from weft.model.limits import KIB

LOG_TAIL_BYTES = 64 * KIB
REASON_MAX = 500
_TOLD = re.compile(r"error: (?P<reason>.+) \[(?P<code>[a-z_]+\.[a-z_]+)\]")
_FIX = "  fix: "


class Ending(NamedTuple):
    """What became of a process."""

    text: str
    """What follows its name: `was stopped`, `was killed by SIGKILL`, `ended with code 1: why [code]`."""
    fix: str | None
    """What is to be done about it: as the node said, if it did."""
    was_asked: bool
    """Whether somebody asked it to end."""


def describe_ending(code: int, log: Path, begin: int) -> Ending:
    """`code`: the exit code, negative for a signal's number. `begin`: bytes of the log before this run."""
    if code < 0:
        return Ending(f"was killed by {signal.Signals(-code).name}", None, code == -signal.SIGTERM)
    if code == 0:
        return Ending("was stopped", None, True)
    reason, fix = _find_error(_read_end(log, begin))
    text = f"ended with code {code}{': ' if reason else ''}{reason[:REASON_MAX]}"
    return Ending(text, fix or LaunchError.fix, False)


def _read_end(log: Path, begin: int) -> list[str]:
    with suppress(OSError), log.open("rb") as file:
        file.seek(max(begin, log.stat().st_size - LOG_TAIL_BYTES))
        return [line for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    return []


def _find_error(lines: list[str]) -> tuple[str, str | None]:
    """The last error that the lines state, as a reason with its code, and its fix; empty if there is none."""
    for place in reversed(range(len(lines))):
        told = _TOLD.fullmatch(lines[place])
        if told:
            after = lines[place + 1] if place + 1 < len(lines) else ""
            return f"{told['reason']} [{told['code']}]", after.removeprefix(_FIX) or None
        found = _read_event(lines[place])
        if found:
            return found
    # Neither a line of ours nor one for machines: the last line of a traceback, or a line for people.
    is_error = any(line.startswith("Traceback ") or "[error" in line for line in lines)
    return (lines[-1] if is_error else ""), None


def _read_event(line: str) -> tuple[str, str | None] | None:
    try:
        fields = json.loads(line)
    except ValueError:
        return None
    if not isinstance(fields, dict) or fields.get("level") not in ("error", "critical"):
        return None
    exception = str(fields.get("exception", "")).strip().rpartition("\n")[2]
    reason = str(fields.get("reason") or exception or fields.get("event"))
    return f"{reason} [{fields['code']}]" if "code" in fields else reason, fields.get("fix")
