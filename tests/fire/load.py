"""A steady load, in a process of its own: `python -m tests.fire.load PLAN RESULT`.

Writes are due at a fixed rate, over all nodes in turn, whether or not earlier ones were answered. A node that
is down or not ready is passed over, as every client would; the time of a write runs from when it was due.
"""

import asyncio
import sys
import time
from pathlib import Path

import httpx
import msgspec

TIMEOUT_S = 10.0
TURNS = 3
PAUSE_S = 0.1


class LoadPlan(msgspec.Struct):
    """`begin_ns` of the machine's monotonic clock: when the first write is due."""

    urls: list[str]
    rate: float
    seconds: float
    begin_ns: int


class Write(msgspec.Struct, array_like=True):
    """One write, in seconds since the first was due and milliseconds."""

    due_s: float
    taken_ms: float
    is_done: bool


async def write(http: httpx.AsyncClient, plan: LoadPlan, number: int) -> Write:
    """Write one record, at another node if its turn's node does not take it."""
    due_s = number / plan.rate
    begin_s = plan.begin_ns / 1e9
    await asyncio.sleep(begin_s + due_s - time.monotonic())
    headers = {"Idempotency-Key": f"fire-chart-{plan.begin_ns}-{number:08}"}
    is_done = False
    for turn in range(len(plan.urls) * TURNS):
        url = plan.urls[(number + turn) % len(plan.urls)]
        try:
            answer = await http.put(f"{url}/v1/records/chart/{number}", json=number, headers=headers)
        except httpx.TransportError:
            continue
        is_done = answer.is_success
        if is_done:
            break
        await asyncio.sleep(PAUSE_S if turn % len(plan.urls) == len(plan.urls) - 1 else 0)
    return Write(due_s, (time.monotonic() - begin_s - due_s) * 1000, is_done)


async def main(plan: LoadPlan) -> list[Write]:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
    async with httpx.AsyncClient(timeout=TIMEOUT_S, limits=limits, trust_env=False) as http:
        numbers = range(int(plan.rate * plan.seconds))
        return list(await asyncio.gather(*(write(http, plan, number) for number in numbers)))


if __name__ == "__main__":
    done = asyncio.run(main(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=LoadPlan)))
    Path(sys.argv[2]).write_bytes(msgspec.json.encode(done))
