"""What a node reads of its own disk: journal, attachments, keys, tokens, genesis, settings.

Damage may come from anywhere, so nothing of it is believed: a torn tail is cut, everything else is named.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path

import msgspec

from tests.chain import attachment, make_genesis
from tests.fuzz.target import Target
from tests.fuzz.words import chain
from weft.config import explain, load_config, variable_of
from weft.model.errors import (
    ConfigError,
    GenesisError,
    JournalError,
    KeyFileError,
    StoreError,
    TokenError,
    VectorError,
)
from weft.model.genesis import format_genesis, parse_genesis
from weft.model.stored import BASE, OTHER, OWN, SPOKEN
from weft.simulation.vectors import Drawing, load_cases
from weft.storage import content
from weft.storage.attachments import Attachments
from weft.storage.journal import SUFFIX, Journal
from weft.storage.keyfile import create_key, load_key
from weft.storage.segment import CLOSED, HEAD_BYTES, NO_LINK, Head
from weft.storage.tokens import FILE_NAME, Tokens

SHARED_MEMORY = Path("/dev/shm")
SALT = bytes(range(16))
FIRST, SECOND = f"{1:012}{SUFFIX}", f"{2:012}{SUFFIX}"
Kept = tuple[int, int, bytes]


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A folder of its own for one input, in memory where that is to be had."""
    where = SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=where) as name:
        yield Path(name)


@cache
def segments() -> tuple[bytes, bytes, tuple[tuple[int, int, int, Kept], ...]]:
    """A segment that was synced twice and closed, and the one after it; of each record of the first: where it
    begins and ends, what it says is durable, and itself."""
    head = Head(1, SALT, NO_LINK, HEAD_BYTES)
    data, link, durable, records = head.encode(), NO_LINK, HEAD_BYTES, []
    for kind, round_, payload, is_synced in (
        *((BASE, 0, b"base", False), (OTHER, 1, b"a" * 40, False), (OWN, 1, b"own of round 1", True)),
        *((OTHER, 2, b"b" * 300, False), (OWN, 2, b"own of round 2", True), (OTHER, 3, b"", False)),
        *((OWN, 3, b"own of round 3", False), (CLOSED, 0, b"", False)),
    ):
        start = len(data)
        raw, link = head.encode_record(kind, round_, payload, start if kind == CLOSED else durable, link)
        data += raw + payload
        records.append((start, len(data), start if kind == CLOSED else durable, (kind, round_, payload)))
        durable = len(data) if is_synced else durable
    second = Head(2, SALT[::-1], link, HEAD_BYTES)
    base, link = second.encode_record(BASE, 3, b"base", HEAD_BYTES, NO_LINK)
    return data, second.encode() + base + b"base", tuple(records)


def check_segment(data: bytes) -> None:
    """What was synced comes back, or JournalError says so; the rest up to the damage, own vertices as said.

    And the journal goes on: what is appended then is there at the next start.
    """
    expected = _expect_records(data)
    with folder() as path:
        (path / FIRST).write_bytes(data)
        found = _replay(path)
        assert found == expected, (found, expected)
        with contextlib.closing(Journal(path)) as journal:
            journal.append(OWN, 9, b"after")
        again = _replay(path)
        assert again == [*(expected or ()), (OWN, 9, b"after")], again


def _expect_records(data: bytes) -> list[Kept] | None:
    """What must come back, found out in another way than by reading; None for JournalError."""
    whole, _, records = segments()
    pairs = enumerate(zip(whole, data, strict=False))
    same = next((place for place, (byte, got) in pairs if byte != got), min(len(whole), len(data)))
    if same < HEAD_BYTES:
        return None
    intact = [record for record in records if record[1] <= same]
    end = intact[-1][1] if intact else HEAD_BYTES
    found = [record for record in records if whole[record[0] : record[1]] in data[HEAD_BYTES:]]
    if end < max((durable for _, _, durable, _ in found), default=0):
        return None
    behind = []
    for start, stop, _, (kind, round_, payload) in records:
        place = data.find(whole[start:stop], end)
        while kind == OWN and place >= 0:
            behind.append((place, (SPOKEN, round_, payload)))
            place = data.find(whole[start:stop], place + stop - start)
    return [kept for *_, kept in intact if kept[0] != CLOSED] + [kept for _, kept in sorted(behind)]


def _replay(path: Path) -> list[Kept] | None:
    with contextlib.closing(Journal(path)) as journal:
        try:
            return list(journal.replay())
        except JournalError:
            return None


def check_journal(data: bytes) -> None:
    """Files of any name and content: records that were written, in order, or JournalError."""
    with folder() as path:
        if not _unpack_files(data, path):
            return
        found = _replay(path)
        written = [kept for *_, kept in segments()[2]] + [(BASE, 3, b"base")]
        known = [*written, *((SPOKEN, round_, payload) for _, round_, payload in written)]
        assert found is None or all(kept in known for kept in found)
        with contextlib.closing(Journal(path)) as journal:
            journal.append(OWN, 9, b"after")
        assert (_replay(path) or [])[-1:] == [(OWN, 9, b"after")]


def _unpack_files(data: bytes, path: Path) -> bool:
    """Write the files that the bytes describe; False if they describe none."""
    try:
        files = msgspec.msgpack.decode(data, type=list[tuple[str, bytes]])
        for name, inside in files:
            if "/" in name or "\0" in name or name in ("", ".", ".."):
                return False
            (path / name).write_bytes(inside)
    except (msgspec.MsgspecError, ValueError, OSError):
        return False
    return True


ATTACHED = tuple(attachment(text, "salt") for text in (b"first", b"", b"third" * 50))


@cache
def contents() -> bytes:
    """A file of attachments: two that are there, and between them one that was destroyed."""
    head = content.encode_head(1)
    _, mark = content.decode_head(head, Path())
    first, gone, third = ATTACHED
    return b"".join(
        (
            head,
            content.encode_live(mark, first.commitment, first),
            content.encode_dead(mark, len(gone.content)),
            content.encode_live(mark, third.commitment, third),
        )
    )


def check_contents(data: bytes) -> None:
    """Attachments come back as they were committed to or not at all, and new ones can be kept; StoreError if
    the file cannot be told from another."""
    with folder() as path:
        (path / f"{1:012}.content").write_bytes(data)
        try:
            kept = Attachments(path, 1 << 20)
        except StoreError:
            return
        later = attachment(b"later", "salt")
        with contextlib.closing(kept):
            assert all(kept.find(one.commitment) in (one, None) for one in ATTACHED)
            kept.put((later,))
        with contextlib.closing(Attachments(path, 1 << 20)) as kept:
            assert kept.find(later.commitment) == later
            kept.erase([one.commitment for one in ATTACHED], 3)
        assert not any(b"third" * 50 in file.read_bytes() for file in path.glob("*.content"))


def check_key(data: bytes) -> None:
    """A key whose public half is the one in the file, or KeyFileError."""
    with folder() as path:
        (path / "key.json").touch(0o600)
        (path / "key.json").write_bytes(data)
        with contextlib.suppress(KeyFileError):
            assert load_key(path / "key.json").public.key.hex().encode() in data


@cache
def _keys() -> list[bytes]:
    with folder() as path:
        create_key(path / "ed", 1)
        create_key(path / "secp", 2)
        return [(path / name).read_bytes() for name in ("ed", "secp")]


def check_tokens(data: bytes) -> None:
    """Any file of tokens: nobody is let in by it but who was, or TokenError or KeyFileError."""
    with folder() as path:
        (path / "gateway.json").touch(0o600)
        (path / "gateway.json").write_bytes(_keys()[0])
        (path / FILE_NAME).touch(0o600)
        (path / FILE_NAME).write_bytes(data)
        tokens = Tokens(path)
        for token in (TOKEN, "weft_a_b", "weft__", "", "_" * 9, data.decode("latin-1")[:200]):
            with contextlib.suppress(TokenError, KeyFileError):
                assert tokens.find_key(token) is None or token == TOKEN


TOKEN = "weft_0123456789ab_" + "5" * 64


def _tokens() -> list[bytes]:
    salt = bytes(range(32))
    made = sha256(salt + TOKEN.split("_")[2].encode()).hexdigest()
    entry = {"name": TOKEN.split("_")[1], "salt": salt.hex(), "digest": made, "key": "gateway.json"}
    return [msgspec.json.encode([entry]), b"[]"]


def check_genesis(data: bytes) -> None:
    """A checked genesis whose own text says the same, or GenesisError."""
    try:
        genesis = parse_genesis(data)
    except GenesisError:
        return
    genesis.check()
    assert parse_genesis(format_genesis(genesis)).chain == genesis.chain


def check_config(data: bytes) -> None:
    """Settings that can be shown and used, or ConfigError."""
    with folder() as path:
        (path / "config.toml").write_bytes(data)
        with contextlib.suppress(ConfigError):
            assert explain(load_config(path))
    text = data.decode("utf-8", "replace")
    for key_name in ("peer.addresses", "limits.depth", "api.port", "node.name"):
        with folder() as path, contextlib.suppress(ConfigError):
            (path / "config.toml").touch()
            explain(load_config(path, {variable_of(key_name): text}))


CONFIG = b"""[node]
name = "node0"
[api]
host = "127.0.0.1"
port = 8700
url = "http://127.0.0.1:8700"
[peer]
addresses = ["127.0.0.1:8800", "[::1]:8801"]
[log]
level = "warning"
[limits]
ahead_ms_max = 500
[files]
upload_bytes_max = 17179869184
"""


def check_vectors(data: bytes) -> None:
    """Drawn DAGs are replayed, or VectorError says what is wrong with them."""
    with folder() as path, contextlib.suppress(VectorError):
        (path / "drawn.json").write_bytes(data)
        for case in load_cases(path / "drawn.json"):
            drawing = Drawing(case)
            drawing.replay_at_once()
            drawing.replay_one_by_one(drawing.vertices[::-1])


DRAWN = {
    "name": "a few rounds",
    "why": "to be changed",
    "model": "byzantine",
    "weights": [1, 1, 1],
    "slots_per_round": 3,
    "depth": 2,
    "dag": [
        f"{one}{round_}: " + " ".join(f"{each}{round_ - 1}" for each in (one, *"ABC".replace(one, "")))
        for round_ in (1, 2, 3)
        for one in "ABC"
    ],
    "slots": {"A1": "direct commit A1"},
    "final": [{"round": 1, "order": ["A1", "B1", "C1"]}],
}

TARGETS = (
    Target("segment", lambda: [segments()[0][:size] for size in (None, -60, HEAD_BYTES)], check_segment),
    Target(
        "journal",
        lambda: [
            msgspec.msgpack.encode([(FIRST, segments()[0]), (SECOND, segments()[1])]),
            msgspec.msgpack.encode([(SECOND, segments()[1]), ("stray", b""), ("lock", b"")]),
        ],
        check_journal,
    ),
    Target("contents", lambda: [contents()], check_contents),
    Target("key", _keys, check_key),
    Target("tokens", _tokens, check_tokens),
    Target(
        "genesis",
        lambda: [
            format_genesis(chain().genesis).encode(),
            format_genesis(make_genesis(False, 3, "crash", root="administrator")).encode(),
        ],
        check_genesis,
    ),
    Target("config", lambda: [CONFIG], check_config),
    Target("vectors", lambda: [msgspec.json.encode([DRAWN])], check_vectors),
)
