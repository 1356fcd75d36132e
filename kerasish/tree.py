"""Nested structures: lists, tuples, named tuples, dicts and deques whose leaves are anything else.

The functions and their meaning are those of `keras.tree`. Dictionaries are visited in the order of their
sorted keys (`collections.OrderedDict` in its own order) and rebuilt in the order in which they came. `None`
is a leaf. A subclass of a container is a leaf unless it is registered with `register_tree_node_class`.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

__all__ = [
    "MAP_TO_NONE",
    "assert_same_paths",
    "assert_same_structure",
    "flatten",
    "flatten_with_path",
    "is_nested",
    "lists_to_tuples",
    "map_shape_structure",
    "map_structure",
    "map_structure_up_to",
    "pack_sequence_as",
    "register_tree_node_class",
    "traverse",
]

_MAPPINGS = frozenset((dict, OrderedDict, defaultdict))
_MISMATCH = "Structures don't have the same nested structure."

# Container types by exact type; membership is the whole test for the common cases.
_nodes: set[type] = {list, tuple, dict, OrderedDict, defaultdict, deque}
_registered: set[type] = set()


class MAP_TO_NONE:
    """What a function given to `traverse` returns to replace a sub-structure with `None`."""


def register_tree_node_class(cls: type) -> type:
    """Makes instances of `cls` containers instead of leaves; usable as a class decorator.

    Example:

    >>> @kerasish.tree.register_tree_node_class
    ... class Pair:
    ...     def __init__(self, a, b):
    ...         self.a, self.b = a, b
    ...     def tree_flatten(self):
    ...         return (self.a, self.b), None
    ...     @classmethod
    ...     def tree_unflatten(cls, metadata, children):
    ...         return cls(*children)

    Args:
        cls: A class with a method `tree_flatten(self)` that returns `(children, metadata)` or
            `(children, metadata, path_entries)`, and a class method `tree_unflatten(metadata, children)`.

    Returns:
        `cls`.
    """
    _registered.add(cls)
    _nodes.add(cls)
    return cls


def is_nested(structure: Any) -> bool:
    """Tells whether `structure` is a container (list, tuple, named tuple, dict, deque) rather than a leaf.

    Example:

    >>> kerasish.tree.is_nested(42), kerasish.tree.is_nested({"foo": 42})
    (False, True)

    Args:
        structure: Anything.

    Returns:
        `True` for a container, an empty one included; `False` for a leaf.
    """
    kind = type(structure)
    return kind in _nodes or (issubclass(kind, tuple) and _is_named(kind))


def traverse(func: Callable, structure: Any, top_down: bool = True) -> Any:
    """Visits every sub-structure depth first and replaces those for which `func` returns something.

    Example:

    >>> seen = []
    >>> kerasish.tree.traverse(seen.append, [(1, 2), [3]])
    [(1, 2), [3]]
    >>> seen
    [[(1, 2), [3]], (1, 2), 1, 2, [3], 3]

    Args:
        func: Called with each sub-structure. `None` leaves it as it is (top down: its children are visited);
            anything else replaces it (top down: its children are not visited). `MAP_TO_NONE` replaces it
            with `None`.
        structure: The structure to visit.
        top_down: Whether containers are visited before their children (default) or after them.

    Returns:
        The structure with the replacements made.

    Raises:
        TypeError: If `func` is not callable.
    """
    _check_callable(func)
    return _traverse(func, structure, top_down)


def flatten(structure: Any) -> list:
    """Lists the leaves of a structure.

    Example:

    >>> kerasish.tree.flatten([[1, 2], {"b": 4, "a": 3}])
    [1, 2, 3, 4]

    Args:
        structure: An arbitrarily nested structure, or a leaf.

    Returns:
        A new list of the leaves, `None`s included.
    """
    kind = type(structure)
    if kind not in _nodes and not (issubclass(kind, tuple) and _is_named(kind)):
        return [structure]
    leaves: list = []
    _flatten_into(structure, leaves)
    return leaves


def flatten_with_path(structure: Any) -> list[tuple[tuple, Any]]:
    """Lists the leaves of a structure, each with the path that leads to it.

    Example:

    >>> kerasish.tree.flatten_with_path([{"foo": 42}])
    [((0, 'foo'), 42)]

    Args:
        structure: An arbitrarily nested structure, or a leaf.

    Returns:
        A list of `(path, leaf)`; a path is a tuple of indices and keys, empty if `structure` is a leaf.
    """
    pairs: list = []
    _flatten_with_path_into((), structure, pairs)
    return pairs


def map_structure(func: Callable, *structures: Any, none_is_leaf: bool = True) -> Any:
    """Applies `func` leaf by leaf and returns the results in the same structure.

    Example:

    >>> kerasish.tree.map_structure(lambda a, b: a * b, [1, {"k": 2}], [3, {"k": 4}])
    [3, {'k': 8}]

    Args:
        func: Called with one leaf of each structure.
        *structures: Structures of one layout.
        none_is_leaf: If `False`, `None` leaves are passed through without calling `func`.

    Returns:
        A structure of the same layout, and of the container types of the first structure.

    Raises:
        TypeError: If `func` is not callable.
        ValueError: If no structure is given, or their layouts differ.
    """
    if len(structures) == 1:
        structure = structures[0]
        kind = type(structure)
        if kind not in _nodes and not (issubclass(kind, tuple) and _is_named(kind)):
            return func(structure) if none_is_leaf or structure is not None else None
        _check_callable(func)
        return _map_one(func, structure, none_is_leaf)
    if not structures:
        raise ValueError("Must provide at least one structure")
    _check_callable(func)
    return _map_many(func, structures, none_is_leaf)


def map_structure_up_to(shallow_structure: Any, func: Callable, *structures: Any) -> Any:
    """Applies `func` at the leaves of `shallow_structure`; what lies deeper is passed as it is.

    Example:

    >>> kerasish.tree.map_structure_up_to([0, 0], len, [[1, 1], [2, 2, 2]])
    [2, 3]

    Args:
        shallow_structure: The layout to follow.
        func: Called with the part of each structure that stands where `shallow_structure` has a leaf.
        *structures: Structures that agree with `shallow_structure` and may be nested deeper.

    Returns:
        A structure of the layout of `shallow_structure`.

    Raises:
        TypeError: If `func` is not callable.
        ValueError: If no structure is given, or one of them is shallower or of another layout.
    """
    if not structures:
        raise ValueError("Must provide at least one structure")
    _check_callable(func)
    return _map_up_to(func, shallow_structure, structures)


def map_shape_structure(func: Callable, structure: Any) -> Any:
    """Like `map_structure`, with lists and tuples of ints and `None`s (shapes) as leaves.

    Example:

    >>> kerasish.tree.map_shape_structure(len, {"a": (1, None), "b": [(2, 3, 4)]})
    {'a': 2, 'b': [3]}

    Args:
        func: Called with each shape.
        structure: A nested structure of shapes.

    Returns:
        The structure with each shape replaced by the result of `func`.

    Raises:
        TypeError: If `func` is not callable.
    """
    _check_callable(func)

    def visit(part: Any) -> Any:
        if _is_shape(part) or not is_nested(part):
            return func(part)
        return _rebuild(part, [visit(child) for child in _children(part)])

    return visit(structure)


def assert_same_structure(a: Any, b: Any, check_types: bool | None = None) -> None:
    """Raises a `ValueError` unless two structures are nested in the same way with the same container types.

    `dict`, `OrderedDict` and `defaultdict` count as one type. `assert_same_paths` is the looser check.

    Example:

    >>> kerasish.tree.assert_same_structure([(0, 1)], [(2, 3)])

    Args:
        a: A structure.
        b: The structure to compare it with.
        check_types: Deprecated and without effect.

    Raises:
        ValueError: If the structures differ; the message says where and how.
    """
    if check_types is not None:
        import warnings

        warnings.warn(
            "The `check_types` argument is deprecated and has no effect. For a looser check use "
            "`tree.assert_same_paths()`.",
            DeprecationWarning,
            stacklevel=2,
        )
    _assert_same(a, b)


def assert_same_paths(a: Any, b: Any) -> None:
    """Raises a `ValueError` unless two structures have the same paths, whatever their container types.

    Example:

    >>> kerasish.tree.assert_same_paths([0, 1], (2, 3))

    Args:
        a: A structure.
        b: The structure to compare it with.

    Raises:
        ValueError: If a path exists in one structure only; the message lists these paths.
    """
    a_paths = {path for path, _ in flatten_with_path(a)}
    b_paths = {path for path, _ in flatten_with_path(b)}
    if a_paths == b_paths:
        return
    message = "`a` and `b` don't have the same paths."
    if a_paths - b_paths:
        message += f"\nPaths in `a` missing in `b`:\n{a_paths - b_paths}"
    if b_paths - a_paths:
        message += f"\nPaths in `b` missing in `a`:\n{b_paths - a_paths}"
    raise ValueError(message)


def pack_sequence_as(structure: Any, flat_sequence: Iterable) -> Any:
    """Arranges a flat sequence of leaves in the layout of `structure`; the inverse of `flatten`.

    Example:

    >>> kerasish.tree.pack_sequence_as({"b": 0, "a": 0}, [1, 2])
    {'b': 2, 'a': 1}

    Args:
        structure: The layout.
        flat_sequence: As many leaves as `structure` has.

    Returns:
        The leaves in the layout of `structure`.

    Raises:
        TypeError: If `flat_sequence` is not iterable.
        ValueError: If there are too few or too many leaves.
    """
    leaves = list(flat_sequence)
    expected = len(flatten(structure))
    if len(leaves) != expected:
        few_or_many = "few" if len(leaves) < expected else "many"
        raise ValueError(
            f"Too {few_or_many} leaves in `flat_sequence` for `structure`; "
            f"expected: {expected}, got: {len(leaves)}."
        )
    following = iter(leaves)
    return _map_one(lambda _: next(following), structure, True)


def lists_to_tuples(structure: Any) -> Any:
    """Replaces every list in a structure with a tuple.

    Example:

    >>> kerasish.tree.lists_to_tuples({"a": [1, [2]]})
    {'a': (1, (2,))}

    Args:
        structure: An arbitrarily nested structure.

    Returns:
        The same structure with tuples in place of lists.
    """
    return _traverse(lambda part: tuple(part) if isinstance(part, list) else None, structure, False)


def _check_callable(func: Any) -> None:
    if not callable(func):
        raise TypeError(f"`func` must be callable. Received: {func!r} (of type {type(func).__name__})")


def _is_named(kind: type) -> bool:
    """Whether a subclass of tuple is a named tuple or a structure sequence such as `os.stat_result`."""
    return hasattr(kind, "_fields") or hasattr(kind, "n_sequence_fields")


def _is_shape(part: Any) -> bool:
    return isinstance(part, (list, tuple)) and all(size is None or isinstance(size, int) for size in part)


def _sorted_keys(mapping: dict) -> list:
    """The keys in the order in which the values count as leaves."""
    if type(mapping) is OrderedDict or len(mapping) < 2:
        return list(mapping)
    try:
        return sorted(mapping)
    except TypeError:  # keys of several types: their own order is the only one there is
        return list(mapping)


def _children(node: Any) -> Any:
    kind = type(node)
    if kind is list or kind is tuple:
        return node
    if kind in _MAPPINGS:
        return [node[key] for key in _sorted_keys(node)]
    if kind in _registered:
        return list(node.tree_flatten()[0])
    return node


def _rebuild(node: Any, children: list) -> Any:
    """A container like `node` around other children, which come in the order of `_children(node)`."""
    kind = type(node)
    if kind is list:
        return children
    if kind is tuple:
        return tuple(children)
    if kind in _MAPPINGS:
        by_key = dict(zip(_sorted_keys(node), children, strict=True))
        if kind is dict:
            return {key: by_key[key] for key in node}
        items = [(key, by_key[key]) for key in node]
        return OrderedDict(items) if kind is OrderedDict else defaultdict(node.default_factory, items)
    if kind is deque:
        return deque(children, maxlen=node.maxlen)
    if kind in _registered:
        return kind.tree_unflatten(node.tree_flatten()[1], children)
    return kind(*children) if hasattr(kind, "_fields") else kind(children)


def _traverse(func: Callable, structure: Any, top_down: bool) -> Any:
    if top_down:
        result = func(structure)
        if result is None:
            if not is_nested(structure):
                return structure
            return _rebuild(structure, [_traverse(func, child, True) for child in _children(structure)])
    else:
        if is_nested(structure):
            structure = _rebuild(structure, [_traverse(func, child, False) for child in _children(structure)])
        result = func(structure)
        if result is None:
            return structure
    return None if result is MAP_TO_NONE else result


def _flatten_into(node: Any, leaves: list) -> None:
    for child in _children(node):
        kind = type(child)
        if kind in _nodes or (issubclass(kind, tuple) and _is_named(kind)):
            _flatten_into(child, leaves)
        else:
            leaves.append(child)


def _flatten_with_path_into(path: tuple, structure: Any, pairs: list) -> None:
    if not is_nested(structure):
        pairs.append((path, structure))
        return
    kind = type(structure)
    if kind in _MAPPINGS:
        entries: Iterable = _sorted_keys(structure)
    elif kind in _registered:
        flattened = structure.tree_flatten()
        entries = flattened[2] if len(flattened) > 2 else range(len(list(flattened[0])))
    else:
        entries = range(len(structure))
    for entry, child in zip(entries, _children(structure), strict=True):
        _flatten_with_path_into((*path, entry), child, pairs)


def _map_one(func: Callable, structure: Any, none_is_leaf: bool) -> Any:
    kind = type(structure)
    if kind in _nodes or (issubclass(kind, tuple) and _is_named(kind)):
        return _rebuild(structure, [_map_one(func, child, none_is_leaf) for child in _children(structure)])
    if structure is None and not none_is_leaf:
        return None
    return func(structure)


def _map_many(func: Callable, structures: tuple, none_is_leaf: bool) -> Any:
    first = structures[0]
    if is_nested(first):
        children = [_matching_children(first, other) for other in structures]
        return _rebuild(
            first, [_map_many(func, parts, none_is_leaf) for parts in zip(*children, strict=True)]
        )
    if any(is_nested(other) for other in structures[1:]):
        raise ValueError(f"{_MISMATCH} A leaf stands where another structure has a container.")
    if not none_is_leaf and any(other is None for other in structures):
        if all(other is None for other in structures):
            return None
        raise ValueError(f"{_MISMATCH} Some leaves are None where others are not.")
    return func(*structures)


def _map_up_to(func: Callable, shallow: Any, structures: tuple) -> Any:
    if not is_nested(shallow):
        return func(*structures)
    children = [_matching_children(shallow, other) for other in structures]
    return _rebuild(
        shallow,
        [
            _map_up_to(func, *pair)
            for pair in zip(_children(shallow), zip(*children, strict=True), strict=True)
        ],
    )


def _assert_same(a: Any, b: Any) -> None:
    if is_nested(a):
        for a_child, b_child in zip(_children(a), _matching_children(a, b), strict=True):
            _assert_same(a_child, b_child)
    elif is_nested(b):
        raise ValueError(f"{_MISMATCH} Expected a leaf, got a {type(b).__name__}: {_brief(b)}.")


def _matching_children(node: Any, other: Any) -> Any:
    """The children of `other` in the order of those of `node`, which must be a container like it."""
    if other is node:
        return _children(node)
    kind = type(node)
    if kind in _MAPPINGS:
        if type(other) not in _MAPPINGS:
            raise ValueError(f"{_MISMATCH} Expected an instance of {kind.__name__}, got {_brief(other)}.")
        keys = _sorted_keys(node)
        if node.keys() != other.keys():
            raise ValueError(
                f"{_MISMATCH} Dictionary key mismatch; expected key(s): {keys}, got: {_sorted_keys(other)}."
            )
        return [other[key] for key in keys]
    if type(other) is not kind:
        raise ValueError(f"{_MISMATCH} Expected an instance of {kind.__name__}, got {_brief(other)}.")
    expected, children = _children(node), _children(other)
    if len(expected) != len(children):
        raise ValueError(
            f"{_MISMATCH} {kind.__name__} arity mismatch; "
            f"expected: {len(expected)}, got: {len(children)}: {_brief(other)}."
        )
    return children


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
