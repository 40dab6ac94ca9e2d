"""What a PDF says of itself (ISO 32000-2, 14.3): title, author, subject, keywords, dates, and its pages."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from pypdf import PdfReader
from pypdf.generic import StreamObject

from weft.apps.files.inside.captions import read_xmp
from weft.apps.files.inside.moment import parse_offset, tell
from weft.apps.files.inside.text import TITLE_MAX, Facts, clean_line, clean_text, split_keywords

_DATE = re.compile(r"D:(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?(?:([Zz])|([+-]\d\d)'?(\d\d)?'?)?")


def read_pdf(path: Path) -> Iterator[Facts]:
    """Raises what the parser raises for a file that is no PDF at all."""
    with path.open("rb") as file:
        reader = PdfReader(file)
        info: Mapping[str, Any] = {}
        with suppress(Exception):
            info = {name.removeprefix("/"): value for name, value in (reader.metadata or {}).items()}
        yield {
            "title": clean_line(info.get("Title"), TITLE_MAX),
            "author": clean_line(info.get("Author")),
            "description": clean_text(info.get("Subject")),
            "keywords": split_keywords(info.get("Keywords")),
        }
        made = parse_date(info.get("CreationDate"))
        yield {} if made is None else tell(made)
        changed = parse_date(info.get("ModDate"))
        yield {} if changed is None else {"modified_at": tell(changed).get("taken_at")}
        # A page takes some bytes, so a greater number is a lie.
        with suppress(Exception):
            pages = reader.get_num_pages()
            yield {"pages": pages if 0 < pages < min(path.stat().st_size, 2**31) else None}
        with suppress(Exception):
            packet = reader.root_object["/Metadata"].get_object()
            if isinstance(packet, StreamObject):
                yield from read_xmp(packet.get_data())


def parse_date(value: object) -> datetime | None:
    """A PDF date (7.9.4); None of a mere day, or of what the calendar has not."""
    match = _DATE.match(clean_line(value))
    if match is None:
        return None
    zone = parse_offset("Z" if match[7] else f"{match[8] or ''}{match[9] or '00'}")
    try:
        year, month, day, hour, minute = (int(match[number]) for number in range(1, 6))
        return datetime(year, month, day, hour, minute, int(match[6] or 0), tzinfo=zone)
    except ValueError:
        return None
