"""An index that is late: a busy disk, with gigabytes to write, holds it up for a while."""

import asyncio
import threading
from typing import Any, cast

import pytest

from tests.unit.apps.files.test_service import put, put_file
from tests.unit.apps.files.twin import Net, TwinNode
from weft.api.errors import PendingError
from weft.apps.files.blobs import Incoming
from weft.apps.files.follower import Follower


def follower_of(node: TwinNode) -> Any:
    """What writes the index."""
    return cast(Any, node.files)._follower


async def test_who_puts_a_file_waits_as_long_as_it_says(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is executed: it is answered with once the index has it, or else as pending, with its
    transaction; what is there is found by whoever tries again."""
    node, is_free = net.nodes[0], asyncio.Event()
    follower = follower_of(node)
    write = follower._write_patiently

    async def write_late(*rows: Any) -> Any:
        await is_free.wait()
        return await write(*rows)

    monkeypatch.setattr(follower, "_write_patiently", write_late)
    monkeypatch.setattr(Follower.reach, "__defaults__", (0.01,))
    asyncio.get_running_loop().call_later(0.2, is_free.set)
    assert await put_file(node, b"late")
    is_free.clear()
    with pytest.raises(PendingError) as pending:
        await put(node, b"later", timeout_ms=200)
    is_free.set()
    fate = await node.files.ledger.service.find_fate(bytes.fromhex(pending.value.members["id"]))
    assert fate is not None
    assert fate.status == "executed"
    again = await put(node, b"later")
    assert again.file is not None
    assert again.fate is None


async def test_content_that_is_brought_is_on_disk_before_the_index_waits_for_it(
    net: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gigabyte takes seconds to be there."""
    held: list[bool] = []
    close, gates = Incoming.close, [threading.RLock() for _ in net.nodes]
    for node, gate in zip(net.nodes, gates, strict=True):
        follower_of(node)._gate = gate

    def watch(incoming: Incoming) -> None:
        if not incoming._file.closed:
            held.append(any(gate._is_owned() for gate in gates))  # type: ignore[attr-defined]
        close(incoming)

    monkeypatch.setattr(Incoming, "close", watch)
    first, second = net.nodes[:2]
    file = await put_file(first, b"content" * 1000)
    await second.files.close_reading(await second.files.open(file))
    assert held
    assert not any(held)
