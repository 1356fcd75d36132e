"""Data types: names, promotion by Keras's lattice with 64 bits kept, and the types that operations really give."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from kerasish import KerasTensor, Tensor, config, ops
from kerasish.autograd import dtypes

ml_dtypes = pytest.importorskip("ml_dtypes", reason="bfloat16 is a type of ml_dtypes")

NAMES = ("bool", *dtypes.INTS, *dtypes.FLOATS)
COMPLEX = ("complex64", "complex128")


def numpy_dtype(name):
    return np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)


@pytest.fixture
def bound(oracle):
    """The least upper bound on Keras's lattice, before its backends narrow 64 bits."""
    from keras.src.backend.common.dtypes import _least_upper_bound

    def resolved(*names):
        # Behind its cache, which must not come to hold our names: Keras tells weak types by identity.
        lowest = _least_upper_bound.__wrapped__(*set(names))
        return {"float": "float32", "int": "int32"}.get(lowest, lowest)

    return resolved


@pytest.fixture
def floatx64():
    before = config.floatx()
    config.set_floatx("float64")
    yield
    config.set_floatx(before)


@pytest.mark.parametrize("first", [*NAMES, *COMPLEX, int, float])
def test_promotion_is_the_lattices(bound, first):
    for second in (*NAMES, *COMPLEX, int, float):
        names = [d if isinstance(d, str) else d.__name__ for d in (first, second)]
        if names == ["int", "int"] or names == ["float", "float"]:
            continue
        assert dtypes.result_type(first, second) == bound(*names), (first, second)
        assert dtypes.result_type(second, first) == bound(*names)


def test_promotion_of_three(bound):
    for names in itertools.combinations(NAMES, 3):
        assert dtypes.result_type(*names) == bound(*names), names


@pytest.mark.parametrize("pair", list(itertools.combinations(NAMES, 2)), ids="-".join)
def test_promotion_agrees_with_keras_up_to_64_bits(oracle, pair):
    narrow = {"int64": "int32", "uint64": "uint32", "float64": "float32"}
    found = dtypes.result_type(*pair)
    assert narrow.get(found, found) == oracle.backend.result_type(*pair)


def test_weak_types_follow_floatx(floatx64):
    assert dtypes.result_type("int32", float) == "float64"
    assert dtypes.result_type("bool", int) == "int64"
    assert dtypes.result_type("float32", float) == "float32"
    assert dtypes.result_type() == "float64"
    assert dtypes.result_type("int64", "uint64") == "float64"


@pytest.mark.parametrize(
    ("dtype", "name"),
    [
        (None, "float32"),
        (int, "int32"),
        (float, "float32"),
        (bool, "bool"),
        (str, "string"),
        (complex, "complex64"),
        ("int", "int32"),
        ("float", "float32"),
        (np.float64, "float64"),
        (np.dtype("uint8"), "uint8"),
        (ml_dtypes.bfloat16, "bfloat16"),
        ("bfloat16", "bfloat16"),
    ],
)
def test_standard_names(dtype, name):
    assert dtypes.standardize_dtype(dtype) == name


@pytest.mark.parametrize("dtype", ["float8", "int128", object(), 3])
def test_what_is_no_dtype(dtype):
    with pytest.raises((ValueError, TypeError), match="Invalid dtype"):
        dtypes.standardize_dtype(dtype)


def test_strings_take_no_part():
    with pytest.raises(ValueError, match="'string' takes no part in type promotion"):
        dtypes.result_type("string", "int32")


# What operations give

ARITHMETIC = [
    ops.add, ops.multiply, ops.maximum, ops.minimum, ops.floor_divide, ops.mod, ops.power, ops.subtract,
    lambda x, y: ops.where(np.array([True, False]), x, y),
    lambda x, y: ops.concatenate([x, y]),
    lambda x, y: ops.stack([x, y]),
    ops.matmul,
]  # fmt: skip
COUNTING = {"floor_divide", "mod", "power"}  # booleans are counted with


@pytest.mark.parametrize("function", ARITHMETIC, ids=lambda f: f.__name__)
def test_binary_operations_have_the_promoted_type(bound, function):
    for first, second in itertools.product(NAMES, NAMES):
        if function is ops.subtract and first == second == "bool":
            continue
        expected = bound(first, second)
        if function.__name__ in COUNTING and expected == "bool":
            expected = "int32"
        if function is ops.matmul and first == second == "int8":
            expected = "int32"
        x, y = (np.array([1, 1]).astype(numpy_dtype(name)) for name in (first, second))
        found = function(ops.convert_to_tensor(x), ops.convert_to_tensor(y))
        assert found.dtype == expected, (first, second)
        symbol = function(KerasTensor((2,), first), KerasTensor((2,), second))
        assert symbol.dtype == expected, (first, second)


NUMBERS = [
    ("bool", 2, "int32"),
    ("bool", 2.5, "float32"),
    ("bool", True, "bool"),
    *((name, 2, name) for name in NAMES[1:]),
    *((name, True, name) for name in NAMES[1:]),
    *((name, 2.5, "float32") for name in dtypes.INTS),
    *((name, 2.5, name) for name in dtypes.FLOATS),
    *((name, np.float64(2.5), name) for name in dtypes.FLOATS),
    ("float16", np.float32(2.5), "float32"),
    ("int8", np.int32(2), "int32"),
    ("float32", np.int64(2), "float32"),
    ("float32", 1j, "complex64"),
]


@pytest.mark.parametrize(("name", "number", "expected"), NUMBERS, ids=str)
def test_python_numbers_are_weak(name, number, expected):
    x = ops.convert_to_tensor(np.array([1, 1]).astype(numpy_dtype(name)))
    mask = np.array([True, False])
    functions = [ops.add, ops.multiply] + ([] if isinstance(number, complex) else [ops.maximum])
    for function in (*functions, lambda x, y: ops.where(mask, x, y)):
        for found in (function(x, number), function(number, x)):
            assert found.dtype == expected
    if not isinstance(number, complex):
        symbol = KerasTensor((2,), name)
        assert ops.add(symbol, number).dtype == ops.where(mask, number, symbol).dtype == expected


@pytest.mark.parametrize("name", NAMES)
def test_true_division_and_transcendental_functions_are_floats(name):
    expected = name if name in dtypes.FLOATS else "float32"
    x = ops.convert_to_tensor(np.array([1, 1]).astype(numpy_dtype(name)))
    symbol = KerasTensor((2,), name)
    for function in (
        lambda x: x / x, lambda x: x / 2, lambda x: 2 / x, ops.exp, ops.log, ops.sqrt, ops.sin, ops.tanh, ops.sigmoid,
        ops.relu6, ops.softmax, ops.log_softmax, ops.mean, ops.var, ops.std, ops.logsumexp, ops.gelu, ops.elu, ops.selu,
        ops.silu, ops.leaky_relu, ops.rsqrt, ops.norm, ops.softsign, ops.floor, ops.ceil, ops.hard_tanh,
        ops.hard_shrink, lambda x: ops.divide_no_nan(x, x), ops.celu, ops.normalize,
    ):  # fmt: skip
        assert function(x).dtype == expected, function
        assert function(symbol).dtype == expected, function


@pytest.mark.parametrize(
    ("name", "total"),
    [
        ("bool", "int32"),
        ("uint8", "uint32"),
        ("uint16", "uint32"),
        ("uint32", "uint32"),
        ("uint64", "uint64"),
        ("int8", "int32"),
        ("int16", "int32"),
        ("int32", "int32"),
        ("int64", "int64"),
        ("float16", "float16"),
        ("bfloat16", "bfloat16"),
        ("float32", "float32"),
        ("float64", "float64"),
    ],
)
def test_reductions_of_small_integers_do_not_overflow(name, total):
    many = ops.convert_to_tensor(np.ones(300).astype(numpy_dtype(name)))
    symbol = KerasTensor((300,), name)
    for x in (many, symbol):
        assert ops.sum(x).dtype == ops.prod(x).dtype == total
        assert ops.max(x).dtype == ops.min(x).dtype == name
        assert ops.argmax(x).dtype == ops.argsort(x).dtype == ops.count_nonzero(x).dtype == "int32"
        assert ops.cumsum(x).dtype == ops.cumprod(x).dtype == ("int32" if name == "bool" else name)
    if name != "bfloat16":  # which cannot hold 300
        assert ops.sum(many).item() == 300
    assert ops.mean(many).item() == 1.0


def test_comparisons_are_bool():
    for x in (Tensor([1.0, 2.0]), KerasTensor((2,))):
        for found in (
            x < 1,
            x == 1.0,
            ops.logical_and(x, x),
            ops.isnan(x),
            ops.any(x, axis=0),
            ops.isclose(x, x),
        ):
            assert found.dtype == "bool"


def test_casts():
    x = Tensor([1.9, -1.9, 0.0])
    assert ops.cast(x, "int32").tolist() == [1, -1, 0]
    assert ops.cast(x, "bool").tolist() == [True, True, False]
    assert ops.cast(x, x.dtype) is x
    assert ops.saturate_cast(Tensor([300.0, -5.0]), "uint8").tolist() == [255, 0]
    assert ops.saturate_cast(Tensor([2**31 * 4.0]), "int32").item() <= 2**31 - 1
    assert ops.saturate_cast(Tensor([300, -300]), "int8").tolist() == [127, -128]
    assert ops.convert_to_tensor([1, 2], dtype="float16").dtype == "float16"


def test_a_number_that_does_not_fit():
    with pytest.raises(OverflowError, match="300 out of bounds for uint8"):
        Tensor([1], dtype="uint8") + 300
