"""Weft beside its peers, on one machine and in one run: `make bench`, `python -m benchmarks`."""
