"""The CUDA executor: a graph as kernels and matrix products on an NVIDIA GPU, recorded as one CUDA graph."""

from kerasish.compiler.executors.cuda.executable import CudaExecutable

__all__ = ["CudaExecutable"]
