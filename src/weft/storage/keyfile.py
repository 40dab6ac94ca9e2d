"""Private keys on disk: a small JSON file that its owner alone can read.

Promise: a key file is whole or not there, is never replaced, and is refused when group or others may read it.
"""

import contextlib
import os
import secrets
from pathlib import Path

import msgspec

from weft.model.errors import KeyFileError, SignatureError
from weft.model.keys import CURVE_NAMES, ED25519, PrivateKey
from weft.storage.disk import sync_folder

_CURVES = {name: curve for curve, name in CURVE_NAMES.items()}


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    curve: str
    seed: str
    public: str
    address: str


def create_key(path: Path, curve: int = ED25519) -> PrivateKey:
    """A new random key, written to `path` with mode 0600. Raises KeyFileError when something is there."""
    seed = secrets.token_bytes(32)
    key = PrivateKey(curve, seed)
    document = _Document(CURVE_NAMES[curve], seed.hex(), key.public.key.hex(), key.public.address.hex())
    try:
        write_private(path, msgspec.json.format(msgspec.json.encode(document)) + b"\n", may_replace=False)
    except FileExistsError:
        raise KeyFileError(
            f"{path} exists; a key is never overwritten",
            fix="Name another file, or use the key that is there (`weft keys show --key FILE`).",
        ) from None
    return key


def load_key(path: Path) -> PrivateKey:
    """The key in `path`; raises KeyFileError when it is missing, readable by others, or not a key."""
    try:
        document = msgspec.json.decode(read_private(path), type=_Document)
        key = PrivateKey(_CURVES[document.curve], bytes.fromhex(document.seed))
    except (msgspec.MsgspecError, KeyError, ValueError, SignatureError):
        # The reason is not passed on: a parser's message may quote the secret.
        raise KeyFileError(f"{path} is not a key file of Weft") from None
    if (document.public, document.address) != (key.public.key.hex(), key.public.address.hex()):
        raise KeyFileError(f"{path} states another public key or address than its seed has")
    return key


def load_or_create_key(path: Path) -> PrivateKey:
    """The key in `path`, made at first use. Two processes that do this at once get the same key."""
    if not path.exists():
        with contextlib.suppress(KeyFileError):
            return create_key(path)
    return load_key(path)


def read_private(path: Path) -> bytes:
    """The bytes of a file that must be the owner's alone; raises KeyFileError."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if mode & 0o077:
                raise KeyFileError(f"{path} has mode {mode & 0o777:04o}: others than its owner can use it")
            return file.read()
    except OSError as error:
        raise KeyFileError(f"{path} cannot be read: {error.strerror}") from None


def write_private(path: Path, content: bytes, *, may_replace: bool) -> None:
    """Write `path` with mode 0600, whole or not at all, and durably. Raises FileExistsError when it is there
    and may not be replaced, KeyFileError when the disk refuses."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        if may_replace:
            draft.replace(path)
        else:
            path.hardlink_to(draft)
        sync_folder(path.parent)
    except FileExistsError:
        raise
    except OSError as error:
        raise KeyFileError(f"{path} cannot be written: {error.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)
