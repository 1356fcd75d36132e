"""The points at which the primitives of convolution and pooling are checked (see `gradient_cases`)."""

from __future__ import annotations

from functools import partial

from gradient_cases import Case, numbers, ordinary

from kerasish.autograd.primitives import convolution, pooling
from kerasish.autograd.tensor import as_tensor

# label, input, kernel, strides, padding, dilation, groups
_CONVOLUTIONS = [
    ("one axis", (2, 6, 2), (3, 2, 3), (1,), ((0, 0),), (1,), 1),
    ("strides that leave a rest", (1, 7, 2), (2, 2, 2), (3,), ((1, 0),), (1,), 1),
    ("dilation", (1, 8, 1), (3, 1, 2), (1,), ((2, 2),), (3,), 1),
    ("cropped", (1, 8, 2), (2, 2, 2), (2,), ((-1, -2),), (1,), 1),
    ("more padding than window", (1, 3, 1), (2, 1, 2), (1,), ((3, 2),), (1,), 1),
    ("two axes", (2, 4, 5, 2), (2, 3, 2, 2), (1, 2), ((1, 1), (0, 2)), (1, 1), 1),
    ("groups", (1, 4, 4, 4), (2, 2, 2, 6), (1, 1), ((0, 0), (0, 1)), (2, 1), 2),
    ("depthwise", (2, 5, 4, 3), (3, 2, 1, 3), (2, 1), ((1, 1), (0, 1)), (1, 1), 3),
    ("depthwise, two filters a channel", (1, 5, 2), (3, 1, 4), (1,), ((1, 1),), (1,), 2),
    ("window of one", (2, 3, 3, 2), (1, 1, 2, 3), (1, 1), ((0, 0), (0, 0)), (1, 1), 1),
    ("window of one, strided", (1, 4, 3, 2), (1, 1, 2, 2), (2, 2), ((0, 0), (0, 0)), (1, 1), 1),
    ("three axes", (1, 3, 4, 3, 1), (2, 2, 2, 1, 2), (1, 2, 1), ((0, 0), (1, 0), (0, 1)), (1, 1, 2), 1),
    ("no images", (0, 4, 2), (2, 2, 2), (1,), ((0, 0),), (1,), 1),
]

# label, input, window, strides, padding
_POOLINGS = [
    ("apart", (2, 5, 2), (2,), (2,), ((0, 0),)),
    ("gaps", (1, 8, 1), (2,), (3,), ((0, 0),)),
    ("overlapping", (1, 6, 2), (3,), (1,), ((1, 1),)),
    ("two axes", (2, 5, 4, 2), (2, 2), (2, 2), ((0, 1), (0, 0))),
    ("two axes, overlapping", (1, 5, 4, 1), (3, 2), (2, 1), ((1, 1), (0, 1))),
    ("three axes", (1, 3, 4, 3, 1), (2, 2, 3), (1, 2, 3), ((1, 0), (0, 0), (0, 0))),
    ("window of one", (1, 4, 2), (1,), (1,), ((0, 0),)),
]


def _convolutions() -> dict[str, list[Case]]:
    cases: dict[str, list[Case]] = {"conv": [], "conv_transpose": [], "conv_kernel_gradient": []}
    for label, shape, kernel_shape, strides, padding, dilation, groups in _CONVOLUTIONS:
        x, kernel = numbers(*shape), numbers(*kernel_shape) * 0.7
        options = {"strides": strides, "padding": padding, "dilation": dilation, "groups": groups}
        forward = partial(convolution.conv, **options)
        out = forward(x, kernel).shape
        rests = [
            (low, (o - 1) * s + (w - 1) * d + 1 - low - n)
            for n, o, w, s, (low, _), d in zip(
                shape[1:-1], out[1:-1], kernel_shape, strides, padding, dilation, strict=False
            )
        ]
        exact = {**options, "padding": tuple(rests)}
        g = numbers(*out) * 0.9
        cases["conv"].append(ordinary(label, forward, x, kernel))
        cases["conv_transpose"].append(
            ordinary(label, partial(convolution.conv_transpose, **exact), g, kernel)
        )
        window = kernel_shape[:-2]
        gradient = partial(convolution.conv_kernel_gradient, window=window, **exact)
        cases["conv_kernel_gradient"].append(ordinary(label, gradient, x, g))
    same = partial(convolution.conv, strides=(2,), padding="same", dilation=(1,), groups=1)
    cases["conv"].append(ordinary("same", same, numbers(1, 5, 2), numbers(3, 2, 2)))
    return cases


def _poolings() -> dict[str, list[Case]]:
    names = ("max_pool", "max_pool_route", "max_pool_pick", "average_pool", "average_pool_transpose")
    cases: dict[str, list[Case]] = {name: [] for name in names}
    for label, shape, window, strides, padding in _POOLINGS:
        options = {"window": window, "strides": strides, "padding": padding}
        x = numbers(*shape)
        largest = pooling.max_pool(x, **options).numpy()
        g = numbers(*largest.shape) * 0.9
        cases["max_pool"].append(ordinary(label, partial(pooling.max_pool, **options), x))
        cases["average_pool"].append(ordinary(label, partial(pooling.average_pool, **options), x))
        spread = partial(pooling.average_pool_transpose, lengths=shape[1:-1], **options)
        cases["average_pool_transpose"].append(ordinary(label, spread, g))

        def route(g, x=x, largest=largest, options=options):
            return pooling.max_pool_route(g, as_tensor(x), as_tensor(largest), **options)

        def pick(values, x=x, largest=largest, options=options):
            return pooling.max_pool_pick(values, as_tensor(x), as_tensor(largest), **options)

        cases["max_pool_route"].append(ordinary(label, route, g))
        cases["max_pool_pick"].append(ordinary(label, pick, numbers(*shape) * 1.1))
    return cases


CONVOLUTION_CASES = {**_convolutions(), **_poolings()}
