"""Networks of real processes over loopback, and load on them."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx

from weft.local import Network

PATIENCE_S = 60.0
"""How long a story waits for what must come. Nothing here says how fast it comes."""

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


class Load:
    """Clients that write records through nodes drawn in turn, and remember what was acknowledged."""

    def __init__(self, network: Network, clients: int = 8) -> None:
        self._urls = network.urls
        self._clients = clients
        self._is_stopping = False
        self.acknowledged: dict[str, str] = {}
        """Key and value of every write that a node said was executed."""

    def stop(self) -> None:
        """Let every client finish what it has begun."""
        self._is_stopping = True

    async def run(self) -> None:
        """Write until stopped. A node that is down, or answers with an error, is passed over."""
        async with httpx.AsyncClient(timeout=10) as http:
            await asyncio.gather(*(self._write(http, client) for client in range(self._clients)))

    async def _write(self, http: httpx.AsyncClient, client: int) -> None:
        count = 0
        while not self._is_stopping:
            key, value = f"{client}-{count}", f"value {client} {count}"
            for turn in range(len(self._urls) * 10):
                url = self._urls[(client + count + turn) % len(self._urls)]
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
            count += 1


def read_all(url: str, collection: str) -> dict[str, tuple[Any, int]]:
    """Every record of a collection at one node: value and version by key."""
    found: dict[str, tuple[Any, int]] = {}
    cursor = None
    with httpx.Client(base_url=url, timeout=PATIENCE_S) as http:
        while True:
            parameters = {"limit": 1000, **({"cursor": cursor} if cursor else {})}
            page = http.get(f"/v1/records/{collection}", params=parameters).raise_for_status().json()
            for item in page["items"]:
                record = http.get(f"/v1/records/{collection}/{item['key']}").raise_for_status().json()
                found[item["key"]] = (record["value"], record["version"])
            cursor = page["next_cursor"]
            if cursor is None:
                return found
