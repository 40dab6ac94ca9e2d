"""What goes over the wire: frames of items, and the settings that both ends of a connection share."""

from collections.abc import Sequence

from google.protobuf.message import DecodeError

from weft.model.encoding import encode
from weft.model.errors import PeerError
from weft.model.limits import LocalLimits
from weft.model.message import (
    Answer,
    AskNewest,
    Attachments,
    Blocks,
    Commits,
    FetchAttachments,
    FetchBlocks,
    FetchCheckpoint,
    FetchCommits,
    FetchPiece,
    FetchTree,
    FetchVertices,
    Item,
    Newest,
    Opening,
    Piece,
    Request,
    Told,
    Tree,
    Vertices,
    decode_item,
)
from weft.network.bounds import Bounds
from weft.network.generated import peer_pb2

SERVICE = peer_pb2.DESCRIPTOR.services_by_name["Peer"].full_name
EXCHANGE, ASK, BLOB = (f"/{SERVICE}/{method}" for method in ("Exchange", "Ask", "Blob"))

ANSWERED_BY: dict[type[Request], type[Answer]] = {
    FetchVertices: Vertices,
    FetchAttachments: Attachments,
    FetchBlocks: Blocks,
    FetchPiece: Piece,
    FetchCommits: Commits,
    FetchCheckpoint: Newest,
    FetchTree: Tree,
    AskNewest: Told,
}
"""The answer to each request, if it isn't Refused."""

ITEM_OVERHEAD = 8
"""Bytes that a frame adds to an item, at most."""

Options = Sequence[tuple[str, int | str]]


def shared_options(local: LocalLimits) -> Options:
    """Settings of both ends. Where nothing moves the connection is probed after 10 s, given up after 20.

    gRPC itself refuses what is more than twice too large without reading it, but then nobody learns whose it
    was; what is less too large is read, and its sender cut off.
    """
    return (
        ("grpc.max_receive_message_length", 2 * local.message_bytes_max),
        ("grpc.max_send_message_length", -1),
        ("grpc.keepalive_time_ms", 10_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.http2.ping_timeout_ms", 10_000),
        ("grpc.http2.max_pings_without_data", 0),
    )


def dialer_options(local: LocalLimits, server_name: str) -> Options:
    """Settings of a channel. Nothing is shared between channels, and gRPC never tries again by itself."""
    return (
        *shared_options(local),
        ("grpc.ssl_target_name_override", server_name),
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.enable_retries", 0),
        ("grpc.enable_http_proxy", 0),
    )


def server_options(local: LocalLimits, bounds: Bounds) -> Options:
    """Settings of the server. Without the first a second process could listen on the same port unnoticed."""
    return (
        ("grpc.so_reuseport", 0),
        *shared_options(local),
        ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.max_concurrent_streams", bounds.calls_max),
        ("grpc.server_handshake_timeout_ms", 5_000),
    )


def pack(items: Sequence[bytes], ping: int = 0, pong: int = 0) -> bytes:
    """A frame."""
    return peer_pb2.Frame(items=items, ping=ping, pong=pong).SerializeToString()


def pack_opening(opening: Opening) -> bytes:
    """The first frame of either side."""
    return pack((encode(opening),))


def unpack(raw: bytes, local: LocalLimits, bounds: Bounds) -> peer_pb2.Frame:
    """The frame in these bytes; raises PeerError if no honest member made it."""
    try:
        frame = peer_pb2.Frame.FromString(raw)
    except DecodeError as error:
        raise PeerError(f"{len(raw)} bytes that are no frame: {error}") from None
    count = len(frame.items)
    if count > bounds.frame_items:
        raise PeerError(f"a frame of {count} items; {bounds.frame_items} are the most")
    if count > 1 and len(raw) > bounds.frame_bytes:
        raise PeerError(f"a frame of {count} items and {len(raw)} bytes; {bounds.frame_bytes} are the most")
    if count and len(frame.items[0]) > local.message_bytes_max:
        raise PeerError(f"an item of {len(frame.items[0])} bytes; {local.message_bytes_max} are the most")
    return frame


def unpack_opening(raw: bytes, chain: bytes, local: LocalLimits, bounds: Bounds) -> tuple[Opening, int]:
    """The Opening in the first frame of a stream, with its size; raises PeerError or EncodingError."""
    items = unpack(raw, local, bounds).items
    opening: Item | None = decode_item(items[0]) if len(items) == 1 else None
    if not isinstance(opening, Opening):
        raise PeerError("a stream that does not begin with an Opening")
    if opening.chain != chain:
        raise PeerError(f"an Opening for the chain {opening.chain.hex()}")
    return opening, len(items[0])
