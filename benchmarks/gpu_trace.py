"""What the GPU and the host do in a step, read off a trace by CUPTI (through PyTorch's profiler, for any framework)."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

PLAIN = 5
"""How many measurements go without the profiler, which slows the host down, before one with it."""


def summary(events: list[dict[str, Any]], steps: int) -> dict[str, Any]:
    """Return figures of one step, in microseconds, from the events of a Chrome trace.

    A launch of a CUDA graph may be several steps (`graph_launches` is then below 1). Four figures are those of one
    launch: `replay_us`, `kernels_in_a_replay`, `launch_call_us` and `host_between_launches_us`, all medians.

    Args:
        events: Complete events (`ph` is `X`) with `cat`, `name`, `ts`, `dur` and `args`.
        steps: How many steps were traced.
    """
    complete = [event for event in events if event.get("ph") == "X"]
    device = [e for e in complete if e.get("cat") in ("kernel", "gpu_memcpy", "gpu_memset")]
    calls = [e for e in complete if e.get("cat") in ("cuda_runtime", "cuda_driver")]
    launches = sorted((e for e in calls if "GraphLaunch" in e["name"]), key=lambda e: e["ts"])
    found: dict[str, Any] = {
        "device_operations": len(device) / steps,
        "device_busy_us": sum(e["dur"] for e in device) / steps,
        "graph_launches": len(launches) / steps,
        "other_cuda_calls": (len(calls) - len(launches)) / steps,
    }
    by_name: dict[str, list[float]] = {}
    for event in device:
        by_name.setdefault(event["name"], []).append(event["dur"])
    longest = sorted(by_name, key=lambda name: -sum(by_name[name]))[:30]
    found["operations"] = {
        name[:100]: {"per_step": len(by_name[name]) / steps, "us": round(sum(by_name[name]) / steps, 3)}
        for name in longest
    }
    if launches:
        spans: dict[int, list[float]] = {}
        for event in device:
            number = event["args"].get("correlation")
            begin, end = event["ts"], event["ts"] + event["dur"]
            span = spans.setdefault(number, [begin, end])
            span[:] = min(span[0], begin), max(span[1], end)
        replays = [
            spans[e["args"].get("correlation")] for e in launches if e["args"].get("correlation") in spans
        ]
        if replays:
            found["replay_us"] = statistics.median(end - begin for begin, end in replays)
            counts = Counter(e["args"].get("correlation") for e in device)
            found["kernels_in_a_replay"] = statistics.median(
                counts[e["args"].get("correlation")]
                for e in launches
                if e["args"].get("correlation") in spans
            )
        found["launch_call_us"] = statistics.median(e["dur"] for e in launches)
    if len(launches) > 1:
        between = [b["ts"] - a["ts"] - a["dur"] for a, b in zip(launches, launches[1:], strict=False)]
        found["host_between_launches_us"] = statistics.median(between)
    return found


class Dispatch:
    """Measures a few times by the clocks (the wall's and the thread's), and then by a trace."""

    def __init__(self) -> None:
        self.calls = 0
        self.profiler: Any = None

    def start(self) -> None:
        """Begin; the device is idle."""
        self.calls += 1
        if self.calls > PLAIN:
            self.profiler = self._make()
            if self.profiler is not None:
                self.profiler.start()
        self.began, self.thread = time.perf_counter(), time.thread_time()

    @staticmethod
    def _make() -> Any:
        try:
            import torch
            from torch.profiler import ProfilerActivity, profile
        except ImportError:
            return None
        return profile(activities=[ProfilerActivity.CUDA]) if torch.cuda.is_available() else None

    def stop(self, steps: int) -> dict[str, Any]:
        """Return figures of one of `steps` steps; the device is idle again."""
        found: dict[str, Any] = {
            "seconds": (time.perf_counter() - self.began) / steps,
            "thread_seconds": (time.thread_time() - self.thread) / steps,
        }
        if self.profiler is not None:
            self.profiler.stop()
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "trace.json"
                self.profiler.export_chrome_trace(str(path))
                found["trace"] = summary(json.loads(path.read_text())["traceEvents"], steps)
            self.profiler = None
        return found
