"""What honest members say: one thing in one place, and only what they will remember."""

from weft.consensus.messages import Effect, Persist, PersistStatement
from weft.model.block import SignedStatement, Statement
from weft.model.digest import Digest
from weft.model.encoding import decode, encode
from weft.model.message import Announced, Item, Signed
from weft.model.transaction import Transaction
from weft.model.vertex import Vertex, decode_vertex
from weft.simulation.ports import Checker


class Spoken(Checker):
    """Tells what is said for the first time, to whomever."""

    def __init__(self) -> None:
        self._said: dict[tuple[int, bytes | SignedStatement], None] = {}
        self._known: dict[bytes, Vertex] = {}

    def performed(self, place: int, effect: Effect) -> None:
        if isinstance(effect, Persist) and effect.vertex.raw not in self._known:
            self._known[effect.vertex.raw] = effect.vertex
            self.vertex_seen(effect.vertex)

    def said(self, place: int, member: int, item: Item) -> None:
        if isinstance(item, Announced) and (place, item.vertex) not in self._said:
            self._said[place, item.vertex] = None
            self.vertex_said(place, self._known.get(item.vertex) or decode_vertex(item.vertex))
        elif isinstance(item, Signed) and (place, item.word) not in self._said:
            self._said[place, item.word] = None
            self.word_said(place, item.word)

    def vertex_seen(self, vertex: Vertex) -> None:
        """An honest member takes in a vertex, the first of all to do so."""

    def vertex_said(self, place: int, vertex: Vertex) -> None:
        """A member says a vertex."""

    def word_said(self, place: int, word: SignedStatement) -> None:
        """A member says a word on a header."""


class NoTwin(Spoken):
    """No two vertices in a slot and no two words on a height bear an honest signature, whatever crashed (4).

    Vertices are looked at where they are said and where anybody takes them in: a liar may show what an honest
    member told nobody else.
    """

    promise = "No honest twin"

    def __init__(self) -> None:
        super().__init__()
        self._vertices: dict[tuple[int, int], Digest] = {}
        self._words: dict[tuple[int, int], Statement] = {}

    def performed(self, place: int, effect: Effect) -> None:
        super().performed(place, effect)
        if isinstance(effect, PersistStatement):
            self.word_said(place, effect.word)

    def vertex_seen(self, vertex: Vertex) -> None:
        self.vertex_said(vertex.author, vertex)

    def vertex_said(self, place: int, vertex: Vertex) -> None:
        author, round_, digest = vertex.author, vertex.round, vertex.digest
        first = self._vertices.setdefault((author, round_), digest)
        if first != digest and author not in self.scene.liars:
            self.fail(
                f"member {author} signs two vertices of round {round_}: {first.hex()[:16]} and "
                f"{digest.hex()[:16]}"
            )

    def word_said(self, place: int, word: SignedStatement) -> None:
        statement = word.statement
        first = self._words.setdefault((word.member, statement.height), statement)
        if first != statement and word.member not in self.scene.liars:
            self.fail(f"member {word.member} signs two statements on height {statement.height}")


class OnDisk(Spoken):
    """What a member says of its own stands in its synced journal, and its content is synced too (20)."""

    promise = "On disk before anybody sees it"

    def vertex_said(self, place: int, vertex: Vertex) -> None:
        if vertex.author != place:
            return
        kept = self.scene.look(place)
        if not kept.is_safe(vertex.raw):
            self.fail(f"member {place} says its vertex of round {vertex.round} before it is on disk")
        for transaction in vertex.batch:
            for stated in decode(Transaction, transaction).attachments:
                if not kept.is_content_safe(stated.digest):
                    self.fail(
                        f"member {place} says its vertex of round {vertex.round} before its content "
                        f"{stated.digest.hex()[:16]} is on disk"
                    )

    def word_said(self, place: int, word: SignedStatement) -> None:
        if word.member == place and not self.scene.look(place).is_safe(encode(word)):
            self.fail(f"member {place} says its word on height {word.statement.height} before it is on disk")
