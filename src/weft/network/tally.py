"""What passed between this node and one member, counted since the start; read by whoever shows it."""

from dataclasses import dataclass


@dataclass(slots=True)
class Tally:
    """One member's counters."""

    is_connected: bool = False
    """Our stream to the member is open."""
    is_heard: bool = False
    """The member's stream to us is open."""
    rtt_us: int = 0
    """The newest round trip measured; 0 before the first."""
    queue_bytes: int = 0
    items_sent: int = 0
    bytes_sent: int = 0
    frames_sent: int = 0
    items_dropped: int = 0
    """Sent while there was no stream, or lost with a queue that overflowed; an opening makes them good."""
    overflows: int = 0
    items_received: int = 0
    bytes_received: int = 0
    frames_received: int = 0
    streams_opened: int = 0
    streams_lost: int = 0
    dials_failed: int = 0
    last_failure: str = ""
    asks_sent: int = 0
    asks_failed: int = 0
    asks_answered: int = 0
    blob_bytes_read: int = 0
    blob_bytes_served: int = 0
    throttled: int = 0
    """Times that reading from the member was slowed down."""
    cuts: int = 0
    last_cut: str = ""
    """Why the member was last cut off."""
