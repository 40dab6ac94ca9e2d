"""What content says of itself. Everything here runs in the confined worker (`decoder.py`) and nowhere else.

A reader yields facts, one mapping after another, the most trusted first: a field that is there already stays
as it is. So a reader that is stopped, or breaks on a damaged part, has still said what it had found. What
cannot be read is left out, and what is left out is never guessed.
"""
