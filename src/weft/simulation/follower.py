"""Whoever follows the ledger: an index, a page, another database.

It keeps nothing but a cursor, and whenever the node that it reads from goes away, or for no reason at all,
behind any row, goes on at another one.
"""

import asyncio

from weft.model.errors import WeftError
from weft.simulation.disk import PowerLostError
from weft.simulation.validator import Life
from weft.simulation.world import World

PATIENCE_S = 2.0
"""About how long it stays with a node."""
WHIM = 0.05
"""How often it leaves one behind a row."""


async def follow(world: World) -> None:
    """Read all rows from the first on, until cancelled."""
    random = world.chance("follower")
    cursor = 0, -1

    async def read(life: Life, place: int) -> None:
        nonlocal cursor
        async for row in life.service.follow(cursor):
            cursor = row.height, row.position
            world.followed(place, row)
            if random.random() < WHIM:
                return

    while True:
        validator = random.choice(world.honest)
        life = validator.life
        if life is not None and hasattr(life, "service"):
            reading = life.run(read(life, validator.place))
            try:
                await asyncio.wait((reading,), timeout=random.expovariate(1 / PATIENCE_S))
            finally:
                reading.cancel()
            if reading.done() and not reading.cancelled():
                error = reading.exception()
                if error is not None and not isinstance(error, (WeftError, PowerLostError)):
                    raise error
        await asyncio.sleep(0.01)
