"""Who completes a handshake: members of this chain with certificates that are their own and not too old."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import grpc
import grpc.aio
import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from tests.unit.network.neighbours import Node, Street, hear_farewell, make_genesis, make_keys
from weft.model.encoding import encode
from weft.model.keys import PrivateKey
from weft.model.limits import LOCAL
from weft.model.message import FetchBlocks, Refused, decode_answer
from weft.network.bounds import BOUNDS
from weft.network.entrance import Entrance
from weft.network.generated import peer_pb2
from weft.network.stream import BrokenError, Stream, dial
from weft.network.tls import (
    Identity,
    Tls,
    authority,
    host_name,
    issue,
    issuer_name,
    make_context,
    seal,
)
from weft.network.wire import ASK, dialer_options, find_opening, pack_opening, unpack

NOW = datetime.now(UTC)


@pytest_asyncio.fixture
async def street() -> AsyncIterator[Street]:
    """Members 0 of 3 at home."""
    street = Street(3)
    await street.move_in(0)
    yield street
    for node in list(street.nodes):
        await street.move_out(node)


async def knock(street: Street, identity: Identity, root: bytes | None = None) -> str:
    """What node 0 answers to whoever holds this identity: its reason, or the failure's status. A stream opens
    to the same people."""
    root = root or authority(street.genesis.chain, street.keys[0].public.key)
    credentials = grpc.ssl_channel_credentials(root, identity.key, identity.certificate)
    options = dialer_options(street.local, host_name(street.keys[0].public.key))
    question = peer_pb2.Request(body=encode(FetchBlocks(1))).SerializeToString()
    async with grpc.aio.secure_channel(street.addresses[0], credentials, options=options) as channel:
        try:
            answer = decode_answer(peer_pb2.Answer.FromString(await channel.unary_unary(ASK)(question)).body)
        except grpc.aio.AioRpcError as error:
            assert not await is_heard(street, identity, root)
            return str(error.code().name)
    assert isinstance(answer, Refused)
    assert await is_heard(street, identity, root)
    return answer.reason


async def is_heard(street: Street, identity: Identity | None, root: bytes) -> bool:
    """Whether node 0 answers an Opening of whoever holds this identity and trusts this authority."""
    stream = Stream(BOUNDS.reply_bytes_max)
    try:
        kind = ssl.PROTOCOL_TLS_CLIENT
        context = make_context(kind, identity) if identity else ssl.SSLContext(kind)
        context.load_verify_locations(cadata=root.decode())
        await dial(street.addresses[0], context, host_name(street.keys[0].public.key), stream)
        stream.write(pack_opening(street.nodes[0].inbox.opening()))
        find_opening(unpack(await stream.read(), BOUNDS), street.genesis.chain)
    except (OSError, BrokenError):
        return False
    stream.drop("")
    return True


async def test_a_member_is_heard(street: Street) -> None:
    """A certificate by a member's ledger key opens the door."""
    assert await knock(street, issue(street.genesis.chain, street.keys[1], NOW)) == "nothing to say"


async def test_a_stranger_is_refused_in_the_handshake(street: Street) -> None:
    """A key that the genesis does not name opens nothing, however well it signs."""
    stranger = make_keys(1, first=99)[0]
    assert await knock(street, issue(street.genesis.chain, stranger, NOW)) == "UNAVAILABLE"


async def test_a_caller_without_certificate_is_refused(street: Street) -> None:
    """Both sides have to show who they are."""
    root = authority(street.genesis.chain, street.keys[0].public.key)
    options = dialer_options(street.local, host_name(street.keys[0].public.key))
    credentials = grpc.ssl_channel_credentials(root)
    async with grpc.aio.secure_channel(street.addresses[0], credentials, options=options) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await channel.unary_unary(ASK)(b"")
    assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
    assert not await is_heard(street, None, root)


async def test_a_certificate_for_another_chain_is_refused(street: Street) -> None:
    """The same ledger key on another chain is somebody else."""
    other = make_genesis(street.keys, "another chain")
    assert await knock(street, issue(other.chain, street.keys[1], NOW)) == "UNAVAILABLE"


@pytest.mark.parametrize("days", [-8, 2], ids=["expired", "not yet valid"])
async def test_a_certificate_out_of_its_time_is_refused(street: Street, days: int) -> None:
    """A certificate is worth something for a week from a day before it was made."""
    made = NOW + timedelta(days=days)
    assert await knock(street, issue(street.genesis.chain, street.keys[1], made)) == "UNAVAILABLE"


async def test_a_signature_does_not_carry_over_to_another_tls_key(street: Street) -> None:
    """Who has seen a member's certificate can't put its signature under a TLS key of his own."""
    seen = x509.load_pem_x509_certificate(issue(street.genesis.chain, street.keys[1], NOW).certificate)
    secret = generate_private_key(SECP256R1())
    body = (
        x509.CertificateBuilder()
        .issuer_name(seen.issuer)
        .subject_name(seen.subject)
        .public_key(secret.public_key())
        .serial_number(seen.serial_number)
        .not_valid_before(seen.not_valid_before_utc)
        .not_valid_after(seen.not_valid_after_utc)
    )
    forged = seal(body, lambda _: seen.signature)
    private = secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert await knock(street, Identity(private, forged, NOW)) == "UNAVAILABLE"
    assert Tls(street.genesis, street.keys[0]).find_member(forged) is None


async def test_a_certificate_without_its_tls_key_is_worth_nothing(street: Street) -> None:
    """A replayed certificate fails with any other TLS key, even another one of the same member."""
    chain, key = street.genesis.chain, street.keys[1]
    first, second = issue(chain, key, NOW), issue(chain, key, NOW)
    assert await knock(street, Identity(second.key, first.certificate, NOW)) == "UNAVAILABLE"


async def test_a_member_cannot_vouch_for_another(street: Street) -> None:
    """Member 1 signs an authority in member 2's name: the chain is refused, and so is the leaf alone."""
    chain, liar, victim = street.genesis.chain, street.keys[1], street.keys[2]
    authority_key = PrivateKey(1, bytes(31) + b"\1")
    false = issued_authority(chain, liar, victim.public.key, authority_key)
    leaf = leaf_below(issuer_name(chain, victim.public.key), authority_key)
    assert await knock(street, Identity(leaf.key, leaf.certificate + false, NOW)) == "UNAVAILABLE"
    assert Tls(street.genesis, street.keys[0]).find_member(leaf.certificate) is None


def issued_authority(chain: bytes, signer: PrivateKey, named: bytes, key: PrivateKey) -> bytes:
    """An intermediate authority in somebody else's name."""
    own = x509.load_pem_x509_certificate(authority(chain, key.public.key))
    body = (
        x509.CertificateBuilder()
        .issuer_name(issuer_name(chain, signer.public.key))
        .subject_name(issuer_name(chain, named))
        .public_key(own.public_key())  # type: ignore[arg-type]
        .serial_number(2)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    return seal(body, signer.sign)


def leaf_below(issuer: x509.Name, key: PrivateKey) -> Identity:
    """A certificate with this issuer's name, signed by this key."""
    private = issue(bytes(32), key, NOW).key
    public = load_pem_private_key(private, None).public_key()
    body = (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .subject_name(x509.Name([]))
        .public_key(public)  # type: ignore[arg-type]
        .serial_number(3)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
    )
    return Identity(private, seal(body, key.sign), NOW)


async def test_a_member_at_anothers_address_is_not_taken_for_it(street: Street) -> None:
    """The dialler accepts the member it wants and no other; the address proves nothing."""
    root = authority(street.genesis.chain, street.keys[2].public.key)
    assert await knock(street, issue(street.genesis.chain, street.keys[1], NOW), root) == "UNAVAILABLE"


async def test_two_chains_with_the_same_keys_never_meet() -> None:
    """Nodes of two chains that were given each other's addresses stay apart and say why."""
    here, there = Street(2), Street(2)
    there.genesis = make_genesis(there.keys, "another chain")
    there.addresses[0] = here.addresses[0]
    here.addresses[1] = there.addresses[1]
    mine, theirs = await here.move_in(0), await there.move_in(1)
    await _until_failed(mine)
    await _until_failed(theirs)
    assert not mine.inbox.heard[1]
    assert not theirs.inbox.heard[0]
    assert not mine.network.is_connected(1)
    await here.move_out(mine)
    await there.move_out(theirs)


async def _until_failed(node: Node) -> None:
    tally = node.network.tallies[1 - node.me]
    await node.inbox.until(lambda: tally.dials_failed > 1, poll=True)
    assert "CERTIFICATE_VERIFY_FAILED" in tally.last_failure


def test_everybody_builds_the_same_authority() -> None:
    """Trust follows from the genesis alone."""
    keys = make_keys(2)
    genesis = make_genesis(keys)
    assert authority(genesis.chain, keys[0].public.key) == authority(genesis.chain, keys[0].public.key)
    assert authority(genesis.chain, keys[0].public.key) != authority(genesis.chain, keys[1].public.key)


def test_what_is_no_certificate_names_nobody() -> None:
    """Whatever gRPC let through."""
    genesis = make_genesis(make_keys(2))
    tls = Tls(genesis, make_keys(2)[0])
    assert tls.find_member(b"") is None
    assert tls.find_member(authority(genesis.chain, genesis.members[1].key)) is None


async def test_streams_open_after_a_renewal_on_either_side() -> None:
    """Each handshake shows the certificate of the day, and says whose it is."""
    genesis, clock, heard = make_genesis(make_keys(2)), [NOW], []
    here, there = (Tls(genesis, key, lambda: clock[0]) for key in make_keys(2))

    def take(member: int | None, stream: Stream) -> None:
        heard.append((member, clock[0]))
        stream.end("enough")

    entrance = Entrance(here, take, LOCAL, BOUNDS)
    address = f"127.0.0.1:{entrance.listen('127.0.0.1:0')}"
    running = asyncio.create_task(entrance.run(0))
    for _ in range(2):
        shown = here.server_context()
        stream = Stream(BOUNDS.reply_bytes_max)
        await dial(address, there.dialer_context(0), there.server_name(0), stream)
        assert await hear_farewell(stream) == "enough"
        clock[0] += timedelta(days=1)
        assert here.server_context() is not shown
    running.cancel()
    await entrance.close()
    assert heard == [(1, NOW), (1, NOW + timedelta(days=1))]


def test_a_node_renews_its_certificate_and_forgets_old_ones() -> None:
    """After a day a new one is used; after a week the old one names nobody, though it was known."""
    genesis, clock = make_genesis(make_keys(2)), [NOW]
    tls = Tls(genesis, make_keys(2)[1], lambda: clock[0])
    other = Tls(genesis, make_keys(2)[0], lambda: clock[0])
    first = tls.identity()
    assert other.find_member(first.certificate) == 1
    clock[0] += timedelta(days=1)
    second = tls.identity()
    assert second.certificate != first.certificate
    assert other.find_member(second.certificate) == 1
    clock[0] += timedelta(days=6, seconds=1)
    assert other.find_member(first.certificate) is None
    assert other.find_member(second.certificate) == 1
