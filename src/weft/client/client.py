"""The client: what a program does with a network, whichever node answers."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from weft.client import transactions
from weft.client.collections import Collections
from weft.client.errors import ProblemError
from weft.client.files import Files
from weft.client.follow import follow
from weft.client.nodes import Nodes
from weft.client.records import Records
from weft.client.session import Session
from weft.client.signing import Call, Signed, load_key
from weft.client.transactions import Outcome, Wait
from weft.model.encoding import Record
from weft.model.genesis import Genesis, parse_genesis
from weft.model.keys import PrivateKey
from weft.model.proof import Step

TIMEOUT_S = 30.0
PATIENCE_S = 3.0


class AsyncClient:
    """A network by the addresses of some of its nodes.

    `key`: signs here, with a key or the one in a key file; without one, nodes sign with their own account.
    `genesis`: what nodes tell is checked against it. `token`: the bearer token of a closed network.
    A verb gives up after `timeout_s`, or after `patience_s` while no node can be reached at all.
    """

    def __init__(
        self,
        urls: str | Sequence[str],
        key: PrivateKey | Path | str | None = None,
        genesis: Genesis | Path | str | None = None,
        *,
        token: str | None = None,
        timeout_s: float = TIMEOUT_S,
        patience_s: float = PATIENCE_S,
    ) -> None:
        addresses = [urls] if isinstance(urls, str) else list(urls)
        self._nodes = Nodes(addresses, token, timeout_s, patience_s)
        self._session = Session(self._nodes, _key_of(key), _genesis_of(genesis), timeout_s)
        self.records = Records(self._session)
        self.files = Files(self._session)
        self.collections = Collections(self._session)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._nodes.close()

    async def status(self) -> dict[str, Any]:
        """Where a node is: `node chain_id latest_height peers …`."""
        return await self._session.status()

    async def head(self) -> dict[str, Any]:
        """The newest block of a node: `height hash state_root timestamp certified_height`."""
        head: dict[str, Any] = await self._session.nodes.ask_json("GET", "/v1/head")
        return head

    async def read(self, path: str, **parameters: Any) -> Any:
        """The JSON at a path, as new as this client's own writes at least."""
        return await self._session.read(path, **parameters)

    async def sign(
        self, contract: str, call: str, arguments: Record, contents: Sequence[bytes] = ()
    ) -> Signed:
        """A signed transaction, to be sent with `send` any number of times."""
        return await self._session.sign(Call(contract, call, arguments, contents))

    async def send(
        self, signed: Signed, *, wait: Wait = "executed", timeout_s: float | None = None
    ) -> Outcome:
        """Send what is signed; raises ProblemError with what became of it instead."""
        return await self._session.send(signed, wait, timeout_s)

    async def submit(
        self,
        contract: str,
        call: str,
        arguments: Record,
        contents: Sequence[bytes] = (),
        *,
        wait: Wait = "executed",
        timeout_s: float | None = None,
    ) -> Outcome:
        """Sign and send. With `certified` and a genesis, the proof is checked before it returns."""
        return await self._session.submit(Call(contract, call, arguments, contents), wait, timeout_s)

    async def submit_many(
        self, calls: Sequence[Call], *, wait: Wait = "executed", timeout_s: float | None = None
    ) -> list[Outcome | ProblemError]:
        """Sign and send many: for each its outcome, or why it had none."""
        session = self._session
        many = [await session.sign(call) for call in calls]
        timeout_s = session.timeout_s if timeout_s is None else timeout_s
        outcomes = await transactions.send_many(session.nodes, many, wait, timeout_s)
        for outcome in outcomes:
            if isinstance(outcome, Outcome):
                session.note(outcome.height)
        return outcomes

    async def wait(self, id_: str, *, until: Wait = "executed", timeout_s: float | None = None) -> Outcome:
        """What became of a transaction, once it is executed or certified."""
        timeout_s = self._session.timeout_s if timeout_s is None else timeout_s
        return await transactions.wait_for(self._nodes, id_, until, timeout_s)

    async def verify(self, id_: str) -> list[Step]:
        """Prove from the genesis that a transaction stands on the ledger; raises UnprovedError."""
        return await self._session.verify(id_)

    def follow(self, cursor: str | None = None) -> AsyncIterator[dict[str, Any]]:
        """Every event after the cursor, for ever: from now on if None, from the genesis if `0`."""
        return follow(self._nodes, cursor)


def _key_of(key: PrivateKey | Path | str | None) -> PrivateKey | None:
    return load_key(Path(key)) if isinstance(key, (str, Path)) else key


def _genesis_of(genesis: Genesis | Path | str | None) -> Genesis | None:
    return parse_genesis(Path(genesis).read_bytes()) if isinstance(genesis, (str, Path)) else genesis
