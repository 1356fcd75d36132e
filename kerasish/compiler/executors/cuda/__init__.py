"""The CUDA executor: a graph as kernels and matrix products on an NVIDIA GPU, recorded as one CUDA graph."""
