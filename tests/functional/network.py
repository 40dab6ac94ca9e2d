"""Networks of real processes over loopback, and load on them."""

import asyncio
import json
import os
import time
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import msgspec

from weft.home import LOG_FILE
from weft.local import Network
from weft.model.genesis import Account, Role, format_genesis
from weft.storage.keyfile import create_key
from weft.storage.tokens import Tokens

# Taken away, for a node refuses to start with a variable of this prefix that is no setting.
IS_LONG = os.environ.pop("WEFT_LONG", "") == "1"
"""Whether stories may take their full length."""
PHOTOS = os.environ.pop("WEFT_PHOTOS", "")
"""The folder of photos to tell a story with."""

PATIENCE_S = 60.0
"""How long a story waits for what must come. Nothing here says how fast it comes."""
ENOUGH = 20
"""Writes that are a load."""

Launch = Callable[..., Network]


def get(url: str, **parameters: Any) -> Any:
    """The JSON that a node answers."""
    answer = httpx.get(url, params=parameters, timeout=PATIENCE_S)
    answer.raise_for_status()
    return answer.json()


def wait_until(holds: Callable[[], bool], what: str) -> None:
    """Return once it holds; fail when it does not come true."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, f"still not so after {PATIENCE_S:.0f} s: {what}"
        time.sleep(0.05)


def heads(network: Network) -> list[tuple[int, str, str]]:
    """Height, head and state root of every node."""
    found = [get(f"{url}/v1/head") for url in network.urls]
    return [(head["height"], head["hash"], head["state_root"]) for head in found]


def wait_for_agreement(network: Network) -> tuple[int, str, str]:
    """Return the head of all nodes, once it is the same and every node says that it is ready."""

    def agree() -> bool:
        ready = [httpx.get(f"{url}/readyz", timeout=PATIENCE_S).status_code for url in network.urls]
        return ready == [200] * len(network.urls) and len(set(heads(network))) == 1

    wait_until(agree, "all nodes are ready and have the same head")
    return heads(network)[0]


def close_network(made: Network, callers: Sequence[tuple[int, Role]]) -> list[str]:
    """Make a network that has not started one whose members know their callers: for each of `callers` an
    account of that role, and the token by which that node alone knows it."""
    accounts, tokens = [], []
    for number, (node, role) in enumerate(callers):
        keys, name = made.configs[node].keys_path, f"caller{number}.json"
        accounts.append(Account(create_key(keys / name).public, role))
        tokens.append(Tokens(keys).issue(name))
    genesis = msgspec.structs.replace(
        made.genesis, is_open=False, accounts=(*made.genesis.accounts, *accounts)
    )
    for config in made.configs:
        config.genesis_path.write_text(format_genesis(genesis), encoding="utf-8")
    return tokens


class Load:
    """Clients that write records through nodes drawn in turn, and remember what was acknowledged."""

    def __init__(self, network: Network, clients: int = 8) -> None:
        self._urls = network.urls
        self._clients = clients
        self._numbers = count()
        self.is_stopping = False
        self.acknowledged: dict[str, str] = {}
        """Key and value of every write that a node said was executed."""

    async def run_for(self, seconds: float) -> int:
        """Write for a while; how many writes more were acknowledged."""
        before = len(self.acknowledged)
        work = asyncio.create_task(self.run())
        await asyncio.sleep(seconds)
        self.stop()
        await work
        return len(self.acknowledged) - before

    def stop(self) -> None:
        """Let every client finish what it has begun."""
        self.is_stopping = True

    async def run(self) -> None:
        """Write until stopped. A node that is down, or answers with an error, is passed over."""
        self.is_stopping = False
        async with httpx.AsyncClient(timeout=10) as http:
            await asyncio.gather(*(self._write(http) for _ in range(self._clients)))

    async def _write(self, http: httpx.AsyncClient) -> None:
        while not self.is_stopping:
            number = next(self._numbers)
            key, value = str(number), f"value {number}"
            for turn in range(len(self._urls) * 10):
                url = self._urls[(number + turn) % len(self._urls)]
                try:
                    answer = await http.put(
                        f"{url}/v1/records/load/{key}",
                        json=value,
                        headers={"Idempotency-Key": f"load-of-the-functional-test-{key}"},
                    )
                except httpx.HTTPError:
                    await asyncio.sleep(0.05)
                    continue
                if answer.is_success:
                    self.acknowledged[key] = value
                    break
                await asyncio.sleep(0.05)


def do_under(load: Load, work: Callable[[], object]) -> None:
    """Do something in a thread while clients write, until enough was written."""

    async def tell() -> None:
        writing = asyncio.create_task(load.run())
        try:
            await asyncio.to_thread(work)
            await asyncio.to_thread(wait_until, lambda: len(load.acknowledged) > ENOUGH, "there was load")
        finally:
            load.stop()
            await writing

    asyncio.run(tell())


def read_all(url: str, collection: str) -> dict[str, tuple[Any, int]]:
    """Every record of a collection at one node: value and version by key."""
    found: dict[str, tuple[Any, int]] = {}
    cursor: str | None = ""
    with httpx.Client(base_url=url, timeout=PATIENCE_S) as http:
        while cursor is not None:
            parameters: dict[str, str | int] = {"limit": 1000} | ({"cursor": cursor} if cursor else {})
            page = http.get(f"/v1/records/{collection}", params=parameters).raise_for_status().json()
            found |= {item["key"]: (item["value"], item["version"]) for item in page["items"]}
            cursor = page["next_cursor"]
    return found


def check_acknowledged(network: Network, load: Load, node: int = -1) -> None:
    """Every acknowledged write stands exactly once. One node is asked: all have the same state root."""
    assert len(load.acknowledged) > ENOUGH, "there was load"
    found = read_all(network.urls[node], "load")
    for key, value in load.acknowledged.items():
        assert found.get(key) == (value, 1), key


def log_events(network: Network, node: int) -> list[dict[str, Any]]:
    """What a node has said in its log since it was made."""
    text = (network.configs[node].home / LOG_FILE).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def metric(url: str, name: str) -> float:
    """One of the figures that a node counts."""
    text = httpx.get(f"{url}/metrics", timeout=PATIENCE_S).raise_for_status().text
    return float(next(line for line in text.splitlines() if line.startswith(f"{name} ")).split()[1])


def memory_of(network: Network, node: int) -> int:
    """Resident bytes of a node's process."""
    status = Path(f"/proc/{network.find_process(node)}/status").read_text(encoding="ascii")
    return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


def data_of(network: Network, node: int) -> Path:
    """The folder with all that a node must keep."""
    return network.configs[node].data_path
