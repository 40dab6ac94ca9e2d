"""A file as the ledger's state and the attachments together tell it. For threads: it touches the disk."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from weft.api.errors import ErasedError
from weft.apps.files.contract import FileState, FileVersion, find_file, find_findings, read_versions_of
from weft.apps.files.errors import FileUnknownError
from weft.apps.files.findings import decode_findings
from weft.apps.files.index import FileView, Place
from weft.apps.files.metadata import Metadata, decode_metadata
from weft.apps.files.ports import Attachments, Ledger
from weft.model.digest import Digest
from weft.model.said import clean_name
from weft.model.stored import Erased
from weft.model.transaction import Attachment, Commitment


@dataclass(frozen=True, slots=True)
class VersionView:
    """One version of a file. `name` and `metadata` are None once the file is erased."""

    version: int
    author: str
    height: int
    time_ms: int
    name: str | None
    metadata: Metadata | None


def load_file(ledger: Ledger, id_: str) -> FileState:
    """The file's state; raises FileUnknownError or ErasedError."""
    file = find_file(ledger.state, bytes.fromhex(id_))
    if file is None:
        raise FileUnknownError(f"there is no file {id_}")
    if file.erased_height is not None:
        raise ErasedError(f"file {id_} was erased at height {file.erased_height}", height=file.erased_height)
    return file


def find_missing(ledger: Ledger, versions: Sequence[FileVersion], *more: Commitment) -> list[Digest]:
    """Attachments of these versions, and more of them, that are neither here nor erased."""
    stated = [*more, *(one for version in versions for one in _stated(version))]
    found = ledger.attachments.find_many([one.digest for one in stated])
    return [one.digest for one in stated if found[one.digest] is None]


@dataclass(frozen=True, slots=True)
class Gathered:
    """Attachments that were read together, in the place of the ledger's; others are read when asked for."""

    found: Mapping[Digest, Attachment | Erased | None]
    source: Attachments

    def find(self, commitment: Digest) -> Attachment | Erased | None:
        if commitment in self.found:
            return self.found[commitment]
        return self.source.find(commitment)

    def find_many(self, commitments: Sequence[Digest]) -> Mapping[Digest, Attachment | Erased | None]:
        return self.found


def gather_attachments(ledger: Ledger, files: Iterable[FileState]) -> Ledger:
    """The ledger as a view of these files needs it, with their attachments read at once."""
    wanted = [one.digest for file in files for one in (file.digest, *_stated(file.newest))]
    return replace(ledger, attachments=Gathered(ledger.attachments.find_many(wanted), ledger.attachments))


def view_file(ledger: Ledger, id_: str, file: FileState, made: Place) -> FileView:
    """What users see of a file whose creating transaction is `made`."""
    digest = _content(ledger, file.digest)
    return FileView(
        id=id_,
        owner=file.owner,
        sha256=None if digest is None else digest.hex(),
        name=_name(ledger, file.newest) or "",
        size=file.size,
        media_type=file.media_type,
        version=file.newest.number,
        created_ms=file.created_ms,
        updated_ms=file.newest.time_ms,
        metadata=(_metadata(ledger, file.newest) or {}) | _machine(ledger, id_),
        tx_id=made.id.hex(),
        tx_height=made.height,
        tx_position=made.position,
        readers=file.readers,
    )


def load_versions(
    ledger: Ledger, id_: str, below: int | None, limit: int
) -> tuple[FileState, list[FileVersion]]:
    """Versions of a file, newest first, those below a number; raises FileUnknownError."""
    file = find_file(ledger.state, bytes.fromhex(id_))
    if file is None:
        raise FileUnknownError(f"there is no file {id_}")
    versions = read_versions_of(ledger.state, bytes.fromhex(id_), file)
    wanted = (version for version in versions if below is None or version.number < below)
    return file, list(islice(wanted, limit))


def view_version(ledger: Ledger, version: FileVersion) -> VersionView:
    return VersionView(
        version.number,
        version.author,
        version.height,
        version.time_ms,
        _name(ledger, version),
        _metadata(ledger, version),
    )


def _stated(version: FileVersion) -> list[Commitment]:
    return [one for one in (version.name, version.metadata, version.position) if one is not None]


def _name(ledger: Ledger, version: FileVersion) -> str | None:
    content = _content(ledger, version.name)
    return None if content is None else clean_name(content.decode("utf-8", "replace"))


def _metadata(ledger: Ledger, version: FileVersion) -> Metadata | None:
    rest = _content(ledger, version.metadata)
    position = None if version.position is None else _content(ledger, version.position)
    return None if rest is None else decode_metadata(rest, position)


def _machine(ledger: Ledger, id_: str) -> Metadata:
    """What programs found, those whose attachments are here."""
    told = find_findings(ledger.state, bytes.fromhex(id_))
    contents = ((finding.by, _content(ledger, finding.findings)) for finding in told)
    found = [row for by, content in contents if content is not None for row in decode_findings(content, by)]
    return {"machine_tags": found} if found else {}


def _content(ledger: Ledger, commitment: Commitment) -> bytes | None:
    """What is behind a commitment; None when it was erased, or is not here yet."""
    found: Attachment | Erased | None = ledger.attachments.find(commitment.digest)
    return found.content if isinstance(found, Attachment) else None
