"""The Merkle tree over the state."""

from hypothesis import given
from hypothesis import strategies as st

from weft.ledger.state_tree import BUCKET_MAX, find_difference, open_node, prove, update
from weft.model.digest import ZERO, Digest, digest
from weft.model.encoding import encode
from weft.model.proof import node_digest, tree_path

Values = dict[bytes, bytes]
Nodes = dict[bytes, bytes]


def apply(nodes: Nodes, changes: dict[bytes, bytes | None]) -> Digest:
    """Update in place, as a store would."""
    root, changed = update(nodes.get, sorted(changes.items()))
    for path, content in changed:
        if content:
            nodes[path] = content
        else:
            nodes.pop(path, None)
    return root


def plain_root(entries: list[tuple[bytes, Digest]], depth: int = 0) -> Digest:
    """The definition, as plainly as it can be said."""
    if not entries:
        return ZERO
    if len(entries) <= BUCKET_MAX:
        return digest("state", b"\0" + encode(sorted(entries)))
    parts = ([one for one in entries if tree_path(one[0])[depth] == digit] for digit in b"0123456789abcdef")
    return digest("state", b"\1" + b"".join(plain_root(part, depth + 1) for part in parts))


def entries_of(values: Values) -> list[tuple[bytes, Digest]]:
    return [(key, digest("value", value)) for key, value in values.items()]


def numbered(count: int, first: int = 0) -> Values:
    return {b"key %d" % number: b"value %d" % number for number in range(first, first + count)}


numbers = st.integers(0, 120)
updates = st.lists(st.dictionaries(numbers, st.one_of(st.none(), st.integers(0, 2)), max_size=60), max_size=6)


@given(updates)
def test_the_root_is_that_of_the_definition_however_it_came_about(
    steps: list[dict[int, int | None]],
) -> None:
    """After each update, with deletions among them; and the nodes kept are those of a tree built at once."""
    nodes: Nodes = {}
    values: Values = {}
    for step in steps:
        changes = {b"%d" % key: None if value is None else b"%d" % value for key, value in step.items()}
        for key, value in changes.items():
            if value is None:
                values.pop(key, None)
            else:
                values[key] = value
        assert apply(nodes, changes) == plain_root(entries_of(values))
    at_once: Nodes = {}
    apply(at_once, dict(values))
    assert nodes == at_once


def test_an_empty_tree_has_the_root_zero() -> None:
    """At the beginning, and after everything is deleted."""
    nodes: Nodes = {}
    assert apply(nodes, {}) == ZERO
    apply(nodes, dict(numbered(100)))
    assert apply(nodes, dict.fromkeys(numbered(100))) == ZERO
    assert nodes == {}


def test_an_update_without_changes_tells_the_root() -> None:
    """And writes nothing."""
    nodes: Nodes = {}
    root = apply(nodes, dict(numbered(50)))
    assert update(nodes.get, ()) == (root, [])


def test_one_change_touches_one_path() -> None:
    """However large the state is."""
    nodes: Nodes = {}
    apply(nodes, dict(numbered(3000)))
    _, changed = update(nodes.get, [(b"key 7", b"new")])
    paths = sorted(path for path, _ in changed)
    assert paths == [tree_path(b"key 7")[:depth] for depth in range(len(paths))]


def test_a_key_whose_value_returns_has_its_root_back() -> None:
    """The tree knows the state, not its history."""
    nodes: Nodes = {}
    before = apply(nodes, dict(numbered(200)))
    assert apply(nodes, {b"key 3": b"other", b"new": b"1"}) != before
    assert apply(nodes, {b"key 3": b"value 3", b"new": None}) == before


def test_a_proof_leads_from_the_root_to_the_bucket_of_the_key() -> None:
    """Present or absent, the last node is where the key stands or would stand."""
    nodes: Nodes = {}
    root = apply(nodes, dict(numbered(500)))
    for key, is_there in ((b"key 7", True), (b"nobody", False)):
        contents = prove(nodes.get, key)
        assert node_digest(contents[0]) == root
        assert (key in dict(open_node(contents[-1]).entries)) == is_there
    assert prove(dict[bytes, bytes]().get, b"any") == ()


def ask(mine: Nodes, theirs: Nodes) -> tuple[bytes | None, int]:
    """The key that two trees lead to, and how many questions it took."""
    search = find_difference(mine.get)
    question, count = next(search), 1
    while True:
        try:
            question = search.send(open_node(theirs.get(question)))
        except StopIteration as end:
            return end.value, count
        count += 1


def tree(values: Values) -> Nodes:
    nodes: Nodes = {}
    apply(nodes, dict(values))
    return nodes


def test_two_equal_states_have_no_difference() -> None:
    """One question is enough to know."""
    assert ask(tree(numbered(300)), tree(numbered(300))) == (None, 1)
    assert ask({}, {}) == (None, 1)


def test_a_single_altered_value_is_found() -> None:
    """Each key of a larger state, in as many questions as the tree is deep."""
    values = numbered(300)
    mine = tree(values)
    for key in list(values)[::17]:
        found, count = ask(mine, tree(values | {key: b"altered"}))
        assert found == key
        assert count <= 4


@given(st.sets(numbers), st.sets(numbers))
def test_a_difference_is_found_whenever_there_is_one(mine: set[int], theirs: set[int]) -> None:
    """Keys that only one side has, and trees of other shapes: what is named really differs."""
    found, _ = ask(*(tree({b"%d" % key: b"x" for key in keys}) for keys in (mine, theirs)))
    different = {b"%d" % key for key in mine ^ theirs}
    assert found in different if different else found is None


def test_a_liar_is_not_asked_for_ever() -> None:
    """Whatever it answers, sixty-four questions are the end."""
    search = find_difference(tree(numbered(300)).get)
    next(search)
    count = 1
    lie = open_node(b"\1" + bytes(range(256)) * 2)
    try:
        while True:
            search.send(lie)
            count += 1
    except StopIteration:
        assert count <= 64
