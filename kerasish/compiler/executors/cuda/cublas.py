"""Matrix products by cuBLASLt, through nvmath-python's bindings: with a bias and an activation, and recordable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasish import config
from kerasish.compiler.executors.cuda.steps import Matrix, Product

_WORKSPACE = 32 * 2**20
_TYPES = {"float32": 0, "float64": 1, "float16": 2, "bfloat16": 14}  # cudaDataType_t
_COMPUTE_32F, _COMPUTE_32F_FAST_TF32, _COMPUTE_64F = 68, 77, 70  # cublasComputeType_t


class MatrixLibrary:
    """cuBLASLt with a handle and a workspace of its own."""

    def __init__(self) -> None:
        import cupy
        from nvmath.bindings import cublasLt

        self._lt = cublasLt
        self._handle = cublasLt.create()
        self._workspace = cupy.cuda.alloc(_WORKSPACE)
        self._plans: dict[Any, _Call] = {}

    def run(self, step: Product, addresses: Sequence[int], stream: int) -> None:
        """Multiply on a stream.

        Args:
            step: The product.
            addresses: Of the result, the factors, and the bias if there is one.
            stream: The stream's handle.
        """
        matrices = (step.out, step.x, step.y)
        places = [a + m.offset * m.value.dtype.itemsize for a, m in zip(addresses, matrices, strict=False)]
        aligned = tuple(min(place & -place, 256) for place in places)
        key = (
            tuple((m.value.dtype, *m[1:4], *m[5:]) for m in matrices),
            step.count,
            step.accumulate,
            step.bias is not None,
            step.activation,
            config.is_tf32_enabled(),
            aligned,
        )
        call = self._plans.get(key)
        if call is None:
            call = self._plans[key] = _Call(self._lt, self._handle, step, aligned)
        bias = addresses[3] if step.bias is not None else None
        call.run(self._handle, places, bias, self._workspace.ptr, stream)


class _Call:
    """One form of product: its descriptions and the algorithm that the library chose.

    The library counts along columns first. What lies row by row is, to it, the transpose: `out^T = y^T x^T`.
    """

    def __init__(self, lt: Any, handle: int, step: Product, aligned: Sequence[int]):
        self._lt = lt
        dtype = step.out.value.dtype
        double = dtype == np.float64
        compute = _COMPUTE_64F if double else _COMPUTE_32F
        if step.x.value.dtype == np.float32 and config.is_tf32_enabled():
            compute = _COMPUTE_32F_FAST_TF32
        self._desc = lt.matmul_desc_create(compute, _TYPES["float64" if double else "float32"])
        attributes = lt.MatmulDescAttribute
        self._set(attributes.TRANSA, np.int32(step.y.transposed))
        self._set(attributes.TRANSB, np.int32(step.x.transposed))
        epilogue = lt.Epilogue.DEFAULT
        if step.bias is not None:
            epilogue = lt.Epilogue.RELU_BIAS if step.activation == "relu" else lt.Epilogue.BIAS
        self._set(attributes.EPILOGUE, np.int32(epilogue))
        self._layouts = [self._layout(m, step.count) for m in (step.y, step.x, step.out)]
        scalar = np.float64 if double else np.float32
        self._alpha, self._beta = np.ones(1, scalar), np.full(1, float(step.accumulate), scalar)
        self._algorithm = self._choose(handle, aligned)

    def _set(self, attribute: int, value: Any) -> None:
        value = np.array([value])
        self._lt.matmul_desc_set_attribute(self._desc, attribute, value.ctypes.data, value.nbytes)

    def _layout(self, m: Matrix, count: int) -> int:
        lt = self._lt
        layout: int = lt.matrix_layout_create(_TYPES[m.value.dtype.name], m.columns, m.rows, m.stride)
        if count > 1:
            for attribute, value in (
                (lt.MatrixLayoutAttribute.BATCH_COUNT, np.array([count], np.int32)),
                (lt.MatrixLayoutAttribute.STRIDED_BATCH_OFFSET, np.array([m.step], np.int64)),
            ):
                lt.matrix_layout_set_attribute(layout, attribute, value.ctypes.data, value.nbytes)
        return layout

    def _choose(self, handle: int, aligned: Sequence[int]) -> np.ndarray:
        """Return the algorithm that the library's heuristic likes best."""
        lt = self._lt
        preference = lt.matmul_preference_create()
        names = lt.MatmulPreferenceAttribute
        out, x, y = aligned
        for attribute, value in (
            (names.MAX_WORKSPACE_BYTES, np.array([_WORKSPACE], np.uint64)),
            (names.MIN_ALIGNMENT_A_BYTES, np.array([y], np.uint32)),
            (names.MIN_ALIGNMENT_B_BYTES, np.array([x], np.uint32)),
            (names.MIN_ALIGNMENT_C_BYTES, np.array([out], np.uint32)),
            (names.MIN_ALIGNMENT_D_BYTES, np.array([out], np.uint32)),
        ):
            lt.matmul_preference_set_attribute(preference, attribute, value.ctypes.data, value.nbytes)
        results = np.zeros(1, lt.matmul_heuristic_result_dtype)
        found = np.zeros(1, np.int32)
        a, b, d = self._layouts
        try:
            lt.matmul_algo_get_heuristic(
                handle, self._desc, a, b, d, d, preference, 1, results.ctypes.data, found.ctypes.data
            )
        finally:
            lt.matmul_preference_destroy(preference)
        if not found[0]:
            raise RuntimeError("cuBLASLt has no algorithm for this matrix product.")
        return results

    def run(self, handle: int, places: Sequence[int], bias: int | None, workspace: int, stream: int) -> None:
        out, x, y = places
        if bias is not None:
            self._set(self._lt.MatmulDescAttribute.BIAS_POINTER, np.uint64(bias))
        a, b, d = self._layouts
        self._lt.matmul(
            handle,
            self._desc,
            self._alpha.ctypes.data,
            y,
            a,
            x,
            b,
            self._beta.ctypes.data,
            out,
            d,
            out,
            d,
            self._algorithm.ctypes.data,
            workspace,
            _WORKSPACE,
            stream,
        )
