"""Versions of a thing, kept so that none is lost and old ones cost nothing.

The value of a thing holds its newest version, the few before it, and how many full pages lie behind those. So
one write touches one key, every eighth two; all versions can be listed, and all their commitments found for
an erasure, from the state alone: a block keeps only the last of several writes to one key.
"""

from collections.abc import Callable, Iterator
from typing import TypeVar

from weft.execution.context import Context
from weft.model.encoding import Record, decode, encode

PAGE = 8

V = TypeVar("V", bound=Record)


def keep_version(
    context: Context, page_prefix: bytes, earlier: tuple[V, ...], pages: int, version: V
) -> tuple[tuple[V, ...], int]:
    """The new (earlier, pages) once `version` is no longer the newest; writes a page when one is full."""
    earlier = (*earlier, version)
    if len(earlier) < PAGE:
        return earlier, pages
    context.put(_page_key(page_prefix, pages), encode(earlier))
    return (), pages + 1


def read_versions(
    get: Callable[[bytes], bytes | None],
    page_prefix: bytes,
    kind: type[V],
    earlier: tuple[V, ...],
    pages: int,
) -> Iterator[V]:
    """All versions but the newest, newest first; pages are read as they are come to."""
    yield from reversed(earlier)
    for page in reversed(range(pages)):
        content = get(_page_key(page_prefix, page))
        assert content is not None, "a page that was counted is there"
        yield from reversed(decode(tuple[kind, ...], content))  # type: ignore[valid-type]


def drop_pages(context: Context, page_prefix: bytes, pages: int) -> None:
    """Delete all pages."""
    for page in range(pages):
        context.delete(_page_key(page_prefix, page))


def show_page(show: Callable[[bytes], str], place: bytes) -> str:
    """The place of a page for people: of whose earlier versions, and which page."""
    return f"{show(place[:-4])} (earlier versions, page {int.from_bytes(place[-4:], 'big')})"


def _page_key(prefix: bytes, page: int) -> bytes:
    return prefix + page.to_bytes(4, "big")
