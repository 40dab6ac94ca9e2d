"""A checker a promise. Every run makes each of these anew."""

from weft.simulation.checkers.agreement import Agreement, Sameness
from weft.simulation.checkers.standing import Stops, Trust
from weft.simulation.ports import Checker

CHECKERS: tuple[type[Checker], ...] = (Agreement, Sameness, Stops, Trust)
