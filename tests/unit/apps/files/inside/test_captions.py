"""Words that people wrote into photos with other programs."""

import struct
from pathlib import Path
from typing import Any

import pytest
from defusedxml import DefusedXmlException
from PIL import Image

from weft.apps.files.decoder import choose_formats, read_content
from weft.apps.files.inside.captions import XMP_BYTES_MAX, read_xmp

XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"
 xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:aux="http://ns.adobe.com/exif/1.0/aux/"
 tiff:Make="NIKON CORPORATION" tiff:Model="NIKON D70" aux:Lens="50.0 mm f/1.4"
 exif:DateTimeOriginal="2008-10-22T16:28:39+02:00" exif:GPSLatitude="43,28.0469N" exif:GPSLongitude="11,53,6.456E">
<dc:title><rdf:Alt><rdf:li xml:lang="de">Die Burg</rdf:li><rdf:li xml:lang="x-default">The fort</rdf:li></rdf:Alt></dc:title>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">Two lines,
one wall.</rdf:li></rdf:Alt></dc:description>
<dc:creator><rdf:Seq><rdf:li>Ada</rdf:li><rdf:li>Bo</rdf:li></rdf:Seq></dc:creator>
<dc:subject><rdf:Bag><rdf:li>castle</rdf:li><rdf:li>wall</rdf:li><rdf:li>castle</rdf:li></rdf:Bag></dc:subject>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>"""  # noqa: E501

WORDS = {
    "title": "The fort",
    "description": "Two lines,\none wall.",
    "author": "Ada, Bo",
    "keywords": ["castle", "wall"],
}
FACTS = {
    "camera": "NIKON D70",
    "lens": "50.0 mm f/1.4",
    "taken_at": "2008-10-22T14:28:39Z",
    "taken_offset": "+02:00",
    "location": {"lat": 43.4674483, "lon": 11.88512667},
}


def gather(packet: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for facts in read_xmp(packet):
        found |= facts
    return found


def iptc_block(rows: list[tuple[int, bytes]]) -> bytes:
    """The APP13 segment of a JPEG with these datasets of record 2, as Photoshop writes it."""
    sets = b"".join(struct.pack(">BBBH", 0x1C, 2, number, len(value)) + value for number, value in rows)
    resource = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(sets)) + sets + b"\0" * (len(sets) % 2)
    body = b"Photoshop 3.0\0" + resource
    return b"\xff\xed" + struct.pack(">H", len(body) + 2) + body


def write_jpeg(path: Path, segments: bytes = b"", **saved: Any) -> Path:
    Image.new("RGB", (9, 7)).save(path, "JPEG", **saved)
    raw = path.read_bytes()
    path.write_bytes(raw[:2] + segments + raw[2:])
    return path


def test_a_packet_says_words_and_facts() -> None:
    """In the default language; each keyword once; a time with its zone; degrees as XMP writes them."""
    found = gather(XMP.encode())
    assert {name: found[name] for name in WORDS} == WORDS
    assert found.pop("location") == pytest.approx(FACTS["location"], abs=1e-6)
    assert found == WORDS | {name: value for name, value in FACTS.items() if name != "location"}


@pytest.mark.parametrize("suffix", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
def test_every_format_carries_its_packet(tmp_path: Path, suffix: str) -> None:
    """Title, place and time are found in each."""
    choose_formats()
    path, picture = tmp_path / "photo", Image.new("RGB", (64, 48), "green")
    if suffix == "PNG":
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", XMP)
        picture.save(path, suffix, pnginfo=info)
    elif suffix == "TIFF":
        picture.save(path, suffix, tiffinfo={700: XMP.encode()})
    else:
        picture.save(path, suffix, xmp=XMP.encode())
    found = read_content(path, f"image/{suffix.lower()}")
    assert {name: found[name] for name in WORDS} == WORDS
    assert (found["width"], found["height"], found["place"]) == (64, 48, "Arezzo, Italy")


def test_iptc_is_read_where_there_is_nothing_better(tmp_path: Path) -> None:
    """Title, caption, author, keywords, time with zone; Latin-1 as well as UTF-8."""
    rows = [(5, b"Burg"), (25, "straße".encode()), (25, "caf\xe9".encode("latin-1")), (80, b"Ada")]
    rows += [(120, b"A wall"), (55, b"20200229"), (60, b"233000-0100")]
    assert read_content(write_jpeg(tmp_path / "photo", iptc_block(rows)), "image/jpeg") == {
        "width": 9,
        "height": 7,
        "title": "Burg",
        "description": "A wall",
        "author": "Ada",
        "keywords": ["straße", "café"],
        "taken_at": "2020-03-01T00:30:00Z",
        "taken_offset": "-01:00",
    }


def test_keywords_of_all_sources_come_together(tmp_path: Path) -> None:
    """XMP's first; the title of XMP wins over that of IPTC."""
    block = iptc_block([(5, b"Other"), (25, b"wall"), (25, b"moat")])
    found = read_content(write_jpeg(tmp_path / "photo", block, xmp=XMP.encode()), "image/jpeg")
    assert found["keywords"] == ["castle", "wall", "moat"]
    assert found["title"] == "The fort"


def test_a_zone_in_the_packet_completes_the_camera_s_time(tmp_path: Path) -> None:
    """Only when both clocks show the same; else the camera's time stays without one."""
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2008:10:22 16:28:39"
    found = read_content(write_jpeg(tmp_path / "photo", exif=exif, xmp=XMP.encode()), "image/jpeg")
    assert (found["taken_at"], found["taken_offset"]) == ("2008-10-22T14:28:39Z", "+02:00")
    exif.get_ifd(0x8769)[0x9003] = "2008:10:22 16:28:40"
    found = read_content(write_jpeg(tmp_path / "photo", exif=exif, xmp=XMP.encode()), "image/jpeg")
    assert found["taken_at"] == "2008-10-22T16:28:40Z"
    assert "taken_offset" not in found


def test_xml_that_would_grow_is_refused() -> None:
    """No document type, no entities; a packet that is too long is not parsed at all."""
    bomb = '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]>' + XMP.split("?>", 1)[1].replace(
        "The", "&c;"
    )
    with pytest.raises(DefusedXmlException):
        gather(bomb.encode())
    assert gather(XMP.encode() + b" " * XMP_BYTES_MAX) == {}


def test_words_from_anybody_are_cut_and_cleaned(tmp_path: Path) -> None:
    """Control characters, endless texts and lists end as what the node can keep."""
    long = XMP.replace("The fort", "x&#x9;y" + "z" * 9000).replace("Two lines,", "d" * 90_000)
    long = long.replace("<rdf:li>wall</rdf:li>", "".join(f"<rdf:li>{n}</rdf:li>" for n in range(5000)))
    found = read_content(write_jpeg(tmp_path / "photo"), "image/jpeg") | gather(long.encode())
    assert len(found["title"]) == 500
    assert found["title"].startswith("x yz")
    assert len(found["description"]) == 4000
    assert len(found["keywords"]) == 100
