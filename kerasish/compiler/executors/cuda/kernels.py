"""What stands in a GPU's graph in place of primitives: groups of operations as phases, phases that share a
launch, and library calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kerasish.compiler.executors.cuda.phases import Access, NestPhase, Phase, ScalarsPhase, Sources
from kerasish.compiler.executors.cuda.planning import phases_of
from kerasish.compiler.executors.cuda.reductions import ReducePhase
from kerasish.compiler.executors.cuda.schedule import Chain, launch_of
from kerasish.compiler.executors.cuda.steps import Step
from kerasish.compiler.graph import Op, Value
from kerasish.compiler.kernel import Kernel
from kerasish.compiler.nests import Grouping
from kerasish.compiler.views import View


class CudaKernel(Kernel):
    """A group of operations as phases.

    Attributes:
        inputs: The values that it reads, views included.
        outputs: What it writes.
        phases: Its phases in an order in which they can be done.
    """

    def __init__(self, ops: Sequence[Op], needed: set[Value], name: str, views: Mapping[Value, View]):
        self.name = name
        grouping = Grouping(ops, needed)
        numbers = {op.output for _, op in grouping.scalars}
        self.phases = phases_of(grouping, Sources(grouping, views, numbers & needed), needed)
        self.outputs = list(dict.fromkeys(a.value for phase in self.phases for a in phase.writes))
        read = dict.fromkeys(a.value for phase in self.phases for a in phase.reads)
        self.inputs = [v for v in read if v not in self.outputs]


class Library(Kernel):
    """A library call as steps.

    Attributes:
        steps: Its launches and products.
        outputs: What it makes, then room that it works in.
    """

    def __init__(self, name: str, steps: Sequence[Step], outputs: Sequence[Value]):
        self.name = name
        self.steps = list(steps)
        self.outputs = list(outputs)


class LaunchKernel(Kernel):
    """Chains of phases, of kernels and of small products, that share a launch.

    Attributes:
        inputs: The arrays that it reads.
        outputs: What it writes: results, then room that it works in.
        chains: The chains.
        steps: The launch.

    Args:
        chains: The chains.
        name: What `explain` calls it.
    """

    def __init__(self, chains: Sequence[Chain], name: str):
        self.name = name
        self.chains = list(chains)
        self.steps = [launch_of(chains, name)]
        self._homes = {phase: chain for chain in chains for phase in chain.phases}
        written = dict.fromkeys(a.value for phase in self._homes for a in phase.writes)
        scratch = dict.fromkeys(v for phase in self._homes for v in phase.scratch)
        self.outputs = [*written, *scratch]
        read = dict.fromkeys(phase.root(a.value) for phase in self._homes for a in phase.reads)
        self.inputs = [v for v in read if v not in written]

    def may_overwrite(self, input_index: int, output_index: int) -> bool:
        x, out = self.inputs[input_index], self.outputs[output_index]
        if x.dtype != out.dtype or x.shape != out.shape:
            return False
        reads = [(phase, a) for phase in self._homes for a in phase.reads if phase.root(a.value) is x]
        writes = [(phase, a) for phase in self._homes for a in phase.writes if a.value is out]
        return bool(writes) and all(self._in_time(*read, *write) for read in reads for write in writes)

    def _in_time(self, reader: Phase, read: Access, writer: Phase, write: Access) -> bool:
        """Tell whether what is read of an array has been read before it is written over."""
        if reader is writer:
            return _same_thread(reader, read, write)
        chain = self._homes[reader]
        return chain is self._homes[writer] and chain.comes_between(reader, read, writer, write)


def _same_thread(phase: Phase, read: Access, write: Access) -> bool:
    """Tell whether each element is read by the thread that writes it, before it does."""
    if phase.root(read.value) is not read.value:
        return False
    if write.axes is None or read.axes is None:
        return read.axes is write.axes and isinstance(phase, ScalarsPhase)  # reads all, then writes
    if isinstance(phase, ReducePhase) or read.axes != write.axes or not (read.inner and write.inner):
        return False
    assert isinstance(phase, NestPhase)
    return all(set(g) & set(write.axes) for g in phase.layout.groups)


__all__ = ["CudaKernel", "LaunchKernel", "Library"]
