"""A behaviour a way of lying. Runs draw from these; several may be one validator's."""

from weft.simulation.byzantine.choose import Censor, Split
from weft.simulation.byzantine.equivocate import Equivocate
from weft.simulation.byzantine.flood import Flood
from weft.simulation.byzantine.forge import Forge
from weft.simulation.byzantine.forget import Forget
from weft.simulation.byzantine.garbage import Garbage
from weft.simulation.byzantine.hoard import Hoard
from weft.simulation.byzantine.leap import Leap
from weft.simulation.byzantine.misdate import Misdate
from weft.simulation.byzantine.mislead import Mislead
from weft.simulation.byzantine.parents import Parents
from weft.simulation.byzantine.perjure import Perjure
from weft.simulation.byzantine.replay import Replay
from weft.simulation.byzantine.silence import Halt, Silence
from weft.simulation.byzantine.slander import Slander
from weft.simulation.byzantine.stale import Stale
from weft.simulation.byzantine.starve import Starve
from weft.simulation.byzantine.strange import Strange
from weft.simulation.byzantine.withhold import Withhold
from weft.simulation.ports import Behaviour

BEHAVIOURS: tuple[type[Behaviour], ...] = (
    Equivocate, Withhold, Starve, Stale, Leap, Parents, Strange, Forge, Garbage, Perjure, Mislead, Replay,
    Flood, Silence, Halt, Censor, Split, Misdate, Slander, Forget, Hoard,
)  # fmt: skip
