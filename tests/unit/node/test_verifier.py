"""The process that verifies many signatures: it says what the node's own thread would say, or nothing."""

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest

from tests.chain import key
from weft.model.keys import SECP256K1, PrivateKey, PublicKey, Signed, is_signed
from weft.node import verifier
from weft.node.verifier import AT_ONCE, MANY, Verifier

PATIENCE_S = 60.0
ALICE, ED = PrivateKey(SECP256K1, bytes(31) + b"\1"), key("node0")


def signed(count: int) -> list[Signed]:
    """Signatures of two curves, every seventh one false in some way."""
    found: list[Signed] = []
    for number in range(count):
        digest = number.to_bytes(32, "big")
        who = ED if number % 2 else ALICE
        public, signature = who.public, who.sign(digest)
        if number % 7 == 0:
            public, digest, signature = (
                (public, digest, signature[::-1]),
                (public, digest[::-1], signature),
                (PublicKey(public.curve, public.key[:-1]), digest, signature),
                (PublicKey(3, public.key), digest, signature),
                (public, digest, signature[:-1]),
            )[number // 7 % 5]
        found.append((public, digest, signature))
    return found


MANY_SIGNED = signed(AT_ONCE + MANY)
EXPECTED = [is_signed(*item) for item in MANY_SIGNED]


@pytest.fixture
def helper() -> Iterator[Verifier]:
    with closing(Verifier()) as made:
        yield made


def wait_ready(helper: Verifier) -> None:
    """Ask until the process has answered."""
    deadline = time.monotonic() + PATIENCE_S
    while not helper.is_ready:
        assert time.monotonic() < deadline, "the process begins"
        assert helper.are_signed(MANY_SIGNED) == EXPECTED
        time.sleep(0.01)


def test_the_process_says_what_the_own_thread_says(helper: Verifier, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each signature, whatever is wrong with it; the list goes in several questions."""
    assert not all(EXPECTED[-MANY:])
    assert any(EXPECTED[-MANY:])
    wait_ready(helper)
    own: list[int] = []
    monkeypatch.setattr(verifier, "are_signed", lambda items: own.append(len(items)) or [])
    assert helper.are_signed(MANY_SIGNED) == EXPECTED
    assert own == []


def test_a_short_list_begins_no_process(helper: Verifier) -> None:
    assert helper.are_signed(MANY_SIGNED[: MANY - 1]) == EXPECTED[: MANY - 1]
    assert helper.pid is None


def test_a_process_that_dies_costs_nothing_but_time(
    helper: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list that it was asked about is verified here, and another process begins, though not at once."""
    wait_ready(helper)
    first = helper.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert helper.are_signed(MANY_SIGNED) == EXPECTED
    assert helper.are_signed(MANY_SIGNED) == EXPECTED
    assert helper.pid is None
    monkeypatch.setattr(verifier, "AGAIN_S", 0.0)
    wait_ready(helper)
    assert helper.pid not in (None, first)


@pytest.mark.parametrize("answer", [b"", bytes([1] * (AT_ONCE - 1))], ids=["silence", "too short"])
def test_an_answer_that_does_not_come_whole_is_none(
    helper: Verifier, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    """Whoever answers so is ended; nothing of what it said counts."""
    monkeypatch.setattr(verifier, "ANSWER_S", 0.2)
    monkeypatch.setattr(Verifier, "_begin", _begin_with(answer))
    assert helper.are_signed(MANY_SIGNED) == EXPECTED
    assert not helper.is_ready


def _begin_with(answer: bytes) -> object:
    """In the place of a process: somebody who is ready, reads, and gives this answer to all questions."""

    def begin(helper: Verifier) -> None:
        helper._begun = time.monotonic()
        helper._socket, theirs = socket.socketpair()

        def serve() -> None:
            with theirs, suppress(ConnectionError):
                theirs.sendall(b"!")
                theirs.recv(1 << 20)
                theirs.sendall(answer)
                while theirs.recv(1 << 20):
                    """Nothing more is said."""

        threading.Thread(target=serve, daemon=True).start()

    return begin


def test_a_process_without_work_ends(helper: Verifier, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the next long list begins another at once."""
    wait_ready(helper)
    monkeypatch.setattr(verifier, "REST_S", 0.0)

    async def rest() -> None:
        resting = asyncio.ensure_future(helper.keep_resting())
        while helper.pid is not None:  # noqa: ASYNC110
            await asyncio.sleep(0)
        resting.cancel()

    asyncio.run(asyncio.wait_for(rest(), PATIENCE_S))
    wait_ready(helper)
    assert helper.pid is not None
