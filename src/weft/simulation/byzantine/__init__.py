"""A behaviour a way of lying. Runs draw from these; several may be one validator's."""

from weft.simulation.byzantine.equivocate import Equivocate
from weft.simulation.ports import Behaviour

BEHAVIOURS: tuple[type[Behaviour], ...] = (Equivocate,)
