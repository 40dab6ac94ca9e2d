"""What goes over the wire: frames of items along streams, and the settings of calls."""

from collections.abc import Sequence

from weft.model.encoding import Natural, Record, decode, encode
from weft.model.errors import EncodingError, PeerError
from weft.model.limits import MIB, LocalLimits
from weft.model.message import (
    Answer,
    AskNewest,
    Attachments,
    BlobProof,
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
    ProveBlob,
    Request,
    Told,
    Tree,
    Vertices,
    decode_item,
)
from weft.network.bounds import Bounds
from weft.network.generated import peer_pb2

SERVICE = peer_pb2.DESCRIPTOR.services_by_name["Peer"].full_name
ASK, BLOB = (f"/{SERVICE}/{method}" for method in ("Ask", "Blob"))

PREFACE = b"WEFT/1\n"
"""What a dialler says before TLS's handshake when a stream follows. Calls begin with TLS at once."""

ANSWERED_BY: dict[type[Request], type[Answer]] = {
    FetchVertices: Vertices,
    FetchAttachments: Attachments,
    FetchBlocks: Blocks,
    FetchPiece: Piece,
    FetchCommits: Commits,
    FetchCheckpoint: Newest,
    FetchTree: Tree,
    AskNewest: Told,
    ProveBlob: BlobProof,
}
"""The answer to each request, if it isn't Refused."""

ITEM_OVERHEAD, FRAME_OVERHEAD = 5, 32
"""Bytes that a frame adds to an item and to all of them, at most."""
REASON_CHARACTERS = 500
"""Of a reason told to another member, or taken from it."""

WINDOW_BYTES = 2 * MIB
"""Of a call, on their way to a reader that is busy: 20 MB/s where a round trip takes 100 ms. gRPC by itself
lets more and more be on its way; a gigabyte fetched on one machine left 40 to 80 MiB behind."""

Options = Sequence[tuple[str, int | str]]


class Frame(Record, frozen=True):
    """All that was due in one turn of the sender's loop."""

    items: tuple[bytes, ...]
    """Encoded."""
    ping: Natural
    """Asks for a frame with the same number as pong. At most one is unanswered at a time; 0 is none."""
    pong: Natural
    """Answers a ping; 0 is none."""
    farewell: str
    """Why the speaker ends the stream with this frame; empty while it goes on."""


def pack(items: Sequence[bytes], ping: int = 0, pong: int = 0, farewell: str = "") -> bytes:
    """A frame."""
    return encode(Frame(tuple(items), ping, pong, farewell))


def pack_opening(opening: Opening) -> bytes:
    """The first frame of either side."""
    return pack((encode(opening),))


def frame_bytes_max(local: LocalLimits) -> int:
    """Of a dialler's frame: one item of the largest size."""
    return local.message_bytes_max + ITEM_OVERHEAD + FRAME_OVERHEAD


def unpack(raw: bytes, bounds: Bounds) -> Frame:
    """The frame in these bytes; raises PeerError if no honest member made it."""
    try:
        frame = decode(Frame, raw)
    except EncodingError as error:
        raise PeerError(f"{len(raw)} bytes that are no frame: {error}") from None
    count = len(frame.items)
    if count > bounds.frame_items:
        raise PeerError(f"a frame of {count} items; {bounds.frame_items} are the most")
    if count > 1 and len(raw) > bounds.frame_bytes:
        raise PeerError(f"a frame of {count} items and {len(raw)} bytes; {bounds.frame_bytes} are the most")
    return frame


def find_opening(frame: Frame, chain: bytes) -> tuple[Opening, int]:
    """The Opening in the first frame of a stream, with its size; raises PeerError or EncodingError."""
    items = frame.items
    opening: Item | None = decode_item(items[0]) if len(items) == 1 else None
    if not isinstance(opening, Opening):
        raise PeerError("a stream that does not begin with an Opening")
    if opening.chain != chain:
        raise PeerError(f"an Opening for the chain {opening.chain.hex()}")
    return opening, len(items[0])


def split_address(address: str) -> tuple[str, int]:
    """Host and port."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def shared_options(local: LocalLimits) -> Options:
    """Settings of both ends. Where nothing moves during a call it is probed after 10 s, given up after 20.

    gRPC itself refuses what is more than twice too large without reading it, but then nobody learns whose it
    was; what is less too large is read, and its sender cut off.
    """
    return (
        ("grpc.max_receive_message_length", 2 * local.message_bytes_max),
        ("grpc.max_send_message_length", -1),
        ("grpc.http2.bdp_probe", 0),
        ("grpc.http2.lookahead_bytes", WINDOW_BYTES),
        ("grpc.keepalive_time_ms", 10_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.http2.ping_timeout_ms", 10_000),
        ("grpc.http2.max_pings_without_data", 0),
    )


def dialer_options(local: LocalLimits, server_name: str) -> Options:
    """Settings of a channel. Nothing is shared between channels, gRPC never repeats a call by itself, and
    after a minute without calls there is no connection."""
    return (
        *shared_options(local),
        ("grpc.client_idle_timeout_ms", 60_000),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 1_000),
        ("grpc.ssl_target_name_override", server_name),
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.enable_retries", 0),
        ("grpc.enable_http_proxy", 0),
    )


def server_options(local: LocalLimits, bounds: Bounds) -> Options:
    """Settings of the server."""
    return (
        *shared_options(local),
        ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
        ("grpc.max_concurrent_streams", bounds.calls_max),
        ("grpc.server_handshake_timeout_ms", 5_000),
    )
