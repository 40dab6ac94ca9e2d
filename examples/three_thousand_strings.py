"""The experiment that Weft began with: 3,000 random strings, written to random nodes as fast as possible.

    python examples/three_thousand_strings.py
    python examples/three_thousand_strings.py --nodes 3 --fault-model crash

Starts a network of real processes in a temporary folder, writes, checks that every string was acknowledged,
that every node holds each of them exactly once, and that all nodes have the same head and state root. Exit
code 0 if so. Each string is a signed transaction of its own; `--at-once 1` sends each in a request of its
own, too. The network is stopped and its folder removed at the end; `--home DIR` keeps it.
"""

import argparse
import asyncio
import json
import random
import secrets
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from weft.client import AsyncClient, Call, Outcome
from weft.local import Network, free_port_base
from weft.model.call import PutRecords, RecordItem
from weft.model.keys import ED25519, PrivateKey

COLLECTION = "strings"
REQUESTS = 4
"""Requests on their way at once, a node."""
PATIENCE_S = 60
"""How long nodes may take to come to the same height once nobody writes."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    with ExitStack() as stack:
        home = options.home or Path(stack.enter_context(TemporaryDirectory(prefix="weft-"))) / "network"
        port_base = None if home.exists() else free_port_base(options.nodes)
        show(f"starting {options.nodes} nodes ({options.fault_model} fault model) in {home}")
        network = stack.enter_context(Network(home, options.nodes, options.fault_model, port_base))
        wrong = asyncio.run(experiment(network.urls, options.strings, options.at_once))
    for sentence in wrong:
        show(f"WRONG: {sentence}")
    return 1 if wrong else 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--nodes", type=int, default=4)
    parser.add_argument("--fault-model", choices=("byzantine", "crash"), default="byzantine")
    parser.add_argument("--strings", type=int, default=3000)
    parser.add_argument("--at-once", type=int, default=100, help="strings in one request (default: 100)")
    parser.add_argument("--home", type=Path, help="keep the network in this new folder")
    return parser.parse_args(arguments)


async def experiment(urls: Sequence[str], count: int, at_once: int) -> list[str]:
    """Write, look, compare; everything that is not as it should be."""
    # A prefix of this run's own, so that it can be repeated in a folder that was kept.
    run = secrets.token_hex(4)
    strings = {f"{run}-{number}": secrets.token_urlsafe(24) for number in range(count)}
    async with AsyncExitStack() as stack:
        key = PrivateKey(ED25519, secrets.token_bytes(32))
        nodes = [await stack.enter_async_context(AsyncClient(url, key)) for url in urls]
        begun = time.monotonic()
        outcomes = await write_all(nodes, strings, at_once)
        taken = time.monotonic() - begun
        show(
            f"{len(outcomes)} of {count} strings acknowledged in {taken:.1f} s, {count / taken:.0f} a second"
        )
        height = max(outcome.height or 0 for outcome in outcomes.values())
        wrong = [f"{key} was not acknowledged" for key in strings if key not in outcomes]
        wrong += [
            sentence
            for number, node in enumerate(nodes)
            for sentence in await check_node(f"node{number}", node, run, strings, height)
        ]
        ordered = await count_ordered(nodes[0], height)
        wrong += [
            f"the transaction of {key} stands {ordered[outcome.id]} times on the ledger"
            for key, outcome in outcomes.items()
            if ordered[outcome.id] != 1
        ]
        heads = await agree(nodes)
    show(f"every node holds {count} strings, each once" if not wrong else f"{len(wrong)} things are wrong")
    for number, (reached, head, root) in enumerate(heads):
        show(f"node{number}  height {reached}  head {head[:16]}  state root {root[:16]}")
    if len(set(heads)) != 1:
        wrong.append("heads or state roots differ")
    return wrong


async def write_all(
    nodes: Sequence[AsyncClient], strings: dict[str, str], at_once: int
) -> dict[str, Outcome]:
    """Write every string to a node drawn at random; what became of each that was acknowledged."""
    waiting: list[list[str]] = [[] for _ in nodes]
    for key in strings:
        random.choice(waiting).append(key)
    written: dict[str, Outcome] = {}

    async def work(node: AsyncClient, keys: list[str]) -> None:
        while keys:
            chunk, keys[:at_once] = keys[:at_once], []
            calls = [put(key, strings[key]) for key in chunk]
            for key, outcome in zip(chunk, await node.submit_many(calls), strict=True):
                if isinstance(outcome, Outcome) and outcome.status == "executed":
                    written[key] = outcome

    await asyncio.gather(
        *(work(node, keys) for node, keys in zip(nodes, waiting, strict=True) for _ in range(REQUESTS))
    )
    return written


def put(key: str, text: str) -> Call:
    """The call that writes one record; its document travels beside it."""
    document = json.dumps(text).encode()
    return Call("records", "put", PutRecords((RecordItem(COLLECTION, key, 0, None),)), (document,))


async def check_node(
    name: str, node: AsyncClient, run: str, strings: dict[str, str], height: int
) -> list[str]:
    """What a node does not hold as it was written, and what it holds besides."""
    await node.read(f"/v1/records/{COLLECTION}", limit=1, min_height=height)
    found: Counter[tuple[str, str, int]] = Counter()
    async for record in node.records.list(COLLECTION):
        if record["key"].startswith(run):
            found[record["key"], record["value"], record["version"]] += 1
    expected = Counter((key, text, 1) for key, text in strings.items())
    return [f"{name} lacks {key}" for key, _, _ in expected - found] + [
        f"{name} holds version {version} of {key} with value {value!r}"
        for key, value, version in found - expected
    ]


async def count_ordered(node: AsyncClient, height: int) -> Counter[str]:
    """How often each transaction stands in the blocks."""
    found: Counter[str] = Counter()
    for number in range(1, height + 1):
        block = await node.read(f"/v1/blocks/{number}")
        found.update(transaction["id"] for transaction in block["transactions"])
    return found


async def agree(nodes: Sequence[AsyncClient]) -> list[tuple[int, str, str]]:
    """Height, head and state root of every node, once all are equally high; raises TimeoutError."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            heads = [await node.head() for node in nodes]
            if len({head["height"] for head in heads}) == 1:
                return [(head["height"], head["hash"], head["state_root"]) for head in heads]
            await asyncio.sleep(0.05)


def show(line: str) -> None:
    print(line, flush=True)  # noqa: T201 (a program for people)


if __name__ == "__main__":
    sys.exit(main())
