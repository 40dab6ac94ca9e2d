"""Whoever is not of the committee gets nowhere at a peer port, and nobody else notices."""

import asyncio
import os
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from tests.functional.network import Launch, Load, check_acknowledged, get, log_events, wait_for_agreement
from weft.home import VALIDATOR_KEY
from weft.local import Network
from weft.model.keys import ED25519, PrivateKey
from weft.network.tls import Tls
from weft.storage.keyfile import load_key

ATTACKERS = 8
NOISE_BYTES = 1 << 20


def make_certificate(folder: Path) -> Path:
    """Key and certificate of somebody whom no ledger key vouches for, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "node0")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = folder / "stranger.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + certificate.public_bytes(serialization.Encoding.PEM))
    return path


async def shout(port: int) -> None:
    """Connect and send noise, again and again."""
    with suppress(OSError):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(os.urandom(NOISE_BYTES))
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                await writer.drain()
                await reader.read()
        writer.close()


async def hold(port: int) -> None:
    """Connect and say nothing."""
    with suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.sleep(1)
        writer.close()


def stranger(certificate: Path) -> Callable[[int], Awaitable[None]]:
    """A TLS client with a certificate of its own that speaks HTTP/2 and then noise."""

    async def come(port: int) -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.load_cert_chain(certificate)
        context.set_alpn_protocols(["h2"])
        with suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
            writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + os.urandom(NOISE_BYTES))
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await writer.drain()
                    await reader.read()
            writer.close()

    return come


def test_noise_at_the_peer_ports_disturbs_nobody(launch: Launch, tmp_path: Path) -> None:
    """Under load: raw noise, silent connections and TLS without a member's key, at every node."""
    network = launch()
    load = Load(network)
    attacks = (shout, hold, stranger(make_certificate(tmp_path)))

    async def attack(number: int) -> None:
        while not load.is_stopping:
            port = network.configs[number % len(network.configs)].peer.port
            await attacks[number % len(attacks)](port)
            await asyncio.sleep(0.05)

    async def story() -> int:
        work = asyncio.create_task(load.run())
        noise = [asyncio.create_task(attack(number)) for number in range(ATTACKERS)]
        await asyncio.sleep(1)
        written = len(load.acknowledged)
        await asyncio.sleep(4)
        load.stop()
        await asyncio.gather(work, *noise)
        return len(load.acknowledged) - written

    assert asyncio.run(story()) > 20, "writes go on"
    wait_for_agreement(network)
    check_acknowledged(network, load)
    for node, url in enumerate(network.urls):
        assert all(peer["connected"] for peer in get(f"{url}/v1/status")["peers"])
        assert not any(event["level"] == "error" for event in log_events(network, node))


def ask_health(network: Network, key: PrivateKey) -> bool:
    """Whether the first node serves, as it tells somebody with this ledger key; raises grpc.RpcError."""
    tls = Tls(network.genesis, key)
    address = f"127.0.0.1:{network.configs[0].peer.port}"
    options = [("grpc.ssl_target_name_override", tls.server_name(0))]
    with grpc.secure_channel(address, tls.channel_credentials(0), options) as channel:
        answer = HealthStub(channel).Check(HealthCheckRequest(), timeout=5)
    return bool(answer.status == HealthCheckResponse.SERVING)


def test_a_stranger_reaches_no_service_at_a_peer_port(launch: Launch) -> None:
    """With the same client, a member's key hears that the node serves; any other key hears nothing."""
    network = launch(3, "crash")
    member = load_key(network.configs[1].keys_path / VALIDATOR_KEY)
    assert ask_health(network, member)
    with pytest.raises(grpc.RpcError) as refused:
        ask_health(network, PrivateKey(ED25519, os.urandom(32)))
    assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
    wait_for_agreement(network)
