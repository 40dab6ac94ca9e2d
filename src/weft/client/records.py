"""Records from a program: JSON documents by collection and key."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import quote

from weft.client.session import Session
from weft.client.signing import Call
from weft.client.transactions import Wait
from weft.model.call import PutRecords, RecordItem, RemoveRecord
from weft.model.document import DEPTH_MAX, check_document
from weft.model.encoding import Record
from weft.model.errors import DocumentError

Document = bytes | str | int | float | bool | None | Mapping[str, Any] | list[Any]
Resource = dict[str, Any]

PAGE = 500


class Records:
    """With a key, writes are signed here; without one, the node signs them with its own account.

    Documents are checked before that: no node looks into what is signed.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    async def put(
        self,
        collection: str,
        key: str,
        value: Document,
        *,
        expected: int | None = None,
        wait: Wait = "executed",
        timeout_s: float | None = None,
    ) -> Resource:
        """Write a document (bytes are JSON already). `expected`: the version that must be there, 0 for none.

        Returns `collection key version` and `transaction`.
        """
        document = encode_document(value)
        if self._session.key is None:
            return await self._put_unsigned(collection, key, document, expected, wait, timeout_s)
        arguments = PutRecords((RecordItem(collection, key, 0, expected),))
        return await self._sign(collection, key, "put", arguments, wait, timeout_s, document)

    async def put_many(
        self,
        collection: str,
        values: Mapping[str, Document],
        *,
        wait: Wait = "executed",
        timeout_s: float | None = None,
    ) -> Resource:
        """Write up to 500 documents in one transaction, all or none. Returns `transaction`."""
        documents = {key: encode_document(value) for key, value in values.items()}
        if self._session.key is None:
            items = b",".join(
                b'{"key":%s,"value":%s}' % (json.dumps(key).encode(), document)
                for key, document in documents.items()
            )
            return await self._session.write(  # type: ignore[no-any-return]
                "POST",
                f"/v1/records/{collection}:batch",
                params={"wait": wait},
                headers={"content-type": "application/json"},
                body=b'{"items":[%s]}' % items,
                timeout_s=timeout_s,
            )
        arguments = PutRecords(
            tuple(RecordItem(collection, key, place, None) for place, key in enumerate(documents))
        )
        call = Call("records", "put", arguments, tuple(documents.values()))
        outcome = await self._session.submit(call, wait, timeout_s)
        return {"transaction": outcome.place}

    async def get(
        self, collection: str, key: str, *, at_height: int | None = None, consistency: str | None = None
    ) -> Resource:
        """The record: `collection key value version height updated_at author`."""
        path = _path(collection, key)
        found: Resource = await self._session.read(path, at_height=at_height, consistency=consistency)
        return found

    async def history(self, collection: str, key: str) -> list[Resource]:
        """All versions, newest first."""
        return [item async for item in self._pages(_path(collection, key) + "/history")]

    def list(self, collection: str) -> AsyncIterator[Resource]:
        """The records of a collection, keys rising."""
        return self._pages(f"/v1/records/{quote(collection, safe='')}")

    async def delete(
        self,
        collection: str,
        key: str,
        *,
        expected: int | None = None,
        wait: Wait = "executed",
        timeout_s: float | None = None,
    ) -> Resource:
        """Hide a record; its history stays readable."""
        return await self._remove("delete", collection, key, expected, wait, timeout_s)

    async def erase(
        self,
        collection: str,
        key: str,
        *,
        expected: int | None = None,
        wait: Wait = "executed",
        timeout_s: float | None = None,
    ) -> Resource:
        """Destroy the content of all versions, on every node."""
        return await self._remove("erase", collection, key, expected, wait, timeout_s)

    async def _remove(
        self,
        call: str,
        collection: str,
        key: str,
        expected: int | None,
        wait: Wait,
        timeout_s: float | None,
    ) -> Resource:
        if self._session.key is not None:
            arguments = RemoveRecord(collection, key, expected)
            return await self._sign(collection, key, call, arguments, wait, timeout_s)
        params = {"wait": wait} | ({"erase": "true"} if call == "erase" else {})
        return await self._session.write(  # type: ignore[no-any-return]
            "DELETE",
            _path(collection, key),
            params=params,
            headers=_condition(expected),
            timeout_s=timeout_s,
        )

    async def _put_unsigned(
        self,
        collection: str,
        key: str,
        document: bytes,
        expected: int | None,
        wait: Wait,
        timeout_s: float | None,
    ) -> Resource:
        return await self._session.write(  # type: ignore[no-any-return]
            "PUT",
            _path(collection, key),
            params={"wait": wait},
            headers={"content-type": "application/json"} | _condition(expected),
            body=document,
            timeout_s=timeout_s,
        )

    async def _sign(
        self,
        collection: str,
        key: str,
        call: str,
        arguments: Record,
        wait: Wait,
        timeout_s: float | None,
        *contents: bytes,
    ) -> Resource:
        outcome = await self._session.submit(Call("records", call, arguments, contents), wait, timeout_s)
        return {
            "collection": collection,
            "key": key,
            "version": outcome.result.get("version"),
            "transaction": outcome.place,
        }

    async def _pages(self, path: str) -> AsyncIterator[Resource]:
        cursor = None
        while True:
            page = await self._session.read(path, limit=PAGE, cursor=cursor)
            for item in page["items"]:
                yield item
            cursor = page["next_cursor"]
            if cursor is None:
                return


def encode_document(value: Document) -> bytes:
    """JSON text; bytes stay as they are. Raises DocumentError for what is no document."""
    content = value if isinstance(value, bytes) else _encode(value)
    check_document(content)
    return content


def _encode(value: Any) -> bytes:
    """What JSON has no words for (NaN, half of a surrogate pair, names that become equal) is found after."""
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        raise DocumentError(f"the document is nested deeper than {DEPTH_MAX} levels") from None
    return text.encode(errors="surrogatepass")


def _path(collection: str, key: str) -> str:
    # Dots too: "." and ".." would be taken out of the path on its way, and another path be asked.
    name = quote(key, safe="").replace(".", "%2E")
    return f"/v1/records/{quote(collection, safe='')}/{name}"


def _condition(expected: int | None) -> dict[str, str]:
    if expected is None:
        return {}
    return {"if-match": str(expected)} if expected else {"if-none-match": "*"}
