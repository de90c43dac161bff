"""What mending the labels that look wrong would bring, for the plan: told before time is spent on another training."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from core.data.dataset import Dataset
from core.errors import GraftError
from core.evaluation.evaluation import Evaluation, evaluate_run
from core.evaluation.figures.cached_figures import digest_of
from core.evaluation.figures.metrics import f1
from core.evaluation.figures.operating_point import operating_point_path
from core.evaluation.label_errors import find_label_errors
from core.evaluation.predict.predictions import are_fresh, meta_path, predictions_path, truth_path
from core.tasks import TASKS
from core.words import count, percent
from core.workspace import Workspace, read_json, write_json_atomic

FEWEST = 3
"""Doubtful labels below which nothing is said: every model is sure of a mistake now and then."""
LEAST_GAIN = 0.01
"""What the figure must gain at least, so that it is said."""


@dataclass(frozen=True)
class DoubtfulLabels:
    """The labels that the newest model of a dataset contradicts, and what they cost its figures."""

    run: str
    """the run whose model contradicts them"""
    labels: int
    """labels of the validation part that look wrong"""
    pictures: int
    """pictures of that part"""
    training: int
    """pictures of the training part, which nobody can judge this way: the model learned from them"""
    now: float
    """share right: F1 at the operating point, of a classifier the pictures named rightly; 0 to 1"""
    mended: float
    """the same figure, were every one of these labels wrong"""

    @property
    def worth_saying(self) -> bool:
        """Whether there are enough of them to matter."""
        return self.labels >= FEWEST and self.mended - self.now >= LEAST_GAIN

    def words(self, task: str) -> str:
        """Return in two sentences what they are and what mending them would bring at most."""
        names_pictures = TASKS[task].names_pictures
        figure = "the share named rightly" if names_pictures else "its score (F1)"
        more = round(self.labels * self.training / self.pictures)
        return (
            f"Before more time: {count(self.labels, 'label')} of the {count(self.pictures, 'picture')} to check on "
            f"look wrong to the model trained last. Were all of them, {figure} would be {percent(self.mended)} instead "
            f"of {percent(self.now)}; labelled alike, the pictures to learn from hold about {more} more."
        )


def doubtful_labels(workspace: Workspace, dataset: Dataset) -> DoubtfulLabels | None:
    """Return what the newest model judged on a dataset as it is now finds doubtful; None where no model was.

    Pictures are not looked at anew. What was worked out is kept beside the predictions it comes from.
    """
    if TASKS[dataset.task].names_pixels:
        return None
    for folder in _judged(workspace):
        if read_json(meta_path(folder, "val")).get("dataset_checksum") != dataset.checksum:
            continue
        with suppress(GraftError, OSError, ValueError):  # a damaged run says nothing here; its own page says why
            if are_fresh(folder, "val", dataset):
                return _of_run(workspace, folder, dataset)
    return None


def _judged(workspace: Workspace) -> list[Path]:
    """Return the folders of the runs that were judged on their validation part, the newest judgement first."""
    found = workspace.runs.glob("*/evaluation/meta_val.json")
    return [path.parents[1] for path in sorted(found, key=lambda path: -path.stat().st_mtime_ns)]


def _of_run(workspace: Workspace, folder: Path, dataset: Dataset) -> DoubtfulLabels:
    sources = (predictions_path(folder, "val"), truth_path(folder, "val"), operating_point_path(folder))
    digest, stored = digest_of(*(path for path in sources if path.is_file())), folder / "evaluation" / "doubtful.json"
    known = read_json(stored)
    if known.get("digest") == digest:
        return DoubtfulLabels(**known["doubtful"])
    evaluation = evaluate_run(workspace, folder.name, "val")
    labels = find_label_errors(workspace, evaluation)
    named_twice = (labels["object"] >= 0) & labels.duplicated(["file", "object"])
    labels = labels[~named_twice]  # taken for another class, and never found
    now, mended = _figures(evaluation, Counter(labels["sign"]))
    training = dataset.images.get("train", 0)
    found = DoubtfulLabels(folder.name, len(labels), evaluation.images, training, now, mended)
    with suppress(OSError):  # a full or read-only disk: it is worked out again the next time
        write_json_atomic(stored, {"digest": digest, "doubtful": asdict(found)})
    return found


def _figures(evaluation: Evaluation, signs: Counter[str]) -> tuple[float, float]:
    """Return the share that is right now, and were every doubtful label (sign -> how many) wrong."""
    doubtful = signs.total()
    if evaluation.detector is None:
        right, total = len(evaluation.pictures) - int(evaluation.pictures["misses"].sum()), len(evaluation.pictures)
        return right / max(1, total), (right + doubtful) / max(1, total)
    table = evaluation.pictures
    hits, lost, alarms = (int(table[name].sum()) for name in ("hits", "misses", "false_alarms"))
    # A finding of another class counts as a false alarm and leaves its object lost; mended it is a hit.
    gained = signs["unlabelled"] + signs["other-class"]
    lost_then = lost - signs["other-class"] - signs["never-found"]
    counts = ((hits, lost, alarms), (hits + gained, lost_then, alarms - gained))
    now, mended = (f1(hit / max(1, hit + alarm), hit / max(1, hit + miss)) for hit, miss, alarm in counts)
    return now, mended
