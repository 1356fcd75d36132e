"""One eager iteration of linear regression (program 6 of the examples), kerasish against PyTorch.

    python benchmarks/eager_linreg.py [ROUNDS]

Forward, loss, zero_grad, backward, step, on 100 samples. Needs PyTorch (`pip install torch`). Both sides run in turn,
in one process, on one thread: with so little work, more threads would only wait for each other.
"""

from __future__ import annotations

import importlib
import sys
import time

from pairs import median_ratio, report

ITERATIONS = 500


def prepare(name: str):
    """Return a function that measures one iteration with the torch or the front door called `name`, in seconds."""
    torch = importlib.import_module(name)
    nn, optim = importlib.import_module(f"{name}.nn"), importlib.import_module(f"{name}.optim")
    torch.manual_seed(42)
    x = 2 * torch.rand(100, 1)
    y = 4 + 3 * x + 0.1 * torch.randn(100, 1)

    class LinearRegression(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(1, 1)

        def forward(self, x):
            return self.linear(x)

    model, criterion = LinearRegression(), nn.MSELoss()
    optimizer = optim.SGD(model.parameters(), lr=0.01)

    def run() -> float:
        start = time.perf_counter()
        for _ in range(ITERATIONS):
            outputs = model(x)
            loss = criterion(outputs, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return (time.perf_counter() - start) / ITERATIONS

    run()
    return run


def main(rounds: int) -> None:
    ours, theirs = prepare("kerasish.compat.torch"), prepare("torch")
    importlib.import_module("torch").set_num_threads(1)
    report("linear regression, one iteration", "us", 1e6, "PyTorch", median_ratio(ours, theirs, rounds))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
