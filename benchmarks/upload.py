"""Files uploaded through REST, beside the rate at which one process reads, hashes and durably writes the same
bytes. `python -m benchmarks.upload URL FOLDER COUNT BYTES` is the load."""

import asyncio
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx
import msgspec

from benchmarks.process import LoadError, run_load

IN_FLIGHT = 8
DIFFERENT = 64
"""So many files lie there to be read; what is sent begins with its number, so all are different."""
TIMEOUT_S = 120.0
LEAST_MB_PER_SECOND = 2
COPIES_MAX = 4
BOUNDARY = b"weft-benchmark-boundary"
HEAD = (
    b"--" + BOUNDARY + b'\r\nContent-Disposition: form-data; name="file"; filename="%08d.bin"\r\n'
    b"Content-Type: application/octet-stream\r\n\r\n"
)
TAIL = b"\r\n--" + BOUNDARY + b"--\r\n"


@dataclass(frozen=True, slots=True)
class Uploads:
    """`load_share` is of one core."""

    upload_mb_per_second: float
    plain_mb_per_second: float
    load_share: float


def uploads(url: str, folder: Path, count: int, size_bytes: int) -> Uploads:
    """Upload so many files from a process of its own. Raises LoadError where the disk is too small."""
    needed = (COPIES_MAX + 1) * count * size_bytes
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise LoadError(f"uploading needs {needed / 1e9:.0f} GB of disk, and {free / 1e9:.0f} GB are free")
    command = [sys.executable, "-m", "benchmarks.upload", url, str(folder), str(count), str(size_bytes)]
    seconds = count * size_bytes / 1e6 / LEAST_MB_PER_SECOND
    return msgspec.json.decode(run_load(command, seconds), type=Uploads)


def write_plainly(folder: Path, count: int, size_bytes: int) -> float:
    """Read, hash, write and fsync them, a file each; MB a second."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        begun = time.perf_counter()
        for number in range(count):
            content = content_of(folder, number, size_bytes)
            target = Path(place) / hashlib.sha256(content).hexdigest()
            with target.open("wb", buffering=0) as file:
                file.write(content)
                os.fsync(file.fileno())
        return count * size_bytes / 1e6 / (time.perf_counter() - begun)


def content_of(folder: Path, number: int, size_bytes: int) -> bytes:
    return number.to_bytes(8, "big") + (folder / f"source{number % DIFFERENT}").read_bytes()[: size_bytes - 8]


async def upload_all(url: str, folder: Path, count: int, size_bytes: int) -> float:
    """Upload all, eight at a time; MB a second."""
    numbers = iter(range(count))
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY.decode()}"}

    async def send(http: httpx.AsyncClient) -> None:
        for number in numbers:
            body = HEAD % number + content_of(folder, number, size_bytes) + TAIL
            answer = await http.post(f"{url}/v1/files?wait=executed", content=body, headers=headers)
            answer.raise_for_status()

    async with httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as http:
        begun = time.perf_counter()
        await asyncio.gather(*(send(http) for _ in range(IN_FLIGHT)))
        return count * size_bytes / 1e6 / (time.perf_counter() - begun)


def main(url: str, folder: Path, count: int, size_bytes: int) -> Uploads:
    for number in range(min(DIFFERENT, count)):
        (folder / f"source{number}").write_bytes(os.urandom(size_bytes))
    plain = write_plainly(folder, count, size_bytes)
    cpu, begun = time.process_time(), time.perf_counter()
    uploaded = asyncio.run(upload_all(url, folder, count, size_bytes))
    share = (time.process_time() - cpu) / (time.perf_counter() - begun)
    return Uploads(uploaded, plain, share)


if __name__ == "__main__":
    found = main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    sys.stdout.write(json.dumps(asdict(found)))
