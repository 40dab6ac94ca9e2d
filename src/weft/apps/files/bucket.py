"""Blobs in a bucket: Amazon S3 and what speaks like it, or Azure Blob Storage.

Promises. What `put` returned from is in the bucket, whole. An object says in its name above which height it
was put, and an erasure at a height removes what was put at or below it: so a node that is late with an
erasure cannot take away what was stored anew after it, and several nodes may share a bucket without talk.
Nothing that is read here counts as sound before its digest was checked by the reader.

    PREFIX/CHAIN/OWNER/ab/abcd…/HEIGHT      OWNER: the member's name, or `shared`

The library (obstore) is loaded with the first bucket only. Its words for what went wrong are passed on
without anything that signs a request.
"""

import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from weft.apps.files.errors import BlobStoreError
from weft.model.errors import BlobError, ConfigError

if TYPE_CHECKING:
    from obstore.store import AzureStore, S3Store

PART_BYTES = 8 << 20
PARTS_MAX = 9_000
"""Services take 10,000 parts of an object at most; larger files go in larger parts."""
PARTS_AT_ONCE = 2
READ_BYTES = 1 << 20
RETRIES, RETRY_S = 3, 20
CONNECT_S, SILENCE_S = 5, 30
"""How long a service may take to be reached, and to say the next thing."""
REQUEST_S = 6 * 3600
"""The longest that one request may take from its beginning to its end: a large object on a slow line."""
CREDENTIALS: Mapping[str, tuple[str, ...]] = {
    "s3": ("access_key_id", "secret_access_key", "session_token"),
    "azure": ("account_key", "sas_key", "client_id", "client_secret", "tenant_id"),
}
"""What a file of credentials may hold."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a bucket is, and whose part of it."""

    kind: Literal["s3", "azure"]
    bucket: str
    folder: str
    """What the names of all its objects begin with."""
    endpoint: str = ""
    """URL; empty: the provider's own."""
    region: str = ""
    account: str = ""
    """The storage account (Azure)."""

    def __str__(self) -> str:
        return f"{self.kind}://{self.bucket}/{self.folder}"


@dataclass(frozen=True, slots=True)
class Stored:
    """A blob as it lies in a bucket."""

    name: str
    height: int
    """It was put above this height."""
    size: int
    put_ms: int
    """When, by the service's clock; milliseconds since 1970."""

    @property
    def path(self) -> str:
        return f"{self.name[:2]}/{self.name}/{self.height}"


class Bucket:
    """A folder of a bucket. Calls raise BlobStoreError when the service cannot be reached or refuses."""

    def __init__(self, place: Place, credentials: Mapping[str, str]) -> None:
        """Without credentials the library's own sources count: the provider's variables of the environment,
        then the identity that the provider gives a machine. Raises ConfigError."""
        import obstore

        self._obstore = obstore
        self._store = _open(place, credentials)
        self.place = place

    async def put(self, name: str, height: int, source: Path) -> None:
        """Store content; it is there for good when this returns."""
        part_bytes = max(PART_BYTES, source.stat().st_size // PARTS_MAX)  # noqa: ASYNC240
        with self._told():
            await self._obstore.put_async(
                self._store,
                Stored(name, height, 0, 0).path,
                source,
                chunk_size=part_bytes,
                max_concurrency=PARTS_AT_ONCE,
            )

    async def find(self, name: str) -> list[Stored]:
        """All that is stored of a blob, what was put last first."""
        found = [one async for page in self._list(f"{name[:2]}/{name}") for one in page]
        return sorted(found, key=lambda one: one.height, reverse=True)

    async def shard(self, shard: str) -> list[Stored]:
        """All blobs whose digest begins with these two digits, digests rising."""
        found = [one async for page in self._list(shard) for one in page]
        return sorted(found, key=lambda one: (one.name, one.height))

    async def read(self, stored: Stored) -> AsyncIterator[bytes]:
        """The content in chunks, unchecked; raises BlobError when it is gone."""
        with self._told(stored):
            found = await self._obstore.get_async(self._store, stored.path)
            async for chunk in found.stream(min_chunk_size=READ_BYTES):
                yield bytes(chunk)

    async def read_ranges(self, stored: Stored, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Parts of the content, each an offset and a length; raises BlobError when it is gone."""
        if not ranges:
            return []
        with self._told(stored):
            starts, lengths = zip(*ranges, strict=True)
            pieces = await self._obstore.get_ranges_async(
                self._store, stored.path, starts=starts, lengths=lengths
            )
            return [bytes(piece) for piece in pieces]

    async def remove(self, stored: Stored) -> None:
        """Take an object away; one that is gone already is no matter."""
        with self._told():
            try:
                await self._obstore.delete_async(self._store, stored.path)
            except FileNotFoundError:
                return

    async def _list(self, prefix: str) -> AsyncIterator[list[Stored]]:
        with self._told():
            async for page in self._obstore.list(self._store, prefix):
                yield [one for one in map(_stored, page) if one is not None]

    @contextmanager
    def _told(self, stored: Stored | None = None) -> Iterator[None]:
        """What the library raises, in words of ours."""
        from obstore.exceptions import BaseError

        try:
            yield
        except FileNotFoundError as error:
            if stored is not None:
                raise BlobError("the content is no longer in the blob store") from None
            raise BlobStoreError(f"{self.place}: {_reason(error)}") from None
        except (BaseError, OSError) as error:
            raise BlobStoreError(f"{self.place}: {_reason(error)}") from None


def _open(place: Place, credentials: Mapping[str, str]) -> "S3Store | AzureStore":
    from obstore.exceptions import BaseError
    from obstore.store import AzureStore, S3Store

    unknown = sorted(set(credentials) - set(CREDENTIALS[place.kind]))
    if unknown:
        known = ", ".join(CREDENTIALS[place.kind])
        raise ConfigError(f"the credentials have the unknown entry {unknown[0]}; known are {known}")
    more: dict[str, Any] = {
        "prefix": place.folder,
        "client_options": {
            "allow_http": place.endpoint.startswith("http://"),
            "connect_timeout": timedelta(seconds=CONNECT_S),
            "read_timeout": timedelta(seconds=SILENCE_S),
            "timeout": timedelta(seconds=REQUEST_S),
        },
        "retry_config": {"max_retries": RETRIES, "retry_timeout": timedelta(seconds=RETRY_S)},
        **credentials,
    }
    if place.endpoint:
        more["endpoint"] = place.endpoint
    try:
        if place.kind == "azure":
            if place.account:
                more["account_name"] = place.account
            return AzureStore(place.bucket, **more)
        if place.region:
            more["region"] = place.region
        # Each part arrives with its SHA-256, which the service compares with what it got.
        return S3Store(place.bucket, checksum_algorithm="SHA256", **more)
    except (BaseError, ValueError) as error:
        raise ConfigError(f"the blob store {place} cannot be used: {_reason(error)}") from None


def _stored(found: Mapping[str, Any]) -> Stored | None:
    """The blob behind an object; None for what is not ours."""
    match = re.fullmatch(r"[0-9a-f]{2}/([0-9a-f]{64})/([0-9]{1,19})", found["path"])
    if match is None:
        return None
    put_ms = int(found["last_modified"].timestamp() * 1000)
    return Stored(match[1], int(match[2]), found["size"], put_ms)


def _reason(error: Exception) -> str:
    """The library's sentence and the service's code, without the query of an address, which may sign it."""
    text = str(error)
    sentence = text.split("\n")[0].split(": <")[0]
    code = re.search(r"<Code>(\w{1,80})</Code>", text)
    clean = re.sub(r"\?\S*", "", sentence)[:300]
    return f"{clean} ({code[1]})" if code else clean
