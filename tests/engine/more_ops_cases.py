"""More calls of `ops` that are compared with `keras.ops`: linear algebra, spectra, statistics, sets and sequences."""

from __future__ import annotations

import numpy as np
from ops_cases import CALLS, CUBE, NATURALS, NUMBERS, ODD, SQUARE, TIES, VECTOR, X, Y, call, floats, ints

__all__ = ["CALLS"]

STACK = floats(2, 3, 3) + 3 * np.eye(3, dtype=np.float32)
POSITIVE = np.matmul(STACK, STACK.swapaxes(-1, -2))
TALL, WIDE = floats(4, 2), floats(2, 4)
HOLES = np.array([[1.0, np.nan, 3.0, -2.0], [np.nan, np.nan, 0.5, 0.25], [4.0, 2.0, np.nan, 1.0]], np.float32)
EMPTY_ROW = np.array([[1.0, np.nan, 3.0], [np.nan, np.nan, np.nan]], np.float32)
SIGNAL = floats(2, 20)
PARTS = (floats(2, 4, 8), floats(2, 4, 8)[::-1].copy())
SPECTRUM = (floats(2, 6, 5), floats(2, 6, 5)[::-1].copy())
COMPLEX = (floats(2, 3) + 1j * floats(2, 3)[::-1]).astype(np.complex64)
IMAGE = floats(2, 4, 6, 8)

# Linear algebra. Keras's symbols know no dtypes of parts, and vectors that are unique only up to their signs are
# compared in test_linalg.

call("cholesky", POSITIVE, symbolic="known")
call("cholesky", POSITIVE[0], upper=True, symbolic="known")
call("cholesky_inverse", np.linalg.cholesky(POSITIVE[0]), symbolic="known")
call("cholesky_inverse", np.linalg.cholesky(POSITIVE[0]).T.copy(), upper=True, symbolic="known")
for _name in "det inv slogdet logdet".split():
    call(_name, SQUARE, symbolic="known")
    call(_name, STACK, symbolic="traced" if _name == "slogdet" else "known")
call("slogdet", -SQUARE, symbolic="traced")
call("solve", SQUARE, floats(3), symbolic="known")
call("solve", SQUARE, floats(3, 2), symbolic="known")
call("solve", STACK, floats(2, 3, 2), symbolic="known")
call("solve_triangular", SQUARE, floats(3, 2), symbolic="known")
call("solve_triangular", SQUARE, floats(3, 2), lower=True, symbolic="known")
call("solve_triangular", STACK, floats(2, 3, 2), lower=True, symbolic="known")
call("lstsq", TALL, floats(4), symbolic="known")
call("lstsq", TALL, floats(4, 3), symbolic="known")
call("lstsq", WIDE, floats(2, 2), symbolic="known")
call("pinv", TALL, symbolic="known")
call("pinv", CUBE, symbolic="known")
call("pinv", np.ones((3, 3), np.float32), rcond=1e-3, symbolic="known")
call("matrix_rank", STACK, symbolic="known")
call("matrix_rank", np.ones((3, 3), np.float32), symbolic="known")
call("matrix_rank", SQUARE, tol=3.0, symbolic="known")
call("lu_factor", SQUARE[::-1].copy(), symbolic="traced")
call("lu_factor", STACK[:, ::-1].copy(), symbolic="traced")
call("lu_factor", TALL, symbolic="traced")
call("lu_factor", WIDE, symbolic="traced")
call("svd", CUBE, compute_uv=False, symbolic="known")
for _order in ("nuc", 2, -2):
    call("norm", X, ord=_order, symbolic="known")
    call("norm", CUBE, ord=_order, axis=(0, 2), keepdims=True, symbolic="known")
    call("norm", CUBE, ord=_order, axis=(2, 1), symbolic="known")
call("cdist", X, Y, symbolic="known")
call("cdist", CUBE, floats(2, 5, 4), symbolic="known")
call("cdist", X, X, symbolic="traced")

# Spectra and sequences

call("fft", PARTS, symbolic="known")
call("fft2", PARTS, symbolic="known")
call("ifft2", PARTS, symbolic="known")
call("rfft", SIGNAL, symbolic="known")
call("rfft", CUBE, fft_length=7, symbolic="known")
call("rfft", CUBE, fft_length=3, symbolic="known")
call("irfft", SPECTRUM, symbolic="known")
call("irfft", SPECTRUM, fft_length=9, symbolic="known")
call("irfft", SPECTRUM, fft_length=6, symbolic="known")
call("irfft", SPECTRUM, fft_length=12, symbolic="known")
for _center in (True, False):
    for _window in ("hann", "hamming", None):
        call("stft", SIGNAL, 6, 2, 8, window=_window, center=_center, symbolic="known")
        call("istft", SPECTRUM, 6, 2, 8, window=_window, center=_center, symbolic="traced")
call("stft", SIGNAL, 4, 3, 4, window=np.array([0.5, 1.0, 1.0, 0.5], np.float32), symbolic="traced")
call("istft", SPECTRUM, 6, 2, 8, length=15, symbolic="traced")
call("extract_sequences", SIGNAL, 5, 3, symbolic="known")
call("extract_sequences", CUBE, 2, 1, symbolic="known")

# Complex numbers

for _name in "real imag conj conjugate angle isreal".split():
    call(_name, COMPLEX, symbolic="traced")
    call(_name, X, symbolic=_name not in ("imag", "angle"))
call("view_as_complex", floats(3, 2), symbolic="known")
call("view_as_real", COMPLEX, symbolic="traced")
call("polar", Y, X, symbolic="traced")
call("view", X, dtype="int32", symbolic="known")
call("view", CUBE, dtype="uint8", symbolic="known")
call("view", NATURALS, symbolic="traced")

# Elementwise

for _name in "deg2rad rad2deg fabs sinc i0".split():
    call(_name, CUBE * 3)
call("fabs", NUMBERS)
call("sinc", np.zeros(2, np.float32))
for _name in "isneginf isposinf".split():
    call(_name, ODD)
for _name in "fmax fmin".split():
    call(_name, ODD, X)
    call(_name, X, ODD)
    call(_name, NUMBERS, NATURALS)
call("heaviside", np.array([-1.0, 0.0, 2.0, np.nan], np.float32), 0.5, symbolic="traced")
call("heaviside", X, Y)
call("logaddexp2", X, Y * 100)
call("ldexp", X, NATURALS)
call("ldexp", X, -NATURALS)

# Missing values

for _name in "nansum nanmean nanmax nanmin nanprod nanstd nanvar nanmedian".split():
    for _axis in (None, 0, -1):
        call(_name, HOLES, axis=_axis, symbolic="known")
    call(_name, HOLES, axis=1, keepdims=True, symbolic="known")
    call(_name, CUBE, axis=(0, 2), symbolic="known")
for _name in "nansum nanmax nanmin nanprod".split():
    call(_name, NUMBERS, axis=0, symbolic="known")
for _name in "nanmax nanmin nanmean nanmedian".split():
    call(_name, EMPTY_ROW, axis=1, symbolic="known")
for _name in "nanargmax nanargmin".split():
    call(_name, HOLES, symbolic="known")
    call(_name, HOLES, axis=1, symbolic="known")
    call(_name, EMPTY_ROW, axis=1, keepdims=True, symbolic="known")
for _name in "nancumsum nancumprod".split():
    call(_name, HOLES, symbolic="known")
    call(_name, HOLES, axis=1, symbolic="known")

# Statistics

_SHARES = np.array([0.1, 0.5, 0.75], np.float32)
for _method in ("linear", "lower", "higher", "midpoint", "nearest"):
    call("quantile", CUBE, _SHARES, axis=1, method=_method, symbolic="traced")
    call("nanquantile", HOLES, 0.3, axis=1, method=_method, symbolic="traced")
call("quantile", CUBE, 0.3, symbolic="traced")
call("quantile", CUBE, 0.3, keepdims=True, symbolic="traced")
call("quantile", CUBE, _SHARES, axis=(0, 2), keepdims=True, symbolic="traced")
call("quantile", HOLES, 0.5, axis=1, symbolic="traced")
call("percentile", X, 40.0, axis=0, symbolic="traced")
call("percentile", X, _SHARES * 100, symbolic="traced")
call("nanpercentile", HOLES, 40.0, axis=0, symbolic="traced")
for _axis in (None, 0, -1, (0, 2)):
    call("median", CUBE, axis=_axis, symbolic="known")
call("median", X, axis=1, keepdims=True, symbolic="known")
call("median", X, keepdims=True, symbolic="known")
call("trapezoid", X, symbolic="known")
call("trapezoid", CUBE, dx=0.5, axis=1, symbolic="known")
call("trapezoid", X, np.array([0.0, 0.5, 2.0], np.float32), symbolic="traced")
call("corrcoef", floats(3, 7), symbolic="traced")
call("corrcoef", VECTOR, symbolic="traced")
for _mode in ("valid", "same", "full"):
    call("correlate", floats(7), floats(3), mode=_mode, symbolic="known")
    call("correlate", floats(7), floats(4), mode=_mode, symbolic="known")
    call("correlate", floats(3), floats(7), mode=_mode, symbolic="traced")
    call("correlate", floats(4), floats(7), mode=_mode, symbolic="traced")
for _name in "bartlett blackman hamming hanning".split():
    call(_name, 7, symbolic=False)
    call(_name, 1, symbolic=False)
call("kaiser", 8, 5.0, symbolic=False)

# Sets

call("bincount", ints(1, 2, 2, 5), symbolic=False)
call("bincount", ints(1, 2, 2, 5), minlength=8, symbolic=False)
call("bincount", ints(1, 2, 2), weights=np.array([0.5, 1.0, 2.0], np.float32), symbolic=False)
call("bincount", NATURALS, minlength=6, symbolic=False)
call("bincount", NATURALS, weights=X, minlength=6, symbolic=False)
call("histogram", VECTOR, symbolic="traced")
call("histogram", VECTOR, bins=4, range=(-1.0, 1.0), symbolic="traced")
call("histogram", np.ones(3, np.float32), bins=3, symbolic="traced")
call("isin", NATURALS, ints(1, 5, 9), symbolic="known")
call("isin", NATURALS, ints(1, 5, 9), invert=True, symbolic="known")
call("isin", X, ints(1), symbolic="known")
_REPEATED = ints([3, 1, 3], [2, 1, 1])
_EVERYTHING = {"return_index": True, "return_inverse": True, "return_counts": True}
call("unique", _REPEATED, symbolic=False)
call("unique", _REPEATED, **_EVERYTHING, symbolic=False)
call("unique", _REPEATED, **_EVERYTHING, size=5, symbolic="traced")
call("unique", _REPEATED, **_EVERYTHING, size=2, symbolic="traced")
call("unique", _REPEATED, size=5, fill_value=-7, symbolic="traced")
call("unique", np.array([[1, 0], [1, 0], [0, 2]], np.float32), axis=0, **_EVERYTHING, symbolic=False)
call("unique", np.array([[1, 1, 0], [2, 2, 0]], np.int32), axis=1, **_EVERYTHING, symbolic=False)
call("unique", TIES, symbolic=False)
call("unravel_index", ints(5, 0, 3), (2, 3), symbolic="known")
_LABELS = ints(2, 0, 2)
for _name in "segment_max segment_min segment_prod segment_sum".split():
    call(_name, floats(3, 2), _LABELS, num_segments=4, symbolic="traced")
    call(_name, NUMBERS.T.copy(), _LABELS, num_segments=3, symbolic="traced")

# Products and shapes

call("cross", X, Y, symbolic="known")
call("cross", X[:, :2].copy(), Y, symbolic="known")
call("cross", X, Y[:, :2].copy(), symbolic="known")
call("cross", X[:, :2].copy(), Y[:, :2].copy(), symbolic="known")
call("cross", X.T.copy(), Y.T.copy(), axis=0, symbolic="traced")
call("kron", X, floats(2, 2), symbolic="known")
call("kron", floats(2), floats(3), symbolic="known")
call("kron", X, floats(3), symbolic="traced")
call("vander", VECTOR, symbolic="known")
call("vander", VECTOR, N=3, increasing=True, symbolic="known")
call("vander", ints(1, 2, 3), symbolic="known")
for _k in (-1, 0, 1, 2, 3, 5):
    call("rot90", CUBE, k=_k, symbolic="known" if _k % 2 else "traced")
call("rot90", CUBE, axes=(1, 2), symbolic="known")
call("rot90", CUBE, axes=(2, 0), symbolic="known")
call("diagflat", X, symbolic="known")
call("diagflat", VECTOR, k=-1, symbolic="known")
call("vsplit", floats(4, 2), 2, symbolic="known")
call("hsplit", X, [1], symbolic="known")
call("hsplit", floats(4), 2, symbolic="traced")
call("dsplit", CUBE, 2, symbolic="known")
call("geomspace", 1.0, 1000.0, num=4)
call("geomspace", -1.0, -8.0, num=4, endpoint=False)
call("geomspace", Y, Y * 4, num=3, axis=-1, symbolic="traced")

# Images and windows

call("depth_to_space", IMAGE, 2, symbolic="known")
call("depth_to_space", IMAGE.transpose(0, 3, 1, 2).copy(), 2, data_format="channels_first", symbolic="known")
call("space_to_depth", IMAGE, 2, symbolic="known")
call("space_to_depth", floats(2, 3, 4, 6), 2, data_format="channels_first", symbolic="known")
call("unfold", floats(2, 2, 5, 6), 3, symbolic="known")
call("unfold", floats(2, 2, 5, 6), (2, 3), dilation=(2, 1), padding=(1, 0), stride=(1, 2), symbolic="known")
call("fold", floats(2, 18, 12), (5, 6), 3, symbolic="known")
call("fold", floats(2, 8, 15), (5, 6), (2, 2), padding=(1, 0), stride=(2, 1), symbolic="known")
call("fold", floats(2, 8, 12), (5, 6), (2, 2), dilation=2, symbolic="known")
call("psnr", X, Y, 2.0, symbolic="known")

# Alignment

_FRAMES = floats(2, 6, 4)
call("ctc_loss", ints([1, 2, 1], [3, 3, 0]), _FRAMES, ints(3, 2), ints(6, 5), symbolic="known")
call("ctc_loss", ints([0, 2, 1], [1, 1, 1]), _FRAMES, ints(2, 1), ints(4, 6), mask_index=3, symbolic="known")
call("ctc_loss", ints([1, 2, 1], [3, 3, 0]), _FRAMES, ints(0, 2), ints(6, 2), symbolic="traced")
call("ctc_decode", _FRAMES, ints(6, 4), symbolic="known")
call("ctc_decode", _FRAMES, ints(6, 4), merge_repeated=False, mask_index=None, symbolic="traced")
call("ctc_decode", _FRAMES, ints(6, 4), strategy="beam_search", beam_width=8, top_paths=3, symbolic="known")
call("ctc_decode", _FRAMES, ints(3, 6), strategy="beam_search", beam_width=3, mask_index=2, symbolic="traced")

# Contractions, attention, normalization and adaptive pooling

call("einsum", "ij,jk->ik", X, floats(3, 4), symbolic="known")
call("einsum", "bij,bkj->bik", CUBE, floats(2, 5, 4), symbolic="known")
call("einsum", "...ij->...ji", CUBE, symbolic="known")
call("einsum", "ii->i", SQUARE, symbolic="known")
call("einsum", "ij,ij->", X, Y, symbolic="known")
call("rearrange", CUBE, "b h w -> (b h) w", symbolic="known")
call("rearrange", IMAGE, "b (h p) w c -> b h w (p c)", p=2, symbolic=False)
_QUERY, _KEY, _VALUE = floats(2, 4, 3, 5), floats(2, 6, 3, 5), floats(2, 6, 3, 5)[::-1].copy()
call("dot_product_attention", _QUERY, _KEY, _VALUE, symbolic="known")
call(
    "dot_product_attention",
    _QUERY,
    _KEY[:, :4].copy(),
    _VALUE[:, :4].copy(),
    is_causal=True,
    symbolic="known",
)
call("dot_product_attention", _QUERY, _KEY, _VALUE, bias=floats(2, 3, 4, 6), scale=0.3, symbolic="traced")
call("dot_product_attention", _QUERY, _KEY, _VALUE, mask=floats(2, 3, 4, 6) > -1, symbolic="traced")
call(
    "batch_normalization",
    CUBE,
    floats(4),
    Y[0, :1].repeat(4),
    2,
    offset=floats(4),
    scale=floats(4),
    symbolic="traced",
)
call("batch_normalization", CUBE, floats(3), np.abs(floats(3)), 1, symbolic="traced")
call("layer_normalization", CUBE, symbolic="known")
call("layer_normalization", CUBE, gamma=floats(4), beta=floats(4), axis=-1, symbolic="traced")
call("rms_normalization", CUBE, symbolic="known")
call("rms_normalization", CUBE, scale=floats(4), axis=-1, symbolic="traced")
for _name in ("adaptive_average_pool", "adaptive_max_pool"):
    call(_name, floats(2, 7, 3), 3, data_format="channels_last", symbolic="traced")
    call(_name, floats(2, 5, 7, 2), (2, 3), data_format="channels_last", symbolic="traced")
    call(_name, floats(2, 2, 5, 7), (2, 3), data_format="channels_first", symbolic="known")
