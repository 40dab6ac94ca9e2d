"""The namespaces around a trial: whatever happens to it, its processes, disks and networks end with it."""

import os
import shutil
import subprocess
import sys

MARK = "FIRE_ENCLOSED"
NAMESPACES = ("--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
UNPRIVILEGED = ("--user", "--map-root-user")
PROBE = "import os; os.close(os.open('/dev/net/tun', os.O_RDWR)); os.stat('/proc/self/ns/net')"


def is_enclosed() -> bool:
    """Whether this process runs in namespaces of its own."""
    return os.environ.get(MARK) == "1"


def enclose(module: str, arguments: list[str]) -> None:
    """Begin `python -m MODULE` anew within namespaces, in this process's place; return where none can be
    had, after saying so."""
    way, why = find_way()
    if way is not None:
        os.environ[MARK] = "1"
        os.execvp("unshare", ["unshare", *way, sys.executable, "-m", module, *arguments])
    sys.stderr.write(
        f"NO NETWORK NAMESPACE CAN BE HAD ({why}): nodes run on loopback behind proxies, so no packet is\n"
        "lost and no disk is small. Run as root, with /dev/net/tun, to have both.\n"
    )


def find_way() -> tuple[tuple[str, ...] | None, str]:
    """What `unshare` must be told on this machine; None, and why, where nothing helps."""
    if not shutil.which("unshare") or not shutil.which("nsenter"):
        return None, "there is no command unshare (Debian: util-linux)"
    why = ""
    for way in (NAMESPACES, (*UNPRIVILEGED, *NAMESPACES)):
        probe = ["unshare", *way, sys.executable, "-c", PROBE]
        done = subprocess.run(probe, capture_output=True, text=True, check=False, timeout=30)
        if done.returncode == 0:
            return way, ""
        why = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    return None, why
