"""What all verbs of a client share: the nodes, the key, the genesis, and how far it has seen the ledger."""

from collections.abc import Mapping
from os import urandom
from time import monotonic, time
from typing import Any

from weft.client import transactions
from weft.client.errors import KeyMissingError, ProblemError
from weft.client.nodes import TRY_S, Nodes
from weft.client.signing import Call, Signed, sign
from weft.client.transactions import Outcome, Wait
from weft.client.verify import check_chain, check_transaction
from weft.model.genesis import Genesis
from weft.model.keys import PrivateKey
from weft.model.proof import Step
from weft.model.ticket import issue_ticket

TICKET_S = 600.0
"""How long a ticket lasts, unless clocks are far apart."""
BLOCKS_PROOF_MAX = 10_000
"""How far above a transaction its checkpoint may lie."""


class Session:
    """Reads see at least what this client wrote, whichever node answers."""

    def __init__(
        self, nodes: Nodes, key: PrivateKey | None, genesis: Genesis | None, timeout_s: float
    ) -> None:
        self.nodes = nodes
        self.key = key
        self.genesis = genesis
        self.timeout_s = timeout_s
        self.height = 0
        """The greatest height of an own write."""
        self._chain: bytes | None = None
        self._ticket, self._ticket_ends_s = "", 0.0
        if key is not None and not nodes.has_token:
            nodes.find_ticket = self._find_ticket

    async def read(self, path: str, **parameters: Any) -> Any:
        """The JSON at a path. Parameters that are None are left out."""
        return await self.nodes.ask_json("GET", path, params=self.terms_of_read(parameters))

    def terms_of_read(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters of a read that sees what this client wrote."""
        terms = {name: value for name, value in parameters.items() if value is not None}
        if self.height and "min_height" not in terms:
            terms["min_height"] = self.height
        return terms

    async def status(self) -> dict[str, Any]:
        """Where a node is; checked to be of the genesis' network."""
        status: dict[str, Any] = await self.nodes.ask_json("GET", "/v1/status")
        if self.genesis is not None:
            check_chain(self.genesis, status)
        self._chain = bytes.fromhex(status["chain_id"])
        return status

    async def sign(self, call: Call) -> Signed:
        """A transaction for this network, signed with the client's key."""
        if self.key is None:
            raise KeyMissingError(f"{call.contract}.{call.call} must be signed, and this client has no key")
        return sign(self.key, await self._find_chain(), call, self.nodes.skew_s)

    async def _find_chain(self) -> bytes:
        if self._chain is None:
            await self.status()
            assert self._chain is not None
        return self._chain

    async def _find_ticket(self) -> str:
        """By which nodes know whose key reads."""
        assert self.key is not None
        chain = await self._find_chain()
        if self._ticket_ends_s < monotonic():
            self._ticket_ends_s = monotonic() + TICKET_S / 2
            self._ticket = issue_ticket(self.key, chain, int((time() + self.nodes.skew_s + TICKET_S) * 1000))
        return self._ticket

    async def submit(self, call: Call, wait: Wait, timeout_s: float | None) -> Outcome:
        """Sign and send; see `send`."""
        return await self.send(await self.sign(call), wait, timeout_s)

    async def send(self, signed: Signed, wait: Wait, timeout_s: float | None) -> Outcome:
        """Send what is signed, as often as it takes; with `certified` and a genesis, check the proof too."""
        timeout_s = self.timeout_s if timeout_s is None else timeout_s
        outcome = await transactions.send(self.nodes, signed, wait, timeout_s)
        self.note(outcome.height)
        if wait == "certified" and self.genesis is not None:
            # Not the identity that the node names: it could name one that is proved, and is not ours.
            await self.verify(signed.id)
        return outcome

    async def write(self, method: str, path: str, *, timeout_s: float | None = None, **given: Any) -> Any:
        """A write that the node signs for us: sent again under one Idempotency-Key until it is answered."""
        headers = {"idempotency-key": urandom(16).hex(), **given.pop("headers", {})}
        params = {"timeout_ms": int(TRY_S * 1000), **given.pop("params", {})}
        answer = await self.nodes.ask_json(
            method, path, params=params, headers=headers, timeout_s=timeout_s, **given
        )
        self.note(answer["transaction"]["height"])
        return answer

    def note(self, height: int | None) -> None:
        """Remember how far this client has written."""
        self.height = max(self.height, height or 0)

    async def verify(self, id_: str) -> list[Step]:
        """Prove a transaction from the genesis; raises UnprovedError."""
        if self.genesis is None:
            raise KeyMissingError("what nodes say can only be checked against a genesis")
        outcome = await transactions.wait_for(self.nodes, id_, "certified", self.timeout_s)
        assert outcome.height is not None
        assert outcome.position is not None
        blocks = [await self.read(f"/v1/blocks/{outcome.height}")]
        checkpoint = blocks[0]["checkpoint"]
        if checkpoint is None or checkpoint["height"] - outcome.height > BLOCKS_PROOF_MAX:
            raise ProblemError(503, {"detail": f"no checkpoint near height {outcome.height} is here"})
        for height in range(outcome.height + 1, checkpoint["height"] + 1):
            blocks.append(await self.read(f"/v1/blocks/{height}"))
        blocks[-1] = {**blocks[-1], "checkpoint": checkpoint}
        return check_transaction(self.genesis, id_, outcome.position, blocks)
