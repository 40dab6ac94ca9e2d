"""A member that was away comes back with what others lack."""

import asyncio

import pytest

from tests.unit.apps.files.test_service import put_file, read, until
from tests.unit.apps.files.twin import Net
from weft.apps.files import fetch


async def test_who_comes_back_is_asked_at_once_for_what_is_missing(
    net: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long ago the last try was: one that had to be waited for would come after this test."""
    monkeypatch.setattr(fetch, "RETRY_S", 3600.0)
    monkeypatch.setattr(fetch, "RETRY_S_MAX", 3600.0)
    monkeypatch.setattr(fetch, "RETURN_LOOK_S", 0.01)
    monkeypatch.setattr(fetch, "RETURN_PAUSE_S", 0.01)
    first, second, third = net.nodes
    await second.stop()
    second.start()
    second.is_away = third.is_away = True
    file = await put_file(first, b"only here")
    assert file.sha256 is not None
    if first.files.vault.keeping.is_shared:
        return
    first.is_away = True
    third.catch_up()
    second.catch_up()
    await until(lambda: (third.place, file.sha256) in second.asked)
    await until(lambda: second.files.fetcher._slots._value == fetch.TRANSFERS_MAX)
    await asyncio.sleep(0.2)
    first.is_away = False
    await until(lambda: not second.files.fetcher.wanted)
    assert await read(second, file) == b"only here"


async def test_who_gave_something_is_asked_first_for_the_next(net: Net) -> None:
    """Of many files one member has all and another none yet: that one is not asked for each of them."""
    first, second, late = net.nodes
    second.is_away = late.is_away = True
    files = [await put_file(first, b"content %d" % number) for number in range(40)]
    second.is_away = False
    late.catch_up()
    assert all([await read(late, file) == b"content %d" % number for number, file in enumerate(files)])
    in_vain = [name for member, name in late.asked if member == second.place and name != "proof"]
    assert len(in_vain) <= fetch.TRANSFERS_MAX
