"""Photos to test with: a folder of real ones if there is one, else the drawn samples."""

import os
import warnings
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.apps.files.twin import Net
from weft.apps.files.samples import write_samples

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


@pytest.fixture
async def net(tmp_path: Path) -> AsyncIterator[Net]:
    """Three nodes."""
    async with Net(tmp_path, 3) as net:
        yield net
