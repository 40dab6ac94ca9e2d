"""Where this node is. Status is open to all: a client needs the chain's identity before it can sign."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from weft.api.answer import Answer, time_text
from weft.api.parameter import READ
from weft.api.request import begin_read, service_of
from weft.api.route import describe, make_router
from weft.api.schemas import GenesisText, Head, Node, NodeStatus, PeerState
from weft.model.encoding import encode
from weft.model.genesis import format_genesis

router = make_router("status")


@router.get("/v1/status", **describe({200: NodeStatus}, problems=(400, 403, 503)))
async def show_status(request: Request) -> Response:
    """This node, its head and its peers."""
    status = service_of(request).status()
    peers = [
        PeerState(peer.id, peer.name, peer.url, peer.is_connected, peer.latest_height)
        for peer in status.peers
    ]
    shown = NodeStatus(
        node=Node(status.id, status.name, status.role),
        chain_id=status.chain.hex(),
        latest_height=status.head.height,
        latest_hash=status.head_hash.hex(),
        state_root=status.state_root.hex(),
        state_height=status.state_height,
        certified_height=status.certified_height,
        timestamp=time_text(status.head.time_ms),
        catching_up=status.is_catching_up,
        peers=peers,
    )
    return Answer(shown, height=status.head.height)


@router.get("/v1/head", **describe({200: Head}, parameters=READ))
async def show_head(request: Request) -> Response:
    """The newest block that this node has executed. Who asks for more than that needs the right to read."""
    if any(one.of(request) != one.default for one in READ):
        await begin_read(request)
    status = service_of(request).status()
    shown = Head(
        height=status.head.height,
        hash=status.head_hash.hex(),
        state_root=status.state_root.hex(),
        state_height=status.state_height,
        timestamp=time_text(status.head.time_ms),
        certified_height=status.certified_height,
    )
    return Answer(shown, height=status.head.height)


@router.get("/v1/genesis", **describe({200: GenesisText}, problems=(400, 401, 403, 503)))
async def show_genesis(request: Request) -> Response:
    """What the chain starts from: whoever keeps it can check everything that nodes say. It names accounts, so
    it is for those who may read."""
    await begin_read(request)
    genesis = service_of(request).genesis
    text = msgspec.Raw(format_genesis(genesis).encode())
    return Answer(GenesisText(genesis.chain.hex(), text, encode(genesis)))
