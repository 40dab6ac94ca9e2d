"""Brings one file to the network, so that it is stored once whatever breaks on the way.

What is stored is one state of the file: a small one is read whole, hashed and sent from memory; a large one
goes in pieces to a node that is told the digest first and refuses anything else. An acknowledged file is
durable at the node that acknowledged it: content and transaction go to the same node, to the next one both.
Nothing is stored twice: with a key, the id of the file follows from key and content, so the ledger refuses a
second one; without, the Idempotency-Key follows from a secret and the wish, also in a later run.
"""

import asyncio
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from weft.client import transactions
from weft.client.errors import ChangedError, ProblemError, UnreachableError
from weft.client.metadata import check_readers, encode_json, make_creation
from weft.client.nodes import Nodes
from weft.client.session import Session
from weft.client.signing import derive_file_id
from weft.client.upload import make_form
from weft.client.uploader.item import Options, Tally, Uploaded
from weft.client.uploader.lane import Lane
from weft.client.uploader.reading import Digested, digest_file, read_piece, read_whole
from weft.client.uploader.state import State
from weft.model.keys import PrivateKey

WHOLE_BYTES_MAX = 8 << 20
"""Larger files go in pieces."""
PIECE_BYTES = 16 << 20
ANSWER_S = 60.0
"""How long a node may take for an answer, or for the next bytes of a request."""
HASHED_BYTES_PER_S = 20_000_000
"""A node that was restarted reads an upload again at its end, at this rate at least."""
CHANGED_TRIES, CHANGED_PAUSE_S = 3, 1.0
STUCK_TRIES = 3
"""Failures of a node, without a byte between them, after which another is tried."""
LOST_TRIES = 3
"""How often a node may know nothing of an upload that it began."""
END_S = 5.0
"""How long nodes may take to end uploads that are not needed."""
ERASED_MAX = 1000
JSON = {"content-type": "application/json"}


class Sender:
    """Sends files for one uploader; several at a time."""

    def __init__(self, session: Session, options: Options, state: State, tally: Tally) -> None:
        self._session = session
        self._options = options
        self._state = state
        self._tally = tally
        self._erased: dict[str, int] = {}
        """How many files of a content were found to be erased."""
        self._patch = encode_json(options.metadata if options.readers is None else self._told())

    async def send(self, lane: Lane, path: Path, known: Digested) -> tuple[Uploaded, Digested]:
        """Store what the file holds now, which may be something else than is known. Bytes under way are in
        the tally until this ends. Raises ChangedError, OSError, or what all nodes say."""
        for is_last in (*[False] * (CHANGED_TRIES - 1), True):
            try:
                if known.facts.size <= WHOLE_BYTES_MAX:
                    return await self._send_whole(lane, path, known)
                return await self._send_pieces(lane, path, known), known
            except ChangedError:
                if is_last:
                    raise
            await asyncio.sleep(CHANGED_PAUSE_S)
            known = await asyncio.to_thread(digest_file, path, lambda: False)
        raise AssertionError("the last try returns or raises")

    async def _send_whole(self, lane: Lane, path: Path, known: Digested) -> tuple[Uploaded, Digested]:
        content, facts = await asyncio.to_thread(read_whole, path, WHOLE_BYTES_MAX)
        digest = await asyncio.to_thread(lambda: sha256(content).hexdigest())
        key, ours = self._session.key, set[str]()

        async def bring(node: Nodes) -> dict[str, Any]:
            if key is None:
                return await self._put_form(node, path, content, digest)
            blob = await node.ask_json(
                "POST",
                "/v1/blobs",
                params={"name": name_of(path)},
                headers={"content-type": "application/octet-stream"},
                body=content,
                timeout_s=0.0,
                try_s=ANSWER_S,
            )
            return await self._create(node, key, blob, path, ours)

        file = await lane.run(bring)
        self._tally.sent_bytes += len(content)
        is_settled = known.is_settled and known.facts == facts and known.sha256 == digest
        return _told(path, file, digest), Digested(digest, facts, is_settled)

    async def _send_pieces(self, lane: Lane, path: Path, known: Digested) -> Uploaded:
        begun = self._state.drafts(path, known.sha256)
        ours, blobs = set[str](), dict[str, dict[str, Any]]()

        async def bring(node: Nodes) -> dict[str, Any]:
            for is_last in (*[False] * (LOST_TRIES - 1), True):
                try:
                    return await self._bring_pieces(node, path, known, ours, blobs)
                except ProblemError as error:
                    if error.code != "upload.unknown" or is_last:
                        raise
                    self._state.drop_drafts(path, *node.urls)
            raise AssertionError("the last try returns or raises")

        file = await lane.run(bring, next(iter(begun), None))
        await self._end_drafts(path)
        return _told(path, file, known.sha256)

    async def _end_drafts(self, path: Path) -> None:
        """Have nodes destroy what was begun there of this file and is not needed, as far as they answer."""
        places = self._state.places(path)
        self._state.drop_drafts(path)
        nodes = {node.urls[0]: node for node in self._session.nodes.each()}
        asked = [
            nodes[url].ask("DELETE", f"/v1/uploads/{id_}", timeout_s=0.0, try_s=END_S)
            for url, id_ in places
            if url in nodes
        ]
        with suppress(TimeoutError):
            async with asyncio.timeout(END_S):
                await asyncio.gather(*asked, return_exceptions=True)

    async def _bring_pieces(
        self, node: Nodes, path: Path, known: Digested, ours: set[str], blobs: dict[str, dict[str, Any]]
    ) -> dict[str, Any]:
        """The whole upload at one node, going on where it was. `blobs`: what nodes have whole."""
        key = self._session.key
        if key is not None and node.urls[0] in blobs:
            return await self._create(node, key, blobs[node.urls[0]], path, ours)
        place = await self._open(node, path, known)
        offset, failures = await self._offset(node, place), 0
        with self._tally.under_way() as show:
            while offset < known.facts.size:
                show(offset)
                try:
                    reached = await self._send_piece(node, place, path, known, offset)
                except (UnreachableError, ProblemError) as error:
                    if isinstance(error, ProblemError) and error.status not in (408, 409):
                        raise
                    reached = await self._offset(node, place)
                    failures = failures + 1 if reached <= offset else 0
                    if failures >= STUCK_TRIES:
                        raise
                self._tally.sent_bytes += max(reached - offset, 0)
                offset = reached
            show(offset)
            return await self._complete(node, place, path, known, ours, blobs)

    async def _open(self, node: Nodes, path: Path, known: Digested) -> str:
        """The path of an upload at this node: the one that was broken off, or a new one."""
        (url,) = node.urls
        id_ = self._state.drafts(path, known.sha256).get(url)
        if id_ is not None:
            try:
                await self._offset(node, f"/v1/uploads/{id_}")
                return f"/v1/uploads/{id_}"
            except ProblemError as error:
                if error.status != 404:
                    raise
                self._state.drop_drafts(path, url)
        announced = encode_json({"size": known.facts.size, "sha256": known.sha256})
        begun = await node.ask_json("POST", "/v1/uploads", headers=JSON, body=announced, timeout_s=0.0)
        self._state.keep_draft(path, known.sha256, url, begun["id"])
        return f"/v1/uploads/{begun['id']}"

    async def _offset(self, node: Nodes, place: str) -> int:
        shown = await node.ask_json("GET", place, timeout_s=0.0, try_s=ANSWER_S)
        return int(shown["offset"])

    async def _send_piece(self, node: Nodes, place: str, path: Path, known: Digested, offset: int) -> int:
        size = min(PIECE_BYTES, known.facts.size - offset)
        answer = await node.ask_json(
            "PATCH",
            place,
            headers={
                "content-type": "application/partial-upload",
                "content-length": str(size),
                "upload-offset": str(offset),
            },
            body=lambda: read_piece(path, known.facts, offset, size),
            timeout_s=0.0,
            try_s=ANSWER_S,
        )
        return int(answer["offset"])

    async def _complete(
        self,
        node: Nodes,
        place: str,
        path: Path,
        known: Digested,
        ours: set[str],
        blobs: dict[str, dict[str, Any]],
    ) -> dict[str, Any]:
        try_s = ANSWER_S + known.facts.size / HASHED_BYTES_PER_S
        key = self._session.key
        try:
            if key is not None:
                name = {"name": name_of(path)}
                blob = await node.ask_json("POST", f"{place}/blob", params=name, timeout_s=0.0, try_s=try_s)
                blobs[node.urls[0]] = blob
                return await self._create(node, key, blob, path, ours)
            body = encode_json({"name": name_of(path), **self._told()})
            return await self._put_once(node, f"{place}/file", JSON, lambda: body, known.sha256, try_s)
        except ProblemError as error:
            if error.code == "upload.digest":
                raise ChangedError(f"{path} changed while it was sent") from None
            raise

    async def _put_form(self, node: Nodes, path: Path, content: bytes, digest: str) -> dict[str, Any]:
        form = await make_form(content, name_of(path), self._options.metadata, None, self._options.readers)
        return await self._put_once(node, "/v1/files", form.headers, form.body, digest, ANSWER_S)

    async def _put_once(
        self, node: Nodes, where: str, headers: dict[str, str], body: Any, digest: str, try_s: float
    ) -> dict[str, Any]:
        """A file that the node signs for."""
        for number in range(self._erased.get(digest, 0), ERASED_MAX):
            wish = b"\n".join((digest.encode(), self._patch, str(number).encode()))
            try:
                answer = await node.ask(
                    "POST",
                    where,
                    params={"wait": self._options.wait},
                    headers={**headers, "idempotency-key": self._state.key_for(wish)},
                    body=body,
                    timeout_s=0.0,
                    try_s=try_s,
                )
            except ProblemError as error:
                # A file that was made under this key is erased: what is wanted now is another one.
                if error.status != 410:
                    raise
                self._erased[digest] = number + 1
            else:
                file: dict[str, Any] = answer.json()
                self._session.note(file["transaction"]["height"])
                return file | {"is_new": answer.status_code != 200}
        raise _too_often(digest)

    def _told(self) -> dict[str, Any]:
        """What the owner says of every file."""
        return {"metadata": self._options.metadata, "readers": self._options.readers}

    async def _create(
        self, node: Nodes, key: PrivateKey, blob: dict[str, Any], path: Path, ours: set[str]
    ) -> dict[str, Any]:
        """A file of content that this node has. `ours`: transactions of tries whose answer was lost."""
        digest = bytes.fromhex(blob["sha256"])
        for number in range(ERASED_MAX):
            id_ = derive_file_id(key, digest, number)
            options = self._options
            call = make_creation(id_, blob, name_of(path), options.metadata, options.readers)
            signed = await self._session.sign(call)
            ours.add(signed.id)
            try:
                outcome = await transactions.send(node, signed, self._options.wait, ANSWER_S)
                self._session.note(outcome.height)
                return {**blob, "id": id_.hex(), "is_new": True}
            except ProblemError as error:
                if error.code != "files.exists":
                    raise
            try:
                file: dict[str, Any] = await node.ask_json("GET", f"/v1/files/{id_.hex()}", timeout_s=0.0)
                check_readers(file, self._options.readers)
                return file | {"is_new": file["transaction"]["id"] in ours}
            except ProblemError as error:
                # An id whose file was erased is not used again.
                if error.status != 410:
                    raise
        raise _too_often(blob["sha256"])


def name_of(path: Path) -> str:
    """As UTF-8; what is none is replaced."""
    return path.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _told(path: Path, file: dict[str, Any], digest: str) -> Uploaded:
    if file["sha256"] != digest:
        raise ProblemError(502, {"detail": f"the node took {path} for content of SHA-256 {file['sha256']}"})
    state = "stored" if file["is_new"] else "already there"
    return Uploaded(path, state, file["size"], file["id"], digest, file["media_type"])  # type: ignore[arg-type]


def _too_often(digest: str) -> ProblemError:
    return ProblemError(
        409, {"detail": f"{ERASED_MAX} files of content {digest} were erased, or nodes say so"}
    )
