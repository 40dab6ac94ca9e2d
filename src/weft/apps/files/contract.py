"""The contract `files`: what the ledger knows of a file (`docs/protocol/ledger.md` section 5).

On the ledger stand id, size, media type, owner, versions and times; name, SHA-256, metadata and position are
attachments, of which only the commitments are here. So is what programs found in its content, once for each
program: the first that tells it is right for all. An erased file keeps its id, so that it can be said when
it was erased and no other file can take its place.

A file that not everybody may see is on the ledger like any other, with who may. That they see its content,
attachments and findings, and nobody else does, is held by the nodes when they are asked (`viewer`).
"""

from collections.abc import Callable, Iterator

import msgspec

from weft.execution.contract import (
    WRITERS,
    Call,
    Context,
    Contract,
    Failure,
    Reader,
    drop_pages,
    keep_version,
    read_versions,
    show_page,
    state_key,
)
from weft.model.call import (
    CreateFile,
    EraseFile,
    FileId,
    Principal,
    ShareFile,
    TagFile,
    UpdateFile,
    is_finder,
    is_media_type,
)
from weft.model.digest import Digest
from weft.model.encoding import Natural, Record, decode, encode
from weft.model.receipt import Named
from weft.model.transaction import Commitment

NAME = "files"
_DIGEST_BYTES = 32
FINDERS_MAX = 8
"""Programs that may tell what they found in one file."""
FINDERS = ("gateway", "administrator")
"""Who tells it of files of others, in a closed network: the nodes."""
READERS_MAX = 100
"""Accounts and collections that a file is shared with."""


class FileVersion(Record, frozen=True):
    """What may change about a file."""

    number: Natural
    author: str
    """An address in hex, or `local`."""
    height: Natural
    time_ms: Natural
    name: Commitment
    metadata: Commitment
    position: Commitment | None


class Finding(Record, frozen=True):
    """What a program found in a file's content."""

    by: str
    """The program and its version."""
    author: str
    """An address in hex, or `local`."""
    height: Natural
    findings: Commitment


class Findings(Record, frozen=True):
    """The state's value for what was found in a file, first told first."""

    all: tuple[Finding, ...]


class FileState(Record, frozen=True):
    """The state's value for a file."""

    owner: str
    """An address in hex, or `local`."""
    size: Natural
    media_type: str
    digest: Commitment
    """To the SHA-256 of the content."""
    created_by: Digest
    """Identity of the transaction that a proof starts from."""
    created_height: Natural
    created_ms: Natural
    erased_height: Natural | None
    newest: FileVersion
    earlier: tuple[FileVersion, ...]
    """The few versions before it, oldest first."""
    pages: Natural
    """Full pages behind those."""
    readers: tuple[Principal, ...] | None
    """Who may see it beside its owner, in order; None: whoever reads the network."""


def file_key(id_: FileId) -> bytes:
    """The state key of a file."""
    return state_key(NAME, _place(id_))


def decode_file(value: bytes) -> FileState:
    """A state value, of now or of any height."""
    return decode(FileState, value)


def find_file(state: Reader, id_: FileId) -> FileState | None:
    """The file, also when it is erased."""
    value = state.get(file_key(id_))
    return None if value is None else decode_file(value)


def list_files(state: Reader, after: FileId | None, limit: int) -> list[tuple[FileId, FileState]]:
    """Files by rising id from the one after `after`, erased ones too."""
    prefix = file_key(b"")
    rows = state.scan(prefix, prefix + (after or b""), limit)
    return [(key[len(prefix) :], decode_file(value)) for key, value in rows]


def find_findings(state: Reader, id_: FileId) -> tuple[Finding, ...]:
    """What programs found in a file; nothing once it is erased."""
    return _findings(state.get(state_key(NAME, _found(id_))))


def read_versions_of(state: Reader, id_: FileId, file: FileState) -> Iterator[FileVersion]:
    """All versions of a file, newest first; of an erased one only the last."""
    return _versions(state.get, state_key(NAME, b""), id_, file)


def _create(context: Context, arguments: CreateFile) -> Named:
    if not is_media_type(arguments.media_type):
        raise Failure("files.invalid", (("field", "media_type"),))
    _check_all_named(context, (arguments.digest, arguments.name, arguments.metadata), arguments.position)
    digest = context.attachments[arguments.digest]
    if digest.size != _DIGEST_BYTES:
        raise Failure("files.invalid", (("field", "digest"),))
    if context.get(_place(arguments.id)) is not None:
        raise Failure("files.exists", (("id", arguments.id),))
    file = FileState(
        owner=context.owner,
        size=arguments.size,
        media_type=arguments.media_type,
        digest=digest,
        created_by=context.identity,
        created_height=context.height,
        created_ms=context.time_ms,
        erased_height=None,
        newest=_version(context, 1, arguments),
        earlier=(),
        pages=0,
        readers=_in_order(arguments),
    )
    context.put(_place(arguments.id), encode(file))
    return _announce(context, "file.created", arguments.id, file)


def _share(context: Context, arguments: ShareFile) -> Named:
    file = _find(context, arguments.id)
    if not (context.role == "administrator" or file.owner == context.owner):
        raise _not_owned(context, arguments.id, file)
    _check_there(arguments.id, file)
    file = msgspec.structs.replace(file, readers=_in_order(arguments))
    context.put(_place(arguments.id), encode(file))
    return _announce(context, "file.shared", arguments.id, file)


def _update(context: Context, arguments: UpdateFile) -> Named:
    file = _find_to_change(context, arguments.id, arguments.expected)
    _check_all_named(context, (arguments.name, arguments.metadata), arguments.position)
    prefix = _pages(arguments.id)
    earlier, pages = keep_version(context, prefix, file.earlier, file.pages, file.newest)
    newest = _version(context, file.newest.number + 1, arguments)
    file = msgspec.structs.replace(file, newest=newest, earlier=earlier, pages=pages)
    context.put(_place(arguments.id), encode(file))
    return _announce(context, "file.updated", arguments.id, file)


def _tag(context: Context, arguments: TagFile) -> Named:
    file = _find(context, arguments.id)
    _check_there(arguments.id, file)
    if not (context.role in FINDERS or _is_open(context, file) or file.owner == context.owner):
        raise _not_owned(context, arguments.id, file)
    if not is_finder(arguments.by):
        raise Failure("files.invalid", (("field", "by"),))
    _check_all_named(context, (arguments.findings,), None)
    before = _findings(context.get(_found(arguments.id)))
    if any(finding.by == arguments.by for finding in before):
        raise Failure("files.tagged", (("id", arguments.id), ("by", arguments.by)))
    if len(before) >= FINDERS_MAX:
        raise Failure("files.finders", (("id", arguments.id), ("count", len(before))))
    told = context.attachments[arguments.findings]
    finding = Finding(arguments.by, context.owner, context.height, told)
    context.put(_found(arguments.id), encode(Findings((*before, finding))))
    return _announce(context, "file.tagged", arguments.id, file)


def _erase(context: Context, arguments: EraseFile) -> Named:
    file = _find_to_change(context, arguments.id, arguments.expected)
    context.erase(file.digest.digest)
    for version in _versions(context.get, b"", arguments.id, file):
        for commitment in (version.name, version.metadata, version.position):
            if commitment is not None:
                context.erase(commitment.digest)
    for finding in _findings(context.get(_found(arguments.id))):
        context.erase(finding.findings.digest)
    context.delete(_found(arguments.id))
    drop_pages(context, _pages(arguments.id), file.pages)
    file = msgspec.structs.replace(file, erased_height=context.height, earlier=(), pages=0, readers=None)
    context.put(_place(arguments.id), encode(file))
    return _announce(context, "file.erased", arguments.id, file)


def _find_to_change(context: Context, id_: FileId, expected: int | None) -> FileState:
    """The file, if it is there, the signer may change it and it is at the expected version."""
    file = _find(context, id_)
    if not (_is_open(context, file) or context.role == "administrator" or file.owner == context.owner):
        raise _not_owned(context, id_, file)
    _check_there(id_, file)
    if expected is not None and expected != file.newest.number:
        raise Failure("files.version", (("id", id_), ("version", file.newest.number), ("expected", expected)))
    return file


def _is_open(context: Context, file: FileState) -> bool:
    """Whether anybody may change it."""
    return context.is_open and file.readers is None


def _in_order(arguments: CreateFile | ShareFile) -> tuple[Principal, ...] | None:
    """The readers that are named, each once."""
    if arguments.readers is None:
        return None
    if len(arguments.readers) > READERS_MAX:
        raise Failure("files.readers", (("id", arguments.id), ("limit", READERS_MAX)))
    return tuple(sorted(set(arguments.readers)))


def _find(context: Context, id_: FileId) -> FileState:
    value = context.get(_place(id_))
    if value is None:
        raise Failure("files.missing", (("id", id_),))
    return decode_file(value)


def _check_there(id_: FileId, file: FileState) -> None:
    if file.erased_height is not None:
        raise Failure("files.erased", (("id", id_), ("height", file.erased_height)))


def _not_owned(context: Context, id_: FileId, file: FileState) -> Failure:
    return Failure("files.owner", (("id", id_), ("owner", file.owner), ("account", context.owner)))


def _check_all_named(context: Context, numbers: tuple[int, ...], position: int | None) -> None:
    named = sorted(numbers if position is None else (*numbers, position))
    if named != list(range(len(context.attachments))):
        raise Failure("attachments.mismatch", (("count", len(context.attachments)),))


def _version(context: Context, number: int, arguments: CreateFile | UpdateFile) -> FileVersion:
    given, position = context.attachments, arguments.position
    return FileVersion(
        number,
        context.owner,
        context.height,
        context.time_ms,
        given[arguments.name],
        given[arguments.metadata],
        None if position is None else given[position],
    )


def _announce(context: Context, type_: str, id_: FileId, file: FileState) -> Named:
    context.emit(type_, (("id", id_), ("version", file.newest.number), ("owner", file.owner)))
    return (("id", id_), ("version", file.newest.number))


def _versions(
    get: Callable[[bytes], bytes | None], prefix: bytes, id_: FileId, file: FileState
) -> Iterator[FileVersion]:
    yield file.newest
    yield from read_versions(get, prefix + _pages(id_), FileVersion, file.earlier, file.pages)


def _place(id_: FileId) -> bytes:
    return b"f" + id_


def _found(id_: FileId) -> bytes:
    return b"m" + id_


def _findings(value: bytes | None) -> tuple[Finding, ...]:
    return () if value is None else decode(Findings, value).all


def _pages(id_: FileId) -> bytes:
    return b"p" + id_


def _show(place: bytes) -> str:
    """The id."""
    return show_page(_show, b"f" + place[1:]) if place[:1] == b"p" else place[1:].hex()


CONTRACT = Contract(
    NAME,
    {
        "create": Call(CreateFile, WRITERS, _create),
        "update": Call(UpdateFile, WRITERS, _update),
        "share": Call(ShareFile, WRITERS, _share),
        "tag": Call(TagFile, WRITERS, _tag),
        "erase": Call(EraseFile, WRITERS, _erase),
    },
    show=_show,
)
