"""Many files, through the routes of the application."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Callable
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.chain import key
from tests.unit.client.conftest import FilesTwin
from tests.unit.client.test_files import signer
from weft.apps.files import draft
from weft.client import AsyncClient, Options, ProblemError, Tally, UnreachableError, Uploaded
from weft.client.uploader import later, reading, rest, run, sender
from weft.client.uploader.state import State

__all__ = ["signer"]

LARGE = random.Random(1).randbytes(300_000)


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of more than 64 KiB go in pieces of 50,000 bytes."""
    monkeypatch.setattr(sender, "WHOLE_BYTES_MAX", 1 << 16)
    monkeypatch.setattr(sender, "PIECE_BYTES", 50_000)
    monkeypatch.setattr(sender, "CHANGED_PAUSE_S", 0.01)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files of many kinds, and what is none."""
    top = tmp_path / "holiday"
    (top / "deep" / "er").mkdir(parents=True)
    (top / ".git").mkdir()
    (top / ".git" / "config").write_bytes(b"hidden")
    (top / "a.txt").write_bytes(b"one")
    (top / "deep" / "same as a.txt").write_bytes(b"one")
    (top / "deep" / "er" / "large.bin").write_bytes(LARGE)
    (top / "empty").write_bytes(b"")
    (top / "link.txt").symlink_to(top / "deep" / "b.txt")
    (top / "deep" / "b.txt").write_bytes(b"two")
    (top / "loop").symlink_to(top)
    (top / "broken").symlink_to(top / "nowhere")
    os.mkfifo(top / "pipe")
    (top / "deep" / "er" / os.fsdecode(b"caf\xe9.txt")).write_bytes(b"three")
    (top / "deep" / 'naïve "quoted"\nline.txt').write_bytes(b"four")
    return top


async def put(
    client: AsyncClient, *paths: Path, tally: Tally | None = None, **options: object
) -> dict[str, Uploaded]:
    """Results by name."""
    found = client.files.put_many(paths, Options(**options), tally=tally)  # type: ignore[arg-type]
    return {one.path.name: one async for one in found}


async def test_a_folder_goes_in_once(files_url: str, nowhere: str, signer: object, folder: Path) -> None:
    """Every file with its bytes and tags; equal ones once; a second run sends nothing."""
    async with AsyncClient([nowhere, files_url], signer) as client:  # type: ignore[arg-type]
        tally = Tally()
        done = await put(client, folder, tally=tally, metadata={"tags": ["summer"]})
        states = {name: one.state for name, one in done.items()}
        assert sorted([states.pop("a.txt"), states.pop("same as a.txt")]) == ["already there", "stored"]
        assert sorted([states.pop("link.txt"), states.pop("b.txt")]) == ["already there", "stored"]
        assert [states.pop(name) for name in ("loop", "broken", "pipe")] == ["skipped"] * 3
        assert states.keys() == {"large.bin", "empty", "caf\udce9.txt", 'naïve "quoted"\nline.txt'}
        assert set(states.values()) == {"stored"}
        assert (tally.hidden, tally.is_counted, tally.found_files, tally.done_files) == (1, True, 8, 8)
        assert tally.done_bytes == tally.found_bytes
        for one in done.values():
            if one.id is not None:
                content = one.path.read_bytes()
                shown = await client.files.show(one.id)
                assert (shown["sha256"], shown["metadata"]) == (
                    sha256(content).hexdigest(),
                    {"tags": ["summer"]},
                )
                assert await client.files.get(one.id) == content
        assert (await client.files.show(done["caf\udce9.txt"].id or ""))["name"] == "caf�.txt"

        again = Tally()
        second = await put(client, folder, tally=again, metadata={"tags": ["summer"]})
        assert {one.state for one in second.values() if one.id} == {"already there"}
        assert {one.id for one in second.values()} == {one.id for one in done.values()}
        assert (again.sent_bytes, again.done_bytes) == (0, tally.done_bytes)


async def test_a_dry_run_tells_and_sends_nothing(files_url: str, folder: Path) -> None:
    """What would be stored, and what is there."""
    async with AsyncClient(files_url, key("alice")) as client:
        await client.files.put(folder / "a.txt")
        done = await put(client, folder, dry_run=True)
        assert done["same as a.txt"].state == "already there"
        assert done["large.bin"].state == "would be stored"
        assert (await client.files.search())["total"] == 1


async def test_only_what_is_wanted_is_found(files_url: str, folder: Path) -> None:
    """Without recursion the folder's own files, with hidden ones those too; a hidden path given is taken."""
    async with AsyncClient(files_url) as client:
        assert (await put(client, folder, dry_run=True, recursive=False)).keys() == {
            *("a.txt", "empty", "link.txt", "loop", "broken", "pipe")
        }
        assert "config" in await put(client, folder, dry_run=True, hidden=True)
        assert "config" in await put(client, folder / ".git" / "config", dry_run=True)


async def test_what_cannot_be_read_is_refused_and_the_rest_goes_on(files_url: str, tmp_path: Path) -> None:
    """With a code and a reason."""
    (tmp_path / "a").write_bytes(b"a")
    async with AsyncClient(files_url) as client:
        done = await put(client, tmp_path / "gone", tmp_path / "a")
    assert (done["gone"].state, done["gone"].code) == ("refused", "client.unreadable")
    assert done["gone"].reason == "No such file or directory"
    assert done["a"].state == "stored"


async def test_a_file_that_changes_is_stored_as_it_is_in_the_end(
    files_url: str, folder: Path, signer: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small and a large one: never a mixture of two states."""
    real, large, small = sender.Sender._send_piece, folder / "deep" / "er" / "large.bin", folder / "a.txt"
    pieces = 0

    async def send_piece(self: sender.Sender, *given: object) -> int:
        nonlocal pieces
        pieces += 1
        if pieces == 3:
            large.write_bytes(LARGE[::-1])
        return await real(self, *given)  # type: ignore[arg-type]

    whole = sender.Sender._send_whole

    async def send_whole(self: sender.Sender, *given: object) -> object:
        small.write_bytes(b"another one")
        return await whole(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(sender.Sender, "_send_piece", send_piece)
    monkeypatch.setattr(sender.Sender, "_send_whole", send_whole)
    async with AsyncClient(files_url, signer) as client:  # type: ignore[arg-type]
        done = await put(client, large, small)
        assert done["large.bin"].sha256 == sha256(LARGE[::-1]).hexdigest()
        assert done["a.txt"].sha256 == sha256(b"another one").hexdigest()
        assert (await client.files.search())["total"] == 2


async def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(
    files_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It came after the file was found."""
    from weft.client.uploader import run

    file, real = folder / "a.txt", run.digest_file

    def replace(path: Path, over: Callable[[], bool]) -> reading.Digested:
        path.unlink()
        os.mkfifo(path)
        return real(path, over)

    monkeypatch.setattr(run, "digest_file", replace)
    async with AsyncClient(files_url, key("alice")) as client:
        done = await put(client, file)
    assert (done["a.txt"].state, done["a.txt"].code) == ("refused", "client.changed")


async def test_a_file_that_never_rests_is_refused(
    files_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said so; nothing of it is stored."""
    real, large = sender.Sender._send_piece, folder / "deep" / "er" / "large.bin"

    async def send_piece(self: sender.Sender, *given: object) -> int:
        large.write_bytes(random.randbytes(300_000))
        return await real(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(sender.Sender, "_send_piece", send_piece)
    async with AsyncClient(files_url, key("alice")) as client:
        done = await put(client, large)
        assert (done["large.bin"].state, done["large.bin"].code) == ("refused", "client.changed")
        assert (await client.files.search())["total"] == 0


async def test_an_uploader_that_was_stopped_goes_on_within_a_file(
    files_url: str, folder: Path, signer: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Left in the middle of a large file, the next run sends the rest alone."""
    real = sender.Sender._send_piece
    stopped, pieces = asyncio.Event(), 0

    async def send_piece(self: sender.Sender, *given: object) -> int:
        nonlocal pieces
        pieces += 1
        if pieces == 4 and not stopped.is_set():
            stopped.set()
            await asyncio.Event().wait()
        return await real(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(sender.Sender, "_send_piece", send_piece)
    large, state = folder / "deep" / "er" / "large.bin", tmp_path / "state" / "uploads.sqlite"
    async with AsyncClient(files_url, signer) as client:  # type: ignore[arg-type]
        first = asyncio.create_task(put(client, large, state=state))
        await stopped.wait()
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        tally = Tally()
        done = await put(client, large, state=state, tally=tally)
        assert (done["large.bin"].state, tally.sent_bytes) == ("stored", len(LARGE) - 3 * 50_000)
        assert await client.files.get(done["large.bin"].id or "") == LARGE


async def test_an_answer_that_was_lost_makes_no_second_file(
    files_url: str, nowhere: str, folder: Path, signer: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file was stored and nobody heard of it: asked again, it is found to be this run's own."""
    from weft.client.nodes import Nodes

    real, lost = Nodes.ask, set[str]()

    async def ask(self: Nodes, method: str, path: str, **given: object) -> object:
        answer = await real(self, method, path, **given)  # type: ignore[arg-type]
        kind = path.rpartition("/")[2] if "uploads" in path else path
        if method == "POST" and not path.endswith(":known") and kind not in lost:
            lost.add(kind)
            raise UnreachableError("the answer was lost")
        return answer

    monkeypatch.setattr(Nodes, "ask", ask)
    async with AsyncClient([files_url, nowhere], signer) as client:  # type: ignore[arg-type]
        done = await put(client, folder / "a.txt", folder / "deep" / "er" / "large.bin")
        assert {one.state for one in done.values()} == {"stored"}
        assert (await client.files.search())["total"] == 2
    assert len(lost) > 1


async def test_watching_takes_what_is_new_once_it_rests(
    files_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is still written is left alone until it is whole; one that changes is taken again."""
    from weft.client.uploader import rest

    monkeypatch.setattr(rest, "REST_S", 0.4)
    monkeypatch.setattr(rest, "PASS_S", 0.1)
    monkeypatch.setattr(rest, "SHARE", 0)
    async with AsyncClient(files_url, key("alice")) as client:
        results = client.files.put_many([folder / "deep"], Options(watch=True))
        async with asyncio.timeout(30):
            seen = {(await anext(results)).path.name for _ in range(5)}
            assert "large.bin" in seen
            new = folder / "deep" / "new.bin"
            for _ in range(6):
                with new.open("ab") as file:
                    file.write(b"more ")
                await asyncio.sleep(0.2)
            one = await anext(results)
            assert (one.path.name, one.sha256) == ("new.bin", sha256(b"more " * 6).hexdigest())
            new.write_bytes(b"other")
            assert (await anext(results)).sha256 == sha256(b"other").hexdigest()
        await results.aclose()  # type: ignore[attr-defined]
        assert (await client.files.search(q="new"))["total"] == 2


async def test_a_file_that_waits_for_its_turn_is_not_found_again(
    files_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many passes go by while no node answers."""
    from weft.client.uploader import rest, run

    monkeypatch.setattr(rest, "REST_S", 0.1)
    monkeypatch.setattr(rest, "PASS_S", 0.05)
    monkeypatch.setattr(rest, "SHARE", 0)
    real, asked = run.Run._find_there, 0

    async def find_there(self: run.Run, batch: object) -> object:
        nonlocal asked
        asked += 1
        if asked < 15:
            raise UnreachableError("nobody is there")
        return await real(self, batch)  # type: ignore[arg-type]

    monkeypatch.setattr(run.Run, "_find_there", find_there)
    monkeypatch.setattr(run, "PAUSE_S_MAX", 0.1)
    async with AsyncClient(files_url, key("alice")) as client:
        results = client.files.put_many([folder / "a.txt"], Options(watch=True))
        async with asyncio.timeout(30):
            assert (await anext(results)).state == "stored"
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(results), 1)


async def test_an_erased_file_is_stored_anew(files_url: str, signer: object, folder: Path) -> None:
    """Within the day for which keys of wishes are remembered, too."""
    async with AsyncClient(files_url, signer) as client:  # type: ignore[arg-type]
        state, paths = folder.parent / "state", (folder / "a.txt", folder / "deep" / "er" / "large.bin")
        first = await put(client, *paths, state=state)
        for one in first.values():
            await client.files.erase(one.id or "")
        tally = Tally()
        again = await put(client, *paths, state=state, tally=tally)
        assert {one.state for one in again.values()} == {"stored"}
        assert tally.sent_bytes == sum(path.stat().st_size for path in paths)
        assert all(again[name].id != first[name].id for name in again)


async def test_a_digest_is_believed_only_while_the_file_is_as_it_was(
    files_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Same size and time of modification, other bytes: it is read again, for the time of change tells."""
    monkeypatch.setattr(reading, "YOUNG_NS", 0)
    file, state = tmp_path / "a", tmp_path / "state"
    file.write_bytes(b"one")
    os.utime(file, ns=(10**18, 10**18))
    await asyncio.sleep(0.05)
    async with AsyncClient(files_url, key("alice")) as client:
        assert (await put(client, file, state=state))["a"].state == "stored"
        read = reading.digest_file
        calls: list[Path] = []
        monkeypatch.setattr(
            "weft.client.uploader.run.digest_file", lambda path, over: calls.append(path) or read(path, over)
        )
        assert (await put(client, file, state=state))["a"].state == "already there"
        assert calls == []
        assert (await put(client, file, state=state, rehash=True))["a"].state == "already there"
        file.write_bytes(b"two")
        os.utime(file, ns=(10**18, 10**18))
        assert (await put(client, file, state=state))["a"].sha256 == sha256(b"two").hexdigest()
        assert calls == [file, file]


async def test_a_damaged_state_file_is_begun_anew(files_url: str, folder: Path) -> None:
    """It only ever saves time."""
    state = folder.parent / "state"
    state.write_bytes(b"no database at all" * 100)
    async with AsyncClient(files_url, key("alice")) as client:
        assert (await put(client, folder / "a.txt", state=state))["a.txt"].state == "stored"
        assert state.read_bytes().startswith(b"SQLite format 3")


async def test_no_node_at_all_ends_the_run(nowhere: str, folder: Path) -> None:
    """Not one file after another is refused; the error says what is wrong."""
    async with AsyncClient(nowhere, key("alice"), patience_s=0.1) as client:
        with pytest.raises(UnreachableError):
            await put(client, folder, patience_s=0.2)


async def test_leaving_early_stops_everything(files_url: str, files_twin: FilesTwin, tmp_path: Path) -> None:
    """However full the queues are."""
    for number in range(500):
        (tmp_path / f"{number:03}").write_bytes(b"%d" % number)
    async with AsyncClient(files_url, key("alice")) as client:
        results: AsyncIterator[Uploaded] = client.files.put_many([tmp_path], Options(dry_run=True))
        await anext(results)
        await asyncio.sleep(0.5)
        async with asyncio.timeout(5):
            await results.aclose()  # type: ignore[attr-defined]


async def test_what_is_to_be_private_is_never_public(files_url: str, signer: object, folder: Path) -> None:
    """Whole or in pieces; a file that is there and that others may see is refused, not passed over."""
    async with AsyncClient(files_url, signer) as client:  # type: ignore[arg-type]
        public = await client.files.put(folder / "deep" / "b.txt")
        for state in ("stored", "already there"):
            done = await put(client, folder, readers=())
            assert (done["b.txt"].state, done["b.txt"].code) == ("refused", "file.readers")
            assert done["large.bin"].state == done["empty"].state == state
            id_ = done["large.bin"].id
            assert id_ is not None
            assert (await client.files.show(id_))["readers"] == []
            async with AsyncClient(files_url, key("eve")) as other:
                with pytest.raises(ProblemError, match="has not shared it with"):
                    await other.files.show(id_)
        await client.files.share(public["id"], ["ab" * 20, "ab" * 20])
        done = await put(client, folder / "deep" / "b.txt", readers=("ab" * 20,))
        assert (done["b.txt"].state, done["b.txt"].id) == ("already there", public["id"])
        assert (await client.files.search())["total"] == 6


async def test_uploads_that_were_left_at_other_nodes_are_ended(
    files_url: str, signer: object, tmp_path: Path
) -> None:
    """What a node holds of a file that another address of it took whole, or of what the file held before, is
    destroyed."""
    path, state = tmp_path / "large.bin", tmp_path / "state"
    path.write_bytes(LARGE)
    async with AsyncClient([files_url], signer) as client:  # type: ignore[arg-type]
        nodes = client.files._session.nodes
        left = await nodes.ask_json(
            "POST", "/v1/uploads", headers=sender.JSON, body=b'{"size": 300000}', timeout_s=5
        )
        remembered = State(state, 0)
        remembered.keep_draft(path, "0" * 64, files_url, left["id"])
        remembered.close()
        done = await put(client, path, state=state)
        assert done["large.bin"].state == "stored"
        with pytest.raises(ProblemError) as caught:
            await nodes.ask_json("GET", f"/v1/uploads/{left['id']}", timeout_s=0.0)
        assert caught.value.code == "upload.unknown"


async def test_a_file_without_room_is_refused_and_the_rest_goes_on(
    files_url: str, signer: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When others went through while it was tried; else the run ends, and names it."""
    room = SimpleNamespace(free=100_000)
    monkeypatch.setattr(draft.shutil, "disk_usage", lambda _: room)
    large, small = tmp_path / "a large.bin", [tmp_path / f"b{number}.txt" for number in range(9)]
    large.write_bytes(LARGE)
    for path in small:
        path.write_bytes(path.name.encode())
    async with AsyncClient([files_url], signer) as client:  # type: ignore[arg-type]
        done = await put(client, large, *small, at_once=2, patience_s=2.0)
        assert (done[large.name].state, done[large.name].code) == ("refused", "disk.full")
        assert {done[path.name].state for path in small} == {"stored"}
        with pytest.raises(ProblemError, match=r"a large\.bin.*no room") as caught:
            await put(client, large, patience_s=0.5)
        assert caught.value.code == "disk.full"


async def test_a_watched_file_without_room_holds_up_no_other(
    files_url: str, signer: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There are more such files than may be on their way at once. Each is told of once, and goes in as soon
    as there is room."""
    for name, value in (("REST_S", 0.1), ("PASS_S", 0.05), ("SHARE", 0)):
        monkeypatch.setattr(rest, name, value)
    monkeypatch.setattr(later, "PAUSE_S_FIRST", 0.2)
    monkeypatch.setattr(later, "PAUSE_S_MAX", 0.4)
    room, asked = SimpleNamespace(free=100_000), 0

    def disk_usage(_: Path) -> SimpleNamespace:
        nonlocal asked
        asked += 1
        return room

    monkeypatch.setattr(draft.shutil, "disk_usage", disk_usage)
    large = {f"a{number}.bin" for number in range(3)}
    small = {f"b{number}.txt" for number in range(5)}
    top = tmp_path / "watched"
    top.mkdir()
    for name in large | small:
        (top / name).write_bytes(name.encode() * (50_000 if name in large else 1))
    async with AsyncClient([files_url], signer) as client:  # type: ignore[arg-type]
        results = client.files.put_many([top], Options(watch=True, at_once=2))
        async with asyncio.timeout(60):
            first = [await anext(results) for _ in range(8)]
            assert {one.path.name for one in first if one.state == "stored"} == small
            assert {(one.path.name, one.code) for one in first if one.state == "refused"} == {
                (name, "disk.full") for name in large
            }
            enough = asked + 3 * len(large)
            for _ in range(4000):
                if asked >= enough:
                    break
                await asyncio.sleep(0.01)
            assert asked >= enough, "they are tried again"
            room.free = 1 << 30
            then = [await anext(results) for _ in large]
        await results.aclose()  # type: ignore[attr-defined]
    assert {(one.path.name, one.state) for one in then} == {(name, "stored") for name in large}


async def test_one_who_watches_holds_up_no_other(
    files_url: str, folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Several uploaders share what is remembered, and nobody else may read it."""
    state = tmp_path / "state" / "uploads.sqlite"
    async with AsyncClient([files_url]) as client:
        watching = client.files.put_many([folder / "deep"], Options(watch=True, state=state))
        async for one in watching:
            if one.state == "stored":
                break
        # Both are in one loop here, where the second waits in vain for what the first has to write.
        await asyncio.sleep(2 * run.COMMIT_S)
        assert await asyncio.wait_for(put(client, folder / "a.txt", state=state), 10)
        assert {path.stat().st_mode & 0o777 for path in state.parent.iterdir()} == {0o600}
        await watching.aclose()  # type: ignore[attr-defined]
    assert not caplog.records


def test_what_cannot_be_remembered_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Once, with the reason."""
    (tmp_path / "file").touch()
    State(tmp_path / "file" / "state", 0).close()
    assert "nothing is remembered" in caplog.text
