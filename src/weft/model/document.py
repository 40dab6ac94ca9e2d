"""JSON as users send it: checked strictly, never rebuilt, so that it is kept byte for byte.

Promise: what passes here, every node shows and every reader understands in the same way. Nodes check so what
they sign for others, and clients what they sign by themselves.
"""

import json
import re
from typing import Any, NoReturn

from weft.model.errors import DocumentError

DEPTH_MAX = 64

_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")


def check_document(data: bytes, depth_around: int = 0) -> None:
    """Raise DocumentError unless `data` is one JSON text (RFC 8259): strict UTF-8, no duplicate names.

    `depth_around`: levels that stand around documents, each of which may be as deep as a document may.
    """
    depth_max = DEPTH_MAX + depth_around
    if data.count(b"[") + data.count(b"{") > depth_max:
        _check_depth(data, depth_max)
    try:
        _parser.decode(data.decode())
    except UnicodeDecodeError as error:
        raise DocumentError(f"byte {error.start} of the document is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise DocumentError(f"not JSON at character {error.pos}: {error.msg}") from None


def _check_depth(data: bytes, depth_max: int) -> None:
    depth = 0
    for bracket in _BRACKET.findall(_STRING.sub(b"", data)):
        depth += 1 if bracket in b"[{" else -1
        if depth > depth_max:
            raise DocumentError(f"the document is nested deeper than {depth_max} levels")


def _check_names(pairs: list[tuple[str, Any]]) -> None:
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        twice = next(name for place, name in enumerate(names) if name in names[:place])
        raise DocumentError(f"the name {twice[:80]!r} stands twice in one object")


def _refuse_constant(text: str) -> NoReturn:
    raise DocumentError(f"{text} is not JSON")


def _keep_number(_: str) -> None:
    """Numbers stay text, so none is too large."""


_parser = json.JSONDecoder(
    object_pairs_hook=_check_names,
    parse_constant=_refuse_constant,
    parse_int=_keep_number,
    parse_float=_keep_number,
)
