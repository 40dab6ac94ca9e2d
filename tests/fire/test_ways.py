"""What lies between the nodes does as it is told: packets in the switch, streams in the proxies."""

import asyncio
import ctypes
import os
import socket
import subprocess
import sys
import threading
import warnings
from random import Random

import pytest

from tests.fire.enclosure import MARK, find_way
from tests.fire.fabric import CUT, Condition, Conditions
from tests.fire.proxies import Proxies
from tests.fire.switch import CLONE_NEWNET, SUBNET, Switch, raise_loopback

PORT = 9
PATIENCE_S = 20
GRACE_S = 0.3
"""What has not come after so long is taken for lost; what was sent after it has come by then."""


def test_what_is_sent_later_never_arrives_earlier() -> None:
    """However the jitter is drawn."""
    conditions, rough = Conditions(Random(1)), Condition(delay_s=0.1, jitter_s=1.0)
    dues = [conditions.due(0, 1, rough, sent / 100) for sent in range(200)]
    assert dues == sorted(dues)
    assert all(due >= sent / 100 + 0.1 for sent, due in enumerate(dues))


async def test_a_proxy_cuts_each_direction_by_itself() -> None:
    """What is held back while a direction is cut comes when it is not; the other direction goes on."""
    proxies = Proxies(2, Random(1))
    await proxies.start()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            heard.append(line)
            writer.write(line.upper())
        writer.close()

    heard: list[bytes] = []
    server = await asyncio.start_server(answer, "127.0.0.1", proxies.place(1).peer_port)
    host, port = proxies.place(0).addresses[1].split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(b"one\n")
        assert await asyncio.wait_for(reader.readline(), PATIENCE_S) == b"ONE\n"
        proxies.conditions.put(1, 0, CUT)
        writer.write(b"two\n")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.readline(), GRACE_S)
        assert heard == [b"one\n", b"two\n"]
        proxies.conditions.clear()
        assert await asyncio.wait_for(reader.readline(), PATIENCE_S) == b"TWO\n"
        proxies.conditions.put(0, 1, CUT)
        writer.write(b"three\n")
        await asyncio.sleep(GRACE_S)
        assert heard == [b"one\n", b"two\n"]
        proxies.conditions.clear()
        assert await asyncio.wait_for(reader.readline(), PATIENCE_S) == b"THREE\n"
    finally:
        writer.close()
        server.close()
        await proxies.stop()


def test_the_switch_cuts_loses_and_doubles_packets_each_way_by_itself() -> None:
    """Between sockets that live in the namespaces of two nodes."""
    way, why = find_way()
    if way is None:
        warnings.warn(f"NO NETWORK NAMESPACE CAN BE HAD, the switch is not tested: {why}", stacklevel=1)
        pytest.skip(why)
    command = ["unshare", *way, sys.executable, "-m", "tests.fire.test_ways"]
    done = subprocess.run(
        command, env={**os.environ, MARK: "1"}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def _socket_in(space: int) -> socket.socket:
    """A socket that lives in another namespace."""
    made: list[socket.socket] = []

    def make() -> None:
        assert ctypes.CDLL(None).setns(space, CLONE_NEWNET) == 0
        made.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    made[0].setblocking(False)
    made[0].bind(("0.0.0.0", PORT))
    return made[0]


async def _arrived(
    source: socket.socket, target: socket.socket, node: int, texts: list[bytes]
) -> list[bytes]:
    """What of these comes to the target, which is the socket of `node`."""
    for text in texts:
        source.sendto(text, (f"{SUBNET}{node + 1}", PORT))
    await asyncio.sleep(GRACE_S)
    found = []
    while True:
        try:
            found.append(target.recv(100))
        except BlockingIOError:
            return found


async def _check_switch() -> None:
    raise_loopback()
    switch = Switch(2, Random(1))
    await switch.start()
    ends = [_socket_in(int(switch.enter(node)[1][0])) for node in range(2)]
    texts = [b"a", b"b", b"c"]

    async def forth() -> list[bytes]:
        return await _arrived(ends[0], ends[1], 1, texts)

    async def back() -> list[bytes]:
        return await _arrived(ends[1], ends[0], 0, texts)

    assert (await forth(), await back()) == (texts, texts)
    switch.conditions.put(0, 1, CUT)
    assert (await forth(), await back()) == ([], texts)
    switch.conditions.put(0, 1, Condition(loss=1.0))
    assert (await forth(), await back()) == ([], texts)
    switch.conditions.put(0, 1, Condition(twice=1.0))
    assert (await forth(), await back()) == ([b"a", b"a", b"b", b"b", b"c", b"c"], texts)
    switch.conditions.put(0, 1, Condition(delay_s=2 * GRACE_S))
    assert await forth() == []
    await asyncio.sleep(2 * GRACE_S)
    assert await _arrived(ends[0], ends[1], 1, []) == texts
    switch.conditions.clear()
    assert (await forth(), await back()) == (texts, texts)
    for end in ends:
        end.close()
    await switch.stop()


if __name__ == "__main__":
    asyncio.run(_check_switch())
