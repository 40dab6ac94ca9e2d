"""Bugs that are planted into the product, each for the checker that is to catch it.

A bug is a patch of one or two functions, applied in this process for the length of a run. The product itself
has no switch for any of them.
"""

from tests.simulation.planted.agreement import AGREEMENT
from tests.simulation.planted.bug import Bug
from tests.simulation.planted.durability import DURABILITY
from tests.simulation.planted.ledger import LEDGER

BUGS: tuple[Bug, ...] = (*AGREEMENT, *DURABILITY, *LEDGER)
