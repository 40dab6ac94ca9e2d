"""One ledger, kept by equals."""
