"""False words on headers."""

from collections.abc import Iterable

import msgspec

from weft.model.block import Checkpoint, SignedStatement, Statement
from weft.model.message import Certified, Item, Signed
from weft.simulation.byzantine.lie import Lie
from weft.simulation.ports import Liar

KINDS = ("header", "root", "both", "future", "many", "without quorum", "one signer", "silence")
HEIGHT_MAX = 2**63 - 1


class Perjure(Lie):
    """Signs another header or another state than was executed, several words for one height, and words for
    heights that are not there; makes up checkpoints that only liars have signed. Fellows say the same.

    Up to f alone a false word does nothing: no checkpoint, no alarm, and nobody counts two words of one
    member.
    """

    def begin(self, liar: Liar) -> None:
        super().begin(liar)
        self._kinds = liar.random.sample(KINDS, liar.random.randint(1, 4))
        self._chance = liar.random.choice((0.3, 1.0))

    def send(self, member: int, item: Item) -> Iterable[Item | bytes]:
        if not isinstance(item, Signed) or self.liar.random.random() > self._chance:
            return super().send(member, item)
        self._meet()
        kind = self.liar.random.choice(self._kinds)
        self.told[kind] += 1
        return self._lie(kind, item)

    def _lie(self, kind: str, item: Signed) -> Iterable[Item]:
        true, random = item.word.statement, self.liar.random
        # Fellows come to the same lie by themselves.
        false = msgspec.structs.replace(true, header=true.header[::-1])
        match kind:
            case "header":
                return (self._sign(false),)
            case "root":
                return (self._sign(msgspec.structs.replace(true, state_root=true.state_root[::-1])),)
            case "both":
                return random.sample((item, self._sign(false)), 2)
            case "future":
                heights = [
                    true.height + 1,
                    true.height + 1_000,
                    HEIGHT_MAX,
                    *random.choices(range(HEIGHT_MAX), k=5),
                ]
                return [self._sign(msgspec.structs.replace(false, height=height)) for height in heights]
            case "many":
                headers = [random.randbytes(32) for _ in range(20)]
                return [self._sign(msgspec.structs.replace(true, header=header)) for header in headers]
            case "without quorum":
                return (
                    Certified(Checkpoint(false, ((self.liar.place, self.liar.signer.sign(false.digest)),))),
                )
            case "one signer":
                signature = self.liar.signer.sign(false.digest)
                count = len(self.members)
                return (Certified(Checkpoint(false, ((self.liar.place, signature),) * count)),)
            case _:
                return ()

    def _sign(self, statement: Statement) -> Signed:
        return Signed(SignedStatement(statement, self.liar.place, self.liar.signer.sign(statement.digest)))
