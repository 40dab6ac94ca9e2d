"""Files as broken cards, half downloads and bad intentions leave them; the same ones for the same seed."""

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random

from PIL import Image, ImageFilter

from tests.unit.apps.files.inside.test_captions import XMP
from tests.unit.apps.files.inside.test_pdf import CATALOGUE, INFO, write_objects, write_pdf
from tests.unit.apps.files.inside.test_video import PHONE, write_video
from weft.apps.files.decoder import choose_formats

KILOBYTE = 1024
EXTENSIONS = ("jpg", "png", "heic", "mp4", "webm", "pdf", "txt", "html", "exe", "")

NAMES = (
    "Ünïcödé straße.jpg", "фото с моря.jpg", "写真 東京.jpg", "사진.jpg", "תמונה.jpg",
    "صورة من البحر.jpg", "ภาพถ่าย.jpg", "फ़ोटो.jpg", "φωτογραφία.jpg", "სურათი.jpg", "ፎቶ.jpg",
    "𝔊𝔬𝔱𝔥𝔦𝔠 𐍈.jpg", "📷🏖️ e\u0301te\u0301.jpg", "a" * 300 + ".jpg", "é" * 200, ".", "..", "...", " ",
    "-rf", "~", "con", "nul.txt", "a/../../etc/passwd", "C:\\Windows\\x.jpg", "%00%2e%2e%2f.jpg",
    "a;b&c|d`e$(f)", "'; DROP TABLE file; --", "<script>.html", "\"q\".jpg", "line\nbreak.jpg",
    "carriage\rreturn", "tab\there", "nul\0byte.jpg", "bell\x07", "escape\x1b[31m", "del\x7f",
    "\u202egpj.exe", "\u200bzero\u200dwidth", "\ufeffbom", "\u2028separator", "\ue000private",
    "\U000e0041tag",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Piece:
    """A file to put in. Of zeros only the number is kept."""

    name: str
    content: bytes
    zeros: int = 0

    @property
    def size(self) -> int:
        return len(self.content) + self.zeros


def seeds(folder: Path) -> dict[str, bytes]:
    """A small sound file of each kind, by its extension."""
    choose_formats()
    picture = Image.effect_noise((160, 120), 60).convert("RGB").filter(ImageFilter.BLUR)
    exif = Image.Exif()
    exif[0x10F], exif[0x110], exif[0x112] = "Apple", "iPhone 15", 6
    exif.get_ifd(0x8769).update({0x9003: "2008:10:22 16:28:39", 0x9011: "+02:00"})
    exif.get_ifd(0x8825).update({1: "N", 2: (43.0, 28.0, 2.8), 3: "E", 4: (11.0, 53.0, 6.4)})
    found = {}
    for extension, kind in (
        ("jpg", "JPEG"), ("png", "PNG"), ("webp", "WEBP"), ("tif", "TIFF"), ("heic", "HEIF"),
        ("avif", "AVIF"),
    ):  # fmt: skip
        out = io.BytesIO()
        picture.save(out, kind, exif=exif, **({} if kind in ("PNG", "TIFF") else {"xmp": XMP.encode()}))
        found[extension] = out.getvalue()
    out = io.BytesIO()
    picture.save(out, "GIF")
    found["gif"] = out.getvalue()
    found["mp4"] = write_video(folder / "seed.mp4", "mp4", PHONE).read_bytes()
    found["mov"] = write_video(folder / "seed.mov", "mov", PHONE, turn=-90).read_bytes()
    found["webm"] = write_video(folder / "seed.webm", "webm", {"title": "x"}, codec="libvpx").read_bytes()
    said = {"Title": "Castles", "CreationDate": "D:20200601143000Z"}
    found["pdf"] = write_pdf(folder / "seed.pdf", said, xmp=XMP.encode()).read_bytes()
    return found


def cuts(extension: str, seed: bytes) -> Iterator[Piece]:
    """Truncated at each kilobyte."""
    for end in range(KILOBYTE, len(seed), KILOBYTE):
        yield Piece(f"cut at {end}.{extension}", seed[:end])


def flips(extension: str, seed: bytes, count: int) -> Iterator[Piece]:
    """Some bytes changed, most of them near the beginning, where the lengths and counts are."""
    for number in range(count):
        chance = Random(f"{extension} {number}")
        changed = bytearray(seed)
        for _ in range(chance.choice((1, 2, 8, 32))):
            reach = chance.choice((64, 512, len(seed), len(seed)))
            changed[chance.randrange(min(reach, len(seed)))] = chance.choice(
                (0, 255, 127, chance.randrange(256))
            )
        yield Piece(f"flipped {number}.{extension}", bytes(changed))


def misnamed(seeds: dict[str, bytes]) -> Iterator[Piece]:
    """Sound, with the name of another kind; a few bytes after the end make each another file."""
    for extension, seed in seeds.items():
        for number, other in enumerate(EXTENSIONS):
            if other != extension:
                yield Piece(f"really {extension}.{other}", seed + bytes([number + 1]))


def named() -> Iterator[Piece]:
    """Every script, and what is no name at all."""
    for number, name in enumerate(NAMES):
        yield Piece(name, f"file number {number}".encode())


def plain(zeros: int) -> Iterator[Piece]:
    """Nothing, next to nothing, noise, and zeros."""
    yield Piece("empty.jpg", b"")
    yield Piece("one.jpg", b"\xff")
    yield Piece("noise.jpg", b"\xff\xd8\xff" + Random(1).randbytes(20_000))
    yield Piece("noise.mp4", struct.pack(">I", 24) + b"ftypmp42" + Random(2).randbytes(20_000))
    yield Piece("noise.bin", Random(3).randbytes(20_000))
    yield Piece("zeros.bin", b"", zeros)


def hostile(folder: Path) -> Iterator[Piece]:
    """Made to take memory or time from whoever opens them."""
    yield Piece("bomb.png", _png(60_000, 60_000))
    yield Piece("small bomb.png", _png(9_000, 9_000))
    yield Piece("endless.tif", _tiff(next_ifd=8))
    yield Piece("wide.tif", _tiff(width=2**31 - 1, height=2**31 - 1))
    yield Piece("counts.tif", _tiff(count=2**32 - 1))
    yield Piece("entities.svg", _entities(b"<svg xmlns='http://www.w3.org/2000/svg'>&i;</svg>"))
    yield Piece("entities.jpg", _with_xmp(_entities(XMP.split("?>", 1)[1].replace("The", "&i;").encode())))
    yield Piece("deep.jpg", _with_xmp(b"<a>" * 15_000))
    yield Piece("huge box.mp4", _box(b"ftyp", b"mp42" + bytes(8)) + struct.pack(">I", 10**9) + b"moov")
    yield Piece("nested.mp4", _box(b"ftyp", b"mp42" + bytes(8)) + _nested(3000))
    table = struct.pack(">II", 0, 10**9)
    tracks = _box(b"trak", _box(b"mdia", _box(b"minf", _box(b"stbl", _box(b"stsz", bytes(4) + table)))))
    yield Piece("many samples.mp4", _box(b"ftyp", b"mp42" + bytes(8)) + _box(b"moov", tracks))
    yield Piece(
        "huge.webm",
        b"\x1aE\xdf\xa3\x87\x42\x82\x84webm\x18S\x80g\x01\xff\xff\xff\xff\xff\xff\xfe" + bytes(3000),
    )
    for number, pages in enumerate((b"<< /Kids [2 0 R] >>", b"<< /Kids [2 0 R 2 0 R] /Count 1000000000 >>")):
        yield Piece(
            f"circle {number}.pdf", write_objects(folder / "x.pdf", CATALOGUE, pages, INFO).read_bytes()
        )
    bomb = zlib.compress(bytes(200_000_000), 9)
    stream = b"<< /Type /Metadata /Filter /FlateDecode /Length %d >>\nstream\n%b\nendstream" % (
        len(bomb),
        bomb,
    )
    catalogue = CATALOGUE.replace(b">>", b"/Metadata 4 0 R >>")
    pdf = write_objects(folder / "x.pdf", catalogue, b"<< /Kids [] /Count 0 >>", INFO, stream)
    yield Piece("inflating.pdf", pdf.read_bytes())
    endless = b"%PDF-1.7\n" + b"1 0 obj\n" * 40_000 + b"startxref\n9\n%%EOF"
    yield Piece("no table.pdf", endless)


def _png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    rows = chunk(b"IDAT", zlib.compress(bytes(4_000_000), 9))
    return b"\x89PNG\r\n\x1a\n" + head + rows + chunk(b"IEND", b"")


def _tiff(width: int = 9, height: int = 7, count: int = 1, next_ifd: int = 0) -> bytes:
    entries = [(256, 4, 1, width), (257, 4, 1, height), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, count, 8),
               (277, 3, 1, 1), (278, 4, 1, height), (279, 4, count, 63), (34665, 4, 1, 8)]  # fmt: skip
    rows = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + rows + struct.pack("<I", next_ifd) + bytes(63)


def _entities(text: bytes) -> bytes:
    """A billion laughs."""
    names = "abcdefghi"
    rows = [f'<!ENTITY {one} "{f"&{before};" * 10}">' for before, one in pairwise(names)]
    return b'<!DOCTYPE x [<!ENTITY a "ha">' + "".join(rows).encode() + b"]>" + text


def _with_xmp(packet: bytes) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (9, 7)).save(out, "JPEG", xmp=packet)
    return out.getvalue()


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body) + 8) + kind + body


def _nested(depth: int) -> bytes:
    body = b""
    for _ in range(depth):
        body = _box(b"moov", body)
    return body
