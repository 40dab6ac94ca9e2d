"""What goes back after a file was written, whichever way its content came."""

from typing import Any

from starlette.responses import Response

from weft.api.face import Answer, Parameter, accept, check_executed
from weft.apps.files.resource import show_file
from weft.apps.files.wish import Written
from weft.model.said import clean_name
from weft.model.view import Fate

NAME = Parameter(
    "name",
    "query",
    "A file name; helps to tell kinds of text apart.",
    {"type": "string"},
    clean_name,
    "unnamed",
)


def present(written: Written, status: int, wait: Any) -> Response:
    """The file after the write, with 200 if there was nothing to write; 202 while it waits."""
    file, fate = written.file, written.fate
    if fate is not None and not check_executed(fate, wait):
        return accept_fate(fate)
    assert file is not None, "what was executed is a file"
    shown = show_file(file, fate)
    return Answer(
        shown, 200 if fate is None else status, height=fate.height if fate else None, version=file.version
    )


def accept_fate(fate: Fate) -> Response:
    """It is accepted here, and not executed yet."""
    return Answer(accept(fate), 202)
