"""Nested structures behave as those of `keras.tree`."""

from __future__ import annotations

import collections
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kerasish import tree

Point = collections.namedtuple("Point", ["x", "y"])
OtherPoint = collections.namedtuple("OtherPoint", ["x", "y"])
# A few letters do for what is never looked at: Hypothesis takes seconds to learn which there are in all.
leaves = st.one_of(st.integers(), st.text(alphabet="ab é", max_size=3), st.none(), st.floats(allow_nan=False))
SETTINGS = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
keys = st.text(alphabet="abcdef", max_size=2)
structures = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(keys, inner, max_size=3),
        st.dictionaries(keys, inner, max_size=3).map(collections.OrderedDict),
        st.dictionaries(keys, inner, max_size=3).map(lambda d: collections.defaultdict(list, d)),
        st.lists(inner, max_size=3).map(lambda items: collections.deque(items, maxlen=7)),
        st.tuples(inner, inner).map(lambda pair: Point(*pair)),
    ),
    max_leaves=12,
)


@settings(SETTINGS)
@given(structure=structures)
def test_flatten_and_pack_are_inverse(structure):
    flat = tree.flatten(structure)
    packed = tree.pack_sequence_as(structure, flat)
    assert packed == structure
    tree.assert_same_structure(packed, structure)
    assert [leaf for _, leaf in tree.flatten_with_path(structure)] == flat
    assert len({path for path, _ in tree.flatten_with_path(structure)}) == len(flat)
    assert tree.map_structure(lambda leaf: leaf, structure) == structure
    assert tree.map_structure(lambda a, b: a, structure, structure) == structure


@settings(SETTINGS)
@given(structure=structures)
def test_the_functions_agree_with_keras(oracle, structure):
    keras = oracle
    assert tree.is_nested(structure) == keras.tree.is_nested(structure)
    assert tree.flatten(structure) == keras.tree.flatten(structure)
    assert tree.flatten_with_path(structure) == keras.tree.flatten_with_path(structure)
    for none_is_leaf in (True, False):
        ours, theirs = (
            module.map_structure(repr, structure, none_is_leaf=none_is_leaf) for module in (tree, keras.tree)
        )
        assert repr(ours) == repr(theirs)
    assert tree.lists_to_tuples(structure) == keras.tree.lists_to_tuples(structure)
    for top_down in (True, False):
        visits = []
        for module in (tree, keras.tree):
            visited: list = []
            module.traverse(visited.append, structure, top_down=top_down)
            visits.append(visited)
        assert visits[0] == visits[1]


@settings(SETTINGS)
@given(a=structures, b=structures)
def test_two_structures_match_where_keras_says_so(oracle, a, b):
    keras = oracle
    for name in ("assert_same_structure", "assert_same_paths"):
        answers = []
        for module in (tree, keras.tree):
            try:
                getattr(module, name)(a, b)
                answers.append(True)
            except ValueError:
                answers.append(False)
        assert answers[0] == answers[1], name


def test_dicts_are_visited_by_sorted_key_and_rebuilt_in_their_order():
    assert tree.flatten({"b": 1, "a": 2}) == [2, 1]
    assert list(tree.map_structure(str, {"b": 1, "a": 2}).items()) == [("b", "1"), ("a", "2")]
    assert tree.flatten(collections.OrderedDict([("b", 1), ("a", 2)])) == [1, 2]
    ordered = tree.map_structure(lambda x, y: (x, y), collections.OrderedDict(b=1, a=2), {"a": 3, "b": 4})
    assert list(ordered.items()) == [("b", (1, 4)), ("a", (2, 3))]
    assert tree.flatten({"a": 1, 2: 2}) == [1, 2]  # keys that cannot be sorted keep their order


def test_traverse_replaces_and_stops():
    def func(part):
        return tree.MAP_TO_NONE if part == 1 else "pair" if part == (1, 2) else None

    assert tree.traverse(func, [1, (1, 2), {"a": 1}]) == [None, "pair", {"a": None}]


def test_map_up_to_leaves_what_is_deeper():
    assert tree.map_structure_up_to([None, {"a": 0}], len, [[1, 1], {"a": [2]}]) == [2, {"a": 1}]
    with pytest.raises(ValueError, match="Expected an instance of list, got 2"):
        tree.map_structure_up_to([1, [2, 3]], str, [[1, 1], 2])


def test_shapes_are_leaves_of_map_shape_structure():
    shapes = {"a": (1, None), "b": [(2, 3, 4), ()]}
    assert tree.map_shape_structure(len, shapes) == {"a": 2, "b": [3, 0]}


def test_none_leaves_pass_through_on_demand():
    assert tree.map_structure(lambda a, b: a + b, [1, None], [2, None], none_is_leaf=False) == [3, None]
    assert tree.map_structure(str, None, none_is_leaf=False) is None
    with pytest.raises(ValueError, match="Some leaves are None"):
        tree.map_structure(max, [None], [1], none_is_leaf=False)


def test_registered_classes_are_containers_and_subclasses_are_not():
    @tree.register_tree_node_class
    class Pair:
        def __init__(self, a, b):
            self.a, self.b = a, b

        def tree_flatten(self):
            return (self.a, self.b), "metadata", ("a", "b")

        @classmethod
        def tree_unflatten(cls, metadata, children):
            assert metadata == "metadata"
            return cls(*children)

    class MyList(list):
        pass

    pair = tree.map_structure(lambda x, y: x + y, Pair(1, [2]), Pair(3, [4]))
    assert (pair.a, pair.b) == (4, [6])
    assert tree.flatten_with_path(Pair(1, 2)) == [(("a",), 1), (("b",), 2)]
    assert not tree.is_nested(MyList([1]))
    assert tree.flatten([MyList([1])]) == [[1]]
    assert isinstance(tree.map_structure(lambda x: x, os.stat("/")), os.stat_result)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: tree.map_structure(len), ValueError, "at least one structure"),
        (lambda: tree.map_structure(1, [1]), TypeError, "`func` must be callable"),
        (lambda: tree.map_structure(max, [1, 2], (1, 2)), ValueError, "instance of list, got"),
        (lambda: tree.map_structure(max, [1, 2], [1, 2, 3]), ValueError, "expected: 2, got: 3"),
        (lambda: tree.map_structure(max, {"a": 1}, {"b": 1}), ValueError, r"expected key\(s\): \['a'\]"),
        (lambda: tree.map_structure(max, 1, [1]), ValueError, "same nested structure"),
        (lambda: tree.pack_sequence_as([1, 2], [1]), ValueError, "Too few leaves .* expected: 2, got: 1"),
        (lambda: tree.pack_sequence_as(1, [1, 2]), ValueError, "Too many leaves"),
        (lambda: tree.pack_sequence_as([1], 5), TypeError, "not iterable"),
        (lambda: tree.assert_same_paths([1], [[1]]), ValueError, r"missing in `b`:\n\{\(0,\)\}"),
        (lambda: tree.assert_same_structure(Point(1, 2), OtherPoint(1, 2)), ValueError, "instance of Point"),
    ],
)
def test_errors_say_what_differs(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_check_types_is_deprecated():
    with pytest.warns(DeprecationWarning, match="assert_same_paths"):
        tree.assert_same_structure([1], [1], check_types=False)
