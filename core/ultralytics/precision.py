"""bfloat16 on a processor: the network in half the bits, weights and loss in full precision.

Ultralytics 8.4.190 refuses `amp="bf16"` on a CPU. Here only the layers run under autocast; what they give to the loss
is turned back to 32 bits, because box coordinates in bfloat16 (8 bits of mantissa) would be off by cells.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import cache
from typing import Any, cast


class Bf16Network:
    """Mixed into a model's class: `predict` runs under bfloat16 autocast and answers in 32 bits."""

    def predict(self, x: Any, *arguments: Any, **options: Any) -> Any:
        """Run the network; see BaseModel.predict of Ultralytics."""
        import torch

        if not self.training:  # type: ignore[attr-defined]  # validation stays exact
            return super().predict(x, *arguments, **options)  # type: ignore[misc]
        with torch.autocast("cpu", torch.bfloat16):
            answer = super().predict(x, *arguments, **options)  # type: ignore[misc]
        return in_full_precision(answer)


def with_bf16(model: Any) -> Any:
    """Make a model train in bfloat16 and return it; copies of it made before stay as they were.

    Its class is exchanged (not a method of the object), so that `deepcopy` gives a copy that works on its own.
    """
    model.__class__ = _bf16_class(cast("Hashable", type(model)))
    return model


def in_full_precision(value: Any) -> Any:
    """Return tensors of fewer bits as 32-bit ones, through lists, tuples and dictionaries."""
    import torch

    if isinstance(value, torch.Tensor):
        return value.float() if value.dtype in (torch.bfloat16, torch.float16) else value
    if isinstance(value, dict):
        return {key: in_full_precision(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(in_full_precision(item) for item in value)
    return value


@cache
def _bf16_class(kind: Any) -> type:
    return type(f"Bf16{kind.__name__}", (Bf16Network, kind), {})
