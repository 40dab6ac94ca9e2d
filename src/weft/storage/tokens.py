"""Bearer tokens: what a node remembers of them, and for whom they stand.

Promise: the disk holds a salted digest and never a token; finding takes the same work whether or not a token
is known. A token is `weft_NAME_SECRET`: the name is public and says which entry to compare with, the secret
is 32 random bytes, so one round of SHA-256 is as hard to turn back as many.
"""

import hmac
import secrets
from hashlib import sha256
from pathlib import Path

import msgspec

from weft.model.errors import TokenError
from weft.model.keys import PrivateKey
from weft.storage.keyfile import load_key, read_private, write_private

FILE_NAME = "tokens.json"
TOKENS_MAX = 10_000
_HEAD = "weft"


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is kept of one token."""

    name: str
    salt: str
    digest: str
    key: str
    """File name of the account's key, in the folder of the tokens."""


_NOBODY = Entry("", "00" * 32, "00" * 32, "")


class Tokens:
    """The tokens of one node, beside its keys. A token made or revoked while the node runs counts at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / FILE_NAME
        self._stamp: tuple[int, int] | None = None
        self._entries: dict[str, Entry] = {}
        self._keys: dict[str, PrivateKey] = {}

    def issue(self, key_name: str) -> str:
        """A new token for the account whose key is the file `key_name` here; shown once, never kept."""
        load_key(self._folder / key_name)
        entries = self.entries()
        if len(entries) >= TOKENS_MAX:
            raise TokenError(
                f"{self._path} holds {TOKENS_MAX} tokens, the most that are kept",
                fix="Make those worthless that nobody uses any more: `weft keys revoke NAME`.",
            )
        name, secret, salt = secrets.token_hex(6), secrets.token_hex(32), secrets.token_bytes(32)
        self._write([*entries, Entry(name, salt.hex(), _digest(salt, secret), key_name)])
        return f"{_HEAD}_{name}_{secret}"

    def revoke(self, name: str) -> None:
        """Forget the token with this name; raises TokenError when there is none."""
        entries = self.entries()
        kept = [entry for entry in entries if entry.name != name]
        if len(kept) == len(entries):
            raise TokenError(
                f"{self._path} has no token named {name}", fix="See their names: `weft keys tokens`."
            )
        self._write(kept)

    def find_key(self, token: str) -> PrivateKey | None:
        """The key of the account that `token` stands for."""
        self._refresh()
        head, _, rest = token.partition("_")
        name, _, secret = rest.partition("_")
        entry = self._entries.get(name, _NOBODY)
        is_equal = hmac.compare_digest(_digest(bytes.fromhex(entry.salt), secret), entry.digest)
        return self._keys[entry.key] if is_equal and head == _HEAD else None

    def entries(self) -> list[Entry]:
        """All that is kept, oldest first."""
        self._refresh()
        return list(self._entries.values())

    def _refresh(self) -> None:
        stamp = self._read_stamp()
        if stamp == self._stamp:
            return
        try:
            entries = msgspec.json.decode(read_private(self._path), type=list[Entry]) if stamp else []
            for entry in entries:
                bytes.fromhex(entry.salt), bytes.fromhex(entry.digest)
        except (msgspec.MsgspecError, ValueError):
            raise TokenError(f"{self._path} is not a token file of Weft") from None
        self._keys = {name: load_key(self._folder / name) for name in sorted({item.key for item in entries})}
        self._entries = {entry.name: entry for entry in entries}
        self._stamp = stamp

    def _read_stamp(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return found.st_mtime_ns, found.st_ino

    def _write(self, entries: list[Entry]) -> None:
        write_private(self._path, msgspec.json.format(msgspec.json.encode(entries)) + b"\n", may_replace=True)


def _digest(salt: bytes, secret: str) -> str:
    return sha256(salt + secret.encode()).hexdigest()
