"""`keras.ops`: functions on tensors that run eagerly, symbolically or traced, on any device.

`HOMES` says which file of this folder each public function is in; a file is loaded when a function in it is first used.
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING
from typing import Any as _Any

HOMES = {
    "activations": (
        "celu elu gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu log_sigmoid "
        "log_softmax relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus "
        "sparse_sigmoid sparsemax squareplus swish tanh_shrink threshold"
    ),
    "adaptive_pooling": "adaptive_average_pool adaptive_max_pool",
    "alignment": "ctc_decode ctc_loss",
    "arithmetic": "allclose clip divide_no_nan isclose nan_to_num round",
    "attention": "dot_product_attention",
    "contraction": "einsum rearrange",
    "complex_numbers": "angle conj conjugate imag isreal real view view_as_complex view_as_real",
    "control_flow": "associative_scan cond fori_loop map scan switch vectorize vectorized_map while_loop",
    "convolution": "average_pool conv conv_transpose depthwise_conv max_pool separable_conv",
    "core": (
        "cast convert_to_numpy convert_to_tensor custom_gradient dtype is_tensor saturate_cast scatter "
        "scatter_update shape slice slice_update stop_gradient unstack"
    ),
    "creation": (
        "arange array empty empty_like eye full full_like geomspace identity linspace logspace meshgrid ones ones_like "
        "tri zeros zeros_like"
    ),
    "crossentropy": "binary_crossentropy categorical_crossentropy sparse_categorical_crossentropy",
    "elementwise": (
        "abs absolute add arccos arccosh arcsin arcsinh arctan arctan2 arctanh bitwise_and bitwise_invert "
        "bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor cbrt ceil cos cosh divide "
        "equal erf erfc erfinv exp exp2 expm1 floor floor_divide fmod gcd greater greater_equal hypot "
        "isfinite isinf isnan lcm left_shift less less_equal log log10 log1p log2 logaddexp logical_and "
        "logical_not logical_or logical_xor maximum minimum mod multiply negative nextafter not_equal power "
        "reciprocal right_shift sign signbit sin sinh sqrt square subtract tan tanh true_divide trunc"
    ),
    "elementwise_more": (
        "deg2rad fabs fmax fmin heaviside i0 isneginf isposinf ldexp logaddexp2 rad2deg sinc"
    ),
    "encoding": "multi_hot one_hot",
    "linalg": (
        "cholesky cholesky_inverse det eig eigh inv jvp logdet lstsq lu_factor matrix_rank norm pinv qr slogdet "
        "solve solve_triangular svd"
    ),
    "math": "cdist in_top_k logsumexp rsqrt top_k",
    "normalization": "batch_normalization layer_normalization moments normalize rms_normalization",
    "measures": "polar psnr",
    "missing_values": (
        "nanargmax nanargmin nancumprod nancumsum nanmax nanmean nanmedian nanmin nanpercentile nanprod "
        "nanquantile nanstd nansum nanvar"
    ),
    "order": "argpartition argsort digitize searchsorted sort",
    "patches": "depth_to_space extract_patches extract_patches_3d fold space_to_depth unfold",
    "positions": (
        "diag diagflat diagonal get_item nonzero select take take_along_axis trace tril triu unravel_index where"
    ),
    "products": "cross dot inner kron matmul outer tensordot vander vdot",
    "reductions": (
        "all amax amin any argmax argmin average count_nonzero cumprod cumsum diff max mean min prod ptp std "
        "sum var"
    ),
    "segments": "segment_max segment_min segment_prod segment_sum",
    "sets": "bincount histogram isin unique",
    "shapes": (
        "append array_split broadcast_to concatenate copy dsplit dstack expand_dims flip fliplr flipud hsplit hstack "
        "moveaxis ndim pad ravel repeat reshape roll rot90 size split squeeze stack swapaxes tile transpose vsplit "
        "vstack"
    ),
    "spectral": "extract_sequences fft fft2 ifft2 irfft istft rfft stft",
    "statistics": "corrcoef correlate median percentile quantile trapezoid",
    "windows": "bartlett blackman hamming hanning kaiser",
}
_NAMESPACES = ("image", "linalg", "nn", "numpy")
_FILE_OF = {name: file for file, names in HOMES.items() for name in names.split()}
__all__ = sorted((*_FILE_OF, *_NAMESPACES))


def __getattr__(name: str) -> _Any:
    file = _FILE_OF.get(name)
    if file is None and name not in _NAMESPACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = _import_module(f"{__name__}.{file or name}")
    # What is called by the names here is recorded in a model's graph; files call each other's functions as they are.
    symbolic = _import_module(f"{__name__}.symbolic")
    if module.__name__.rpartition(".")[2] in _NAMESPACES:
        symbolic.install(vars(module))
    if file is None:
        return module
    value = symbolic.recording(getattr(module, name))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__


# What `__getattr__` finds, for type checkers and editors.
# ruff: noqa: F403
if TYPE_CHECKING:
    from kerasish.ops.activations import *
    from kerasish.ops.adaptive_pooling import *
    from kerasish.ops.alignment import *
    from kerasish.ops.arithmetic import *
    from kerasish.ops.attention import *
    from kerasish.ops.complex_numbers import *
    from kerasish.ops.contraction import *
    from kerasish.ops.control_flow import *
    from kerasish.ops.convolution import *
    from kerasish.ops.core import *
    from kerasish.ops.creation import *
    from kerasish.ops.crossentropy import *
    from kerasish.ops.elementwise import *
    from kerasish.ops.elementwise_more import *
    from kerasish.ops.encoding import *
    from kerasish.ops.linalg import *
    from kerasish.ops.math import *
    from kerasish.ops.measures import *
    from kerasish.ops.missing_values import *
    from kerasish.ops.normalization import *
    from kerasish.ops.order import *
    from kerasish.ops.patches import *
    from kerasish.ops.positions import *
    from kerasish.ops.products import *
    from kerasish.ops.reductions import *
    from kerasish.ops.segments import *
    from kerasish.ops.sets import *
    from kerasish.ops.shapes import *
    from kerasish.ops.spectral import *
    from kerasish.ops.statistics import *
    from kerasish.ops.windows import *
