"""The node's side of the process that opens content (`decoder.py`).

The process is started with the first job, ends with the node, and is ended when it has had nothing to do for
a while. A job on which the process dies is tried once more in a new process and then answered with nothing;
one that takes too long is answered with nothing at once, and the process ended. One job at a time: the others
wait in order, and when too many wait, the next is refused.
"""

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from pathlib import Path
from typing import Any

from weft.api.errors import BusyError

JOB_S = 40.0
"""Of the wall clock: what stands above the reader's own limit, for what is stuck where that cannot reach."""
IDLE_S = 60.0
READABLE = ("image/", "video/", "audio/", "application/pdf")
DRAWABLE = ("image/", "video/")
"""Beginnings of media types that are opened."""
WAITING_MAX = 256
_ANSWER_BYTES_MAX = 1 << 18
_PASSED_ON = ("PATH", "PYTHONPATH", "LANG", "LD_LIBRARY_PATH")


class Worker:
    """Reads what content says of itself and draws thumbnails, out of harm's way."""

    def __init__(self, job_s: float = JOB_S, idle_s: float = IDLE_S) -> None:
        self._job_s, self._idle_s = job_s, idle_s
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._process: Process | None = None
        self._rest: asyncio.TimerHandle | None = None

    async def read(self, source: Path, media_type: str) -> dict[str, Any]:
        """What content of this type says of itself; empty when nothing can be read."""
        if not media_type.startswith(READABLE):
            return {}
        return await self._do({"verb": "read", "source": str(source), "media_type": media_type})

    async def draw(self, source: Path, target: Path, media_type: str) -> bool:
        """Write a thumbnail to `target`; False when none can be made."""
        if not media_type.startswith(DRAWABLE):
            return False
        job = {"verb": "draw", "source": str(source), "target": str(target), "media_type": media_type}
        return bool(await self._do(job))

    async def name_place(self, lat: float, lon: float) -> str:
        """What the position is called; empty where nobody lives."""
        return str((await self._do({"verb": "place", "lat": lat, "lon": lon})).get("place", ""))

    async def see(self, source: Path, media_type: str) -> dict[str, Any]:
        """What a machine sees in it (`inside/eyes.py`); empty when it cannot be opened."""
        return await self._do({"verb": "see", "source": str(source), "media_type": media_type})

    async def close(self) -> None:
        """End the process."""
        async with self._turn:
            await self._end()

    async def _do(self, job: dict[str, Any]) -> dict[str, Any]:
        if self._waiting >= WAITING_MAX:
            raise BusyError(f"{WAITING_MAX} files wait to be opened")
        self._waiting += 1
        try:
            async with self._turn:
                answer = await self._try(job)
                if answer is None:
                    answer = await self._try(job)
                return answer or {}
        finally:
            self._waiting -= 1

    async def _try(self, job: dict[str, Any]) -> dict[str, Any] | None:
        """The answer, or None when the process died; it is ended without one, and by cancellation too."""
        process = await self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        is_answered = False
        try:
            process.stdin.write(json.dumps(job).encode() + b"\n")
            line = await asyncio.wait_for(process.stdout.readline(), self._job_s)
            answer = json.loads(line)
            is_answered = isinstance(answer, dict)
            return answer if is_answered else None
        except TimeoutError:
            return {}
        except (OSError, ValueError):
            return None
        finally:
            if is_answered:
                self._rest = asyncio.get_running_loop().call_later(self._idle_s, self._kill)
            else:
                await self._end()

    async def _start(self) -> Process:
        if self._rest is not None:
            self._rest.cancel()
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "weft.apps.files.decoder",
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                limit=_ANSWER_BYTES_MAX,
                # The settings of a node may hold secrets, and this process may fall to a hostile file.
                env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            )
        return self._process

    def _kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()

    async def _end(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
        self._kill()
        if self._process is not None:
            await self._process.wait()
            self._process = None
