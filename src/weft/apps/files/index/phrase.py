"""Words to search for as PostgreSQL wants them."""

from collections.abc import Callable, Sequence

from weft.apps.files.query import Words


def compile_words(conditions: Sequence[Words], split: Callable[[str], list[str]]) -> str | None:
    """A tsquery of the words that `split` makes of each term, all of them quoted; None when there is none."""
    terms = []
    for term in (term for words in conditions for term in words.terms):
        found = split(term.text)
        ends = ["A" if term.is_camera else ""] * len(found)
        if found and term.is_prefix:
            ends[-1] += "*"
        marked = [f"'{word}'{':' + end if end else ''}" for word, end in zip(found, ends, strict=True)]
        if marked:
            terms.append(f"({' <-> '.join(marked)})")
    return " & ".join(terms) or None
