"""What a person or a program sees: facts on stdout, everything else on stderr."""

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from weft.model.errors import WeftError


def tell(text: str) -> None:
    """A line about what is going on."""
    sys.stderr.write(text + "\n")


def tell_error(error: WeftError) -> None:
    """One sentence, the stable code, what to do."""
    tell(f"error: {error} [{error.code}]\n  fix: {error.fix}")


def show_line(text: str) -> None:
    """One fact as a line."""
    sys.stdout.write(text + "\n")


def show_json(value: object) -> None:
    """Facts for programs."""
    show_line(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def show_json_line(value: object) -> None:
    """One of many facts for programs: JSON on a line of its own."""
    show_line(msgspec.json.encode(value).decode())


def show_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """A table that is the same in a pipe as on a screen: nothing is cut off."""
    cells = [[column.replace("_", " ") for column in columns]]
    cells += [[_text(row.get(column)) for column in columns] for row in rows]
    widths = [max(len(line[place]) for line in cells) for place in range(len(columns))]
    for line in cells:
        show_line("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def show_widths(row: Mapping[str, Any], widths: dict[str, int]) -> None:
    """Widen columns to hold a row more, for `show_row`."""
    for name in widths:
        widths[name] = max(widths[name], len(_text(row.get(name))))


def show_row(row: Mapping[str, Any], widths: Mapping[str, int]) -> None:
    """One row of a table whose rows are too many to be held."""
    show_line("  ".join(_text(row.get(name)).ljust(width) for name, width in widths.items()).rstrip())


def is_watched() -> bool:
    """Whether somebody sees stderr."""
    return sys.stderr.isatty()


def show_fields(fields: Mapping[str, Any]) -> None:
    """Names and values, one a line."""
    width = max(map(len, fields), default=0)
    for name, value in fields.items():
        show_line(f"{name.replace('_', ' ').ljust(width)}  {_text(value)}")


def show_facts(facts: Mapping[str, Any], as_json: bool) -> None:
    """One thing: as JSON, or its names and values."""
    if as_json:
        show_json(facts)
    else:
        show_fields(facts)


@contextlib.contextmanager
def progress(label: str, total: int | None, *, is_bytes: bool = False) -> Iterator[Callable[[int], None]]:
    """A bar on stderr when that is a terminal, else nothing; call what it gives with each step's size."""
    if not is_watched():
        yield lambda step: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn

    count = DownloadColumn() if is_bytes else MofNCompleteColumn()
    bar = Progress(TextColumn("{task.description}"), BarColumn(), count, console=Console(stderr=True))
    with bar:
        task = bar.add_task(label, total=total)
        yield lambda step: bar.advance(task, step)


@contextlib.contextmanager
def bars() -> Iterator[Callable[[str, int, int], None]]:
    """Several bars on stderr when that is a terminal: call what it gives with part, done and total."""
    if not is_watched():
        yield lambda part, done, total: None
        return
    from rich.console import Console
    from rich.progress import Progress, TaskID

    tasks: dict[str, TaskID] = {}
    with Progress(console=Console(stderr=True)) as shown:

        def advance(part: str, done: int, total: int) -> None:
            if part not in tasks:
                tasks[part] = shown.add_task(part)
            shown.update(tasks[part], completed=done, total=total)

        yield advance


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(_text(item) for item in value)
    if isinstance(value, dict):
        return msgspec.json.encode(value).decode()
    return str(value)
