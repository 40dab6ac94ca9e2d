"""A PostgreSQL of one's own: a cluster in a temporary folder, reached through a socket there."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PLACES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
SETTINGS = ("fsync=off", "shared_buffers=64MB", "listen_addresses=", "max_connections=40")


def find_server() -> Path | None:
    """The folder of its programs, if it is installed with PostGIS (`make machine` does on Debian)."""
    for folder in PLACES:
        controls = Path("/usr/share/postgresql") / folder.parent.name / "extension" / "postgis.control"
        if (folder / "initdb").exists() and controls.exists():
            return folder
    return None


@contextmanager
def postgres(programs: Path, settings: tuple[str, ...] = SETTINGS) -> Iterator[str]:
    """The address of a server that runs until the block ends. It never runs as root: that it refuses."""
    folder = Path(tempfile.mkdtemp(prefix="weft-postgres-"))
    as_user: dict[str, Any] = {}
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
        as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    data = folder / "data"
    try:
        setup = [
            programs / "initdb",
            "-D",
            data,
            "-A",
            "trust",
            "-U",
            "weft",
            "-E",
            "UTF8",
            "--locale=C",
            "-N",
        ]
        subprocess.run(setup, check=True, capture_output=True, cwd=folder, **as_user)
        options = [part for one in (*settings, f"unix_socket_directories={folder}") for part in ("-c", one)]
        with (folder / "log").open("wb") as log:
            command = [programs / "postgres", "-D", data, *options]
            server = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, **as_user)
        try:
            ready = [programs / "pg_isready", "-q", "-h", folder, "-d", "postgres", "-U", "weft"]
            while subprocess.run(ready, check=False).returncode != 0:
                assert server.poll() is None, (folder / "log").read_text()
                time.sleep(0.05)
            yield f"postgresql://weft@/postgres?host={folder}"
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
