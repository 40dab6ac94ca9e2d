"""The documentation says what is there: settings, commands, metrics, errors, links."""

import ast
import re
from pathlib import Path

from tests.functional.page import OPERATE, scripts_of
from tests.tidy.pages import CLI_PAGE, cli_page, commands
from tests.tidy.tree import DOCS, ROOT, files, modules
from weft.apps.files.keeping import BlobStatus, show_metrics
from weft.config import setting_types, variable_of
from weft.model.committee import Member
from weft.model.genesis import Genesis
from weft.model.keys import ED25519, PrivateKey
from weft.model.limits import Limits
from weft.node.watch import Watch

REFERENCE = DOCS / "reference"
README_WORDS_MAX = 400
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


def pages() -> dict[str, str]:
    return {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
        for path in files()
        if path.suffix == ".md"
    }


def test_the_readme_is_short() -> None:
    """Whoever reads it has the next minute, not the next hour."""
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) <= README_WORDS_MAX


def test_generated_pages_are_fresh() -> None:
    """`make docs` was run after the last change of the command line."""
    assert CLI_PAGE.read_text(encoding="utf-8") == cli_page()


def test_every_command_says_what_it_does() -> None:
    """Typed help on every verb and every parameter."""
    for words, command in commands():
        assert command.help, words
        assert all(one.help for one in command.params), words


def test_every_setting_is_described() -> None:
    """docs/reference/config.md has a row for each, with its variable, and none for what is not there."""
    rows = re.findall(
        r"^\| `([a-z_.]+)` \| `([A-Z_]+)` \|", (REFERENCE / "config.md").read_text(), re.MULTILINE
    )
    assert dict(rows) == {key: variable_of(key) for key in setting_types()}


def test_every_route_is_described() -> None:
    """docs/reference/rest.md names the method and path of each route."""
    text = (REFERENCE / "rest.md").read_text(encoding="utf-8")
    edges = [tree for name, tree in modules().items() if name.startswith(("weft.api.", "weft.apps."))]
    routes = {route for tree in edges for route in _routes_of(tree)}
    assert routes
    missing = [
        f"{verb} {path}"
        for verb, path in sorted(routes)
        if not re.search(rf"{verb}[^|]*`[^|]*{re.escape(path)}", text)
    ]
    assert missing == []


def test_every_metric_is_described(tmp_path: Path) -> None:
    """docs/reference/metrics.md names each metric that a node shows, and none else."""
    described = re.findall(r"^\| `(weft_[a-z0-9_]+)`", (REFERENCE / "metrics.md").read_text(), re.MULTILINE)
    members = (Member("a", PrivateKey(ED25519, bytes(32)).public.key, 1),)
    genesis = Genesis(1, "n", 0, "crash", members, Limits(), True, ())
    shown = [
        family.name + ("_total" if family.type == "counter" else "")
        for family in (
            *Watch(genesis, 0, tmp_path, lambda: 0).registry.collect(),
            *show_metrics(BlobStatus("folder", 0, False, *[0] * 9, [], 0, 0, 0)),
        )
    ]
    assert sorted(described) == sorted(shown)


def test_what_operators_are_to_watch_is_there() -> None:
    """docs/operate names no metric that docs/reference/metrics.md does not describe."""
    reference = (REFERENCE / "metrics.md").read_text(encoding="utf-8")
    named = "".join(path.read_text(encoding="utf-8") for path in OPERATE.glob("*.md"))
    metrics = {name.removesuffix("_bucket") for name in re.findall(r"weft_[a-z0-9]+_[a-z0-9_]+", named)}
    assert metrics
    assert sorted(name for name in metrics if f"`{name}`" not in reference) == []


def test_every_command_for_operators_is_run() -> None:
    """docs/operate: each section with commands is run by a story of tests/functional."""
    stories = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "tests/functional").glob("test_*.py")
    )
    headings = [heading for path in OPERATE.glob("*.md") for heading in scripts_of(path)]
    assert headings
    assert [heading for heading in headings if f'page.run("{heading}")' not in stories] == []


def test_every_error_code_is_described() -> None:
    """docs/reference/errors.md names the code of each error that a user can meet."""
    text = (REFERENCE / "errors.md").read_text(encoding="utf-8")
    codes = {code for tree in modules().values() for code in _codes_of(tree)}
    assert sorted(code for code in codes if f"`{code}`" not in text) == []


def test_every_error_is_in_the_drawing() -> None:
    """The tree at the top of model/errors.py shows the whole family of that file."""
    tree = modules()["weft.model.errors"]
    drawing = ast.get_docstring(tree) or ""
    drawn = set(re.findall(r"(\w+Error)\s+([a-z_]+\.[a-z_]+)", drawing))
    assert drawn == {
        (node.name, code)
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name != "WeftError"
        for code in _codes_of(node)
    }


def test_every_promise_names_a_test_that_is_there() -> None:
    """docs/invariants.md: each numbered line names at least one test, and each name exists."""
    promises = re.findall(
        r"^\d+\. .*(?:\n   .*)*", (DOCS / "invariants.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert promises
    for promise in promises:
        named = re.findall(r"`(tests/[a-z_/]+\.py)(?:::(\w+))?`", promise)
        assert named, promise
        for path, test in named:
            assert (ROOT / path).exists(), path
            assert not test or f"def {test}(" in (ROOT / path).read_text(encoding="utf-8"), (path, test)


def test_every_bug_says_how_to_see_it_again() -> None:
    """docs/bugs.md: what found it, a test that is there or a command, the commit that mended it."""
    _, *bugs = re.split(r"^### ", (DOCS / "bugs.md").read_text(encoding="utf-8").split("```")[-1], flags=re.M)
    assert bugs
    for bug in bugs:
        found = re.search(
            r"^- Found by: .+\n(?:  .+\n)*- Again: .+\n(?:  .+\n)*- Fix: `[0-9a-f]{7}`; .+", bug, re.M
        )
        assert found, bug
        for path, test in re.findall(r"`(tests/[a-z_/]+(?:\.py)?)(?:::(\w+))?`", bug):
            assert (ROOT / path).exists(), path
            assert not test or f"def {test}(" in (ROOT / path).read_text(encoding="utf-8"), (path, test)


def test_links_lead_somewhere() -> None:
    """Every relative link of every page names a file that is there."""
    dead = [
        f"{page}: {target}"
        for page, text in pages().items()
        for target in LINK.findall(re.sub(r"```.*?```", "", text, flags=re.DOTALL))
        if not re.match(r"[a-z]+:|#", target)
        and not (ROOT / page).parent.joinpath(target.split("#")[0]).exists()
    ]
    assert dead == []


def test_pages_named_in_code_are_there() -> None:
    """A docstring that cites a page of docs/ cites one that exists."""
    cited = {
        (name, page)
        for name in modules()
        for page in re.findall(r"docs/[a-z0-9_/-]+\.md", ast.unparse(modules()[name]))
    }
    assert sorted((name, page) for name, page in cited if not (ROOT / page).exists()) == []


def _codes_of(tree: ast.AST) -> set[str]:
    return {
        str(item.value.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for item in node.body
        if isinstance(item, ast.Assign)
        and isinstance(item.targets[0], ast.Name)
        and item.targets[0].id == "code"
        and isinstance(item.value, ast.Constant)
    }


def _routes_of(tree: ast.Module) -> set[tuple[str, str]]:
    """Method and path of what a decorator such as `@routes.get("/v1/...")` declares for users."""
    return {
        (verb.upper(), path)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for verb, path in [_verb_and_path(node)]
        if verb in {"get", "put", "post", "patch", "delete"} and path.startswith("/")
    }


def _verb_and_path(call: ast.Call) -> tuple[str, str]:
    match call:
        case ast.Call(
            func=ast.Attribute(attr=verb), args=[ast.Constant(value=str() as path), *_], keywords=more
        ):
            is_hidden = any(one.arg == "include_in_schema" for one in more)
            # What a part of a path looks like stands behind a colon, and is no part of its name.
            return ("", "") if is_hidden else (verb, re.sub(r":\w+}", "}", path))
        case _:
            return "", ""
