"""What can go wrong between a program and the network.

WeftError
├── ProblemError      (the node's code)    a node refused; code, sentence and fix are the node's
├── UnreachableError  client.unreachable   no node answers
├── UnprovedError     client.unproved      a node says what its proofs do not hold
├── KeyMissingError   client.key           something that must be signed, and no key to sign with
├── TokenTextError    client.token         a bearer token that cannot be one
├── ChangedError      client.changed       a file that was changing whenever it was read
├── UnreadableError   client.unreadable    a file or folder that cannot be read
├── LocalFileError    client.file          a file here that cannot be opened or written
└── LargeFileError    client.size          a file that is too large to be held in memory
"""

from collections.abc import Mapping
from typing import Any

from weft.model.errors import WeftError


class ProblemError(WeftError):
    """`status` is HTTP's; `members` holds the values that explain the problem."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(str(problem.get("detail") or f"the node answered {status}"))
        self.status = status
        self.code = str(problem.get("code") or "client.answer")
        self.fix = str(problem.get("fix") or "Check that the address is that of a node.")
        self.members = dict(problem)


class UnreachableError(WeftError):
    code = "client.unreachable"
    fix = "Check the addresses and that the nodes run (`weft status`)."


class UnprovedError(WeftError):
    code = "client.unproved"
    fix = "Do not rely on this answer; ask another node, and check that the genesis is the right one."


class KeyMissingError(WeftError):
    code = "client.key"
    fix = "Give the client a key: Client(urls, key=FILE)."


class TokenTextError(WeftError):
    code = "client.token"
    fix = "Give the token alone, one line, as `weft keys token` printed it."


class ChangedError(WeftError):
    code = "client.changed"
    fix = "Upload it again once whatever writes to it is done; --watch waits for that."


class UnreadableError(WeftError):
    code = "client.unreadable"
    fix = "Check that it is still there and that you may read it."


class LocalFileError(WeftError):
    code = "client.file"
    fix = "Check that its folder is there, that you may write to it and that it has room."


class LargeFileError(WeftError):
    code = "client.size"
    fix = "Name a target, files.get(id, PATH), take files.content(id) piece by piece, or raise bytes_max."
