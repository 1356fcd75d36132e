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
    "arithmetic": "allclose clip divide_no_nan isclose nan_to_num round",
    "attention": "dot_product_attention",
    "contraction": "einsum rearrange",
    "control_flow": "cond fori_loop map scan switch vectorized_map while_loop",
    "convolution": "average_pool conv conv_transpose depthwise_conv max_pool separable_conv",
    "core": (
        "cast convert_to_numpy convert_to_tensor custom_gradient dtype is_tensor saturate_cast scatter "
        "scatter_update shape slice slice_update stop_gradient unstack"
    ),
    "creation": (
        "arange array empty empty_like eye full full_like identity linspace logspace meshgrid ones ones_like "
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
    "encoding": "multi_hot one_hot",
    "linalg": "norm",
    "math": "in_top_k logsumexp rsqrt segment_sum top_k",
    "normalization": "batch_normalization layer_normalization moments normalize rms_normalization",
    "order": "argsort digitize searchsorted sort",
    "positions": "diag diagonal get_item nonzero select take take_along_axis trace tril triu where",
    "products": "dot inner matmul outer tensordot vdot",
    "reductions": (
        "all amax amin any argmax argmin average count_nonzero cumprod cumsum diff max mean min prod ptp std "
        "sum var"
    ),
    "shapes": (
        "append array_split broadcast_to concatenate copy dstack expand_dims flip fliplr flipud hstack "
        "moveaxis ndim pad ravel repeat reshape roll size split squeeze stack swapaxes tile transpose vstack"
    ),
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
    from kerasish.ops.arithmetic import *
    from kerasish.ops.attention import *
    from kerasish.ops.contraction import *
    from kerasish.ops.control_flow import *
    from kerasish.ops.convolution import *
    from kerasish.ops.core import *
    from kerasish.ops.creation import *
    from kerasish.ops.crossentropy import *
    from kerasish.ops.elementwise import *
    from kerasish.ops.encoding import *
    from kerasish.ops.linalg import *
    from kerasish.ops.math import *
    from kerasish.ops.normalization import *
    from kerasish.ops.order import *
    from kerasish.ops.positions import *
    from kerasish.ops.products import *
    from kerasish.ops.reductions import *
    from kerasish.ops.shapes import *
