"""A whole node of its own in this process, real from the HTTP port down to the disk, to be sent anything.

It is a committee of one, so every write is ordered and executed. It runs in a thread with a loop of its own;
what it must never say is heard here: an answer that is nobody's fault but ours, or a mistake in the log.
"""

import asyncio
import atexit
import http.client
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import MutableMapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import structlog

from tests.fuzz.target import CPU_S, HangError
from weft import assembly
from weft.home import load_home
from weft.local import Network, free_port_base

ANSWER_S = 0.4
"""How long the next piece of an answer is waited for: a request may ask to wait longer, or be none."""
ALIVE_EVERY = 25
"""Requests between two looks whether the node still answers at once."""
MAY_FAIL = (503, 504, 507)
"""Answers from 500 on that a client may get by asking for something: busy, behind, pending, full."""
MISTAKES = ("api.failed", "loop.mistake", "node.failed")


class Station:
    """The node and what it said."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="weft-station-"))
        atexit.register(shutil.rmtree, self.home, ignore_errors=True)
        network = Network(self.home / "network", 1, "byzantine", free_port_base(1))
        self.genesis = network.genesis
        self.port = network.configs[0].api.port
        self.mistakes: list[dict[str, Any]] = []
        self._asked = 0
        structlog.configure(processors=[self._hear])
        node = load_home(network.configs[0].home)
        threading.Thread(target=lambda: asyncio.run(self._serve(node)), daemon=True).start()
        self._wait_until_ready()

    def send(self, raw: bytes, patience_s: float = ANSWER_S) -> bytes:
        """What the node answers to these very bytes, as far as it comes soon."""
        with socket.create_connection(("127.0.0.1", self.port), CPU_S) as connection:
            connection.settimeout(patience_s)
            said = bytearray()
            # A server may close before it has heard all: what it said until then counts.
            with suppress(OSError):
                connection.sendall(raw)
            with suppress(OSError):
                while piece := connection.recv(1 << 16):
                    said += piece
        self._asked += 1
        if self._asked % ALIVE_EVERY == 0:
            self.check_alive()
        assert not self.mistakes, self.mistakes
        return bytes(said)

    def check_alive(self) -> None:
        """The node answers others, whatever it was sent."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=CPU_S)
        try:
            connection.request("GET", "/readyz")
            assert connection.getresponse().status == 200
        except TimeoutError:
            raise HangError(f"no answer within {CPU_S} s") from None
        finally:
            connection.close()

    async def _serve(self, node: Any) -> None:
        try:
            await assembly._serve(node)
        except BaseException as error:
            self.mistakes.append({"event": "node.failed", "reason": repr(error)})
            raise

    def _hear(self, _: object, __: str, event: MutableMapping[str, Any]) -> str:
        if event["event"] in MISTAKES:
            self.mistakes.append(dict(event))
        raise structlog.DropEvent

    def _wait_until_ready(self) -> None:
        for _ in range(600):
            with suppress(OSError, AssertionError):
                return self.check_alive()
            time.sleep(0.05)
        raise AssertionError(f"the node never became ready: {self.mistakes}")


@cache
def station() -> Station:
    """The one of this process."""
    return Station()
