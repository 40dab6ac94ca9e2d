"""How much and how fast, between this node and each other member."""

from dataclasses import dataclass

from weft.model.limits import KIB, MIB


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of each member by itself, so that none of them can use up what another needs."""

    frame_bytes: int = 4 * MIB
    """A frame of several items is not larger; a single item may be, up to `message_bytes_max`."""
    frame_items: int = 1_000
    reply_bytes_max: int = 64 * KIB
    """A frame of the server's side: an Opening, a pong, a farewell."""
    request_bytes_max: int = MIB
    chunk_bytes: int = 512 * KIB
    asks_max: int = 16
    blobs_max: int = 16
    """Calls under way to a member. It takes twice as many: what was given up here may still be busy there."""
    ask_timeout_s: float = 10
    dial_timeout_s: float = 5
    """From dialling to the other side's Opening."""
    stall_timeout_s: float = 30
    """The longest wait for the next chunk of a blob."""
    pause_first_s: float = 0.05
    """Between two attempts to reach a member; doubles up to `pause_max_s`."""
    pause_max_s: float = 2
    ping_every_s: float = 0.5
    """At most one ping in this time, on a frame that goes anyway and is small."""
    ping_frame_bytes: int = 64 * KIB
    items_per_s: float = 10_000
    """An item counts once, and once more for each 16 KiB. Above it the member is read slower."""
    items_burst: float = 20_000
    asks_per_s: float = 1_000
    asks_burst: float = 2_000
    streams_per_s: float = 1
    streams_burst: float = 30
    """An honest member begins a stream anew with growing pauses; one above this is cut off at once."""
    arrivals_per_s: float = 100
    arrivals_burst: float = 400
    """Connections let in, of members and strangers: a handshake costs about a millisecond."""
    newcomers_max: int = 64
    """Connections that have not shown yet who they are; one more takes the place of the oldest."""
    connections_max: int = 256
    """Connections for calls, of all members; one more is closed."""
    flood_s: float = 10
    """Who is above a rate for this long without a moment's rest is cut off."""
    refuse_first_s: float = 1
    """How long a member is refused after a first cut; doubles with each further one up to `refuse_max_s`."""
    refuse_max_s: float = 60
    forgive_s: float = 600
    """A member without a cut for so long begins again at `refuse_first_s`."""
    calls_max: int = 128
    """Calls and streams of a member open at once, refused ones included."""

    def __post_init__(self) -> None:
        assert self.pause_first_s <= self.pause_max_s
        assert self.refuse_first_s <= self.refuse_max_s < self.forgive_s
        assert 2 * (self.asks_max + self.blobs_max) < self.calls_max, "honest calls must fit beside a stream"


BOUNDS = Bounds()
