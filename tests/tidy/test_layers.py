"""Imports point one way: the table in docs/architecture.md is read here and held."""

import ast
import re
from collections.abc import Iterator

from tests.tidy.tree import DOCS, modules

PURE = (
    "model",
    "consensus",
    "mempool",
    "execution",
    "ledger",
    "apps.files.contract",
    "apps.collections.contract",
)
IMPURE = {
    *("asyncio", "concurrent", "datetime", "logging", "os", "pathlib", "random", "secrets", "select"),
    *("shutil", "socket", "sqlite3", "subprocess", "tempfile", "threading", "time", "uuid"),
}

# (who, whom): why. An entry that is no longer needed fails the test below.
EXCEPTIONS: dict[tuple[str, str], str] = {}
REACHES = {
    ("weft.model.encoding", "threading"): "decoders are made under a lock: two threads crash the process",
}
"""What the centre imports all the same, with the reason."""


def read_table() -> dict[str, tuple[str, ...]]:
    """Package → what it may import, from the section on imports."""
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    section = text.split("## Which way imports point", 1)[1].split("\n## ", 1)[0]
    table: dict[str, tuple[str, ...]] = {}
    for who, whom in re.findall(r"^\| ([a-z, *_]+?) \| ([^|]+?) \|$", section, re.MULTILINE):
        for package in who.split(", "):
            table[package] = () if whom == "–" else tuple(whom.split(", "))
    table.pop("package", None)
    return table


def imports_of(tree: ast.Module) -> Iterator[str]:
    """Dotted names of what a module imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name the whole path"
            module = node.module or ""
            for alias in node.names:
                yield f"{module}.{alias.name}" if f"{module}.{alias.name}" in modules() else module


def package_of(module: str, table: dict[str, tuple[str, ...]]) -> str:
    """The row of the table that a module of ours belongs to."""
    inside = module.removeprefix("weft").lstrip(".")
    head = inside.split(".")[0]
    return "apps" if head == "apps" else head if head in table else inside


def forbidden(table: dict[str, tuple[str, ...]]) -> set[tuple[str, str]]:
    """Pairs of our modules of which the first must not import the second."""
    found = set()
    for module, tree in modules().items():
        who = package_of(module, table)
        if module == "weft":
            continue
        assert who in table, f"docs/architecture.md has no row for {module}"
        for name in imports_of(tree):
            if name.split(".")[0] != "weft" or name == "weft":
                continue
            whom = name.removeprefix("weft.")
            is_allowed = "everything" in table[who] or package_of(name, table) == who
            is_allowed |= any(whom == one or whom.startswith(one + ".") for one in table[who])
            if not is_allowed:
                found.add((module, name))
    return found


def test_every_import_is_allowed_by_the_table() -> None:
    """No arrow points the wrong way, but for exceptions with a reason."""
    assert forbidden(read_table()) - EXCEPTIONS.keys() == set()


def test_every_exception_is_still_needed() -> None:
    """An excuse ends with what it excused."""
    assert EXCEPTIONS.keys() - forbidden(read_table()) == set()


def test_the_table_has_no_row_for_nothing() -> None:
    """What the table names exists."""
    table = read_table()
    rows = {package_of(module, table) for module in modules()}
    assert {row for row in table if row not in rows} == set()


def pure_modules() -> dict[str, ast.Module]:
    """Modules whose outcome must be the same on every node."""
    return {
        name: tree
        for name, tree in modules().items()
        if any(f"{name}.".startswith(f"weft.{package}.") for package in PURE)
    }


def test_the_centre_reaches_no_clock_no_chance_and_no_disk() -> None:
    """Same input, same output: what could differ between nodes is not imported."""
    reached = {
        (name, one)
        for name, tree in pure_modules().items()
        for one in {imported.split(".")[0] for imported in imports_of(tree)} & IMPURE
    }
    assert reached == REACHES.keys()


def test_the_centre_has_no_floats_no_hash_no_id_and_no_order_of_a_set() -> None:
    """Rounding, hash seeds and addresses differ between processes. (A `__hash__` serves dicts only.)"""
    for name, tree in pure_modules().items():
        excused = {
            inner
            for outer in ast.walk(tree)
            if isinstance(outer, ast.FunctionDef) and outer.name == "__hash__"
            for inner in ast.walk(outer)
        }
        for node in ast.walk(tree):
            if node in excused:
                continue
            fault = _fault(node)
            assert fault is None, f"{name}:{getattr(node, 'lineno', 0)} {fault}"


def _fault(node: ast.AST) -> str | None:
    match node:
        case ast.Constant(value=float()):
            return "has a float"
        case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
            return "divides into a float"
        case ast.Name(id="float", ctx=ast.Load()):
            return "names float"
        case ast.Call(func=ast.Name(id="hash" | "id" as called)):
            return f"calls {called}()"
        case ast.For(iter=source) | ast.comprehension(iter=source) if _is_set(source):
            return "goes through a set"
        case ast.Call(func=ast.Name(id="tuple" | "list" | "enumerate" | "iter"), args=[source]) if _is_set(
            source
        ):
            return "takes the order of a set"
        case _:
            return None


def _is_set(node: ast.expr) -> bool:
    match node:
        case ast.Set() | ast.SetComp() | ast.Call(func=ast.Name(id="set" | "frozenset")):
            return True
        case ast.BinOp(left=left, op=ast.BitAnd() | ast.BitOr() | ast.Sub() | ast.BitXor(), right=right):
            return _is_set(left) or _is_set(right)
        case _:
            return False
