"""What a machine sees in a picture: how many faces, and how it looks as a whole. Needs the extra `vision`.

Faces are counted by the cascade that OpenCV ships (Viola and Jones, 2001; frontal, trained by R. Lienhart).
It gives no probability: the confidence told is n / (n + 5) for a face that was found n times at slightly
other places and sizes, of which 5 are needed. How a picture looks is a hash of 64 bits: whether each of the
64 lowest frequencies of its cosine transform is above their median. The same picture in another size, format
or quality differs in a few bits; a picture that was cut or turned is another one.
"""

from pathlib import Path
from typing import Any

import cv2
import numpy
from PIL import Image

EDGE = 640
"""The longer side of the picture that is looked at."""
CASCADE = "haarcascade_frontalface_alt2.xml"
HASH_EDGE = 32
FACE_EDGE_MIN = 24
NEIGHBOURS_MIN = 5


def see(picture: Image.Image) -> dict[str, Any]:
    """`tags` as (tag, confidence, count), and `likeness`, 16 hex digits. The picture is upright."""
    small = picture.convert("L")
    small.thumbnail((EDGE, EDGE))
    faces = find_faces(small)
    tags = [{"tag": "face", "confidence": max(faces), "count": len(faces)}] if faces else []
    return {"tags": tags, "likeness": f"{hash_look(small):016x}"}


def find_faces(picture: Image.Image) -> list[float]:
    """The confidence of each face, of a grey picture."""
    cascade = cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data" / CASCADE))
    cv2.setNumThreads(1)
    grey = cv2.equalizeHist(numpy.asarray(picture))
    size = (FACE_EDGE_MIN, FACE_EDGE_MIN)
    _, found = cascade.detectMultiScale2(grey, scaleFactor=1.1, minNeighbors=NEIGHBOURS_MIN, minSize=size)
    counts = [int(count) for count in numpy.ravel(found)]
    return [round(count / (count + NEIGHBOURS_MIN), 2) for count in counts]


def hash_look(picture: Image.Image) -> int:
    """The hash of a grey picture."""
    square = picture.resize((HASH_EDGE, HASH_EDGE), Image.Resampling.LANCZOS)
    low = cv2.dct(numpy.asarray(square, dtype=numpy.float32))[:8, :8].ravel()
    # The first is the mean brightness, far above all others.
    bits = low > numpy.median(low[1:])
    return int("".join("1" if bit else "0" for bit in bits), 2)
