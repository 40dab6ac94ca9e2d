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
from weft.network.generated import peer_pb2
from weft.network.tls import Tls
from weft.network.wire import ASK, BLOB, EXCHANGE, dialer_options, pack, pack_opening
from weft.storage.keyfile import load_key

LIAR = 3
VICTIMS = (0, 1, 2)
LASTS_S = 600.0 if IS_LONG else 12.0
ATTACK_S = 3.0
"""The longest that one attack goes on; most are cut off long before."""
GROWTH_MAX_BYTES = 256 << 20

Attack = Callable[["Liar", grpc.aio.Channel], Awaitable[None]]


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
    async def dial(self, victim: int) -> AsyncIterator[grpc.aio.Channel]:
        address = f"127.0.0.1:{self.network.configs[victim].peer.port}"
        options = [*dialer_options(LOCAL, self.tls.server_name(victim)), ("grpc.max_send_message_length", -1)]
        async with grpc.aio.secure_channel(address, self.tls.channel_credentials(victim), options) as channel:
            yield channel

    async def open(self, channel: grpc.aio.Channel) -> grpc.aio.StreamStreamCall:
        """A stream that begins as it should."""
        call = channel.stream_stream(EXCHANGE)()
        await call.write(pack_opening(self.opening))
        await call.read()
        return call

    def _vertex(self, round_: int) -> Announced:
        """Rightly signed; the second names a past that never was."""
        chain = self.network.genesis.chain
        before = [implied_reference(chain, 0, author) for author in (LIAR, *VICTIMS)]
        if round_ > 1:
            before = [one.__class__(one.author, round_ - 1, bytes(32)) for one in before]
        made = sign_vertex(self.key, chain, 0, LIAR, round_, 2**62, tuple(before), vertices()[1].batch)
        return Announced(made.raw, ())


async def send_changed_frames(liar: Liar, channel: grpc.aio.Channel) -> None:
    call = await liar.open(channel)
    while True:
        await call.write(liar.changed(liar.frames))


async def send_noise(liar: Liar, channel: grpc.aio.Channel) -> None:
    call = await liar.open(channel)
    while True:
        await call.write(os.urandom(liar.chance.choice((0, 1, 100, MIB))))


async def begin_wrongly(liar: Liar, channel: grpc.aio.Channel) -> None:
    """Items first, a second Opening, another chain's, or nothing but an end."""
    for frames in (liar.frames[2:3], liar.frames[:1] * 2, [pack(())], [liar.changed(liar.frames[:1])], []):
        call = channel.stream_stream(EXCHANGE)()
        for frame in frames:
            await call.write(frame)
        await call.done_writing()
        with suppress(grpc.aio.AioRpcError):
            while await call.read() is not grpc.aio.EOF:
                pass


async def hold_streams_half_open(liar: Liar, channel: grpc.aio.Channel) -> None:
    """As many as one connection has, none of which says a word."""
    calls = [channel.stream_stream(EXCHANGE)() for _ in range(200)]
    await asyncio.gather(*(call.read() for call in calls), return_exceptions=True)


async def send_what_is_too_large(liar: Liar, channel: grpc.aio.Channel) -> None:
    for size in (LOCAL.message_bytes_max + 1, 2 * LOCAL.message_bytes_max - 100, 3 * LOCAL.message_bytes_max):
        call = await liar.open(channel)
        await call.write(pack((bytes(size),)))
        with suppress(grpc.aio.AioRpcError):
            await call.read()


async def flood(liar: Liar, channel: grpc.aio.Channel) -> None:
    """Valid items, as fast as they can be sent."""
    call = await liar.open(channel)
    frame = pack([encode(liar._vertex(1))] * 500)
    while True:
        await call.write(frame)


async def ask_nonsense(liar: Liar, channel: grpc.aio.Channel) -> None:
    """Right and wrong questions, many at once, and blobs that nobody has."""
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
        async with liar.dial(victim) as channel:
            with suppress(grpc.aio.AioRpcError, grpc.aio.UsageError, asyncio.InvalidStateError, TimeoutError):
                async with asyncio.timeout(ATTACK_S):
                    await ATTACKS[number % len(ATTACKS)](liar, channel)
        number += 1
        await asyncio.sleep(0.2)


@asynccontextmanager
async def lying_server(liar: Liar) -> AsyncIterator[None]:
    """The liar's own port: a right Opening now and then, and after it, and to every question, nonsense."""

    async def exchange(_: object, context: grpc.aio.ServicerContext) -> None:
        await context.read()
        await context.write(liar.changed(liar.frames[:1]) if liar.chance.random() < 0.5 else liar.frames[0])
        for _ in range(20):
            await context.write(liar.changed(liar.frames))

    async def ask(_: bytes, context: grpc.aio.ServicerContext) -> bytes:
        return liar.changed(liar.answers)

    server = grpc.aio.server()
    methods = {
        "Exchange": grpc.stream_stream_rpc_method_handler(exchange),
        "Ask": grpc.unary_unary_rpc_method_handler(ask),
    }
    service = EXCHANGE.split("/")[1]
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, methods),))
    address = f"127.0.0.1:{liar.network.configs[LIAR].peer.port}"
    server.add_secure_port(address, liar.tls.server_credentials())
    await server.start()
    try:
        yield
    finally:
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
        cuts = metric(url, f'weft_peer_cuts{{member="node{LIAR}"}}')
        sys.stdout.write(
            f"node{victim}: {before[victim] >> 20} MiB, {grown >> 20} more after {cuts:.0f} cuts\n"
        )
        assert grown < GROWTH_MAX_BYTES
        assert cuts > 0
        peers = {peer["id"]: peer["connected"] for peer in get(f"{url}/v1/status")["peers"]}
        assert all(peers[other] for other in VICTIMS if other != victim)
        assert not [event for event in log_events(network, victim) if event["level"] == "error"]
