"""Names, sizes and manners of the source."""

import ast
import re
from pathlib import Path

from tests.tidy.tree import ROOT, files, texts

LINES_MAX = 500
EMPTY_NAMES = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "manager",
    "handler",
    "base",
    "impl",
    "misc",
    "v2",
}
UNFINISHED = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X:", "HA" + "CK:")))
BANNER = re.compile(r"^\s*#\s*[-=#*]{3,}", re.MULTILINE)
SOURCE = (".py", ".proto", ".ts", ".sh")


def source_files() -> list[Path]:
    return [path for path in files() if path.suffix in SOURCE and "generated" not in path.parts]


def test_a_file_is_named_by_what_it_is_about() -> None:
    """A name that fits anything says nothing."""
    bad = [path for path in source_files() if {path.stem, *path.stem.split("_")} & EMPTY_NAMES]
    assert bad == []


def test_a_module_is_one_noun() -> None:
    """The folder says the rest: one word, in a few places two."""
    modules = [path for path in source_files() if ROOT / "src" in path.parents]
    words = [len(path.stem.strip("_").split("_")) for path in modules]
    assert max(words) <= 2
    assert words.count(2) * 20 <= len(words)


def test_no_file_is_longer_than_its_reader_can_hold() -> None:
    """Five hundred lines at the most."""
    long = {
        str(path.relative_to(ROOT)): count for path in source_files() if (count := _lines(path)) > LINES_MAX
    }
    assert long == {}


def test_nothing_unfinished_is_left_in_the_tree() -> None:
    """What is still to do is an issue, not a comment."""
    bad = [str(path) for path, text in texts() if path.suffix in SOURCE and UNFINISHED.search(text)]
    assert bad == []


def test_comments_are_sentences_not_banners() -> None:
    """A file that needs section banners wants to be two files."""
    bad = [str(path) for path in source_files() if BANNER.search(path.read_text(encoding="utf-8"))]
    assert bad == []


def test_every_module_says_what_it_is() -> None:
    """A docstring first, if only a line."""
    bad = [str(path) for path in source_files() if path.suffix == ".py" and not _has_docstring(path)]
    assert bad == []


def _lines(path: Path) -> int:
    return path.read_text(encoding="utf-8").count("\n")


def _has_docstring(path: Path) -> bool:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return not tree.body or ast.get_docstring(tree) is not None
