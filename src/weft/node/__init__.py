"""The meeting place: a node has three verbs, submit, read and follow.

It knows the centre (consensus, mempool, execution, ledger), and the edges only as ports. Reading order:
ports, node (who owns what), driver (effects in order), apply (commits become blocks), service (what clients
see); then admit, fetch and answer (what peers send and ask), recover and rejoin (coming back), compare (two
states).
"""
