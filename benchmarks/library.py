"""Made-up files, as a family or an office has them: trips of photos at one place, words by Zipf's law.

The same seed makes the same files. Nothing is stored; what comes out is what an index takes in.
"""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate

from weft.apps.files.index import PLACES_A_BLOCK, FileView

WORDS, TAGS, TOWNS = 50_000, 2_000, 3_000
FILES_A_BLOCK = 50
_MAKERS = ("Canon", "NIKON", "FUJIFILM", "SONY", "Apple")
_MODELS = ("EOS 40D", "D70", "X-T3", "ILCE-7M3", "iPhone 12", "FinePix S5", "COOLPIX", "DSC-W80")
CAMERAS = tuple(f"{maker} {model}" for maker in _MAKERS for model in _MODELS)
TYPES = ("image/jpeg",) * 17 + ("image/png", "video/mp4", "application/pdf")
_SYLLABLES = tuple(a + b for a in "bcdfghjklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "er", "or"))
_START = datetime(2004, 1, 1, tzinfo=UTC)


class Zipf:
    """Things of which the n-th is drawn 1/n as often as the first."""

    def __init__(self, things: Sequence[str]) -> None:
        self.things = things
        self._weights = list(accumulate(1 / rank for rank in range(1, len(things) + 1)))

    def draw(self, chance: random.Random, count: int) -> list[str]:
        return chance.choices(self.things, cum_weights=self._weights, k=count)


class Library:
    """An endless row of (place, file), oldest first."""

    def __init__(self, seed: int = 1) -> None:
        self.chance = chance = random.Random(seed)
        self.words = Zipf(_made_words(chance, WORDS))
        self.tags = Zipf(_made_words(chance, TAGS))
        self.towns = [(chance.uniform(-50, 65), chance.uniform(-179, 179)) for _ in range(TOWNS)]
        self.town_numbers = Zipf([str(number) for number in range(TOWNS)])

    def files(self, count: int) -> Iterator[tuple[int, FileView]]:
        chance, number, moment = self.chance, 0, _START
        while number < count:
            # A trip, or an afternoon at home.
            town = self.towns[int(self.town_numbers.draw(chance, 1)[0])]
            words, tags = self.words.draw(chance, 8), self.tags.draw(chance, 3)
            camera = chance.choice(CAMERAS)
            moment = _START + timedelta(seconds=number * 660 + chance.randrange(86_400))
            for _ in range(min(chance.randint(10, 400), count - number)):
                number += 1
                moment += timedelta(seconds=chance.randrange(1, 300))
                yield self._make(number, moment, town, words, tags, camera)

    def _make(
        self,
        number: int,
        moment: datetime,
        town: tuple[float, float],
        words: list[str],
        tags: list[str],
        camera: str,
    ) -> tuple[int, FileView]:
        chance = self.chance
        height, position = 1 + number // FILES_A_BLOCK, number % FILES_A_BLOCK
        metadata: dict[str, object] = {"camera": camera, "width": 4000, "height": 3000, "orientation": 1}
        metadata["title"] = " ".join(words[:2] + self.words.draw(chance, 1))
        if chance.random() < 0.6:
            metadata["description"] = " ".join(words[2:] + self.words.draw(chance, 8))
        metadata["tags"] = list(dict.fromkeys(tags + self.tags.draw(chance, chance.randrange(3))))
        if chance.random() < 0.95:
            metadata["taken_at"] = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        if chance.random() < 0.6:
            lat, lon = town[0] + chance.gauss(0, 0.03), town[1] + chance.gauss(0, 0.03)
            metadata["location"] = {"lat": round(lat, 6), "lon": round((lon + 180) % 360 - 180, 6)}
        made_ms = 1_700_000_000_000 + number * 100
        file = FileView(
            id=f"{chance.getrandbits(128):032x}",
            owner="local",
            sha256=f"{chance.getrandbits(256):064x}",
            name=f"IMG_{number % 10_000:04d}.jpg",
            size=chance.randrange(500_000, 9_000_000),
            media_type=chance.choice(TYPES),
            version=1,
            created_ms=made_ms,
            updated_ms=made_ms,
            metadata=metadata,
            tx_id=f"{chance.getrandbits(256):064x}",
            tx_height=height,
            tx_position=position,
        )
        return height * PLACES_A_BLOCK + position, file


def _made_words(chance: random.Random, count: int) -> list[str]:
    made: dict[str, None] = {}
    while len(made) < count:
        made["".join(chance.choices(_SYLLABLES, k=chance.choice((2, 2, 3, 3, 4))))] = None
    return list(made)
