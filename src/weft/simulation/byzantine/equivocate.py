"""Two things, or more, in one slot."""

from collections.abc import Iterable, Sequence

from weft.model.digest import digest
from weft.model.encoding import encode
from weft.model.message import Announced, Item
from weft.model.vertex import Reference, Vertex, decode_vertex
from weft.simulation.byzantine.lie import Lie
from weft.simulation.ports import Liar

FACES_KEPT = 2_000


class Equivocate(Lie):
    """Shows another face to each part of the members, and fellows show theirs to the same parts: each face
    names the fellows' faces of its own part, so each part sees a network that agrees. The twins carry the
    same transactions, some of them, or none.

    Honest members must take one face each, learn of the others, keep both as evidence, decide alike, and
    execute what the twins share once.
    """

    def begin(self, liar: Liar) -> None:
        super().begin(liar)
        random = liar.random
        self._count = random.choice((2, 2, 3, len(self.members)))
        self._chance = random.choice((26, 128, 256))
        self._span = random.choice((1, 4, 50))
        """Rounds for which the parts stay the same."""
        self._faces: dict[Reference, Sequence[Vertex]] = {}
        self._others: dict[tuple[int, int], list[Reference]] = {}
        """Fellows' faces, the first one first."""

    def say(self, member: int, vertex: Vertex, item: Item) -> Iterable[Item | bytes]:
        assert isinstance(item, Announced)
        faces = self._faces.get(vertex.reference) or self._make_faces(vertex)
        if member in self.liar.fellows:
            return [Announced(face.raw, item.attachments) for face in faces]
        return (Announced(faces[self._part(member, vertex.round) % len(faces)].raw, item.attachments),)

    def receives(self, member: int, item: Item) -> bool:
        if isinstance(item, Announced) and member in self.liar.fellows:
            self._keep(self._others, decode_vertex(item.vertex))
        return True

    def _make_faces(self, vertex: Vertex) -> Sequence[Vertex]:
        faces = [vertex]
        if self._draw("time", vertex.round) % 256 < self._chance:
            self.told["twin"] += self._count - 1
            faces += [self._make_face(vertex, number) for number in range(1, self._count)]
        self._faces[vertex.reference] = faces
        for face in faces:
            self._keep(self._others, face)
        if len(self._faces) > FACES_KEPT:
            del self._faces[next(iter(self._faces))]
        return faces

    def _make_face(self, vertex: Vertex, number: int) -> Vertex:
        batch = self.liar.random.choice((vertex.batch, vertex.batch[::-1], vertex.batch[::2], ()))
        parents = [self._turn(parent, number) for parent in vertex.parents]
        return self.retell(vertex, time_ms=vertex.time_ms + number, parents=parents, batch=batch)

    def _turn(self, parent: Reference, number: int) -> Reference:
        """The face of the parent that the same part has seen."""
        faces = self._others.get((parent.author, parent.round), ())
        return faces[number] if number < len(faces) else parent

    def _part(self, member: int, round_: int) -> int:
        """All liars divide alike."""
        return self._draw("part", round_ // self._span) >> member

    def _draw(self, what: str, round_: int) -> int:
        chain = self.liar.genesis.chain
        return int.from_bytes(digest("lie", encode((what, chain, round_)))[:16], "big")

    def _keep(self, faces: dict[tuple[int, int], list[Reference]], vertex: Vertex) -> None:
        known = faces.setdefault((vertex.author, vertex.round), [])
        if vertex.reference not in known:
            known.append(vertex.reference)
        if len(faces) > FACES_KEPT:
            del faces[next(iter(faces))]
