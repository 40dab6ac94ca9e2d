"""Collections of files from a program: albums, projects."""

from collections.abc import AsyncIterator, Sequence
from os import urandom
from typing import Any, Literal

import msgspec

from weft.client.session import Session
from weft.client.signing import Call
from weft.client.transactions import Wait
from weft.model.call import (
    ChangeCollection,
    CreateCollection,
    DeleteCollection,
    ShareCollection,
    UpdateCollection,
)
from weft.model.encoding import Record

Resource = dict[str, Any]
Access = Literal["none", "read", "write"]
PATH = "/v1/collections"
CHANGE_MAX = 500


class Collections:
    """With a key, writes are signed here; without one, the node signs them with its own account."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def create(self, name: str, private: bool = False, *, wait: Wait = "executed") -> Resource:
        """A new collection: `id` and `transaction`, and without a key all that is known of it. `private`:
        only its members see it."""
        id_ = urandom(16).hex()
        signed = CreateCollection(bytes.fromhex(id_), 0, private)
        body = {"name": name, "private": private}
        return await self._write(id_, "create", signed, "POST", PATH, body, wait, name)

    async def rename(self, id_: str, name: str, *, wait: Wait = "executed") -> Resource:
        signed = UpdateCollection(bytes.fromhex(id_), 0, None, None)
        return await self._write(id_, "update", signed, "PATCH", f"{PATH}/{id_}", {"name": name}, wait, name)

    async def hide(self, id_: str, private: bool = True, *, wait: Wait = "executed") -> Resource:
        """Whether only its members see it."""
        signed = UpdateCollection(bytes.fromhex(id_), None, private, None)
        return await self._write(id_, "update", signed, "PATCH", f"{PATH}/{id_}", {"private": private}, wait)

    async def change(
        self, id_: str, add: Sequence[str] = (), remove: Sequence[str] = (), *, wait: Wait = "executed"
    ) -> Resource:
        """Files come and go, 500 at most."""
        signed = ChangeCollection(
            bytes.fromhex(id_), tuple(map(bytes.fromhex, add)), tuple(map(bytes.fromhex, remove))
        )
        body = {"add": list(add), "remove": list(remove)}
        return await self._write(id_, "change", signed, "POST", f"{PATH}/{id_}/files", body, wait)

    async def share(
        self, id_: str, account: str, access: Access = "write", *, wait: Wait = "executed"
    ) -> Resource:
        """Let an account see what is shared with the collection, add and remove files as well, or neither."""
        signed = ShareCollection(bytes.fromhex(id_), account, access)
        path = f"{PATH}/{id_}/{'readers' if access == 'read' else 'writers'}/{account}"
        verb = "DELETE" if access == "none" else "PUT"
        return await self._write(id_, "share", signed, verb, path, None, wait)

    async def delete(self, id_: str, *, wait: Wait = "executed") -> Resource:
        """Take it apart; its files stay."""
        signed = DeleteCollection(bytes.fromhex(id_), None)
        return await self._write(id_, "delete", signed, "DELETE", f"{PATH}/{id_}", None, wait)

    async def show(self, id_: str) -> Resource:
        found: Resource = await self._session.read(f"{PATH}/{id_}")
        return found

    async def list(self) -> AsyncIterator[Resource]:
        """All collections by rising id."""
        cursor = None
        while True:
            page = await self._session.read(PATH, cursor=cursor)
            for item in page["items"]:
                yield item
            cursor = page["next_cursor"]
            if cursor is None:
                return

    async def _write(
        self,
        id_: str,
        call: str,
        signed: Record,
        verb: str,
        path: str,
        body: Resource | None,
        wait: Wait,
        name: str | None = None,
    ) -> Resource:
        if self._session.key is not None:
            contents = () if name is None else (name.encode(),)
            outcome = await self._session.submit(Call("collections", call, signed, contents), wait, None)
            return {"id": id_, "transaction": outcome.place}
        return await self._session.write(  # type: ignore[no-any-return]
            verb,
            path,
            params={"wait": wait},
            headers={"content-type": "application/json"} if body is not None else {},
            body=b"" if body is None else msgspec.json.encode(body),
            timeout_s=None,
        )
