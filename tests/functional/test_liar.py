"""A member's own key in the hands of a liar: a real client at the peer ports of running nodes.

It sends garbage, frames that are changed in places, floods, streams that say nothing, messages that are far
too large, everything in the wrong order, and answers as falsely as it asks. `WEFT_LONG=1` goes on for ten
minutes.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from random import Random
from time import monotonic

import grpc
import grpc.aio

from tests.functional.network import (
    IS_LONG,
    Launch,
    Load,
    check_acknowledged,
    get,
    log_events,
    memory_of,
    metric,
    wait_until,
)
from tests.fuzz.mutate import mutate
from tests.fuzz.words import answers, items, requests, vertices
from weft.home import VALIDATOR_KEY
from weft.local import Network
from weft.model.encoding import encode
from weft.model.limits import LOCAL, MIB
from weft.model.message import Announced, Opening
from weft.model.vertex import implied_reference, sign_vertex
from weft.network import stream
from weft.network.bounds import BOUNDS
from weft.network.entrance import Entrance
from weft.network.generated import peer_pb2
from weft.network.stream import BrokenError, Stream
from weft.network.tls import Tls
from weft.network.wire import ASK, BLOB, SERVICE, dialer_options, frame_bytes_max, pack, pack_opening
from weft.storage.keyfile import load_key

LIAR = 3
VICTIMS = (0, 1, 2)
LASTS_S = 600.0 if IS_LONG else 12.0
ATTACK_S = 3.0
"""The longest that one attack goes on; most are cut off long before."""
GROWTH_MAX_BYTES = 256 << 20

Attack = Callable[["Liar", int], Awaitable[None]]
"""On one node, by its number."""


class Liar:
    """The key of a member whose node does not run, and what to do with it."""

    def __init__(self, network: Network, seed: int) -> None:
        self.network = network
        self.chance = Random(seed)
        self.key = load_key(network.configs[LIAR].keys_path / VALIDATOR_KEY)
        self.tls = Tls(network.genesis, self.key)
        self.opening = Opening(network.genesis.chain, 0, (0, 0, 0, 0), 0, "")
        self.frames = [pack_opening(self.opening), pack([encode(item) for item in items()], ping=3)]
        self.frames += [pack((encode(item),)) for item in (*items(), self._vertex(1), self._vertex(2**62))]
        self.requests = [peer_pb2.Request(body=encode(one)).SerializeToString() for one in requests()]
        self.answers = [peer_pb2.Answer(body=encode(one)).SerializeToString() for one in answers()]

    def changed(self, valid: list[bytes]) -> bytes:
        """One of these with something wrong in it."""
        return mutate(self.chance.choice(valid), valid, self.chance, MIB)

    @asynccontextmanager
    async def calls(self, victim: int) -> AsyncIterator[grpc.aio.Channel]:
        """A connection for calls."""
        options = [*dialer_options(LOCAL, self.tls.server_name(victim)), ("grpc.max_send_message_length", -1)]
        credentials = self.tls.channel_credentials(victim)
        async with grpc.aio.secure_channel(self._address(victim), credentials, options) as channel:
            yield channel

    async def dial(self, victim: int) -> Stream:
        """A stream on which nothing is said yet."""
        made = Stream(frame_bytes_max(LOCAL))
        context, name = self.tls.dialer_context(victim), self.tls.server_name(victim)
        await stream.dial(self._address(victim), context, name, made)
        return made

    async def open(self, victim: int) -> Stream:
        """A stream that begins as it should."""
        made = await self.dial(victim)
        made.write(pack_opening(self.opening))
        await made.read()
        return made

    def _address(self, victim: int) -> str:
        return f"127.0.0.1:{self.network.configs[victim].peer.port}"

    def _vertex(self, round_: int) -> Announced:
        """Rightly signed; the second names a past that never was."""
        chain = self.network.genesis.chain
        before = [implied_reference(chain, 0, author) for author in (LIAR, *VICTIMS)]
        if round_ > 1:
            before = [one.__class__(one.author, round_ - 1, bytes(32)) for one in before]
        made = sign_vertex(self.key, chain, 0, LIAR, round_, 2**62, tuple(before), vertices()[1].batch)
        return Announced(made.raw, ())


async def write_on(stream: Stream, frame: Callable[[], bytes]) -> None:
    """Until the stream ends."""
    ended = asyncio.ensure_future(read_on(stream))
    try:
        while not ended.done():
            if stream.can_write:
                stream.write(frame())
            await asyncio.sleep(0)
    finally:
        ended.cancel()
        stream.drop("")


async def read_on(stream: Stream) -> None:
    """Until the stream ends."""
    with suppress(BrokenError):
        while True:
            await stream.read()


async def send_changed_frames(liar: Liar, victim: int) -> None:
    await write_on(await liar.open(victim), lambda: liar.changed(liar.frames))


async def send_noise(liar: Liar, victim: int) -> None:
    await write_on(await liar.open(victim), lambda: os.urandom(liar.chance.choice((0, 1, 100, MIB))))


async def begin_wrongly(liar: Liar, victim: int) -> None:
    """Items first, a second Opening, another chain's, or nothing but an end."""
    for frames in (liar.frames[2:3], liar.frames[:1] * 2, [pack(())], [liar.changed(liar.frames[:1])], []):
        stream = await liar.dial(victim)
        for frame in frames:
            stream.write(frame)
        if frames:
            await read_on(stream)
        stream.drop("")


async def hold_streams_half_open(liar: Liar, victim: int) -> None:
    """As many as a node takes of a member and more, none of which says a word."""
    dials = [liar.dial(victim) for _ in range(200)]
    streams = [
        made for made in await asyncio.gather(*dials, return_exceptions=True) if isinstance(made, Stream)
    ]
    await asyncio.gather(*(read_on(stream) for stream in streams))


async def send_what_is_too_large(liar: Liar, victim: int) -> None:
    for size in (LOCAL.message_bytes_max + 1, 2 * LOCAL.message_bytes_max - 100, 3 * LOCAL.message_bytes_max):
        stream = await liar.open(victim)
        stream.write(pack((bytes(size),)))
        await read_on(stream)


async def flood(liar: Liar, victim: int) -> None:
    """Valid items, as fast as they can be sent."""
    frame = pack([encode(liar._vertex(1))] * 500)
    await write_on(await liar.open(victim), lambda: frame)


async def ask_nonsense(liar: Liar, victim: int) -> None:
    """Right and wrong questions, many at once, and blobs that nobody has."""
    async with liar.calls(victim) as channel:
        while True:
            valid = [channel.unary_unary(ASK)(liar.chance.choice(liar.requests)) for _ in range(50)]
            wish = peer_pb2.BlobRequest(name=liar.chance.choice(("../../keys", "0" * 64, "")), offset=2**62)
            blobs = [channel.unary_stream(BLOB)(wish.SerializeToString()).read() for _ in range(20)]
            await asyncio.gather(*valid, *blobs, return_exceptions=True)
            await channel.unary_unary(ASK)(liar.changed(liar.requests))


ATTACKS: tuple[Attack, ...] = (
    *(send_changed_frames, send_noise, begin_wrongly, hold_streams_half_open, send_what_is_too_large),
    *(flood, ask_nonsense),
)


async def attack(liar: Liar, victim: int, until: float) -> None:
    """One attack after the other on one node; when it refuses us, again a little later."""
    number = victim
    while monotonic() < until:
        with suppress(grpc.aio.AioRpcError, grpc.aio.UsageError, BrokenError, OSError):
            async with asyncio.timeout(ATTACK_S):
                await ATTACKS[number % len(ATTACKS)](liar, victim)
        number += 1
        await asyncio.sleep(0.2)


@asynccontextmanager
async def lying_server(liar: Liar) -> AsyncIterator[None]:
    """The liar's own port: a right Opening now and then, and after it, and to every question, nonsense."""

    async def lie(stream: Stream) -> None:
        with suppress(BrokenError):
            await stream.read()
            first = liar.changed(liar.frames[:1]) if liar.chance.random() < 0.5 else liar.frames[0]
            for frame in (first, *(liar.changed(liar.frames) for _ in range(20))):
                if stream.can_write:
                    stream.write(frame)
            await stream.read()
        stream.drop("")

    async def ask(_: bytes, context: grpc.aio.ServicerContext) -> bytes:
        return liar.changed(liar.answers)

    lies: list[asyncio.Task[None]] = []
    server = grpc.aio.server()
    methods = {"Ask": grpc.unary_unary_rpc_method_handler(ask)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods),))
    port = server.add_secure_port("127.0.0.1:0", liar.tls.server_credentials())
    await server.start()
    entrance = Entrance(
        liar.tls, lambda _, stream: lies.append(asyncio.create_task(lie(stream))), LOCAL, BOUNDS
    )
    entrance.listen(liar._address(LIAR))
    running = asyncio.create_task(entrance.run(port))
    try:
        yield
    finally:
        for task in (running, *lies):
            task.cancel()
        await asyncio.gather(running, *lies, return_exceptions=True)
        await entrance.close()
        await server.stop(0)


def test_a_liar_with_a_members_key_disturbs_nobody_but_itself(launch: Launch) -> None:
    """Under load: the nodes stay up and agree, their memory is bounded, and the liar is cut off by each."""
    network = launch()
    load = Load(network)
    network.kill(LIAR)
    liar = Liar(network, seed=1)
    before = [memory_of(network, victim) for victim in VICTIMS]

    async def story() -> int:
        until = monotonic() + LASTS_S
        async with lying_server(liar):
            work = asyncio.create_task(load.run())
            await asyncio.gather(*(attack(liar, victim, until) for victim in VICTIMS))
            written = len(load.acknowledged)
            # Nobody attacks any more: what is acknowledged now shows that nothing was left behind.
            await asyncio.sleep(1)
            load.stop()
            await work
        return len(load.acknowledged) - written

    assert asyncio.run(story()) > 0, "writes go on"
    urls = [network.urls[victim] for victim in VICTIMS]
    wait_until(lambda: len({get(f"{url}/v1/head")["hash"] for url in urls}) == 1, "the others agree")
    check_acknowledged(network, load, VICTIMS[0])
    for victim, url in zip(VICTIMS, urls, strict=True):
        grown = memory_of(network, victim) - before[victim]
        cuts = metric(url, f'weft_peer_cuts_total{{member="node{LIAR}"}}')
        sys.stdout.write(
            f"node{victim}: {before[victim] >> 20} MiB, {grown >> 20} more after {cuts:.0f} cuts\n"
        )
        assert grown < GROWTH_MAX_BYTES
        assert cuts > 0
        peers = {peer["id"]: peer["connected"] for peer in get(f"{url}/v1/status")["peers"]}
        assert all(peers[other] for other in VICTIMS if other != victim)
        assert not [event for event in log_events(network, victim) if event["level"] == "error"]
