"""Waiting transactions: admitted once, bounded, cut into batches, forgotten once their fate is known."""
