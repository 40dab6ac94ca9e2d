"""The parameters of a search, as they stand in a URL, and the query that they make."""

from collections.abc import Callable
from types import GenericAlias
from typing import Annotated, Any, TypeVar

from msgspec import Meta
from starlette.requests import Request

from weft.api.cursor import read_cursor, write_cursor
from weft.api.errors import RequestError
from weft.api.parameter import Parameter
from weft.apps.files import query as q
from weft.apps.files.errors import QueryError
from weft.apps.files.index import Spot

T = TypeVar("T")
TAGS_MAX = 20
LIST = "files"
Whole = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
"""What the index can hold."""
_VALUES: dict[str, Any] = {
    "created_at": Whole,
    "taken_at": Whole | None,
    "name": Annotated[str, Meta(pattern=r"^[^\0]*$")],
    "size": Whole,
    "relevance": float,
}
"""Of the last file of a page, by its order. Cursors can be made up, and a server's index takes no other."""


def _optional(
    name: str, description: str, parse: Callable[[str], T], kind: str = "string"
) -> Parameter[T | None]:
    schema: dict[str, Any] = {"type": kind}
    return Parameter(name, "query", description, schema, parse, None)


Q = _optional("q", 'Words, "phrases in quotes" and prefix*, all of which must be found.', q.words)
TAG = _optional("tag", "A tag; may be given several times, then all must be there.", q.tag)
ANY_TAG = _optional("any_tag", "A tag; may be given several times, then one must be there.", q.tag)
NOT_TAG = _optional("not_tag", "A tag that must not be there; may be given several times.", q.no_tag)
MACHINE_TAG = _optional("machine_tag", "What a program found in the content: `face`.", q.machine_tag)
MEDIA_TYPE = _optional("media_type", "A media type, or all of a kind: `image/*`.", q.media_type)
CAMERA = _optional("camera", "Words that stand in the camera's name one after the other.", q.camera)
TAKEN_FROM = _optional("taken_from", "Taken then or later: an RFC 3339 time, or a day.", q.taken_from)
TAKEN_TO = _optional("taken_to", "Taken then or earlier: an RFC 3339 time, or a day.", q.taken_to)
UNDATED = _optional(
    "undated", "`true`: only files without a time of taking; `false`: only others.", q.undated
)
DUPLICATES = _optional("duplicates", "`true`: only files whose content another file has too.", q.duplicates)
SHA256 = _optional("sha256", "The content's digest, 64 hex digits.", q.sha256)
COLLECTION = _optional("collection", "In this collection: its id.", q.collection_id)
NEAR = _optional("near", "`lat,lon`: taken within `radius_km` of this point.", q.parse_point)
RADIUS = _optional(
    "radius_km", f"How far from `near`; {q.RADIUS_KM:g} if not given.", q.parse_radius, "number"
)
BBOX = _optional(
    "bbox", "`west,south,east,north`; west may lie east of east, over the antimeridian.", q.parse_box
)
SORT = Parameter(
    "sort",
    "query",
    f"{', '.join(q.SORTS)}; with `-` before it falling. Newest first if not given. "
    "`relevance` goes with `q`: the best match first.",
    {"type": "string", "default": "-created_at"},
    q.parse_sort,
    ("created_at", False),
)
FACETS: Parameter[tuple[str, ...]] = Parameter(
    "facets",
    "query",
    f"What to count among the hits: {', '.join(q.FACETS)}, with commas between.",
    {"type": "string"},
    q.parse_facets,
    (),
)
_CONDITIONS = (Q, MACHINE_TAG, MEDIA_TYPE, CAMERA, TAKEN_FROM, TAKEN_TO, UNDATED, DUPLICATES, SHA256)
CONDITIONS: tuple[Parameter[Any], ...] = (*_CONDITIONS, TAG, ANY_TAG, NOT_TAG, COLLECTION, NEAR, RADIUS, BBOX)
SEARCH: tuple[Parameter[Any], ...] = (*CONDITIONS, SORT, FACETS)


def read_query(request: Request) -> q.Query:
    """What this request searches for; raises RequestError or QueryError."""
    conditions = [parameter.of(request) for parameter in _CONDITIONS]
    conditions += [TAG.read(text) for text in _several(request, TAG)]
    any_tags = [tag for text in _several(request, ANY_TAG) if (tag := ANY_TAG.read(text))]
    if any_tags:
        conditions.append(q.any_tag(any_tags))
    conditions += [NOT_TAG.read(text) for text in _several(request, NOT_TAG)]
    point, radius, box = NEAR.of(request), RADIUS.of(request), BBOX.of(request)
    if radius is not None and point is None:
        raise RequestError("radius_km says how far from near, which is not given")
    if point is not None:
        conditions.append(q.Near(*point, radius or q.RADIUS_KM))
    if box is not None:
        conditions.append(box)
    sort, is_rising = SORT.of(request)
    if sort == "relevance" and Q.of(request) is None:
        raise QueryError("sort=relevance orders by the words of q, and q names none")
    wanted = tuple(condition for condition in conditions if condition is not None)
    return q.Query(wanted, sort, is_rising, FACETS.of(request))


def read_spot(request: Request, query: q.Query) -> Spot | None:
    """Where this page begins; raises CursorError for a cursor of another order."""
    kind: Any = GenericAlias(tuple, (_VALUES[query.sort], Whole))
    return read_cursor(request, _list_name(query), kind)


def write_spot(query: q.Query, spot: Spot) -> str:
    return write_cursor(_list_name(query), spot)


def _several(request: Request, parameter: Parameter[Any]) -> list[str]:
    texts = request.query_params.getlist(parameter.name)
    if len(texts) > TAGS_MAX:
        raise RequestError(f"{parameter.name} is given {len(texts)} times; it may be given {TAGS_MAX} times")
    return texts


def _list_name(query: q.Query) -> str:
    return f"{LIST} {query.sort} {query.is_rising}"
