"""Every differentiable primitive against central differences in float64, first and second order."""

from __future__ import annotations

import importlib
import pkgutil

import numpy as np
import pytest
from convolution_cases import CONVOLUTION_CASES
from gradient_cases import CASES, Case
from more_gradient_cases import COMPOSITIONS, MORE_CASES

from kerasish import ops, tree
from kerasish.autograd import KerasTensor, Tensor, gradients_of, no_grad
from kerasish.autograd.primitive import TABLE

# The engine's primitives: importing all of it registers them; other tests may register more.
for _package in ("autograd", "ops", "random"):
    _home = importlib.import_module(f"kerasish.{_package}")
    for _module in pkgutil.walk_packages(_home.__path__, f"{_home.__name__}."):
        importlib.import_module(_module.name)
PRIMITIVES = dict(TABLE)

CASES = {**CASES, **MORE_CASES, **CONVOLUTION_CASES}

POINTS = [
    pytest.param(name, case, id=f"{name}: {case.label}")
    for table in (CASES, COMPOSITIONS)
    for name, cases in table.items()
    for case in cases
]


def total(case: Case, tensors: list[Tensor]) -> Tensor:
    """Return the case's results summed with weights that tell every element from the others."""
    result = None
    for output in tree.flatten(case.function(*tensors)):
        weights = np.cos(np.arange(output.size) * 1.7 + 0.4).reshape(output.shape) + 1.5
        part = ops.sum(output * ops.convert_to_tensor(weights))
        result = part if result is None else result + part
    return result


def gradients(
    case: Case, arrays: list, create_graph: bool = False
) -> tuple[list[Tensor], list[Tensor], Tensor]:
    leaves = [ops.convert_to_tensor(a) for a in arrays]  # which keeps the array's strides
    for leaf in leaves:
        leaf.requires_grad = True
    value = total(case, leaves)
    found = gradients_of([value], leaves, create_graph=create_graph)
    filled = [
        ops.zeros(leaf.shape, leaf.dtype) if g is None else g for g, leaf in zip(found, leaves, strict=True)
    ]
    return filled, leaves, value


def central_differences(function, arrays: list, step: float) -> list[np.ndarray]:
    results = []
    for i, array in enumerate(arrays):
        slope = np.zeros(array.shape)
        for place in np.ndindex(array.shape):
            ends = []
            for sign in (1.0, -1.0):
                moved = array.copy()
                moved[place] += sign * step
                ends.append(function([*arrays[:i], moved, *arrays[i + 1 :]]))
            slope[place] = (ends[0] - ends[1]) / (2 * step)
        results.append(slope)
    return results


def assert_close(found: list[np.ndarray], expected: list[np.ndarray], tolerance: float) -> None:
    for g, slope in zip(found, expected, strict=True):
        assert g.shape == slope.shape
        assert g.dtype == np.float64
        scale = max(1.0, float(np.max(np.abs(slope), initial=0.0)))
        np.testing.assert_allclose(g, slope, rtol=0, atol=tolerance * scale)


def mixed(found: list[Tensor]) -> Tensor:
    """Return a weighted sum of first gradients, whose gradient is a row of second ones."""
    parts = [
        ops.sum(g * ops.convert_to_tensor(np.sin(np.arange(g.size) * 2.3 + 0.9).reshape(g.shape) + 1.5))
        for g in found
    ]
    return sum(parts[1:], parts[0])


@pytest.mark.parametrize(("name", "case"), POINTS)
def test_first_order(name, case):
    def value(arrays):
        with no_grad():
            return total(case, [Tensor(a) for a in arrays]).item()

    found, _, result = gradients(case, list(case.arrays))
    assert np.isfinite(result.item())
    expected = central_differences(value, list(case.arrays), case.step)
    assert_close([g.numpy() for g in found], expected, case.tolerance)


@pytest.mark.parametrize(("name", "case"), [p for p in POINTS if p.values[1].second])
def test_second_order(name, case):
    def first(arrays):
        return mixed(gradients(case, arrays)[0]).item()

    found, leaves, _ = gradients(case, list(case.arrays), create_graph=True)
    weighted = mixed(found)
    second = gradients_of([weighted], leaves)
    filled = [
        np.zeros(leaf.shape) if g is None else g.numpy() for g, leaf in zip(second, leaves, strict=True)
    ]
    expected = central_differences(first, list(case.arrays), case.step)
    assert_close(filled, expected, 10 * case.tolerance)


LAYOUTS = {
    "negative strides": lambda a: a[(slice(None, None, -1),) * a.ndim].copy()[
        (slice(None, None, -1),) * a.ndim
    ],
    "column order": lambda a: np.asarray(a, order="F"),
    "every second element": lambda a: np.repeat(a, 2, axis=-1)[..., ::2] if a.ndim else a,
    "read-only": lambda a: np.broadcast_to(a, a.shape),
}


@pytest.mark.parametrize("name", CASES)
def test_memory_layout_does_not_matter(name):
    for case in CASES[name]:
        plain = [g.numpy() for g in gradients(case, list(case.arrays))[0]]
        for layout, lay in LAYOUTS.items():
            found, leaves, _ = gradients(case, [lay(a) for a in case.arrays])
            for g, expected, leaf, array in zip(found, plain, leaves, case.arrays, strict=True):
                np.testing.assert_allclose(g.numpy(), expected, rtol=1e-12, err_msg=f"{case.label}, {layout}")
                np.testing.assert_array_equal(leaf.numpy(), array)


@pytest.mark.parametrize("name", CASES)
def test_inferred_shapes_and_dtypes_are_the_computed_ones(name):
    for case in CASES[name]:
        symbols = [KerasTensor(a.shape, a.dtype) for a in case.arrays]
        if "mask" in case.label or name == "bincount":
            continue
        inferred = tree.flatten(case.function(*symbols))
        computed = tree.flatten(case.function(*[Tensor(a) for a in case.arrays]))
        for symbol, tensor in zip(inferred, computed, strict=True):
            assert (symbol.shape, symbol.dtype) == (tensor.shape, tensor.dtype), case.label


def recorded(outputs: list[Tensor]) -> set[str]:
    """Return the names of the primitives behind `outputs`."""
    names: set[str] = set()
    stack, seen = [t._node for t in outputs if t._node is not None], set()
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        names.add(node.prim.name)
        stack.extend(a._node for a in node.inputs if isinstance(a, Tensor) and a._node is not None)
    return names


def test_every_differentiable_primitive_has_a_case():
    missing = [
        name for name, primitive in PRIMITIVES.items() if primitive.differentiable and name not in CASES
    ]
    missing.remove("while_loop")  # whose rule is an error that says why it has no gradient
    assert not missing, f"add cases to gradient_cases.py for {missing}"
    assert not set(CASES) - set(PRIMITIVES), "cases of primitives that do not exist"


@pytest.mark.parametrize("name", CASES)
def test_a_case_applies_its_primitive(name):
    for case in CASES[name]:
        found, _, value = gradients(case, list(case.arrays), create_graph=True)
        if name in recorded([value, *found]):
            return
    pytest.fail(f"no case of {name!r} applies it")


@pytest.mark.parametrize("name", [n for n in CASES if n in ("affine", "reduce_mean", "relu", "softmax")])
def test_a_piece_computes_what_its_parts_do(name):
    for case in CASES[name]:
        in_parts, _, _ = gradients(case, list(case.arrays), create_graph=True)
        in_pieces, _, _ = gradients(case, list(case.arrays), create_graph=False)
        for one, other in zip(in_pieces, in_parts, strict=True):
            np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    "function",
    [ops.floor_divide, ops.equal, ops.less, ops.logical_and, ops.nextafter],
    ids=lambda f: f.__name__,
)
def test_functions_without_gradient_are_not_recorded(function):
    x = Tensor([1.0, 2.0], requires_grad=True)
    assert not function(x, x)._tracked
    assert recorded([function(x, x)]) == set()


def test_stop_gradient_cuts():
    x = Tensor([1.0, 2.0], requires_grad=True)
    (found,) = gradients_of([ops.sum(ops.stop_gradient(x) * x)], [x])
    np.testing.assert_array_equal(found.numpy(), [1.0, 2.0])


@pytest.mark.parametrize(
    ("function", "x", "expected"),
    [
        # Where both sides differ, what Keras's backends agree on.
        (ops.relu, [0.0, -0.0, 1.0], [0.0, 0.0, 1.0]),
        (ops.max, [2.0, 2.0, 2.0, 1.0], [1 / 3, 1 / 3, 1 / 3, 0.0]),
        (ops.min, [2.0, 1.0, 1.0, 1.0], [0.0, 1 / 3, 1 / 3, 1 / 3]),
        (lambda x: ops.max(x, initial=2.0), [2.0, 1.0], [0.5, 0.0]),
        (lambda x: ops.clip(x, -1.0, 1.0), [-2.0, 0.5, 3.0], [0.0, 1.0, 0.0]),
        (ops.sort, [1.0, 1.0, 0.5], [2.0, 3.0, 1.0]),
    ],
)
def test_corners(function, x, expected):
    leaf = Tensor(x, requires_grad=True)
    result = function(leaf)
    weights = np.arange(1, result.size + 1).reshape(result.shape) if function is ops.sort else 1.0
    (found,) = gradients_of([ops.sum(result * ops.convert_to_tensor(weights, "float32"))], [leaf])
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6)


def test_integers_carry_no_gradient():
    x = Tensor([1.5, 2.5], requires_grad=True)
    rounded = ops.cast(ops.cast(x, "int32"), "float32") * x
    (found,) = gradients_of([ops.sum(rounded)], [x])
    np.testing.assert_array_equal(found.numpy(), [1.0, 2.0])
