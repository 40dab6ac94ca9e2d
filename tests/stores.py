"""Real blob stores on loopback: an S3 server (moto) and Azure Blob Storage (azurite), and buckets in them.

Azurite is an npm package with a lock of its own in `tests/azurite`; it is fetched when a test first needs it.
Where that cannot be, the tests that need it are skipped with a warning that nobody overlooks.
"""

import base64
import fcntl
import hashlib
import hmac
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from uuid import uuid4

import httpx
import pytest

from weft.apps.files.bucket import Place

AZURITE = Path(__file__).parent / "azurite"
ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Azurite's own, the same everywhere: no secret."""
CREDENTIALS = {
    "s3": {"access_key_id": "AKIDOFTHETESTS", "secret_access_key": "a secret of the tests"},
    "azure": {"account_key": ACCOUNT_KEY},
}
PATIENCE_S = 60.0


@dataclass
class Store:
    """A server that can be stopped and started again."""

    kind: Literal["s3", "azure"]
    port: int
    command: list[str]
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def credentials(self) -> dict[str, str]:
        return CREDENTIALS[self.kind]

    def start(self) -> None:
        """Return once it answers."""
        self.process = subprocess.Popen(
            self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
        )
        deadline = time.monotonic() + PATIENCE_S
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert self.process.poll() is None, f"{self.command} ended by itself"
            assert time.monotonic() < deadline, f"{self.command} does not listen"
            time.sleep(0.05)

    def stop(self) -> None:
        if self.process is not None:
            # Azurite writes what it knows of its containers when it is asked to end.
            self.process.terminate()
            try:
                self.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    def make_bucket(self) -> Place:
        """A new bucket, in which nothing is."""
        name = f"weft-{uuid4().hex[:20]}"
        root = f"http://127.0.0.1:{self.port}"
        if self.kind == "s3":
            httpx.put(f"{root}/{name}", timeout=PATIENCE_S).raise_for_status()
            return Place("s3", name, "weft", root, "us-east-1")
        _make_container(root, name)
        return Place("azure", name, "weft", f"{root}/{ACCOUNT}", account=ACCOUNT)


@contextmanager
def running(kind: Literal["s3", "azure"], folder: Path) -> Iterator[Store]:
    """A server that ends with the block. `folder`: where it keeps what it keeps on disk."""
    port = _free_port()
    if kind == "s3":
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    else:
        command = [
            *("node", str(_find_azurite()), "--blobHost", "127.0.0.1", "--blobPort", str(port)),
            # Without the last it reports its use to its makers.
            *("--location", str(folder), "--silent", "--skipApiVersionCheck", "--disableTelemetry"),
        ]
    store = Store(kind, port, command)
    store.start()
    try:
        yield store
    finally:
        store.stop()


def part(place: Place, owner: str) -> Place:
    """The part of a bucket that belongs to somebody."""
    return replace(place, folder=f"{place.folder}/{owner}")


def _find_azurite() -> Path:
    """Azurite's program, fetched by its lock if it is not there."""
    program = AZURITE / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
    with (AZURITE / "package-lock.json").open("rb") as lock:
        # Several test processes may come here at once.
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = json.load(lock)["packages"]["node_modules/azurite"]["version"]
        manifest = AZURITE / "node_modules" / "azurite" / "package.json"
        if not manifest.exists() or json.loads(manifest.read_text())["version"] != wanted:
            if shutil.which("npm") is None or shutil.which("node") is None:
                _skip("there is no node and npm here")
            done = subprocess.run(
                ["npm", "ci", "--silent"],
                cwd=AZURITE,
                capture_output=True,
                text=True,
                check=False,
                env=os.environ,
            )
            if done.returncode:
                _skip(f"npm ci in tests/azurite failed: {done.stderr[-300:]}")
    return program


def _skip(why: str) -> None:
    warnings.warn(f"NO AZURE BLOB STORAGE CAN BE HAD, nothing is tested against it: {why}", stacklevel=3)
    pytest.skip(why)


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def _make_container(root: str, name: str) -> None:
    """As "Authorize with Shared Key" of Microsoft's reference says; the library makes no containers."""
    version, now = "2021-08-06", datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    resource = f"/{ACCOUNT}/{ACCOUNT}/{name}\nrestype:container"
    text = "PUT" + "\n" * 12 + f"x-ms-date:{now}\nx-ms-version:{version}\n{resource}"
    signed = hmac.digest(base64.b64decode(ACCOUNT_KEY), text.encode(), hashlib.sha256)
    headers = {
        "x-ms-date": now,
        "x-ms-version": version,
        "Authorization": f"SharedKey {ACCOUNT}:{base64.b64encode(signed).decode()}",
    }
    answer = httpx.put(
        f"{root}/{ACCOUNT}/{name}", params={"restype": "container"}, headers=headers, timeout=PATIENCE_S
    )
    answer.raise_for_status()
