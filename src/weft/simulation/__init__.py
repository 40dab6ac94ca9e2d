"""A whole network in one thread: real nodes, and everything around them made up from a seed.

Reading order: ports (what is offered to those who lie and check), world (who tells whom), run (one seed from
its beginning to its end), then faults and workload. `simulate` is all that a test of one's own needs.
"""

from weft.simulation.ports import Asked, Behaviour, Checker, End, Told, Violation
from weft.simulation.run import Result, simulate
from weft.simulation.scenario import Given
from weft.simulation.workload import Client

__all__ = [
    "Asked",
    "Behaviour",
    "Checker",
    "Client",
    "End",
    "Given",
    "Result",
    "Told",
    "Violation",
    "simulate",
]
