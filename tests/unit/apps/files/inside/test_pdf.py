"""PDFs, whole and made to harm."""

from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfWriter

from tests.unit.apps.files.inside.test_captions import WORDS, XMP
from weft.apps.files.decoder import read_content
from weft.apps.files.inside.pdf import parse_date

PDF = "application/pdf"


def write_pdf(path: Path, said: dict[str, Any], pages: int = 3, **more: Any) -> Path:
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(100, 100)
    writer.add_metadata({f"/{name}": text for name, text in said.items()})
    if "xmp" in more:
        writer.xmp_metadata = more["xmp"]
    if "password" in more:
        writer.encrypt(more["password"], algorithm="AES-256")
    writer.write(path)
    return path


SAID = {
    "Title": "Über Burgen",
    "Author": "Ada",
    "Subject": "Walls\nand moats",
    "Keywords": "castle; wall, moat",
    "CreationDate": "D:20200601143000+02'00'",
    "ModDate": "D:20200602",
}
FOUND = {
    "title": "Über Burgen",
    "author": "Ada",
    "description": "Walls\nand moats",
    "keywords": ["castle", "wall", "moat"],
    "taken_at": "2020-06-01T12:30:00Z",
    "taken_offset": "+02:00",
    "pages": 3,
}


def test_a_pdf_says_what_it_is_about(tmp_path: Path) -> None:
    """Title, author, subject, keywords, when it was made, how many pages."""
    assert read_content(write_pdf(tmp_path / "a", SAID), PDF) == FOUND


def test_a_pdf_that_opens_without_a_password_is_read(tmp_path: Path) -> None:
    """One that needs a password says nothing."""
    assert read_content(write_pdf(tmp_path / "a", SAID, password=""), PDF) == FOUND
    locked = read_content(write_pdf(tmp_path / "b", SAID, password="x"), PDF)
    assert set(locked) <= {"pages"}


def test_its_packet_is_read_too(tmp_path: Path) -> None:
    """As newer writers have it (ISO 32000-2, 14.3.2)."""
    found = read_content(write_pdf(tmp_path / "a", {}, xmp=XMP.encode()), PDF)
    assert {name: found[name] for name in WORDS} == WORDS


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("D:20200601143000Z", "2020-06-01T14:30:00+00:00"),
        ("D:202006011430-05'30", "2020-06-01T14:30:00-05:30"),
        ("D:20200601143000", "2020-06-01T14:30:00"),
        ("D:20201301143000", None),
        ("D:2020", None),
        ("yesterday", None),
        (None, None),
    ],
)
def test_a_date_is_read_in_all_its_ways(text: object, moment: str | None) -> None:
    found = parse_date(text)
    assert (found and found.isoformat()) == moment


def write_objects(path: Path, *objects: bytes) -> Path:
    """A PDF of these objects, numbered from 1: the catalogue, the pages, then others."""
    out, places = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    rows = b"".join(b"%010d 00000 n \n" % place for place in places)
    table = b"xref\n0 %d\n0000000000 65535 f \n%b" % (len(objects) + 1, rows)
    end = b"trailer\n<< /Size %d /Root 1 0 R /Info 3 0 R >>\nstartxref\n%d\n%%%%EOF\n"
    path.write_bytes(out + table + end % (len(objects) + 1, len(out)))
    return path


CATALOGUE, INFO = b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Title (Circle) >>"


@pytest.mark.parametrize(
    "pages",
    [
        b"<< /Type /Pages /Kids [] /Count 1000000000 >>",
        b"<< /Type /Pages /Kids [2 0 R] >>",
        b"<< /Type /Pages /Kids [2 0 R 2 0 R] /Parent 2 0 R >>",
        b"2 0 R",
        b"<< /Type /Pages /Count 2 0 R >>",
    ],
)
def test_pages_that_lie_or_go_in_circles_are_left_out(tmp_path: Path, pages: bytes) -> None:
    """A number that cannot be in so few bytes, pages that are their own parents: the title is still read."""
    found = read_content(write_objects(tmp_path / "a", CATALOGUE, pages, INFO), PDF)
    assert found["title"] == "Circle"
    assert found.get("pages", 1) < 1000


def test_a_table_in_circles_ends(tmp_path: Path) -> None:
    """The table of objects before this one is this one."""
    path = write_objects(tmp_path / "a", CATALOGUE, b"<< /Type /Pages /Kids [] /Count 1 >>", INFO)
    raw = path.read_bytes()
    place = raw.index(b"xref")
    path.write_bytes(raw.replace(b"/Root 1 0 R", b"/Root 1 0 R /Prev %d" % place))
    assert read_content(path, PDF).get("title", "Circle") == "Circle"
