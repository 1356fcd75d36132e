"""Everything on a device whose arrays do not turn into NumPy's by themselves: what computes there stays there."""

from __future__ import annotations

import numpy as np
import pytest
from device_cases import LAYERS, LOSSES, METRICS, OF_TYPES, OPTIMIZERS, SHORT_MODELS, assert_alike
from device_cases import to_host as all_to_host
from gradient_cases import CASES as FIRST_CASES
from more_gradient_cases import MORE_CASES
from more_ops_cases import CALLS
from strict_device import DEVICE, MODULE, StrictArray, TransferError, strict_device
from test_gradients import gradients
from test_ops import leaves

import kerasish
from kerasish import Tensor, Variable, ops, random
from kerasish.autograd.backward import gradients_of

CASES = {**FIRST_CASES, **MORE_CASES}


@pytest.fixture
def device():
    with strict_device() as strict:
        yield strict


def to_host(result) -> list:
    return [r.numpy() if isinstance(r, Tensor) else r for r in leaves(result)]


def on_device(tensor) -> bool:
    return type(tensor._value) is StrictArray


# The stand-in itself


def test_the_stand_in_is_strict():
    x = StrictArray(np.ones(3))
    for implicit in (
        lambda: np.asarray(x),
        lambda: np.add(x, 1),
        lambda: np.add(np.ones(3), x),
        lambda: np.concatenate([x, x]),
        lambda: np.ones(3) + x,
        lambda: x + np.ones(3),
        lambda: MODULE.add(x, np.ones(3)),
        lambda: MODULE.concatenate([x, np.ones(3)]),
        lambda: x[np.array([0])],
        lambda: list(x),
        lambda: np.sum(x),
    ):
        with pytest.raises(TypeError):
            implicit()
    before = DEVICE.transfers
    assert x.get().tolist() == [1.0] * 3
    assert DEVICE.transfers == before + 1
    with DEVICE.no_transfers(), pytest.raises(TransferError):
        x.get()


# Tensors and variables


def test_tensors_are_made_on_the_default_device(device):
    with device.no_transfers():
        made = [
            Tensor([1.0, 2.0]), ops.convert_to_tensor(np.ones(3)), ops.zeros((2, 3)), ops.arange(5), ops.eye(3),
            ops.linspace(0.0, 1.0, 5), ops.full((2,), 3.0), ops.one_hot(np.array([0, 2]), 3), Variable([1.0]),
            Variable("zeros", shape=(2,)), ops.meshgrid(np.arange(2), np.arange(3))[0], ops.tri(3),
            ops.ones_like(Tensor(1)),
        ]  # fmt: skip
        assert all(on_device(t) for t in made)
    x = made[0]
    assert x.device == "strict"
    assert x.numpy().tolist() == np.asarray(x).tolist() == x.tolist() == [1.0, 2.0]
    assert x[1].item() == 2.0
    assert repr(x) == "<Tensor shape=(2,), dtype=float32, value=[1. 2.]>"
    assert bool(x[0] > 0)
    assert x.to("cpu").device == "cpu"


def test_devices_do_not_mix(device):
    x = Tensor([1.0, 2.0])
    host = x.to("cpu")
    for mixed in (lambda: x + host, lambda: ops.concatenate([x, host]), lambda: ops.matmul(x, host)):
        with pytest.raises(
            ValueError, match=r"got tensors on different devices: cpu, strict. Move them to one device"
        ):
            mixed()
    np.testing.assert_array_equal(
        (x + np.array([1.0, 1.0], np.float32)).numpy(), [2.0, 3.0]
    )  # arrays are placed


def test_variables_stay_on_the_device(device):
    with device.no_transfers():
        v = Variable(np.ones((2, 3), np.float32))
        view = v[0]
        v.assign_add(1.0)
        v.assign_sub(ops.ones((2, 3)) * 0.5)
        v.assign_add(np.ones((2, 3), np.float32))
        v.assign(v * 2.0)
        loss = ops.sum(v * v)
        loss.backward()
        assert on_device(v)
        assert on_device(v.grad)
    assert v.numpy().tolist() == [[5.0] * 3] * 2
    assert view.numpy().tolist() == [1.0] * 3
    assert v.grad.numpy().tolist() == [[10.0] * 3] * 2


# All primitives and their gradients


@pytest.mark.parametrize("name", CASES)
def test_gradients_stay_on_the_device(device, name):
    for case in CASES[name]:
        with device.no_transfers():
            found, _, value = gradients(case, list(case.arrays))
        assert all(on_device(t) for t in [value, *found])
        kerasish.devices.set_default_device(None)
        expected, _, plain = gradients(case, list(case.arrays))
        kerasish.devices.set_default_device(lambda a: StrictArray(a.copy()))
        np.testing.assert_allclose(value.numpy(), plain.numpy(), rtol=1e-12)
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_functions_stay_on_the_device(call):
    expected = to_host(getattr(ops, call.name)(*call.args, **call.kwargs))
    with strict_device() as device:
        with device.no_transfers():
            found = leaves(getattr(ops, call.name)(*call.args, **call.kwargs))
        assert all(on_device(t) for t in found if isinstance(t, Tensor))
        if call.name != "empty_like":
            for ours, theirs in zip(to_host(found), expected, strict=True):
                np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_control_flow_and_custom_gradients_on_the_device(device):
    x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    with device.no_transfers():
        carry, ys = ops.scan(lambda c, x: (c + x, c * x), ops.zeros(()), x)
        total = ops.fori_loop(0, 3, lambda i, acc: acc + x[i], ops.zeros(()))
        parts = ops.stack(ops.unstack(x * 2.0))
        mask = x[x > 1.5]
        (found,) = gradients_of([carry + total + ops.sum(ys) + ops.sum(parts) + ops.sum(mask)], [x])
    assert on_device(found)
    assert found.shape == (3,)
    assert ops.cond(ops.sum(x) > 0, lambda: 1, lambda: 2) == 1


RANDOM = {
    "uniform": lambda: random.uniform((3, 4)),
    "uniform float64": lambda: random.uniform((3, 4), dtype="float64", seed=3),
    "normal": lambda: random.normal((3, 4), seed=1),
    "truncated_normal": lambda: random.truncated_normal((3, 4), seed=1),
    "randint": lambda: random.randint((3, 4), 0, 10, seed=1),
    "dropout": lambda: random.dropout(ops.ones((3, 4)), 0.5),
    "categorical": lambda: random.categorical(np.zeros((2, 5), np.float32), 3),
    "shuffle": lambda: random.shuffle(np.arange(10)),
    "gamma": lambda: random.gamma((3,), 2.0),
    "beta": lambda: random.beta((3,), 2.0, 3.0),
    "binomial": lambda: random.binomial((3,), 10, 0.5),
    "a generator": lambda: random.normal((3,), seed=random.SeedGenerator(5)),
}


@pytest.mark.parametrize("draw", RANDOM.values(), ids=RANDOM)
def test_random_numbers_are_made_on_the_device_and_are_the_same(draw):
    kerasish.utils.set_random_seed(3)
    expected = draw().numpy()
    with strict_device() as device:
        kerasish.utils.set_random_seed(3)
        with device.no_transfers():
            found = draw()
        assert on_device(found)
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6)


IMAGE_LAYERS = {
    "Resizing": dict(height=4, width=5),
    "CenterCrop": dict(height=4, width=4),
    "RandomCrop": dict(height=4, width=5, seed=1),
    "RandomFlip": dict(seed=1),
    "RandomRotation": dict(factor=0.25, seed=1),
    "RandomPerspective": dict(scale=0.5, seed=1),
    "RandomElasticTransform": dict(seed=1),
    "RandomErasing": dict(seed=1),
    "RandomGaussianBlur": dict(seed=1),
    "RandomHue": dict(factor=0.5, seed=1),
    "RandomPosterization": dict(factor=3, seed=1),
    "Equalization": dict(bins=8),
    "CutMix": dict(seed=1),
}


@pytest.mark.parametrize("name", IMAGE_LAYERS)
def test_images_are_changed_on_the_device(name):
    x = np.random.default_rng(0).uniform(0, 255, (2, 6, 8, 3)).astype("float32")

    def changed():
        return getattr(kerasish.layers, name)(**IMAGE_LAYERS[name])(x, training=True)

    expected = changed().numpy()
    with strict_device() as device:
        with device.no_transfers():
            found = changed()
        assert on_device(found)
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-4, atol=1e-2)


WORK = [*OF_TYPES, *LAYERS, *LOSSES, *METRICS, *OPTIMIZERS, *SHORT_MODELS]


@pytest.mark.parametrize("work", WORK, ids=str)
def test_work_stays_on_the_device(work):
    kerasish.utils.set_random_seed(3)
    expected = all_to_host(work.run())
    with strict_device() as device:
        kerasish.utils.set_random_seed(3)
        if work.asks:
            result = work.run()
        else:
            with device.no_transfers():
                result = work.run()
        found = all_to_host(result)
    assert_alike(found, expected, work.tolerance)
