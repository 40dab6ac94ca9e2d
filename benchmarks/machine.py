"""What figures were measured on."""

import os
import platform
import re
from pathlib import Path


def describe_machine(folder: Path) -> str:
    """Cores, processor, memory, the file system of a folder, system, and how busy it was."""
    return (
        f"{os.cpu_count()} cores ({_processor()}), {_memory_gib():.0f} GiB, {_file_system(folder)}, "
        f"{_system()}, Linux {platform.release().partition('-')[0]}, Python {platform.python_version()}; "
        f"load average {os.getloadavg()[2]:.1f} over the last 15 minutes, this run included"
    )


def _processor() -> str:
    found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    return found[1] if found else platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)


def _file_system(folder: Path) -> str:
    """The kind of the one that is mounted nearest above."""
    place = folder.resolve()
    lines = (line.split() for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines())
    # A later line hides an earlier one of the same place.
    kinds = {Path(fields[1]): fields[2] for fields in lines}
    return next(kinds[path] for path in (place, *place.parents) if path in kinds)


def _system() -> str:
    return str(platform.freedesktop_os_release().get("PRETTY_NAME", "Linux"))
