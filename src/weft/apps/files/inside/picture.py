"""What a picture says of itself: its size first, then what its camera and its people wrote into it."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from PIL import ExifTags, Image

from weft.apps.files.inside.captions import read_iptc, read_xmp
from weft.apps.files.inside.exif import read_exif, read_words
from weft.apps.files.inside.text import Facts

_TURNED = (5, 6, 7, 8)


def read_picture(path: Path) -> Iterator[Facts]:
    """Width and height are those of the upright picture. Raises what the decoder raises for a file that is no
    picture at all."""
    with Image.open(path) as image:
        width, height = image.size
        try:
            exif = _exif_of(image)
        except BaseException:
            # Out of time: of a PNG the EXIF may stand behind the picture.
            yield {"width": width, "height": height}
            raise
        yield _stand(exif.get(ExifTags.Base.Orientation), width, height)
        readers: list[Callable[[], Iterator[Facts]]] = [
            partial(read_exif, exif),
            partial(read_xmp, _packet_of(image)),
            partial(read_iptc, image),
            partial(read_words, exif),
        ]
        for reader in readers:
            # One damaged part says nothing about the others.
            try:
                yield from reader()
            except Exception:
                continue


def _stand(orientation: object, width: int, height: int) -> Facts:
    if not isinstance(orientation, int) or not 1 <= orientation <= 8:
        return {"width": width, "height": height}
    if orientation in _TURNED:
        width, height = height, width
    return {"width": width, "height": height, "orientation": orientation}


def _exif_of(image: Image.Image) -> Image.Exif:
    """The EXIF, empty when it cannot be read; of a PNG this means to decode the picture."""
    # There is no end to what a decoder raises on bytes that were made to break it.
    try:
        return image.getexif()
    except Exception:
        return Image.Exif()


def _packet_of(image: Image.Image) -> bytes:
    packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    return packet.encode() if isinstance(packet, str) else bytes(packet)
