"""Where the primitives of linear algebra, spectra, segments and alignment, and ops made of others, are checked."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from gradient_cases import Case, _int, numbers, once, ordinary, unary

from kerasish import ops
from kerasish.autograd.primitives import factorizations as f
from kerasish.autograd.primitives import spectral

_square = numbers(3, 3) + 3 * np.eye(3)
_stack = numbers(2, 3, 3) + 3 * np.eye(3)
_tall, _wide = numbers(4, 2), numbers(2, 4)
_positive = _stack @ _stack.swapaxes(-1, -2) + np.eye(3)
_x23, _x234 = numbers(2, 3), numbers(2, 3, 4)
_lower = np.tril(_square)


def _symmetric(x):
    return (x + ops.swapaxes(x, -1, -2)) * 0.5


def _eigenvectors(x):
    """The projections on each eigenvector, whose signs do not matter."""
    _, vectors = ops.eigh(_symmetric(x))
    return ops.expand_dims(vectors, -2) * ops.expand_dims(vectors, -3)


def _singular_vectors(x, full):
    u, _, vt = ops.svd(x, full_matrices=full)
    k = min(x.shape[-2:])
    return ops.expand_dims(u[..., :, None, :k], 0) * ops.swapaxes(vt[..., :k, :], -1, -2)[..., None, :, :]


def _loss(logits, labels=((1, 2, 1), (3, 3, 0)), lengths=(3, 2), frames=(5, 4)):
    return ops.ctc_loss(_int(*labels), logits, _int(*lengths), _int(*frames))


def _apart(function, **options):
    return lambda a, b: list(function((a, b), **options))


_segment_ids = _int(2, 0, 2, 0)
_ties = [[1.0, 3.0], [2.0, 2.0], [1.0, 0.0], [2.0, 5.0]]

MORE_CASES: dict[str, Sequence[Case]] = {
    # Linear algebra
    "inv": [ordinary("matrix", ops.inv, _square), ordinary("stack", ops.inv, _stack)],
    "det": [ordinary("matrix", ops.det, _square), ordinary("stack", ops.det, _stack)],
    "slogdet": [
        ordinary("logdet", ops.logdet, _square),
        ordinary("stack, negative", lambda x: ops.slogdet(-x)[1], _stack),
    ],
    "solve": [
        ordinary("vector", ops.solve, _square, numbers(3)),
        ordinary("matrices", ops.solve, _stack, numbers(2, 3, 2)),
        ordinary("upper", ops.solve_triangular, _square, numbers(3, 2)),
        ordinary("lower", partial(ops.solve_triangular, lower=True), _square, numbers(3, 2)),
        ordinary("one matrix, a stack", f.solve, _square, numbers(2, 3, 2)),
    ],
    "pinv": [
        ordinary("tall", ops.pinv, _tall),
        ordinary("wide", ops.pinv, _wide),
        ordinary("least squares", ops.lstsq, _tall, numbers(4)),
    ],
    "cholesky": [
        ordinary("stack", lambda x: ops.cholesky(_symmetric(x)), _positive),
        ordinary("upper", lambda x: ops.cholesky(_symmetric(x), upper=True), _positive[0]),
        ordinary("inverse of one", ops.cholesky_inverse, _lower),
    ],
    "qr": [
        ordinary("tall", lambda x: list(ops.qr(x)), _tall),
        ordinary("square", lambda x: list(ops.qr(x, mode="complete")), _square),
        ordinary("stack", lambda x: ops.qr(x)[1], _stack),
    ],
    "eigh": [
        ordinary("values", lambda x: ops.eigh(_symmetric(x))[0], _positive),
        ordinary("vectors", _eigenvectors, _positive[0]),
    ],
    "svd": [
        ordinary("tall", partial(_singular_vectors, full=False), _tall),
        ordinary("wide", partial(_singular_vectors, full=False), _wide),
        ordinary("square", partial(_singular_vectors, full=True), _square),
        ordinary("values beside vectors", lambda x: ops.svd(x, full_matrices=False)[1], _tall),
    ],
    "singular_values": [
        ordinary("tall", lambda x: ops.svd(x, compute_uv=False), _tall),
        ordinary("nuclear norm", lambda x: ops.norm(x, ord="nuc", axis=(0, 2)), _x234),
        ordinary("spectral norm", lambda x: ops.norm(x, ord=2), _wide),
    ],
    "lu": [
        ordinary("matrix", lambda x: ops.lu_factor(x)[0], _square[::-1].copy()),
        ordinary("stack", lambda x: ops.lu_factor(x)[0], _stack),
    ],
    "exchange_rows": [
        ordinary(
            "rows", lambda x: f.exchange_rows(x, ops.convert_to_tensor(_int(2, 2, 2)), inverse=False), _square
        ),
    ],
    # Complex numbers and spectra
    "complex": [
        ordinary("parts", lambda a, b: _square_of(spectral.complex_of(a, b)), _x23, numbers(2, 3)[::-1])
    ],
    "real": [ordinary("product", lambda a, b: ops.real(_product_of(a, b)), _x23, numbers(2, 3)[::-1])],
    "imag": [ordinary("product", lambda a, b: ops.imag(_product_of(a, b)), _x23, numbers(2, 3)[::-1])],
    "conj": [
        ordinary(
            "product",
            lambda a, b: ops.real(ops.conj(_product_of(a, b)) * spectral.complex_of(b, a)),
            _x23,
            _x23,
        )
    ],
    "fourier": [
        ordinary("fft", _apart(ops.fft), _x23, numbers(2, 3)[::-1]),
        ordinary("fft2", _apart(ops.fft2), _x234, numbers(2, 3, 4)[::-1]),
        ordinary("ifft2", _apart(ops.ifft2), _x234, numbers(2, 3, 4)[::-1]),
        ordinary("one part", lambda a, b: ops.fft((a, b))[1], _x23, numbers(2, 3)[::-1]),
    ],
    "real_fourier": [
        ordinary("even", lambda x: list(ops.rfft(x)), _x234),
        ordinary("odd", lambda x: list(ops.rfft(x, fft_length=5)), _x234),
        ordinary("cut", lambda x: ops.rfft(x, fft_length=3)[0], _x234),
        ordinary("stft", lambda x: list(ops.stft(x, 3, 2, 4)), numbers(2, 8)),
    ],
    "inverse_real_fourier": [
        ordinary("even", _apart(lambda x: [ops.irfft(x)]), _x23, numbers(2, 3)[::-1]),
        ordinary("odd", _apart(lambda x: [ops.irfft(x, fft_length=5)]), _x23, numbers(2, 3)[::-1]),
        ordinary("istft", _apart(lambda x: [ops.istft(x, 3, 2, 4)]), numbers(5, 3), numbers(5, 3)[::-1]),
    ],
    # Segments and counts
    "segments": [
        ordinary("max", lambda x: ops.segment_max(x, _segment_ids, num_segments=3)[::2], numbers(4, 2)),
        ordinary("min", lambda x: ops.segment_min(x, _segment_ids, num_segments=3)[::2], numbers(4, 2)),
        once("max of ties", lambda x: ops.segment_max(x, _segment_ids, num_segments=3)[::2], _ties),
        ordinary("prod", lambda x: ops.segment_prod(x, _segment_ids, num_segments=3), numbers(4, 2)),
        once("prod of zeros", lambda x: ops.segment_prod(x, _segment_ids, num_segments=3), _ties),
    ],
    "bincount": [
        ordinary("weights", lambda w: ops.bincount(_int(1, 2, 2), weights=w), numbers(3)),
        ordinary("rows", lambda w: ops.bincount(_int([1, 2, 2], [0, 1, 0]), weights=w), numbers(2, 3)),
    ],
    "i0": unary(ops.i0, -3.0, 3.0),
    # First derivatives only
    "ctc": [
        once("labels", _loss, numbers(2, 5, 4)),
        once("no labels", lambda x: _loss(x, lengths=(0, 1)), numbers(2, 5, 4)),
        once("one frame each", lambda x: _loss(x, lengths=(3, 1), frames=(3, 1)), numbers(2, 5, 4)),
    ],
}


def _product_of(a, b):
    z = spectral.complex_of(a, b)
    return z * z


def _square_of(z):
    """|z|^2 and the like, by parts."""
    return ops.real(z) * ops.imag(z) + ops.square(ops.real(z))


# Compositions

COMPOSITIONS: dict[str, Sequence[Case]] = {
    "einsum": [
        ordinary("product", partial(ops.einsum, "ij,jk->ki"), _x23, numbers(3, 4)),
        ordinary("stacks", partial(ops.einsum, "bij,bkj->bik"), _x234, numbers(2, 2, 4)),
        ordinary("trace", partial(ops.einsum, "ii->"), _square),
        ordinary("three", partial(ops.einsum, "i,ij,j->i"), numbers(2), _x23, numbers(3)),
    ],
    "rearrange": [ordinary("join", lambda x: ops.rearrange(x, "b h w -> (w b) h"), _x234)],
    "dot_product_attention": [
        ordinary("plain", ops.dot_product_attention, *(numbers(1, 3, 2, 2) * k for k in (1.0, 0.7, 1.3))),
        ordinary(
            "causal",
            partial(ops.dot_product_attention, is_causal=True),
            *(numbers(1, 3, 2, 2) * k for k in (1.0, 0.7, 1.3)),
        ),
    ],
    "batch_normalization": [
        ordinary("columns", partial(ops.batch_normalization, axis=-1), _x23, numbers(3), numbers(3, low=0.5))
    ],
    "layer_normalization": [
        ordinary("rows", ops.layer_normalization, _x23, numbers(3), numbers(3)[::-1]),
    ],
    "rms_normalization": [ordinary("rows", ops.rms_normalization, _x23, numbers(3))],
    "adaptive_average_pool": [
        ordinary("lengths", lambda x: ops.adaptive_average_pool(x, 3, "channels_last"), numbers(1, 5, 2))
    ],
    "adaptive_max_pool": [
        ordinary("lengths", lambda x: ops.adaptive_max_pool(x, 3, "channels_last"), numbers(1, 5, 2))
    ],
    "unfold": [ordinary("image", lambda x: ops.unfold(x, 2, stride=2, padding=1), numbers(1, 2, 3, 4))],
    "fold": [ordinary("columns", lambda x: ops.fold(x, (3, 4), 2), numbers(1, 8, 6))],
    "depth_to_space": [ordinary("image", lambda x: ops.depth_to_space(x, 2), numbers(1, 2, 1, 8))],
    "space_to_depth": [ordinary("image", lambda x: ops.space_to_depth(x, 2), numbers(1, 2, 4, 2))],
    "extract_patches": [
        ordinary("image", lambda x: ops.extract_patches(x, 2, padding="same"), numbers(1, 3, 4, 2))
    ],
    "cdist": [
        ordinary("rows", ops.cdist, _x23, numbers(4, 3) * 1.1),
        ordinary("a row and itself", lambda x: ops.cdist(x, x)[0, 1], _x23),
    ],
    "quantile": [
        ordinary("columns", lambda x: ops.quantile(x, [0.2, 0.7], axis=0), _tall),
        ordinary("median", ops.median, _x23),
        ordinary("nan", lambda x: ops.nanquantile(ops.where(x > 1.5, np.nan, x), 0.4, axis=1), _x234),
    ],
    "nanmean": [ordinary("holes", lambda x: ops.nanmean(ops.where(x > 1.0, np.nan, x), axis=1), _x234)],
    "nanvar": [ordinary("holes", lambda x: ops.nanvar(ops.where(x > 1.0, np.nan, x), axis=1), _x234)],
    "sinc": [ordinary("numbers", ops.sinc, _x23), once("zero", ops.sinc, [0.0, 1.5])],
    "logaddexp2": [ordinary("numbers", ops.logaddexp2, _x23, numbers(3))],
    "ldexp": [ordinary("numbers", lambda x: ops.ldexp(x, _int(1, -2, 3)), _x23)],
    "trapezoid": [ordinary("places", lambda y, x: ops.trapezoid(y, x), _x23, numbers(3))],
    "corrcoef": [ordinary("rows", ops.corrcoef, numbers(2, 5))],
    "correlate": [ordinary("full", partial(ops.correlate, mode="full"), numbers(5), numbers(3))],
    "cross": [ordinary("vectors", ops.cross, _x23, numbers(2, 3)[::-1])],
    "kron": [ordinary("matrices", ops.kron, _x23, numbers(2, 2))],
    "vander": [ordinary("vector", ops.vander, numbers(3))],
    "rot90": [ordinary("matrix", ops.rot90, _x23)],
    "geomspace": [ordinary("ends", lambda a, b: ops.geomspace(a, b, 4), [1.5], [4.0])],
    "unique": [ordinary("values", lambda x: ops.unique(x, size=6), _x23)],
    "associative_scan": [
        ordinary("products", lambda x: ops.associative_scan(lambda a, b: a * b, x), numbers(5)),
        ordinary("backwards", lambda x: ops.associative_scan(ops.multiply, x, reverse=True, axis=1), _x23),
    ],
    "vectorize": [
        ordinary("dot", ops.vectorize(lambda a, b: ops.sum(a * b), signature="(n),(n)->()"), _x23, numbers(3))
    ],
    "psnr": [ordinary("signals", partial(ops.psnr, max_val=2.0), _x23, numbers(2, 3)[::-1])],
    "jvp": [ordinary("product", lambda x: list(ops.jvp(lambda y: y * y * 2.0, (x,), (x * 0.5,))), _x23)],
    "cond": [
        ordinary("first", lambda x: ops.cond(x[0, 0] < 9, lambda: ops.sin(x), lambda: x * x), _x23),
        ordinary("second", lambda x, y: ops.cond(x[0, 0] > 9, lambda: x, lambda: x * y), _x23, _x23 * 0.7),
    ],
    "switch": [
        ordinary("last", lambda x: ops.switch(5, [ops.sin, lambda v: v * v * v], x), _x23),
    ],
    "while_loop": [
        ordinary(
            "limit of values",
            lambda x: ops.while_loop(lambda v: ops.sum(v) < 100, lambda v: (v * v + 1,), (x,))[0],
            numbers(3),
        ),
        ordinary(
            "counter",
            lambda x, w: ops.while_loop(
                lambda i, v: i < 3, lambda i, v: (i + 1, ops.tanh(ops.matmul(v, w))), (0, x)
            )[1],
            _x23,
            _square,
        ),
    ],
    "fori_loop": [
        ordinary("counter", lambda x: ops.fori_loop(1, 4, lambda i, v: ops.sin(v) * x * (1.0 * i), x), _x23)
    ],
    "map": [ordinary("rows", lambda x: ops.map(lambda row: row * ops.sum(row), x), _x23)],
    "vectorized_map": [
        ordinary("rows", lambda x: ops.vectorized_map(lambda row: row * ops.sum(ops.exp(row)), x), _x23),
        ordinary(
            "products", lambda x: ops.vectorized_map(lambda m: ops.matmul(m, ops.inv(m)) + m, x), _stack
        ),
    ],
    "scatter": [
        ordinary("rows", lambda v: ops.scatter(_int([2], [0], [2]), v, (4, 2)), numbers(3, 2)),
        ordinary("places", lambda v: ops.scatter(_int([1, 0], [0, 2]), v, (2, 3)), numbers(2)),
    ],
}
