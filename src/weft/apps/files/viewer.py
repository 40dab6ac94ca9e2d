"""Who looks, and what they may see: the one place that decides it.

A file is seen by everybody who reads the network, or by its owner, those it is shared with, the members of
collections it is shared with, administrators and auditors. All of it is read from the state as it is now, so
a change is seen with its block, at every node. This is what nodes hold when they are asked: whoever operates
one has the bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from weft.apps.collections.contract import Collection, find_collection, is_member, list_memberships
from weft.apps.files.errors import CollectionPrivateError, CollectionUnknownError, FilePrivateError
from weft.apps.files.ports import Ledger
from weft.apps.files.query import Query
from weft.execution.contract import LOCAL, Reader
from weft.model.call import Principal
from weft.model.view import Caller

OVERSEERS = ("administrator", "auditor")
"""Roles that see everything."""
ID_LETTERS = 32
"""Of a collection's id; an account's address has more."""


class Shared(Protocol):
    """A file: its state, or what users see of it."""

    @property
    def owner(self) -> str: ...

    @property
    def readers(self) -> tuple[Principal, ...] | None: ...


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody who may read the network. Touches the disk."""

    state: Reader
    name: str
    """Under which files belong to it: an address in hex, or `local`."""
    is_overseer: bool

    def sees(self, file: Shared) -> bool:
        if file.readers is None or self.is_overseer or self.name in (file.owner, *file.readers):
            return True
        return any(is_member(self.state, self.name, one) for one in file.readers if len(one) == ID_LETTERS)

    def sees_collection(self, collection: Collection) -> bool:
        return not collection.is_private or self.is_overseer or self.name in collection.members

    def check(self, id_: str, file: Shared) -> None:
        """Raises FilePrivateError."""
        if not self.sees(file):
            raise FilePrivateError(
                f"file {id_} belongs to {file.owner}, who has not shared it with {self.name}",
                id=id_,
                owner=file.owner,
                account=self.name,
            )

    def check_collection(self, id_: str, collection: Collection) -> None:
        """Raises CollectionPrivateError."""
        if not self.sees_collection(collection):
            raise CollectionPrivateError(
                f"collection {id_} belongs to {collection.owner}, who has not shared it with {self.name}",
                id=id_,
                owner=collection.owner,
                account=self.name,
            )

    def check_readers(self, readers: Sequence[Principal]) -> None:
        """Collections among them must be there, and seen; raises CollectionUnknownError or
        CollectionPrivateError."""
        for one in readers:
            if len(one) == ID_LETTERS:
                collection = find_collection(self.state, bytes.fromhex(one))
                if collection is None or collection.name is None:
                    raise CollectionUnknownError(f"there is no collection {one}")
                self.check_collection(one, collection)

    def narrow(self, query: Query) -> Query:
        """The query among what this viewer may see."""
        if self.is_overseer:
            return query
        memberships = list_memberships(self.state, self.name)
        return query.seen_by((self.name, *(id_.hex() for id_ in memberships)))


def name_of(ledger: Ledger, caller: Caller) -> str:
    """The name under which things belong to a caller."""
    is_local = ledger.genesis.is_open and caller.role == "gateway"
    return LOCAL if is_local else caller.account.hex()


def viewer_of(ledger: Ledger, caller: Caller) -> Viewer:
    """The caller as somebody who looks."""
    return Viewer(ledger.state, name_of(ledger, caller), caller.role in OVERSEERS)


def node_itself(ledger: Ledger) -> Viewer:
    """What works on behalf of nobody."""
    return Viewer(ledger.state, LOCAL, True)
