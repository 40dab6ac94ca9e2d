"""Content comes back as it was committed to or not at all, and what was destroyed stands in no file."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.model.errors import DiskFullError, StoreError
from weft.model.stored import Erased
from weft.model.transaction import Attachment
from weft.storage import attachments as attachments_module
from weft.storage import rows as rows_module
from weft.storage.attachments import Attachments
from weft.storage.content import HEAD_BYTES, LIVE_BYTES, RECORD_BYTES, RUN_BYTES_MAX
from weft.storage.memory import MemoryAttachments
from weft.storage.rows import Changes, Rows

AnyAttachments = Attachments | MemoryAttachments


def make(content: bytes) -> Attachment:
    """An attachment whose salt can be searched for as well."""
    return Attachment((b"salt of " + content).ljust(32, b".")[:32], content)


ONE, TWO, THREE = (
    make(b"first content, long enough"),
    make(b"second content, longer still"),
    make(b"third content"),
)


@pytest.fixture(params=["disk", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AnyAttachments]:
    if request.param == "memory":
        yield MemoryAttachments()
        return
    opened = Attachments(tmp_path)
    yield opened
    opened.close()


def test_content_is_found_from_the_moment_it_was_put(store: AnyAttachments) -> None:
    """Before and after the sync; what was never put is missing."""
    store.put([ONE, TWO])
    for _ in range(2):
        assert store.find(ONE.commitment) == ONE
        assert store.find(THREE.commitment) is None
        assert store.missing([THREE.commitment, ONE.commitment]) == [THREE.commitment]
        store.sync()


def test_many_are_found_as_each_alone_is(store: AnyAttachments) -> None:
    """What is here, was erased, waits to be written, or was never put; in any order, and twice."""
    store.put([ONE, TWO])
    store.sync()
    store.erase([TWO.commitment], 5)
    store.put([THREE])
    never = make(b"never").commitment
    wanted = [THREE.commitment, ONE.commitment, never, TWO.commitment, ONE.commitment]
    for _ in range(2):
        assert store.find_many(wanted) == {one: store.find(one) for one in wanted}
        store.sync()
    assert store.find_many(wanted)[ONE.commitment] == ONE
    assert store.find_many([]) == {}


def test_many_are_read_from_wherever_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In two files, with gaps where some were erased, one larger than what is read together."""
    monkeypatch.setattr(attachments_module, "FILE_BYTES_MAX", 2000)
    items = [make(b"number %d" % number * (3 + number)) for number in range(40)]
    items[25] = make(bytes(RUN_BYTES_MAX + 1))
    store = Attachments(tmp_path)
    for item in items:
        store.put([item])
        store.sync()
    store.erase([items[number].commitment for number in (3, 4, 17, 39)], 5)
    wanted = [item.commitment for item in reversed(items)]
    assert store.find_many(wanted) == {one: store.find(one) for one in wanted}
    assert len(attachments_module.content_paths(tmp_path)) > 1
    store.close()


def test_many_are_read_together_before_the_index_knows_them(tmp_path: Path) -> None:
    """None of them is opened by itself; what is erased meanwhile is not found any more."""
    many = [make(bytes([number])) for number in range(20)]
    store = Attachments(tmp_path)
    store.put(many)
    store.sync()
    opened: list[int] = []
    real = store._opened
    store._opened = lambda sequence: (opened.append(sequence), real(sequence))[1]  # type: ignore[method-assign]
    assert store.find_many([one.commitment for one in many]) == {one.commitment: one for one in many}
    assert opened == [1]
    store.erase([many[3].commitment], 2)
    assert store.find_many([many[3].commitment]) == {many[3].commitment: Erased(2)}
    store.close()


def test_what_was_erased_stays_erased(store: AnyAttachments) -> None:
    """At the lowest height heard of; also what was never here; putting it again changes nothing."""
    store.put([ONE, TWO])
    store.erase([ONE.commitment, THREE.commitment], 7)
    store.erase([ONE.commitment], 9)
    store.erase([ONE.commitment, THREE.commitment], 5)
    store.put([ONE, THREE])
    discard(store, ONE)
    assert [store.find(item.commitment) for item in (ONE, TWO, THREE)] == [Erased(5), TWO, Erased(5)]
    assert store.missing([ONE.commitment, THREE.commitment]) == []


def test_what_was_discarded_may_come_again(store: AnyAttachments) -> None:
    """It leaves no tombstone."""
    store.put([ONE])
    store.sync()
    discard(store, ONE, TWO)
    assert store.find(ONE.commitment) is None
    assert store.missing([ONE.commitment]) == [ONE.commitment]
    store.put([ONE])
    assert store.find(ONE.commitment) == ONE


def discard(store: AnyAttachments, *items: Attachment) -> None:
    """As if nobody had stated them since."""
    commitments = [item.commitment for item in items]
    store.suspect(commitments)
    store.discard(commitments)


def test_what_somebody_puts_or_misses_is_not_suspected_any_more(store: AnyAttachments) -> None:
    """It may be stated by now: only what nobody has looked for since is discarded."""
    items = [ONE, TWO, THREE]
    store.put(items)
    store.sync()
    store.suspect([item.commitment for item in items])
    store.put([ONE])
    assert store.missing([TWO.commitment]) == []
    store.discard([item.commitment for item in items])
    assert [store.find(item.commitment) for item in items] == [ONE, TWO, None]
    store.discard([ONE.commitment])
    assert store.find(ONE.commitment) == ONE


def test_what_is_here_is_listed(store: AnyAttachments) -> None:
    """Rising, in pages, without what was erased or discarded."""
    items = sorted((make(bytes((number,))) for number in range(6)), key=lambda item: item.commitment)
    store.put(items)
    store.erase([items[1].commitment], 7)
    discard(store, items[4])
    left = [items[at].commitment for at in (0, 2, 3, 5)]
    assert store.commitments(b"", 3) == left[:3]
    assert store.commitments(left[2], 3) == left[3:]
    assert store.commitments(left[3], 3) == []


STEPS = st.lists(
    st.tuples(st.sampled_from(["put", "sync", "erase", "discard", "reopen", "kill"]), st.integers(0, 3)),
    max_size=20,
)


@settings(max_examples=40, deadline=None)
@given(steps=STEPS, is_indexing=st.booleans())
def test_any_history_leaves_what_the_twin_has(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]], is_indexing: bool
) -> None:
    """Also across stops and kills, after which what was synced is there, and in the midst of indexing;
    destroyed bytes are in no file."""
    with pytest.MonkeyPatch.context() as patched:
        if is_indexing:
            patched.setattr(attachments_module, "UNINDEXED_MAX", 1)
            patched.setattr(rows_module, "STEP_PAGES_MAX", 1)
        follow(tmp_path_factory, steps)


def follow(tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]) -> None:
    items = [make(b"content number %d " % number * 3) for number in range(4)]
    folder = tmp_path_factory.mktemp("attachments")
    store, twin = Attachments(folder), MemoryAttachments()
    for height, (step, number) in enumerate(steps):
        item = items[number]
        if step == "put":
            store.put([item])
            twin.put([item])
        elif step == "sync":
            store.sync()
        elif step == "erase":
            store.erase([item.commitment], height)
            twin.erase([item.commitment], height)
        elif step == "discard":
            discard(store, item)
            discard(twin, item)
        elif step == "reopen":
            store.close()
            store = Attachments(folder)
        else:
            store.sync()
            folder = shutil.copytree(folder, tmp_path_factory.mktemp("killed") / "copy")
            store.close()
            store = Attachments(folder)
        assert [store.find(item.commitment) for item in items] == [
            twin.find(item.commitment) for item in items
        ]
    store.close()
    for item in items:
        stands = find_bytes(folder, item.content) or find_bytes(folder, item.salt)
        assert stands == isinstance(twin.find(item.commitment), Attachment)


def test_the_same_content_is_written_once(tmp_path: Path) -> None:
    """Within a call, before a sync, after it, and after a start."""
    store = Attachments(tmp_path)
    store.put([ONE, ONE])
    store.put([ONE])
    store.sync()
    store.put([ONE])
    store.close()
    store = Attachments(tmp_path)
    store.put([ONE])
    store.close()
    assert content_file(tmp_path).read_bytes().count(ONE.content) == 1


def test_a_torn_tail_is_wiped_at_every_byte(tmp_path: Path) -> None:
    """Whole records stay; of a torn one nothing stays in any file, and the store goes on."""
    live = Attachments(tmp_path / "live")
    live.put([ONE])
    live.sync()
    before = content_file(tmp_path / "live").stat().st_size
    live.put([TWO])
    live.sync()
    whole = content_file(tmp_path / "live").stat().st_size
    for size in range(before, whole):
        folder = shutil.copytree(tmp_path / "live", tmp_path / f"cut{size}")
        os.truncate(content_file(folder), size)
        store = Attachments(folder)
        assert store.find(ONE.commitment) == ONE
        assert store.find(TWO.commitment) is None
        assert not find_bytes(folder, TWO.salt[:13])
        store.put([TWO, THREE])
        store.close()
        store = Attachments(folder)
        assert [store.find(item.commitment) for item in (ONE, TWO, THREE)] == [ONE, TWO, THREE]
        store.close()
        shutil.rmtree(folder)
    live.close()


def test_a_hole_before_whole_records_is_wiped_too(tmp_path: Path) -> None:
    """Pages reach a disk in any order; what is whole behind the hole is kept."""
    live = Attachments(tmp_path / "live")
    live.put([ONE, TWO, THREE])
    live.sync()
    folder = shutil.copytree(tmp_path / "live", tmp_path / "copy")
    live.close()
    file = content_file(folder)
    start = HEAD_BYTES + LIVE_BYTES + len(ONE.content)
    file.write_bytes(
        file.read_bytes()[:start] + b"\0" * RECORD_BYTES + file.read_bytes()[start + RECORD_BYTES :]
    )
    store = Attachments(folder)
    assert [store.find(item.commitment) for item in (ONE, TWO, THREE)] == [ONE, None, THREE]
    assert not find_bytes(folder, TWO.content)
    store.close()


def test_a_second_copy_of_content_is_destroyed_at_the_start(tmp_path: Path) -> None:
    """However it came there: an erasure would find one copy and leave the other."""
    store = Attachments(tmp_path)
    store.put([ONE, TWO])
    store.sync()
    file = content_file(tmp_path)
    file.write_bytes(file.read_bytes() + file.read_bytes()[HEAD_BYTES:])
    copy = shutil.copytree(tmp_path, tmp_path.with_name("copy"))
    store.close()
    store = Attachments(copy)
    assert [store.find(item.commitment) for item in (ONE, TWO)] == [ONE, TWO]
    store.erase([ONE.commitment], 5)
    store.close()
    assert not find_bytes(copy, ONE.content)


@pytest.mark.parametrize("name", ["copy", "9" * 30, "000000000002"])
def test_a_file_that_is_not_called_as_it_should_be_is_named(tmp_path: Path, name: str) -> None:
    """What it holds would be looked for elsewhere."""
    Attachments(tmp_path).close()
    file = content_file(tmp_path)
    shutil.copy(file, file.with_stem(name))
    with pytest.raises(StoreError, match=f"{name}.content.* renamed"):
        Attachments(tmp_path)


def test_a_flipped_byte_is_never_given_out(tmp_path: Path) -> None:
    """Salt and content, byte by byte: StoreError with the file and the offset."""
    store = Attachments(tmp_path)
    store.put([ONE, TWO])
    store.close()
    file = content_file(tmp_path)
    whole = file.read_bytes()
    start = HEAD_BYTES + LIVE_BYTES + len(ONE.content)
    store = Attachments(tmp_path)
    for place in range(start + RECORD_BYTES, len(whole)):
        file.write_bytes(whole[:place] + bytes((whole[place] ^ 4,)) + whole[place + 1 :])
        with pytest.raises(StoreError, match=f"{file} at {start}"):
            store.find(TWO.commitment)
        assert store.find(ONE.commitment) == ONE
    store.close()


@pytest.mark.parametrize("is_overwritten", [False, True])
@pytest.mark.parametrize("is_erasure", [False, True])
def test_what_was_cut_short_is_finished_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_overwritten: bool, is_erasure: bool
) -> None:
    """Killed before the overwriting or after it: the intent was on disk first."""
    store = Attachments(tmp_path / "live")
    store.put([ONE, TWO])
    store.sync()
    overwrite = store._overwrite

    def die(spots: object) -> None:
        if is_overwritten:
            overwrite(spots)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "_overwrite", die)
    with pytest.raises(KeyboardInterrupt):
        store.erase([ONE.commitment], 7) if is_erasure else discard(store, ONE)
    folder = shutil.copytree(tmp_path / "live", tmp_path / "killed")
    store = Attachments(folder)
    assert not find_bytes(folder, ONE.content)
    assert not find_bytes(folder, ONE.salt)
    assert store.find(ONE.commitment) == (Erased(7) if is_erasure else None)
    assert store.find(TWO.commitment) == TWO
    store.close()


def test_an_erasure_while_content_is_read_and_put_leaves_nothing(tmp_path: Path) -> None:
    """Readers see the content or the tombstone, never damage, and nobody brings it back."""
    store = Attachments(tmp_path)
    items = [make(b"item number %d " % number * 5) for number in range(60)]
    store.put(items)
    seen: list[object] = []
    done = threading.Event()

    def read_and_put() -> None:
        while not done.is_set():
            for item in items:
                found = store.find(item.commitment)
                if found != item and not isinstance(found, Erased):
                    seen.append(found)
                store.put([item])

    reader = threading.Thread(target=read_and_put)
    reader.start()
    for item in items:
        store.sync()
        store.erase([item.commitment], 3)
    done.set()
    reader.join()
    store.close()
    assert seen == []
    assert not any(find_bytes(tmp_path, item.content) for item in items)


def test_content_goes_on_in_a_new_file_and_the_index_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With bounds so small that files, the queue and what is not indexed overflow all the time; a kill after
    any sync leaves all of it, and the index lacks twice its bound at most."""
    monkeypatch.setattr(attachments_module, "FILE_BYTES_MAX", 500)
    monkeypatch.setattr(attachments_module, "QUEUED_BYTES_MAX", 300)
    monkeypatch.setattr(attachments_module, "UNINDEXED_MAX", 7)
    monkeypatch.setattr(rows_module, "STEP_PAGES_MAX", 1)
    items = [make(b"item number %d " % number) for number in range(40)]
    live = Attachments(tmp_path / "live")
    for count, item in enumerate(items, 1):
        live.put([item])
        live.sync()
        assert count - len(live.commitments(b"", 100)) <= 2 * (7 + 1)
        folder = shutil.copytree(tmp_path / "live", tmp_path / f"killed{count}")
        store = Attachments(folder)
        assert [store.find(item.commitment) for item in items[:count]] == items[:count]
        assert store.missing([item.commitment for item in items]) == [
            item.commitment for item in items[count:]
        ]
        store.close()
    live.close()
    store = Attachments(folder)
    assert len(attachments_module.content_paths(folder)) > 3
    store.erase([item.commitment for item in items], 1)
    assert not any(find_bytes(folder, item.content) for item in items)
    store.close()


def test_an_end_between_two_writes_of_the_index_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a byte of content changes at the next start, though the index knows some of it already; all is
    found and can be erased."""
    items = [make(b"item number %d " % number) for number in range(7)]
    ends: list[Path] = []
    take = Rows.take

    def end_and_take(rows: Rows, changes: Changes, pause: Callable[[], object]) -> None:
        ends.append(shutil.copytree(tmp_path / "live", tmp_path / f"end{len(ends)}"))
        take(rows, changes, pause)

    live = Attachments(tmp_path / "live")
    with monkeypatch.context() as patched:
        patched.setattr(rows_module, "STEP_PAGES_MAX", 2)
        patched.setattr(Rows, "take", end_and_take)
        live.put(items)
        live.close()
    assert len(ends) == 4
    whole = content_file(tmp_path / "live").read_bytes()
    for end in ends:
        store = Attachments(end)
        assert [store.find(item.commitment) for item in items] == items
        assert content_file(end).read_bytes() == whole
        store.erase([item.commitment for item in items], 1)
        store.close()
        assert not any(find_bytes(end, item.content) for item in items)


def test_a_full_disk_is_named(tiny_disk: Path) -> None:
    """And what was synced before is still there."""
    store = Attachments(tiny_disk)
    store.put([ONE])
    store.sync()
    store.put([make(bytes(1 << 20))])
    with pytest.raises(DiskFullError, match=str(tiny_disk)):
        store.sync()
    with pytest.raises(DiskFullError, match=str(tiny_disk)):
        store.put([TWO])
    store.close()
    store = Attachments(tiny_disk)
    assert store.find(ONE.commitment) == ONE
    store.close()


def test_a_stop_without_news_writes_nothing(tmp_path: Path) -> None:
    """Content files and index stay as they are, byte for byte."""
    store = Attachments(tmp_path)
    store.put([ONE])
    store.close()
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.suffix in (".content", ".mdb")}
    Attachments(tmp_path).close()
    assert {path: path.read_bytes() for path in before if path.name != "lock.mdb"} == {
        path: data for path, data in before.items() if path.name != "lock.mdb"
    }


def test_a_file_of_content_that_is_gone_is_named(tmp_path: Path) -> None:
    """When something in it is asked for."""
    store = Attachments(tmp_path)
    store.put([ONE])
    store.sync()
    file = content_file(tmp_path)
    file.unlink()
    with pytest.raises(StoreError, match=f"{file} is missing"):
        store.find(ONE.commitment)
    store.close()


def content_file(folder: Path) -> Path:
    (path,) = attachments_module.content_paths(folder)
    return path


def find_bytes(folder: Path, wanted: bytes) -> bool:
    return any(wanted in path.read_bytes() for path in folder.rglob("*") if path.is_file())
