"""`torch.nn.Module` and containers."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

import numpy as np

from kerasish.autograd import Tensor
from kerasish.compat.torch.methods import Parameter


class Module:
    """A part of a network: parameters and modules assigned to its attributes are found by `parameters()`.

    Example:

    >>> class LinearRegression(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.linear = nn.Linear(1, 1)
    ...
    ...     def forward(self, x):
    ...         return self.linear(x)
    """

    training = True

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the module's output; subclasses say how."""
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.forward(*args, **kwargs)

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Yield the modules assigned to attributes, with the attributes' names."""
        return ((name, value) for name, value in vars(self).items() if isinstance(value, Module))

    def children(self) -> Iterator[Module]:
        """Yield the modules assigned to attributes."""
        return (module for _, module in self.named_children())

    def modules(self) -> Iterator[Module]:
        """Yield this module and all within it."""
        yield self
        for child in self.children():
            yield from child.modules()

    def named_parameters(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Parameter]]:
        """Yield every parameter once, with its dotted name."""
        seen: set[int] = set()
        for name, parameter in self._all_parameters(prefix, recurse):
            if id(parameter) not in seen:
                seen.add(id(parameter))
                yield name, parameter

    def _all_parameters(self, prefix: str, recurse: bool) -> Iterator[tuple[str, Parameter]]:
        start = f"{prefix}." if prefix else ""
        for name, value in vars(self).items():
            if isinstance(value, Parameter):
                yield start + name, value
        if recurse:
            for name, child in self.named_children():
                yield from child._all_parameters(start + name, True)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Yield every parameter once."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def train(self, mode: bool = True) -> Module:
        """Switch to training (or, with False, to evaluation), which dropout follows."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Module:
        """Switch to evaluation."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Forget the parameters' gradients."""
        for parameter in self.parameters():
            parameter.grad = None

    def requires_grad_(self, requires_grad: bool = True) -> Module:
        """Train the parameters or freeze them."""
        for parameter in self.parameters():
            parameter.requires_grad = requires_grad
        return self

    def state_dict(self) -> dict[str, Tensor]:
        """Return the parameters' values by their names."""
        return OrderedDict((name, parameter.detach()) for name, parameter in self.named_parameters())

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Set the parameters' values; nothing is changed unless all of them fit.

        Raises:
            RuntimeError: If a name is missing or unknown, or a shape differs.
        """
        own = dict(self.named_parameters())
        missing, unknown = sorted(own.keys() - state_dict.keys()), sorted(state_dict.keys() - own.keys())
        wrong = [
            f"{name}: {np.shape(state_dict[name])} for {tuple(own[name].shape)}"
            for name in own.keys() & state_dict.keys()
            if tuple(np.shape(state_dict[name])) != tuple(own[name].shape)
        ]
        if missing or unknown or wrong:
            raise RuntimeError(
                f"Error(s) in loading state_dict for {type(self).__name__}: missing {missing}, unexpected {unknown}, "
                f"of another shape {wrong}."
            )
        for name, parameter in own.items():
            parameter.assign(state_dict[name])

    def extra_repr(self) -> str:
        """Return what `repr` shows between the brackets."""
        return ""

    def __repr__(self) -> str:
        inner = [f"  ({name}): " + repr(child).replace("\n", "\n  ") for name, child in self.named_children()]
        body = "\n" + "\n".join(inner) + "\n" if inner else self.extra_repr()
        return f"{type(self).__name__}({body})"


class Sequential(Module):
    """Modules applied one after the other.

    Args:
        *modules: The modules, or one ordered dict of them.
    """

    def __init__(self, *modules: Any):
        named = (
            modules[0].items() if len(modules) == 1 and isinstance(modules[0], dict) else enumerate(modules)
        )
        for name, module in named:
            setattr(self, str(name), module)

    def forward(self, input: Any) -> Any:
        for module in self.children():
            input = module(input)
        return input

    def __len__(self) -> int:
        return len(list(self.children()))

    def __iter__(self) -> Iterator[Module]:
        return self.children()

    def __getitem__(self, index: int) -> Module:
        return list(self.children())[index]
