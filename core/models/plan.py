"""Settings that suit a small set better than Ultralytics' defaults, each with its reason.

Ultralytics' defaults are made for 100 epochs of COCO (118,000 pictures). On a few hundred pictures they step the
optimizer three or four times an epoch and spend the first epochs warming up.
"""

from __future__ import annotations

from typing import Any

from core.training.spec import TrainingSpec

SMALL_SET = 2_000
"""Training pictures below which the settings for small sets are used."""


def small_set_settings(spec: TrainingSpec, training_pictures: int) -> dict[str, tuple[Any, str]]:
    """Return Ultralytics arguments for a small set as {name: (value, reason)}; empty for a large set.

    They are defaults: what the user sets by hand wins (see `fill_in`).
    """
    if training_pictures >= SMALL_SET:
        return {}
    settings: dict[str, tuple[Any, str]] = {
        "nbs": (
            spec.batch,
            f"The model is adjusted after every {spec.batch} pictures: with {training_pictures} pictures, waiting for "
            "64 would leave only a few adjustments an epoch.",
        ),
        "warmup_epochs": (
            min(1.0, max(0.5, spec.epochs / 20)),
            "A short warm-up: the pre-trained model needs no long one, and three epochs are much of a short run.",
        ),
    }
    if spec.task != "classify":
        closing = min(10, max(1, round(spec.epochs * 0.3)))
        settings["close_mosaic"] = (
            closing,
            f"The last {closing} epochs show whole pictures instead of collages, as in real use.",
        )
    return settings


def fill_in(spec: TrainingSpec, training_pictures: int) -> TrainingSpec:
    """Return the specification with the settings for small sets added where the user set nothing."""
    planned = small_set_settings(spec, training_pictures)
    added = {name: value for name, (value, _) in planned.items() if name not in spec.extra}
    reasons = {name: planned[name][1] for name in added if name not in spec.reasons}
    return spec.model_copy(update={"extra": {**spec.extra, **added}, "reasons": {**spec.reasons, **reasons}})
