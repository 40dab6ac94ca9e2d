"""Whatever is made of the ledger can be made again."""

from collections.abc import Iterator

from weft.model.digest import Digest
from weft.model.receipt import Event, decode_receipt
from weft.model.view import EventRow
from weft.node.ports import Store
from weft.simulation.ports import Checker, End

Row = tuple[int, int, Digest | None, Event | None]


class Index:
    """The simplest that is one: what is known of each thing that events name."""

    def __init__(self) -> None:
        self.cursor = 0, -1
        self.entries: dict[tuple[object, ...], tuple[int, str, int]] = {}
        """By contract, collection and key: version, what happened last, how often something did."""
        self.time_ms = 0

    def take(self, row: Row) -> None:
        height, position, _, event = row
        self.cursor = height, position
        if event is not None:
            data = dict(event.data)
            key = event.contract, data.get("collection"), data.get("key")
            count = self.entries.get(key, (0, "", 0))[2]
            version = data.get("version", 0)
            assert isinstance(version, int)
            self.entries[key] = version, event.type, count + 1


class Followed(Checker):
    """The rows that a follower was given, with a cursor through crashes and from node to node, are those of
    the ledger from its beginning, each once; so an index that was kept equals one that is made again (34)."""

    promise = "What is made of the ledger can be made again"

    def __init__(self) -> None:
        self._index = Index()

    def followed(self, place: int, row: EventRow) -> None:
        height, position = self._index.cursor
        if (row.height, row.position) not in ((height, position + 1), (height + 1, 0)):
            self.fail(f"row {row.height}-{row.position} of member {place} came after {height}-{position}")
        self._index.take((row.height, row.position, row.transaction, row.event))

    def finished(self, end: End) -> None:
        for place, kept in end.members.items():
            again = Index()
            for row in _rows(kept.store):
                if row[:2] > self._index.cursor:
                    break
                again.take(row)
            is_whole = again.cursor == self._index.cursor
            if is_whole and again.entries != self._index.entries:
                self.fail(f"the index made again from member {place} differs from the one that was kept")
            if end.is_healed and again.cursor != self._index.cursor:
                self.fail(f"the follower stands at {self._index.cursor}, member {place} at {again.cursor}")


def _rows(store: Store) -> Iterator[Row]:
    """All rows of the ledger, read off the blocks."""
    for height in range(1, store.head.height + 1):
        block = store.find_block(height)
        assert block is not None
        receipts = map(decode_receipt, block.receipts)
        events = [(receipt.transaction, event) for receipt in receipts for event in receipt.events]
        for position, (transaction, event) in enumerate(events):
            yield height, position, transaction, event
        yield height, len(events), None, None
