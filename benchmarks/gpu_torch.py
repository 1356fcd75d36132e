"""The sides of `gpu.py` by hand in PyTorch: the MNIST network with CUDA graphs or compiled, and cuBLAS's products."""

from __future__ import annotations

from typing import Any

import torch
from gpu_channel import Channel, timed
from gpu_fit import WIDTH, mnist_data
from torch import nn
from torch.nn import functional

BATCH = 32
CUDA = torch.cuda.is_available()


def synchronize() -> None:
    """Wait for the device, if there is one."""
    if CUDA:
        torch.cuda.synchronize()


class Training:
    """The MNIST network, its optimizer, and data, all on the device.

    A step gathers the batch that a counter on the device points at, so it has no arguments and can be captured whole.
    """

    def __init__(self, samples: int) -> None:
        device = "cuda" if CUDA else "cpu"
        x, y = mnist_data(samples)
        self.x = torch.from_numpy(x.reshape(samples, 784)).to(device)
        self.y = torch.from_numpy(y).to(device)
        self.steps = samples // BATCH
        self.model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Dropout(0.2), nn.Linear(128, 10)).to(
            device
        )
        self.optimizer = torch.optim.Adam(
            self.model.parameters(), lr=1e-3, eps=1e-7, fused=CUDA, capturable=CUDA
        )
        self.order = torch.zeros(self.steps, BATCH, dtype=torch.int64, device=device)
        self.at = torch.zeros(1, dtype=torch.int64, device=device)
        self.loss = torch.zeros((), device=device)
        self.right = torch.zeros((), dtype=torch.int64, device=device)
        self.forward = self._forward
        self.replay = self.step

    def _forward(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logits = self.model(x)
        return functional.cross_entropy(logits, y), (logits.argmax(1) == y).sum()

    def step(self) -> None:
        """Train on the next batch. Gradients are None before and after, so that backward makes them afresh."""
        index = self.order.index_select(0, self.at).view(BATCH)
        self.at += 1
        loss, right = self.forward(self.x.index_select(0, index), self.y.index_select(0, index))
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.loss += loss.detach()
        self.right += right

    def shuffle(self) -> None:
        """Choose a new order and begin an epoch."""
        self.order.copy_(torch.randperm(self.order.numel(), device=self.order.device).view_as(self.order))
        for total in (self.at, self.loss, self.right):
            total.zero_()

    def epochs(self, count: int) -> float:
        """Train for some epochs and return the loss of the last."""
        for _ in range(count):
            self.shuffle()
            for _ in range(self.steps):
                self.replay()
            loss = self.loss.item() / self.steps
        return loss


def capture(training: Training) -> None:
    """Capture the step in a CUDA graph, after a few on a side stream, as PyTorch's documentation asks."""
    training.shuffle()
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(5):
            training.step()
    torch.cuda.current_stream().wait_stream(side)
    training.optimizer.zero_grad(set_to_none=True)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        training.step()
    training.replay = graph.replay


def network(channel: Channel) -> None:
    """The MNIST network, captured by hand or compiled, by turns."""
    torch.manual_seed(0)
    torch.set_float32_matmul_precision("high")
    training = Training(6400 if channel.part == "dispatch" else 640 if channel.smoke else 60000)
    if "compile" in channel.side:
        training.forward = torch.compile(training._forward, mode="max-autotune")
        training.shuffle()
        for _ in range(5):
            training.step()
        synchronize()
    elif CUDA:
        capture(training)
    watch = None
    if channel.part == "dispatch":
        from gpu_trace import Dispatch

        watch = Dispatch()
    training.epochs(2)

    def measure(units: int) -> dict[str, Any]:
        synchronize()
        if watch is not None:
            watch.start()
            loss = training.epochs(units)
            synchronize()
            return {**watch.stop(units * training.steps), "loss": loss}
        seconds = timed(training.epochs, synchronize)(units) / training.steps
        return {"seconds": seconds, "loss": training.loss.item() / training.steps}

    channel.serve(measure, device=str(training.x.device), steps=training.steps)


def product(channel: Channel) -> None:
    """One square product by cuBLAS, as often as asked."""
    width = 64 if channel.smoke else WIDTH
    dtype = torch.bfloat16 if "bfloat16" in channel.side else torch.float32
    torch.set_float32_matmul_precision("high")
    device = "cuda" if CUDA else "cpu"
    x, y = (torch.randn(width, width, device=device).to(dtype) for _ in range(2))
    out = torch.empty_like(x)

    def work(units: int) -> None:
        for _ in range(units):
            torch.mm(x, y, out=out)

    work(10)
    channel.serve(timed(work, synchronize), device=device, flop=2 * width**3)


def run(channel: Channel) -> None:
    """Load, say so, wait for the word, and work by turns."""
    if CUDA:
        torch.zeros(1, device="cuda")
    channel.say("loaded")
    channel.wait()
    (product if channel.part == "mlp" else network)(channel)
