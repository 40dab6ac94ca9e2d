"""A node that executed a file and has not got what the file's attachments hold."""

import pytest

from tests.unit.apps.files.test_service import find, put_file, until
from tests.unit.apps.files.twin import Net, TwinNode
from weft.apps.files import follower
from weft.apps.files.proof import prove_file
from weft.model.errors import BlobError
from weft.storage.memory import MemoryAttachments


def lose(node: TwinNode) -> None:
    """As if the content of its blocks had not come yet."""
    assert isinstance(node.attachments, MemoryAttachments)
    node.attachments._kept.clear()


async def test_what_is_not_here_is_looked_for_when_it_is_read(net: Net) -> None:
    """Resource, history and proof are those of every node."""
    first, second = net.nodes[:2]
    file = await put_file(first, b"content", "name.txt", patch={"title": "mine"})
    for read in (
        lambda node: node.files.get(file.id),
        lambda node: node.files.history(file.id, None, 9),
        lambda node: prove_file(node.files.ledger, file.id),
    ):
        lose(second)
        assert await read(second) == await read(first)


async def test_what_nobody_has_is_not_shown_as_empty(net: Net) -> None:
    """A file without its name and metadata would be a lie."""
    file = await put_file(net.nodes[0], b"content", "name.txt", patch={"title": "mine"})
    for other in net.nodes[1:]:
        other.is_away = True
    lose(net.nodes[0])
    for read in (net.nodes[0].files.get(file.id), net.nodes[0].files.history(file.id, None, 9)):
        with pytest.raises(BlobError, match="no connected member has them"):
            await read


async def test_the_index_looks_for_what_it_lacks(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file executed without its attachments is found by its name once somebody has them."""
    monkeypatch.setattr(follower, "TIDY_S", 0.01)
    late = net.nodes[2]
    await late.stop()
    late.start()
    late.take_attachments = lambda given: None  # type: ignore[method-assign]
    file = await put_file(net.nodes[0], b"content", "name.txt", patch={"title": "mine"})
    await until(lambda: late.files.index.made_by(file.id) is not None)
    await until(lambda: not late.files.index.incomplete(1))
    assert await find(late) == [file]
