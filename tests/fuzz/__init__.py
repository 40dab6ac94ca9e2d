"""Every decoder of bytes from outside, under bytes that nobody should send.

A `Target` names a decoder, valid bytes to begin with, and a check that holds for any bytes: they decode to a
value that encodes to the same bytes, or the documented error comes. `test_decoders.py` lets Hypothesis change
the valid bytes; `make fuzz` lets a coverage-guided fuzzer do it for as long as one likes. Whatever was found
is kept in `found/` and tried again by every run of the suite.
"""
