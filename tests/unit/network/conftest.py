"""Importing the package before gRPC keeps gRPC's own lines off stderr."""

import weft.network  # noqa: F401
