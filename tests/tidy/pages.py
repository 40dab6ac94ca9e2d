"""The generated page of the documentation: `make docs` writes it, a test keeps it fresh."""

from collections.abc import Iterator
from typing import Any

from tests.tidy.tree import DOCS

CLI_PAGE = DOCS / "reference" / "cli.md"

HEAD = """# The command line

Made from the program by `make docs`; do not edit.

Facts go to stdout; progress, times and prompts to stderr. Exit code 0: done; 1: failed; 2: wrong use.
An error is one sentence with its code (see [errors](errors.md)) and what to do. With `--json`: JSON.
Options of `weft` itself stand before the verb: `weft --token FILE records get notes lamp`.
"""


def commands() -> Iterator[tuple[str, Any]]:
    """Every verb with the words that call it."""
    import typer

    from weft.cli import app

    def walk(words: str, command: Any) -> Iterator[tuple[str, Any]]:
        if not hasattr(command, "commands") or command.invoke_without_command:
            yield words, command
        for name, child in getattr(command, "commands", {}).items():
            yield from walk(f"{words} {name}", child)

    yield from walk("weft", typer.main.get_command(app))


def cli_page() -> str:
    """docs/reference/cli.md."""
    import typer

    from weft.cli import app

    return (
        HEAD
        + _section("weft", typer.main.get_command(app))
        + "".join(_section(words, command) for words, command in commands())
    )


def _section(words: str, command: Any) -> str:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option"]
    usage = " ".join((words, *(_metavar(one) for one in arguments), *(["[OPTIONS]"] if options else [])))
    lines = [f"\n## {words}\n", f"`{usage}`\n", f"{command.help}\n"]
    if arguments or options:
        lines += ["| parameter | meaning | default |", "|---|---|---|"]
        lines += [f"| `{_metavar(one)}` | {_cell(one.help)} | |" for one in arguments]
        lines += [f"| `{', '.join(one.opts)}` | {_cell(one.help)} | {_default(one)} |" for one in options]
    return "\n".join(lines).rstrip() + "\n"


def _metavar(argument: Any) -> str:
    name = argument.metavar or argument.name.upper()
    name += "..." if argument.nargs != 1 else ""
    return name if argument.required else f"[{name}]"


def _cell(text: str | None) -> str:
    return (text or "").split(" [default:")[0].replace("|", "\\|")


def _default(option: Any) -> str:
    if " [default: " in (option.help or ""):
        return str(option.help).split(" [default: ")[1].rstrip("]")
    if option.required:
        return "required"
    return "" if option.default in (None, False) else f"`{option.default}`"


if __name__ == "__main__":
    CLI_PAGE.write_text(cli_page(), encoding="utf-8")
