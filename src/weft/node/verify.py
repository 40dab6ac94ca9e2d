"""Offline verification of all that one node keeps (`weft verify`).

Promise: nothing is believed. Every row, record and content is checked for itself; then every block is
executed again from the genesis on, and what comes out is compared with what is stored: blocks, receipts,
links, roots, where transactions and commitments are found, values and what they were before, nodes of the
state tree. Transactions', validators' and checkpoints' signatures are verified. What was erased must be gone
and say since when; what was not must be there. The first finding is the first thing that is wrong.

The state and its tree are written into a file beside it that is gone afterwards; in memory are one block at
a time, and the commitments that were erased.

Never put here: repairing, or skipping what is inconvenient. What a kill leaves unfinished (a last record cut
short, content not indexed yet, an erasure of a block that is not stored yet) is no finding: the next start
finishes it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from weft.consensus.messages import Base
from weft.execution.contract import Contract
from weft.model.block import SignedStatement
from weft.model.encoding import decode
from weft.model.errors import EncodingError
from weft.model.genesis import Genesis
from weft.model.keys import is_signed
from weft.model.stored import BASE, BOUND, OTHER, OWN, SPOKEN, WORD, Finding, Note
from weft.model.vertex import decode_vertex
from weft.node.holdings import Holdings, Progress, Records
from weft.node.replay import Replay


def verify_home(
    genesis: Genesis,
    contracts: Mapping[str, Contract],
    holdings: Holdings,
    extra_checks: Iterable[Callable[[], Iterator[Finding]]] = (),
    progress: Progress = lambda part, done, total: None,
) -> Iterator[Finding | Note]:
    """All that is wrong, in the order in which it is looked at; nothing if all is well.

    Blocks are only executed again where every row of the store is what its checksum covers, and end at the
    first one that comes out differently: what follows from it would be wrong too.
    """
    yield from holdings.ledger.check(progress)
    yield from holdings.contents.check(progress)
    yield from _check_records(genesis, holdings.records, progress)
    if holdings.ledger.is_sound:
        yield from Replay(genesis, contracts, holdings, progress).run()
    for check in extra_checks:
        yield from check()


def _check_records(genesis: Genesis, records: Records, progress: Progress) -> Iterator[Finding]:
    for record in records.check(progress):
        if isinstance(record, Finding):
            yield record
            continue
        where, kind, round_, payload = record
        wrong = _find_wrong(genesis, kind, round_, payload)
        if wrong:
            yield Finding(where, wrong)


def _find_wrong(genesis: Genesis, kind: int, round_: int, payload: bytes) -> str:
    """What a record should not be; empty if nothing."""
    members = genesis.members
    try:
        if kind in (OWN, OTHER, SPOKEN):
            vertex = decode_vertex(payload)
            if vertex.chain != genesis.chain or vertex.author >= len(members) or vertex.round != round_:
                return "the vertex is not of this chain, this committee or this round"
            key, signed, signature = members[vertex.author].public, vertex.digest, vertex.signature
        elif kind == WORD:
            word = decode(SignedStatement, payload)
            if word.statement.chain != genesis.chain or word.member >= len(members):
                return "the statement is not of this chain or this committee"
            key, signed, signature = members[word.member].public, word.statement.digest, word.signature
        elif kind == BASE:
            base = decode(Base, payload)
            return "" if base.round == round_ else "the base is not of the round that it stands under"
        else:
            return "" if kind == BOUND else f"records of kind {kind} are not known"
    except EncodingError as error:
        return str(error)
    return "" if is_signed(key, signed, signature) else "the signature is not its author's"
