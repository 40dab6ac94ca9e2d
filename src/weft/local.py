"""A local network: N nodes on loopback, each a process of its own with a home of its own.

    with Network(folder, nodes=4, port_base=free_port_base(4)) as network:
        network.kill(2)
        network.restart(2)

Promise: only processes that hold the lock of one of this network's homes, or that this object started, are
ever signalled; nothing is started when a port is taken or the folder belongs to something else; data stays.
"""

import http.client
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from weft.config import PREFIX, Config, load_config
from weft.ending import Ending, describe_ending
from weft.home import LOG_FILE, create_home, find_running, load_genesis
from weft.model.committee import FaultModel, Member
from weft.model.errors import HomeError, LaunchError, PortError
from weft.model.genesis import Account, Genesis, format_genesis
from weft.model.limits import MIB, Limits

HOST = "127.0.0.1"
PEER_PORT_OFFSET = 100
NODES_MAX = PEER_PORT_OFFSET
"""More nodes, and REST ports would meet peer ports."""
PORT_BASE = 8700
LOG_BYTES_MAX = 16 * MIB
"""A larger log is put aside when its node starts; one older log is kept."""
STOP_SECONDS = 10
READY_SECONDS = 60
SLOW_FIX = "Look with `weft status` whether it comes, and into logs/node.log in its home."


class Network:
    """The network whose homes lie in `home`: made when the folder is empty or missing, opened otherwise.

    None means: as it is there, or 4 nodes, byzantine, port base 8700 in a new one. Raises HomeError when the
    folder holds something else, or a network that differs from what was asked for.
    """

    def __init__(
        self,
        home: Path,
        nodes: int | None = None,
        fault_model: FaultModel | None = None,
        port_base: int | None = None,
    ) -> None:
        self.home = home.absolute()
        if not self.home.exists() or not any(self.home.iterdir()):
            _make(self.home, nodes or 4, fault_model or "byzantine", port_base or PORT_BASE)
        self.configs, self.genesis = _read(self.home)
        found = (len(self.configs), self.genesis.fault_model, self.configs[0].api.port)
        for name, asked, is_there in zip(
            ("nodes", "fault model", "port base"), (nodes, fault_model, port_base), found, strict=True
        ):
            if asked not in (None, is_there):
                raise HomeError(
                    f"{home} holds a network with {name} {is_there}, not {asked}",
                    fix="Leave the option out to start what is there, or name another folder with --home.",
                )
        self._started: dict[int, subprocess.Popen[bytes]] = {}
        self._logged: dict[int, int] = {}
        """Bytes that were in a node's log before it started."""

    @classmethod
    def find(cls, home: Path) -> Self:
        """The network in `home`; raises HomeError when there is none."""
        if not (home / "node0").is_dir():
            raise HomeError(
                f"{home} holds no local network",
                fix="Give the folder that `weft up` made with --home, or make a network there: `weft up`.",
            )
        return cls(home)

    def __enter__(self) -> Self:
        try:
            self.start()
            self.wait_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def urls(self) -> list[str]:
        """REST addresses, in order."""
        return [config.url for config in self.configs]

    def log_path(self, node: int) -> Path:
        """What a node says goes there."""
        return self.configs[node].home / LOG_FILE

    def find_process(self, node: int) -> int | None:
        """The process id of a node, whoever started it."""
        process = self._started.get(node)
        if process is not None and process.poll() is None:
            return process.pid
        return find_running(self.configs[node].home)

    def start(self, nodes: Sequence[int] | None = None) -> list[int]:
        """Start those that do not run; which they were. Raises PortError before anything is started."""
        wanted = range(len(self.configs)) if nodes is None else nodes
        missing = [node for node in wanted if self.find_process(node) is None]
        for node in missing:
            config = self.configs[node]
            for host, port in ((config.api.host, config.api.port), (config.peer.host, config.peer.port)):
                check_port_free(host, port)
        for node in missing:
            self._started[node], self._logged[node] = _launch(self.configs[node].home)
        return missing

    def wait_ready(self, nodes: Sequence[int] | None = None, seconds: float = READY_SECONDS) -> None:
        """Return once these (all) nodes are ready. Raises LaunchError for the first that fails."""
        for _, error in self._settle(nodes, seconds):
            if error is not None:
                raise error

    def wait_quorum(
        self, tell: Callable[[int], None], seconds: float = READY_SECONDS
    ) -> dict[int, LaunchError]:
        """Wait for all nodes; why those that are not ready are not, `tell` hears of the others.

        Raises LaunchError as soon as the others can be no quorum.
        """
        failed: dict[int, LaunchError] = {}
        committee = self.genesis.committee
        left = committee.total
        for node, error in self._settle(None, seconds):
            if error is None:
                tell(node)
                continue
            failed[node] = error
            left -= self.genesis.members[node].weight
            if left < committee.quorum:
                raise LaunchError("; ".join(map(str, failed.values())), fix=error.fix)
        return failed

    def _settle(
        self, nodes: Sequence[int] | None, seconds: float
    ) -> Iterator[tuple[int, LaunchError | None]]:
        """Each of these (all) nodes when it is ready, or when it has ended or taken too long: why."""
        deadline = time.monotonic() + seconds
        waiting = list(range(len(self.configs)) if nodes is None else nodes)
        while waiting:
            for node in tuple(waiting):
                if _is_ready(self.configs[node]):
                    error = None
                elif self.has_ended(node):
                    ending = self.last_words(node)
                    error = LaunchError(f"node{node} {ending.text}", fix=ending.fix)
                elif time.monotonic() > deadline:
                    error = LaunchError(f"node{node} is not ready after {seconds:.0f} s", fix=SLOW_FIX)
                else:
                    continue
                waiting.remove(node)
                yield node, error
            time.sleep(0.05 if waiting else 0)

    def has_ended(self, node: int) -> bool:
        """Whether this object started the node and its process is over."""
        return node in self._started and self._started[node].poll() is not None

    def last_words(self, node: int) -> Ending:
        """How a node ended that this object started."""
        process = self._started[node]
        assert process.returncode is not None, "only who has ended has last words"
        return describe_ending(process.returncode, self.log_path(node), self._logged[node])

    def kill(self, node: int) -> None:
        """SIGKILL, as a power cut would."""
        self._end([node], signal.SIGKILL)

    def restart(self, node: int) -> None:
        """Start a node that does not run, and wait for it."""
        self.start([node])
        self.wait_ready([node])

    def stop(self) -> list[int]:
        """End the nodes that this object started; which of them still ran."""
        running = [node for node in self._started if not self.has_ended(node)]
        self._end(running, signal.SIGTERM)
        return running

    def stop_all(self) -> list[int]:
        """End every node of this network, whoever started it; which they were."""
        running = [node for node in range(len(self.configs)) if self.find_process(node) is not None]
        self._end(running, signal.SIGTERM)
        return running

    def _end(self, nodes: Iterable[int], kind: signal.Signals) -> None:
        _end([partial(self.find_process, node) for node in nodes], kind)


def stop_node(home: Path) -> bool:
    """End the node of one home, whoever started it; whether it ran."""
    find = partial(find_running, home)
    is_running = find() is not None
    _end([find], signal.SIGTERM)
    return is_running


def _end(finds: Sequence[Callable[[], int | None]], kind: signal.Signals) -> None:
    """Signal all, wait for all, SIGKILL what is still there after ten seconds. Each of `finds` tells the
    process while it runs."""
    deadline = time.monotonic() + STOP_SECONDS
    for find in finds:
        _signal(find(), kind)
    for find in finds:
        while (pid := find()) is not None:
            if time.monotonic() > deadline:
                _signal(pid, signal.SIGKILL)
            time.sleep(0.02)


def _signal(pid: int | None, kind: signal.Signals) -> None:
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, kind)


def free_port_base(nodes: int) -> int:
    """A port base whose ports are free now, below the range from which systems take ports by themselves."""
    for _ in range(200):
        base = random.randrange(10_000, 32_000)
        with suppress(PortError):
            _check_ports_free(base, nodes)
            return base
    raise PortError(f"no port base with {nodes} free pairs of ports was found in 200 tries")


def check_port_free(host: str, port: int) -> None:
    """Raise PortError when a process listens there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortError(f"{host}:{port} cannot be used: {error.strerror}; nothing was started") from None


def _check_ports_free(port_base: int, nodes: int) -> None:
    for node in range(nodes):
        check_port_free(HOST, port_base + node)
        check_port_free(HOST, port_base + PEER_PORT_OFFSET + node)


def _make(home: Path, nodes: int, fault_model: FaultModel, port_base: int) -> None:
    """Make the network beside its place and move it there: a half-made one never stands there."""
    if port_base + PEER_PORT_OFFSET + nodes > 65536 or nodes > NODES_MAX:
        raise HomeError(
            f"{nodes} nodes from port {port_base} on: at most {NODES_MAX} nodes, ports up to 65535",
            fix="Ask for fewer nodes, or for a lower --port-base.",
        )
    # Homes remember their ports, so they are not made for ports that cannot be had.
    _check_ports_free(port_base, nodes)
    draft = home.with_name(f".{home.name}.{secrets.token_hex(4)}")
    addresses = [f"{HOST}:{port_base + PEER_PORT_OFFSET + node}" for node in range(nodes)]
    try:
        keys = [
            create_home(
                draft / f"node{node}",
                {
                    "node": {"name": f"node{node}"},
                    "api": {"port": port_base + node},
                    "peer": {"port": port_base + PEER_PORT_OFFSET + node, "addresses": addresses},
                },
            )
            for node in range(nodes)
        ]
        genesis = Genesis(
            version=1,
            name=home.name,
            created_ms=time.time_ns() // 1_000_000,
            fault_model=fault_model,
            members=tuple(
                Member(f"node{node}", validator.public.key, 1) for node, (validator, _) in enumerate(keys)
            ),
            limits=Limits(),
            is_open=True,
            accounts=tuple(Account(gateway.public, "gateway") for _, gateway in keys),
        )
        genesis.check()
        for node in range(nodes):
            (draft / f"node{node}" / "genesis.json").write_text(format_genesis(genesis), encoding="utf-8")
        draft.rename(home)
    except OSError as error:
        raise HomeError(f"{home} cannot be made: {error.strerror}") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _read(home: Path) -> tuple[tuple[Config, ...], Genesis]:
    if not (home / "node0").is_dir():
        raise HomeError(
            f"{home} is not empty and holds no local network",
            fix="Name a new folder with --home, or the one of a network that `weft up` made.",
        )
    genesis = load_genesis(home / "node0" / "genesis.json")
    configs = tuple(load_config(home / member.name) for member in genesis.members)
    for config in configs:
        if load_genesis(config.genesis_path) != genesis:
            raise HomeError(f"{config.home} belongs to another network than {home / 'node0'}")
    return configs, genesis


def _launch(home: Path) -> tuple[subprocess.Popen[bytes], int]:
    """Start a node in a session of its own, so that Ctrl-C in a terminal reaches the supervisor alone; with
    how many bytes its log had before."""
    log = home / LOG_FILE
    log.parent.mkdir(exist_ok=True)
    if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
        log.replace(log.with_name(log.name + ".1"))
    # What makes one node differ from the others stands in its file; a variable would make them the same.
    own = tuple(f"{PREFIX}{section}_" for section in ("NODE", "API", "PEER"))
    with log.open("ab") as output:
        begin = output.tell()
        process = subprocess.Popen(
            (sys.executable, "-m", "weft", "start", "--home", str(home)),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={name: value for name, value in os.environ.items() if not name.startswith(own)},
            start_new_session=True,
        )
    return process, begin


def _is_ready(config: Config) -> bool:
    connection = http.client.HTTPConnection(config.api.host, config.api.port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
