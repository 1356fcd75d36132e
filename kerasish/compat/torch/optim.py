"""`torch.optim`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from kerasish import ops
from kerasish.autograd import Tensor, enable_grad, no_grad
from kerasish.compat.torch.methods import LeafTensor


class Optimizer:
    """Changes parameters by their gradients.

    Args:
        params: The parameters, or dicts of `params` and options of their own.
        defaults: The options of all others.
    """

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]):
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        self.param_groups = [{**defaults, **group, "params": list(group["params"])} for group in groups]
        for parameter in self._parameters():
            if not isinstance(parameter, LeafTensor):
                raise TypeError(
                    "An optimizer changes parameters and tensors made with `requires_grad=True`. "
                    f"Received: {type(parameter).__name__}"
                )
        self.state: dict[LeafTensor, dict[str, Any]] = {}

    def _parameters(self) -> Iterable[Any]:
        return (parameter for group in self.param_groups for parameter in group["params"])

    def zero_grad(self) -> None:
        """Forget the parameters' gradients."""
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.grad = None

    def step(self, closure: Callable | None = None) -> Any:
        """Change every parameter that has a gradient.

        Args:
            closure: Computes the loss anew, with its gradients, and returns it; or None.

        Returns:
            What `closure` returns.
        """
        loss = None
        with no_grad():
            if closure is not None:
                with enable_grad():
                    loss = closure()
            for group in self.param_groups:
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        self._update(parameter, parameter.grad, group)
        return loss

    def _update(self, parameter: LeafTensor, grad: Tensor, group: dict[str, Any]) -> None:
        raise NotImplementedError


class SGD(Optimizer):
    """Stochastic gradient descent: `v = momentum * v + (1 - dampening) * g`, `p = p - lr * v`.

    Args:
        params: The parameters.
        lr: Learning rate.
        momentum: Share of the last step that is kept.
        dampening: Share of the gradient that is left out where there is momentum.
        weight_decay: Share of the parameter that is added to its gradient.
        nesterov: Whether to look ahead by one step.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ):
        _check_not_negative(lr=lr, momentum=momentum, weight_decay=weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        defaults = {"lr": lr, "momentum": momentum, "dampening": dampening}
        super().__init__(params, {**defaults, "weight_decay": weight_decay, "nesterov": nesterov})

    def _update(self, parameter: LeafTensor, grad: Tensor, group: dict[str, Any]) -> None:
        if group["weight_decay"]:
            grad = grad + group["weight_decay"] * parameter
        momentum = group["momentum"]
        if momentum:
            slots = self.state.setdefault(parameter, {})
            velocity = slots.get("momentum_buffer")
            velocity = grad if velocity is None else momentum * velocity + (1 - group["dampening"]) * grad
            slots["momentum_buffer"] = velocity
            grad = grad + momentum * velocity if group["nesterov"] else velocity
        parameter.assign_sub(group["lr"] * grad)


class Adam(Optimizer):
    """Adam (Kingma and Ba, 2014): steps of about `lr`, by the gradient's mean over the root of its squares' mean.

    Args:
        params: The parameters.
        lr: Learning rate.
        betas: Decay of the gradient's and of its square's running means.
        eps: Added to the root, against division by zero.
        weight_decay: Share of the parameter that is added to its gradient.
    """

    _decoupled = False

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ):
        _check_not_negative(lr=lr, eps=eps, weight_decay=weight_decay)
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    def _update(self, parameter: LeafTensor, grad: Tensor, group: dict[str, Any]) -> None:
        lr, (beta1, beta2), decay = group["lr"], group["betas"], group["weight_decay"]
        if decay and self._decoupled:
            parameter.assign_sub(lr * decay * parameter)
        elif decay:
            grad = grad + decay * parameter
        slots = self.state.setdefault(parameter, {"step": 0, "exp_avg": 0.0, "exp_avg_sq": 0.0})
        slots["step"] = step = slots["step"] + 1
        slots["exp_avg"] = mean = beta1 * slots["exp_avg"] + (1 - beta1) * grad
        slots["exp_avg_sq"] = square = beta2 * slots["exp_avg_sq"] + (1 - beta2) * ops.square(grad)
        root = ops.sqrt(square) * (1 / math.sqrt(1 - beta2**step)) + group["eps"]
        parameter.assign_sub(mean * (lr / (1 - beta1**step)) / root)


class AdamW(Adam):
    """Adam with the weight decay taken from the parameter itself (Loshchilov and Hutter, 2017)."""

    _decoupled = True

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ):
        super().__init__(params, lr, betas, eps, weight_decay)


def _check_not_negative(**options: float) -> None:
    for name, value in options.items():
        if value < 0:
            raise ValueError(f"Invalid {name} value: {value}. It cannot be negative.")
