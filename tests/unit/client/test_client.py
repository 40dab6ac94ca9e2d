"""What programs do with a network: write, read, wait, follow, whichever node answers."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import weft
from tests.chain import attachment, key, make_genesis
from tests.unit.api.conftest import serving
from tests.unit.api.twin import Twin
from weft.client import (
    AsyncClient,
    Call,
    Client,
    KeyMissingError,
    Outcome,
    ProblemError,
    UnprovedError,
    UnreachableError,
)
from weft.client import nodes as nodes_module
from weft.client import signing as signing_module
from weft.client.verify import check_transaction
from weft.model.block import Checkpoint
from weft.model.call import PutRecords, RecordItem
from weft.model.errors import BehindError, ChainError, DivergedError, DocumentError, FullError, KeyFileError
from weft.model.keys import SECP256K1
from weft.model.transaction import Attachment, decode_transaction
from weft.model.view import Fate, Wait
from weft.storage.keyfile import create_key


def put(name: str, content: bytes = b"1") -> Call:
    return Call("records", "put", PutRecords((RecordItem("notes", name, 0, None),)), (content,))


def test_the_client_is_at_hand() -> None:
    """`from weft import Client`."""
    assert weft.Client is Client
    assert weft.AsyncClient is AsyncClient
    with pytest.raises(AttributeError):
        _ = weft.Nothing  # type: ignore[attr-defined]


class Answerer:
    """A server that answers everything with the same bytes, and counts how often it was asked."""

    def __init__(self, says: bytes) -> None:
        self.asked = 0
        self._says = says

    async def __aenter__(self) -> "Answerer":
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + self._says)
        await writer.drain()
        writer.close()


@pytest.mark.parametrize(
    "says",
    [b"\r\n<html>", b"\r\n[1]", b"\r\n" + b"[" * 9999, b"\r\n\xff", b"Content-Encoding: gzip\r\n\r\nno zip"],
)
async def test_an_answer_that_is_none_of_a_node_is_an_error_of_ours(says: bytes) -> None:
    """Of a proxy, say, or of somebody else who listens there."""
    async with Answerer(says) as there, AsyncClient(there.url, timeout_s=0.1, patience_s=0) as client:
        with pytest.raises((ProblemError, UnreachableError)):
            await client.status()


NO_EVENTS = [b"", b"data: {}\n\n", b"data: [\n\n", b"event: problem\ndata: 1\n\n"]


@pytest.mark.parametrize("says", NO_EVENTS)
async def test_who_ends_every_stream_at_once_is_asked_with_pauses(says: bytes) -> None:
    """They grow; without them one bad node would keep itself and its readers busy."""
    async with Answerer(b"\r\n" + says) as there, AsyncClient(there.url) as client:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(client.follow("0")), 0.5)
        assert 1 < there.asked < 10


async def test_another_transaction_that_is_proved_does_not_stand_for_ours(
    client: AsyncClient, twin: Twin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither one that the node names instead, nor one whose identity begins like it."""
    first = await client.submit("records", "put", put("a").arguments, [b"1"])
    fate = await twin.find_fate(bytes.fromhex(first.id))
    assert fate is not None

    async def submit(*_: object) -> Fate:
        return fate

    monkeypatch.setattr(twin, "submit", submit)
    client._session.timeout_s = 0.1
    with pytest.raises(ProblemError, match="knows nothing"):
        await client.submit("records", "put", put("b").arguments, [b"1"], wait="certified")
    blocks = [await client.read("/v1/blocks/1")]
    with pytest.raises(UnprovedError, match="another transaction"):
        check_transaction(twin.genesis, first.id[:-1], 0, blocks)


async def test_a_record_signed_here_belongs_to_the_key(client: AsyncClient, twin: Twin) -> None:
    """Written, read, conditional, hidden, erased; refusals keep the node's code and values."""
    written = await client.records.put("notes", "a b-ä", {"x": [1, "ü"]})
    assert written["version"] == 1
    shown = await client.records.get("notes", "a b-ä")
    assert shown["value"] == {"x": [1, "ü"]}
    assert shown["author"] == key("alice").public.address.hex()
    with pytest.raises(ProblemError) as caught:
        await client.records.put("notes", "a b-ä", 2, expected=7)
    assert (caught.value.code, caught.value.status, caught.value.members["version"]) == (
        "records.version",
        412,
        1,
    )
    await client.records.put_many("notes", {"b": None, "c": b"[ 1 ]"})
    assert [item["key"] async for item in client.records.list("notes")] == ["a b-ä", "b", "c"]
    await client.records.delete("notes", "b", expected=1)
    assert [item["deleted"] for item in await client.records.history("notes", "b")] == [True, False]
    await client.records.erase("notes", "c")
    with pytest.raises(ProblemError, match="erased at height 5"):
        await client.records.get("notes", "c")


def _nested(levels: int) -> list[object]:
    value: list[object] = []
    for _ in range(levels):
        value = [value]
    return value


UNREADABLE = [
    b"{bad",
    b'{"a":1,"a":2}',
    b"\xff",
    "\ud800",
    float("nan"),
    {1: 0, "1": 0},
    _nested(64),
    _nested(9999),
]


@pytest.mark.parametrize(
    "value", UNREADABLE, ids=lambda value: repr(value)[:20] if value != UNREADABLE[-1] else "deep"
)
async def test_what_nobody_could_read_is_not_signed(client: AsyncClient, value: Any) -> None:
    """No node looks into what is signed, so it is found here; alone and among others."""
    for write in (
        client.records.put("notes", "a", value),
        client.records.put_many("notes", {"a": value, "b": 1}),
    ):
        with pytest.raises(DocumentError):
            await write
    assert (await client.head())["height"] == 0


@pytest.mark.parametrize("name", [".", ".."])
async def test_a_key_that_no_path_can_hold_is_refused(client: AsyncClient, name: str) -> None:
    """By the ledger when it is written, and by the node, not as another path, when it is read."""
    with pytest.raises(ProblemError) as refused:
        await client.records.put("notes", name, 1)
    assert refused.value.code == "records.name"
    with pytest.raises(ProblemError, match="key must be") as refused:
        await client.records.get("notes", name)
    assert refused.value.code == "request.invalid"


async def test_without_a_key_the_node_signs(unsigned: AsyncClient) -> None:
    """The same verbs over the node's own account."""
    assert (await unsigned.records.put("notes", "a", "text"))["author"] == "local"
    with pytest.raises(ProblemError) as caught:
        await unsigned.records.put("notes", "a", 2, expected=0)
    assert caught.value.status == 412
    await unsigned.records.put("notes", "a", 2, expected=1)
    answer = await unsigned.records.put_many("notes", {"b": 1, "c ": {"d": 2}})
    assert [item["key"] for item in answer["items"]] == ["b", "c "]
    await unsigned.records.delete("notes", "b")
    await unsigned.records.erase("notes", "c ")
    assert [item["key"] async for item in unsigned.records.list("notes")] == ["a"]
    with pytest.raises(KeyMissingError):
        await unsigned.submit("records", "put", put("d").arguments, [b"1"])


async def test_an_answer_that_was_lost_is_asked_for_again(
    client: AsyncClient, unsigned: AsyncClient, twin: Twin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The write took effect before its answer was lost: it has one effect and that answer."""
    submit, lost = twin.submit, 2

    async def lose(raw: bytes, attachments: tuple[Attachment, ...], wait: Wait, timeout_ms: int) -> Fate:
        nonlocal lost
        fate = await submit(raw, attachments, wait, timeout_ms)
        if lost:
            lost -= 1
            raise BehindError("the answer is lost")
        return fate

    monkeypatch.setattr(twin, "submit", lose)
    assert (await client.records.put("notes", "a", 1))["version"] == 1
    assert (await unsigned.records.put("notes", "b", 1))["version"] == 1
    assert len(await client.records.history("notes", "a")) == 1
    assert len(await client.records.history("notes", "b")) == 1


async def test_many_are_sent_together(client: AsyncClient) -> None:
    """Each has its own outcome, in the order given."""
    calls = [put("a"), Call("records", "sing", PutRecords(())), put("b")]
    outcomes = await client.submit_many(calls)
    first, second, third = outcomes
    assert isinstance(first, Outcome)
    assert isinstance(third, Outcome)
    assert (first.status, first.result) == ("executed", {"version": 1})
    assert isinstance(second, ProblemError)
    assert (second.code, second.status) == ("call.unknown", 422)
    assert await client.submit_many([]) == []


async def test_what_a_full_node_refused_is_sent_again(
    client: AsyncClient, twin: Twin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only that; what was taken is not counted twice."""
    submit, full = twin.submit, 3

    async def refuse(raw: bytes, attachments: tuple[Attachment, ...], wait: Wait, timeout_ms: int) -> Fate:
        nonlocal full
        if full:
            full -= 1
            raise FullError("too many wait")
        return await submit(raw, attachments, wait, timeout_ms)

    monkeypatch.setattr(twin, "submit", refuse)
    outcomes = await client.submit_many([put(f"k{place}") for place in range(5)])
    assert [outcome.status for outcome in outcomes] == ["executed"] * 5
    assert twin.ledger.head.height == 5


async def test_waiting_ends_with_what_became_of_it(client: AsyncClient, twin: Twin) -> None:
    """Executed; refused; unknown when nobody knows it in time."""
    signed = await client.sign("records", "put", put("a").arguments, [b"1"])
    with pytest.raises(ProblemError) as caught:
        await client.wait(signed.id, timeout_s=0)
    assert caught.value.code == "transaction.unknown"
    accepted = await client.send(signed, wait="none")
    assert accepted.status == "pending"
    assert (await client.wait(signed.id, until="certified")).height == 1
    again = await client.send(signed)
    assert (again.height, again.position) == (1, 0)
    refused = await client.sign("records", "delete", put("a").arguments)
    with pytest.raises(ProblemError, match="encoding"):
        await client.send(refused)
    with pytest.raises(ProblemError) as caught:
        await client.wait(refused.id)
    assert caught.value.code == "arguments.invalid"


async def test_a_stalled_network_is_given_up_on(client: AsyncClient, twin: Twin) -> None:
    """With the identity, so that the program can ask later."""
    twin.is_stalled = True
    signed = await client.sign("records", "put", put("a").arguments, [b"1"])
    with pytest.raises(ProblemError) as caught:
        await client.send(signed, timeout_s=0.01)
    assert (caught.value.code, caught.value.members["id"]) == ("transaction.pending", signed.id)
    with pytest.raises(ProblemError):
        await client.wait(signed.id, timeout_s=0.01)


async def test_reads_see_own_writes_at_every_node(url: str, twin: Twin) -> None:
    """A node that is behind is passed over until it is not."""
    behind = Twin()
    async with serving(behind) as other, AsyncClient([url, other], key("alice")) as client:
        await client.records.put("notes", "a", 1)
        client._nodes.pass_over()
        assert (await client.records.get("notes", "a"))["value"] == 1
        assert client._nodes._urls[client._nodes._good] == url


async def test_many_requests_at_once_wait_for_their_turn(
    url: str, twin: Twin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that is slow for so many is not one that does not answer."""
    under_way, most = 0, 0
    reach = twin.reach

    async def slow(min_height: int | None, is_linearizable: bool) -> int:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.02)
        under_way -= 1
        return await reach(min_height, is_linearizable)

    monkeypatch.setattr(twin, "reach", slow)
    async with AsyncClient(url) as client:
        blocks = await asyncio.gather(*(client.read("/v1/blocks/0") for _ in range(300)))
    assert {block["height"] for block in blocks} == {0}
    assert 1 < most <= nodes_module.REQUESTS_AT_ONCE


@pytest.mark.parametrize("reason", [None, DivergedError("the state differs")])
async def test_events_are_followed_from_node_to_node(
    url: str, twin: Twin, monkeypatch: pytest.MonkeyPatch, reason: DivergedError | None
) -> None:
    """A stream that breaks, or that its node ends because it may not serve, goes on at another node: nothing
    twice, nothing left out."""
    follow = twin.follow

    async def breaking(cursor: tuple[int, int] | None) -> AsyncIterator[object]:
        left = 3
        async for row in follow(cursor):
            yield row
            left -= 1
            if not left and reason is not None:
                raise reason
            if not left:
                return

    monkeypatch.setattr(twin, "follow", breaking)
    async with serving(twin) as other, AsyncClient([url, other], key("alice")) as client:
        await client.submit_many([put(f"k{place}") for place in range(4)])
        found = []
        async for event in client.follow("0"):
            found.append(event["cursor"])
            if len(found) == 8:
                break
        assert found == ["1-0", "1-1", "2-0", "2-1", "3-0", "3-1", "4-0", "4-1"]


async def test_following_begins_now(client: AsyncClient) -> None:
    """Without a cursor: what comes later only."""
    await client.records.put("notes", "a", 1)
    first = asyncio.ensure_future(anext(client.follow()))
    while not first.done():
        await client.records.put("notes", "b", 1)
    assert (await first)["height"] > 1


async def test_a_cursor_that_no_node_has_is_said(url: str, twin: Twin) -> None:
    """Whether nobody has it any more, or nobody has it yet."""
    async with AsyncClient(url, timeout_s=0.2) as client:
        with pytest.raises(ProblemError, match="at height 0, asked for 7"):
            await anext(client.follow("7-0"))
        twin.pruned_below = 9
        with pytest.raises(ProblemError, match="gone"):
            await anext(client.follow("0-0"))


async def test_the_genesis_decides_whom_to_believe(url: str, twin: Twin) -> None:
    """A node of another network is refused before anything is signed for it."""
    async with AsyncClient(url, key("alice"), make_genesis(members=7)) as client:
        with pytest.raises(ChainError):
            await client.records.put("notes", "a", 1)
    assert twin.ledger.head.height == 0


async def test_a_transaction_is_proved_from_the_genesis(
    client: AsyncClient, twin: Twin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Step by step to the committee, with `certified` at once; a lie is found out."""
    outcome = await client.submit("records", "put", put("a").arguments, [b"1"], wait="certified")
    steps = await client.verify(outcome.id)
    assert [step.name for step in steps] == [
        "transaction",
        "receipt",
        "block",
        "chain",
        "signatures",
        "committee",
    ]
    honest, block = twin.ledger.checkpoint(1), twin.ledger.blocks[1]
    told: list[Checkpoint] = [honest]

    async def tell(height: int) -> Checkpoint:
        return told[-1]

    monkeypatch.setattr(twin, "find_checkpoint", tell)
    header = msgspec.structs.replace(block.header, time_ms=block.header.time_ms + 1)
    twin.ledger.blocks[1] = msgspec.structs.replace(block, header=header)
    with pytest.raises(UnprovedError, match="chain"):
        await client.verify(outcome.id)
    twin.ledger.blocks[1] = block
    told.append(msgspec.structs.replace(honest, signatures=honest.signatures[:2]))
    with pytest.raises(UnprovedError, match="signatures"):
        await client.verify(outcome.id)


async def test_a_proof_reaches_over_blocks_to_the_checkpoint(
    client: AsyncClient, twin: Twin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checkpoint stands two blocks above."""
    find = twin.find_checkpoint

    async def sparse(height: int) -> object:
        return await find(max(height, 3))

    monkeypatch.setattr(twin, "find_checkpoint", sparse)
    outcomes = await client.submit_many([put(f"k{place}") for place in range(4)])
    assert isinstance(outcomes[0], Outcome)
    steps = await client.verify(outcomes[0].id)
    assert any(step.detail == "3 headers, 1 to 3" for step in steps)


async def test_keys_of_both_curves_sign(url: str) -> None:
    """Ed25519 and secp256k1."""
    async with AsyncClient(url, key("bob", SECP256K1)) as client:
        assert (await client.records.put("notes", "a", 1))["version"] == 1


async def test_a_clock_that_is_wrong_does_no_harm(
    client: AsyncClient, twin: Twin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Expiry goes by the nodes' clock."""
    monkeypatch.setattr(nodes_module, "time", lambda: 1_000_000.0)
    monkeypatch.setattr(signing_module, "time", lambda: 1_000_000.0)
    signed = await client.sign("records", "put", put("a").arguments, [b"1"])
    expires_ms = decode_transaction(signed.raw, twin.chain, twin.limits).expires_ms
    assert expires_ms > 1_700_000_000_000


def test_a_key_file_must_be_the_owners_alone(tmp_path: Path) -> None:
    """Neither readable by others, nor missing, nor something else."""
    path = tmp_path / "key.json"
    made = create_key(path)
    with Client("http://127.0.0.1:1", path) as client:
        assert client._client._session.key is not None
        assert client._client._session.key.public == made.public
    path.chmod(0o644)
    for bad in (path, tmp_path / "missing.json"):
        with pytest.raises(KeyFileError):
            Client("http://127.0.0.1:1", bad)
    path.chmod(0o600)
    path.write_text('{"curve": "ed25519", "seed": "secret"}')
    with pytest.raises(KeyFileError) as caught:
        Client("http://127.0.0.1:1", path)
    assert "secret" not in str(caught.value)


async def test_the_blocking_client_has_the_same_verbs(url: str, nowhere: str, twin: Twin) -> None:
    """Each public verb of the one is one of the other, and works without await."""
    for one, other in (
        (AsyncClient, Client),
        (type(AsyncClient(url).records), type(Client(url).records)),
        (type(AsyncClient(url).files), type(Client(url).files)),
    ):
        verbs = {name for name in vars(one) if not name.startswith("_")}
        assert verbs == {name for name in vars(other) if not name.startswith("_")}

    def use() -> None:
        with Client([nowhere, url], key("alice"), twin.genesis) as client:
            assert client.records.put("notes", "a", 1)["version"] == 1
            assert client.records.get("notes", "a")["value"] == 1
            assert [item["key"] for item in client.records.list("notes")] == ["a"]
            assert next(iter(client.follow("0")))["cursor"] == "1-0"
            assert client.head()["height"] == 1
            outcomes = client.submit_many([put("b"), put("c")])
            assert isinstance(outcomes[0], Outcome)
            assert client.verify(outcomes[0].id)
            with pytest.raises(ProblemError):
                client.records.get("notes", "nothing")

    await asyncio.to_thread(use)


async def test_attachments_are_salted(client: AsyncClient) -> None:
    """Two transactions with one content have nothing in common that could be compared."""
    one = await client.sign("records", "put", put("a").arguments, [b"1"])
    two = await client.sign("records", "put", put("a").arguments, [b"1"])
    assert one.attachments[0].commitment != two.attachments[0].commitment
    assert one.attachments[0] != attachment(b"1")
