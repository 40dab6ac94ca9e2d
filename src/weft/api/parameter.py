"""Parameters of requests: each is declared once, and both read and described from that declaration."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from starlette.requests import Request

from weft.api.errors import RequestError
from weft.api.service import Wait

T = TypeVar("T")
Where = Literal["path", "query", "header"]

_WHOLE = re.compile(r"0|[1-9][0-9]{0,18}")
HEIGHT_MAX = 2**63 - 1
TIMEOUT_MS = 30_000
TIMEOUT_MS_MAX = 600_000


@dataclass(frozen=True, slots=True)
class Parameter(Generic[T]):
    """A named value of a request. `parse` raises ValueError with half a sentence: "must be …"."""

    name: str
    where: Where
    description: str
    schema: dict[str, Any]
    parse: Callable[[str], T]
    default: T

    def of(self, request: Request) -> T:
        """This request's value; raises RequestError."""
        if self.where == "path":
            return self.read(request.path_params[self.name])
        if self.where == "header":
            texts = request.headers.getlist(self.name)
        elif request.scope["query_string"]:
            texts = request.query_params.getlist(self.name)
        else:
            return self.default
        if len(texts) > 1:
            raise RequestError(f"{self.name} is given {len(texts)} times; it may be given once")
        return self.read(texts[0]) if texts else self.default

    def read(self, text: str) -> T:
        """The value that `text` stands for; raises RequestError."""
        try:
            return self.parse(text)
        except ValueError as error:
            raise RequestError(f"{self.name} {error}, not {_shorten(text)!r}") from None

    def describe(self) -> dict[str, Any]:
        """The parameter object of OpenAPI."""
        return {
            "name": self.name,
            "in": self.where,
            "required": self.where == "path",
            "description": self.description,
            "schema": self.schema,
        }


def whole(low: int, high: int) -> Callable[[str], int]:
    """A parser of whole numbers from `low` to `high` in plain decimal digits."""

    def parse(text: str) -> int:
        if _WHOLE.fullmatch(text) is None or not low <= int(text) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(text)

    return parse


def one_of(*words: Any) -> Callable[[str], Any]:
    """A parser of a fixed set of words."""

    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return text

    return parse


def matching(pattern: str, rule: str) -> Callable[[str], str]:
    """A parser of text that matches `pattern` whole; `rule` says it in words."""
    compiled = re.compile(pattern)

    def parse(text: str) -> str:
        if compiled.fullmatch(text) is None:
            raise ValueError(rule)
        return text

    return parse


def number(low: int, high: int) -> dict[str, Any]:
    """The schema that goes with `whole`."""
    return {"type": "integer", "format": "int64", "minimum": low, "maximum": high}


def _parse_version(text: str) -> int:
    bare = text[1:-1] if len(text) > 2 and text[0] == text[-1] == '"' else text
    try:
        return whole(1, HEIGHT_MAX)(bare)
    except ValueError:
        raise ValueError("must be one version number, bare or in quotes") from None


def _shorten(text: str) -> str:
    return text if len(text) <= 80 else text[:80] + "…"


LIMIT = Parameter("limit", "query", "Items on a page.", number(1, 1000) | {"default": 50}, whole(1, 1000), 50)
CURSOR: Parameter[str | None] = Parameter(
    "cursor",
    "query",
    "`next_cursor` of the page before.",
    {"type": "string", "minLength": 1, "maxLength": 2048, "pattern": "^[A-Za-z0-9_-]+$"},
    str,
    None,
)
MIN_HEIGHT: Parameter[int | None] = Parameter(
    "min_height",
    "query",
    "Answer only once this node has executed this height; at most 10 s, then 503.",
    number(0, HEIGHT_MAX),
    whole(0, HEIGHT_MAX),
    None,
)
CONSISTENCY: Parameter[str] = Parameter(
    "consistency",
    "query",
    "`linearizable`: what was acknowledged anywhere before this request is seen.",
    {"type": "string", "enum": ["local", "linearizable"], "default": "local"},
    one_of("local", "linearizable"),
    "local",
)
WAIT: Parameter[Wait] = Parameter(
    "wait",
    "query",
    "How far the write must have come when the answer is given: accepted here (202), executed and durable "
    "on this node, or vouched for by a quorum.",
    {"type": "string", "enum": ["none", "executed", "certified"], "default": "executed"},
    one_of("none", "executed", "certified"),
    "executed",
)
TIMEOUT = Parameter(
    "timeout_ms",
    "query",
    "How long to wait for that; then 504 with the transaction's id.",
    number(1, TIMEOUT_MS_MAX) | {"default": TIMEOUT_MS},
    whole(1, TIMEOUT_MS_MAX),
    TIMEOUT_MS,
)
IDEMPOTENCY_KEY: Parameter[str | None] = Parameter(
    "Idempotency-Key",
    "header",
    "Random; the same key with the same request gives the first one's answer, from any node, for 24 hours.",
    {"type": "string", "minLength": 16, "maxLength": 128, "pattern": "^[!-~]+$"},
    matching(r"[!-~]{16,128}", "must be 16 to 128 printable characters without spaces"),
    None,
)
IF_MATCH: Parameter[int | None] = Parameter(
    "If-Match",
    "header",
    "Write only if this is the newest version; else 412 with the version that is there.",
    {"type": "string", "pattern": '^("[1-9][0-9]{0,18}"|[1-9][0-9]{0,18})$'},
    _parse_version,
    None,
)
IF_NONE_MATCH: Parameter[int | None] = Parameter(
    "If-None-Match",
    "header",
    "`*`: write only if there is nothing yet; else 412 with the version that is there.",
    {"type": "string", "enum": ["*"]},
    lambda text: 0 if one_of("*")(text) else None,
    None,
)
READ = (MIN_HEIGHT, CONSISTENCY)
WRITE = (WAIT, TIMEOUT, IDEMPOTENCY_KEY)
CONDITIONAL = (IF_MATCH, IF_NONE_MATCH)
