"""Every bound of the system as a value, and assertions on how the bounds relate.

`Limits` is part of the genesis: all nodes of a chain share it, because validity depends on it. `LOCAL` bounds
protect one node from the others; a node may choose them without anybody noticing.
"""

from weft.model.encoding import Natural, Record
from weft.model.errors import GenesisError

KIB, MIB = 1 << 10, 1 << 20


class Limits(Record, frozen=True):
    """Bounds that all nodes of a chain share."""

    members_max: Natural = 128
    batch_bytes_max: Natural = MIB
    """Bytes of all transactions of a vertex together."""
    batch_transactions_max: Natural = 5_000
    transaction_bytes_max: Natural = 64 * KIB
    attachment_bytes_max: Natural = MIB
    transaction_attachments_max: Natural = 512
    vertex_attachment_bytes_max: Natural = 8 * MIB
    """Bytes of all attachments that a vertex' transactions state together."""
    vertex_bytes_max: Natural = 2 * MIB
    depth: Natural = 512
    """Rounds that a commit reaches back."""
    slots_per_round: Natural = 0
    """How many members have a slot in a round; 0 is all of them."""
    lifetime_ms_max: Natural = 24 * 3600 * 1000
    """How far ahead a transaction's expiry may lie; identities are remembered as long."""
    checkpoint_window_ms: Natural = 50
    rounds_unfinished_max: Natural = 2_000
    """Rounds without finality after which vertices only vote."""
    rounds_without_block_max: Natural = 128
    """Rounds after which a commit that leaves no receipt makes an empty block all the same."""

    def check(self, members: int) -> None:
        """Raise GenesisError unless the bounds agree with each other and with a committee of this size."""
        reference_bytes = 48
        for holds, sentence in (
            (1 <= members <= self.members_max <= 128, "members: 1 to members_max, at most 128"),
            (self.transaction_bytes_max <= self.batch_bytes_max, "a transaction must fit in a batch"),
            (
                self.batch_bytes_max
                + 5 * self.batch_transactions_max
                + reference_bytes * self.members_max
                + KIB
                <= self.vertex_bytes_max,
                "a full batch and all parents must fit in a vertex",
            ),
            (self.vertex_bytes_max <= 2 * MIB, "a vertex must fit in a message (2 MiB)"),
            (
                self.attachment_bytes_max <= self.vertex_attachment_bytes_max <= 8 * MIB,
                "an attachment must fit beside a vertex, all of them in 8 MiB",
            ),
            (
                2 * self.rounds_without_block_max <= self.depth,
                "depth must be at least twice rounds_without_block_max: else votes alone outrun checkpoints",
            ),
            (self.slots_per_round <= members, "slots_per_round must not exceed the members"),
            (self.checkpoint_window_ms >= 1, "checkpoint_window_ms must be at least 1"),
        ):
            if not holds:
                raise GenesisError(f"the limits do not agree: {sentence}")


class LocalLimits(Record, frozen=True):
    """Bounds of one node, for its own protection."""

    ahead_ms_max: Natural = 500
    """A vertex whose time is further ahead of this node's clock is held."""
    incomplete_vertices_max: Natural = 1_000
    """Vertices waiting for something that came unasked, a peer."""
    incomplete_bytes_max: Natural = 64 * MIB
    held_vertices_max: Natural = 100
    """Vertices held for the future, a peer."""
    pool_transactions_max: Natural = 50_000
    pool_bytes_max: Natural = 64 * MIB
    """Waiting transactions; above it a client hears 429."""
    pool_attachment_bytes_max: Natural = 256 * MIB
    unfinished_bytes_max: Natural = 16 * MIB
    """Own batches proposed and not yet final; above it own vertices only vote."""
    peer_queue_bytes_max: Natural = 64 * MIB
    """Bytes waiting to be sent to one peer; above it the stream begins anew."""
    message_bytes_max: Natural = 16 * MIB
    answer_bytes_max: Natural = 4 * MIB
    """Bytes that one answer to a request carries at most, unless a single piece is larger."""
    journal_segment_bytes: Natural = 32 * MIB
    """Appended to a segment of the journal before the next one begins."""
    followers_max: Natural = 256
    request_body_bytes_max: Natural = 72 * MIB
    """A REST body that is not a file: a full batch of 1,000 transactions of 64 KiB in base64."""


LOCAL = LocalLimits()
assert Limits().vertex_bytes_max + Limits().vertex_attachment_bytes_max + MIB <= LOCAL.message_bytes_max
