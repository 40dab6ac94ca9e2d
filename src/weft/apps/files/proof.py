"""The way from a file's bytes to the signatures of the committee, made from what this node keeps.

`weft.model.proof` says what a proof is and checks it; `docs/protocol/ledger.md` section 10 draws it.
"""

import asyncio
from base64 import b64encode
from typing import Any

import msgspec

from weft.apps.files.ports import Ledger
from weft.apps.files.reader import find_missing, load_file
from weft.apps.files.viewer import Viewer, node_itself
from weft.model import merkle
from weft.model.block import Header
from weft.model.digest import Digest
from weft.model.encoding import encode
from weft.model.errors import BehindError, BlobError
from weft.model.proof import FileProof, TransactionProof
from weft.model.transaction import Attachment

_HEADERS_MAX = 1000


async def prove_file(ledger: Ledger, id_: str, viewer: Viewer | None = None) -> FileProof:
    """For a viewer, or for this node itself. Raises FileUnknownError, FilePrivateError, ErasedError, or
    BehindError while no quorum has signed yet."""
    file = await asyncio.to_thread(load_file, ledger, id_)
    await asyncio.to_thread((viewer or node_itself(ledger)).check, id_, file)
    if await asyncio.to_thread(find_missing, ledger, [], file.digest):
        await ledger.service.seek([file.digest.digest])
    attachment = await asyncio.to_thread(ledger.attachments.find, file.digest.digest)
    if not isinstance(attachment, Attachment):
        raise BlobError(f"this node lacks the attachment that holds the digest of file {id_}")
    return FileProof(attachment, await _prove_transaction(ledger, file.created_by))


async def _prove_transaction(ledger: Ledger, identity: bytes) -> TransactionProof:
    fate = await ledger.service.find_fate(identity)
    assert fate is not None, "a file's transaction was executed"
    assert fate.height is not None
    assert fate.position is not None
    block = await ledger.service.find_block(fate.height)
    checkpoint = await ledger.service.find_checkpoint(fate.height)
    if block is None or checkpoint is None:
        raise BehindError(f"no quorum's signatures over block {fate.height} are here yet")
    last = checkpoint.statement.height
    headers: list[tuple[Header, Digest]] = []
    while len(headers) <= last - fate.height:
        below = last + 1 - len(headers)
        headers += await ledger.service.headers(below, min(below - fate.height, _HEADERS_MAX))
    return TransactionProof(
        transaction=block.transactions[fate.position],
        receipt=block.receipts[fate.position],
        transaction_path=merkle.prove(block.transactions, fate.position),
        receipt_path=merkle.prove(block.receipts, fate.position),
        headers=tuple(header for header, _ in reversed(headers)),
        checkpoint=checkpoint,
    )


def show_proof(proof: FileProof) -> dict[str, Any]:
    """Every field by name, bytes as hex; and the whole in its one encoding."""
    return {"proof": _show(proof), "encoded": b64encode(encode(proof)).decode()}


def _show(value: object) -> Any:
    if isinstance(value, msgspec.Struct):
        return {name: _show(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, (tuple, list)):
        return [_show(item) for item in value]
    return value.hex() if isinstance(value, bytes) else value
