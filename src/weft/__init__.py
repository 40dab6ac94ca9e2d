"""One ledger, kept by equals."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from weft.client import AsyncClient, Client

__all__ = ["AsyncClient", "Client"]


def __getattr__(name: str) -> object:
    """The client, loaded when first asked for: the node and the command line do without it."""
    if name in __all__:
        from weft import client

        return getattr(client, name)
    raise AttributeError(f"module 'weft' has no attribute {name!r}")
