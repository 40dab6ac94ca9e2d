"""Mutual TLS in which a committee's ledger keys vouch for disposable certificates.

Promise: whoever completes a handshake holds a TLS key that the ledger key of a member of this chain has
signed, and the members need nothing of each other but the genesis.

Each ledger key (Ed25519) is a certificate authority for its own node and nothing else. The authority's
certificate is never sent: everybody builds it from the genesis, and its own signature is left empty, because
nobody checks the signature of what he trusts already (RFC 5280 section 6.1.1 d). Its name is the chain and
the key, so a certificate of another chain has an issuer that is unknown here. Below it stands a P-256
certificate (gRPC's TLS takes no Ed25519 there) made at start, renewed every day and never stored.

A ledger key signs 32-byte digests and, here, the body of a certificate, which is longer: neither can be taken
for the other. Keep it so.
"""

import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from weft.model.digest import Digest
from weft.model.genesis import Genesis
from weft.model.keys import PrivateKey, is_signed

BACKDATED = timedelta(days=1)
LIFETIME = timedelta(days=7)
RENEWED = timedelta(days=1)
"""A clock may be a day behind, or almost six ahead, before a node is refused for it."""

_ED25519_ALGORITHM = bytes.fromhex("300506032b6570")
_VERIFIED_MAX = 1_024


@dataclass(frozen=True, slots=True)
class Identity:
    """A TLS key and the certificate that a ledger key signed for it, both PEM."""

    key: bytes
    certificate: bytes
    renewed_at: datetime


class Tls:
    """One node's side of every handshake, and who the other side is."""

    def __init__(
        self, genesis: Genesis, key: PrivateKey, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._chain = genesis.chain
        self._key = key
        self._now = now
        self._members = genesis.members
        self._issuers = {
            issuer_name(self._chain, member.key): at for at, member in enumerate(genesis.members)
        }
        self._verified: dict[bytes, tuple[int, datetime]] = {}
        self._identity = issue(self._chain, key, now())
        self._server: tuple[Identity, ssl.SSLContext] | None = None

    def server_credentials(self) -> grpc.ServerCredentials:
        """Take any member that proves itself and nobody else; each handshake uses the current certificate."""
        roots = b"".join(authority(self._chain, member.key) for member in self._members)

        def configure(identity: Identity) -> grpc.ServerCertificateConfiguration:
            return grpc.ssl_server_certificate_configuration([(identity.key, identity.certificate)], roots)

        shown = self.identity()

        def renew() -> grpc.ServerCertificateConfiguration | None:
            nonlocal shown
            if (current := self.identity()) is shown:
                return None
            shown = current
            return configure(current)

        return grpc.dynamic_ssl_server_credentials(
            configure(shown), renew, require_client_authentication=True
        )

    def channel_credentials(self, member: int) -> grpc.ChannelCredentials:
        """Accept this member as the server and no other."""
        current = self.identity()
        root = authority(self._chain, self._members[member].key)
        return grpc.ssl_channel_credentials(root, current.key, current.certificate)

    def server_context(self) -> ssl.SSLContext:
        """What `server_credentials` are to gRPC, for the next stream that comes in."""
        shown = self.identity()
        if self._server is None or self._server[0] is not shown:
            context = make_context(ssl.PROTOCOL_TLS_SERVER, shown)
            context.verify_mode = ssl.CERT_REQUIRED
            # Taken up again, a session would outlive the certificate that it began with.
            context.num_tickets = 0
            for member in self._members:
                context.load_verify_locations(cadata=authority(self._chain, member.key).decode())
            self._server = shown, context
        return self._server[1]

    def dialer_context(self, member: int) -> ssl.SSLContext:
        """What `channel_credentials` are to gRPC, for the next stream to this member."""
        context = make_context(ssl.PROTOCOL_TLS_CLIENT, self.identity())
        context.load_verify_locations(cadata=authority(self._chain, self._members[member].key).decode())
        return context

    def server_name(self, member: int) -> str:
        """What the member's certificate calls its node."""
        return host_name(self._members[member].key)

    def find_member(self, certificate: bytes) -> int | None:
        """The member whose ledger key signed this certificate (PEM), which the handshake proved to be in use.

        The handshake says that some member vouches for it; only the issuer's name and signature say which.
        """
        now = self._now()
        known = self._verified.get(certificate)
        if known is None:
            try:
                known = self._verify(x509.load_pem_x509_certificate(certificate), now)
            except (ValueError, x509.InvalidVersion):  # gRPC's parser is more lenient than this one
                return None
            if known is None:
                return None
            if len(self._verified) >= _VERIFIED_MAX:
                self._verified.clear()
            self._verified[certificate] = known
        member, expires = known
        return member if now <= expires else None

    def _verify(self, certificate: x509.Certificate, now: datetime) -> tuple[int, datetime] | None:
        """The member that signed it and when it expires."""
        member = self._issuers.get(certificate.issuer)
        if member is None or now < certificate.not_valid_before_utc:
            return None
        public = self._members[member].public
        if not is_signed(public, certificate.tbs_certificate_bytes, certificate.signature):
            return None
        return member, certificate.not_valid_after_utc

    def identity(self) -> Identity:
        """What this node shows in the next handshake. Called from gRPC's own threads too."""
        if self._now() >= self._identity.renewed_at:
            self._identity = issue(self._chain, self._key, self._now())
        return self._identity


def make_context(protocol: int, shown: Identity) -> ssl.SSLContext:
    """TLS 1.3 with this identity. The library reads a key only from a file, and this one is never stored: so
    the files are pipes."""
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    pipes = []
    try:
        for content in (shown.certificate, shown.key):
            source, target = os.pipe()
            pipes.append(source)
            os.write(target, content)
            os.close(target)
        context.load_cert_chain(*(f"/dev/fd/{source}" for source in pipes))
    finally:
        for source in pipes:
            os.close(source)
    return context


def issue(chain: Digest, key: PrivateKey, made: datetime) -> Identity:
    """A fresh TLS key with a certificate by the ledger key, valid around the moment it was made."""
    secret = generate_private_key(SECP256R1())
    body = (
        x509.CertificateBuilder()
        .issuer_name(issuer_name(chain, key.public.key))
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host_name(key.public.key))]))
        .public_key(secret.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(made - BACKDATED)
        .not_valid_after(made + LIFETIME)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host_name(key.public.key))]), critical=False)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
            critical=False,
        )
    )
    private = secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Identity(private, seal(body, key.sign), made + RENEWED)


def authority(chain: Digest, key: bytes) -> bytes:
    """The certificate (PEM) by which a ledger key is trusted, the same for everybody who builds it."""
    name = issuer_name(chain, key)
    body = (
        x509.CertificateBuilder()
        .issuer_name(name)
        .subject_name(name)
        .public_key(Ed25519PublicKey.from_public_bytes(key))
        .serial_number(1)
        .not_valid_before(datetime(2000, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(9999, 12, 31, tzinfo=UTC))
        # Length 0: a ledger key vouches for its own node, not for further authorities.
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    )
    return seal(body, lambda _: bytes(64))


def issuer_name(chain: Digest, key: bytes) -> x509.Name:
    """The name of a ledger key as the authority of a node of a chain."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, chain.hex()),
            x509.NameAttribute(NameOID.COMMON_NAME, key.hex()),
        ]
    )


def host_name(key: bytes) -> str:
    """A host name for a node, wherever it runs. It identifies nobody: the signature above it does."""
    return f"{key[:16].hex()}.weft"


def seal(body: x509.CertificateBuilder, sign: Callable[[bytes], bytes]) -> bytes:
    """The certificate (PEM) of this body with an Ed25519 signature made elsewhere.

    The library signs only with keys it holds itself, a ledger key may live in a device: so a throwaway key
    gives the body its form, and the real signature takes the place of the throwaway's.
    """
    signed = body.sign(Ed25519PrivateKey.generate(), None).tbs_certificate_bytes
    parts = signed + _ED25519_ALGORITHM + _der(0x03, b"\0" + sign(signed))
    return x509.load_der_x509_certificate(_der(0x30, parts)).public_bytes(Encoding.PEM)


def _der(tag: int, content: bytes) -> bytes:
    """Tag, length and content (X.690 section 8.1)."""
    size = len(content)
    if size < 128:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 128 + len(length))) + length + content
