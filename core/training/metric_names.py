"""What Ultralytics calls its figures, and what Graft calls them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.metric_words import GUESSES

if TYPE_CHECKING:
    from core.evaluation.evaluation import Evaluation

METRIC_NAMES = {
    "metrics/precision(B)": "precision",
    "metrics/recall(B)": "recall",
    "metrics/mAP50(B)": "mAP50",
    "metrics/mAP50-95(B)": "mAP50-95",
    "metrics/precision(M)": "mask precision",
    "metrics/recall(M)": "mask recall",
    "metrics/mAP50(M)": "mask mAP50",
    "metrics/mAP50-95(M)": "mask mAP50-95",
    "metrics/precision(P)": "pose precision",
    "metrics/recall(P)": "pose recall",
    "metrics/mAP50(P)": "pose mAP50",
    "metrics/mAP50-95(P)": "pose mAP50-95",
    "metrics/accuracy_top1": "top1",
    "metrics/accuracy_top5": "top5",
    "metrics/mIoU": "mIoU",
    "metrics/pixel_acc": "pixel_accuracy",
}
"""Ultralytics' metric keys and the names Graft uses everywhere."""


def named_metrics(metrics: dict[str, Any], classes: int) -> dict[str, float]:
    """Return Ultralytics' metrics under Graft's names; of five `classes` or fewer five guesses are always right."""
    named = {name: float(metrics[key]) for key, name in METRIC_NAMES.items() if key in metrics}
    if classes <= GUESSES:
        named.pop("top5", None)
    return named


def figures_of_run(evaluation: Evaluation, told: dict[str, float]) -> dict[str, float | None]:
    """Return the figures of a finished run: those `told` by Ultralytics' validator, as Graft's evaluation counts them.

    Precision and recall are those at the operating point. What the evaluation doesn't measure is left out.
    """
    figures: dict[str, float | None] = {}
    for name in told:
        found = next((evaluation.metrics[key] for key in _same_figure(name) if key in evaluation.metrics), None)
        if found is not None:
            figures[name] = found.value if found.is_known else None
    return figures


def _same_figure(name: str) -> tuple[str, ...]:
    """Return what a figure of a run is called in an evaluation, the first that is there counts.

    Without a word before it, a run's mAP is that of boxes.
    """
    return (f"box {name}", name) if name.startswith("mAP") else (name,)


def plain_numbers(values: Any) -> dict[str, float]:
    """Return tensors by name as numbers with six decimals; nothing for what is no dictionary."""
    return {str(key): round(float(value), 6) for key, value in values.items()} if isinstance(values, dict) else {}
