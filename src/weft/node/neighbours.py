"""What the other members say of themselves. Shown to people; nothing is decided by it."""

from weft.model.committee import Committee
from weft.model.message import Opening

URL_CHARACTERS_MAX = 200


class Neighbours:
    """The other members, as far as one node has heard of them."""

    def __init__(self, committee: Committee) -> None:
        self._committee = committee
        self.heights = [0] * committee.size
        self.urls = [""] * committee.size

    def opened(self, member: int, opening: Opening) -> None:
        """A stream's first item."""
        self.urls[member] = opening.url[:URL_CHARACTERS_MAX]
        self.signed(member, opening.height)

    def signed(self, member: int, height: int) -> None:
        """The member says that it has executed so far."""
        self.heights[member] = max(self.heights[member], height)

    @property
    def height_reached(self) -> int:
        """What members that weigh more than f claim to have reached: liars alone cannot raise it."""
        members = sorted(range(self._committee.size), key=lambda member: -self.heights[member])
        weight = 0
        for member in members:
            weight += self._committee.weights[member]
            if weight > self._committee.faulty:
                return self.heights[member]
        return 0
