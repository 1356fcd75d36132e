"""TensorFlow's functions in the graphs of Keras 2 (`TFOpLambda`, `SlicingOpLambda`) as operations of today.

Each row of the table is `TensorFlow's name = our name, its parameters as theirs=ours`. A graph may use these and no
others: a name in a file is looked up here and nowhere else.
"""

from __future__ import annotations

from typing import Any

from kerasish.ops import operation_names

CLASSES = ("TFOpLambda", "SlicingOpLambda")

_TABLE = """
    math.add __operators__.add nn.bias_add | add y=x2 bias=x2
    math.subtract __operators__.sub | subtract y=x2
    math.multiply __operators__.mul | multiply y=x2
    math.divide math.truediv __operators__.truediv | true_divide y=x2
    math.divide_no_nan | divide_no_nan y=x2
    math.floordiv | floor_divide y=x2
    math.floormod math.mod | mod y=x2
    math.pow | power y=x2
    math.maximum | maximum y=x2
    math.minimum | minimum y=x2
    linalg.matmul | matmul b=x2
    math.equal __operators__.eq | equal y=x2 other=x2
    math.not_equal __operators__.ne | not_equal y=x2 other=x2
    math.greater | greater y=x2
    math.greater_equal | greater_equal y=x2
    math.less | less y=x2
    math.less_equal | less_equal y=x2
    math.logical_and | logical_and y=x2
    math.logical_or | logical_or y=x2
    math.logical_not | logical_not
    math.abs | absolute
    math.negative | negative
    math.square | square
    math.sqrt | sqrt
    math.rsqrt | rsqrt
    math.reciprocal | reciprocal
    math.exp | exp
    math.expm1 | expm1
    math.log | log
    math.log1p | log1p
    math.sin | sin
    math.cos | cos
    math.tan | tan
    math.erf | erf
    math.floor | floor
    math.ceil | ceil
    math.round | round
    math.sign | sign
    math.tanh nn.tanh | tanh
    math.sigmoid nn.sigmoid | sigmoid
    math.softplus nn.softplus | softplus
    math.log_sigmoid | log_sigmoid
    nn.softsign math.softsign | softsign
    nn.relu | relu
    nn.relu6 | relu6
    nn.elu | elu
    nn.selu | selu
    nn.silu nn.swish | silu
    nn.gelu | gelu approximate=approximate
    nn.leaky_relu | leaky_relu alpha=negative_slope
    nn.softmax math.softmax | softmax axis=axis
    nn.log_softmax math.log_softmax | log_softmax axis=axis
    math.reduce_mean | mean axis=axis keepdims=keepdims
    math.reduce_sum | sum axis=axis keepdims=keepdims
    math.reduce_max | max axis=axis keepdims=keepdims
    math.reduce_min | min axis=axis keepdims=keepdims
    math.reduce_prod | prod axis=axis keepdims=keepdims
    math.reduce_std | std axis=axis keepdims=keepdims
    math.reduce_variance | var axis=axis keepdims=keepdims
    math.reduce_any | any axis=axis keepdims=keepdims
    math.reduce_all | all axis=axis keepdims=keepdims
    math.reduce_logsumexp | logsumexp axis=axis keepdims=keepdims
    math.cumsum | cumsum axis=axis
    math.argmax | argmax axis=axis
    math.argmin | argmin axis=axis
    math.l2_normalize linalg.l2_normalize nn.l2_normalize | normalize axis=axis
    clip_by_value | clip clip_value_min=x_min clip_value_max=x_max
    concat | concatenate axis=axis
    stack | stack axis=axis
    unstack | unstack axis=axis num=num
    split | split num_or_size_splits=indices_or_sections axis=axis
    reshape | reshape shape=newshape
    transpose | transpose perm=axes
    expand_dims | expand_dims axis=axis
    squeeze | squeeze axis=axis
    tile | tile multiples=repeats
    repeat | repeat repeats=repeats axis=axis
    broadcast_to | broadcast_to shape=shape
    reverse | flip axis=axis
    roll | roll shift=shift axis=axis
    pad | pad paddings=pad_width mode=mode
    gather | take indices=indices axis=axis
    where | where x=x1 y=x2
    cast | cast dtype=dtype
    one_hot | one_hot depth=num_classes axis=axis dtype=dtype
    zeros_like | zeros_like
    ones_like | ones_like
    identity | copy
    stop_gradient | stop_gradient
    __operators__.getitem | get_item slice_spec=key
"""
# Parameters that change nothing with these values; all others that the table does not name are an error.
_IDLE: dict[str, tuple] = {
    "name": (),
    "transpose_a": (False,),
    "transpose_b": (False,),
    "adjoint_a": (False,),
    "adjoint_b": (False,),
    "a_is_sparse": (False,),
    "b_is_sparse": (False,),
    "output_type": (),
    "exclusive": (False,),
    "reverse": (False,),
    "batch_dims": (0,),
    "validate_indices": (),
    "constant_values": (0, 0.0),
    "beta": (1, 1.0),
    "conjugate": (False,),
    "epsilon": (1e-12,),
    "dtype": (),
    "num": (),
    "on_value": (1, 1.0),
    "off_value": (0, 0.0),
    "keepdims": (False,),
}
# What TensorFlow takes where its function's parameter is left out, and ours takes otherwise.
_DEFAULTS: dict[str, dict[str, Any]] = {
    "gelu": {"approximate": False},
    "take": {"axis": 0},
    "argmax": {"axis": 0},
    "argmin": {"axis": 0},
}
_NUMPY_MODES = {"CONSTANT": "constant", "REFLECT": "reflect", "SYMMETRIC": "symmetric"}


def modern_operation(layer: dict[str, Any]) -> dict[str, Any]:
    """Rewrite a layer that stands for a TensorFlow function, whose calls have today's form; others stay.

    Raises:
        ValueError: if it is a function, or a parameter of one, that has no counterpart.
    """
    if layer.get("class_name") not in CLASSES:
        return layer
    theirs = str(layer["config"].get("function"))
    row = _row(theirs)
    if row is None:
        raise ValueError(
            f"Layer {layer['name']!r} of class '{layer['class_name']}' stands for TensorFlow's function "
            f"'tf.{theirs}', which is none of those that can be translated. Build the model in Python with "
            "`kerasish.ops`, and load the file's weights into it with `load_weights`."
        )
    ours, parameters = row
    module, class_name, settings = operation_names.entry(ours)
    chosen: dict[str, Any] = {}
    calls = []
    for call in layer["inbound_nodes"]:
        args, found = _arguments(layer["name"], theirs, ours, parameters, settings, call)
        chosen.update(found)
        calls.append({"args": args, "kwargs": {}})
    return {
        "module": f"keras.src.ops.{module}",
        "class_name": class_name,
        "config": {"name": layer["name"], **chosen},
        "registered_name": class_name,
        "name": layer["name"],
        "inbound_nodes": calls,
    }


def _row(theirs: str) -> tuple[str, dict[str, str]] | None:
    for line in _TABLE.strip().splitlines():
        names, _, rest = line.partition("|")
        if theirs.removeprefix("compat.v1.") in names.split():
            ours, *pairs = rest.split()
            return ours, dict(pair.split("=") for pair in pairs)
    return None


def _arguments(
    name: str, theirs: str, ours: str, parameters: dict[str, str], settings: list[str], call: dict[str, Any]
) -> tuple[list, dict[str, Any]]:
    """Return the arguments of a call, and the settings of its operation."""
    args, chosen = list(call["args"]), dict(_DEFAULTS.get(ours, {}))
    for key, value in call["kwargs"].items():
        target = parameters.get(key)
        if target is None:
            if key in _IDLE and (not _IDLE[key] or value in _IDLE[key]):
                continue
            raise ValueError(
                f"Layer {name!r} calls TensorFlow's 'tf.{theirs}' with {key}={str(value)[:80]}, which cannot be "
                "translated. Build the model in Python with `kerasish.ops`, and load the file's weights into it "
                "with `load_weights`."
            )
        if target in settings:
            chosen[target] = _setting(ours, target, value)
        else:
            args.append(_key(value) if target == "key" else value)
    return [_constant(arg) for arg in args], chosen


def _setting(ours: str, target: str, value: Any) -> Any:
    if isinstance(value, dict) and "items" in value:  # a tuple
        value = list(value["items"])
    if ours == "split" and target == "indices_or_sections" and isinstance(value, list):
        return [sum(value[: i + 1]) for i in range(len(value) - 1)]
    if target == "mode":
        return _NUMPY_MODES.get(str(value).upper(), value)
    return value


def _key(spec: Any) -> Any:
    """Return the key of a subscript: slices were written as dicts of their ends."""
    if isinstance(spec, dict):
        if spec.get("class_name") == "__tuple__":
            return [_key(item) for item in spec.get("items", ())]
        if {"start", "stop", "step"} >= spec.keys() and spec:
            return {"class_name": "__slice__", "config": {"start": None, "stop": None, "step": None, **spec}}
        if spec.get("class_name") == "__ellipsis__":
            return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(spec, (list, tuple)):
        return [_key(item) for item in spec]
    return spec


def _constant(value: Any) -> Any:
    """Return a list of numbers as an array; everything else stays."""
    import numpy as np

    if not isinstance(value, list) or not value or isinstance(value[0], dict):
        return value
    try:
        array = np.array(value)
    except ValueError:
        return value
    if array.dtype.kind not in "fiub":
        return value
    dtype = {"f": "float32", "i": "int32", "u": "int32", "b": "bool"}[array.dtype.kind]
    return {"class_name": "__numpy__", "config": {"value": value, "dtype": dtype}}
