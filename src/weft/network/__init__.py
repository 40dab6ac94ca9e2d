"""Peers: streams and calls between the members of a committee (`docs/protocol/peers.md`).

Reading order: `tls` (who is who), `wire` (what goes over), `stream` (frames on a connection), `link` (a
member that we speak to), `caller` (questions to it), `entrance` (who comes in), `guest`, `hearing` and
`service` (a member that speaks to us: its stream, its questions), `peers` (all together, as the node's port).
"""

import os

# Read once, when grpc is first imported: every refused handshake would be a line on stderr otherwise, and the
# worker processes of a node never use gRPC, so its fork handlers only cost.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
