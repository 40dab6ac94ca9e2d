"""What people see of an upload: a bar while it goes on, a row a file, a summary."""

import contextlib
import os
import signal
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryFile
from types import FrameType
from typing import TYPE_CHECKING, Any

import msgspec

from weft.cli.terminal import is_watched, show_json_line, show_line, show_row, show_widths, tell

if TYPE_CHECKING:
    from rich.progress import TaskID

    from weft.client import Client, Options, Tally, Uploaded

COLUMNS = ("state", "size", "id", "media_type", "path", "reason")
ROWS_SHOWN_MAX = 200
"""Of more files a person at a terminal sees only those that were not stored."""
WINDOW_S = 15.0
INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
UNTOLD = ("refused", "skipped")
WHY = ("code", "reason")
"""Only there when something is wrong."""


class Rows:
    """What became of each file, on disk until it is shown: there may be many."""

    def __init__(self) -> None:
        self._spool = TemporaryFile("w+b")  # noqa: SIM115 -- closed with the object
        self.count = 0
        self._widths = {name: len(name) for name in COLUMNS}

    def add(self, row: Mapping[str, Any]) -> None:
        self._spool.write(msgspec.json.encode(row) + b"\n")
        self.count += 1
        show_widths(row, self._widths)

    def show(self) -> None:
        """As a table."""
        only = UNTOLD if self.count > ROWS_SHOWN_MAX and is_watched() else None
        rows = [row for row in self._read() if row["state"] in only] if only else self._read()
        show_row({name: name.replace("_", " ") for name in COLUMNS}, self._widths)
        for row in rows:
            show_row(row, self._widths)

    def show_json(self) -> None:
        """As one array."""
        before = "[\n"
        for row in self._read():
            show_line(f"{before}{msgspec.json.encode(row).decode()}".rstrip("\n"))
            before = ","
        show_line("]" if self.count else "[]")

    def _read(self) -> Iterator[dict[str, Any]]:
        self._spool.seek(0)
        for line in self._spool:
            yield msgspec.json.decode(line)


def upload(client: "Client", paths: Sequence[Path], options: "Options", as_json: bool = False) -> "Tally":
    """Upload, and show what became of each file; also when it is interrupted, which is raised again."""
    from weft.client import Tally

    tally, rows, begun_s = Tally(), Rows(), time.monotonic()
    try:
        with watching(tally):
            for one in client.files.put_many(paths, options, tally=tally):
                if not options.watch:
                    rows.add(show_uploaded(one))
                elif as_json:
                    show_json_line(show_uploaded(one))
                else:
                    show_line(f"{one.state}  {printable(one.path)}  {one.id or one.reason or ''}".rstrip())
    finally:
        if not options.watch and as_json:
            rows.show_json()
        elif rows.count:
            rows.show()
        tell(summarize(tally, time.monotonic() - begun_s))
    return tally


def show_uploaded(one: "Uploaded") -> dict[str, Any]:
    """A row; paths that are no UTF-8 are shown with escapes."""
    row = {name: value for name, value in asdict(one).items() if value is not None or name not in WHY}
    row["path"] = printable(one.path)
    if one.reason is not None:
        row["reason"] = printable(one.reason)
    return row


def printable(text: object) -> str:
    """What can be written as UTF-8 on one line."""
    encodable = str(text).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in encodable)


def summarize(tally: "Tally", seconds: float) -> str:
    """A sentence for the end."""
    parts = [f"{count:,} {state}" for state, count in sorted(tally.states.items())]
    if tally.hidden:
        parts.append(f"{tally.hidden:,} hidden left out")
    sent = f"{amount(tally.sent_bytes)} sent in {seconds:.0f} s"
    if tally.sent_bytes:
        sent += f", {amount(tally.sent_bytes / max(seconds, 0.001))}/s"
    return f"{', '.join(parts) or 'no files'}; {sent}"


def amount(size: float) -> str:
    """Bytes as people read them."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Whoever asks the process to end takes the way of Ctrl-C, also where a shell has that ignored."""
    before = {kind: signal.signal(kind, _interrupt) for kind in INTERRUPTS}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Once; who insists ends the process at once. What was remembered by then stands on the disk."""
    for kind in INTERRUPTS:
        signal.signal(kind, _leave)
    raise KeyboardInterrupt


def _leave(number: int, frame: FrameType | None) -> None:
    os._exit(1)


@contextlib.contextmanager
def watching(tally: "Tally") -> Iterator[None]:
    """A bar on stderr when that is a terminal."""
    if not is_watched():
        yield
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    pace = Pace(tally)

    class Bar(Progress):
        """Looks at the tally whenever it is drawn."""

        def get_renderables(self) -> Any:
            for task in self.tasks:
                self._look(task.id)
            return super().get_renderables()

        def _look(self, task: "TaskID") -> None:
            total = max(tally.found_bytes, tally.done_bytes)
            self.update(task, completed=tally.done_bytes, total=total or 1, text=pace.text())

    columns = (BarColumn(24), TextColumn("{task.percentage:>3.0f} %"), TextColumn("{task.fields[text]}"))
    with Bar(*columns, console=Console(stderr=True), refresh_per_second=4) as bar:
        bar.add_task("", total=None, text="")
        yield


class Pace:
    """How fast a tally moves, and in what words that is said."""

    def __init__(self, tally: "Tally") -> None:
        self._tally = tally
        self._seen: deque[tuple[float, int, int]] = deque()

    def text(self) -> str:
        """Files, bytes, rate, time left, what was not sent."""
        tally, now_s = self._tally, time.monotonic()
        self._seen.append((now_s, tally.sent_bytes, tally.done_bytes))
        while self._seen[0][0] < now_s - WINDOW_S:
            self._seen.popleft()
        then_s, sent, done = self._seen[0]
        seconds = max(now_s - then_s, 0.001)
        rate = (tally.sent_bytes - sent) / seconds
        # What need not be sent goes by at once, and says nothing about the rest.
        speed = rate or (tally.done_bytes - done) / seconds
        more = "" if tally.is_counted else "+"
        parts = [
            f"{tally.done_files:,}/{tally.found_files:,}{more} files",
            f"{amount(tally.done_bytes)}/{amount(tally.found_bytes)}{more}",
            f"{amount(rate)}/s",
        ]
        if tally.is_counted and speed > 0:
            left_s = int(max(tally.found_bytes - tally.done_bytes, 0) / speed)
            parts.append(f"{left_s // 3600}:{left_s // 60 % 60:02}:{left_s % 60:02} left")
        parts += [f"{n:,} {state}" for state, n in sorted(tally.states.items()) if state != "stored"]
        if tally.waits_for:
            parts.append(f"waiting: {tally.waits_for}")
        # Brackets would be read as markup.
        return " · ".join(parts).replace("[", "\\[")
