"""`weft files`: photos and other files with their metadata."""

import re
import sys
from collections.abc import Callable
from mimetypes import guess_type
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from weft.cli.options import (
    AsJson,
    Home,
    Key,
    Urls,
    connect,
    find_urls,
    hex_digits,
    load_reader,
    load_signer,
    token,
    user_state,
    widen,
)
from weft.cli.terminal import progress, show_facts, show_json, show_line, show_rows, tell
from weft.cli.upload import interruptible, upload

app = typer.Typer(help="Files and their metadata.", no_args_is_help=True)

Id = Annotated[
    str, typer.Argument(metavar="ID", help="The file's id: 32 hex digits.", callback=hex_digits(32))
]
TAGS_MAX, TAG_LETTERS_MAX = 100, 100
READER = re.compile("[0-9a-f]{40}|[0-9a-f]{32}")
Sharing = Annotated[
    list[str] | None,
    typer.Option(
        "--share",
        metavar="ACCOUNT|COLLECTION",
        help="Only its owner and these may see it: an account's address, or a collection's id, which stands "
        "for its members; may be given often.",
    ),
]
Private = Annotated[
    bool, typer.Option("--private", help="Only its owner may see it, and administrators and auditors.")
]


@app.command()
def put(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH", exists=True, help="Files, or folders with all in them.")
    ],
    recursive: Annotated[
        bool, typer.Option("--recursive/--no-recursive", help="Folders in folders, too.")
    ] = True,
    hidden: Annotated[
        bool, typer.Option("--hidden", help="In folders, also what begins with a dot.")
    ] = False,
    tag: Annotated[
        list[str] | None, typer.Option(help="A tag for every file that is stored; may be given often.")
    ] = None,
    private: Private = False,
    share_with: Sharing = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on: upload what is new or changes, once it rests.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what would be stored; send nothing.")
    ] = False,
    rehash: Annotated[
        bool, typer.Option("--rehash", help="Read every file, also those that are as at the last upload.")
    ] = False,
    at_once: Annotated[int, typer.Option(help="Files on their way at the same time.", min=1, max=64)] = 8,
    wait: Annotated[
        Literal["executed", "certified"],
        typer.Option(help="How far a file must have come: durable at one node, or signed by a quorum."),
    ] = "executed",
    urls: Urls = None,
    home: Home = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Upload files and folders through all nodes of a network; what is already there is not sent.

    Ctrl-C stops; the same command goes on where it was, also within a large file. Exit code 1 when a file was
    refused. With --watch --json a line a file.
    """
    metadata = {"tags": _check_tags(tag)} if tag else {}
    readers = _check_readers(private, share_with)
    try:
        with interruptible():
            from weft.client import Client, Options

            options = Options(
                metadata, readers, recursive, hidden, watch, dry_run, rehash, user_state(), at_once, wait
            )
            with Client(widen(find_urls(urls, home)), load_signer(key), token=token.get()) as client:
                tally = upload(client, paths, options, as_json)
    except KeyboardInterrupt:
        tell("stopped; the same command goes on where it was")
        raise typer.Exit(1) from None
    if tally.states.get("refused"):
        raise typer.Exit(1)


@app.command()
def get(
    id_: Id,
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write instead of stdout.", dir_okay=False)
    ] = None,
    urls: Urls = None,
    home: Home = None,
    key: Key = None,
) -> None:
    """The file's content, checked by its digest, to stdout as it comes or into a file once all of it is here.

    Exit code 1 when what went to stdout was not what it should be.
    """
    with (
        connect(urls, home, load_reader(key)) as client,
        progress("fetching", None, is_bytes=True) as advance,
    ):
        if out is not None:
            client.files.get(id_, out, on_progress=_steps(advance))
            return
        for chunk in client.files.content(id_, on_progress=_steps(advance)):
            sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()


@app.command()
def show(id_: Id, urls: Urls = None, home: Home = None, key: Key = None, as_json: AsJson = False) -> None:
    """What is known of a file."""
    with connect(urls, home, load_reader(key)) as client:
        facts = client.files.show(id_)
    show_facts(facts, as_json)


@app.command()
def search(
    text: Annotated[str, typer.Argument(help='Words, "phrases", prefix*.')] = "",
    tag: Annotated[list[str] | None, typer.Option(help="A tag; all that are given must be there.")] = None,
    any_tag: Annotated[list[str] | None, typer.Option(help="A tag; one that is given must be there.")] = None,
    not_tag: Annotated[list[str] | None, typer.Option(help="A tag that must not be there.")] = None,
    collection: Annotated[str | None, typer.Option(help="In this collection: its id.")] = None,
    duplicates: Annotated[bool, typer.Option("--duplicates", help="Only with content others have.")] = False,
    media_type: Annotated[str | None, typer.Option(help="As image/jpeg, or image/*.")] = None,
    camera: Annotated[str | None, typer.Option(help="The camera.")] = None,
    machine_tag: Annotated[
        str | None, typer.Option(help="What a program found in the content: face.")
    ] = None,
    taken_from: Annotated[str | None, typer.Option(help="Taken at this time (RFC 3339) or later.")] = None,
    taken_to: Annotated[str | None, typer.Option(help="Taken before this time.")] = None,
    near: Annotated[str | None, typer.Option(metavar="LAT,LON", help="Taken near this place.")] = None,
    radius_km: Annotated[float | None, typer.Option(help="How near.")] = None,
    bbox: Annotated[str | None, typer.Option(metavar="W,S,E,N", help="Taken inside this box.")] = None,
    sort: Annotated[
        str | None, typer.Option(help="created_at, taken_at, name, size (- before it: falling) or relevance.")
    ] = None,
    limit: Annotated[int, typer.Option(help="How many hits at most.", min=1, max=1000)] = 50,
    urls: Urls = None,
    home: Home = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Find files by text, tag, camera, time and place."""
    asked: dict[str, Any] = {
        "q": text or None,
        "tag": tag,
        "any_tag": any_tag,
        "not_tag": not_tag,
        "collection": collection,
        "duplicates": "true" if duplicates else None,
        "media_type": media_type,
        "camera": camera,
        "machine_tag": machine_tag,
        "taken_from": taken_from,
        "taken_to": taken_to,
        "near": near,
        "radius_km": radius_km,
        "bbox": bbox,
        "sort": sort,
        "limit": limit,
    }
    with connect(urls, home, load_reader(key)) as client:
        found = client.files.search(**{name: value for name, value in asked.items() if value})
    if as_json:
        show_json(found)
    else:
        show_rows(
            [_row(item) for item in found["items"]], ("id", "size", "taken_at", "camera", "tags", "name")
        )
        tell(f"{len(found['items'])} of {found['total']}{'' if found['total_exact'] else ' or more'}")


@app.command()
def alike(
    id_: Id,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=1000)] = 50,
    urls: Urls = None,
    home: Home = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Pictures that look like this one, the likest first; needs nodes with machine tags."""
    with connect(urls, home, load_reader(key)) as client:
        found = client.files.alike(id_, limit)
    if as_json:
        show_json(found)
    else:
        rows = [{"bits": item["bits"], **_row(item["file"])} for item in found]
        show_rows(rows, ("bits", "id", "size", "taken_at", "camera", "name"))


@app.command()
def share(
    ids: Annotated[list[str], typer.Argument(metavar="ID…", help="Files' ids: 32 hex digits each.")],
    private: Private = False,
    share_with: Sharing = None,
    everybody: Annotated[
        bool, typer.Option("--everybody", help="Whoever reads the network may see it.")
    ] = False,
    urls: Urls = None,
    home: Home = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Say who may see files from now on: the whole list, instead of the one before."""
    readers = _check_readers(private, share_with)
    if (readers is None) is not everybody:
        raise typer.BadParameter("give one of --private, --share and --everybody")
    with connect(urls, home, load_signer(key)) as client:
        shared = [client.files.share(id_, readers) for id_ in ids]
    if as_json:
        show_json(shared)
    else:
        show_rows([{"readers": readers, **file} for file in shared], ("id", "owner", "readers", "name"))


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


def find_photos(folder: Path) -> list[Path]:
    """The pictures and films of a folder, by their names; what they really are is found out by content."""
    from weft.client.uploader.walk import Found, walk

    kinds = ("image/", "video/")
    files = (one.path for one in walk([folder], True, False) if isinstance(one, Found))
    return [path for path in files if (guess_type(path.name)[0] or "").startswith(kinds)]


def _check_readers(private: bool, share_with: list[str] | None) -> tuple[str, ...] | None:
    """Who may see a file beside its owner; None: everybody."""
    for one in share_with or ():
        if READER.fullmatch(one) is None:
            raise typer.BadParameter(
                f"{one[:80]} is neither an address (40 hex digits) nor a collection's id (32)",
                param_hint="--share",
            )
    return tuple(share_with or ()) if private or share_with else None


def _check_tags(tags: list[str]) -> list[str]:
    if len(tags) > TAGS_MAX or not all(0 < len(tag) <= TAG_LETTERS_MAX for tag in tags):
        raise typer.BadParameter(
            f"at most {TAGS_MAX} tags of 1 to {TAG_LETTERS_MAX} letters", param_hint="--tag"
        )
    return list(dict.fromkeys(tags))


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
