"""Sealing: outcomes become blocks, blocks become proofs. Pure. Reading order: seal, state_tree, proof."""
