"""Months of a gallery."""

import pytest

from tests.unit.apps.files.conftest import MakeIndex
from tests.unit.apps.files.test_search import make_file
from weft.apps.files import query as q


def test_every_hit_is_counted_in_its_month(make_index: MakeIndex) -> None:
    """Newest month first, before 1970 too; those without a time apart; of a search only its hits."""
    index = make_index()
    times = ("2008-10-22T16:28:39Z", "2008-10-31T23:59:59Z", "2009-01-01T00:00:00Z", "1969-07-20T20:17:40Z")
    with index.writing((6, 0)):
        for number, time in enumerate(times, 1):
            index.put(make_file(number, f"{number}.jpg", taken_at=time, tags=["dated"]), number << 20)
        index.put(make_file(5, "scan.jpg"), 5 << 20)
    found = index.count_months(q.Query())
    assert found.months == (("2009-01", 1), ("2008-10", 2), ("1969-07", 1))
    assert found.undated == 1
    october = q.Query((q.tag("dated"), q.taken_from("2008-10-01"), q.taken_to("2008-10-31")))
    assert index.count_months(october).months == (("2008-10", 2),)
    assert index.count_months(q.Query((q.undated("true"),))).undated == 1
    assert index.count_months(q.Query((q.undated("false"),))).undated == 0
    index.close()


def test_a_file_is_found_by_its_digest() -> None:
    """The whole digest, in lower case."""
    assert q.sha256("ab" * 32) == q.Content("ab" * 32)
    with pytest.raises(ValueError, match="64 lower-case"):
        q.sha256("AB" * 32)
    with pytest.raises(ValueError, match="true or false"):
        q.undated("yes")
