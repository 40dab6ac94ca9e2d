"""What figures were measured on."""

import os
import platform
import re
from pathlib import Path


def describe_machine() -> str:
    """Cores, processor, memory, system, and how busy it was."""
    return (
        f"{os.cpu_count()} cores ({_processor()}), {_memory_gib():.0f} GiB, {_system()}, Linux "
        f"{platform.release().partition('-')[0]}, Python {platform.python_version()}; load average "
        f"{os.getloadavg()[2]:.1f} over the last 15 minutes, this run included"
    )


def _processor() -> str:
    found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    return found[1] if found else platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)


def _system() -> str:
    return str(platform.freedesktop_os_release().get("PRETTY_NAME", "Linux"))
