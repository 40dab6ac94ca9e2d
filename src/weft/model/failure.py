"""Why a contract refused a call: the codes that a failed receipt may carry, each with its sentence.

A sentence's braces are filled from the receipt's values.
"""

from typing import NamedTuple

from weft.model.receipt import Named


class Refusal(NamedTuple):
    """What a code means."""

    sentence: str
    fix: str
    """What to do about it."""


class Failure(Exception):  # noqa: N818 (a contract refuses; nothing went wrong)
    """Raised by a contract to refuse a call: the transaction leaves its receipt and changes nothing else."""

    def __init__(self, code: str, values: Named = ()) -> None:
        assert code in REFUSALS, code
        super().__init__(code)
        self.code = code
        self.values = values


def explain(code: str, values: Named) -> str:
    """The sentence for a failed receipt, with its values in it."""
    shown = {name: value.hex() if isinstance(value, bytes) else value for name, value in values}
    return REFUSALS[code].sentence.format_map(shown) if code in REFUSALS else code


REFUSALS = {
    "contract.unknown": Refusal("there is no contract {contract}", "Name a contract of this network."),
    "call.unknown": Refusal("contract {contract} has no call {call}", "Name a call of this contract."),
    "arguments.invalid": Refusal(
        "the arguments are not the one encoding of what {contract}.{call} takes",
        "Encode the arguments as docs/protocol/ledger.md says.",
    ),
    "access.forbidden": Refusal(
        "account {account} may not call {contract}.{call}",
        "Ask an administrator of this network for a role that allows it.",
    ),
    "attachments.mismatch": Refusal(
        "the call names other attachments than the {count} that the transaction commits to",
        "Name every attachment of the transaction exactly once.",
    ),
    "attachments.used": Refusal(
        "commitment {commitment} is stated twice, or was stated by an earlier transaction",
        "Make the transaction anew, with fresh random salt for each attachment.",
    ),
    "idempotency.repeated": Refusal(
        "the same wish was executed already, by transaction {first}", "Take that transaction's answer."
    ),
    "idempotency.conflict": Refusal(
        "the Idempotency-Key was used for something else, by transaction {first}",
        "Use a new Idempotency-Key for a new request.",
    ),
    "records.count": Refusal(
        "{count} records in one transaction; the limit is {limit}", "Send 1 to 500 records at once."
    ),
    "records.name": Refusal(
        "record {place} has a collection or key that is not allowed",
        "Collection: [a-z0-9][a-z0-9._-]{0,63}. "
        "Key: 1 to 256 bytes, no slash, no control characters, not . or ..",
    ),
    "records.missing": Refusal("there is no record {key} in {collection}", "Write it first."),
    "records.version": Refusal(
        "record {key} in {collection} is at version {version}, not {expected}",
        "Read the record again and decide anew.",
    ),
    "members.key": Refusal("the key is not one of its curve", "Give 32 bytes of Ed25519 or 33 of secp256k1."),
    "members.last": Refusal(
        "account {account} is the last administrator", "Make another account administrator first."
    ),
    "members.missing": Refusal("account {account} has no role", "Name an account that has one."),
    "files.exists": Refusal("there is or was a file {id} already", "Make a new random id."),
    "files.invalid": Refusal("the file's {field} is not allowed", "See docs/protocol/ledger.md section 5."),
    "files.missing": Refusal("there is no file {id}", "Name a file that is there."),
    "files.owner": Refusal(
        "file {id} belongs to {owner}; {account} may not change it", "Ask its owner or an administrator."
    ),
    "files.readers": Refusal(
        "file {id} would be shared with more than {limit}", "Share it with a collection, and that with more."
    ),
    "files.erased": Refusal("file {id} was erased at height {height}", "Upload it again as a new file."),
    "files.tagged": Refusal("{by} has told already what it found in file {id}", "Read what it found."),
    "files.finders": Refusal(
        "{count} programs have told what they found in file {id}, as many as may", "Read what they found."
    ),
    "files.version": Refusal(
        "file {id} is at version {version}, not {expected}", "Read the file again and decide anew."
    ),
    "collections.exists": Refusal("there is or was a collection {id} already", "Make a new random id."),
    "collections.missing": Refusal("there is no collection {id}", "Name a collection that is there."),
    "collections.owner": Refusal(
        "collection {id} belongs to {owner}; {account} may not do that with it",
        "Ask its owner, who may share it, or an administrator.",
    ),
    "collections.version": Refusal(
        "collection {id} is at version {version}, not {expected}",
        "Read the collection again and decide anew.",
    ),
    "collections.count": Refusal(
        "more than {limit} files come and go in one transaction", "Send several transactions."
    ),
    "collections.full": Refusal(
        "collection {id} would hold more than {limit}", "Begin another collection, or remove something."
    ),
    "collections.memberships": Refusal(
        "account {account} would be in more than {limit} collections",
        "Let it leave collections, or delete some that it owns.",
    ),
}
