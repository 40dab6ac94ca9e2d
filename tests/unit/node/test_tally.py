"""The state in memory is a dict in order that remembers heights."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.node import tally as tally_module
from weft.node.tally import Tally

KEYS = st.integers(0, 40).map(lambda number: b"k%02d" % number)


@settings(max_examples=60, deadline=None)
@given(writes=st.lists(st.tuples(KEYS, st.one_of(st.none(), st.binary(max_size=2))), max_size=120))
def test_a_tally_answers_like_a_sorted_dict(writes: list[tuple[bytes, bytes | None]]) -> None:
    """For any writes, with runs so short that they split all the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tally_module, "_RUN_MAX", 4)
        tally, model = Tally(), dict[bytes, tuple[int, bytes]]()
        for height, (key, value) in enumerate(writes):
            tally.write(height, key, value)
            if value is None:
                model.pop(key, None)
            else:
                model[key] = (height, value)
        rows = [(key, value) for key, (_, value) in sorted(model.items())]
        assert list(tally.entries()) == sorted(model.items())
        for key in {key for key, _ in writes}:
            assert tally.find(key) == model.get(key)
            assert tally.scan(b"k", key, 5) == [row for row in rows if row[0] > key][:5]
            assert tally.scan(key[:2]) == [row for row in rows if row[0].startswith(key[:2])]
        assert tally.scan(b"") == rows
