"""Every error that others can cause, each with a stable code and what to do about it.

WeftError
├── EncodingError        encoding.invalid         bytes that are not the one encoding of a value
├── SignatureError       signature.invalid        a signature that does not verify
├── GenesisError         genesis.invalid          a genesis whose parts do not agree
├── ConfigError          config.invalid           a setting that is unknown or has a bad value
├── HomeError            home.invalid             a folder that is not the home it should be
│   ├── KeyFileError     home.key                 a key file that cannot be used, or that others can read
│   └── TokenError       home.token               a token file that cannot be used
├── PortError            port.taken               another process listens where a node should
├── LaunchError          node.launch              a node that did not start, or already runs
├── TransactionError     transaction.invalid      a transaction that no validator would take
│   ├── ChainError       transaction.chain        made for another ledger
│   ├── ExpiredError     transaction.expired      its time is over, or too far ahead
│   ├── SizeError        transaction.size         larger than the limits of the genesis
│   └── AttachmentError  attachment.mismatch      content that is not what was committed to
├── DocumentError        document.invalid         a text that is not the JSON that is asked for
├── VertexError          vertex.invalid           a vertex that no validator would take
├── VectorError          vectors.invalid          a file that holds no drawn DAGs
├── SimulationError      simulation.impossible    a network that cannot be simulated
├── PeerError            peer.invalid             a member that says what no honest one says
├── JournalError         journal.corrupt          what was synced to the journal is damaged
├── KeyUsedError         key.used                 something signed with this node's key that it did not make
├── StoreError           store.corrupt            the store holds what no block says
├── DiskFullError        disk.full                no room to write
├── BlobError            blob.missing             content that is not to be had
├── FullError            mempool.full             too many transactions wait
├── BehindError          node.behind              this node has not executed so far yet
├── DivergedError        node.diverged            this node's state differs from the quorum's
├── UnauthorizedError    access.unauthorized      no account behind this request
├── ForbiddenError       access.forbidden         the account's role does not allow it
├── ConflictError        idempotency.conflict     an Idempotency-Key used with another body
└── PrunedError          events.pruned            a cursor older than what is kept

Errors are for what others do wrong; `assert` is for what we do wrong.
"""


class WeftError(Exception):
    """The root: `code` is stable, `str(error)` is a sentence with the values in it, `fix` says what to do."""

    code = "weft.error"
    fix = "Look at the message; if it does not help, open an issue with it."

    def __init__(self, *args: object, fix: str | None = None) -> None:
        """`fix`: for who knows better what to do than the class can."""
        super().__init__(*args)
        if fix is not None:
            self.fix = fix


class EncodingError(WeftError):
    code = "encoding.invalid"
    fix = "Encode the value as docs/protocol/encoding.md says: shortest MessagePack, arrays, no maps."


class SignatureError(WeftError):
    code = "signature.invalid"
    fix = "Sign the digest of all fields before the signature with the key named as signer."


class GenesisError(WeftError):
    code = "genesis.invalid"
    fix = "Use the genesis.json that the other members use, unchanged."


class ConfigError(WeftError):
    code = "config.invalid"
    fix = "Correct the setting; docs/reference/config.md lists all of them, `weft config validate` checks."


class HomeError(WeftError):
    code = "home.invalid"
    fix = "Give the folder that `weft init` or `weft up` made with --home."


class KeyFileError(HomeError):
    code = "home.key"
    fix = "Put the right key file there, readable by its owner alone (chmod 600)."


class TokenError(HomeError):
    code = "home.token"
    fix = "Put the tokens.json of a backup there (chmod 600), or remove it and make new tokens."


class PortError(WeftError):
    code = "port.taken"
    fix = "Stop the process that listens there, or choose other ports (`weft up --port-base P`)."


class LaunchError(WeftError):
    code = "node.launch"
    fix = "Read the end of the node's log (logs/node.log in its home)."


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


class DocumentError(WeftError):
    code = "document.invalid"
    fix = (
        "Send one JSON text in UTF-8, at most 64 levels deep, without duplicate names, as /docs describes it."
    )


class VertexError(WeftError):
    code = "vertex.invalid"
    fix = "Run the same version of Weft on every member."


class PeerError(WeftError):
    code = "peer.invalid"
    fix = "Run the same version of Weft on every member; if they do, look at the member that is named."


class VectorError(WeftError):
    code = "vectors.invalid"
    fix = "Use a file of the form that docs/protocol/consensus.md section 13 describes."


class SimulationError(WeftError):
    code = "simulation.impossible"
    fix = "Ask for fewer liars, more nodes, or another fault model."


class JournalError(WeftError):
    code = "journal.corrupt"
    fix = "Start the node again with an empty data folder: it asks the others what it said and catches up."


class KeyUsedError(WeftError):
    code = "key.used"
    fix = (
        "See that no other process has this key; then remove data/journal and start again: "
        "the node asks the others what it said."
    )


class StoreError(WeftError):
    code = "store.corrupt"
    fix = "Run `weft verify` to see the place; then start with an empty data folder to catch up."


class DiskFullError(WeftError):
    code = "disk.full"
    fix = "Free space on the disk of the node's home; only a node that has ended needs to be started again."


class BlobError(WeftError):
    code = "blob.missing"
    fix = "Ask again when a node that holds the content is reachable."


class FullError(WeftError):
    code = "mempool.full"
    fix = "Send again after the time in Retry-After, or through another node."


class BehindError(WeftError):
    code = "node.behind"
    fix = "Ask again after the time in Retry-After, or ask another node."


class DivergedError(WeftError):
    code = "node.diverged"
    fix = "Run `weft verify` on this node's home, replace what is damaged, and start it again."


class UnauthorizedError(WeftError):
    code = "access.unauthorized"
    fix = (
        "Send `Authorization: Bearer TOKEN` (`weft --token FILE`), a token of this very node: "
        "its operator makes one with `weft keys token`."
    )


class ForbiddenError(WeftError):
    code = "access.forbidden"
    fix = "Ask an administrator of this network for a role that allows it."


class ConflictError(WeftError):
    code = "idempotency.conflict"
    fix = "Use a new Idempotency-Key for a new request."


class PrunedError(WeftError):
    code = "events.pruned"
    fix = "Start again from the first cursor that is kept; it is in the message."
