"""Tickets: whose they are, for how long, on which chain."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest

from tests.chain import key
from weft.model.digest import digest
from weft.model.keys import SECP256K1
from weft.model.ticket import LETTERS_MAX, LIFETIME_MS_MAX, issue_ticket, read_ticket

CHAIN, NOW_MS = digest("genesis", b"this"), 1_700_000_000_000


@pytest.mark.parametrize("signer", [key("ann"), key("ann", SECP256K1)])
def test_a_ticket_is_its_signers_for_a_while(signer: object) -> None:
    """On its chain, until it ends, and not for longer than may be."""
    assert hasattr(signer, "public")
    ticket = issue_ticket(signer, CHAIN, NOW_MS + 1)  # type: ignore[arg-type]
    assert len(ticket) < LETTERS_MAX
    assert read_ticket(ticket, CHAIN, NOW_MS) == signer.public.address
    assert read_ticket(ticket, CHAIN, NOW_MS + 1) is None
    assert read_ticket(ticket, CHAIN, NOW_MS - LIFETIME_MS_MAX) is None
    assert read_ticket(ticket, digest("genesis", b"other"), NOW_MS) is None


def test_what_was_changed_is_no_ticket() -> None:
    """Whichever byte; nor is anything else."""
    ticket = issue_ticket(key("ann"), CHAIN, NOW_MS + 1000)
    head, raw = ticket[:12], urlsafe_b64decode(ticket[12:])
    for place in range(len(raw)):
        changed = bytearray(raw)
        changed[place] ^= 1
        assert read_ticket(head + urlsafe_b64encode(changed).decode(), CHAIN, NOW_MS) is None
    for text in ("", head, f"{head}é", f"{head}====", head + "A" * 1000, ticket[1:], f"weft_{ticket}"):
        assert read_ticket(text, CHAIN, NOW_MS) is None
