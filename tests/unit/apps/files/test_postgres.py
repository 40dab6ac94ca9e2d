"""The index on a server: its schemas, and what happens while the server is away."""

from pathlib import Path

import psycopg
import pytest

from tests.postgres import find_server, postgres
from tests.unit.apps.files.conftest import CHAIN
from tests.unit.apps.files.test_search import make_file
from tests.unit.apps.files.test_service import put
from tests.unit.apps.files.twin import Net
from weft.apps.files import follower as following
from weft.apps.files import query as q
from weft.apps.files.errors import IndexAwayError
from weft.apps.files.index.postgres import PostgresIndex


def test_an_index_is_found_again(server: str) -> None:
    """By its schema, with rows and cursor; one of another chain begins anew."""
    index = PostgresIndex(server, "again", CHAIN)
    with index.writing((5, 3)):
        index.put(make_file(1, "a.jpg"), 1)
    index.close()
    index = PostgresIndex(server, "again", CHAIN)
    assert index.cursor == (5, 3)
    assert index.search(q.Query(), None, 10).files == (make_file(1, "a.jpg"),)
    index.close()
    index = PostgresIndex(server, "again", b"x" * 32)
    assert index.cursor == (0, -1)
    assert index.search(q.Query(), None, 10).total == 0
    index.close()


def test_two_nodes_share_a_server_and_no_row(server: str) -> None:
    """Each has a schema."""
    one, other = PostgresIndex(server, "one", CHAIN), PostgresIndex(server, "other", CHAIN)
    with one.writing((1, 0)):
        one.put(make_file(1, "a.jpg"), 1)
    assert (one.search(q.Query(), None, 10).total, other.search(q.Query(), None, 10).total) == (1, 0)
    one.close()
    other.close()


def test_a_change_that_fails_leaves_rows_and_cursor(server: str) -> None:
    """They are written together or not at all."""
    index = PostgresIndex(server, "half", CHAIN)

    def write_half() -> None:
        with index.writing((5, 3)):
            index.put(make_file(1, "a.jpg"), 1)
            raise LookupError

    with pytest.raises(LookupError):
        write_half()
    assert index.cursor == (0, -1)
    with index.writing((6, 0)):
        index.put(make_file(2, "b.jpg"), 2)
    assert [file.name for file in index.search(q.Query(), None, 10).files] == ["b.jpg"]
    index.close()


def test_what_was_removed_is_in_no_row(server: str) -> None:
    """Neither of the files, nor of the values that they counted for."""
    index = PostgresIndex(server, "removed", CHAIN)
    with index.writing((1, 0)):
        index.put(make_file(1, "secretname.jpg", title="secrettitle", tags=["secrettag"]), 1)
        index.put(make_file(2, "b.jpg", custom={"text": "a\0b"}), 2)
    with index.writing((2, 0)):
        index.remove(make_file(1, "").id)
    index.scrub()
    with psycopg.connect(server) as connection:
        for table in ("file", "trait", "cursor"):
            rows = connection.execute(f"SELECT t::text FROM removed.{table} t").fetchall()
            assert not [row for (row,) in rows if "secret" in row]
    assert index.search(q.Query(facets=("tags",)), None, 10).facets == {"tags": {}}
    assert index.search(q.Query(), None, 10).files[0].metadata == {"custom": {"text": "a\0b"}}
    index.close()


async def test_a_node_follows_into_a_server_that_ended_its_connections(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are made anew, and nothing is lost."""
    monkeypatch.setattr(following, "FULL_PAUSE_S", 0.05)
    programs = find_server()
    if programs is None:
        pytest.skip("there is no PostgreSQL with PostGIS here; make machine installs it")
    with postgres(programs) as address:
        async with Net(tmp_path, 1) as net:
            node = net.nodes[0]
            await node.stop()
            index = PostgresIndex(address, "away", net.genesis.chain)
            node.start(index)
            await put(node, b"first")
            with psycopg.connect(address, autocommit=True) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid != pg_backend_pid() "
                    "AND datname = current_database()"
                )
            await put(node, b"second")
            found = await node.files.search(q.Query(), None, 10, node.store.head.height)
            assert found.total == 2


def test_a_server_that_is_gone_is_named(tmp_path: Path) -> None:
    """Without its address, in which a password may stand."""
    with pytest.raises(IndexAwayError) as caught:
        PostgresIndex(f"postgresql://weft:secret@/postgres?host={tmp_path}", "gone", CHAIN)
    assert "secret" not in str(caught.value)
