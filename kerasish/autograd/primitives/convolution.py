"""Primitives of convolution: the convolution, its transpose, and the gradient of its kernel.

All three are linear in either argument, and each is the gradient of the others, so gradients of gradients need nothing
more. There is one layout: batch, spatial axes, channels; kernels are window, channels of a group, filters.

Parameters: `strides`, `dilation` (one number a spatial axis), `groups`, and `padding`: pairs an axis (negative ones
crop), or `"same"` for a convolution whose input's length is not known yet.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kerasish.autograd.abstract import Abstract
from kerasish.autograd.primitive import Primitive
from kerasish.autograd.tensor import Tensor
from kerasish.devices import portable
from kerasish.devices.windows import Pairs, exact_padding, output_lengths, resolve_padding, transposed_lengths

Sizes = tuple[int, ...]


def by_module(name: str) -> Callable:
    """Return a `run` rule: the array module's own function, or the portable one where it has none."""
    fallback = getattr(portable, name)

    def run(xp: Any, *arrays: Any, **params: Any) -> Any:
        own = getattr(xp, name, None)
        return fallback(xp, *arrays, **params) if own is None else own(*arrays, **params)

    return run


def _conv_infer(
    x: Abstract, kernel: Abstract, strides: Sizes, padding: Pairs | str, dilation: Sizes, groups: int
) -> Abstract:
    lengths = output_lengths(x.shape[1:-1], kernel.shape[:-2], strides, padding, dilation)  # type: ignore[arg-type]
    return Abstract((x.shape[0], *lengths, kernel.shape[-1]), x.dtype)


def _adjoint_padding(
    x: Tensor, out: Tensor, window: Sizes, strides: Sizes, padding: Any, dilation: Sizes
) -> Pairs:
    """Return the padding with which the transpose of a convolution has exactly its input's shape."""
    lengths = x.shape[1:-1]
    padding = resolve_padding(padding, lengths, window, strides, dilation)
    return exact_padding(lengths, out.shape[1:-1], window, strides, padding, dilation)


def _conv_vjp_x(
    g: Tensor,
    out: Tensor,
    x: Tensor,
    kernel: Tensor,
    strides: Sizes,
    padding: Any,
    dilation: Sizes,
    groups: int,
) -> Tensor:
    exact = _adjoint_padding(x, out, kernel.shape[:-2], strides, padding, dilation)
    return conv_transpose(g, kernel, strides=strides, padding=exact, dilation=dilation, groups=groups)


def _conv_vjp_kernel(
    g: Tensor,
    out: Tensor,
    x: Tensor,
    kernel: Tensor,
    strides: Sizes,
    padding: Any,
    dilation: Sizes,
    groups: int,
) -> Tensor:
    window = kernel.shape[:-2]
    exact = _adjoint_padding(x, out, window, strides, padding, dilation)
    return conv_kernel_gradient(
        x, g, window=window, strides=strides, padding=exact, dilation=dilation, groups=groups
    )


conv = Primitive("conv", by_module("conv"), _conv_infer, (_conv_vjp_x, _conv_vjp_kernel))
"""Convolution (cross-correlation): `out[n, o, f] = sum over p, c of x[n, o * stride + p * dilation - low, c] *
kernel[p, c, f]`, in as many spatial axes as the kernel has."""


def _transpose_infer(
    x: Abstract, kernel: Abstract, strides: Sizes, padding: Pairs, dilation: Sizes, groups: int
) -> Abstract:
    lengths = transposed_lengths(x.shape[1:-1], kernel.shape[:-2], strides, padding, dilation)  # type: ignore[arg-type]
    return Abstract((x.shape[0], *lengths, kernel.shape[-2] * groups), x.dtype)  # type: ignore[operator]


conv_transpose = Primitive(
    "conv_transpose",
    by_module("conv_transpose"),
    _transpose_infer,
    (
        lambda g, out, x, kernel, **params: conv(g, kernel, **params),
        lambda g, out, x, kernel, **params: conv_kernel_gradient(g, x, window=kernel.shape[:-2], **params),
    ),
)
"""The transpose of `conv`: each value of `x`, which has the kernel's filters, adds the kernel times itself to the
outputs that its window covers; `padding` is cut off the result."""


def _kernel_gradient_infer(
    x: Abstract, g: Abstract, window: Sizes, strides: Sizes, padding: Pairs, dilation: Sizes, groups: int
) -> Abstract:
    return Abstract((*window, x.shape[-1] // groups, g.shape[-1]), x.dtype)  # type: ignore[operator]


conv_kernel_gradient = Primitive(
    "conv_kernel_gradient",
    by_module("conv_kernel_gradient"),
    _kernel_gradient_infer,
    (
        lambda gg, out, x, g, window, **params: conv_transpose(g, gg, **params),
        lambda gg, out, x, g, window, **params: conv(x, gg, **params),
    ),
)
"""The gradient of `conv` with respect to its kernel, for the gradient `g` of its result."""
