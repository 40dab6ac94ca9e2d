"""Member 1 of two, in a process of its own: sends back what it hears. Arguments: the two addresses."""

import asyncio
import sys

from tests.unit.network.neighbours import QUICK, Recorder, make_genesis, make_keys
from weft.model.limits import LOCAL
from weft.model.message import Item, Opening
from weft.network.peers import Network


class Echo(Recorder):
    """Sends back."""

    network: Network

    async def receive(self, member: int, item: Item, size: int) -> None:
        if not isinstance(item, Opening):
            await self.until(lambda: self.network.is_connected(member))
            self.network.send(member, item)


async def main(addresses: list[str]) -> None:
    """Serve until killed."""
    keys = make_keys(2)
    genesis = make_genesis(keys)
    inbox = Echo(genesis)
    inbox.network = Network(genesis, 1, keys[1], addresses[1], addresses, inbox, LOCAL, QUICK)
    await inbox.network.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
