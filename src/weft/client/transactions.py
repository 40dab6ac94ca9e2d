"""Signed transactions on their way: sent, sent again elsewhere, waited for."""

import asyncio
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from weft.client.errors import ProblemError
from weft.client.nodes import TRY_S, Nodes
from weft.client.signing import Signed

Wait = Literal["none", "executed", "certified"]

BATCH_ITEMS_MAX = 1000
BATCH_BYTES_MAX = 32 << 20
PAUSE_S_FIRST, PAUSE_S_MAX = 0.02, 0.5
_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a transaction. `result` is what the contract answered."""

    id: str
    status: str
    height: int | None
    position: int | None
    is_certified: bool
    result: Mapping[str, Any]

    @property
    def place(self) -> dict[str, Any]:
        """As `transaction` in the resources of the REST interface."""
        return {"id": self.id, "height": self.height, "position": self.position}


async def send(nodes: Nodes, signed: Signed, wait: Wait, timeout_s: float) -> Outcome:
    """Send until it has come as far as `wait` says; raises ProblemError with what became of it instead."""
    state = await nodes.ask_json(
        "POST",
        "/v1/transactions",
        params=_terms(wait, timeout_s),
        headers={"content-type": "application/json"},
        body=_encoder.encode(_pack(signed)),
        timeout_s=timeout_s,
    )
    return outcome_of(state)


async def send_many(
    nodes: Nodes, many: Sequence[Signed], wait: Wait, timeout_s: float
) -> list[Outcome | ProblemError]:
    """`send` for each, in as few requests as may be: its outcome, or why it has none."""
    found: dict[str, Outcome | ProblemError] = {}
    loop = asyncio.get_running_loop()
    until, pause_s = loop.time() + timeout_s, PAUSE_S_FIRST
    left = list(many)
    while left:
        for chunk in _chunks(left):
            states = await _send_chunk(nodes, chunk, wait, max(until - loop.time(), 0.1))
            for signed, state in zip(chunk, states, strict=True):
                found[signed.id] = _judge(state)
        left = [signed for signed in left if wait != "none" and _is_open(found[signed.id])]
        if loop.time() + pause_s > until:
            break
        if left:
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, PAUSE_S_MAX)
    return [found[signed.id] for signed in many]


async def wait_for(nodes: Nodes, id_: str, wait: Wait, timeout_s: float) -> Outcome:
    """Ask until the transaction has come so far. A node that does not know it says nothing about others."""
    loop = asyncio.get_running_loop()
    until, pause_s = loop.time() + timeout_s, PAUSE_S_FIRST
    while True:
        error: ProblemError | None = None
        try:
            state = await nodes.ask_json("GET", f"/v1/transactions/{id_}", timeout_s=timeout_s)
        except ProblemError as problem:
            if problem.code != "transaction.unknown":
                raise
            nodes.pass_over()
            error = problem
        else:
            if state["status"] == "executed" and (wait != "certified" or state["certified"]):
                return outcome_of(state)
            if state["status"] in ("failed", "expired"):
                raise _refusal(state)
        if loop.time() + pause_s > until:
            raise error or _pending(id_)
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, PAUSE_S_MAX)


def outcome_of(state: Mapping[str, Any]) -> Outcome:
    """The outcome that a node's answer tells."""
    return Outcome(
        state["id"],
        state["status"],
        state["height"],
        state["position"],
        state["certified"],
        state["result"],
    )


async def _send_chunk(
    nodes: Nodes, chunk: Sequence[Signed], wait: Wait, timeout_s: float
) -> list[dict[str, Any]]:
    answer = await nodes.ask_json(
        "POST",
        "/v1/transactions:batch",
        params=_terms(wait, timeout_s),
        headers={"content-type": "application/json"},
        body=_encoder.encode({"items": [_pack(signed) for signed in chunk]}),
        timeout_s=timeout_s,
    )
    items: list[dict[str, Any]] = answer["items"]
    return items


def _terms(wait: Wait, timeout_s: float) -> dict[str, str]:
    return {"wait": wait, "timeout_ms": str(max(int(min(timeout_s, TRY_S) * 1000), 1))}


def _pack(signed: Signed) -> dict[str, Any]:
    return {
        "transaction": b64encode(signed.raw).decode(),
        "attachments": [b64encode(item.salt + item.content).decode() for item in signed.attachments],
    }


def _chunks(many: Sequence[Signed]) -> Iterator[list[Signed]]:
    chunk: list[Signed] = []
    size = 0
    for signed in many:
        own = len(signed.raw) + sum(len(item.content) + 32 for item in signed.attachments)
        if chunk and (len(chunk) == BATCH_ITEMS_MAX or size + own > BATCH_BYTES_MAX):
            yield chunk
            chunk, size = [], 0
        chunk.append(signed)
        size += own
    if chunk:
        yield chunk


def _judge(state: Mapping[str, Any]) -> Outcome | ProblemError:
    return outcome_of(state) if state["error"] is None else _refusal(state)


def _is_open(outcome: Outcome | ProblemError) -> bool:
    """Whether sending again may still bring it further."""
    if isinstance(outcome, Outcome):
        return outcome.status == "pending"
    return outcome.status in (429, 503)


def _refusal(state: Mapping[str, Any]) -> ProblemError:
    error = state["error"]
    return ProblemError(error["status"], {**error["values"], **error})


def _pending(id_: str) -> ProblemError:
    return ProblemError(
        504,
        {
            "code": "transaction.pending",
            "detail": f"transaction {id_} is not executed yet",
            "fix": "Ask again: nothing is lost and nothing happens twice.",
            "id": id_,
        },
    )
