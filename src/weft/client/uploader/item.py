"""What an uploader is told, what it says of each file, and how far it has come."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

State = Literal["stored", "already there", "would be stored", "refused", "skipped"]

AT_ONCE = 8
PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Options:
    """How files are uploaded. `metadata`: the owner's fields, the same for every file that is stored."""

    metadata: Mapping[str, Any] = field(default_factory=dict)
    readers: tuple[str, ...] | None = None
    """Accounts and collections that may see what is stored; None: whoever reads the network."""
    recursive: bool = True
    """Folders with all that is in them; else only the files directly in them."""
    hidden: bool = False
    """In folders, also what begins with a dot."""
    watch: bool = False
    """Go on for ever: send what is new or changes, once it rests. While no node answers, wait."""
    dry_run: bool = False
    """Look and ask, but send nothing."""
    rehash: bool = False
    """Read every file, also one that is as the state file remembers it."""
    state: Path | None = None
    """Where to remember digests and uploads that were broken off; None: nowhere."""
    at_once: int = AT_ONCE
    """Files on their way at the same time."""
    wait: Literal["executed", "certified"] = "executed"
    patience_s: float = PATIENCE_S
    """How long no node may answer before the uploader gives up."""


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What became of a path. `code` and `reason` say why it was refused or skipped."""

    path: Path
    state: State
    size: int = 0
    id: str | None = None
    sha256: str | None = None
    media_type: str | None = None
    code: str | None = None
    reason: str | None = None


@dataclass(slots=True)
class Tally:
    """How far an uploader is; it writes, others may read at any time."""

    found_files: int = 0
    found_bytes: int = 0
    is_counted: bool = False
    """Whether all was found."""
    states: dict[State, int] = field(default_factory=dict)
    """Files by what became of them."""
    hidden: int = 0
    done_bytes: int = 0
    """Of files that are through, and of those under way what is through of them."""
    sent_bytes: int = 0
    """What went over the wire as content, also in vain."""
    waits_for: str = ""
    """Why nothing goes on at the moment."""

    @property
    def done_files(self) -> int:
        return sum(self.states.values()) - self.states.get("skipped", 0)

    def wait_for(self, reason: str) -> None:
        self.waits_for = reason

    def count(self, state: State, size: int = 0) -> None:
        """A file is through."""
        self.states[state] = self.states.get(state, 0) + 1
        self.done_bytes += size

    @contextmanager
    def under_way(self) -> Iterator[Callable[[int], None]]:
        """Takes how much of a file is through, which counts as done until the block ends."""
        before = 0

        def show(done: int) -> None:
            nonlocal before
            self.done_bytes += done - before
            before = done

        try:
            yield show
        finally:
            show(0)
