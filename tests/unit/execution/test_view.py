"""A view over a state, and over another view."""

from hypothesis import given
from hypothesis import strategies as st

from tests.chain import MemoryState
from weft.execution.view import View


def view_over(**values: bytes) -> View:
    state = MemoryState()
    state.values = {key.encode(): value for key, value in values.items()}
    return View(state)


def test_a_read_sees_every_write_before_it() -> None:
    """New, changed and deleted keys are read as they were written."""
    view = view_over(a=b"1", b=b"2")
    view.put(b"a", b"changed")
    view.put(b"b", None)
    view.put(b"c", b"new")
    assert [view.get(key) for key in (b"a", b"b", b"c", b"d")] == [b"changed", None, b"new", None]


def test_the_state_below_never_changes() -> None:
    """Writing to a view over a view leaves the lower one as it was."""
    lower = view_over(a=b"1")
    lower.put(b"b", b"2")
    upper = View(lower)
    upper.put(b"a", None)
    upper.put(b"b", b"changed")
    assert lower.get(b"a") == b"1"
    assert lower.writes() == ((b"b", b"2"),)


def test_undo_takes_back_one_transaction_and_no_more() -> None:
    """Keys return to what the transaction before left in them."""
    view = view_over(a=b"1")
    view.put(b"a", b"first")
    view.begin()
    view.put(b"a", b"second")
    view.put(b"a", b"third")
    view.put(b"b", b"new")
    view.undo()
    assert view.writes() == ((b"a", b"first"),)
    assert view.get(b"b") is None


def test_undo_is_seen_by_a_scan_that_comes_after_a_scan() -> None:
    """The order kept for scanning forgets what was taken back."""
    view = view_over(a=b"1")
    assert view.scan(b"") == [(b"a", b"1")]
    view.begin()
    view.put(b"b", b"2")
    assert view.scan(b"") == [(b"a", b"1"), (b"b", b"2")]
    view.undo()
    assert view.scan(b"") == [(b"a", b"1")]


def test_written_is_what_this_transaction_wrote() -> None:
    """Keys rising, each with its last value, None for a deletion."""
    view = view_over(a=b"1")
    view.put(b"z", b"before")
    view.begin()
    view.put(b"c", b"1")
    view.put(b"a", None)
    view.put(b"c", b"2")
    assert view.written() == ((b"a", None), (b"c", b"2"))


def test_a_deletion_hides_what_stands_below_from_a_scan() -> None:
    """Deleted keys do not use up the limit, and the scan goes on past them."""
    view = view_over(a=b"1", b=b"2", c=b"3", d=b"4")
    view.put(b"a", None)
    view.put(b"b", None)
    assert view.scan(b"", limit=1) == [(b"c", b"3")]
    assert view.scan(b"", after=b"c") == [(b"d", b"4")]


keys = st.binary(min_size=1, max_size=3)
layers = st.lists(st.dictionaries(keys, st.one_of(st.none(), st.binary(max_size=2))), min_size=1, max_size=4)


@given(layers, st.binary(max_size=1), st.binary(max_size=2), st.integers(1, 5))
def test_a_scan_of_stacked_views_is_a_scan_of_their_sum(
    stack: list[dict[bytes, bytes | None]], prefix: bytes, after: bytes, limit: int
) -> None:
    """Whatever was written in whichever layer, the rows are those of one plain dictionary."""
    state, plain = MemoryState(), dict[bytes, bytes | None]()
    top: MemoryState | View = state
    for layer in stack:
        top = View(top)
        for key, value in layer.items():
            top.put(key, value)
        plain |= layer
    rows = sorted((key, value) for key, value in plain.items() if value is not None)
    expected = [row for row in rows if row[0].startswith(prefix) and row[0] > after][:limit]
    assert top.scan(prefix, after, limit) == expected
    assert top.scan(prefix, after, limit) == expected
