"""Why a training failed, in words a user understands, with what to do next."""

from __future__ import annotations

from typing import Any

from core.spec import TrainingSpec


def explain_failure(error: str, spec: TrainingSpec) -> tuple[str, str, dict[str, Any]]:
    """Turn an error text of the worker into (cause, next step, suggested settings); pure, first match counts."""
    low = error.lower()
    if "out of memory" in low or "cannot allocate memory" in low or "memoryerror" in low:
        batch = max(1, spec.batch // 2)
        if batch < spec.batch:
            return f"It ran out of memory at batch size {spec.batch}.", f"Try batch size {batch}.", {"batch": batch}
        smaller = max(32, spec.imgsz // 2 // 32 * 32)
        return (
            f"It ran out of memory at image size {spec.imgsz}.",
            f"Try image size {smaller}, or a smaller model.",
            {"imgsz": smaller},
        )
    if "no space left" in low or "errno 28" in low or "disk quota" in low:
        return (
            "The disk is full; the best model so far is kept.",
            "Delete old runs on the Runs page, then resume this one.",
            {},
        )
    if "nan" in low and ("loss" in low or "persisted" in low or "fitness" in low):
        rate = float(spec.extra.get("lr0") or 0.01) / 10
        return (
            "The numbers of the model ran out of range (the loss is not a number).",
            f"Try a learning rate (lr0) of {rate:g} with the optimizer AdamW.",
            {"lr0": rate, "optimizer": "AdamW"},
        )
    if low.startswith("filenotfounderror") or "no such file" in low or "no images found" in low:
        return (
            "A file of the dataset or the model is not there any more.",
            "Import the dataset again, then resume the run.",
            {},
        )
    return (
        f"The training ended with an error: {error.strip().splitlines()[-1][:300] if error.strip() else 'unknown'}",
        "The details are in its log, train.log; try other settings, or resume the run.",
        {},
    )
