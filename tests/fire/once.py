"""Exactly once: what was acknowledged stands once in the history of its record, at every node; what is
unknown once or not at all; what was refused never."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from tests.fire.clients import COLLECTION, key_of, number_of
from tests.fire.history import Operation

PATIENCE_S = 30.0
AT_ONCE = 8
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Entry:
    """A version of a record. `value` is the number of the operation that wrote it, 0 for a deletion."""

    version: int
    value: int


Ledger = Mapping[int, Sequence[Entry]]
"""The entries of every record at one node, oldest first."""


@dataclass(frozen=True, slots=True)
class Count:
    """How the history and the ledgers compare."""

    lost: list[str]
    doubled: list[str]
    phantoms: list[str]
    """What was refused, or was never asked for, and stands there."""
    different: list[str]
    """Nodes that differ."""
    unknown_there: int
    unknown_not_there: int

    @property
    def violations(self) -> list[str]:
        return [
            text
            for found in (self.lost, self.doubled, self.phantoms, self.different)
            for text in found[:SHOWN]
        ]


def check_once(operations: Sequence[Operation], ledgers: Sequence[Ledger]) -> Count:
    """Compare what clients were told with what every node holds."""
    count = Count([], [], [], [], 0, 0)
    there = 0
    for node, ledger in enumerate(ledgers):
        there = _compare(operations, ledger, f"node{node}", count)
        for key in sorted({*ledger, *ledgers[0]}):
            if list(ledger.get(key, ())) != list(ledgers[0].get(key, ())):
                count.different.append(f"{key_of(key)} has other versions at node{node} than at node0")
    unknown = sum(operation.kind == "put" and operation.outcome == "unknown" for operation in operations)
    return Count(count.lost, count.doubled, count.phantoms, count.different, there, unknown - there)


def _compare(operations: Sequence[Operation], ledger: Ledger, name: str, count: Count) -> int:
    """Add what is wrong at one node; how many writes whose outcome is unknown took effect."""
    written = Counter((key, entry.value) for key, entries in ledger.items() for entry in entries)
    versions = {(key, entry.value): entry.version for key, entries in ledger.items() for entry in entries}
    deletions: defaultdict[int, Counter[str]] = defaultdict(Counter)
    there = 0
    for operation in operations:
        if operation.kind == "delete":
            deletions[operation.key][operation.outcome] += 1
        if operation.kind != "put":
            continue
        place = operation.key, operation.number
        times = written.pop(place, 0)
        what = f"{key_of(operation.key)} of #{operation.number} at {name}"
        if times > 1:
            count.doubled.append(f"{what} stands {times} times")
        if operation.outcome == "ok" and not times:
            count.lost.append(f"{what} was acknowledged as version {operation.version} and is not there")
        elif operation.outcome == "ok" and versions[place] != operation.version:
            count.lost.append(f"{what} is version {versions[place]}, acknowledged as {operation.version}")
        elif operation.outcome == "fail" and times:
            count.phantoms.append(f"{what} was refused ({operation.code}) and is there")
        there += operation.outcome == "unknown" and times > 0
    for (key, value), times in written.items():
        if value:
            count.phantoms.append(f"{key_of(key)} at {name} holds #{value}, which nobody wrote there")
        else:
            _compare_deletions(key, times, deletions.pop(key, Counter()), name, count)
    for key, outcomes in deletions.items():
        _compare_deletions(key, 0, outcomes, name, count)
    return there


def _compare_deletions(key: int, times: int, outcomes: Counter[str], name: str, count: Count) -> None:
    least, most = outcomes["ok"], outcomes["ok"] + outcomes["unknown"]
    if times < least:
        count.lost.append(f"{key_of(key)} at {name}: {times} deletions, {least} were acknowledged")
    if times > most:
        count.doubled.append(f"{key_of(key)} at {name}: {times} deletions, at most {most} were wished")


async def read_ledger(url: str, keys: Sequence[int]) -> Ledger:
    """The entries of these records at a node, through its REST interface."""
    gate = asyncio.Semaphore(AT_ONCE)
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_S, trust_env=False) as http:

        async def read(key: int) -> tuple[int, list[Entry]]:
            async with gate:
                return key, await _read_record(http, key)

        return dict(await asyncio.gather(*map(read, keys)))


async def _read_record(http: httpx.AsyncClient, key: int) -> list[Entry]:
    entries: list[Entry] = []
    cursor: str | None = ""
    while cursor is not None:
        parameters: dict[str, Any] = {"limit": 1000} | ({"cursor": cursor} if cursor else {})
        answer = await http.get(f"/v1/records/{COLLECTION}/{key_of(key)}/history", params=parameters)
        if answer.status_code == 404:
            return []
        page = answer.raise_for_status().json()
        for item in page["items"]:
            value = 0 if item["deleted"] else number_of(item["value"])
            entries.append(Entry(item["version"], value))
        cursor = page["next_cursor"]
    return entries[::-1]
