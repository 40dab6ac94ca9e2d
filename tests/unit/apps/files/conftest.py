"""Photos to test with: a folder of real ones if there is one, else the drawn samples; nodes that keep them.

The tests of the service are made for every way in which nodes keep content.
"""

import itertools
import os
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from tests.postgres import find_server, postgres
from tests.stores import Store, part, running
from tests.unit.apps.files.twin import Net
from weft.apps.files.index import Index
from weft.apps.files.index.postgres import PostgresIndex
from weft.apps.files.index.sqlite import SqliteIndex
from weft.apps.files.samples import write_samples
from weft.apps.files.vault import Keeping

CHAIN = bytes(32)
ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the drawn photos."""
    folder = tmp_path_factory.mktemp("samples")
    write_samples(folder)
    return folder


@pytest.fixture(scope="session")
def photos(samples: Path) -> Path:
    """Named by WEFT_PHOTOS, or a folder shared/photos beside the repository."""
    folder = Path(os.environ.get("WEFT_PHOTOS", ROOT.parent / "shared" / "photos"))
    if folder.is_dir():
        return folder
    warnings.warn(f"NO REAL PHOTOS in {folder}: testing with drawn samples only", stacklevel=1)
    return samples


MakeIndex = Callable[[], Index]


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of a PostgreSQL with PostGIS."""
    programs = find_server()
    if programs is None:
        pytest.skip("there is no PostgreSQL with PostGIS here; make machine installs it")
    with postgres(programs) as address:
        yield address


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def make_index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> MakeIndex:
    """Makes empty indexes of one kind."""
    numbers = itertools.count(1)
    if request.param == "sqlite":
        return lambda: SqliteIndex(tmp_path_factory.mktemp("index") / "files", CHAIN)
    address = request.getfixturevalue("server")
    return lambda: PostgresIndex(address, f"test_{next(numbers)}", CHAIN)


WAYS = ("folder", "copies", "s3", "s3-shared", "azure", "azure-shared")
FETCHING = {
    "test_a_node_that_was_away_fetches_what_it_missed",
    "test_content_that_arrives_after_its_erasure_is_not_kept",
    "test_content_that_is_wanted_again_is_fetched_again",
    "test_other_bytes_than_those_asked_for_are_not_kept",
}
"""Tests of what goes from node to node, which is nothing while nodes share a bucket."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each way of keeping content for the tests of the service; the others are told by one."""
    if "net" in metafunc.fixturenames:
        is_about_all = metafunc.module.__name__.endswith("test_service")
        is_apart = metafunc.definition.originalname in FETCHING
        ways = [way for way in WAYS if not (is_apart and way.endswith("-shared"))]
        metafunc.parametrize("net", ways if is_about_all else WAYS[:1], indirect=True)


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with running("s3", tmp_path_factory.mktemp("s3")) as store:
        yield store


@pytest.fixture(scope="session")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with running("azure", tmp_path_factory.mktemp("azure")) as store:
        yield store


def keep(request: pytest.FixtureRequest, way: str) -> Callable[[int], Keeping]:
    """How each node keeps content."""
    if way == "folder":
        return lambda place: Keeping()
    if way == "copies":
        return lambda place: Keeping(copies=2)
    store: Store = request.getfixturevalue(way.split("-")[0])
    bucket, is_shared = store.make_bucket(), way.endswith("-shared")

    def keeping(place: int) -> Keeping:
        owner = "shared" if is_shared else f"node{place}"
        return Keeping(place=part(bucket, owner), credentials=store.credentials, is_shared=is_shared)

    return keeping


@pytest.fixture
async def net(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Net]:
    """Three nodes."""
    async with Net(tmp_path, 3, keeping=keep(request, request.param)) as net:
        yield net
