"""What can be done with collections. Each verb: one transaction, then what this node's state says."""

import asyncio
from collections.abc import Sequence
from os import urandom
from typing import Literal

from weft.api.face import Terms
from weft.apps.collections.contract import CHANGE_MAX, NAME
from weft.apps.collections.reader import CollectionView, load_collection, load_page
from weft.apps.files.ports import Ledger
from weft.apps.files.reader import load_file
from weft.apps.files.viewer import Viewer, viewer_of
from weft.model.call import (
    ChangeCollection,
    CreateCollection,
    DeleteCollection,
    ShareCollection,
    UpdateCollection,
)
from weft.model.encoding import Record, encode
from weft.model.transaction import Attachment
from weft.model.view import Caller, Fate, Wish


class CollectionsService:
    """The collections of a node."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def viewer(self, caller: Caller) -> Viewer:
        """The caller as somebody who looks."""
        return viewer_of(self.ledger, caller)

    async def get(self, id_: str, viewer: Viewer) -> CollectionView:
        """Raises CollectionUnknownError or CollectionPrivateError."""
        view = await asyncio.to_thread(load_collection, self.ledger, id_, viewer)
        if view.name is None and view.state.name is not None:
            await self.ledger.service.seek([view.state.name.digest])
            view = await asyncio.to_thread(load_collection, self.ledger, id_, viewer)
        return view

    async def list(
        self, after: str | None, limit: int, viewer: Viewer
    ) -> "tuple[list[CollectionView], str | None]":
        """Those that the viewer may see, by rising id from the one after `after`; and after which to go on,
        None at the end. A page may be short, even empty, and not the last."""
        last = None if after is None else bytes.fromhex(after)
        found, reached = await asyncio.to_thread(load_page, self.ledger, last, limit, viewer)
        return found, None if reached is None else reached.hex()

    async def create(self, terms: Terms, name: str, is_private: bool) -> Fate:
        arguments = CreateCollection(urandom(16), 0, is_private)
        meaning = "POST", "/v1/collections", name, is_private
        return await self._write(terms, "create", arguments, meaning, name)

    async def update(self, terms: Terms, id_: str, name: str | None, is_private: bool | None) -> Fate:
        """Another name, or who may see it; None: as it is."""
        number = None if name is None else 0
        arguments = UpdateCollection(bytes.fromhex(id_), number, is_private, terms.expected)
        meaning = "PATCH", id_, terms.expected, name, is_private
        return await self._write(terms, "update", arguments, meaning, name)

    async def change(self, terms: Terms, id_: str, add: Sequence[str], remove: Sequence[str]) -> Fate:
        """Files come and go; raises FileUnknownError or ErasedError for one that cannot come."""
        assert len(add) + len(remove) <= CHANGE_MAX
        for file in add:
            await asyncio.to_thread(load_file, self.ledger, file)
        arguments = ChangeCollection(
            bytes.fromhex(id_), tuple(map(bytes.fromhex, add)), tuple(map(bytes.fromhex, remove))
        )
        return await self._write(terms, "change", arguments, ("POST", id_, tuple(add), tuple(remove)))

    async def share(
        self, terms: Terms, id_: str, account: str, access: Literal["none", "read", "write"]
    ) -> Fate:
        arguments = ShareCollection(bytes.fromhex(id_), account, access)
        return await self._write(terms, "share", arguments, ("PUT", id_, account, access))

    async def delete(self, terms: Terms, id_: str) -> Fate:
        arguments = DeleteCollection(bytes.fromhex(id_), terms.expected)
        return await self._write(terms, "delete", arguments, ("DELETE", id_, terms.expected))

    async def _write(
        self, terms: Terms, call: str, arguments: Record, meaning: tuple[object, ...], name: str | None = None
    ) -> Fate:
        attachments = () if name is None else (Attachment(urandom(32), name.encode()),)
        key = terms.idempotency_key
        wish = Wish(NAME, call, encode(arguments), attachments, key, encode(("collections", *meaning)))
        return await self.ledger.service.write(terms.caller, wish, terms.wait, terms.timeout_ms)
