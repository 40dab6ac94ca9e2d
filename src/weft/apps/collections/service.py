"""What can be done with collections. Each verb: one transaction, then what this node's state says."""

import asyncio
from collections.abc import Callable, Sequence
from os import urandom

from weft.api.face import Terms
from weft.apps.collections.contract import CHANGE_MAX, NAME
from weft.apps.collections.reader import CollectionView, load_collection, load_page
from weft.apps.files.ports import Ledger
from weft.apps.files.reader import load_file
from weft.model.call import (
    ChangeCollection,
    CreateCollection,
    DeleteCollection,
    RenameCollection,
    ShareCollection,
)
from weft.model.encoding import Record, encode
from weft.model.transaction import Attachment
from weft.model.view import Caller, Fate, Wish


class CollectionsService:
    """The collections of a node."""

    def __init__(self, ledger: Ledger, owner_of: Callable[[Caller], str]) -> None:
        self.ledger = ledger
        self.owner_of = owner_of

    async def get(self, id_: str) -> CollectionView:
        """Raises CollectionUnknownError."""
        view = await asyncio.to_thread(load_collection, self.ledger, id_)
        if view.name is None and view.state.name is not None:
            await self.ledger.service.seek([view.state.name.digest])
            view = await asyncio.to_thread(load_collection, self.ledger, id_)
        return view

    async def list(self, after: str | None, count: int) -> "list[CollectionView]":
        """By rising id from the one after `after`."""
        last = None if after is None else bytes.fromhex(after)
        return await asyncio.to_thread(load_page, self.ledger, last, count)

    async def create(self, terms: Terms, name: str) -> Fate:
        arguments = CreateCollection(urandom(16), 0)
        return await self._write(terms, "create", arguments, ("POST", "/v1/collections", name), name)

    async def rename(self, terms: Terms, id_: str, name: str) -> Fate:
        arguments = RenameCollection(bytes.fromhex(id_), 0, terms.expected)
        return await self._write(terms, "rename", arguments, ("PATCH", id_, terms.expected, name), name)

    async def change(self, terms: Terms, id_: str, add: Sequence[str], remove: Sequence[str]) -> Fate:
        """Files come and go; raises FileUnknownError or ErasedError for one that cannot come."""
        assert len(add) + len(remove) <= CHANGE_MAX
        for file in add:
            await asyncio.to_thread(load_file, self.ledger, file)
        arguments = ChangeCollection(
            bytes.fromhex(id_), tuple(map(bytes.fromhex, add)), tuple(map(bytes.fromhex, remove))
        )
        return await self._write(terms, "change", arguments, ("POST", id_, tuple(add), tuple(remove)))

    async def share(self, terms: Terms, id_: str, account: str, is_writer: bool) -> Fate:
        arguments = ShareCollection(bytes.fromhex(id_), account, is_writer)
        return await self._write(terms, "share", arguments, ("PUT", id_, account, is_writer))

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
