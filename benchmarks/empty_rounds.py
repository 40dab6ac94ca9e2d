"""What a round costs that carries nothing, in processor time, system calls left to `strace -c -f`.

    python -m benchmarks.empty_rounds [--nodes 4] [--rounds 400] [--stretches 9] [--folder DIR] [--profile]

All members in one process on one loop, each a whole node without its REST interface: real journals and
stores on the disk, frames over TLS on loopback. Reads that want to be current (`docs/protocol/ledger.md` 7)
keep rounds going: each is voted on, signed, synced, sent and ordered, and nothing is executed. Each line is a
stretch: µs of a processor a round and member, all threads together and the loop alone, and switches between
threads. The best stretch is the one that other work on the machine disturbed least.
"""

import argparse
import asyncio
import cProfile
import gc
import os
import pstats
import resource
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop

from weft.assembly import CONTRACTS, GARBAGE_OBJECTS, open_store
from weft.local import free_port_base
from weft.model.committee import Member
from weft.model.genesis import Genesis
from weft.model.keys import ED25519, PrivateKey
from weft.model.limits import LOCAL, Limits
from weft.network.peers import Network
from weft.node.loop import LoopClock, Threads
from weft.node.node import Node
from weft.node.ports import Inbox, Peers
from weft.node.recover import found, recover
from weft.storage.attachments import Attachments
from weft.storage.journal import Journal

WARM_UP = 200
"""Rounds before the first stretch."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--nodes", type=int, default=4)
    options.add_argument("--rounds", type=int, default=400)
    options.add_argument("--stretches", type=int, default=9)
    options.add_argument("--folder", type=Path)
    options.add_argument("--profile", action="store_true")
    chosen = options.parse_args()
    with TemporaryDirectory(prefix="weft-rounds-", dir=chosen.folder) as folder:
        uvloop.run(measure(Path(folder), chosen.nodes, chosen.rounds, chosen.stretches, chosen.profile))


async def measure(folder: Path, size: int, rounds: int, stretches: int, is_profiled: bool) -> None:
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS)
    async with running(folder, size) as nodes:
        await pass_rounds(nodes, WARM_UP)
        profile, best = cProfile.Profile(), float("inf")
        for _ in range(stretches):
            before = spent()
            if is_profiled:
                profile.enable()
            passed = await pass_rounds(nodes, rounds)
            profile.disable()
            whole, loop, switches = (now - then for now, then in zip(spent(), before, strict=True))
            each = 1 / (passed * size)
            best = min(best, whole * each * 1e6)
            micros = f"{whole * each * 1e6:.0f} µs, {loop * each * 1e6:.0f} of them the loop"
            print(f"{micros}, {switches * each:.1f} switches")  # noqa: T201
        print(f"best: {best:.0f} µs a round and member")  # noqa: T201
        if is_profiled:
            pstats.Stats(profile).sort_stats("tottime").print_stats(60)


async def pass_rounds(nodes: list[Node], count: int) -> int:
    """Read after read that wants to be current, until so many rounds are final; how many were."""
    first = nodes[0].core.last_final
    while nodes[0].core.last_final < first + count:
        await nodes[0].barrier()
    return nodes[0].core.last_final - first


def spent() -> tuple[float, float, int]:
    """Processor seconds of this process and of this thread, and switches between threads."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return time.process_time(), time.thread_time(), usage.ru_nvcsw + usage.ru_nivcsw


@asynccontextmanager
async def running(folder: Path, size: int) -> AsyncIterator[list[Node]]:
    """So many members that speak with each other."""
    keys = [PrivateKey(ED25519, os.urandom(32)) for _ in range(size)]
    members = tuple(Member(f"node{place}", key.public.key, 1) for place, key in enumerate(keys))
    genesis = Genesis(1, "rounds", 1, "byzantine", members, Limits(), True, ())
    base = free_port_base(size)
    addresses = [f"127.0.0.1:{base + place}" for place in range(size)]
    async with AsyncExitStack() as stack:
        nodes = []
        for me, key in enumerate(keys):
            data = folder / members[me].name
            journal = stack.enter_context(closing(Journal(data / "journal")))
            store = stack.enter_context(closing(open_store(genesis, data / "store")))
            attachments = stack.enter_context(closing(Attachments(data / "attachments")))
            threads = Threads()
            stack.callback(threads.stop)
            found(journal, genesis)
            recovered = recover(genesis, me, key, journal, store, LOCAL)
            nodes.append(
                Node(
                    genesis,
                    me,
                    "",
                    key,
                    CONTRACTS,
                    recovered,
                    LoopClock(),
                    threads,
                    journal,
                    store,
                    attachments,
                    data,
                    partial(connect, genesis, me, key, addresses),
                    LOCAL,
                )
            )
        work = [asyncio.create_task(node.run()) for node in nodes]
        while not all(node.is_speaking for node in nodes):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        try:
            yield nodes
        finally:
            for one in work:
                one.cancel()
            await asyncio.gather(*work, return_exceptions=True)


def connect(genesis: Genesis, me: int, key: PrivateKey, addresses: list[str], inbox: Inbox) -> Peers:
    return Network(genesis, me, key, addresses[me], addresses, inbox)


if __name__ == "__main__":
    main()
