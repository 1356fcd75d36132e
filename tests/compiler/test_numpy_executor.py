"""The NumPy executor alone: graphs as they were traced, against the primitives' own rules."""

from __future__ import annotations

import linecache
import threading
import traceback
import tracemalloc

import graph_reference as reference
import numpy as np
import pytest
import random_graphs
from hypothesis import given, settings

import kerasish
from kerasish import ops
from kerasish.autograd.abstract import Abstract
from kerasish.autograd.primitive import TABLE, Binary, Unary
from kerasish.autograd.primitives.indexing import ARRAY
from kerasish.compiler import (
    class_indices,  # noqa: F401  (the table of primitives has what has been loaded)
    passes,
    trace,
)
from kerasish.compiler.executors import lowering
from kerasish.compiler.executors.numpy import NumpyExecutable, _Instance
from kerasish.compiler.views import VIEWS
from kerasish.ops import activations  # noqa: F401

pytestmark = [pytest.mark.interpreted, pytest.mark.filterwarnings("error")]
DTYPES = ("float32", "float64", "float16", "int32", "uint8", "bool")


def variable(value, dtype="float32", **kwargs):
    return kerasish.Variable(np.asarray(value, dtype), **kwargs)


def compiled(function, *arrays):
    graph, _ = trace(function, [Abstract(a.shape, a.dtype) for a in arrays])
    return NumpyExecutable(graph)


def assert_same(result, wanted, exact=False):
    assert type(result) is np.ndarray
    assert result.dtype == wanted.dtype and result.shape == wanted.shape
    if exact or wanted.dtype.kind != "f":
        np.testing.assert_array_equal(result, wanted)
    else:
        tolerance = 8 * float(np.finfo(wanted.dtype).eps)
        np.testing.assert_allclose(result, wanted, rtol=tolerance, atol=tolerance)


# Every primitive, whatever its inputs are

LAYOUTS = {
    "argument": lambda x: x,
    "buffer": lambda x: TABLE["cast"](x, dtype=x._value.dtype),
    "transposed": lambda x: ops.transpose(TABLE["cast"](ops.transpose(x), dtype=x._value.dtype)),
    "sliced": lambda x: ops.concatenate([ops.reshape(x, (1, *x.shape))] * 3, 0)[1],
    "flipped": lambda x: TABLE["flip"](TABLE["flip"](x, axis=_axes(x)), axis=_axes(x)),
    "identity": lambda x: TABLE["identity"](TABLE["cast"](x, dtype=x._value.dtype)),
}


def _axes(x):
    return tuple(range(x.ndim))


def values(shape, dtype, seed, low=0.1, high=0.9):
    generator = np.random.default_rng(seed)
    if dtype == "bool":
        return generator.random(shape) < 0.5
    if np.dtype(dtype).kind in "iu":
        return generator.integers(1, 7, shape).astype(dtype)
    return generator.uniform(low, high, shape).astype(dtype)


def check_primitive(name, arrays, params, layout="argument", exact=False):
    """Compare a compiled primitive with its own rule, for two calls with different arguments."""
    primitive = TABLE[name]

    def function(*xs):
        return primitive(*[LAYOUTS[layout](x) for x in xs], **params)

    executable = compiled(function, *arrays)
    others = [np.ascontiguousarray(a[::-1]) if a.ndim and a.dtype.kind not in "iu" else a for a in arrays]
    kept = None
    for given_arrays in (arrays, others):
        before = [a.copy() for a in given_arrays]
        wanted = primitive(*map(ops.convert_to_tensor, given_arrays), **params)
        wanted = [w.numpy() for w in (wanted if type(wanted) is tuple else (wanted,))]
        results = executable(given_arrays)
        assert len(results) == len(wanted)
        for result, right in zip(results, wanted, strict=True):
            assert_same(result, right, exact)
            assert not any(np.shares_memory(result, a) for a in given_arrays)
        for array, value in zip(given_arrays, before, strict=True):
            np.testing.assert_array_equal(array, value)
        if kept is not None:
            for result, copy in kept:
                np.testing.assert_array_equal(result, copy)
                assert not any(np.shares_memory(result, r) for r in results)
        kept = [(r, r.copy()) for r in results]


ELEMENTWISE = [name for name, p in TABLE.items() if isinstance(p, (Unary, Binary))]


def runs_on(primitive, arrays):
    """Tell whether a primitive takes arrays of this type."""
    try:
        with np.errstate(all="ignore"):
            primitive(*map(ops.convert_to_tensor, arrays))
    except TypeError:
        return False
    return True


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise_primitives(name):
    primitive = TABLE[name]
    offset = 1.5 if name == "arccosh" else 0.0
    tried = 0
    for dtype in DTYPES:
        for shape in ((), (0, 3), (2, 3)):
            count = 1 if isinstance(primitive, Unary) else 2
            arrays = [values(shape, dtype, seed) for seed in range(count)]
            if offset and np.dtype(dtype).kind == "f":
                arrays = [np.asarray(a + a.dtype.type(offset)) for a in arrays]
            if not runs_on(primitive, arrays) or (name == "rint" and np.dtype(dtype).kind != "f"):
                continue  # (`ops.round` gives integers back as they are)
            tried += 1
            layouts = (
                LAYOUTS
                if shape == (2, 3) and dtype in ("float32", "int32", "bool")
                else ("argument", "buffer")
            )
            for layout in layouts:
                with np.errstate(all="ignore"):
                    check_primitive(name, arrays, {}, layout)
    assert tried >= 3


@pytest.mark.parametrize("name", [n for n in ELEMENTWISE if isinstance(TABLE[n], Binary)])
def test_broadcasting_and_numbers(name):
    primitive = TABLE[name]
    dtype = next(d for d in ("float32", "int32", "bool") if runs_on(primitive, [values((2,), d, 0)] * 2))
    shapes = [((2, 3), (3,)), ((2, 1), (1, 3)), ((), (2, 3)), ((2, 3), (1, 1, 1)), ((0, 3), (1, 3))]
    for x_shape, y_shape in shapes:
        check_primitive(name, [values(x_shape, dtype, 0), values(y_shape, dtype, 1)], {}, "buffer")
    if dtype == "bool":
        return
    number = 2 if dtype == "int32" else 2.0
    for shape in ((), (2, 3)):
        x = values(shape, dtype, 0)
        for function in (
            lambda a: primitive(a, number),
            lambda a: primitive(number, a),
            lambda a: primitive(-number, a),
        ):
            if name in ("gcd", "lcm", "left_shift", "right_shift") and function(x).numpy().min() < 0:
                continue
            graph, _ = trace(function, [Abstract(x.shape, x.dtype)])
            with np.errstate(all="ignore"):
                assert_same(NumpyExecutable(graph)([x])[0], reference.run(graph, [x])[0])


def _reductions():
    for name in ("reduce_sum", "reduce_max", "reduce_min", "reduce_prod", "reduce_all", "reduce_any"):
        for dtype in (
            ("bool",) if name in ("reduce_all", "reduce_any") else ("float32", "float64", "int32", "uint8")
        ):
            for axis in ((0,), (1,), (0, 2), (0, 1, 2), ()):
                yield name, [values((2, 3, 4), dtype, 0)], {"axis": axis, "keepdims": len(axis) == 1}
    yield "reduce_sum", [values((5, 3), "bool", 0)], {"axis": (0,), "keepdims": False}
    for dtype in ("float16", "float32", "float64"):
        for shape, axis in (((50, 3), (0,)), ((50, 3), (1,)), ((0, 3), (0,)), ((), ())):
            yield "reduce_sum", [values(shape, dtype, 0)], {"axis": axis, "keepdims": False}


def _products():
    for dtype in ("float32", "float64", "int32"):
        for tx in (False, True):
            for ty in (False, True):
                x = values((4, 3) if tx else (3, 4), dtype, 0)
                y = values((5, 4) if ty else (4, 5), dtype, 1)
                params = {"transpose_x": tx, "transpose_y": ty}
                yield "matmul", [x, y], params
                yield "matmul", [np.stack([x, x + x]), y], params
                yield "matmul", [np.stack([x, x + x]), np.stack([y, y + y])], params
                yield "matmul", [x, np.stack([y, y + y])], params
    yield "matmul", [values((2, 3, 4), "float32", 0), values((4, 0), "float32", 1)], {}
    yield "matmul", [values((2, 3, 0), "float32", 0), values((0, 2), "float32", 1)], {}
    yield "matmul", [values((0, 4), "float32", 0), values((4, 2), "float32", 1)], {}
    yield "matmul", [values((2, 1, 3, 4), "float32", 0), values((5, 4, 3), "float32", 1)], {}


def _moves():
    x = values((2, 3, 4), "float32", 0)
    whole = slice(None)
    for index in ((1,), (1, 2), (1, 2, 3), (whole, -1), (slice(None, None, -1), None, 1), (), (slice(2, 0),)):
        yield "slice", [x], {"index": index}
        shape = TABLE["slice"].infer(Abstract(x.shape, x.dtype), index=index).shape
        yield "unslice", [values(shape, "float32", 1)], {"index": index, "shape": x.shape}
    yield "reshape", [x], {"newshape": (4, 6)}
    yield "reshape", [values((1, 1), "float32", 0)], {"newshape": ()}
    yield "reshape", [values((), "float32", 0)], {"newshape": (1, 1)}
    yield "transpose", [x], {"axes": (2, 0, 1)}
    yield "transpose", [values((), "float32", 0)], {"axes": ()}
    yield "broadcast_to", [x[:, :1]], {"shape": (5, 2, 3, 4)}
    yield "broadcast_to", [values((), "float32", 0)], {"shape": (2, 3)}
    yield "flip", [x], {"axis": (0, 2)}
    for dtype in DTYPES:
        yield "copy", [values((2, 3), dtype, 0)], {}
        yield "identity", [values((2, 3), dtype, 0)], {}
        yield "stop_gradient", [values((), dtype, 0)], {}
        for target in DTYPES:
            yield (
                "cast",
                [values((2, 3), dtype, 0) * (1 if dtype == "bool" else 3)],
                {"dtype": np.dtype(target)},
            )
            yield "cast", [values((), dtype, 0)], {"dtype": np.dtype(target)}
    yield "concatenate", [x, x + 1, x[:, :1]], {"axis": 1}
    yield "concatenate", [x], {"axis": 0}
    yield "pad", [x], {"width": ((0, 0), (1, 2), (0, 0)), "value": 0.5}
    yield "pad", [x], {"width": ((0, 0), (0, 0), (0, 0)), "value": 0.0}


def _softmaxes():
    for dtype in ("float16", "float32", "float64"):
        for axis in (0, 1, 2):
            yield "softmax", [values((2, 3, 4), dtype, 0) * 9], {"axis": axis}
        yield "softmax", [values((3, 4), dtype, 0)], {"axis": 1}


def _gathers():
    x, rows = values((4, 3), "float32", 0), np.int32([[3, 0], [1, 1]])
    part = {"template": (slice(None), ARRAY)}
    yield "gather", [x, rows], {"template": (ARRAY,)}
    yield "gather", [x, rows % 3], part
    yield "gather", [x, rows, rows % 3], {"template": (ARRAY, ARRAY)}
    yield "scatter_add", [x, values((2, 2, 3), "float32", 1), rows], {"template": (ARRAY,)}
    yield "scatter_set", [x, values((2, 2), "float32", 1), rows, rows % 3], {"template": (ARRAY, ARRAY)}
    yield "scatter_set", [x, values((3,), "float32", 1)], {"template": (2,)}
    along = np.int64([[0], [2], [1], [1]])
    yield "take_along_axis", [x, along], {"axis": 1}
    yield "put_along_axis_add", [x, along, values((4, 1), "float32", 1)], {"axis": 1}
    for dtype in ("float32", "int32"):
        z = values((3, 4), dtype, 0)
        yield "argmax", [z], {"axis": 1, "keepdims": False}
        yield "argmin", [z], {"axis": 0, "keepdims": True}
        yield "argsort", [z], {"axis": 1}
        yield "cumsum", [z], {"axis": 0}
    yield "argmax", [values((3,), "float32", 0)], {"axis": 0, "keepdims": False}
    yield "random_bits", [np.uint32([1, 2])], {"shape": (3, 5)}
    yield "random_bits", [np.uint32([1, 2])], {"shape": ()}


def _choices():
    for dtype in ("float32", "float64", "int32", "bool"):
        for shapes in (((2, 3),) * 3, ((2, 1), (3,), (2, 3)), ((), (2, 3), ()), ((), (), ()), ((0, 2),) * 3):
            yield (
                "where",
                [
                    values(s, d, i)
                    for i, (s, d) in enumerate(zip(shapes, ("bool", dtype, dtype), strict=True))
                ],
                {},
            )


def _windows():
    x, kernel = values((2, 6, 5, 4), "float32", 0), values((3, 2, 2, 6), "float32", 1)
    params = {"strides": (2, 1), "padding": ((1, 1), (0, 1)), "dilation": (1, 1), "groups": 2}
    out = TABLE["conv"].kernels[np.ndarray](x, kernel, **params)
    yield "conv", [x, kernel], params
    yield "conv_kernel_gradient", [x, out], {"window": (3, 2), **params}
    yield "conv_transpose", [out, kernel], params


def _classes():
    x, places = values((3, 4), "float32", 0), np.int64([2, 4, 11])
    for dtype in ("int64", "int32", "uint8", "uint64"):
        yield "class_places", [np.int64([0, 4, 8]), np.array([2, 0, 3], dtype)], {"count": 4}
    for dtype in ("float32", "float64"):
        yield "at_places", [x.astype(dtype), places], {}
        yield "put_at_places", [x.astype(dtype), places, values((3,), dtype, 1)], {}


CASES = [
    *_reductions(), *_products(), *_moves(), *_softmaxes(), *_gathers(), *_choices(), *_windows(), *_classes()
]  # fmt: skip


def _by_name():
    table = {}
    for name, arrays, params in CASES:
        table.setdefault(name, []).append((arrays, params))
    return table


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", _by_name())
def test_other_primitives(name, layout):
    for arrays, params in _by_name()[name]:
        if layout == "sliced" and any(a.dtype.kind in "iu" for a in arrays[1:]):
            continue
        with np.errstate(all="ignore"):
            check_primitive(name, arrays, params, layout)


def test_every_primitive_with_a_rule_is_tested():
    pooling = {"max_pool", "max_pool_route", "max_pool_pick", "average_pool", "average_pool_transpose"}
    missing = set(TABLE) - set(ELEMENTWISE) - set(_by_name()) - pooling
    assert not [n for n in missing if n in lowering._RULES or n in VIEWS], missing


def test_pooling_goes_through():
    x = values((2, 6, 6, 3), "float32", 0)

    def function(x):
        with kerasish.GradientTape() as tape:
            tape.watch(x)
            y = ops.sum(ops.square(ops.max_pool(x, 2, 2)) + ops.average_pool(x, 2, 2))
        return y, tape.gradient(y, x)

    value, gradient = compiled(function, x)([x])
    wanted = function(ops.convert_to_tensor(x))
    np.testing.assert_allclose(value, wanted[0].numpy(), rtol=1e-5)
    np.testing.assert_allclose(gradient, wanted[1].numpy(), rtol=1e-5)


@pytest.mark.parametrize("number", [0.0, 0, 1.5, float("inf"), float("-inf"), float("nan"), -2.0])
def test_choices_between_values_and_numbers(number):
    c, x = np.array([[True, False], [False, True]]), values((2, 2), "float32", 0)
    x[1, 0] = np.nan
    for laid in (LAYOUTS["argument"], LAYOUTS["buffer"], LAYOUTS["transposed"]):
        for function in (
            lambda c, x, laid=laid: ops.where(c, laid(x), number),
            lambda c, x, laid=laid: ops.where(c, number, laid(x)),
            lambda c, x, laid=laid: ops.where(c[0], laid(x), number),
        ):
            (result,) = compiled(function, c, x)([c, x])
            np.testing.assert_array_equal(result, function(c, ops.convert_to_tensor(x)).numpy())


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_numbers_without_axes(dtype):
    """They are computed with NumPy's scalars, which must not show."""
    v = variable(0.5, dtype)

    def function(x, n):
        t = ops.cast(n, dtype) * 0.5 + x
        u = 2.0 / (1.0 - t**2.0) - (-2.0) ** t + ops.sqrt(ops.abs(t)) - ops.exp(-t)
        v.assign(v * 0.9 + u * 0.1)
        w = ops.reshape(u, (1,)) + ops.zeros((2,), dtype)
        return u, t, ops.stop_gradient(t), ops.sum(w), ops.where(t > 0.0, t, u), v * u, ops.argmax(w), w * t

    x, n = np.asarray(0.25, dtype), np.asarray(3, "int32")
    twin = compiled(function, x, n)
    for _ in range(3):
        graph = twin.graph
        with np.errstate(all="ignore"):
            wanted = reference.run(graph, [x, n])
            results = [*twin([x, n]), *reference.states(graph)]
        for result, right in zip(results, wanted, strict=True):
            assert_same(result, right)


def test_bfloat16():
    pytest.importorskip("ml_dtypes")
    x = ops.cast([[1.0, 2.0], [3.0, -4.0]], "bfloat16").numpy()

    def function(x):
        y = ops.relu(ops.exp(-x) * x + 1.0) @ x
        return ops.sum(y, 0), ops.max(y), ops.where(y > 1, y, 0), ops.cast(y, "float32"), ops.softmax(x)

    for result, eager in zip(compiled(function, x)([x]), function(ops.convert_to_tensor(x)), strict=True):
        assert result.dtype == eager.numpy().dtype
        np.testing.assert_allclose(result.astype("f4"), eager.numpy().astype("f4"), rtol=0.02)


# Variables

W = np.float32([[1, 2], [3, 4]])


class TestUpdates:
    def test_in_place_when_nothing_reads_the_old_value_later(self):
        v = variable(W)
        run = compiled(lambda x: [v.assign_sub(x * 0.5), None][1], W)
        array = v._array
        assert list(run.plan.in_place.values()) == [v]
        for step in (1, 2, 3):
            run([W])
            assert v._array is array
            np.testing.assert_array_equal(v.numpy(), W - W * 0.5 * step)
            array = v._array if v._shared else array
            v._shared = False  # `numpy` gave a copy

    def test_an_old_value_read_by_a_later_operation(self):
        v = variable(W)

        def function(x):
            old = v.value
            v.assign(v + x)
            return ops.exp(old) + v

        run = compiled(function, W)
        assert not run.plan.in_place
        for step in range(3):
            before = W * (step + 1)
            np.testing.assert_allclose(run([W])[0], np.exp(before) + before + W, rtol=1e-6)
            np.testing.assert_array_equal(v.numpy(), before + W)

    def test_an_old_value_read_through_a_view(self):
        v = variable(W)

        def function(x):
            turned = ops.transpose(v)
            v.assign(v * x)
            return turned * 2.0

        np.testing.assert_array_equal(compiled(function, W)([W])[0], W.T * 2)
        np.testing.assert_array_equal(v.numpy(), W * W)

    def test_an_update_from_its_own_view(self):
        v = variable(W)
        run = compiled(lambda: [v.assign(ops.transpose(v)), None][1])
        run([])
        np.testing.assert_array_equal(v.numpy(), W.T)
        run([])
        np.testing.assert_array_equal(v.numpy(), W)
        run = compiled(lambda: [v.assign(ops.flip(v, 1) + v), None][1])
        run([])
        np.testing.assert_array_equal(v.numpy(), W[:, ::-1] + W)

    def test_swapped(self):
        a, b = variable(W), variable(W * 10)

        def swap():
            kept = a.value
            a.assign(b)
            b.assign(kept)

        run = compiled(swap)
        for _ in range(3):
            run([])
        np.testing.assert_array_equal(a.numpy(), W * 10)
        np.testing.assert_array_equal(b.numpy(), W)

    def test_a_ring_of_three_with_sums(self):
        variables = [variable(W * 10**i) for i in range(3)]

        def rotate(x):
            old = [v.value for v in variables]
            for i, v in enumerate(variables):
                v.assign(old[i - 1] + x)
            return old[0] + old[1] + old[2]

        run = compiled(rotate, W)
        expected = [W * 10**i for i in range(3)]
        for _ in range(4):
            np.testing.assert_array_equal(run([W])[0], sum(expected))
            expected = [expected[i - 1] + W for i in range(3)]
        for v, value in zip(variables, expected, strict=True):
            np.testing.assert_array_equal(v.numpy(), value)

    def test_an_update_that_is_also_an_output_and_read(self):
        v = variable(W)

        def function(x):
            v.assign_add(x)
            return v.value, v.value * 2.0, ops.reshape(v, (4,)), v

        run = compiled(function, W)
        new, twice, flat, again = run([W])
        for result in (new, again):
            np.testing.assert_array_equal(result, W + W)
        np.testing.assert_array_equal(twice, 4 * W)
        np.testing.assert_array_equal(flat, 2 * W.ravel())
        run([W])
        np.testing.assert_array_equal(new, W + W)
        np.testing.assert_array_equal(flat, 2 * W.ravel())
        assert not np.shares_memory(new, again)

    def test_one_value_for_two_variables(self):
        a, b = variable(W), variable(W)

        def function(x):
            total = a + b + x
            a.assign(total)
            b.assign(total)

        compiled(function, W)([W])
        np.testing.assert_array_equal(a.numpy(), 3 * W)
        np.testing.assert_array_equal(b.numpy(), 3 * W)
        assert not np.shares_memory(a._array, b._array)

    def test_a_view_of_one_update_for_another_variable(self):
        a, b = variable(W), variable(W)

        def function(x):
            a.assign_add(x)
            b.assign(ops.transpose(a))

        run = compiled(function, W)
        run([W])
        run([W])
        np.testing.assert_array_equal(a.numpy(), 3 * W)
        np.testing.assert_array_equal(b.numpy(), 3 * W.T)

    def test_from_arguments_and_constants(self):
        a, b = variable(W), variable(W)

        def function(x):
            a.assign(x)
            b.assign(np.float32([[9, 9], [9, 9]]))

        x = W * 7
        compiled(function, x)([x])
        x[:] = 0
        np.testing.assert_array_equal(a.numpy(), W * 7)
        np.testing.assert_array_equal(b.numpy(), np.full((2, 2), 9))

    def test_broadcast_into_the_update(self):
        v, row = variable(W), variable(W[0])

        def function():
            v.assign(v + row)
            row.assign(row * 2.0)

        run = compiled(function)
        run([])
        np.testing.assert_array_equal(v.numpy(), W + W[0])
        run([])
        np.testing.assert_array_equal(v.numpy(), W + W[0] + 2 * W[0])

    def test_integers_and_numbers(self):
        steps, total = variable(0, "int32"), variable(0.0, "float64")

        def function(x):
            steps.assign_add(1)
            total.assign_add(ops.sum(x) * ops.cast(steps, "float64"))
            return steps

        x = np.ones(3)
        run = compiled(function, x)
        assert [int(run([x])[0]) for _ in range(3)] == [1, 2, 3]
        assert float(total.numpy()) == 3 * (1 + 2 + 3)

    def test_variables_are_marked_as_changed(self):
        v = variable([2.0])
        with kerasish.GradientTape() as tape:
            y = v * v
        compiled(lambda x: v.assign(x), np.float32([3]))([np.float32([3])])
        with pytest.raises(RuntimeError, match="changed in place"):
            tape.gradient(y, v)


class TestSharing:
    def test_old_views_keep_their_values(self):
        v = variable(W)
        run = compiled(lambda x: [v.assign_add(x), None][1], W)
        value, view, part = v.value, ops.transpose(v), v[0]
        run([W])
        after = v.value
        run([W])
        np.testing.assert_array_equal(value.numpy(), W)
        np.testing.assert_array_equal(view.numpy(), W.T)
        np.testing.assert_array_equal(part.numpy(), W[0])
        np.testing.assert_array_equal(after.numpy(), 2 * W)
        np.testing.assert_array_equal(v.numpy(), 3 * W)

    def test_an_argument_that_is_the_variables_own_value(self):
        v = variable(W)
        run = compiled(lambda x: v.assign(v + x) * x, W)
        given_value = v.value
        (result,) = run([given_value._value])
        np.testing.assert_array_equal(result, 2 * W * W)
        np.testing.assert_array_equal(given_value.numpy(), W)

    def test_assigned_between_calls(self):
        v, w = variable(W), variable(W)

        def function(x):
            v.assign_add(x)
            return v * w

        run = compiled(function, W)
        run([W])
        v.assign(W * 100)
        w.assign(W * 0 + 2)
        np.testing.assert_array_equal(run([W])[0], (W * 100 + W) * 2)
        v.assign_sub(W)
        np.testing.assert_array_equal(run([W])[0], (W * 100 + W) * 2)
        held = w.value
        w.assign(W * 0 + 3)
        np.testing.assert_array_equal(run([W])[0], (W * 100 + 2 * W) * 3)
        np.testing.assert_array_equal(held.numpy(), W * 0 + 2)

    def test_two_executables_of_the_same_variables(self):
        v = variable(W)
        add = compiled(lambda x: [v.assign_add(x), None][1], W)
        double = compiled(lambda: v.assign(v * 2.0))
        for _ in range(2):
            add([W])
            (result,) = double([])
        np.testing.assert_array_equal(result, ((W + W) * 2 + W) * 2)


class TestResults:
    def test_arguments_constants_states_and_duplicates(self):
        v, table = variable(W), W * 5

        def function(x):
            y = x + 1.0
            return (
                x,
                x,
                ops.convert_to_tensor(table),
                v,
                y,
                y,
                ops.transpose(y),
                x[0],
                v[1],
                y[0, 0],
                x[0, 0],
                v[0, 0],
            )

        run = compiled(function, W)
        x = W * 3
        results = run([x])
        wanted = (x, x, W * 5, W, x + 1, x + 1, (x + 1).T, x[0], W[1], x[0, 0] + 1, x[0, 0], W[0, 0])
        for result, right in zip(results, wanted, strict=True):
            assert_same(result, np.asarray(right), exact=True)
        for i, result in enumerate(results):
            assert result.flags.writeable
            for other in (x, table, v._array, *results[:i]):
                assert not np.shares_memory(result, other)

    def test_no_result_at_all(self):
        assert compiled(lambda x: None, W)([W]) == ()

    def test_not_contiguous_arguments(self):
        x = np.arange(24, dtype="float32").reshape(4, 6)
        function = compiled(
            lambda x: (ops.reshape(x, (6,)), x @ ops.transpose(x), ops.sum(x, 0)), x[::2, ::2]
        )
        for part in (x[::2, ::2], np.asfortranarray(x[::2, ::2]), x[2:, 3:], x[::-2, ::-2]):
            flat, product, total = function([part])
            np.testing.assert_array_equal(flat, part.reshape(6))
            np.testing.assert_array_equal(product, part @ part.T)
            np.testing.assert_array_equal(total, part.sum(0))

    def test_arguments_that_must_not_be_written(self):
        x = W.copy()
        x.flags.writeable = False
        np.testing.assert_array_equal(
            compiled(lambda x: ops.relu(x * 2.0 - 3.0), W)([x])[0], np.maximum(x * 2 - 3, 0)
        )

    def test_many_values_in_one_arena(self):
        """Buffers are used again, and never while something still needs them."""
        x = values((50, 40), "float32", 0)

        def function(x):
            kept = [ops.tanh(x * float(i)) for i in range(6)]
            mixed = [a @ ops.transpose(b) for a, b in zip(kept, kept[1:] + kept[:1], strict=True)]
            total = mixed[0]
            for i, m in enumerate(mixed[1:]):
                total = total * 0.5 + ops.relu(m - float(i))
            return ops.sum(total, 1), kept[3]

        run = compiled(function, x)
        assert run.plan.reused > 0
        graph = run.graph
        for result, right in zip(run([x]), reference.run(graph, [x]), strict=True):
            np.testing.assert_allclose(result, right, rtol=1e-5)


class TestThreads:
    def test_calls_at_the_same_time(self):
        w = variable(values((30, 30), "float32", 0))
        run = compiled(lambda x: ops.tanh(ops.tanh(x @ w) @ w), values((20, 30), "float32", 0))
        inputs = [values((20, 30), "float32", seed) for seed in range(4)]
        wanted = [run([x])[0] for x in inputs]
        wrong = []

        def work(i):
            for _ in range(100):
                if not np.array_equal(run([inputs[i]])[0], wanted[i]):
                    wrong.append(i)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong


class TestMemory:
    def test_a_steady_step_allocates_only_its_results(self):
        w = variable(values((256, 256), "float32", 0))

        def step(x):
            with kerasish.GradientTape() as tape:
                loss = ops.mean(ops.square(ops.softmax(ops.relu(x @ w) + 1.0) - 0.1))
            w.assign_sub(0.1 * tape.gradient(loss, w))
            return loss

        x = values((512, 256), "float32", 1)
        graph, _ = trace(step, [Abstract(x.shape, x.dtype)])
        run = NumpyExecutable(passes.optimize(graph))
        for _ in range(5):
            run([x])
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
            for _ in range(50):
                run([x])
            after, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert after - before < 2_000
        assert (
            peak - before < x.nbytes / 8
        )  # NumPy's own buffers for a change of type, 8192 elements at a time

    def test_buffers_are_aligned(self):
        run = compiled(lambda x: ops.tanh(ops.exp(x)) + 1.0, values((5, 7), "float32", 0))
        assert _Instance(run._program).arena.ctypes.data % 64 == 0
        assert all(offset % 64 == 0 for offset in run.plan.offsets.values())


class TestErrors:
    def test_a_failing_call_leaves_the_executable_usable(self):
        table, seen = variable(W), variable(0.0)

        def function(index):
            rows = ops.take(table, index, 0)
            seen.assign_add(1.0)
            table.assign_sub(ops.ones((2, 2)))
            return rows

        run = compiled(function, np.int32([0, 1]))
        with pytest.raises(IndexError, match="out of bounds"):
            run([np.int32([0, 5])])
        np.testing.assert_array_equal(table.numpy(), W)
        assert float(seen.numpy()) == 0
        np.testing.assert_array_equal(run([np.int32([1, 0])])[0], W[::-1])
        assert float(seen.numpy()) == 1

    def test_tracebacks_show_the_generated_line(self):
        run = compiled(lambda i: ops.take(W, i, 0), np.int32([0]))
        with pytest.raises(IndexError) as error:
            run([np.int32([7])])
        text = "".join(traceback.format_exception(error.value))
        assert "<compiled graph" in text and "gather_" in text

    def test_sources_go_with_their_program(self):
        run = compiled(lambda x: x + 1.0, W)
        name = run._program.make.__code__.co_filename
        assert linecache.getlines(name)[0].startswith("def make")
        del run
        assert name not in linecache.cache


@settings(max_examples=120, deadline=None)
@given(random_graphs.programs())
def test_random_programs(program):
    states = random_graphs.variables()
    graph = random_graphs.graph_of(random_graphs.function_of(program, states))
    run = NumpyExecutable(graph)
    for seed in range(3):
        arrays = random_graphs.arguments(seed)
        wanted = reference.run(graph, arrays)
        results = [*run(arrays), *reference.states(graph)]
        for result, right in zip(results, wanted, strict=True):
            assert_same(result, right)
