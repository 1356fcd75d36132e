"""`ops.image` against `keras.ops.image` on JAX: values, dtypes, gradients, symbols, and compiled."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

import kerasish
from kerasish import KerasTensor, ops

LAST = dict(data_format="channels_last")
FIRST = dict(data_format="channels_first")


class Call(NamedTuple):
    name: str
    args: tuple
    kwargs: dict[str, Any]

    def __str__(self) -> str:
        parts = [f"{a.dtype}{list(a.shape)}" if isinstance(a, np.ndarray) else repr(a) for a in self.args]
        return f"{self.name}({', '.join(parts + [f'{k}={v}' for k, v in self.kwargs.items()])})"


def floats(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed + sum(shape)).random(shape).astype("float32")


def array(*values: Any) -> np.ndarray:
    return np.array(values, "float32")


IMAGES = floats(2, 6, 7, 3)
SINGLE = floats(6, 7, 3)
CHANNELS_FIRST = floats(2, 3, 6, 7)
BYTES = (IMAGES * 255).astype("uint8")
ROTATION = array([0.8, -0.6, 2.0, 0.6, 0.8, -1.3, 0.0, 0.0], [1.2, 0.1, -1.0, 0.3, 0.9, 0.4, 0.0, 0.0])
START = array(
    [[0.3, 0.2], [6.2, 0.1], [0.4, 5.3], [5.7, 4.8]], [[1.2, 0.3], [6.1, 1.2], [0.1, 4.4], [5.3, 5.2]]
)
END = array([[1, 1], [5, 0], [0, 4], [6, 4]], [[0, 0], [6, 0], [1, 5], [6, 4]])
COORDINATES = np.random.default_rng(1).uniform(-7, 13, (2, 3, 5)).astype("float32")

CALLS = [
    *(Call("rgb_to_grayscale", (x,), k) for x, k in ((IMAGES, LAST), (BYTES, {}), (CHANNELS_FIRST, FIRST))),
    Call("rgb_to_grayscale", (IMAGES[..., :1],), {}),
    *(
        Call(n, (x,), k)
        for n in ("rgb_to_hsv", "hsv_to_rgb")
        for x, k in ((SINGLE, {}), (CHANNELS_FIRST, FIRST))
    ),
    *(
        Call("resize", (IMAGES, (4, 9)), dict(interpolation=method, antialias=antialias))
        for method, antialias in (
            ("bilinear", False),
            ("bilinear", True),
            ("nearest", False),
            ("bicubic", True),
            ("lanczos3", False),
            ("lanczos5", True),
        )
    ),
    Call("resize", (BYTES, (9, 4)), dict(interpolation="bicubic")),
    Call("resize", (BYTES, (9, 4)), dict(interpolation="nearest", pad_to_aspect_ratio=True, fill_value=7)),
    Call("resize", (SINGLE, (12, 5)), dict(crop_to_aspect_ratio=True)),
    Call("resize", (SINGLE, (5, 12)), dict(crop_to_aspect_ratio=True)),
    Call("resize", (SINGLE, (12, 5)), dict(pad_to_aspect_ratio=True, fill_value=0.5)),
    Call("resize", (CHANNELS_FIRST, (5, 12)), dict(pad_to_aspect_ratio=True, **FIRST)),
    Call("resize", (CHANNELS_FIRST, (12, 12)), dict(**FIRST)),
    *(
        Call(
            "affine_transform", (IMAGES, ROTATION), dict(interpolation=method, fill_mode=mode, fill_value=0.5)
        )
        for method, mode in (
            ("bilinear", "constant"),
            ("nearest", "constant"),
            ("bilinear", "wrap"),
            ("nearest", "mirror"),
            ("bilinear", "reflect"),
        )
    ),
    Call("affine_transform", (SINGLE, ROTATION[0]), {}),
    Call("affine_transform", (BYTES, ROTATION), {}),
    Call("affine_transform", (CHANNELS_FIRST, ROTATION), FIRST),
    Call("perspective_transform", (IMAGES, START, END), dict(fill_value=0.25)),
    Call("perspective_transform", (SINGLE, START[0], END[0]), dict(interpolation="nearest")),
    Call("perspective_transform", (CHANNELS_FIRST, START, END), FIRST),
    *(
        Call(
            "map_coordinates",
            (IMAGES[0, :, :, 0], COORDINATES),
            dict(order=order, fill_mode=mode, fill_value=2),
        )
        for order, mode in ((0, "constant"), (1, "constant"), (1, "nearest"), (1, "mirror"))
    ),
    Call("gaussian_blur", (IMAGES,), dict(kernel_size=(3, 5), sigma=(1.0, 2.0), **LAST)),
    Call("gaussian_blur", (CHANNELS_FIRST,), dict(sigma=(0.5, 1.5), **FIRST)),
    Call("gaussian_blur", (SINGLE,), LAST),
    Call("sobel_edges", (IMAGES,), LAST),
    Call("sobel_edges", (CHANNELS_FIRST,), FIRST),
    Call("ssim", (floats(2, 12, 13, 3), floats(2, 12, 13, 3, seed=1)), {}),
    Call("ssim", (floats(3, 8, 9), floats(3, 8, 9, seed=1)), dict(filter_size=5, max_val=2.0, **FIRST)),
    Call("crop_images", (IMAGES, 1, 2), dict(target_height=4, target_width=3)),
    Call("crop_images", (CHANNELS_FIRST, None, 2, 1, 1), dict(target_height=4, **FIRST)),
    Call("pad_images", (IMAGES, 1, 2), dict(target_height=9, target_width=10)),
    Call("pad_images", (SINGLE, 1, 0, 2, None, None, 9), {}),
    *(
        Call(
            "scale_and_translate",
            (IMAGES, (2, 8, 5, 3), array(1.3, 0.6), array(-1.0, 0.7), (1, 2), method, antialias),
            {},
        )
        for method, antialias in (("linear", True), ("cubic", False), ("lanczos3", True))
    ),
]


def is_float(x):
    return isinstance(x, np.ndarray) and x.dtype == np.float32


@pytest.fixture(scope="module")
def expected_of(oracle):
    """Outputs and gradients of all calls, compiled together, which is much faster than one by one."""
    import jax
    import jax.numpy as jnp

    def weigh(y):
        return (y * jnp.cos(jnp.arange(y.size, dtype="float32")).reshape(y.shape)).sum()

    def run(everything):
        results = []
        for call, arrays in zip(CALLS, everything, strict=True):

            def f(arrays, call=call):
                rest = iter(arrays)
                args = [next(rest) if is_float(a) else a for a in call.args]
                y = getattr(oracle.ops.image, call.name)(*args, **call.kwargs)
                return (weigh(y) if y.dtype == jnp.float32 else 0.0), y

            found, y = jax.grad(f, has_aux=True)(arrays)
            results.append((y, found if y.dtype == jnp.float32 and arrays else None))
        return results

    arrays = [[a for a in call.args if is_float(a)] for call in CALLS]
    results = jax.jit(run)(arrays)
    return {id(call): result for call, result in zip(CALLS, results, strict=True)}


def function_of(call):
    def function(*arrays):
        rest = iter(arrays)
        args = [next(rest) if isinstance(a, np.ndarray) else a for a in call.args]
        return getattr(ops.image, call.name)(*args, **call.kwargs)

    return function


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_values_and_gradients(expected_of, call):
    expected, gradients = expected_of[id(call)]
    expected = np.asarray(expected)
    tensors = [ops.convert_to_tensor(a) for a in call.args if isinstance(a, np.ndarray)]
    floating = [t for t in tensors if t.dtype == "float32"]
    with kerasish.GradientTape() as tape:
        for t in floating:
            tape.watch(t)
        found = function_of(call)(*tensors)
        loss = None
        if found.dtype == "float32":
            loss = ops.sum(found * np.cos(np.arange(ops.size(found), dtype="float32")).reshape(found.shape))
    assert (found.shape, found.dtype) == (expected.shape, str(expected.dtype))
    tolerance = dict(rtol=2e-5, atol=2e-5) if found.dtype == "float32" else dict(atol=1)
    np.testing.assert_allclose(found.numpy().astype("float32"), expected.astype("float32"), **tolerance)
    if gradients is not None:
        for mine, theirs in zip(tape.gradient(loss, floating), gradients, strict=True):
            theirs = np.asarray(theirs)
            mine = np.zeros_like(theirs) if mine is None else mine.numpy()
            if mine.shape[-1] == 8:  # the oracle leaves out the denominator
                mine, theirs = mine[..., :6], theirs[..., :6]
            np.testing.assert_allclose(mine, theirs, rtol=1e-3, atol=2e-4 * max(1.0, np.abs(theirs).max()))
    compiled = kerasish.function(function_of(call))(*tensors)
    np.testing.assert_allclose(compiled.numpy(), found.numpy(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_symbols(expected_of, call):
    expected = np.asarray(expected_of[id(call)][0])
    batched = (
        isinstance(call.args[0], np.ndarray) and call.args[0].ndim == 4 and call.name != "scale_and_translate"
    )
    arrays = [a for a in call.args if isinstance(a, np.ndarray)]
    symbols = [KerasTensor((None, *a.shape[1:]) if batched else a.shape, str(a.dtype)) for a in arrays]
    spec = function_of(call)(*symbols)
    assert spec.dtype == str(expected.dtype)
    assert spec.shape == ((None, *expected.shape[1:]) if batched else expected.shape)


def test_a_model_of_unknown_sizes_resizes():
    inputs = kerasish.Input((None, None, 3))
    model = kerasish.Model(inputs, ops.image.resize(inputs, (4, 5)))
    assert model.output_shape == (None, 4, 5, 3)
    np.testing.assert_allclose(model(IMAGES).numpy(), ops.image.resize(IMAGES, (4, 5)).numpy())
    again = kerasish.Model.from_config(model.get_config())
    np.testing.assert_array_equal(again(IMAGES).numpy(), model(IMAGES).numpy())


def test_projections_divide():
    transform = array(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.5, 0.25)
    found = ops.image.affine_transform(SINGLE, transform, "nearest").numpy()
    y, x = np.mgrid[:6, :7]
    k = 0.5 * x + 0.25 * y + 1
    places = [(np.floor(c / k + 0.5)).astype(int) for c in (y, x)]
    np.testing.assert_array_equal(found, SINGLE[places[0], places[1]])


@pytest.mark.parametrize("fmt", ["channels_last", "channels_first"])
def test_elastic_transform(fmt):
    images = IMAGES if fmt == "channels_last" else CHANNELS_FIRST
    still = ops.image.elastic_transform(images, alpha=0.0, data_format=fmt, seed=1)
    np.testing.assert_array_equal(still.numpy(), images)
    moved = [
        ops.image.elastic_transform(images, 20.0, 1.0, data_format=fmt, seed=s).numpy() for s in (1, 1, 2)
    ]
    np.testing.assert_array_equal(moved[0], moved[1])
    assert np.abs(moved[0] - moved[2]).max() > 0.1
    assert images.min() <= moved[0].min() and moved[0].max() <= images.max()
    single = ops.image.elastic_transform(images[0], seed=3, data_format=fmt)
    assert single.shape == images.shape[1:]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda i: i.resize(IMAGES, (3,)), "tuple of 2 integers"),
        (lambda i: i.resize(IMAGES, (3, 0)), "positive height and width"),
        (lambda i: i.resize(IMAGES, (3, 3), interpolation="best"), "argument `interpolation`"),
        (lambda i: i.resize(IMAGES[0, 0], (3, 3)), "Invalid images rank"),
        (lambda i: i.resize(IMAGES, (3, 3), fill_mode="wrap"), "Only `'constant'`"),
        (
            lambda i: i.resize(IMAGES, (3, 3), pad_to_aspect_ratio=True, crop_to_aspect_ratio=True),
            "Only one of",
        ),
        (lambda i: i.rgb_to_hsv(BYTES), "expected float dtype"),
        (lambda i: i.rgb_to_grayscale(IMAGES[..., :2]), "Invalid channel size"),
        (lambda i: i.affine_transform(IMAGES, ROTATION, "bicubic"), "argument `interpolation`"),
        (lambda i: i.affine_transform(IMAGES, ROTATION, fill_mode="best"), "argument `fill_mode`"),
        (lambda i: i.affine_transform(IMAGES, ROTATION[None]), "Invalid transform rank"),
        (lambda i: i.perspective_transform(IMAGES, START[:, :3], END), "Invalid start_points shape"),
        (lambda i: i.map_coordinates(SINGLE, COORDINATES, 1), "First dim of `coordinates`"),
        (lambda i: i.map_coordinates(SINGLE[0], COORDINATES, 2), "argument `order`"),
        (lambda i: i.crop_images(IMAGES, 1), "exactly two of"),
        (lambda i: i.crop_images(IMAGES, 1, 1, 9, 1), "must be >= 0"),
        (lambda i: i.pad_images(IMAGES, 1, 1, target_height=3, target_width=9), "must be >= 0"),
    ],
)
def test_errors(oracle, call, message):
    for namespace in (ops.image, oracle.ops.image):
        with pytest.raises(ValueError, match="".join(f"[{c}]" if c in "`()'" else c for c in message)):
            call(namespace)
