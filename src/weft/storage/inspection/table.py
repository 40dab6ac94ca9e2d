"""Looking at every row of an LMDB file for itself."""

from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack
from pathlib import Path

from lmdb.verify import VerifyError, verify

from weft.model.errors import StoreError
from weft.model.stored import Finding
from weft.storage.rows import Reading, Rows
from weft.storage.tables import Tables

Progress = Callable[[str, int, int], None]
"""Told what is being looked at, how much of it is done, and how much there is."""

TICK = 1000
"""How many steps go by between two words of progress."""


def show_number(key: bytes) -> str:
    return str(int.from_bytes(key, "big"))


def show_text(key: bytes) -> str:
    """A key that people chose, as they may know it."""
    return ascii(key.decode(errors="backslashreplace"))


def check_tables(
    part: str,
    folder: Path,
    names: Mapping[str, Callable[[bytes], str]],
    opened: ExitStack,
    progress: Progress,
    kind: type[Rows] | type[Tables] = Rows,
) -> Generator[Finding, None, Reading | None]:
    """All that is wrong in a file of tables; `names` says of each table how to tell one of its keys.

    If nothing is wrong, a view of the file, which lasts until `opened` is closed.
    """
    try:
        problems = verify(str(folder))  # type: ignore[no-untyped-call]
    except (VerifyError, OSError) as error:
        problems = [str(error)]
    yield from (
        Finding(f"{folder / 'data.mdb'}", f"the structure is damaged, {problem}") for problem in problems
    )
    if problems:
        return None
    try:
        rows = kind(folder, tuple(names), is_reader=True)
    except StoreError as error:
        yield Finding(str(folder), str(error))
        return None
    opened.callback(rows.close)
    unknowns, is_sound = rows.names() - set(names), True
    view = opened.enter_context(rows.read())
    for unknown in sorted(unknowns):
        is_sound = False
        yield Finding(f"{folder}, table {unknown}", "a table that does not belong there")
    total, done = sum(view.count(name) for name in names), 0
    for name, show in names.items():
        for key in view.damaged(name):
            if done % TICK == 0:
                progress(part, done, total)
            done += 1
            if key is not None:
                is_sound = False
                yield Finding(
                    f"{folder}, table {name}, {show(key)}", "the row is not what its checksum covers"
                )
    progress(part, total, total)
    return view if is_sound else None
