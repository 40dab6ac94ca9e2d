"""For programs: `Client` and, with the same verbs to be awaited, `AsyncClient`."""

from weft.client.blocking import Client
from weft.client.client import AsyncClient
from weft.client.errors import KeyMissingError, ProblemError, UnprovedError, UnreachableError
from weft.client.signing import Call
from weft.client.transactions import Outcome
from weft.client.uploader import Options, Tally, Uploaded

__all__ = [
    "AsyncClient",
    "Call",
    "Client",
    "KeyMissingError",
    "Options",
    "Outcome",
    "ProblemError",
    "Tally",
    "UnprovedError",
    "UnreachableError",
    "Uploaded",
]
