"""The page of errors says what the code says."""

import re
from pathlib import Path

import weft.apps.files.errors as files_errors
import weft.client.errors as client_errors
from weft.api.errors import REFUSED_STATUS, RequestError
from weft.api.problems import STATUS
from weft.model.errors import WeftError
from weft.model.failure import REFUSALS

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "errors.md"


def rows() -> list[tuple[str, str, str]]:
    """Code, status and fix of each row."""
    return re.findall(r"^\| `([a-z_.]+)` \| (\d+|–) \| .+? \| (.+?) \|$", PAGE.read_text(), re.MULTILINE)


def family(root: type[WeftError]) -> list[type[WeftError]]:
    """An error and all that descend from it."""
    return [root, *(one for child in root.__subclasses__() for one in family(child))]


def test_statuses_and_fixes_are_those_of_the_code() -> None:
    """For each class of error that has a code of its own."""
    assert files_errors.RequestError is RequestError
    assert client_errors.WeftError is WeftError
    told = {(code, fix): status for code, status, fix in rows()}
    for kind in family(WeftError):
        if not kind.__module__.startswith("weft.") or "code" not in vars(kind):
            continue
        status = str(kind.status if issubclass(kind, RequestError) else STATUS.get(kind.code, "–"))
        assert told.get((kind.code, kind.fix)) == status, kind


def test_refusals_are_told_with_their_status() -> None:
    """Each code of a contract, as it is answered."""
    told = {(code, fix): status for code, status, fix in rows()}
    for code, refusal in REFUSALS.items():
        assert told[code, refusal.fix] == str(REFUSED_STATUS.get(code, 422)), code
    assert set(REFUSED_STATUS) <= set(REFUSALS)


def test_no_row_is_left_over() -> None:
    """A code that is gone is gone from the page."""
    known = {kind.code for kind in family(WeftError)} | set(REFUSALS) | {"client.answer"}
    assert {code for code, _, _ in rows()} - known == set()
