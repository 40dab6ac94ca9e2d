"""Tickets: an account's own word that it reads for a while, signed with its key.

A bearer token stands for a key that a node holds. Whoever holds the key itself shows a ticket in its place.
It reads and does nothing else, on one chain, and not for long: whoever sees it may use it while it lasts.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode

from weft.model.digest import Digest, digest
from weft.model.encoding import Natural, Record, decode, encode
from weft.model.errors import EncodingError
from weft.model.keys import Address, PrivateKey, PublicKey, Signature, is_signed

LIFETIME_MS_MAX = 60 * 60 * 1000
LETTERS_MAX = 400
_HEAD = "weft_ticket_"


class Ticket(Record, frozen=True):
    """What is signed is `digest("ticket", …)` of all before the signature."""

    chain: Digest
    key: PublicKey
    expires_ms: Natural
    signature: Signature


def issue_ticket(key: PrivateKey, chain: Digest, expires_ms: int) -> str:
    """A ticket as it stands in an Authorization header."""
    signature = key.sign(_digest(chain, key.public, expires_ms))
    ticket = Ticket(chain, key.public, expires_ms, signature)
    return _HEAD + urlsafe_b64encode(encode(ticket)).decode()


def read_ticket(text: str, chain: Digest, now_ms: int) -> Address | None:
    """The account whose ticket this is; None if it is none, or not of this chain and time."""
    if not text.startswith(_HEAD) or len(text) > LETTERS_MAX:
        return None
    try:
        ticket = decode(Ticket, urlsafe_b64decode(text.removeprefix(_HEAD)))
    except (ValueError, EncodingError):
        return None
    is_timely = now_ms < ticket.expires_ms <= now_ms + LIFETIME_MS_MAX
    told = _digest(ticket.chain, ticket.key, ticket.expires_ms)
    is_sound = ticket.chain == chain and is_timely and is_signed(ticket.key, told, ticket.signature)
    return ticket.key.address if is_sound else None


def _digest(chain: Digest, key: PublicKey, expires_ms: int) -> Digest:
    return digest("ticket", encode((chain, key, expires_ms)))
