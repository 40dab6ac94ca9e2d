"""A checker a promise. Every run makes each of these anew."""

from weft.simulation.checkers.acknowledged import Acknowledged, Refused
from weft.simulation.checkers.agreement import Agreement, OrderedOnce, PrefixOrder, Sameness
from weft.simulation.checkers.bounds import Bounds
from weft.simulation.checkers.checkpoints import Checkpoints
from weft.simulation.checkers.erasure import Erasure
from weft.simulation.checkers.evidence import Guilt
from weft.simulation.checkers.execution import Conditions, ExecutedOnce, OneWish
from weft.simulation.checkers.following import Followed
from weft.simulation.checkers.forgetting import Forgetting
from weft.simulation.checkers.ledger_time import LedgerTime
from weft.simulation.checkers.progress import Progress
from weft.simulation.checkers.proofs import Proofs
from weft.simulation.checkers.reads import Linearizable
from weft.simulation.checkers.recovery import Recovery
from weft.simulation.checkers.roots import Rebuilt
from weft.simulation.checkers.spoken import NoTwin, OnDisk
from weft.simulation.checkers.standing import Stops
from weft.simulation.ports import Checker

CHECKERS: tuple[type[Checker], ...] = (
    Agreement,
    PrefixOrder,
    OrderedOnce,
    Sameness,
    NoTwin,
    OnDisk,
    Recovery,
    Acknowledged,
    Refused,
    ExecutedOnce,
    OneWish,
    Conditions,
    Linearizable,
    Checkpoints,
    Rebuilt,
    Proofs,
    Followed,
    Erasure,
    Guilt,
    Stops,
    LedgerTime,
    Forgetting,
    Bounds,
    Progress,
)
