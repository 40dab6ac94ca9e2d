"""The vectors for other languages are what this implementation does, now as when they were written."""

import json

import pytest

from tests.vectors.make import FILES, FOLDER, REFUSED, written
from weft.model.encoding import Natural, Record, decode
from weft.model.errors import EncodingError


class Pair(Record, frozen=True):
    """What the refused encodings would be, if they were any."""

    number: Natural
    text: str


@pytest.mark.parametrize("name", list(FILES))
def test_the_vectors_are_what_this_implementation_makes(name: str) -> None:
    """A difference is a change of the protocol: `python -m tests.vectors.make` writes them anew."""
    assert json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")) == json.loads(written(name))


@pytest.mark.parametrize("why", list(REFUSED))
def test_what_the_vectors_call_refused_is_refused(why: str) -> None:
    """Each for the reason it names, the honest form beside it taken."""
    assert decode(Pair, bytes.fromhex("9201a161")) == Pair(1, "a")
    with pytest.raises(EncodingError):
        decode(Pair, bytes.fromhex(REFUSED[why]))
