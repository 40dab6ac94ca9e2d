"""Whether a member has the bytes of a blob: a question that only somebody with the bytes answers.

Who asks draws a nonce. It picks pieces of the content, or the whole of what is small; the answer is a
digest over the nonce, both members and the pieces. So an answer serves nobody else, and none can be kept
for later.

What this is worth. The asker compares with its own copy: a node without one cannot check any answer,
because the ledger knows no more of the content than its SHA-256, and would have to read the whole (which a
reader does, and checks). So those ask who have a copy: the node where content was put in, before it lets go
of it, and holders each other. Of large content a part is looked at: who lacks a tenth of it is caught with
4 in 5 questions, who lacks half of it with nearly all. That the member fetches the bytes from a third one
at that moment cannot be told from having them. Only what a member keeps counts, not what it may drop from
its cache.
"""

import asyncio
from os import urandom

import structlog

from weft.apps.files.errors import BlobStoreError
from weft.apps.files.ports import Ledger
from weft.apps.files.vault import Vault
from weft.model.digest import Digest, digest
from weft.model.encoding import encode
from weft.model.errors import BlobError
from weft.model.message import BlobProof, ProveBlob, Refused

log = structlog.get_logger("weft.blobs")

PIECES, PIECE_BYTES = 16, 64 << 10
PAUSE_S, PAUSE_S_MAX = 0.02, 1.0
"""Between two rounds of asking whether there are copies enough."""


def find_pieces(nonce: Digest, size: int) -> list[tuple[int, int]]:
    """Offset and length of what is asked for: the whole of up to 1 MiB, else 16 pieces of 64 KiB."""
    if size <= PIECES * PIECE_BYTES:
        return [(0, size)] if size else []
    drawn = (digest("piece", nonce + bytes([number])) for number in range(PIECES))
    return [(int.from_bytes(one, "big") % (size - PIECE_BYTES + 1), PIECE_BYTES) for one in drawn]


def make_proof(question: ProveBlob, asker: int, answerer: int, pieces: list[bytes]) -> BlobProof:
    """The answer that the member `answerer` owes the member `asker`."""
    head = encode((question.name, question.nonce, asker, answerer))
    return BlobProof(digest("possession", head + b"".join(pieces)))


class Prover:
    """One node's questions and answers."""

    def __init__(self, ledger: Ledger, vault: Vault) -> None:
        self._ledger = ledger
        self._vault = vault

    async def answer(self, asker: int, question: ProveBlob) -> BlobProof | Refused:
        """Refused when this node does not keep the content, or cannot reach it."""
        assert self._ledger.member is not None
        try:
            pieces = await self._read(question, is_kept=True)
        except (BlobError, BlobStoreError) as error:
            return Refused(str(error))
        return make_proof(question, asker, self._ledger.member, pieces)

    async def challenge(self, member: int, name: str) -> bool:
        """Whether the member has just proved that it keeps content of which there is a copy here. Raises
        BlobError when there is none."""
        me, peers = self._ledger.member, self._ledger.peers
        assert me is not None
        if not peers.is_connected(member):
            return False
        question = ProveBlob(bytes.fromhex(name), urandom(32))
        answer = await peers.ask(member, question)
        if not isinstance(answer, BlobProof):
            self._vault.counts["unproved"] += 1
            return False
        pieces = await self._read(question, is_kept=False)
        is_proved = answer == make_proof(question, me, member, pieces)
        self._vault.counts["proved" if is_proved else "disproved"] += 1
        if not is_proved:
            log.error("blob.disproved", member=self._ledger.genesis.members[member].name)
        return is_proved

    async def is_held(self, name: str) -> bool:
        """Whether every other member that holds this blob by the rule has just proved that it does."""
        holders = set(self._vault.placement.holders(name, self._vault.away)) - {self._ledger.member}
        for member in sorted(holders):
            if not await self.challenge(member, name):
                return False
        return bool(holders)

    async def wait_for_copies(self, name: str) -> None:
        """Return once members of weight > f, this one among them, have proved that they hold the content, or
        all have that need hold it. What is in a shared bucket was there before the transaction."""
        if self._vault.keeping.is_shared:
            return
        committee, pause_s = self._ledger.genesis.committee, PAUSE_S
        needed = self._vault.placement.holders(name)
        holders = set() if self._ledger.member is None else {self._ledger.member}
        while committee.weigh(holders) <= committee.faulty and not holders.issuperset(needed):
            for member in needed:
                if member not in holders and await self.challenge(member, name):
                    holders.add(member)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, PAUSE_S_MAX)

    async def _read(self, question: ProveBlob, is_kept: bool) -> list[bytes]:
        """The pieces that are asked for, from the disk, or else from a bucket of this node's own."""
        name, vault = question.name.hex(), self._vault
        try:
            return await asyncio.to_thread(self._read_disk, name, question.nonce, is_kept)
        except BlobError:
            if vault.bucket is None or vault.keeping.is_shared:
                raise
        stored = await vault.find_stored(name)
        if stored is None:
            raise BlobError("the bucket of this node does not have the content")
        return await vault.bucket.read_ranges(stored, find_pieces(question.nonce, stored.size))

    def _read_disk(self, name: str, nonce: Digest, is_kept: bool) -> list[bytes]:
        blobs = self._vault.blobs
        reading = blobs.open(name, is_kept)
        try:
            return [reading.read(*piece) for piece in find_pieces(nonce, reading.size)]
        finally:
            blobs.release(reading)
