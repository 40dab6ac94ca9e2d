"""Every error that others can cause, each with a stable code and what to do about it.

WeftError
├── EncodingError        encoding.invalid         bytes that are not the one encoding of a value
├── SignatureError       signature.invalid        a signature that does not verify
├── GenesisError         genesis.invalid          a genesis whose parts do not agree
├── TransactionError     transaction.invalid      a transaction that no validator would take
│   ├── ChainError       transaction.chain        made for another ledger
│   ├── ExpiredError     transaction.expired      its time is over, or too far ahead
│   ├── SizeError        transaction.size         larger than the limits of the genesis
│   └── AttachmentError  attachment.mismatch      content that is not what was committed to
└── VertexError          vertex.invalid           a vertex that no validator would take

Errors are for what others do wrong; `assert` is for what we do wrong.
"""


class WeftError(Exception):
    """The root: `code` is stable, `str(error)` is a sentence with the values in it, `fix` says what to do."""

    code = "weft.error"
    fix = "Look at the message; if it does not help, open an issue with it."


class EncodingError(WeftError):
    code = "encoding.invalid"
    fix = "Encode the value as docs/protocol/encoding.md says: shortest MessagePack, arrays, no maps."


class SignatureError(WeftError):
    code = "signature.invalid"
    fix = "Sign the digest of all fields before the signature with the key named as signer."


class GenesisError(WeftError):
    code = "genesis.invalid"
    fix = "Use the genesis.json that the other members use, unchanged."


class TransactionError(WeftError):
    code = "transaction.invalid"
    fix = "Build the transaction with a client of this version."


class ChainError(TransactionError):
    code = "transaction.chain"
    fix = "Ask a node of this network for its chain_id (GET /v1/status) and sign for that one."


class ExpiredError(TransactionError):
    code = "transaction.expired"
    fix = "Make a new transaction whose expires_ms is ahead of now by at most 24 hours; check this clock."


class SizeError(TransactionError):
    code = "transaction.size"
    fix = "Send less at once; the limits stand in the genesis."


class AttachmentError(TransactionError):
    code = "attachment.mismatch"
    fix = "Send each attachment's salt and content exactly as they were committed to, in order."


class VertexError(WeftError):
    code = "vertex.invalid"
    fix = "Run the same version of Weft on every member."
