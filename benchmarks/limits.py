"""What this machine can do at best, measured in the same run, and the bound that follows for a figure.

A bound is what no system with these costs can pass on this machine: every member verifies every signature,
and everything in flight needs at least one fsync on every member. What the load generator itself took of the
processors is taken off. The lowest bound counts; a system comes near it, or something else holds it.
"""

import hashlib
import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from threading import Thread

from benchmarks.process import HOST
from benchmarks.system import Costs, Load
from weft.cli.bench import Figures
from weft.model.digest import Digest
from weft.model.keys import ED25519, SECP256K1, PrivateKey, is_signed

VERIFICATIONS = 500
SYNCS = 200
SYNC_BYTES = 4096
ROUND_TRIPS = 2000
HASHED_BYTES = 64 << 20
WRITTEN_BYTES = 64 << 20
MEMBERS_MAX = 4


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one machine. Computing costs are processor time; waiting costs are wall time, and of it the fast
    tenth, because a bound must not be one that a lucky system passes."""

    cores: int
    verify_secp256k1_us: float
    verify_ed25519_us: float
    hash_128_us: float
    hash_1024_us: float
    hash_mb_per_second: float
    write_mb_per_second: float
    """One file, fsynced at its end."""
    fsync_ms: float
    fsync_together_ms: float
    """Four files by four threads at once: what four members on one disk do."""
    round_trip_us: float


@dataclass(frozen=True, slots=True)
class Bound:
    """The most that a figure could be, and what makes it so."""

    value: float
    reason: str


def measure_limits(folder: Path) -> Limits:
    """About five seconds."""
    return Limits(
        os.cpu_count() or 1,
        _verification_us(SECP256K1),
        _verification_us(ED25519),
        _cpu_us(lambda: hashlib.sha256(bytes(128)).digest(), 20_000),
        _cpu_us(lambda: hashlib.sha256(bytes(1024)).digest(), 20_000),
        1_000_000 * HASHED_BYTES / 1e6 / _cpu_us(lambda: hashlib.sha256(bytes(HASHED_BYTES)).digest(), 1),
        _written_mb_per_second(folder),
        _sync_ms(folder, 1),
        _sync_ms(folder, MEMBERS_MAX),
        _round_trip_us(),
    )


def rate_bound(limits: Limits, costs: Costs, members: int, load: Load, figures: Figures) -> Bound:
    """The most records a second."""
    left = limits.cores - figures.load_cpu_s / figures.seconds
    found = []
    if costs.is_signed:
        verifications = left / (members * limits.verify_secp256k1_us / 1e6)
        found.append(Bound(verifications, "signatures"))
    if costs.fsyncs:
        wait_s = costs.fsyncs * _sync_of(limits, members) / 1000
        found.append(Bound(load.in_flight / wait_s, "fsync"))
    hashed_us = limits.hash_128_us if load.size_bytes <= 128 else limits.hash_1024_us
    found.append(Bound(left / (members * hashed_us / 1e6), "hashing"))
    return min(found, key=lambda bound: bound.value)


def latency_floor(limits: Limits, costs: Costs, members: int) -> Bound:
    """The least milliseconds to an answer: the client's round trip, messages between members, fsyncs."""
    hops_ms = (2 + costs.message_delays) * limits.round_trip_us / 2000
    synced_ms = costs.fsyncs * _sync_of(limits, members)
    return Bound(hops_ms + synced_ms, "messages" if hops_ms > synced_ms else "fsync")


def _sync_of(limits: Limits, members: int) -> float:
    """Between one file and four at once, as many as there are members; never more than what was measured."""
    share = (min(members, MEMBERS_MAX) - 1) / (MEMBERS_MAX - 1)
    return limits.fsync_ms + share * max(0.0, limits.fsync_together_ms - limits.fsync_ms)


def _fast(taken: Iterable[float]) -> float:
    """What a tenth of them stay below."""
    return quantiles(taken, n=10)[0]


def _cpu_us(call: Callable[[], object], times: int) -> float:
    begun = time.thread_time()
    for _ in range(times):
        call()
    return (time.thread_time() - begun) * 1e6 / times


def _verification_us(curve: int) -> float:
    key = PrivateKey(curve, bytes(31) + b"\x01")
    message = Digest(bytes(32))
    signature = key.sign(message)
    return _cpu_us(lambda: is_signed(key.public, message, signature), VERIFICATIONS)


def _written_mb_per_second(folder: Path) -> float:
    block = os.urandom(1 << 20)
    begun = time.perf_counter()
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        for _ in range(WRITTEN_BYTES >> 20):
            file.write(block)
        os.fsync(file.fileno())
        return WRITTEN_BYTES / 1e6 / (time.perf_counter() - begun)


def _sync_ms(folder: Path, files: int) -> float:
    """Appending and syncing, in so many threads at once."""

    def append(_: int) -> list[float]:
        taken = []
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            for _ in range(SYNCS):
                begun = time.perf_counter()
                file.write(bytes(SYNC_BYTES))
                os.fsync(file.fileno())
                taken.append((time.perf_counter() - begun) * 1000)
        return taken

    with ThreadPoolExecutor(files) as threads:
        return _fast(one for taken in threads.map(append, range(files)) for one in taken)


def _round_trip_us() -> float:
    """A byte to another thread over TCP and back."""
    with socket.create_server((HOST, 0)) as server:

        def echo() -> None:
            there, _ = server.accept()
            with there:
                while said := there.recv(64):
                    there.sendall(said)

        thread = Thread(target=echo, daemon=True)
        thread.start()
        with socket.create_connection(server.getsockname()[:2]) as here:
            here.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            taken = []
            for _ in range(ROUND_TRIPS):
                begun = time.perf_counter()
                here.sendall(b"x")
                here.recv(64)
                taken.append((time.perf_counter() - begun) * 1e6)
        thread.join()
    return _fast(taken)
