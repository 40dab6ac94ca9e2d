"""The uploader and a node are stopped in the middle: in the end every node has every content, once."""

from pathlib import Path

from benchmarks.upload_story import tell
from tests.functional.network import Launch, wait_for_agreement


def test_many_files_go_in_once_while_a_node_dies_and_the_uploader_is_stopped(
    launch: Launch, tmp_path: Path
) -> None:
    """The story of the benchmark, smaller; three of the files are sent in pieces."""
    network = launch()
    told = tell(network, tmp_path, 90, 36_000_000, 9_000_000)
    assert told.stored_by_first > 0
    assert told.stored_by_second > 0
    wait_for_agreement(network)
