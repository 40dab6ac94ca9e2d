"""Members of a committee speak to each other through real servers on loopback."""

from tests.unit.network.neighbours import FETCH, Street, note, number_of
from weft.model.message import Opening, Refused


async def test_four_members_hear_each_other_in_order() -> None:
    """What a member broadcasts reaches every other, each item once, in the order sent, after its Opening."""
    street = Street(4)
    async with street as nodes:
        for number in range(2_000):
            for node in nodes:
                node.network.broadcast(note(number))
        for node in nodes:
            for other in nodes:
                if other is not node:
                    await node.inbox.until(lambda n=node, o=other: len(n.inbox.heard[o.me]) == 2_001)
                    assert isinstance(node.inbox.heard[other.me][0], Opening)
                    assert node.inbox.numbers(other.me) == list(range(2_000))
