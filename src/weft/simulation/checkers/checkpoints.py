"""What a quorum signs."""

from weft.consensus.messages import Alarm, Certify, Effect, PersistStatement
from weft.model.block import Checkpoint, Sealed, Statement
from weft.model.digest import Digest
from weft.node.recover import Recovered
from weft.simulation.checkers.first import BlockChecker
from weft.simulation.ports import End


class Checkpoints(BlockChecker):
    """Honest members sign what they have executed, alike; a checkpoint has a quorum of true signatures under
    the block that is there; an older one never replaces a newer (18, 32)."""

    promise = "A checkpoint vouches for what was executed"

    def __init__(self) -> None:
        super().__init__()
        self._hashes: dict[int, Digest] = {}
        self._roots: dict[int, Digest] = {}
        """State roots that honest members signed."""
        self._newest: dict[int, int] = {}
        """The height of each member's newest checkpoint, since its last start."""

    def executed(self, place: int, sealed: Sealed) -> None:
        self._hashes[sealed.block.header.height] = sealed.hash

    def restarted(self, place: int, recovered: Recovered, is_disk_lost: bool) -> None:
        self._newest[place] = 0

    def performed(self, place: int, effect: Effect) -> None:
        match effect:
            case PersistStatement(word):
                self._check_word(place, word.statement)
            case Certify(checkpoint):
                self._check(place, checkpoint)
                height = checkpoint.statement.height
                if height < self._newest.get(place, 0):
                    self.fail(
                        f"member {place} takes the checkpoint of height {height} for the newest; it has that "
                        f"of {self._newest[place]}"
                    )
                self._newest[place] = height
            case Alarm(height):
                self.fail(f"member {place} hears that more than f signed something else at height {height}")

    def finished(self, end: End) -> None:
        for place, kept in end.members.items():
            if kept.node is not None and kept.node.divergence is not None:
                self.fail(f"member {place} does not serve: {kept.node.divergence}")
            newest = kept.store.newest_checkpoint
            if newest is not None:
                self._check(place, newest)

    def _check_word(self, place: int, statement: Statement) -> None:
        header = self.scene.look(place).store.find_header(statement.height)
        if header is None or header.hash != statement.header:
            self.fail(f"member {place} signs height {statement.height}, which is not what it executed")
        root = self._roots.setdefault(statement.height, statement.state_root)
        if root != statement.state_root:
            self.fail(f"member {place} signs another state root at height {statement.height} than others")

    def _check(self, place: int, checkpoint: Checkpoint) -> None:
        statement, committee = checkpoint.statement, self.scene.genesis.committee
        where = f"the checkpoint of height {statement.height} of member {place}"
        members = [member for member, _ in checkpoint.signatures]
        if members != sorted(set(members)) or committee.weigh(members) < committee.quorum:
            self.fail(f"{where} is signed by {members}")
        for member, signature in checkpoint.signatures:
            if not self.scene.is_signed(committee.members[member].public, statement.digest, signature):
                self.fail(f"{where} has a false signature of member {member}")
        if self._hashes.get(statement.height) != statement.header:
            self.fail(f"{where} is not of the block that was executed")
        if self._roots.get(statement.height, statement.state_root) != statement.state_root:
            self.fail(f"{where} has another state root than honest members signed")
