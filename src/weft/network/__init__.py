"""Peers: gRPC between the members of a committee (`docs/protocol/peers.md`).

Reading order: `tls` (who is who), `wire` (what goes over), `link` (a member that we speak to), `service`
(members that speak to us), `peers` (the two together, as the node's port).
"""

import os

# Read once, when grpc is first imported: every refused handshake would be a line on stderr otherwise, and the
# worker processes of a node never use gRPC, so its fork handlers only cost.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
