"""Many signatures are verified in a process of their own, beside the node's.

A verification lets the interpreter go for 20 µs and then waits to get it back behind all else that the node
does. So a busy node verifies some 8,000 a second in a thread, and twice as many here, with its other threads
left alone.

Promise: an answer is that of `is_signed` for each, wherever it was found. The process begins with the first
long list, ends after a time without one, and with the node. While it is not there, does not answer in time
or not as it should, the caller's own thread verifies: it can cost the node time, and nothing else.
"""

import asyncio
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

from weft.model.encoding import decode, encode
from weft.model.keys import Signed, are_signed

MANY = 64
"""Shorter lists are not worth the way."""
AT_ONCE = 1_000
"""Signatures of one question: some 20 ms of work."""
ANSWER_S = 10.0
"""For the answer to one; on a machine that is busy beyond that the process is given up."""
AGAIN_S = 60.0
"""Between two attempts to have a process."""
REST_S = 60.0
"""Without a long list, after which the process ends."""
_READY = b"!"
_SIZE_BYTES = 4
_PASSED_ON = ("PATH", "PYTHONPATH", "LANG", "LD_LIBRARY_PATH")


class Verifier:
    """One node's helper. `are_signed` blocks and is called from a worker."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self.is_ready = False
        """Whether the process answers."""
        self._begun = self._used = -AGAIN_S

    @property
    def pid(self) -> int | None:
        """The process, if there is one."""
        return None if self._process is None else self._process.pid

    def are_signed(self, items: Sequence[Signed]) -> list[bool]:
        """`is_signed` for each."""
        if len(items) < MANY:
            return are_signed(items)
        found: list[bool] = []
        with self._turn:
            self._used = time.monotonic()
            for start in range(0, len(items), AT_ONCE):
                few = items[start : start + AT_ONCE]
                found += self._ask(few) or are_signed(few)
        return found

    async def keep_resting(self) -> None:
        """End the process each time that it has had nothing to do for a while; never returns."""
        while True:
            await asyncio.sleep(REST_S / 2)
            if self._process is not None and time.monotonic() - self._used > REST_S:
                self.close()

    def close(self) -> None:
        """End the process; the next long list begins another."""
        with self._turn:
            self._end()
            self._begun = -AGAIN_S

    def _ask(self, items: Sequence[Signed]) -> list[bool]:
        """The process' answer; empty when there is none."""
        try:
            if self._process is None and time.monotonic() - self._begun >= AGAIN_S:
                self._begin()
            if self._socket is None:
                return []
            if not self.is_ready:
                self.is_ready = self._socket.recv(1) == _READY
                self._socket.settimeout(ANSWER_S)
            answer = _converse(self._socket, items) if self.is_ready else b""
        except BlockingIOError:
            return []  # it is still beginning
        except OSError:
            answer = b""
        if len(answer) != len(items):
            self._end()
            return []
        return [verdict == 1 for verdict in answer]

    def _begin(self) -> None:
        self._begun = time.monotonic()
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self._socket = ours
        with theirs:
            self._process = subprocess.Popen(
                (sys.executable, "-m", "weft.node.verifier"),
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                # The settings of a node may hold secrets, and nobody here needs them.
                env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            )

    def _end(self) -> None:
        if self._socket is not None:
            self._socket.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._socket = self._process = None
        self.is_ready = False


def _converse(connection: socket.socket, items: Sequence[Signed]) -> bytes:
    """One question and its answer, a byte for each signature; fewer when the other side is gone."""
    question = encode(items)
    connection.sendall(len(question).to_bytes(_SIZE_BYTES, "big") + question)
    return _read(connection, len(items))


def _read(connection: socket.socket, size: int) -> bytes:
    """So many bytes, or fewer when the other side is gone."""
    received = bytearray()
    while len(received) < size and (more := connection.recv(size - len(received))):
        received += more
    return bytes(received)


def main() -> None:
    """The process: answers what comes in on its standard input until the node is gone."""
    connection = socket.socket(fileno=sys.stdin.fileno())
    connection.sendall(_READY)
    while size := _read(connection, _SIZE_BYTES):
        items = decode(tuple[Signed, ...], _read(connection, int.from_bytes(size, "big")))
        connection.sendall(bytes(are_signed(items)))


if __name__ == "__main__":
    main()
