"""Files uploaded through REST, beside the rate at which one process reads, hashes and durably writes the same
bytes. `python -m benchmarks.upload URL FOLDER COUNT BYTES` is the load."""

import json
import os
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass
from hashlib import sha256
from http.client import HTTPConnection
from pathlib import Path
from statistics import fmean
from urllib.parse import urlsplit

import msgspec

from benchmarks.process import LoadError, run_load

IN_FLIGHT = 8
DIFFERENT = 64
"""So many files lie there to be read; what is sent begins with its number, so all are different."""
NUMBER_BYTES = 8
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
    """Read, hash, write and fsync them, a file each, and the folder that names it; MB a second."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        names = os.open(place, os.O_RDONLY)
        begun = time.perf_counter()
        for number in range(count):
            pieces = [number.to_bytes(NUMBER_BYTES, "big"), source_of(folder, number).read_bytes()]
            running = sha256()
            for piece in pieces:
                running.update(piece)
            with (Path(place) / running.hexdigest()).open("wb", buffering=0) as file:
                assert os.writev(file.fileno(), pieces) == size_bytes, "a disk with room takes all of it"
                os.fsync(file.fileno())
            os.fsync(names)
        seconds = time.perf_counter() - begun
        os.close(names)
        return count * size_bytes / 1e6 / seconds


def source_of(folder: Path, number: int) -> Path:
    """All of a file but its number."""
    return folder / f"source{number % DIFFERENT}"


def upload_all(url: str, folder: Path, count: int, size_bytes: int) -> float:
    """Upload all, eight at a time; MB a second. The system sends the bytes out of its own memory, so that the
    load takes little of the processors that it measures."""
    begun = time.perf_counter()
    with ThreadPoolExecutor(IN_FLIGHT) as threads:
        lanes = [range(lane, count, IN_FLIGHT) for lane in range(IN_FLIGHT)]
        list(threads.map(lambda numbers: upload(url, folder, numbers, size_bytes), lanes))
    return count * size_bytes / 1e6 / (time.perf_counter() - begun)


def upload(url: str, folder: Path, numbers: range, size_bytes: int) -> None:
    """One after the other, over one connection. Raises LoadError for any answer but 201."""
    address = urlsplit(url)
    assert address.hostname is not None
    with closing(HTTPConnection(address.hostname, address.port, TIMEOUT_S)) as http:
        for number in numbers:
            head = HEAD % number + number.to_bytes(NUMBER_BYTES, "big")
            http.putrequest("POST", "/v1/files?wait=executed")
            http.putheader("Content-Type", f"multipart/form-data; boundary={BOUNDARY.decode()}")
            http.putheader("Content-Length", str(len(head) + size_bytes - NUMBER_BYTES + len(TAIL)))
            http.endheaders(head)
            with source_of(folder, number).open("rb") as source:
                http.sock.sendfile(source)
            http.send(TAIL)
            answer = http.getresponse()
            said = answer.read()
            if answer.status != 201:
                raise LoadError(f"{answer.status}: {said.decode(errors='replace')[:500]}")


def main(url: str, folder: Path, count: int, size_bytes: int) -> Uploads:
    for number in range(min(DIFFERENT, count)):
        source_of(folder, number).write_bytes(os.urandom(size_bytes - NUMBER_BYTES))
    plain = [write_plainly(folder, count, size_bytes)]
    cpu, begun = time.process_time(), time.perf_counter()
    uploaded = upload_all(url, folder, count, size_bytes)
    share = (time.process_time() - cpu) / (time.perf_counter() - begun)
    plain.append(write_plainly(folder, count, size_bytes))
    return Uploads(uploaded, fmean(plain), share)


if __name__ == "__main__":
    found = main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    sys.stdout.write(json.dumps(asdict(found)))
