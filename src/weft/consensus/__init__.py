"""Agreement on one order. Pure: no input or output, no clock, no chance, no logging.

Every validator speaks at most once a round, each vertex names what its author had seen, and the order is read
off the graph; naming a parent is the vote. `docs/protocol/consensus.md` is the protocol, section by section.

`Core.handle(*inputs)` gives effects, and the list is the order in which they are carried out. Every handler
does the same three things: accept what came, propose if it is time, deliver what became final.

    Arrived ─▶ check ─▶ waiting ─▶ dag ─▶ rule ─▶ order ─▶ Deliver
                           │         │
                           ▼         ▼
                        catchup    rounds ─▶ propose ─▶ Persist, Broadcast

- check: a vertex is Invalid, Incomplete or Checked; only what is Checked enters the DAG.
- waiting, ahead: valid vertices that lack a parent or an attachment, or whose time is too far ahead.
- catchup: what to ask of whom, until it is here.
- dag, weight: complete vertices, by reference and slot; sets of them as bits.
- rule, order: commit, skip or undecided; final rounds; one order.
- rounds, propose: when to speak, and what to name.
- checkpoint: words on executed headers become a quorum's.
- journal side: `restore` replays what was persisted through the same code.

Two assumptions carry everything. What is in the DAG has its past there, so a vertex counts when it comes and
never again. And all bookkeeping is dicts and whole numbers, so that two nodes fed alike answer alike.

Read core, rule, order first.
"""
