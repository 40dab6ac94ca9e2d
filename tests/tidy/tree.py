"""The files of the project, as the tidy tests see them: no git needed, so a copied tree is judged alike."""

import ast
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "weft"
DOCS = ROOT / "docs"

# What tools and runs leave in a work tree; .gitignore names the same.
LEFT_BEHIND = {
    ".git",
    ".venv",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".hypothesis",
    "__pycache__",
    "build",
    "dist",
    "node_modules",
    "ui_dist",
    ".angular",
    "weft-network",
}


def files(root: Path = ROOT) -> Iterator[Path]:
    """Every file that belongs to the project."""
    for folder, names, found in os.walk(root):
        names[:] = sorted(
            name for name in names if name not in LEFT_BEHIND and not name.endswith(".egg-info")
        )
        # In a second work tree `.git` is a file.
        kept = (name for name in sorted(found) if name not in LEFT_BEHIND and not name.endswith(".pyc"))
        yield from (Path(folder) / name for name in kept)


def texts(root: Path = ROOT) -> Iterator[tuple[Path, str]]:
    """Every file that is text."""
    for path in files(root):
        try:
            yield path, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


@cache
def modules() -> dict[str, ast.Module]:
    """The syntax of every module of the package but generated ones, by dotted name."""
    found = {}
    for path in files(PACKAGE):
        if path.suffix == ".py" and "generated" not in path.parts:
            parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return found


def path_of(module: str) -> Path:
    """The file of a module."""
    path = PACKAGE.parent.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
