"""What owners may say."""

import pytest

from weft.model.said import check_names, check_said, clean_line, clean_name

WRITTEN = (
    "caf\u00e9\u00a0noir",
    "10\u202f000",
    "\u6771\u4eac\u3000\u5915\u65b9",
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "two\nlines\tand a tab",
)


@pytest.mark.parametrize("text", WRITTEN)
def test_what_people_write_may_be_said(text: str) -> None:
    """Spaces and joiners of French, Japanese, Persian and pictures of families are no control characters."""
    assert check_said({"title": text, "tags": [text]}) == {"title": text, "tags": [text]}


@pytest.mark.parametrize("letter", ["\x00", "\x1b", "\x7f", "\x85", "\ud800", "\u202e"])
def test_what_steers_a_terminal_or_turns_the_line_is_refused(letter: str) -> None:
    """And halves of a character, which no file can hold."""
    for said in ({"title": f"a{letter}"}, {"tags": [f"a{letter}"]}):
        with pytest.raises(ValueError, match="control character"):
            check_said(said)


def test_a_field_that_is_not_an_owners_is_named() -> None:
    """A slip of the pen is told, not kept in silence."""
    with pytest.raises(ValueError, match="titel"):
        check_names({"titel": "x"})


@pytest.mark.parametrize(
    "moment",
    [
        "\uff12\uff10\uff10\uff18-10-22T16:28:39Z",
        "\u0662\u0660\u0660\u0668-10-22T16:28:39+02:00",
        "2008-10-22T16:28:39.\uff11Z",
        "2008-10-22T16:28:39+0\uff12:00",
    ],
)
def test_a_time_is_written_in_the_digits_of_rfc_3339(moment: str) -> None:
    """Other scripts have digits too, and nothing that reads times takes them."""
    with pytest.raises(ValueError, match="RFC 3339"):
        check_said({"taken_at": moment})


@pytest.mark.parametrize(
    ("moment", "is_one"),
    [
        ("2020-02-29T23:59:59Z", True),
        ("2021-02-29T00:00:00Z", False),
        ("1900-02-29T00:00:00Z", False),
        ("2000-02-29T00:00:00+14:00", True),
        ("2020-13-40T00:00:00Z", False),
        ("2020-12-31T24:00:00Z", False),
        ("0001-01-01T00:00:00Z", True),
        ("0001-01-01T00:00:00+14:00", False),
        ("9999-12-31T23:59:59-01:00", False),
        ("0000-01-01T00:00:00Z", False),
    ],
)
def test_times_are_of_the_calendar(moment: str, is_one: bool) -> None:
    """Every one that passes has a place in UTC."""
    if is_one:
        assert check_said({"taken_at": moment}) == {"taken_at": moment}
    else:
        with pytest.raises(ValueError, match="calendar"):
            check_said({"taken_at": moment})


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("photo.jpg", "photo.jpg"),
        ("C:\\Users\\me\\photo.jpg", "photo.jpg"),
        ("../../etc/passwd", "passwd"),
        ("a\r\nb\x00c", "abc"),
        ("  ", "unnamed"),
        ("..", "unnamed"),
        ("", "unnamed"),
        ("ü" * 200, "ü" * 127),
        ("\ud800x", "x"),
        ("Screenshot\u202f3.png", "Screenshot\u202f3.png"),
        ("\u202ecod.exe\u2028", "cod.exe"),
    ],
)
def test_names_are_names_and_not_paths(name: str, clean: str) -> None:
    """At most 255 bytes, cut between characters."""
    assert clean_name(name) == clean


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Summer 2023/24", "Summer 2023/24"),
        (" a\r\nb ", "ab"),
        ("", "unnamed"),
        ("\u00fc" * 300, "\u00fc" * 200),
    ],
)
def test_names_that_people_give_keep_their_slashes(text: str, clean: str) -> None:
    """One line of at most 200 characters."""
    assert clean_line(text) == clean
