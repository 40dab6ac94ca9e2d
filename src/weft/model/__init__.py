"""The nouns: frozen values, their canonical bytes and their digests. Imports nothing of ours.

Reading order: encoding, digest, merkle, keys, committee, limits, genesis, transaction, vertex, commit,
receipt, block, message, errors.
"""
