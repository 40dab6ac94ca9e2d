"""Files from a program: content streamed both ways and checked, metadata as merge patches."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import suppress
from os import urandom
from pathlib import Path
from typing import Any

import httpx

from weft.client.errors import LargeFileError, LocalFileError, ProblemError, UnprovedError, UnreachableError
from weft.client.metadata import check_readers, contents_of, encode_json, make_creation, patched
from weft.client.session import Session
from weft.client.signing import Call, derive_file_id
from weft.client.transactions import Outcome, Wait
from weft.client.upload import UPLOAD_S, Progress, Source, make_form, read_chunks, size_of
from weft.client.uploader import Options, Run, Tally, Uploaded
from weft.client.verify import check_file
from weft.model.call import EraseFile, ShareFile, UpdateFile
from weft.model.keys import PrivateKey
from weft.model.limits import MIB
from weft.model.proof import Step

Resource = dict[str, Any]

READ_S = 60.0
BREAKS_MAX = 20
"""How often a download may break off and go on at another node."""
IDS_MAX = 1000
WHOLE_BYTES_MAX = 256 * MIB
"""A larger file is not fetched into memory unasked."""
_ID = re.compile("[0-9a-f]{32}")
ID_FIX = "An id is 32 lower-case hex digits, as `weft files search` and the answer to an upload show it."
UPDATE_TRIES = 5


class Files:
    """With a key, files are signed for here and belong to it; without one, to the node's account."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def put(
        self,
        source: Source,
        *,
        name: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        readers: Sequence[str] | None = None,
        wait: Wait = "executed",
        on_progress: Progress | None = None,
    ) -> Resource:
        """Upload a path or bytes. The resource, with `is_new`: False if the owner had these bytes already.
        `readers`: accounts and collections that may see it beside its owner; None: whoever reads the network.
        """
        name = name or (source.name if isinstance(source, Path) else "unnamed")
        patched({}, metadata or {})
        if self._session.key is not None:
            made = name, metadata or {}, readers
            return await self._put_signed(self._session.key, source, *made, wait, on_progress)
        form = await make_form(source, name, metadata or {}, on_progress, readers)
        answer = await self._session.nodes.ask(
            "POST",
            "/v1/files",
            params={"wait": wait},
            headers={**form.headers, "idempotency-key": urandom(16).hex()},
            body=form.body,
            timeout_s=UPLOAD_S,
            try_s=UPLOAD_S,
        )
        file: Resource = answer.json()
        self._session.note(file["transaction"]["height"])
        return file | {"is_new": answer.status_code != 200}

    def put_many(
        self, paths: Iterable[Path], options: Options | None = None, *, tally: Tally | None = None
    ) -> AsyncIterator[Uploaded]:
        """Upload files and folders; what became of each, as it is known. Leaving early stops the upload, and
        the same again goes on where it was, given `options.state`. Raises UnreachableError when no node
        answers for `options.patience_s`, ProblemError when all refuse whatever comes, or when what is said of
        the files makes no sense."""
        return Run(self._session, list(paths), options or Options(), tally or Tally()).results()

    async def show(self, id_: str) -> Resource:
        """The file's resource: name, size, SHA-256, metadata, version."""
        file: Resource = await self._session.read(f"/v1/files/{_checked(id_)}")
        return file

    async def history(self, id_: str) -> list[Resource]:
        """All versions of its metadata, newest first."""
        page = await self._session.read(f"/v1/files/{_checked(id_)}/history", limit=1000)
        items: list[Resource] = page["items"]
        return items

    async def alike(self, id_: str, limit: int = 50) -> list[Resource]:
        """Pictures that look like this one, the likest first: `bits` in which they differ, and `file`."""
        page = await self._session.read(f"/v1/files/{_checked(id_)}/alike", limit=limit)
        items: list[Resource] = page["items"]
        return items

    async def search(self, q: str | None = None, **filters: Any) -> Resource:
        """A page of hits: `items next_cursor total total_exact height facets`. `tag` may be a list."""
        page: Resource = await self._session.read("/v1/files", q=q, **filters)
        return page

    async def get(
        self,
        id_: str,
        target: Path | None = None,
        *,
        on_progress: Progress | None = None,
        bytes_max: int = WHOLE_BYTES_MAX,
    ) -> bytes:
        """The content, checked by its SHA-256; written to `target` if given (then the result is empty, and
        memory does not grow with the file). Raises LocalFileError when that cannot be; without a target
        LargeFileError for more than `bytes_max`, before anything is fetched."""
        file = await self.show(id_)
        if target is None:
            if file["size"] > bytes_max:
                raise LargeFileError(
                    f"file {id_} has {file['size']} bytes, and in memory go {bytes_max} at most"
                )
            chunks = [chunk async for chunk in self._content(file, on_progress)]
            return b"".join(chunks)
        # Its name is shorter than what a name may be, however long the target's is.
        draft = target.with_name(f".{urandom(8).hex()}")
        try:
            with draft.open("xb") as out:
                async for chunk in self._content(file, on_progress):
                    await asyncio.to_thread(out.write, chunk)
            draft.replace(target)
        except OSError as error:
            raise LocalFileError(f"{target} cannot be written: {error.strerror or error}") from None
        finally:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
        return b""

    async def content(self, id_: str, *, on_progress: Progress | None = None) -> AsyncIterator[bytes]:
        """The content piece by piece; raises UnprovedError at its end if it was not what it should be."""
        async for chunk in self._content(await self.show(id_), on_progress):
            yield chunk

    async def update(
        self,
        id_: str,
        patch: Mapping[str, Any],
        *,
        expected: int | None = None,
        wait: Wait = "executed",
    ) -> Resource:
        """Change metadata by a merge patch (RFC 7396): null takes a field away."""
        if self._session.key is None:
            headers = {"content-type": "application/merge-patch+json"}
            if expected is not None:
                headers["if-match"] = str(expected)
            changed: Resource = await self._session.write(
                "PATCH",
                f"/v1/files/{_checked(id_)}",
                params={"wait": wait},
                headers=headers,
                body=encode_json(patch),
            )
            return changed
        for left in reversed(range(UPDATE_TRIES)):
            file = await self.show(id_)
            version = file["version"] if expected is None else expected
            try:
                outcome = await self._session.submit(_update(file, patch, version), wait, None)
                return await self._after(outcome, {"id": id_})
            except ProblemError as error:
                if error.code != "files.version" or expected is not None or not left:
                    raise
        raise AssertionError("the last try returns or raises")

    async def share(self, id_: str, readers: Sequence[str] | None, *, wait: Wait = "executed") -> Resource:
        """Say who may see a file beside its owner: these accounts and collections, and nobody else; None:
        whoever reads the network."""
        if self._session.key is None:
            shared: Resource = await self._session.write(
                "PUT",
                f"/v1/files/{_checked(id_)}/readers",
                params={"wait": wait},
                headers={"content-type": "application/json"},
                body=encode_json({"readers": None if readers is None else list(readers)}),
            )
            return shared
        arguments = ShareFile(bytes.fromhex(id_), None if readers is None else tuple(readers))
        outcome = await self._session.submit(Call("files", "share", arguments), wait, None)
        return await self._after(outcome, {"id": id_})

    async def erase(self, id_: str, *, expected: int | None = None, wait: Wait = "executed") -> Resource:
        """Destroy content and metadata on every node."""
        if self._session.key is None:
            headers = {} if expected is None else {"if-match": str(expected)}
            erased: Resource = await self._session.write(
                "DELETE", f"/v1/files/{_checked(id_)}", params={"wait": wait}, headers=headers
            )
            return erased
        call = Call("files", "erase", EraseFile(bytes.fromhex(_checked(id_)), expected))
        outcome = await self._session.submit(call, wait, None)
        return {"id": id_, "erased_height": outcome.height, "transaction": outcome.place}

    async def proof(self, id_: str, content: bytes | None = None) -> Resource:
        """The way from the content to the committee's signatures: `sha256 proof encoded`, and `steps`.

        With a genesis the proof is checked, for the content given or else for the SHA-256 that the node
        names; raises UnprovedError. Without one, `steps` is empty.
        """
        shown: Resource = await self._session.read(f"/v1/files/{_checked(id_)}/proof")
        steps: list[Step] = []
        if self._session.genesis is not None:
            digest = bytes.fromhex(shown["sha256"]) if content is None else hashlib.sha256(content).digest()
            steps = check_file(self._session.genesis, bytes.fromhex(id_), digest, shown["encoded"])
        return shown | {"steps": steps}

    async def _put_signed(
        self,
        key: PrivateKey,
        source: Source,
        name: str,
        metadata: Mapping[str, Any],
        readers: Sequence[str] | None,
        wait: Wait,
        on_progress: Progress | None,
    ) -> Resource:
        blob = await self._session.nodes.ask_json(
            "POST",
            "/v1/blobs",
            params={"name": name},
            headers={"content-type": "application/octet-stream", "content-length": str(size_of(source))},
            body=lambda: read_chunks(source, on_progress),
            timeout_s=UPLOAD_S,
            try_s=UPLOAD_S,
        )
        sha256 = bytes.fromhex(blob["sha256"])
        for number in range(IDS_MAX):
            id_ = derive_file_id(key, sha256, number)
            try:
                creation = make_creation(id_, blob, name, metadata, readers)
                outcome = await self._session.submit(creation, wait, None)
                return await self._after(outcome, blob | {"id": id_.hex(), "name": name}) | {"is_new": True}
            except ProblemError as error:
                if error.code != "files.exists":
                    raise
            try:
                return check_readers(await self.show(id_.hex()), readers) | {"is_new": False}
            except ProblemError as error:
                # An id whose file was erased is not used again.
                if error.status != 410:
                    raise
        raise UnprovedError(f"{IDS_MAX} files of these bytes were erased, or the node says so")

    async def _after(self, outcome: Outcome, known: Resource) -> Resource:
        """The file after a write of ours; what is known of it while the write waits."""
        file = await self.show(known["id"]) if outcome.height is not None else known
        return file | {"transaction": outcome.place}

    async def _content(self, file: Resource, on_progress: Progress | None) -> AsyncIterator[bytes]:
        """From one node after another, each going on where the one before broke off. Raises UnprovedError for
        more than there should be, UnreachableError when too many answers end early."""
        digest, offset, breaks, why = hashlib.sha256(), 0, 0, ""
        while True:
            try:
                async with self._session.nodes.open(
                    f"/v1/files/{file['id']}/content",
                    headers={"range": f"bytes={offset}-"} if offset else {},
                    read_s=READ_S,
                ) as response:
                    if offset and not response.headers.get("content-range", "").startswith(
                        f"bytes {offset}-"
                    ):
                        raise httpx.RemoteProtocolError("the node sends another part than was asked for")
                    async for chunk in response.aiter_raw(1 << 18):
                        digest.update(chunk)
                        offset += len(chunk)
                        if offset > file["size"]:
                            raise UnprovedError(f"file {file['id']} has more than {file['size']} bytes")
                        yield chunk
                        if on_progress is not None:
                            on_progress(offset, file["size"])
                why = "the answer ends"
            except httpx.TransportError as error:
                why = str(error) or type(error).__name__
            if offset == file["size"]:
                break
            breaks += 1
            if breaks > BREAKS_MAX:
                raise UnreachableError(f"the content breaks off at byte {offset}: {why}")
            self._session.nodes.pass_over()
        if digest.hexdigest() != file["sha256"]:
            raise UnprovedError(f"the content of file {file['id']} has another SHA-256 than {file['sha256']}")


def _update(file: Resource, patch: Mapping[str, Any], version: int) -> Call:
    contents = contents_of(file["name"], patched(file["metadata"], patch))
    arguments = UpdateFile(
        id=bytes.fromhex(file["id"]),
        name=0,
        metadata=1,
        position=2 if len(contents) > 2 else None,
        expected=version,
    )
    return Call("files", "update", arguments, contents)


def _checked(id_: str) -> str:
    """An id, which goes into a path; raises ProblemError, as a node would, for what is none."""
    if _ID.fullmatch(id_) is None:
        raise ProblemError(
            404, {"code": "file.unknown", "detail": f"there is no file {id_[:80]!r}", "fix": ID_FIX}
        )
    return id_
