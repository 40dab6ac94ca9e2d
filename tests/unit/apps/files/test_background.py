"""What goes wrong in the background is told, and ends no node."""

import pytest
from structlog.testing import capture_logs

from weft.apps.files.background import surviving
from weft.apps.files.errors import IndexAwayError
from weft.model.errors import DiskFullError, DivergedError


@pytest.mark.parametrize("error", [DiskFullError("no room"), IndexAwayError("gone")])
def test_an_error_of_ours_is_told_with_its_code_and_its_cure(error: DiskFullError | IndexAwayError) -> None:
    """As anywhere else."""
    with capture_logs() as logs, surviving("tidy"):
        raise error
    assert [(line["work"], line["code"], line["fix"]) for line in logs] == [("tidy", error.code, error.fix)]


def test_an_error_of_the_system_is_told_without_its_path() -> None:
    """A path has the digest of somebody's content in it."""
    with capture_logs() as logs, surviving("tidy"):
        raise OSError(5, "Input/output error", "blobs/2c/2cdigest")
    assert logs[0]["reason"] == "Input/output error"
    assert "2cdigest" not in str(logs)


@pytest.mark.parametrize("error", [DivergedError("another state"), KeyError("a mistake of ours")])
def test_what_must_stop_a_node_does(error: Exception) -> None:
    """A node that differs from the others, and what nobody has thought of."""
    with pytest.raises(type(error)), surviving("tidy"):
        raise error
