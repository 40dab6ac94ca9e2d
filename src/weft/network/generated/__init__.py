"""Made from proto/peer.proto by `make proto`; a test compares. Never edited by hand."""
