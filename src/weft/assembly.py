"""Picks the real parts and joins them into a running node. The only file that knows who is who."""

import asyncio
import gc
import signal
import tomllib
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, closing
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import structlog

from weft.api.app import create_app
from weft.api.server import serve
from weft.apps.collections.contract import CONTRACT as COLLECTIONS
from weft.apps.collections.routes import router as collections_router
from weft.apps.collections.service import CollectionsService
from weft.apps.files.bucket import Place
from weft.apps.files.contract import CONTRACT as FILES
from weft.apps.files.index import Index
from weft.apps.files.index.sqlite import SqliteIndex
from weft.apps.files.inspection import check_blobs, check_held
from weft.apps.files.keeping import Figures, blob_router
from weft.apps.files.placement import Placement
from weft.apps.files.ports import Ledger
from weft.apps.files.routes import router
from weft.apps.files.service import FilesService
from weft.apps.files.tagger import Tagger
from weft.apps.files.vault import Keeping
from weft.config import Config
from weft.execution.builtin.members import CONTRACT as MEMBERS
from weft.execution.builtin.records import CONTRACT as RECORDS
from weft.execution.executor import found as found_state
from weft.home import Home, end_freshness, is_fresh, load_genesis
from weft.ledger.seal import seal_genesis
from weft.model.errors import ConfigError, WeftError
from weft.model.genesis import Genesis
from weft.model.stored import Finding, Note
from weft.model.view import Caller
from weft.network.peers import Network
from weft.node.gateway import Gateway
from weft.node.heap import bound_heap, keep_small
from weft.node.holdings import Progress
from weft.node.loop import LoopClock, Threads, watch_lag
from weft.node.node import Node
from weft.node.ports import Inbox, Machine, Peers
from weft.node.recover import found, recover
from weft.node.service import NodeService
from weft.node.verifier import Verifier
from weft.node.verify import verify_home
from weft.storage.attachments import Attachments
from weft.storage.inspection import inspect
from weft.storage.journal import Journal
from weft.storage.keyfile import read_private
from weft.storage.store import LmdbStore
from weft.storage.tokens import Tokens

log = structlog.get_logger("weft.node")

CONTRACTS = {contract.name: contract for contract in (MEMBERS, RECORDS, FILES, COLLECTIONS)}
"""The contracts that every network has."""


GARBAGE_OBJECTS = 20_000
"""New objects between two looks of the garbage collector; the default of 700 is a look every few messages."""


async def run(home: Home) -> int:
    """Run the node of a home until SIGINT or SIGTERM. The exit code: 0, or 1 when something stopped it."""
    bound_heap()
    # What is imported stays: the collector need not look at it again, nor at every burst of messages.
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    work = asyncio.create_task(_serve(home))
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait((work, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    work.cancel()
    try:
        await work
    except asyncio.CancelledError:
        log.info("node.stopped")
        return 0
    except WeftError as error:
        log.error("node.failed", code=error.code, reason=str(error), fix=error.fix)
    except Exception:
        log.exception("node.failed", code="node.bug", fix="Keep the home, start the node again, report this.")
    return 1


async def _serve(home: Home) -> None:
    """Open the stores, recover, connect, serve. Ends only by being cancelled or by raising."""
    config, genesis, data = home.config, home.genesis, home.config.data_path
    listen = f"{config.peer.host}:{config.peer.port}"
    log.info(
        "node.starting",
        version=version("weft"),
        chain=genesis.chain.hex(),
        member=genesis.members[home.member].name,
        url=config.url,
        peer=listen,
    )
    async with AsyncExitStack() as stack:
        journal = stack.enter_context(closing(Journal(data / "journal")))
        store = stack.enter_context(closing(open_store(genesis, data / "store")))
        attachments = stack.enter_context(closing(Attachments(data / "attachments")))
        verifier = stack.enter_context(closing(Verifier()))
        threads = Threads()
        stack.callback(threads.stop)
        if is_fresh(data):
            if not any(True for _ in journal.replay()):
                found(journal, genesis)
            end_freshness(data)
        recovered = await threads.run(
            "sync", lambda: recover(genesis, home.member, home.validator, journal, store, config.limits)
        )

        def connect(inbox: Inbox) -> Peers:
            addresses = config.peer.addresses
            return Network(genesis, home.member, home.validator, listen, addresses, inbox, config.limits)

        node = Node(
            genesis, home.member, config.url, home.validator, CONTRACTS, recovered, LoopClock(), threads,
            journal, store, attachments, data, connect, config.limits,
            Machine(are_signed=verifier.are_signed),
        )  # fmt: skip
        asyncio.get_running_loop().set_exception_handler(partial(hear_mistake, node))
        gateway = Gateway(genesis, home.gateway, Tokens(config.keys_path).find_key)
        service = NodeService(node, gateway, config.url)
        ledger = Ledger(genesis, home.member, store.state, attachments, node.peers, service)
        index = await asyncio.to_thread(open_index, config, genesis, home.member)
        keeping = find_keeping(config, genesis)
        files = FilesService(ledger, data, config.files.upload_bytes_max, keeping, index)
        node.blobs = files
        node.watch.registry.register(Figures(files))
        collections = CollectionsService(ledger)
        app = create_app(
            service,
            [router(files), blob_router(files), collections_router(collections)],
            lambda: node.watch.render(node.peers.tallies),
            find_pages(),
        )
        await _run_all(
            node.run(),
            files.run(),
            *_eyes(config, ledger, files, Caller(gateway.own, "gateway")),
            serve(app, config.api.host, config.api.port),
            watch_lag(node.watch.loop_lag.observe),
            node.watch.tell(node.peers.tallies),
            keep_small(),
            verifier.keep_resting(),
        )


def find_keeping(config: Config, genesis: Genesis) -> Keeping:
    """How this node keeps content. In a bucket, each chain and each member has a folder of its own; one that
    is shared has one for all. Raises ConfigError or KeyFileError."""
    files = config.files
    paces = files.cache_bytes_max, files.scrub_pass_s, files.scrub_bytes_per_s
    if files.store == "folder":
        return Keeping(files.copies, None, {}, False, *paces)
    owner = "shared" if files.shared else config.node.name
    folder = "/".join(part for part in (files.prefix, genesis.chain.hex()[:16], owner) if part)
    credentials = {}
    if files.credentials:
        path = config.home / files.credentials
        try:
            credentials = tomllib.loads(read_private(path).decode())
        except ValueError:
            # The reason is not passed on: a parser's message may quote the secret.
            raise ConfigError(f"{path} is no TOML of names and texts") from None
        if not all(isinstance(value, str) for value in credentials.values()):
            raise ConfigError(f"{path} is no TOML of names and texts")
    place = Place(files.store, files.bucket, folder, files.endpoint, files.region, files.account)
    return Keeping(files.copies, place, credentials, files.shared, *paces)


def open_index(config: Config, genesis: Genesis, member: int | None) -> Index:
    """Where the settings want it: a file of this node, or a schema of its own on a server."""
    if not config.files.index:
        return SqliteIndex(config.data_path / "index" / "files", genesis.chain)
    try:
        from weft.apps.files.index.postgres import PostgresIndex
    except ImportError:
        raise ConfigError(
            "files.index names a PostgreSQL, and this Python has no psycopg to reach it with"
        ) from None
    name = "replica" if member is None else f"member{member}"
    return PostgresIndex(config.files.index, f"weft_{genesis.chain.hex()[:12]}_{name}", genesis.chain)


def _eyes(
    config: Config, ledger: Ledger, files: FilesService, caller: Caller
) -> list[Coroutine[Any, Any, None]]:
    """What looks at pictures, if this node shall; raises ConfigError when it cannot."""
    if not config.files.machine_tags:
        return []
    if find_spec("cv2") is None:
        raise ConfigError(
            "files.machine_tags needs OpenCV, which is not installed: pip install 'weft[vision]'"
        )
    return [Tagger(ledger, files, caller).run()]


def find_pages() -> Path | None:
    """The built web application, if it came with this package or was built into it."""
    folder = Path(__file__).parent / "ui_dist"
    return folder if (folder / "index.html").is_file() else None


def hear_mistake(node: Node, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What nobody waits for has failed. A part of ours that says so itself must not be missed; the rest
    concerns one connection or one callback of a library."""
    error = context.get("exception")
    log.error("loop.mistake", reason=context["message"], exc_info=error)
    if isinstance(error, Exception) and set(context) == {"message", "exception"}:
        node.stop_because(error)


async def _run_all(*parts: Coroutine[Any, Any, None]) -> None:
    """Run until one part ends or fails; then end the others, and raise what it raised."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def open_store(genesis: Genesis, folder: Path) -> LmdbStore:
    """The store of this chain, begun with its genesis block if it is empty."""
    sealed, nodes = seal_genesis(genesis, found_state(genesis, CONTRACTS))
    return LmdbStore(folder, sealed, nodes, sealed.block.header.state_root)


def verify(config: Config, progress: Progress) -> Iterator[Finding | Note]:
    """All that is wrong in what a stopped node keeps, and what people want to know of it (`weft verify`)."""
    genesis, folder, is_sound = load_genesis(config.genesis_path), config.data_path / "blobs", True
    blobs = partial(check_blobs, folder, progress)
    with inspect(config.data_path) as found:
        for item in verify_home(genesis, CONTRACTS, found, (blobs,), progress):
            is_sound = is_sound and isinstance(item, Note)
            yield item
        # Of a state that came out wrong nothing follows; and where only some keep a blob, who must keep it
        # depends on who is away.
        is_everywhere = Placement.of(genesis, None, config.files.copies).is_everywhere
        if is_sound and is_everywhere and config.files.store == "folder":
            yield from check_held(found.scratch, found.contents.read, folder)
