"""What each epoch said of the validation pictures, kept beside a run so that the choice of the best can be judged.

`runs/<id>/evaluation/epochs/` holds `epochs.json` ({epoch: fitness}) and one `<epoch>.npz` for each of the MOST best
epochs, as the validator of the training counted them. An epoch far behind the best is never the one that nine tenths of
the pictures would choose.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.evaluation.crossfit.counts import Findings
from core.evaluation.figures.metrics import ap_by_class
from core.tasks import TASKS
from core.ultralytics.trainers.epoch_answers import EpochAnswers
from core.workspace import write_json_atomic

MOST = 20
"""Epochs kept, the best ones."""
LARGEST = 2_000
"""Pictures from which on nothing is kept: there the choice of the epoch moves a figure by less than it can be read."""
FROM = 0.01
"""Confidence from which a finding is kept: no line lies lower, and the area below hardly counts."""


def epochs_folder(run_folder: Path) -> Path:
    """Return where a run's answers by epoch are kept."""
    return run_folder / "evaluation" / "epochs"


def keep_epoch(run_folder: Path, epoch: int, fitness: float | None, answers: EpochAnswers) -> None:
    """Store the answers of an epoch where it is among the best so far; forget later epochs of an earlier attempt."""
    if len(answers.files) > LARGEST or fitness is None or not math.isfinite(fitness):
        return
    folder = epochs_folder(run_folder)
    known = {number: value for number, value in _index(folder).items() if number < epoch} | {epoch: float(fitness)}
    best = sorted(known, key=lambda number: (-known[number], -number))[:MOST]
    if epoch in best:
        folder.mkdir(parents=True, exist_ok=True)
        kept = answers.confidence >= FROM
        picture = np.repeat(np.arange(len(answers.files)), answers.found)[kept]
        np.savez_compressed(
            folder / f"{epoch}.npz",
            files=np.array(answers.files),
            found=np.bincount(picture, minlength=len(answers.files)),
            labelled=answers.labelled,
            true_classes=answers.true_classes,
            classes=answers.classes[kept],
            confidence=answers.confidence[kept].astype(np.float32),
            right=answers.right[kept],
            right_by_task=answers.right_by_task[kept],
        )
    write_json_atomic(folder / "epochs.json", {str(number): known[number] for number in best}, durable=False)
    for path in folder.glob("*.npz"):
        if int(path.stem) not in best:
            path.unlink()


def read_epochs(run_folder: Path) -> dict[int, EpochAnswers]:
    """Return {epoch: answers} of the kept epochs, the best first as training chose it; {} where none were kept."""
    folder = epochs_folder(run_folder)
    known = _index(folder)
    found = {}
    for epoch in sorted(known, key=lambda number: (-known[number], -number)):
        try:
            with np.load(folder / f"{epoch}.npz") as stored:
                table = {name: stored[name] for name in stored.files}
        except (OSError, ValueError):
            return {}  # cut off: nothing is said of the epochs rather than something of some
        files = [str(name) for name in table.pop("files")]
        found[epoch] = EpochAnswers(files, **table)
    return found


def _index(folder: Path) -> dict[int, float]:
    try:
        stored = json.loads((folder / "epochs.json").read_text(encoding="utf-8"))
        return {int(epoch): float(fitness) for epoch, fitness in stored.items()}
    except (OSError, ValueError):
        return {}


def findings_of(answers: EpochAnswers, place: NDArray[np.int64], pictures: int, task: str) -> Findings:
    """Return an epoch's answers as findings; `place` gives each of its pictures its number among `pictures`."""
    objects = np.zeros(pictures)
    objects[place] = answers.labelled
    # a match by the task's own measure counts, at the lowest of the ten thresholds; a classifier's by the first guess
    hit = answers.right[:, 0] if TASKS[task].names_pictures else answers.right_by_task[:, 0]
    return Findings(answers.confidence.astype(float), hit, np.repeat(place, answers.found), objects)


def fitness_of(
    epochs: list[EpochAnswers], place: NDArray[np.int64], task: str
) -> Callable[[int, NDArray[np.bool_]], float]:
    """Return by what training chooses its best epoch, over the pictures of a mask.

    Ultralytics' own: the mean of mAP50-95, for masks and key points plus that of the boxes; for a classifier the mean
    of the first guess and the first five.
    """
    kind = TASKS[task]

    def fitness(epoch: int, pictures: NDArray[np.bool_]) -> float:
        answers = epochs[epoch]
        mine = pictures[np.repeat(place, answers.found)]
        if kind.names_pictures:
            return float(answers.right[mine].mean()) if mine.any() else math.nan
        labels = answers.true_classes[pictures[np.repeat(place, answers.labelled)]]
        total = 0.0
        for right in [answers.right_by_task] if kind.is_rotated or not kind.measure else [
            answers.right, answers.right_by_task
        ]:  # fmt: skip
            areas = ap_by_class(right[mine], answers.confidence[mine], answers.classes[mine], labels)
            total += float(np.mean([area.mean() for area in areas.values()])) if areas else math.nan
        return total

    return fitness
