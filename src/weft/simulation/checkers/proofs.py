"""What clients can prove to somebody who has the genesis and nothing else."""

from random import Random

from weft.execution.executor import found
from weft.ledger.proof import prove_state, prove_transaction
from weft.ledger.state_tree import update
from weft.model.block import Checkpoint, Sealed
from weft.model.proof import Step, is_proved, verify_state, verify_transaction
from weft.model.receipt import decode_receipt
from weft.node.ports import Store
from weft.simulation.checkers.first import BlockChecker
from weft.simulation.ports import End

PROOFS = 3
"""Of each kind, drawn."""


class Proofs(BlockChecker):
    """From an honest member's store, what transactions did and what state holds can be proved up to a
    quorum's signatures; a proof of something else cannot be made of it (33)."""

    promise = "What was executed can be proved"

    def __init__(self) -> None:
        super().__init__()
        self._writes: dict[int, tuple[tuple[bytes, bytes | None], ...]] = {}

    def executed(self, place: int, sealed: Sealed) -> None:
        self._writes[sealed.block.header.height] = sealed.writes

    def finished(self, end: End) -> None:
        random = Random(f"{self.scene.seed}/proofs")
        kept = random.choice(list(end.members.values()))
        newest = kept.store.newest_checkpoint
        if newest is None or newest.statement.height > kept.store.head.height:
            return
        heights = [random.randint(1, newest.statement.height) for _ in range(PROOFS)]
        for height in heights:
            self._prove_transaction(kept.store, height, random)
        self._prove_state(newest, random)

    def _prove_transaction(self, store: Store, height: int, random: Random) -> None:
        block, checkpoint = store.find_block(height), store.find_checkpoint(height)
        assert block is not None
        assert checkpoint is not None
        if not block.transactions:
            return
        position = random.randrange(len(block.transactions))
        newest = min(checkpoint.statement.height, store.head.height)
        headers = [store.find_header(above) for above in range(height + 1, newest + 1)]
        after = [header for header in headers if header is not None]
        proof = prove_transaction(block, position, after, checkpoint)
        steps = verify_transaction(self.scene.genesis, proof, self.scene.is_signed)
        is_executed = decode_receipt(proof.receipt).status == "executed"
        if is_proved(steps) != is_executed:
            self.fail(f"transaction {position} of block {height}: {_show(steps)}")

    def _prove_state(self, checkpoint: Checkpoint, random: Random) -> None:
        """The tree at the checkpoint's height, from the writes of every block; keys that are there, were
        there and never were."""
        genesis, state = self.scene.genesis, dict(found(self.scene.genesis, self.scene.contracts))
        touched = dict.fromkeys(state)
        for height in range(1, checkpoint.statement.height + 1):
            for key, value in self._writes[height]:
                touched[key] = None
                state.pop(key, None) if value is None else state.update({key: value})
        nodes = dict(update(lambda path: None, state.items())[1])
        for key in (*random.sample(list(touched), min(PROOFS, len(touched))), b"nobody wrote this"):
            value = state.get(key)
            proof = prove_state(nodes.get, key, value, checkpoint)
            steps = verify_state(genesis, proof, self.scene.is_signed)
            false = prove_state(nodes.get, key, b"something else", checkpoint)
            is_false = is_proved(verify_state(genesis, false, self.scene.is_signed))
            if not is_proved(steps) or is_false:
                self.fail(f"key {key.hex()} at height {checkpoint.statement.height}: {_show(steps)}")


def _show(steps: list[Step]) -> str:
    return "; ".join(f"{step.name} {step.holds} ({step.detail})" for step in steps)
