"""Random calls of `ops`."""

from __future__ import annotations

from typing import Any

import numpy as np
from cases import DTYPES, FLOATS, INTEGERS, Case, Draw

UNARY = """
abs absolute negative sign square exp exp2 expm1 sin cos tan sinh cosh tanh arctan arcsinh arccos arcsin arccosh arctanh
cbrt floor ceil trunc erf erfc relu relu6 sigmoid sparse_sigmoid softplus softsign silu swish log_sigmoid
hard_sigmoid hard_silu hard_swish selu tanh_shrink hard_tanh sparse_plus signbit log log1p log2 log10 sqrt rsqrt reciprocal
isnan isinf isfinite isposinf isneginf isreal logical_not conj conjugate real imag angle deg2rad rad2deg fabs sinc i0
copy ravel ndim shape size nonzero zeros_like ones_like transpose identity_of nan_to_num
""".split()
BINARY = """
add subtract multiply divide true_divide floor_divide mod fmod maximum minimum fmax fmin arctan2 hypot logaddexp logaddexp2
equal not_equal less less_equal greater greater_equal logical_and logical_or logical_xor divide_no_nan isclose
power heaviside
""".split()
INTEGER_BINARY = "bitwise_and bitwise_or bitwise_xor left_shift right_shift bitwise_left_shift bitwise_right_shift gcd lcm".split()
REDUCTIONS = """
sum mean prod max min amax amin any all std var median ptp nansum nanmean nanprod nanmax nanmin nanstd nanvar nanmedian
logsumexp
""".split()
ARG = "argmax argmin nanargmax nanargmin".split()
CUMULATIVE = "cumsum cumprod nancumsum nancumprod".split()


def unary(d: Draw) -> Case:
    name = d.of(*[n for n in UNARY if n != "identity_of"])
    return Case(name, [d.array() if not d.chance(0.1) else d.scalar()])


def binary(d: Draw) -> Case:
    name = d.of(*BINARY)
    x = d.array()
    args = [x, d.operand(x.shape)]
    if d.chance(0.5):
        args.reverse()
    return Case(name, args)


def integer_binary(d: Draw) -> Case:
    x = d.array(None, (*INTEGERS, "bool"), 0, 6)
    args = [
        x,
        d.array(d.of(x.shape, x.shape, ()), (*INTEGERS, "bool"), 0, 4) if d.chance(0.8) else d.integer(0, 3),
    ]
    return Case(d.of(*INTEGER_BINARY), args)


def bitwise_not(d: Draw) -> Case:
    return Case(d.of("bitwise_not", "bitwise_invert"), [d.array(None, (*INTEGERS, "bool"))])


def reduction(d: Draw) -> Case:
    x = d.array()
    kwargs: dict[str, Any] = {}
    if d.chance(0.8):
        kwargs["axis"] = d.axes(x.ndim)
    if d.chance(0.5):
        kwargs["keepdims"] = d.chance(0.7)
    name = d.of(*REDUCTIONS)
    if name in ("max", "min") and d.chance(0.3):
        kwargs["initial"] = d.of(0, 1.5, -2)
    if name == "prod" and d.chance(0.3):
        kwargs["dtype"] = d.of("float32", "int32", "bfloat16")
    return Case(name, [x], kwargs, tolerance=1e-4)


def count_nonzero(d: Draw) -> Case:
    x = d.array()
    return Case("count_nonzero", [x], {"axis": d.axes(x.ndim)})


def arg_reduction(d: Draw) -> Case:
    x = d.array()
    return Case(d.of(*ARG), [x], {"axis": d.of(None, d.axis(x.ndim)), "keepdims": d.chance(0.5)})


def cumulative(d: Draw) -> Case:
    x = d.array()
    return Case(
        d.of(*CUMULATIVE),
        [x],
        {
            "axis": d.of(None, d.axis(x.ndim)),
            **({"dtype": d.of("float32", "int32", "float16")} if d.chance(0.3) else {}),
        },
    )


def one_axis(d: Draw) -> Case:
    x = d.array()
    name = d.of(
        "softmax",
        "log_softmax",
        "sort",
        "argsort",
        "glu",
        "normalize",
        "flip",
        "diff",
        "expand_dims",
        "squeeze",
        "unstack",
        "logsumexp",
        "trapezoid",
    )
    axis = (
        d.axes(x.ndim)
        if name in ("softmax", "log_softmax", "flip", "squeeze", "logsumexp", "expand_dims")
        else d.axis(x.ndim)
    )
    kwargs = {"axis": axis}
    if name == "diff":
        kwargs["n"] = d.integer(0, 3)
    if name == "normalize":
        kwargs["order"] = d.of(1, 2, 3, 2.5, np.inf)
    return Case(name, [x], kwargs)


def parametric(d: Draw) -> Case:
    name, parameter = d.of(
        ("elu", "alpha"),
        ("celu", "alpha"),
        ("leaky_relu", "negative_slope"),
        ("hard_shrink", "threshold"),
        ("soft_shrink", "threshold"),
        ("squareplus", "b"),
        ("gelu", "approximate"),
        ("round", "decimals"),
        ("threshold", ""),
        ("clip", ""),
        ("nan_to_num", "nan"),
    )
    x = d.array()
    if name == "threshold":
        return Case(name, [x, d.of(0, 0.5, 1), d.of(0, -2, 0.5)])
    if name == "clip":
        return Case(name, [x, d.of(-1, 0.5, 0, -1.5), d.of(1, 2, 1.5, 0.75)])
    choices = {"approximate": (True, False), "decimals": (0, 1, -1, 2)}.get(parameter, (0.5, 1.0, 2.0, 0.25))
    return Case(name, [x], {parameter: d.of(*choices)})


def shapes(d: Draw) -> Case:
    x = d.array()
    name = d.of(
        "reshape",
        "broadcast_to",
        "tile",
        "repeat",
        "roll",
        "moveaxis",
        "swapaxes",
        "transpose",
        "pad",
        "rot90",
        "tril",
        "triu",
        "diag",
        "diagflat",
        "diagonal",
        "trace",
        "fliplr",
        "flipud",
        "squeeze",
        "flip",
    )
    rank = x.ndim
    if name == "reshape":
        return Case(name, [x, d.of(-1, (-1,), (-1, 1), x.shape[::-1], (x.size,), (1, -1, 1), [x.size])])
    if name == "broadcast_to":
        return Case(name, [x, (2, *(3 if n == 1 else n for n in x.shape))[d.integer(0, 1) :]])
    if name == "tile":
        return Case(name, [x, d.of(2, (2,), [2, 1], (1, 2, 1), 0, (2, 0), ())])
    if name == "repeat":
        axis = d.of(None, d.axis(rank))
        n = x.size if axis is None else (x.shape[axis] if rank and -rank <= axis < rank else 1)
        return Case(name, [x, d.of(2, 0, d.rng.integers(0, 3, n))], {"axis": axis})
    if name == "roll":
        return Case(name, [x, d.integer(-4, 4)], {"axis": d.of(None, d.axis(rank))})
    if name == "moveaxis":
        return Case(name, [x, d.axis(rank), d.axis(rank)])
    if name == "swapaxes":
        return Case(name, [x, d.axis(rank), d.axis(rank)])
    if name == "transpose":
        return Case(
            name,
            [x],
            {
                "axes": d.of(
                    None,
                    [int(a) for a in d.rng.permutation(rank)],
                    [int(a) - rank for a in d.rng.permutation(rank)],
                )
            },
        )
    if name == "pad":
        width = d.of(1, (1,), (1, 2), [[d.integer(0, 2), d.integer(0, 2)] for _ in range(rank)], 0)
        mode = d.of("constant", "reflect", "symmetric", "constant")
        return Case(
            name,
            [x, width],
            {
                "mode": mode,
                **({"constant_values": d.of(0, 1, 2.5)} if mode == "constant" and d.chance(0.5) else {}),
            },
        )
    if name == "rot90":
        return Case(name, [x], {"k": d.integer(-3, 5)})
    if name in ("tril", "triu", "diag", "diagflat"):
        return Case(name, [x], {"k": d.integer(-3, 3)})
    if name in ("diagonal", "trace"):
        return Case(
            name,
            [x],
            {
                "offset": d.integer(-2, 2),
                **({"axis1": d.axis(rank), "axis2": d.axis(rank)} if d.chance(0.5) else {}),
            },
        )
    return Case(name, [x])


def joining(d: Draw) -> Case:
    name = d.of("concatenate", "stack", "hstack", "vstack", "dstack", "append", "meshgrid")
    x = d.array()
    others = [d.array(x.shape) for _ in range(d.integer(0, 2))]
    if name == "append":
        return Case(
            name, [x, d.array(x.shape if d.chance(0.8) else None)], {"axis": d.of(None, d.axis(x.ndim))}
        )
    if name == "meshgrid":
        return Case(
            name,
            [d.array(d.of((3,), (2,), (), (0,))) for _ in range(d.integer(1, 3))],
            {"indexing": d.of("xy", "ij")},
        )
    kwargs = {"axis": d.axis(x.ndim + (name == "stack"))} if name in ("concatenate", "stack") else {}
    return Case(name, [[x, *others]], kwargs)


def splitting(d: Draw) -> Case:
    name = d.of("split", "array_split", "hsplit", "vsplit", "dsplit")
    x = d.array()
    kwargs = {"axis": d.axis(x.ndim)} if name in ("split", "array_split") else {}
    return Case(name, [x, d.of(1, 2, 3, [1], [1, 2], [2, 1], (0, 2), [-1])], kwargs)


def indexing(d: Draw) -> Case:
    name = d.of(
        "take",
        "take_along_axis",
        "get_item",
        "slice",
        "slice_update",
        "scatter",
        "scatter_update",
        "where",
        "select",
        "isin",
        "searchsorted",
        "digitize",
        "bincount",
        "unique",
        "top_k",
        "in_top_k",
        "one_hot",
        "multi_hot",
        "segment",
        "unravel_index",
        "argpartition",
    )
    x = d.array()
    rank = x.ndim
    ints = lambda shape, low, high: d.rng.integers(low, high, shape).astype(
        d.of("int32", "int32", "int8", "uint8") if low >= 0 else "int32"
    )
    if name == "take":
        axis = d.of(None, d.axis(rank))
        n = x.size if axis is None else (x.shape[axis] if rank and -rank <= axis < rank else 1)
        if n == 0:
            n = 1
        return Case(
            name,
            [
                x,
                d.of(ints(d.of((), (2,), (2, 2), (0,)), -n if d.chance(0.3) else 0, n), d.integer(-n, n - 1)),
            ],
            {"axis": axis},
        )
    if name == "take_along_axis":
        axis = d.of(None, d.axis(rank))
        if axis is None:
            return Case(name, [x, ints((2,), 0, max(x.size, 1))], {"axis": None})
        if not (rank and -rank <= axis < rank):
            return Case(name, [x, ints(x.shape, 0, 1)], {"axis": axis})
        shape = list(x.shape)
        shape[axis] = 2
        return Case(name, [x, ints(shape, 0, max(x.shape[axis], 1))], {"axis": axis})
    if name == "get_item":
        key = d.of(
            0,
            -1,
            slice(None, None, -1),
            slice(1, None),
            None,
            Ellipsis,
            (Ellipsis, 0),
            (slice(None), None),
            (0, slice(0, 2)),
            [1, 0],
            (slice(None), [0, 0]),
            slice(0, 0),
            (None, Ellipsis, slice(None, None, 2)),
        )
        return Case(name, [x, key])
    if name in ("slice", "slice_update"):
        start = [d.integer(0, max(n - 1, 0)) for n in x.shape]
        size = [d.integer(0, n - s) if n else 0 for n, s in zip(x.shape, start, strict=True)]
        if name == "slice":
            return Case(name, [x, d.of(list, tuple, np.array)(start) if rank else start, size])
        return Case(name, [x, start, d.values(tuple(size), str(x.dtype))])
    if name == "scatter":
        n = d.integer(0, 4)
        rows = d.integer(1, 2)
        shape = (3, 4)
        return Case(
            name, [d.rng.integers(0, 3, (n, rows)).astype("int32"), d.array((n, *shape[rows:])), shape]
        )
    if name == "scatter_update":
        x = d.array((3, 4), low=-2, high=2)
        n, rows = d.integer(0, 4), d.integer(1, 2)
        indices = (
            np.stack(np.unravel_index(d.rng.permutation(12)[:n], (3, 4)), -1)[:, :rows]
            if rows == 2
            else d.rng.permutation(3)[: min(n, 3)][:, None]
        )
        kwargs = {"reduction": d.of(None, "add", "mul", "max", "min")} if d.chance(0.6) else {}
        if kwargs.get("reduction"):
            indices = indices[d.rng.integers(0, len(indices), len(indices))] if len(indices) else indices
        return Case(
            name,
            [x, indices.astype("int32"), d.values((len(indices), *x.shape[rows:]), str(x.dtype))],
            kwargs,
        )
    if name == "where":
        if d.chance(0.1):
            return Case(name, [x])
        condition = d.operand(x.shape, ("bool", "bool", "int32", "float32"))
        return Case(name, [condition, x, d.operand(x.shape)])
    if name == "select":
        return Case(
            name,
            [[d.array(x.shape, ("bool",)) for _ in range(2)], [x, d.array(x.shape)]],
            {"default": d.of(0, 1.5, 2)},
        )
    if name == "isin":
        return Case(name, [x, d.array()], {"invert": d.chance(0.3)})
    if name == "searchsorted":
        return Case(
            name,
            [np.sort(d.array((4,), ("float32", "int32"), 0, 5)), d.array(None, ("float32", "int32"), 0, 5)],
            {"side": d.of("left", "right")},
        )
    if name == "digitize":
        return Case(name, [x, np.sort(d.array((d.integer(1, 4),), ("float32", "int32"), 0, 4))])
    if name == "bincount":
        v = ints(d.of((4,), (0,), (2, 3)), 0, 5)
        return Case(
            name,
            [v],
            {"minlength": d.of(0, 3, 8), "weights": d.of(None, None, d.array(v.shape, ("float32", "int32")))},
        )
    if name == "unique":
        v = d.array(d.of((5,), (2, 3), (), (0,)), ("int32", "float32", "bool", "uint8"), 0, 3)
        kwargs = {k: True for k in ("return_index", "return_inverse", "return_counts") if d.chance(0.4)}
        if d.chance(0.3):
            kwargs["size"] = 4
            if d.chance(0.5):
                kwargs["fill_value"] = 7
        return Case(name, [v], {**kwargs, **({"axis": d.axis(v.ndim)} if v.ndim and d.chance(0.3) else {})})
    if name == "top_k":
        return Case(name, [x, d.integer(1, 3)], {"sorted": True})
    if name == "in_top_k":
        return Case(name, [ints((3,), 0, 4).astype("int32"), d.array((3, 4), ("float32",)), d.integer(1, 4)])
    if name == "one_hot":
        v = d.values(d.shape(), d.of("int32", "uint8", "int8"), -1, 4)
        return Case(
            name,
            [v, d.integer(1, 4)],
            {
                "axis": d.integer(-v.ndim - 1, v.ndim),
                "dtype": d.of(None, "float32", "int32", "bool", "bfloat16"),
            },
        )
    if name == "multi_hot":
        v = d.values(d.of((3,), (2, 3), (2, 2, 3), (0,), (2, 0)), d.of("int32", "uint8"), 0, 3)
        return Case(
            name,
            [v],
            {"num_classes": 4, "axis": d.of(-1, d.axis(v.ndim)), "dtype": d.of(None, "float32", "int32")},
        )
    if name == "segment":
        n = d.integer(0, 5)
        ids = np.sort(d.rng.integers(0, 3, n)).astype("int32")
        if d.chance(0.4):
            d.rng.shuffle(ids)
        kwargs = {"num_segments": d.of(None, 3, 4, 2)} if n else {"num_segments": 3}
        return Case(
            d.of("segment_sum", "segment_max", "segment_min", "segment_prod"),
            [d.array(d.of((n,), (n, 2)), (*FLOATS, "int32", "int32")), ids],
            kwargs,
        )
    if name == "unravel_index":
        return Case(name, [ints(d.of((), (3,), (2, 2)), 0, 6), (2, 3)])
    return Case("argpartition", [d.array((6,), ("float32",)), d.integer(0, 5)])


def creation(d: Draw) -> Case:
    name = d.of(
        "arange",
        "linspace",
        "logspace",
        "geomspace",
        "full",
        "full_like",
        "zeros",
        "ones",
        "eye",
        "identity",
        "tri",
        "vander",
        "convert_to_tensor",
        "array",
        "cast",
        "saturate_cast",
        "view",
        "bartlett",
        "blackman",
        "hamming",
        "hanning",
        "kaiser",
    )
    dtype = (
        {"dtype": d.of("float32", "int32", "float16", "bfloat16", "bool", "uint8", "int8")}
        if d.chance(0.5)
        else {}
    )
    shape = d.shape()
    if name == "arange":
        args = d.of([3], [1, 4], [0, 2, 0.5], [5, 0, -2], [2.5], [0], [1, 1], [np.int32(4)], [0, 10, 3])
        return Case(name, args, {k: v for k, v in dtype.items() if v != "bool"})
    if name in ("linspace", "logspace", "geomspace"):
        low, high = (1, 8) if name == "geomspace" else (0, 3)
        kwargs = {"num": d.of(0, 1, 2, 5), "endpoint": d.chance(0.6)}
        args = d.of(
            [low, high],
            [float(low), 2.5],
            [np.array([1.0, 2.0], "float32"), np.array([3.0, 4.0], "float32")],
            [np.array([1, 2], "int32"), 5],
        )
        if isinstance(args[0], np.ndarray):
            kwargs["axis"] = d.of(0, -1, 1)
        return Case(
            name,
            args,
            {**kwargs, **{k: v for k, v in dtype.items() if v not in ("bool", "uint8")}},
            tolerance=1e-4,
        )
    if name == "full":
        return Case(name, [shape, d.of(1, 2.5, True, -1)], dtype)
    if name == "full_like":
        return Case(name, [d.array(), d.of(1, 2.5, True)], dtype)
    if name in ("zeros", "ones"):
        return Case(name, [d.of(shape, list(shape))], dtype)
    if name in ("eye", "tri"):
        return Case(name, [d.integer(0, 4)], {"M": d.of(None, 3, 2), "k": d.integer(-3, 3), **dtype})
    if name == "identity":
        return Case(name, [d.integer(0, 4)], dtype)
    if name == "vander":
        return Case(
            name,
            [d.array((3,), ("float32", "int32"))],
            {"N": d.of(None, 0, 2, 5), "increasing": d.chance(0.5)},
        )
    if name in ("convert_to_tensor", "array"):
        x = d.of(
            1,
            2.5,
            True,
            [1, 2],
            [1, 2.5],
            [True, False],
            [],
            [[1], [2]],
            (1, 2),
            np.float64(2),
            np.arange(3),
            d.array(),
            [1.0, True],
            [np.float32(1), 2],
            None,
            "a",
        )
        return Case(name, [x], dtype)
    if name in ("cast", "saturate_cast"):
        return Case(name, [d.array(low=-300, high=300), d.of(*DTYPES)])
    if name == "view":
        return Case(
            name,
            [d.array(d.of((4,), (2, 4), (4, 2)), ("float32", "int32", "uint8", "int16"))],
            {"dtype": d.of("int32", "float32", "uint8", "int16")},
        )
    return Case(name, [d.integer(0, 6), *([d.of(2.0, 0.0, 8.6)] if name == "kaiser" else [])])


def products(d: Draw) -> Case:
    name = d.of(
        "matmul",
        "dot",
        "inner",
        "outer",
        "vdot",
        "tensordot",
        "kron",
        "einsum",
        "cross",
        "cdist",
        "correlate",
        "corrcoef",
    )
    types = (*FLOATS, "int32", "int32", "uint8", "int8", "bool")
    if name == "matmul":
        left, right = d.of(
            ((2, 3), (3, 2)),
            ((3,), (3,)),
            ((3,), (3, 2)),
            ((2, 3), (3,)),
            ((2, 1, 2, 3), (4, 3, 2)),
            ((0, 3), (3, 2)),
            ((2, 0), (0, 3)),
            ((2, 3), (2, 3)),
            ((), (3,)),
            ((5, 2, 3), (3, 2)),
        )
        return Case(name, [d.array(left, types), d.array(right, types)], tolerance=1e-4)
    if name == "dot":
        left, right = d.of(
            ((2, 3), (3, 2)),
            ((3,), (3,)),
            ((), (3,)),
            ((2, 3), ()),
            ((2, 3), (3,)),
            ((2, 2, 3), (4, 3, 2)),
            ((0,), (0,)),
        )
        return Case(name, [d.array(left, types), d.array(right, types)], tolerance=1e-4)
    if name == "inner":
        left, right = d.of(((2, 3), (4, 3)), ((3,), (3,)), ((), (3,)), ((2, 3), (3,)))
        return Case(name, [d.array(left, types), d.array(right, types)], tolerance=1e-4)
    if name in ("outer", "kron"):
        return Case(name, [d.array(None, types), d.array(None, types)])
    if name == "vdot":
        x = d.array(None, types)
        return Case(name, [x, d.array(x.shape, types)], tolerance=1e-4)
    if name == "tensordot":
        left, right, axes = d.of(
            ((2, 3), (3, 2), 1),
            ((2, 3), (2, 3), 2),
            ((2, 3), (4,), 0),
            ((2, 3, 4), (4, 3, 2), [[1, 2], [1, 0]]),
            ((2, 3), (2, 4), ([0], [0])),
            ((2, 3), (4, 3), (1, 1)),
            ((2, 3, 4), (3, 4, 5), 2),
            ((2, 3), (4, 3), (-1, -1)),
        )
        return Case(name, [d.array(left, types), d.array(right, types)], {"axes": axes}, tolerance=1e-4)
    if name == "einsum":
        text, *shapes_ = d.of(
            ("ij,jk->ik", (2, 3), (3, 2)),
            ("ij->ji", (2, 3)),
            ("ii", (3, 3)),
            ("ii->i", (3, 3)),
            ("...i,...i->...", (2, 3), (2, 3)),
            ("i,j", (2,), (3,)),
            ("bij,bjk", (2, 3, 2), (2, 2, 3)),
            ("ij->", (2, 3)),
            ("i j , j k -> i k", (2, 3), (3, 2)),
            ("ij,ij->i", (2, 3), (2, 1)),
            ("abc,cd,de->abe", (2, 2, 3), (3, 2), (2, 2)),
            ("ij,jk->ik", (0, 3), (3, 2)),
            ("...ij,...jk->...ik", (4, 2, 3), (3, 2)),
            ("ab,b->a", (2, 3), (3,)),
            ("ijj->i", (2, 3, 3)),
        )
        return Case(name, [text, *[d.array(s, types) for s in shapes_]], tolerance=1e-4)
    if name == "cross":
        left, right = d.of(
            ((3,), (3,)),
            ((2, 3), (2, 3)),
            ((2, 3), (3,)),
            ((2,), (2,)),
            ((2,), (3,)),
            ((2, 2), (2, 2)),
            ((4, 3), (1, 3)),
        )
        return Case(name, [d.array(left, types), d.array(right, types)])
    if name == "cdist":
        return Case(name, [d.array((2, 3), FLOATS), d.array((4, 3), FLOATS)], tolerance=1e-3)
    if name == "correlate":
        return Case(
            name,
            [d.array((d.integer(1, 5),), types), d.array((d.integer(1, 5),), types)],
            {"mode": d.of("valid", "same", "full")},
            tolerance=1e-4,
        )
    return Case(name, [d.array((d.integer(2, 3), 6), ("float32", "int32", "float16"))], tolerance=1e-3)


def statistics(d: Draw) -> Case:
    name = d.of(
        "quantile", "percentile", "nanquantile", "nanpercentile", "average", "moments", "histogram", "median"
    )
    x = d.array(None, (*FLOATS, "int32", "bool"))
    if name in ("quantile", "nanquantile", "percentile", "nanpercentile"):
        scale = 100 if "percentile" in name else 1
        q = d.of(0.5, 0.25, np.array([0.1, 0.9], "float32"), [0.0, 0.5, 1.0], 1, 0)
        q = [v * scale for v in q] if isinstance(q, list) else q * scale
        return Case(
            name,
            [x, q],
            {
                "axis": d.axes(x.ndim),
                "keepdims": d.chance(0.5),
                "method": d.of("linear", "lower", "higher", "midpoint", "nearest"),
            },
            tolerance=1e-4,
        )
    if name == "average":
        axis = d.of(None, d.axis(x.ndim))
        ok = axis is not None and -x.ndim <= axis < x.ndim
        weights = d.of(
            None,
            d.array(x.shape, ("float32",), 0.1, 2),
            d.array((x.shape[axis],), ("float32",), 0.1, 2) if ok else None,
        )
        return Case(name, [x], {"axis": axis, "weights": weights}, tolerance=1e-4)
    if name == "moments":
        axes = d.axes(x.ndim)
        return Case(name, [x, axes if axes is not None else 0], {"keepdims": d.chance(0.5)}, tolerance=1e-3)
    if name == "histogram":
        return Case(
            name,
            [d.array(d.of((6,), (2, 3), (1,)), ("float32", "int32"))],
            {"bins": d.of(2, 5, 10), "range": d.of(None, (0, 2), (-1.5, 1.5))},
        )
    return Case(name, [x], {"axis": d.axes(x.ndim), "keepdims": d.chance(0.5)})


def linear_algebra(d: Draw) -> Case:
    name = d.of(
        "cholesky",
        "cholesky_inverse",
        "det",
        "inv",
        "logdet",
        "slogdet",
        "lstsq",
        "matrix_rank",
        "norm",
        "pinv",
        "solve",
        "solve_triangular",
        "eigh_values",
        "svd_values",
        "qr_values",
        "lu_values",
    )
    batch = d.of((), (), (2,), (0,), (2, 1))
    dtypes = ("float32", "float32", "float32", "int32", "float16")
    a = d.array((*batch, 3, 3), dtypes)
    a = np.nan_to_num(a.astype("float32"), posinf=1, neginf=-1).astype(a.dtype)
    kwargs: dict[str, Any] = {}
    if name in ("cholesky", "cholesky_inverse", "eigh_values"):
        a = (
            a.astype("float32") @ np.swapaxes(a.astype("float32"), -1, -2) + 3 * np.eye(3, dtype="float32")
        ).astype("float32")
        if name == "cholesky_inverse":
            a = np.linalg.cholesky(a)
        if name != "eigh_values":
            kwargs["upper"] = d.chance(0.3)
            if kwargs["upper"] and name == "cholesky_inverse":
                a = np.swapaxes(a, -1, -2)
    elif name not in ("norm", "pinv", "matrix_rank", "lstsq"):
        a = (a + 5 * np.eye(3)).astype(a.dtype)
    if name == "norm":
        x = d.array(None, (*FLOATS, "int32"))
        axis = d.axes(x.ndim)
        return Case(
            name,
            [x],
            {
                "ord": d.of(None, 2, 1, np.inf, -np.inf, "fro", "nuc", 0, 3, -1, -2, "bad"),
                "axis": axis,
                "keepdims": d.chance(0.5),
            },
            tolerance=1e-4,
        )
    if name in ("solve", "lstsq", "solve_triangular"):
        b = d.array((*batch, *d.of((3,), (3, 2), (3, 1))), dtypes)
        b = np.nan_to_num(b.astype("float32"), posinf=1, neginf=-1).astype(b.dtype)
        if name == "lstsq":
            a, b = d.array((d.of(3, 4, 2), 3), ("float32",)), None
            a = np.nan_to_num(a, posinf=1, neginf=-1)
            b = d.values((a.shape[0], *d.of((), (2,))), "float32")
        if name == "solve_triangular":
            kwargs["lower"] = d.chance(0.5)
        return Case(name, [a, b], kwargs, tolerance=1e-3)
    if name.endswith("_values"):
        op = name.split("_")[0]

        def call(keras: Any, args: Any, kwargs: Any) -> Any:
            o = keras.ops
            if op == "eigh":
                return o.eigh(*args)[0]
            if op == "svd":
                return o.svd(*args, compute_uv=False)
            if op == "qr":
                q, r = o.qr(*args)
                return o.matmul(q, r), o.abs(r)
            return o.lu_factor(*args)

        return Case(op, [a], {}, call, 1e-3)
    return Case(name, [a], kwargs, tolerance=1e-3)


def crossentropies(d: Draw) -> Case:
    name = d.of(
        "binary_crossentropy",
        "categorical_crossentropy",
        "sparse_categorical_crossentropy",
        "layer_normalization",
        "rms_normalization",
        "batch_normalization",
        "psnr",
        "dot_product_attention",
        "stft",
        "fft",
        "rfft",
        "irfft",
        "extract_sequences",
        "rearrange",
        "space_to_depth",
        "depth_to_space",
        "unfold",
    )
    if name == "binary_crossentropy":
        shape = d.shape()
        return Case(
            name,
            [d.array(shape, ("float32", "int32", "bool", "float16"), 0, 1), d.array(shape, FLOATS, 0, 1)],
            {"from_logits": d.chance(0.5)},
        )
    if name == "categorical_crossentropy":
        return Case(
            name,
            [d.array((2, 3), ("float32", "int32", "bool"), 0, 1), d.array((2, 3), FLOATS, 0, 1)],
            {"from_logits": d.chance(0.5), "axis": d.of(-1, 1, 0)},
        )
    if name == "sparse_categorical_crossentropy":
        target, output = d.of(
            ((2,), (2, 3)), ((2, 1), (2, 3)), ((), (3,)), ((2, 4), (2, 4, 3)), ((0,), (0, 3))
        )
        return Case(
            name,
            [
                d.values(target, d.of("int32", "uint8", "float32"), 0, 2).round(),
                d.array(output, FLOATS, 0, 1),
            ],
            {"from_logits": d.chance(0.5)},
        )
    if name in ("layer_normalization", "rms_normalization"):
        x = d.array(None, FLOATS)
        axis = d.of(-1, d.axis(x.ndim))
        n = (x.shape[axis],) if x.ndim and -x.ndim <= axis < x.ndim else (1,)
        weights = {
            k: d.values(n, d.of("float32", str(x.dtype)))
            for k in (("gamma", "beta") if name[0] == "l" else ("scale",))
            if d.chance(0.5)
        }
        return Case(name, [x], {"axis": axis, **weights}, tolerance=1e-3)
    if name == "batch_normalization":
        x, axis = d.of(
            (d.array((2, 3), FLOATS), -1), (d.array((2, 3, 4), FLOATS), 1), (d.array((0, 3), FLOATS), 1)
        )
        n = (x.shape[axis],)
        more = {k: d.values(n, "float32") for k in ("offset", "scale") if d.chance(0.5)}
        return Case(
            name, [x, d.values(n, "float32"), d.values(n, "float32", 0.1, 2), axis], more, tolerance=1e-3
        )
    if name == "psnr":
        x = d.array((2, 3), ("float32", "float32", "uint8"))
        return Case(name, [x, d.array((2, 3), ("float32",)), d.of(1, 2.0, 255)])
    if name == "dot_product_attention":
        kv = d.of(2, 1)
        q, k = d.array((1, 3, 2, 4), FLOATS), d.array((1, 5, kv, 4), FLOATS)
        kwargs = {}
        if d.chance(0.3):
            kwargs["mask"] = d.array((1, d.of(2, 1), 3, 5), ("bool",))
        if d.chance(0.3):
            kwargs["bias"] = d.array((1, 2, 3, 5), ("float32",))
        return Case(
            name,
            [q, k.astype(q.dtype), d.values((1, 5, kv, 4), str(q.dtype))],
            {"is_causal": d.chance(0.3), "scale": d.of(None, 0.5), **kwargs},
            tolerance=1e-3,
        )
    if name == "stft":
        return Case(
            name,
            [d.array((2, 12), ("float32",)), d.of(4, 6), d.of(2, 3), d.of(6, 8)],
            {"center": d.chance(0.5), "window": d.of("hann", "hamming", None)},
            tolerance=1e-3,
        )
    if name == "fft":
        return Case(name, [(d.array((2, 4), ("float32",)), d.array((2, 4), ("float32",)))], tolerance=1e-3)
    if name == "rfft":
        return Case(
            name,
            [d.array((2, 5), ("float32", "float16", "int32"))],
            {"fft_length": d.of(None, 4, 8)},
            tolerance=1e-3,
        )
    if name == "irfft":
        return Case(
            name,
            [(d.values((2, 4), "float32"), d.values((2, 4), "float32"))],
            {"fft_length": d.of(None, 4, 8, 5)},
            tolerance=1e-3,
        )
    if name == "extract_sequences":
        return Case(name, [d.array((2, 9)), d.integer(1, 4), d.integer(1, 3)])
    if name == "rearrange":
        pattern, shape, kwargs = d.of(
            ("b c h -> b h c", (2, 3, 4), {}),
            ("b (c d) -> b c d", (2, 4), {"c": 2}),
            ("a b -> (a b)", (2, 3), {}),
            ("... c -> c ...", (2, 3, 4), {}),
            ("a b -> a 1 b", (2, 3), {}),
            ("(a b) c -> a (b c)", (4, 3), {"b": 2}),
            ("a 1 b -> a b", (2, 1, 3), {}),
        )
        return Case(name, [d.array(shape), pattern], kwargs)
    if name in ("space_to_depth", "depth_to_space"):
        return Case(
            name, [d.array((1, 4, 4, 4)), 2], {"data_format": d.of("channels_last", "channels_first")}
        )
    return Case(
        name,
        [d.array((1, 2, 5, 6), ("float32",))],
        {"kernel_size": d.of(2, (2, 3)), "stride": d.of(1, 2), "padding": d.of(0, 1), "dilation": d.of(1, 2)},
    )


def convolutions(d: Draw) -> Case:
    name = d.of(
        "conv",
        "conv",
        "conv_transpose",
        "depthwise_conv",
        "separable_conv",
        "max_pool",
        "average_pool",
        "adaptive_average_pool",
        "adaptive_max_pool",
    )
    n = d.integer(1, 2 if name in ("depthwise_conv", "separable_conv") else 3)
    first = d.chance(0.3)
    size = tuple(d.integer(1, 7) for _ in range(n))
    c = 4
    x = d.array(
        (2, c, *size) if first else (2, *size, c),
        ("float32", "float32", "float16", "int32") if "pool" in name else ("float32",),
    )
    form = {"data_format": "channels_first" if first else d.of("channels_last", None)}
    many = lambda low, high: (
        d.integer(low, high) if d.chance(0.5) else tuple(d.integer(low, high) for _ in range(n))
    )
    padding = d.of("valid", "same")
    if name.startswith("adaptive"):
        return Case(name, [x, many(1, 4)], form, tolerance=1e-4)
    if name in ("max_pool", "average_pool"):
        return Case(
            name,
            [x, many(1, 3)],
            {"strides": d.of(None, many(1, 3)), "padding": padding, **form},
            tolerance=1e-4,
        )
    kernel = tuple(d.integer(1, 3) for _ in range(n))
    strides = many(1, 3)
    dilation = many(1, 2) if strides == 1 or d.chance(0.1) else 1
    kwargs = {"strides": strides, "padding": padding, "dilation_rate": dilation, **form}
    if name == "conv":
        groups = d.of(1, 1, 2, 4)
        return Case(name, [x, d.array((*kernel, c // groups, 4), ("float32",))], kwargs, tolerance=1e-4)
    if name == "conv_transpose":
        return Case(
            name,
            [x, d.array((*kernel, 3, c), ("float32",))],
            {**kwargs, "output_padding": d.of(None, None, 0, 1)},
            tolerance=1e-4,
        )
    if isinstance(strides, tuple):
        kwargs["strides"] = strides[0]
    if name == "depthwise_conv":
        return Case(name, [x, d.array((*kernel, c, 2), ("float32",))], kwargs, tolerance=1e-4)
    return Case(
        name,
        [x, d.array((*kernel, c, 2), ("float32",)), d.array((*[1] * n, 2 * c, 3), ("float32",))],
        kwargs,
        tolerance=1e-4,
    )


def images(d: Draw) -> Case:
    name = d.of(
        "resize",
        "affine_transform",
        "crop_images",
        "pad_images",
        "rgb_to_grayscale",
        "rgb_to_hsv",
        "hsv_to_rgb",
        "gaussian_blur",
        "extract_patches",
        "map_coordinates",
        "perspective_transform",
        "scale_and_translate",
        "sobel_edges",
    )
    first = d.chance(0.3)
    form = {"data_format": "channels_first"} if first else d.of({}, {"data_format": "channels_last"})
    h, w = d.integer(3, 6), d.integer(3, 6)
    single = d.chance(0.3)
    shape = (3, h, w) if first else (h, w, 3)
    shape = shape if single else (2, *shape)
    x = d.array(shape, ("float32", "float32", "float16", "uint8", "int32"), 0, 1 if "hsv" in name else 200)
    call = lambda keras, args, kwargs: getattr(keras.ops.image, name)(*args, **kwargs)
    more: dict[str, Any] = {}
    args: list[Any] = [x]
    if name == "resize":
        args.append((d.integer(1, 9), d.integer(1, 9)))
        more = {
            "interpolation": d.of("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5"),
            "antialias": d.chance(0.4),
        }
        aspect = d.of(None, None, "crop_to_aspect_ratio", "pad_to_aspect_ratio")
        if aspect:
            more[aspect] = True
    elif name == "affine_transform":
        t = np.array([1, 0.1, 0.5, -0.1, 1, 0.3, 0, 0], "float32") + np.append(
            d.values((6,), "float32", -0.05, 0.05), np.zeros(2, "float32")
        )
        args.append(t if single else d.of(t, np.stack([t, t[::-1] * 0 + t])))
        if not single and args[1].ndim == 1:
            args[1] = np.stack([t, t])
        more = {
            "interpolation": d.of("bilinear", "nearest"),
            "fill_mode": d.of("constant", "nearest", "wrap", "mirror", "reflect"),
            "fill_value": d.of(0, 3.0),
        }
    elif name in ("crop_images", "pad_images"):
        keys = ["top_{}", "left_{}", "bottom_{}", "right_{}"]
        unit = "cropping" if name == "crop_images" else "padding"
        more = {k.format(unit): d.integer(0, 1) for k in keys[: d.of(2, 4)]}
        if len(more) == 2:
            more |= {
                "target_height": h + (-1 if unit == "cropping" else 2),
                "target_width": w + (-1 if unit == "cropping" else 2),
            }
    elif name == "gaussian_blur":
        more = {"kernel_size": d.of((3, 3), (3, 5)), "sigma": d.of((1.0, 1.0), (0.5, 2.0))}
    elif name == "extract_patches":
        args = [x.astype("float32"), d.of(2, (2, 3), (3, 1))]
        more = {"strides": d.of(None, 1, 2, (1, 2)), "padding": d.of("valid", "same")}
    elif name == "map_coordinates":
        form = {}
        args = [d.array((h, w), ("float32", "int32", "uint8"), 0, 9), d.values((2, 5), "float32", -3, 7)]
        more = {
            "order": d.of(0, 1),
            "fill_mode": d.of("constant", "nearest", "wrap", "mirror", "reflect"),
            "fill_value": d.of(0, 2),
        }
    elif name == "perspective_transform":
        start = np.array([[0, 0], [w - 1, 0], [0, h - 1], [w - 1, h - 1]], "float32")
        end = start + d.values((4, 2), "float32", -0.6, 0.6)
        args += [start, end] if single else [np.stack([start, start]), np.stack([end, end])]
        more = {"interpolation": d.of("bilinear", "nearest"), "fill_value": d.of(0, 2)}
    elif name == "scale_and_translate":
        form = {}
        x = d.array((h, w, 3), ("float32",))
        args = [
            x,
            (4, 5, 3),
            np.array([1.5, 0.7], "float32"),
            np.array([0.3, -0.2], "float32"),
            (0, 1),
            d.of("linear", "cubic", "lanczos3"),
        ]
        more = {"antialias": d.chance(0.5)}
    return Case(name, args, {**more, **form}, call, 1e-3)


FAMILIES = [
    unary,
    unary,
    binary,
    binary,
    binary,
    integer_binary,
    bitwise_not,
    reduction,
    reduction,
    count_nonzero,
    arg_reduction,
    cumulative,
    one_axis,
    parametric,
    shapes,
    shapes,
    joining,
    splitting,
    indexing,
    indexing,
    indexing,
    creation,
    products,
    products,
    statistics,
    linear_algebra,
    crossentropies,
    convolutions,
    convolutions,
    images,
]


def case(d: Draw) -> Case:
    return d.of(*FAMILIES)(d)
