"""Frames, and the code made from the protocol's description."""

from pathlib import Path
from typing import get_args

import grpc_tools
from grpc_tools import protoc

from weft.model.limits import LOCAL
from weft.model.message import Answer, Refused, Request
from weft.network import generated
from weft.network.bounds import BOUNDS
from weft.network.wire import (
    ANSWERED_BY,
    FRAME_OVERHEAD,
    ITEM_OVERHEAD,
    SERVICE,
    Frame,
    frame_bytes_max,
    pack,
    unpack,
)

ROOT = Path(__file__).parents[3]


def test_a_frame_comes_back_as_it_was_packed() -> None:
    """Items in order, the numbers of ping and pong, and a farewell."""
    raw = pack((b"one", b"two"), ping=3, pong=2**63 - 1, farewell="no more")
    assert unpack(raw, BOUNDS) == Frame((b"one", b"two"), 3, 2**63 - 1, "no more")


def test_a_frame_is_never_longer_than_was_reckoned() -> None:
    """So that a full one is not taken for too long, whatever it consists of."""
    for count in (0, 1, 2, BOUNDS.frame_items):
        raw = pack([bytes(70_000)] * count, ping=2**63 - 1, pong=2**63 - 1)
        assert len(raw) <= count * (70_000 + ITEM_OVERHEAD) + FRAME_OVERHEAD
    assert len(pack([bytes(LOCAL.message_bytes_max)], ping=2**63 - 1)) <= frame_bytes_max(LOCAL)


def test_every_request_has_its_answer() -> None:
    """So that an answer to another question is noticed."""
    assert set(ANSWERED_BY) == set(get_args(Request))
    assert {*ANSWERED_BY.values(), Refused} == set(get_args(Answer))


def test_the_generated_code_is_that_of_the_description(tmp_path: Path) -> None:
    """`make proto` would change nothing."""
    well_known = Path(grpc_tools.__file__).parent / "_proto"
    proto = ROOT / "proto"
    arguments = [
        "protoc",
        f"-I{proto}",
        f"-I{well_known}",
        f"--python_out={tmp_path}",
        f"--pyi_out={tmp_path}",
    ]
    assert protoc.main([*arguments, str(proto / "peer.proto")]) == 0
    for name in ("peer_pb2.py", "peer_pb2.pyi"):
        assert (tmp_path / name).read_text() == (Path(generated.__file__).parent / name).read_text()


def test_the_service_has_its_name() -> None:
    """Other languages call it so."""
    assert SERVICE == "weft.peer.v1.Peer"
