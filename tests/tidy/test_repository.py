"""The repository speaks of itself alone, and its lock holds all it names."""

import re
import tomllib

from tests.tidy.tree import ROOT, texts

# Written in pieces, for this file is read too.
FOREIGN = re.compile(
    "|".join(
        (
            r"(?<![\w.])/" + r"work/(main|shared)",
            r"(?<![\w.])/" + r"root/",
            r"(?<![\w.])/" + r"home/[a-z]+/",
            r"\.\./" + "shared",
            "files.python" + "hosted.org",
            "pypi" + r"\.org/simple",
            "registry.npm" + "js.org",
            "index-" + "url [=h]",
        )
    )
)


def test_no_file_names_a_machine_or_a_registry() -> None:
    """A clone means the same everywhere."""
    bad = {
        str(path.relative_to(ROOT)): hit.group() for path, text in texts() if (hit := FOREIGN.search(text))
    }
    assert bad == {}


def test_the_lock_holds_every_dependency_with_its_hashes() -> None:
    """`make lock` was run after the last change of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = list(project["dependencies"])
    for extra in project["optional-dependencies"].values():
        named += extra
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", lock, re.MULTILINE))
    missing = []
    for line in named:
        name, least = re.fullmatch(r"([A-Za-z0-9._-]+)(?:>=([0-9.]+))?.*", line).groups()  # type: ignore[union-attr]
        have = locked.get(name.lower())
        if have is None or _numbers(have) < _numbers(least or "0"):
            missing.append(line)
    assert missing == []
    assert len(re.findall(r"^[a-z0-9._-]+==", lock, re.MULTILINE)) <= lock.count("--hash=sha256:")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)))
