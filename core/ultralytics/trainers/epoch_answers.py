"""What the model says of the validation pictures after each epoch, as the validator of the training counts it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.tasks import TASKS


@dataclass(frozen=True)
class EpochAnswers:
    """The answers to all validation pictures after one epoch, flat, in the order of `files`.

    A classifier gives one answer per picture, and each picture one label.
    """

    files: list[str]
    """names of the pictures, below images/ of the dataset"""
    found: NDArray[np.int64]
    """(pictures,) answers in each"""
    labelled: NDArray[np.int64]
    """(pictures,) labels in each"""
    true_classes: NDArray[np.int64]
    """(labels,)"""
    classes: NDArray[np.int64]
    """(answers,)"""
    confidence: NDArray[np.float64]
    """(answers,) 0 to 1; 1 of a classifier"""
    right: NDArray[np.bool_]
    """(answers, 10) right at IoU 0.50 to 0.95 by the box; (answers, 2) of a classifier: first guess, first five"""
    right_by_task: NDArray[np.bool_]
    """the same by the task's own measure"""


def watch_answers(trainer: Any, task: str, keep: Callable[[EpochAnswers], None]) -> None:
    """Call `keep` with the answers at the end of each validation of this trainer; never for semantic."""
    reader = _pictures if TASKS[task].names_pictures else _objects
    if TASKS[task].names_pixels:
        return

    def listen(validator: Any) -> None:
        if validator.batch_i == len(validator.dataloader) - 1:
            keep(reader(validator))

    trainer.add_callback("on_val_batch_end", listen)


def _objects(validator: Any) -> EpochAnswers:
    stats = validator.metrics.stats
    by_task = stats.get("tp_m") or stats.get("tp_p") or stats["tp"]
    return EpochAnswers(
        files=_names(validator.dataloader.dataset.im_files),
        found=np.array([len(item) for item in stats["conf"]], dtype=np.int64),
        labelled=np.array([len(item) for item in stats["target_cls"]], dtype=np.int64),
        true_classes=_joined(stats["target_cls"]).astype(np.int64),
        classes=_joined(stats["pred_cls"]).astype(np.int64),
        confidence=_joined(stats["conf"]).astype(np.float64),
        right=np.concatenate(stats["tp"]).astype(bool),
        right_by_task=np.concatenate(by_task).astype(bool),
    )


def _pictures(validator: Any) -> EpochAnswers:
    ranked = np.concatenate([item.cpu().numpy() for item in validator.pred]).astype(np.int64)
    truth = np.concatenate([item.cpu().numpy() for item in validator.targets]).astype(np.int64)
    hits = ranked == truth[:, None]
    right, one = np.stack([hits[:, 0], hits.any(axis=1)], axis=1), np.ones(len(truth), dtype=np.int64)
    files = _names([sample[0] for sample in validator.dataloader.dataset.samples])
    return EpochAnswers(files, one, one, truth, ranked[:, 0], np.ones(len(truth)), right, right)


def _names(paths: list[str]) -> list[str]:
    """Return paths as the image table names them: what follows the last folder called images."""
    return [Path(path).as_posix().rpartition("/images/")[2] for path in paths]


def _joined(parts: list[Any]) -> NDArray[Any]:
    return np.concatenate([np.asarray(part).reshape(-1) for part in parts]) if parts else np.zeros(0)
