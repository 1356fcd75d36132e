"""Refusal of what Keras's layers can be turned into after training: low-rank adapted or quantized layers."""

from __future__ import annotations

from typing import Any


def refuse_adaptation(layer: str, lora_rank: Any, lora_alpha: Any, quantization_config: Any = None) -> None:
    """Raise ValueError if low-rank adaptation or quantization is asked for."""
    if lora_rank is not None or lora_alpha is not None or quantization_config is not None:
        raise ValueError(
            f"`{layer}` has no low-rank adaptation or quantization here. Received: lora_rank={lora_rank}, "
            f"lora_alpha={lora_alpha}, quantization_config={quantization_config}. Leave these arguments out."
        )
