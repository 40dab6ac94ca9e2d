"""What applying costs: commits of signed records become blocks in a real store on disk.

`python -m benchmarks.apply` prints the processor time of one transaction in large groups and of one small
block, user and system, and what each handed to the disk: with no record in the store, and with 200,000. The
figures are this process's own, so that other work on the machine blurs them little. Signatures are made
before the clock starts and not verified here: that is admission's work.
"""

import argparse
import random
import resource
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from weft.assembly import CONTRACTS, open_store
from weft.consensus.messages import Deliver
from weft.model.call import PutRecords, RecordItem
from weft.model.commit import Commit, first_order_hash, next_order_hash
from weft.model.committee import Member
from weft.model.encoding import encode
from weft.model.genesis import Genesis
from weft.model.keys import ED25519, SECP256K1, PrivateKey
from weft.model.limits import Limits
from weft.model.transaction import Attachment, Commitment, Transaction, sign_transaction
from weft.model.vertex import sign_vertex
from weft.node.apply import Applier
from weft.storage.memory import MemoryAttachments

BEGIN_MS = 1_700_000_000_000
DOCUMENT_BYTES = 128
COMMIT_TRANSACTIONS = 500
COMMIT_MS = 25
"""Ledger time between two commits: two open a checkpoint window."""
SEED_GROUP = 4_000

Group = Sequence[Deliver]


class Load:
    """Commits of signed records, one vertex each, each record a new one."""

    def __init__(self) -> None:
        self._chance = random.Random(7)
        self._client = PrivateKey(SECP256K1, self._chance.randbytes(32))
        self._speaker = PrivateKey(ED25519, bytes(32))
        members = (Member("node0", self._speaker.public.key, 1),)
        self.genesis = Genesis(1, "bench", BEGIN_MS, "crash", members, Limits(), True, ())
        self._order_hash = first_order_hash(self.genesis.chain)
        self._round, self._time_ms, self._records = 0, BEGIN_MS, 0

    def group(self, transactions: int) -> Group:
        """Commits that together carry so many transactions."""
        counts = [COMMIT_TRANSACTIONS] * (transactions // COMMIT_TRANSACTIONS)
        rest = transactions % COMMIT_TRANSACTIONS
        return [self._commit(count) for count in (*counts, *((rest,) if rest else ()))]

    def _commit(self, transactions: int) -> Deliver:
        self._round += 1
        self._time_ms += COMMIT_MS
        chain, batch = self.genesis.chain, tuple(self._put() for _ in range(transactions))
        vertex = sign_vertex(self._speaker, chain, 0, 0, self._round, self._time_ms, (), batch)
        named = (vertex.reference,)
        self._order_hash = next_order_hash(self._order_hash, self._round, named, named, self._time_ms)
        return Deliver(Commit(self._round, self._time_ms, named, named, self._order_hash), (vertex,))

    def _put(self) -> bytes:
        self._records += 1
        document = Attachment(self._chance.randbytes(32), self._chance.randbytes(DOCUMENT_BYTES))
        return sign_transaction(
            self._client,
            Transaction(
                version=1,
                chain=self.genesis.chain,
                signer=self._client.public,
                nonce=self._chance.randbytes(16),
                expires_ms=self._time_ms + 3_600_000,
                contract="records",
                call="put",
                arguments=encode(PutRecords((RecordItem("bench", f"record-{self._records}", 0, None),))),
                attachments=(Commitment(document.commitment, DOCUMENT_BYTES),),
                idempotency=None,
                signature=bytes(64),
            ),
        )


class Meter:
    """What applying has taken so far."""

    def __init__(self) -> None:
        self.user_s = self.system_s = 0.0
        self.calls = self.written = 0

    def measure(self, work: Callable[[], object]) -> None:
        """Do it, and count what it takes."""
        calls, written = _writes()
        usage = resource.getrusage(resource.RUSAGE_SELF)
        work()
        after = resource.getrusage(resource.RUSAGE_SELF)
        calls_after, written_after = _writes()
        self.user_s += after.ru_utime - usage.ru_utime
        self.system_s += after.ru_stime - usage.ru_stime
        self.calls += calls_after - calls
        self.written += written_after - written

    def show(self, what: str, count: int) -> str:
        """A line of the table: µs, calls and KiB for each of `count`."""
        user, system = self.user_s / count * 1e6, self.system_s / count * 1e6
        calls, kibibytes = self.calls / count, self.written / count / 1024
        return f"{what:<42}{user:>9.1f}{system:>9.1f}{user + system:>9.1f}{calls:>9.2f}{kibibytes:>9.2f}"


def _writes() -> tuple[int, int]:
    """Write calls made by this process, and bytes that they took."""
    lines = Path("/proc/self/io").read_text().splitlines()
    facts = {name: int(value) for name, _, value in (line.partition(": ") for line in lines)}
    return facts["syscw"], facts["wchar"]


def run(folder: Path, records: int, scale: int) -> Iterator[str]:
    """Lines of the table for a store with so many records in it."""
    load = Load()
    with closing(open_store(load.genesis, folder)) as store:
        applier = Applier(load.genesis, CONTRACTS, store, MemoryAttachments())
        for _ in range(records // SEED_GROUP):
            applier.apply(load.group(SEED_GROUP))
    sizes = (
        ("a transaction in groups of 4,000", 4_000, 4 * scale, True),
        ("a transaction in groups of 500", 500, 16 * scale, True),
        ("a block of 1 to 3 transactions", 0, 1_000 * scale, False),
    )
    for what, size, groups, is_each in sizes:
        meter, store = Meter(), open_store(load.genesis, folder)
        applier = Applier(load.genesis, CONTRACTS, store, MemoryAttachments())
        for place in range(groups):
            meter.measure(partial(applier.apply, load.group(size or 1 + place % 3)))
        # What a store puts off is part of the price.
        meter.measure(store.close)
        yield meter.show(what, groups * (size if is_each else 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, nargs="+", default=[0, 200_000], help="in the store before")
    parser.add_argument("--scale", type=int, default=1, help="how many times as much is measured")
    parser.add_argument("--folder", type=Path, help="where the store is made; a temporary folder without it")
    given = parser.parse_args()
    for records in given.records:
        heads = ("user µs", "sys µs", "both", "writes", "KiB")
        print(f"{f'with {records:,} records':<42}" + "".join(f"{head:>9}" for head in heads))  # noqa: T201
        with tempfile.TemporaryDirectory(dir=given.folder) as folder:
            for line in run(Path(folder) / "store", records, given.scale):
                print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
