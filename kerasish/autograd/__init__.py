"""Tensors, variables and gradients: the engine under everything else."""

from kerasish.autograd.tensor import KerasTensor, Node, Tensor, as_tensor, is_tensor  # isort: skip
from kerasish.autograd import operators as _operators  # noqa: F401  gives Tensor its operators
from kerasish.autograd.backward import GradientTape, grad, gradients_of, value_and_grad
from kerasish.autograd.naming import name_scope
from kerasish.autograd.primitive import cast
from kerasish.autograd.remat import RematScope, remat
from kerasish.autograd.scope import AutocastScope, StatelessScope, SymbolicScope
from kerasish.autograd.state import enable_grad, no_grad
from kerasish.autograd.variable import Variable

__all__ = [
    "AutocastScope",
    "GradientTape",
    "KerasTensor",
    "Node",
    "RematScope",
    "StatelessScope",
    "SymbolicScope",
    "Tensor",
    "Variable",
    "as_tensor",
    "cast",
    "enable_grad",
    "grad",
    "gradients_of",
    "is_tensor",
    "name_scope",
    "no_grad",
    "remat",
    "value_and_grad",
]
