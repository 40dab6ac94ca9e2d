"""What positions are called."""

import pytest

from weft.apps.files.inside.gazetteer import Country, Gazetteer, Settlement, load


@pytest.mark.parametrize(
    ("lat", "lon", "name"),
    [
        (43.4674, 11.8851, "Arezzo, Italy"),
        (-33.8599, 151.2040, "Millers Point, Sydney, Australia"),
        (40.7128, -74.0060, "New York City, New York, United States"),
        (69.65, 18.95, "Tromsø, Norway"),
        (-16.43, 179.37, "Labasa, Fiji"),
        (0.0, -30.0, ""),
        (90.0, 0.0, ""),
        (-90.0, 180.0, ""),
    ],
)
def test_a_position_has_the_name_of_the_place_around_it(lat: float, lon: float, name: str) -> None:
    """The quarter and its city, the state within the United States, the country; none at sea."""
    assert load().name(lat, lon) == name


def test_the_nearest_place_is_found_over_the_antimeridian() -> None:
    """A degree on either side is two degrees apart, not 358."""
    places = [Settlement("East", 0, 179.9, "XX", "", 1000), Settlement("West", 0, -179.5, "XX", "", 1000)]
    gazetteer = Gazetteer(places, {"XX": Country("Exland")}, {})
    assert gazetteer.name(0, -179.95) == "East, Exland"
    assert gazetteer.name(0, -179.6) == "West, Exland"


def test_a_place_belongs_to_a_city_of_its_own_country_only() -> None:
    """And only as far as the city reaches."""
    places = [
        Settlement("Quarter", 0, 0, "XX", "", 1000),
        Settlement("City", 0, 0.05, "XX", "", 1_000_000),
        Settlement("Abroad", 0, 0.05, "YY", "", 9_000_000),
        Settlement("Far", 0, 0.3, "XX", "", 1000),
    ]
    gazetteer = Gazetteer(places, {"XX": Country("Exland")}, {})
    assert gazetteer.name(0, 0) == "Quarter, City, Exland"
    assert gazetteer.name(0, 0.3) == "Far, Exland"
