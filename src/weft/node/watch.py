"""Facts for operators: what the node counts, and what it says about itself (`docs/reference/metrics.md`).

The core states facts, this turns them into metrics. Nothing decides anything by what stands here, except that
writes are refused while the disk is low.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import structlog
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from weft.model.block import Checkpoint
from weft.model.genesis import Genesis
from weft.model.limits import MIB
from weft.node.apply import Applied
from weft.node.ports import MACHINE, Machine, Tally

log = structlog.get_logger("weft.watch")

DISK_RESERVE_BYTES = 64 * MIB
"""Free space kept for what members say to each other; below it (or below a tenth of a small disk) writes of
clients are answered with 507."""
DISK_LOOK_US = 1_000_000
LOOK_S = 1.0
"""Between two looks at what is worth a line in the log."""
QUIET_US = 10_000_000
"""Between two lines about one thing that comes and goes; the last line says what is true since."""
LAG_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
PEER_GAUGES = (
    ("is_connected", "connected", "1 while our stream to the member is open"),
    ("rtt_us", "rtt_microseconds", "Last round trip on our stream to the member"),
    ("queue_bytes", "queue_bytes", "Bytes waiting to be sent to the member"),
)
PEER_COUNTERS = (
    ("bytes_sent", "sent_bytes", "Bytes sent to the member since the start"),
    ("bytes_received", "received_bytes", "Bytes received from the member since the start"),
    ("items_dropped", "dropped_items", "Items not sent because there was no stream"),
    ("overflows", "overflows", "Times the queue overflowed and the stream began anew"),
    ("cuts", "cuts", "Times the member was cut off"),
)

disable_created_metrics()  # type: ignore[no-untyped-call]


class Watch:
    """Metrics of one node. A registry of its own, so that several nodes fit in one process."""

    def __init__(
        self,
        genesis: Genesis,
        me: int,
        data: Path,
        now_us: Callable[[], int],
        machine: Machine = MACHINE,
    ) -> None:
        self.registry = CollectorRegistry()
        self._data = data
        self._now_us = now_us
        self._machine = machine
        self._look_us = 0
        """When to look at the disk again."""
        self._is_disk_low = False
        self._free_bytes = 0
        self._said: dict[str, tuple[bool, int]] = {}
        """What the log said last of each thing that comes and goes, and when."""
        self._chain = genesis.chain
        names = [member.name for member in genesis.members]
        self._names = names
        self._me = me
        self._tallies: Sequence[Tally] = ()
        self.height = self._gauge("weft_height", "Height of the newest block")
        self.certified_height = self._gauge("weft_certified_height", "Height that a quorum has signed")
        self.round_final = self._gauge("weft_round_final", "Last final round")
        self.pool = self._gauge("weft_pool_transactions", "Transactions waiting or proposed")
        self.disk_free = self._gauge("weft_disk_free_bytes", "Free space on the disk of the node's data")
        self.blocks = self._counter("weft_blocks_total", "Blocks stored by this process")
        self.transactions = self._counter("weft_transactions_total", "Transactions executed by this process")
        self.empty_rounds = self._counter(
            "weft_rounds_without_transactions_total", "Commits that carried no transaction"
        )
        self.accusations = self._counter("weft_equivocations_total", "Members proved to have spoken twice")
        self.loop_lag = Histogram(
            "weft_loop_lag_seconds",
            "How late the event loop came to a timer",
            buckets=LAG_BUCKETS_S,
            registry=self.registry,
        )
        self.registry.register(self)
        self.refusals = Counter(
            "weft_refused_total", "Messages that no honest member sends", ["member"], registry=self.registry
        )

    def render(self, tallies: Sequence[Tally]) -> bytes:
        """The Prometheus text format, with what is counted of every other member's connection."""
        self._tallies = tallies
        return generate_latest(self.registry)

    def collect(self) -> Iterator[Metric]:
        """What is counted of connections, for the registry: asked whenever it is read."""
        others = self._others(self._tallies)
        for family, shown in ((GaugeMetricFamily, PEER_GAUGES), (CounterMetricFamily, PEER_COUNTERS)):
            for field, name, text in shown:
                metric = family(f"weft_peer_{name}", text, labels=["member"])
                for member, tally in others:
                    metric.add_metric([member], getattr(tally, field))
                yield metric

    async def tell(self, tallies: Sequence[Tally]) -> None:
        """Go on writing lines about what comes and goes: members, room on the disk."""
        while True:
            self.look(tallies)
            await asyncio.sleep(LOOK_S)

    def look(self, tallies: Sequence[Tally]) -> None:
        """A line for each change since the last line about the same thing, which is not too short ago."""
        for name, tally in self._others(tallies):
            if self._is_news(f"member {name}", tally.is_connected):
                event = "peer.connected" if tally.is_connected else "peer.lost"
                log.log(logging.INFO if tally.is_connected else logging.WARNING, event, member=name)
        if self._is_news("disk", self.is_disk_low):
            event = "disk.low" if self._is_disk_low else "disk.ok"
            level = logging.WARNING if self._is_disk_low else logging.INFO
            log.log(level, event, path=str(self._data), free_bytes=self._free_bytes)

    def _is_news(self, thing: str, state: bool) -> bool:
        """Whether the log said otherwise of it, long enough ago; it is taken as said then."""
        now_us = self._now_us()
        said, when_us = self._said.get(thing, (False, now_us - QUIET_US))
        if state == said or now_us < when_us + QUIET_US:
            return False
        self._said[thing] = state, now_us
        return True

    def _others(self, tallies: Sequence[Tally]) -> list[tuple[str, Tally]]:
        named = enumerate(zip(self._names, tallies, strict=False))
        return [pair for member, pair in named if member != self._me]

    def ready(self, url: str, height: int, round_first: int) -> None:
        me = self._names[self._me]
        log.info(
            "node.ready", chain=self._chain.hex(), member=me, url=url, height=height, round_first=round_first
        )

    def refused(self, member: int, reason: str) -> None:
        self.refusals.labels(self._names[member]).inc()
        log.warning("peer.refused", member=self._names[member], reason=reason)

    def accused(self, member: int, round_: int) -> None:
        self.accusations.inc()
        log.error("member.equivocated", member=self._names[member], round=round_)

    def applied(self, applied: Sequence[Applied]) -> None:
        if applied:
            self.round_final.set(applied[-1].commit.round)
        for item in applied:
            if item.sealed is None:
                self.empty_rounds.inc()
                continue
            self.blocks.inc()
            self.transactions.inc(len(item.sealed.identities))
            self.height.set(item.sealed.block.header.height)

    def certified(self, checkpoint: Checkpoint) -> None:
        self.certified_height.set(checkpoint.statement.height)

    @property
    def is_disk_low(self) -> bool:
        """Whether writes of clients must be refused; looks at the disk at most once a second."""
        now_us = self._now_us()
        if now_us >= self._look_us:
            self._look_us = now_us + DISK_LOOK_US
            usage = self._machine.disk_usage(self._data)
            self.disk_free.set(usage.free)
            self._free_bytes = usage.free
            self._is_disk_low = usage.free < min(DISK_RESERVE_BYTES, usage.total // 10)
        return self._is_disk_low

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, registry=self.registry)

    def _counter(self, name: str, text: str) -> Counter:
        return Counter(name, text, registry=self.registry)
