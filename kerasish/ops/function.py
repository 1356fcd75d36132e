"""Functions made of a graph: from symbolic inputs to symbolic outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kerasish import tree
from kerasish.autograd.tensor import KerasTensor, Tensor
from kerasish.ops.operation import Call, Operation, comes_from_operation


class Function(Operation):
    """The function that the operations between symbolic inputs and outputs make up.

    Example:

    >>> x = kerasish.Input((3,))
    >>> double = kerasish.Function(x, x * 2)
    >>> double(kerasish.ops.ones((1, 3))).numpy()
    array([[2., 2., 2.]], dtype=float32)

    Args:
        inputs: Symbolic tensors in any structure.
        outputs: Symbolic tensors computed from them, in any structure.
        name: The function's name.

    Raises:
        ValueError: If there are no inputs or outputs, an output does not depend on the inputs only, or two operations
            have the same name.
    """

    _inputs: list[KerasTensor]
    _outputs: list[KerasTensor]
    _inputs_struct: Any
    _outputs_struct: Any
    _operations: list[Operation]
    _nodes_by_depth: dict[int, list[Call]]
    _own_calls: set[int]
    _plan: _Plan

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None):
        super().__init__(name=name)
        self._connect(inputs, outputs)

    def _connect(self, inputs: Any, outputs: Any) -> None:
        """Find the graph between inputs and outputs, and plan how to run it."""
        put = object.__setattr__  # a model tracks the layers, not the lists that they stand in here
        put(self, "_inputs_struct", tree.map_structure(lambda x: x, inputs))
        put(self, "_outputs_struct", tree.map_structure(lambda x: x, outputs))
        put(self, "_inputs", tree.flatten(inputs))
        put(self, "_outputs", tree.flatten(outputs))
        for what, tensors in (("inputs", self._inputs), ("outputs", self._outputs)):
            if not tensors:
                raise ValueError(
                    f"`{what}` argument cannot be empty. Received:\ninputs={inputs}\noutputs={outputs}"
                )
        calls_by_depth, operations = graph_between(self._inputs, self._outputs)
        put(self, "_nodes_by_depth", calls_by_depth)
        put(self, "_operations", operations)
        put(self, "_own_calls", {id(call) for calls in calls_by_depth.values() for call in calls})
        put(self, "_plan", _Plan(self._inputs, self._outputs, self._outputs_struct, calls_by_depth))

    @property
    def operations(self) -> list[Operation]:
        """The operations from inputs to outputs."""
        return list(self._operations)

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic inputs as a flat list."""
        return self._inputs

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbolic outputs as a flat list."""
        return self._outputs

    def call(self, inputs: Any) -> Any:
        return self._plan.run(tree.flatten(inputs), None)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shapes of the outputs for those of the inputs.

        Args:
            input_shape: A shape, or shapes in the structure of the inputs.
        """
        types = iter(x.dtype for x in self.inputs)
        symbols = tree.map_shape_structure(lambda shape: KerasTensor(shape, next(types)), input_shape)
        return tree.map_structure(lambda x: x.shape, self.compute_output_spec(symbols))

    def replay(self, inputs: Any, call: Callable) -> Any:
        """Call the operations again in order.

        Args:
            inputs: New inputs in the structure of the old ones.
            call: `call(operation, *args, **kwargs)`, whose results take the place of the operation's.

        Returns:
            The outputs in their structure.
        """
        return self._plan.replay(tree.flatten(inputs), call)


# From outputs back to inputs.


def graph_between(
    inputs: list[KerasTensor], outputs: list[KerasTensor]
) -> tuple[dict[int, list[Call]], list[Operation]]:
    """Return the calls between inputs and outputs by depth, and their operations from inputs to outputs.

    The depth of a call is the number of calls on the longest way from it to an output; an operation that is called
    several times has the depth of its deepest call.

    Raises:
        ValueError: If a tensor that is needed does not depend on the inputs, or two operations have the same name.
    """
    calls, order = _calls_behind(inputs, outputs)
    inside = set(map(id, calls))
    depths: dict[int, int] = {}
    by_id = {}
    operation_depths: dict[int, int] = {}
    operations: dict[int, Operation] = {}
    for call in reversed(calls):
        key = id(call.operation)
        depth = max(depths.get(id(call), 0), operation_depths.get(key, 0))
        depths[id(call)] = operation_depths[key] = depth
        by_id[id(call)], operations[key] = call, call.operation
        for parent in call.parents:
            if id(parent) in inside:
                by_id[id(parent)] = parent
                depths[id(parent)] = max(depth + 1, depths.get(id(parent), 0))
    for x in inputs:  # an input that no output needs is still an input
        entry = x._node
        if type(entry) is Call and entry.is_input and id(entry.operation) not in operation_depths:
            key = id(entry.operation)
            operation_depths[key], operations[key], order[key] = 0, entry.operation, -1
            depths[id(entry)], by_id[id(entry)] = 0, entry
    calls_by_depth: dict[int, list[Call]] = {}
    for key, depth in depths.items():
        calls_by_depth.setdefault(depth, []).append(by_id[key])
    calls_by_depth = dict(sorted(calls_by_depth.items(), reverse=True))
    ranked = sorted(operations, key=lambda key: (-operation_depths[key], order[key]))
    in_order = [operations[key] for key in ranked]
    _check_connected(inputs, calls_by_depth)
    _check_names(in_order)
    return calls_by_depth, in_order


def _calls_behind(inputs: list[KerasTensor], outputs: list[KerasTensor]) -> tuple[list[Call], dict[int, int]]:
    """Return the calls that outputs come from, each after those it needs, and the order in which operations are met."""
    ends = {id(x) for x in inputs}
    done: set[int] = set()
    calls: list[Call] = []
    order: dict[int, int] = {}

    def enter(x: KerasTensor, stack: list) -> None:
        call = x._node
        if type(call) is not Call or id(call) in done:
            return
        if id(x) in ends and not call.is_input:
            done.add(id(call))  # made outside of this graph
            return
        order.setdefault(id(call.operation), len(order))
        stack.append((call, iter(call.inputs)))

    for output in outputs:
        stack: list[tuple[Call, Any]] = []
        enter(output, stack)
        while stack:
            call, rest = stack[-1]
            x = next(rest, None)
            if x is not None:
                enter(x, stack)
                continue
            stack.pop()
            if id(call) not in done:
                done.add(id(call))
                calls.append(call)
    return calls, order


def _check_connected(inputs: list[KerasTensor], calls_by_depth: dict[int, list[Call]]) -> None:
    known = {id(x) for x in inputs}
    passed: list[str] = []
    for calls in calls_by_depth.values():
        for call in calls:
            for x in call.inputs:
                if id(x) not in known:
                    raise ValueError(
                        f"Graph disconnected: cannot find parent for tensor {x} at operation '{call.operation}'. The "
                        f"following previous operations were accessed without issue: {passed}"
                    )
                passed.append(call.operation.name)
            known.update(id(x) for x in call.output_tensors)


def _check_names(operations: list[Operation]) -> None:
    names = [operation.name for operation in operations]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(
                f'The name "{name}" is used {names.count(name)} times in the model. All operation names should be '
                "unique."
            )


# From inputs to outputs.


class _Slot:
    """The place of a tensor among the values of a run."""

    __slots__ = ("index",)

    def __init__(self, index: int):
        self.index = index


class _Plan:
    """The calls of a graph in order, with each tensor's place among the values worked out beforehand."""

    def __init__(self, inputs: list, outputs: list, struct: Any, calls_by_depth: dict[int, list[Call]]):
        slots: dict[int, int] = {}
        for x in inputs:
            slots.setdefault(id(x), len(slots))
        self._inputs = [slots[id(x)] for x in inputs]
        calls = [call for calls in calls_by_depth.values() for call in calls if not call.is_input]
        self.calls = []
        for call in calls:
            if all(id(x) in slots for x in call.inputs):
                self.calls.append(call)
                for x in call.output_tensors:
                    slots.setdefault(id(x), len(slots))
        for path, x in tree.flatten_with_path(struct):
            if id(x) not in slots:
                dotted = ".".join(map(str, path))
                raise ValueError(f"Output with path `{dotted}` is not connected to `inputs`")
        self._slots = slots
        self._size = len(slots)
        self._outputs = [slots[id(x)] for x in outputs]
        self._struct = None if isinstance(struct, KerasTensor) else struct
        given = {slots[id(x)] for x in inputs}
        self._recorded = [_Step(call, slots, given, inherits=False) for call in self.calls]
        self._inheriting = [_Step(call, slots, given, inherits=True) for call in self.calls]

    def run(self, inputs: list[Any], training: bool | None) -> Any:
        """Compute the outputs; where `training` is given, it takes the place of what calls were recorded with."""
        values = [None] * self._size
        for slot, x in zip(self._inputs, inputs, strict=True):
            values[slot] = x
        for step in self._recorded if training is None else self._inheriting:
            only = step.only
            if only is not None:
                result = step.function(values[only])
            else:
                args, kwargs = step.arguments(values)
                result = step.function(*args, **kwargs)
            if step.output is not None:
                values[step.output] = result if isinstance(result, Tensor) else tree.flatten(result)[0]
            else:
                for slot, x in zip(step.outputs, tree.flatten(result), strict=False):
                    if slot is not None:
                        values[slot] = x
        results = [values[slot] for slot in self._outputs]
        return results[0] if self._struct is None else tree.pack_sequence_as(self._struct, results)

    def replay(self, inputs: list[Any], call: Callable) -> Any:
        """Compute the outputs by `call(operation, *args, **kwargs)`."""
        values: list[Any] = [None] * self._size
        for slot, x in zip(self._inputs, inputs, strict=True):
            values[slot] = x
        for recorded in self.calls:
            fill = _filler((list(recorded.args), recorded.kwargs), self._slots)
            args, kwargs = fill(values)
            result = tree.flatten(call(recorded.operation, *args, **kwargs))
            for x, value in zip(recorded.output_tensors, result, strict=False):
                values[self._slots[id(x)]] = value
        results = [values[slot] for slot in self._outputs]
        return results[0] if self._struct is None else tree.pack_sequence_as(self._struct, results)


class _Step:
    """One call of a plan.

    Attributes:
        function: What is called.
        only: The place of its only argument, where it is called with one tensor and nothing else.
        arguments: Returns `(args, kwargs)` for the values of a run.
        output: The place of its only result.
        outputs: The places of its results.
    """

    __slots__ = ("arguments", "function", "only", "output", "outputs")

    def __init__(self, call: Call, slots: dict[int, int], given: set[int], inherits: bool):
        operation = call.operation
        kwargs = {k: v for k, v in call.kwargs.items() if not (v is None and k.endswith("mask"))}
        if inherits:
            # A layer that takes `training` has it from the model around it.
            kwargs.pop("training", None)
        self.function = operation.prepared()
        self.only = (
            slots[id(call.inputs[0])] if len(call.args) == 1 and not kwargs and _is_one(call) else None
        )
        self.arguments = _filler((list(call.args), kwargs), slots)
        # What the model was given stays what it is, whatever computed it elsewhere.
        places = [slots[id(x)] for x in call.output_tensors]
        self.outputs = [None if place in given else place for place in places]
        self.output = self.outputs[0] if len(self.outputs) == 1 else None


def _is_one(call: Call) -> bool:
    return isinstance(call.args[0], KerasTensor)


def _filler(template: Any, slots: dict[int, int]) -> Callable[[list], Any]:
    """Return what puts the values of a run into the places of a structure."""
    if isinstance(template, KerasTensor):
        place = slots[id(template)]
        return lambda values: values[place]
    if not any(isinstance(x, KerasTensor) for x in tree.flatten(template)):
        return lambda values: template
    if isinstance(template, dict):
        named = [(key, _filler(value, slots)) for key, value in template.items()]
        return lambda values: {key: fill(values) for key, fill in named}
    if type(template) in (list, tuple):
        if all(isinstance(x, KerasTensor) for x in template):
            places = [slots[id(x)] for x in template]
            if type(template) is list:
                return lambda values: [values[i] for i in places]
            return lambda values: tuple([values[i] for i in places])
        fills = [_filler(part, slots) for part in template]
        if type(template) is tuple:
            return lambda values: tuple([fill(values) for fill in fills])
        return lambda values: [fill(values) for fill in fills]
    return lambda values: tree.map_structure(
        lambda x: values[slots[id(x)]] if isinstance(x, KerasTensor) else x, template
    )


def come_from_operations(tensors: list[Any]) -> bool:
    """Tell whether all are symbolic tensors that operations returned."""
    return all(comes_from_operation(x) for x in tensors)
