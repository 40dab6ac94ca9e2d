"""All that a contract may see and do. It has no other way to anything."""

from weft.execution.view import View
from weft.model.digest import Digest
from weft.model.genesis import Role
from weft.model.keys import Address
from weft.model.receipt import Event, Named
from weft.model.transaction import Commitment

LOCAL = "local"
"""The one owner that all gateway accounts of an open network are."""


class Context:
    """One call by one transaction. Keys are the contract's own: it can't name another contract's."""

    __slots__ = (
        "_prefix",
        "_view",
        "attachments",
        "contract",
        "erased",
        "events",
        "height",
        "identity",
        "is_open",
        "owner",
        "role",
        "signer",
        "time_ms",
    )

    def __init__(
        self,
        view: View,
        contract: str,
        signer: Address,
        role: Role | None,
        is_open: bool,
        height: int,
        time_ms: int,
        identity: Digest,
        attachments: tuple[Commitment, ...],
    ) -> None:
        self._view = view
        self._prefix = state_key(contract, b"")
        self.contract = contract
        self.signer = signer
        self.role = role
        """None: an account that has no role."""
        self.is_open = is_open
        self.owner = LOCAL if is_open and role == "gateway" else signer.hex()
        """The name under which things belong to the signer."""
        self.height = height
        """Of the block that the transaction will stand in."""
        self.time_ms = time_ms
        """Ledger time."""
        self.identity = identity
        """The transaction's."""
        self.attachments = attachments
        self.events: list[Event] = []
        self.erased: list[Digest] = []

    def get(self, key: bytes) -> bytes | None:
        return self._view.get(self._prefix + key)

    def put(self, key: bytes, value: bytes) -> None:
        self._view.put(self._prefix + key, value)

    def delete(self, key: bytes) -> None:
        self._view.put(self._prefix + key, None)

    def scan(self, prefix: bytes, after: bytes = b"", limit: int = 1000) -> list[tuple[bytes, bytes]]:
        """Keys that begin with `prefix` and are greater than `after`, rising."""
        start = len(self._prefix)
        rows = self._view.scan(self._prefix + prefix, self._prefix + after, limit)
        return [(key[start:], value) for key, value in rows]

    def emit(self, type_: str, data: Named) -> None:
        """Announce something, without personal content."""
        self.events.append(Event(self.contract, type_, data))

    def erase(self, commitment: Digest) -> None:
        """Have every node destroy the content behind a commitment."""
        self.erased.append(commitment)


def state_key(contract: str, key: bytes) -> bytes:
    """Where a contract's key stands in the state."""
    return contract.encode() + b"\0" + key
