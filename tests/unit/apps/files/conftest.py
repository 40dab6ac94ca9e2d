"""Photos to test with: a folder of real ones if there is one, else the drawn samples."""

import itertools
import os
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from tests.postgres import find_server, postgres
from tests.unit.apps.files.twin import Net
from weft.apps.files.index import Index
from weft.apps.files.index.postgres import PostgresIndex
from weft.apps.files.index.sqlite import SqliteIndex
from weft.apps.files.samples import write_samples

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
        return lambda: SqliteIndex(tmp_path_factory.mktemp("index") / "files.sqlite", CHAIN)
    address = request.getfixturevalue("server")
    return lambda: PostgresIndex(address, f"test_{next(numbers)}", CHAIN)


@pytest.fixture
async def net(tmp_path: Path) -> AsyncIterator[Net]:
    """Three nodes."""
    async with Net(tmp_path, 3) as net:
        yield net
