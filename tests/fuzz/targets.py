"""All fuzz targets by name."""

from pathlib import Path

from tests.fuzz import client, disk, media, member, photo, rest, words

FOUND = Path(__file__).parent / "found"
"""Inputs that once broke a promise, a folder for each target."""

TARGETS = {
    target.name: target
    for target in (
        *words.TARGETS,
        *disk.TARGETS,
        *rest.TARGETS,
        *photo.TARGETS,
        *media.TARGETS,
        *member.TARGETS,
        *client.TARGETS,
    )
}
