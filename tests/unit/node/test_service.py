"""What clients may do with a node, on real ones."""

from pathlib import Path

import pytest

from tests.unit.node.test_node import write
from tests.unit.node.together import World, play
from weft.model.errors import BlobError
from weft.node import service


def test_a_page_ends_where_it_would_be_too_large_for_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says that there is more; a document that is larger than a page comes by itself."""
    monkeypatch.setattr(service, "CONTENT_BYTES_MAX", 20)

    async def story() -> None:
        world = World(tmp_path, 1)
        await world.start_all()
        for name, size in (("a", 9), ("b", 9), ("c", 40), ("d", 9)):
            await world.put(0, name, b'"%s"' % (b"x" * (size - 2)))
        await world.put(0, "c", b"1")
        there = world.services[0]
        pages = [await there.list_records("notes", after, 10) for after in (None, "c")]
        assert [[one.key for one in page.versions] for page in pages] == [["a", "b", "c"], ["d"]]
        assert [page.has_more for page in pages] == [True, False]
        pages = [await there.record_history("notes", "c", None, passed, 10) for passed in (0, 1)]
        assert [[one.version for one in page.versions] for page in pages] == [[2], [1]]
        assert [page.has_more for page in pages] == [True, False]

    play(story())


def test_content_that_is_not_here_is_asked_for_when_it_is_read(tmp_path: Path) -> None:
    """Once of each member; when nobody has it the reader is told so."""

    async def story() -> None:
        world = World(tmp_path)
        await world.start_all()
        await write(world, 0, 0, 3)
        await world.settle()
        for disk in world.disks[2:]:
            disk.attachments._kept.clear()
        assert await world.read(3, "r0") == b'{"n":0}'
        found = await world.services[3].list_records("notes", None, 10)
        assert [row.content for row in found.versions] == [b'{"n":0}', b'{"n":1}', b'{"n":2}']
        for disk in world.disks:
            disk.attachments._kept.clear()
        world.asked.clear()
        with pytest.raises(BlobError, match="no connected member has it"):
            await world.read(3, "r1")
        assert len(world.asked) == 3

    play(story())


def test_a_transaction_sent_again_and_a_batch_hear_the_same_fate(tmp_path: Path) -> None:
    """Certified as soon as a quorum has signed."""

    async def story() -> None:
        world = World(tmp_path)
        await world.start_all()
        fate = await world.put(0, "r0", wait="certified")
        assert fate.is_certified
        assert fate.height is not None
        block = await world.services[1].find_block(fate.height)
        assert block is not None
        items = [(raw, ()) for raw in block.transactions]
        (again,) = await world.services[1].submit_many(items, "certified", 1000)
        assert again == fate

    play(story())
