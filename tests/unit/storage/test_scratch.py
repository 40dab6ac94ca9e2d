"""What verification writes beside a home is a dict in order that remembers heights, and a tree."""

from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.storage.inspection import scratch as scratch_module
from weft.storage.inspection.scratch import Scratch

KEYS = st.integers(0, 40).map(lambda number: b"k%02d" % number)


@settings(max_examples=60, deadline=None)
@given(writes=st.lists(st.tuples(KEYS, st.one_of(st.none(), st.binary(max_size=2))), max_size=120))
def test_a_scratch_answers_like_a_sorted_dict(writes: list[tuple[bytes, bytes | None]]) -> None:
    """For any writes, whether they were written out already or not."""
    with pytest.MonkeyPatch.context() as patch, ExitStack() as opened:
        patch.setattr(scratch_module, "WRITES_AT_ONCE", 7)
        scratch, model = Scratch(opened), dict[bytes, tuple[int, bytes]]()
        for height, (key, value) in enumerate(writes):
            scratch.write(height, key, value)
            if value is None:
                model.pop(key, None)
            else:
                model[key] = (height, value)
        rows = [(key, value) for key, (_, value) in sorted(model.items())]
        assert list(scratch.entries()) == sorted(model.items())
        for key in {key for key, _ in writes}:
            assert scratch.find(key) == model.get(key)
            assert scratch.scan(b"k", key, 5) == [row for row in rows if row[0] > key][:5]
            assert scratch.scan(key[:2]) == [row for row in rows if row[0].startswith(key[:2])]
        assert scratch.scan(b"") == rows


def test_nodes_of_the_tree_stand_by_their_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The root's is empty; nothing of it is left when it is closed."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with ExitStack() as opened:
        scratch = Scratch(opened)
        for path in (b"", b"0", b"0f", b"f"):
            scratch.write_node(path, b"node " + path)
        scratch.write_node(b"0", b"")
        assert [path for path, _ in scratch.nodes()] == [b"", b"0f", b"f"]
        assert (scratch.find_node(b""), scratch.find_node(b"0")) == (b"node ", None)
        assert len(list(tmp_path.iterdir())) == 1
    assert not list(tmp_path.iterdir())
