"""A contract of one's own under faults: what it takes to test one."""

from weft.execution.contract import WRITERS, Call, Context, Contract
from weft.model.encoding import Natural, Record
from weft.simulation import Asked, Checker, Client, Given, Told, simulate


class Add(Record, frozen=True):
    """What the contract is asked."""

    amount: Natural


def add(context: Context, arguments: Add) -> tuple[tuple[str, int], ...]:
    """A counter."""
    total = int.from_bytes(context.get(b"total") or b"", "big") + arguments.amount
    context.put(b"total", total.to_bytes(8, "big"))
    return (("total", total),)


TALLY = Contract("tally", {"add": Call(Add, WRITERS, add)})


# What clients do, what must hold, and a dozen networks in which it does.


async def count(client: Client) -> None:
    while True:
        await client.write(client.place(), "tally", "add", Add(1))


class Totals(Checker):
    promise = "Nobody is told a total twice"

    def __init__(self) -> None:
        self.seen: set[object] = set()

    def told(self, asked: Asked, told: Told) -> None:
        if told.fate and told.fate.status == "executed" and asked.place not in self.scene.liars:
            total = dict(told.fate.result)["total"]
            if total in self.seen:
                self.fail(f"{total} was told again, to client {asked.client}")
            self.seen.add(total)


def test_a_counter_tells_each_total_once() -> None:
    """Crashes, partitions, liars: whatever the seeds say."""
    for seed in range(12):
        result = simulate(seed, Given(nodes=4, rounds=40), {"tally": TALLY}, count, (Totals,))
        assert result.violation is None, result.violation
