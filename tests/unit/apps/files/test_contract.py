"""The contract `files`."""

import pytest

from tests.chain import Chain, attachment, key, make_genesis
from weft.apps.files.contract import (
    FINDERS_MAX,
    READERS_MAX,
    FileState,
    find_file,
    find_findings,
    list_files,
    read_versions_of,
)
from weft.execution.version import PAGE
from weft.model.call import CreateFile, EraseFile, ShareFile, TagFile, UpdateFile
from weft.model.transaction import identity_of

ID = b"0123456789abcdef"
CONTENTS = (bytes(32), b"name", b"{}", b"[1,2]")


def create(chain: Chain, signer: str = "ann", *, id_: bytes = ID, media_type: str = "image/jpeg") -> bytes:
    arguments = CreateFile(id_, 1000, media_type, 0, 1, 2, 3)
    return chain.sign(signer, "files", "create", arguments, *CONTENTS)


def update(chain: Chain, signer: str = "ann", expected: int | None = None) -> bytes:
    return chain.sign(signer, "files", "update", UpdateFile(ID, 0, 1, None, expected), b"new name", b"{}")


def erase(chain: Chain, signer: str = "ann", expected: int | None = None) -> bytes:
    return chain.sign(signer, "files", "erase", EraseFile(ID, expected))


def file(chain: Chain) -> FileState:
    found = find_file(chain.state, ID)
    assert found is not None
    return found


def codes(chain: Chain, *transactions: bytes) -> list[str]:
    return [receipt.code for receipt in chain.run(*transactions)]


def test_a_file_is_what_its_transaction_said() -> None:
    """Size, media type, owner, times, commitments, and the transaction that a proof starts from."""
    chain, raw = Chain(), b""
    raw = create(chain)
    chain.commit(raw)
    made = file(chain)
    assert (made.owner, made.size, made.media_type) == (key("ann").public.address.hex(), 1000, "image/jpeg")
    assert (made.created_by, made.created_height, made.created_ms) == (identity_of(raw), 1, chain.time_ms)
    assert (made.newest.number, made.newest.position is not None) == (1, True)
    assert [id_ for id_, _ in list_files(chain.state, None, 10)] == [ID]


def test_an_update_is_a_new_version() -> None:
    """Name, metadata and position change; id, content and owner stay."""
    chain = Chain()
    chain.commit(create(chain))
    chain.commit(update(chain, "bob"))
    versions = list(read_versions_of(chain.state, ID, file(chain)))
    assert [(version.number, version.height) for version in versions] == [(2, 2), (1, 1)]
    assert file(chain).owner == key("ann").public.address.hex()
    assert versions[0].author == key("bob").public.address.hex()
    assert versions[0].position is None


def test_an_erasure_destroys_every_version_of_everything() -> None:
    """Digest, names, metadata and positions, those in pages too; each named once."""
    chain = Chain()
    chain.commit(create(chain))
    for _ in range(2 * PAGE):
        chain.commit(update(chain))
    chain.commit(erase(chain))
    assert len(chain.erased) == len(set(chain.erased)) == 4 + 2 * 2 * PAGE
    gone = file(chain)
    assert (gone.erased_height, gone.earlier, gone.pages) == (chain.head.height, (), 0)
    assert len([key for key in chain.state.values if key.startswith(b"files\0")]) == 1


def tag(chain: Chain, signer: str = "ann", by: str = "eyes-1", findings: bytes = b"{}") -> bytes:
    return chain.sign(signer, "files", "tag", TagFile(ID, by, 0), findings)


def test_a_program_tells_once_what_it_found() -> None:
    """The first that tells it is right for all nodes; another program, or another version, may tell more."""
    chain = Chain()
    first, second, other = tag(chain), tag(chain, "bob", findings=b'{"x":1}'), tag(chain, by="eyes-2")
    assert codes(chain, create(chain), first, second, other) == ["", "", "files.tagged", ""]
    found = find_findings(chain.state, ID)
    assert [(finding.by, finding.height) for finding in found] == [("eyes-1", 1), ("eyes-2", 1)]
    assert file(chain).newest.number == 1, "what a machine finds is no version of what people say"
    more = [tag(chain, by=f"eyes-{number}") for number in range(3, 10)]
    assert codes(chain, *more) == [""] * (FINDERS_MAX - 2) + ["files.finders"]


def test_what_was_found_goes_with_the_file() -> None:
    """Its attachment is destroyed, its entry is gone, and nothing can be told of the file again."""
    chain = Chain()
    chain.commit(create(chain))
    chain.commit(tag(chain))
    (finding,) = find_findings(chain.state, ID)
    chain.commit(erase(chain))
    assert finding.findings.digest in chain.erased
    assert find_findings(chain.state, ID) == ()
    assert codes(chain, tag(chain, by="eyes-2")) == ["files.erased"]


def test_who_may_tell_what_was_found() -> None:
    """In a closed network the owner, the nodes and administrators; a name that is none is refused."""
    roles = {"ann": "writer", "bob": "writer", "gate": "gateway"}
    chain = Chain(make_genesis(False, **roles))  # type: ignore[arg-type]
    told = codes(chain, create(chain), tag(chain, "bob"), tag(chain, "gate"), tag(chain, by="own-1"))
    assert told == ["", "files.owner", "", ""]
    assert codes(chain, tag(chain, by="No Name"), tag(chain, by="")) == ["files.invalid"] * 2


def test_an_erased_file_stays_erased() -> None:
    """It can be neither changed, nor erased again, nor made anew."""
    chain = Chain()
    assert codes(chain, create(chain), erase(chain)) == ["", ""]
    assert codes(chain, update(chain), erase(chain), create(chain)) == [
        "files.erased",
        "files.erased",
        "files.exists",
    ]


def test_a_file_that_is_not_there_says_so() -> None:
    """Before it was created."""
    chain = Chain()
    assert codes(chain, update(chain), erase(chain)) == ["files.missing", "files.missing"]


def test_a_change_may_be_conditional() -> None:
    """The refusal carries the version that is there."""
    chain = Chain()
    receipts = chain.run(
        create(chain), update(chain, expected=2), update(chain, expected=1), erase(chain, expected=1)
    )
    assert [receipt.code for receipt in receipts] == ["", "files.version", "", "files.version"]
    assert dict(receipts[3].result)["version"] == 2


def test_whose_file_it_is_counts_in_a_closed_network_only() -> None:
    """There its owner changes it, or an administrator; in an open one, anyone."""
    roles = {"ann": "writer", "bob": "writer", "cleo": "administrator"}
    closed, opened = Chain(make_genesis(False, **roles)), Chain(make_genesis(True, **roles))  # type: ignore[arg-type]
    for chain, refused in ((closed, "files.owner"), (opened, "")):
        assert codes(chain, create(chain), update(chain, "bob"), update(chain, "cleo")) == ["", refused, ""]
        assert codes(chain, erase(chain, "bob")) == [refused]


ALBUM = "ab" * 16


def create_private(chain: Chain, *readers: str) -> bytes:
    arguments = CreateFile(ID, 1000, "image/jpeg", 0, 1, 2, 3, readers)
    return chain.sign("ann", "files", "create", arguments, *CONTENTS)


def share(chain: Chain, signer: str, readers: tuple[str, ...] | None) -> bytes:
    return chain.sign(signer, "files", "share", ShareFile(ID, readers))


def test_who_may_see_a_file_is_said_by_its_owner() -> None:
    """When it is made or later: a whole list each time, in order and each once; by an administrator too, and
    by nobody else, on an open network as on a closed one. It is no version of the file."""
    bob = key("bob").public.address.hex()
    for is_open in (True, False):
        roles = {"ann": "writer", "bob": "writer", "cleo": "administrator"}
        chain = Chain(make_genesis(is_open, **roles))  # type: ignore[arg-type]
        assert codes(chain, create_private(chain, bob, ALBUM, bob)) == [""]
        assert file(chain).readers == tuple(sorted((ALBUM, bob)))
        assert codes(chain, share(chain, "bob", None), share(chain, "ann", ())) == ["files.owner", ""]
        assert file(chain).readers == ()
        (receipt,) = chain.run(share(chain, "cleo", None))
        assert (receipt.code, file(chain).readers, file(chain).newest.number) == ("", None, 1)
        (event,) = receipt.events
        assert (event.type, {name for name, _ in event.data}) == ("file.shared", {"id", "version", "owner"})


def test_a_file_that_not_everybody_may_see_belongs_to_its_owner_on_an_open_network_too() -> None:
    """Others can neither change it, nor erase it, nor tell of it; nodes may tell."""
    chain = Chain(make_genesis(True, gate="gateway"))
    chain.commit(create_private(chain))
    assert codes(chain, update(chain, "bob"), tag(chain, "bob"), erase(chain, "bob")) == ["files.owner"] * 3
    assert codes(chain, tag(chain, "gate"), update(chain), erase(chain)) == ["", "", ""]
    assert file(chain).readers is None
    assert codes(chain, share(chain, "ann", ())) == ["files.erased"]


def test_readers_are_bounded_and_well_formed() -> None:
    """Addresses and ids of collections, so many at most."""
    chain = Chain()
    many = tuple(f"{number:040x}" for number in range(READERS_MAX + 1))
    assert codes(chain, create_private(chain, *many)) == ["files.readers"]
    assert codes(chain, create_private(chain, *many[1:])) == [""]
    assert codes(chain, share(chain, "ann", many), share(chain, "ann", ("local",))) == [
        "files.readers",
        "arguments.invalid",
    ]


@pytest.mark.parametrize(
    "media_type", ["", "image", "image/", "Image/jpeg", "image/jpeg; q=1", "image/jpeg\n", "a/" + "b" * 128]
)
def test_a_media_type_is_two_names_and_a_slash(media_type: str) -> None:
    """Nothing else gets onto the ledger in its place."""
    chain = Chain()
    assert codes(chain, create(chain, media_type=media_type)) == ["files.invalid"]


def test_the_digest_is_thirty_two_bytes() -> None:
    """Its size is stated and checked; more could be anything."""
    chain = Chain()
    raw = chain.sign("ann", "files", "create", CreateFile(ID, 1, "a/b", 0, 1, 2, None), b"short", b"n", b"{}")
    assert codes(chain, raw) == ["files.invalid"]


@pytest.mark.parametrize("numbers", [(0, 1, 1, None), (0, 1, 4, 3), (0, 1, 2, None), (0, 1, 2, 2)])
def test_every_attachment_has_one_place(numbers: tuple[int, int, int, int | None]) -> None:
    """None shared, none left over, none that is not there."""
    chain = Chain()
    raw = chain.sign("ann", "files", "create", CreateFile(ID, 1, "a/b", *numbers), *CONTENTS)
    assert codes(chain, raw) == ["attachments.mismatch"]


def test_an_event_names_the_file_and_nothing_personal() -> None:
    """Its id, version and owner; content is fetched by reference."""
    chain = Chain()
    receipts = chain.run(create(chain), update(chain), erase(chain))
    events = [receipt.events[0] for receipt in receipts]
    assert [event.type for event in events] == ["file.created", "file.updated", "file.erased"]
    assert {name for event in events for name, _ in event.data} == {"id", "version", "owner"}


def test_another_salt_makes_another_commitment() -> None:
    """So the same name in two files can't be recognised on the ledger."""
    assert attachment(b"name", "1").commitment != attachment(b"name", "2").commitment
