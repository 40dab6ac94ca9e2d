"""`weft files`: photos and other files with their metadata."""

import sys
from collections.abc import Callable, Iterator, Sequence
from mimetypes import guess_type
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weft.cli.options import AsJson, Home, Key, Urls, connect, find_urls, load_signer, token
from weft.cli.terminal import progress, show_fields, show_json, show_line, show_rows, tell

if TYPE_CHECKING:
    from weft.model.keys import PrivateKey

app = typer.Typer(help="Files and their metadata.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="The file's id: 32 hex digits.")]
AT_ONCE_MAX = 4
"""Uploads under way at the same time."""


@app.command()
def put(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH", exists=True, help="Files, or folders with all in them.")
    ],
    urls: Urls = None,
    home: Home = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Upload files, spread over the nodes given; what is already there is not stored twice."""
    rows = upload(find_urls(urls, home), paths, load_signer(key))
    if as_json:
        show_json(rows)
    else:
        show_rows(rows, ("id", "state", "size", "media_type", "path"))


@app.command()
def get(
    id_: Id,
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write instead of stdout.", dir_okay=False)
    ] = None,
    urls: Urls = None,
    home: Home = None,
) -> None:
    """The file's content, checked by its digest, to stdout or into a file."""
    with connect(urls, home) as client, progress("fetching", None, is_bytes=True) as advance:
        content = client.files.get(id_, out, on_progress=_steps(advance))
    sys.stdout.buffer.write(content)


@app.command()
def show(id_: Id, urls: Urls = None, home: Home = None, as_json: AsJson = False) -> None:
    """What is known of a file."""
    with connect(urls, home) as client:
        facts = client.files.show(id_)
    if as_json:
        show_json(facts)
    else:
        show_fields(facts)


@app.command()
def search(
    text: Annotated[str, typer.Argument(help='Words, "phrases", prefix*.')] = "",
    tag: Annotated[list[str] | None, typer.Option(help="A tag; all that are given must be there.")] = None,
    media_type: Annotated[str | None, typer.Option(help="As image/jpeg, or image/*.")] = None,
    camera: Annotated[str | None, typer.Option(help="The camera.")] = None,
    taken_from: Annotated[str | None, typer.Option(help="Taken at this time (RFC 3339) or later.")] = None,
    taken_to: Annotated[str | None, typer.Option(help="Taken before this time.")] = None,
    near: Annotated[str | None, typer.Option(metavar="LAT,LON", help="Taken near this place.")] = None,
    radius_km: Annotated[float | None, typer.Option(help="How near.")] = None,
    bbox: Annotated[str | None, typer.Option(metavar="W,S,E,N", help="Taken inside this box.")] = None,
    sort: Annotated[
        str | None, typer.Option(help="created_at, taken_at, name or size; - before it: falling.")
    ] = None,
    limit: Annotated[int, typer.Option(help="How many hits at most.", min=1, max=1000)] = 50,
    urls: Urls = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Find files by text, tag, camera, time and place."""
    asked: dict[str, Any] = {
        "q": text or None,
        "tag": tag,
        "media_type": media_type,
        "camera": camera,
        "taken_from": taken_from,
        "taken_to": taken_to,
        "near": near,
        "radius_km": radius_km,
        "bbox": bbox,
        "sort": sort,
        "limit": limit,
    }
    with connect(urls, home) as client:
        found = client.files.search(**{name: value for name, value in asked.items() if value})
    if as_json:
        show_json(found)
    else:
        show_rows(
            [_row(item) for item in found["items"]], ("id", "size", "taken_at", "camera", "tags", "name")
        )
        tell(f"{len(found['items'])} of {found['total']}{'' if found['total_exact'] else ' or more'}")


@app.command()
def erase(id_: Id, urls: Urls = None, home: Home = None, key: Key = None, as_json: AsJson = False) -> None:
    """Destroy content and metadata on every node; what remains of it verifies."""
    with connect(urls, home, load_signer(key)) as client:
        facts = client.files.erase(id_)
    if as_json:
        show_json(facts)
    else:
        show_line(f"erased {id_}")


@app.command()
def samples(
    folder: Annotated[Path, typer.Argument(file_okay=False, help="Folder to write them into.")],
) -> None:
    """Write sample photos with camera, time and place in them."""
    from weft.apps.files.samples import write_samples

    for path in write_samples(folder):
        show_line(str(path))


def upload(urls: Sequence[str], paths: Sequence[Path], key: "PrivateKey | None") -> list[dict[str, Any]]:
    """Send files, each through the next node, some at a time; a row each, with whether it was there already.

    Without a key, nodes sign with their own account.
    """
    from concurrent.futures import ThreadPoolExecutor
    from contextlib import ExitStack

    from weft.client import Client

    files = list(find_files(paths))
    with ExitStack() as opened:
        lanes = [
            opened.enter_context(Client([*urls[place:], *urls[:place]], key, token=token.get()))
            for place in range(len(urls))
        ]
        advance = opened.enter_context(
            progress("uploading", sum(path.stat().st_size for path in files), is_bytes=True)
        )

        def send(place: int) -> dict[str, Any]:
            answer = lanes[place % len(lanes)].files.put(files[place], on_progress=_steps(advance))
            state = "new" if answer["is_new"] else "already there"
            return {
                "path": str(files[place]),
                "state": state,
                **{name: answer[name] for name in ("id", "size", "media_type")},
            }

        pool = opened.enter_context(ThreadPoolExecutor(AT_ONCE_MAX))
        try:
            return list(pool.map(send, range(len(files))))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def find_files(paths: Sequence[Path]) -> Iterator[Path]:
    """The files themselves, and of folders all that is in them, by name; hidden ones are left out."""
    for path in paths:
        if path.is_dir():
            inside = (one for one in sorted(path.rglob("*")) if one.is_file())
            yield from (one for one in inside if not _is_hidden(one.relative_to(path)))
        else:
            yield path


def find_photos(folder: Path) -> list[Path]:
    """The pictures and films of a folder, by their names; what they really are is found out by content."""
    kinds = ("image/", "video/")
    return [path for path in find_files([folder]) if (guess_type(path.name)[0] or "").startswith(kinds)]


def _steps(advance: Callable[[int], None]) -> Callable[[int, int], None]:
    """What takes (done, total), for a bar that takes steps. A transfer that begins again steps back."""
    before = 0

    def step(done: int, total: int) -> None:
        nonlocal before
        advance(done - before)
        before = done

    return step


def _row(file: dict[str, Any]) -> dict[str, Any]:
    return {name: file["metadata"].get(name) for name in ("taken_at", "camera", "tags")} | file


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
