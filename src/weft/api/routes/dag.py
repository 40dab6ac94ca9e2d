"""The graph that the order is read from, as far as this node keeps it: for people to look at."""

from starlette.requests import Request
from starlette.responses import Response

from weft.api.answer import Answer, time_text
from weft.api.parameter import Parameter, number, whole
from weft.api.request import begin_read, service_of
from weft.api.route import READ_PROBLEMS, describe, make_router
from weft.api.schemas import Graph, Member, SlotName, VertexNote
from weft.api.service import VertexView

ROUNDS, ROUNDS_MAX = 50, 200
ROUNDS_SHOWN = Parameter(
    "rounds",
    "query",
    "How many of the newest rounds.",
    number(1, ROUNDS_MAX) | {"default": ROUNDS},
    whole(1, ROUNDS_MAX),
    ROUNDS,
)

router = make_router("dag")


@router.get("/v1/dag", **describe({200: Graph}, parameters=(ROUNDS_SHOWN,), problems=READ_PROBLEMS))
async def show_graph(request: Request) -> Response:
    """Vertices of the newest rounds with their parents. An idle network adds none."""
    rounds = ROUNDS_SHOWN.of(request)
    height = await begin_read(request)
    service = service_of(request)
    shown = Graph(
        members=[Member(place, member.name) for place, member in enumerate(service.genesis.members)],
        vertices=[_show_vertex(vertex) for vertex in service.vertices(rounds)],
    )
    return Answer(shown, height=height)


def _show_vertex(vertex: VertexView) -> VertexNote:
    return VertexNote(
        author=vertex.author,
        round=vertex.round,
        digest=vertex.digest.hex(),
        timestamp=time_text(vertex.time_ms),
        transactions=vertex.transactions,
        ordered=vertex.is_ordered,
        parents=[SlotName(author, round_) for author, round_ in vertex.parents],
    )
