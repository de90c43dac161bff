"""A look over a trainer's shoulder: every batch as the network gets it, every answer as the validator judges it.

A batch holds `img` and, where objects are found, `cls`, `bboxes` (centre and size in fractions; turned boxes with an
angle), `batch_idx` and `im_file`. Answers to it are one dictionary per picture with `bboxes` (corners in pixels),
`conf` and `cls`, or one row of probabilities per picture.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def class_names(trainer: Any) -> dict[int, str]:
    """Return the names of the classes a trainer learns, by number."""
    names = trainer.data["names"]
    names = dict(enumerate(names)) if isinstance(names, list) else names
    return {int(key): str(value) for key, value in names.items()}


def watch(
    trainer: Any, keep_batch: Callable[[dict[str, Any]], None], keep_answers: Callable[[Any, dict[str, Any]], None]
) -> None:
    """Show every training batch and, in the validation after an epoch, all answers; in `on_train_start`.

    `keep_batch(ready)` gets a prepared batch, `keep_answers(answers, batch)` those of a validation batch.
    """
    prepare, update = trainer.preprocess_batch, trainer.validator.update_metrics

    def prepare_and_show(batch: dict[str, Any]) -> dict[str, Any]:
        ready: dict[str, Any] = prepare(batch)
        keep_batch(ready)
        return ready

    def update_and_show(answers: Any, batch: dict[str, Any]) -> None:
        if trainer.validator.training:
            keep_answers(answers, batch)
        update(answers, batch)

    trainer.preprocess_batch = prepare_and_show
    trainer.validator.update_metrics = update_and_show
