"""What the cells of SimpleRNN, GRU, LSTM and ConvLSTM share: weights, dropout, and a step in two halves."""

from __future__ import annotations

from typing import Any

from kerasish import activations, constraints, initializers, ops, random, regularizers, tree
from kerasish.autograd.tensor import Tensor
from kerasish.layers.layer import Layer
from kerasish.layers.rnn.dropout_cell import DropoutRNNCell

_KINDS = {"initializer": initializers, "regularizer": regularizers, "constraint": constraints}
_WEIGHTS = ("kernel", "recurrent_kernel", "bias")


class RecurrentCell(Layer, DropoutRNNCell):
    """A cell whose step is `advance(project(inputs), states)`.

    `project` does not depend on the states, so that a layer applies it to all timesteps at once.

    Args:
        width: Units or filters.
        gates: How many activations the kernels compute side by side.
        settings: Activations, initializers, regularizers, constraints and rates, as in the cells' constructors.
    """

    gates: int

    def __init__(self, width: int, gates: int, settings: dict[str, Any], **kwargs: Any):
        if width <= 0:
            raise ValueError(
                "Received an invalid value for argument `units`, expected a positive integer, got "
                f"{width}. Pass the number of units that the cell shall have."
            )
        super().__init__(**kwargs)
        self.gates = gates
        self._width = width
        self.seed = settings["seed"]
        self.seed_generator = random.SeedGenerator(self.seed)
        self.use_bias = settings["use_bias"]
        self.activation = activations.get(settings["activation"])
        if "recurrent_activation" in settings:
            self.recurrent_activation = activations.get(settings["recurrent_activation"])
        for kind, module in _KINDS.items():
            for weight in ("kernel", "recurrent", "bias"):
                name = f"{weight}_{kind}"
                setattr(self, name, module.get(settings[name]))
        self.dropout = min(1.0, max(0.0, settings["dropout"]))
        self.recurrent_dropout = min(1.0, max(0.0, settings["recurrent_dropout"]))
        self.bias: Any = None

    def _add_weights(
        self, kernel: tuple, recurrent_kernel: tuple, bias: tuple, bias_initializer: Any
    ) -> None:
        shapes = dict(zip(_WEIGHTS, (kernel, recurrent_kernel, bias), strict=True))
        for name in _WEIGHTS if self.use_bias else _WEIGHTS[:2]:
            part = name.removesuffix("_kernel")
            weight = self.add_weight(
                shape=shapes[name],
                name=name,
                initializer=bias_initializer if name == "bias" else getattr(self, f"{part}_initializer"),
                regularizer=getattr(self, f"{part}_regularizer"),
                constraint=getattr(self, f"{part}_constraint"),
            )
            setattr(self, name, weight)

    def _forgetting_bias(self) -> Any:
        """Return the initializer of a bias whose second gate, the forget gate, starts at one."""
        if not self.unit_forget_bias:
            return self.bias_initializer

        def initializer(shape: Any, *args: Any, **kwargs: Any) -> Tensor:
            ones = initializers.Ones()((self._width,), *args, **kwargs)
            first = self.bias_initializer((self._width,), *args, **kwargs)
            rest = self.bias_initializer((self._width * 2,), *args, **kwargs)
            return ops.concatenate([first, ones, rest])

        return initializer

    # The two halves of a step

    def project(self, inputs: Tensor, training: bool) -> Tensor:
        """Return what the inputs, of one timestep or of several stacked before the batch, add to the gates."""
        raise NotImplementedError

    def advance(self, projected: Tensor, states: Any, training: bool) -> tuple[Tensor, list[Tensor]]:
        """Return the output of a timestep and the new states."""
        raise NotImplementedError

    def call(self, inputs: Tensor, states: Any, training: bool = False) -> tuple[Tensor, Any]:
        nested = tree.is_nested(states)
        output, new = self.advance(
            self.project(inputs, training), list(states) if nested else [states], training
        )
        return output, new if nested else new[0]

    def draw_masks(self, step_input: Tensor, states: list[Tensor], training: bool) -> None:
        """Draw the dropout masks of a sequence before its first timestep."""
        if training:
            self.get_dropout_mask(step_input)
            self.get_recurrent_dropout_mask(states[0])

    def _input_masks(self, inputs: Tensor, training: bool) -> Any:
        """Return the masks of the inputs; None where nothing is dropped."""
        if not training or not 0 < self.dropout < 1:
            return None
        return self.get_dropout_mask(inputs)

    def _state_masks(self, state: Tensor, training: bool) -> Any:
        if not training or not 0 < self.recurrent_dropout < 1:
            return None
        return self.get_recurrent_dropout_mask(state)

    def _sum_for_gates(self, x: Tensor, kernel: Any, masks: Any) -> Tensor:
        """Return `x @ kernel`, with a mask of its own for each gate where there are several."""
        if masks is None:
            return ops.matmul(x, kernel)
        if not isinstance(masks, tuple):
            return ops.matmul(x * masks, kernel)
        parts = ops.split(kernel, len(masks), axis=-1)
        return ops.concatenate(
            [ops.matmul(x * mask, part) for mask, part in zip(masks, parts, strict=True)], axis=-1
        )

    # Configuration

    def own_config(self) -> dict[str, Any]:
        """Return what the cell's config has beyond every layer's."""
        config = {
            "use_bias": self.use_bias,
            "activation": activations.serialize(self.activation),
            "dropout": self.dropout,
            "recurrent_dropout": self.recurrent_dropout,
            "seed": self.seed,
        }
        if hasattr(self, "recurrent_activation"):
            config["recurrent_activation"] = activations.serialize(self.recurrent_activation)
        for kind, module in _KINDS.items():
            for weight in ("kernel", "recurrent", "bias"):
                config[f"{weight}_{kind}"] = module.serialize(getattr(self, f"{weight}_{kind}"))
        return config

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.own_config()}

    def get_initial_state(self, batch_size: int | None = None) -> list[Tensor]:
        """Return the states before the first timestep: zeros."""
        sizes = self.state_size if tree.is_nested(self.state_size) else [self.state_size]
        return [ops.zeros((batch_size, size), dtype=self.compute_dtype) for size in sizes]
