"""Is one run better than another? A paired bootstrap on the very same pictures, and the pictures they disagree on.

Both runs are judged on the same draws of pictures, so what is hard for both falls out of the difference (Efron and
Tibshirani 1993, chapter 16). "Better" is only said when the 95 % interval of the difference leaves out zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.errors import InputError
from core.evaluation.classification import auroc_draws
from core.evaluation.detection import Detector
from core.evaluation.evaluation import Evaluation, evaluate_run
from core.evaluation.figures.average_precision import PARTS, mean_known
from core.evaluation.figures.figure import Difference, plain_values
from core.evaluation.figures.intervals import Draws, ap_draws, count_units, draw, interval, wilson
from core.evaluation.figures.metrics import ap_by_class
from core.evaluation.judgement import Judgement, judge
from core.evaluation.pixels import pixel_counts, pixel_draws
from core.evaluation.predict.matching import IOU_THRESHOLDS, from_bits
from core.jobs import Report
from core.metric_words import headline_among, metric_term
from core.spec import TrainingSpec, read_spec
from core.tasks import TASKS
from core.words import count, out_of, points, signed, span
from core.workspace import Workspace


@dataclass(frozen=True)
class ComparedMetric:
    """One figure of two runs, 0 to 1, and how much higher the second one's is."""

    a: float
    b: float
    difference: Difference

    @property
    def verdict(self) -> Literal["a", "b", "undecided"]:
        """Which run is better; undecided when the interval of the difference holds zero."""
        if not self.difference.decided:
            return "undecided"
        return "b" if self.difference.low > 0 else "a"

    def as_dict(self) -> dict[str, Any]:
        """Return {"a", "b", "difference", "low", "high", "verdict"}."""
        ends = {"difference": self.difference.value, "low": self.difference.low, "high": self.difference.high}
        return {"a": self.a, "b": self.b, **ends, "verdict": self.verdict}


@dataclass(frozen=True)
class Comparison:
    """Two runs on the same pictures of one split, each at its own operating point; differences are b minus a."""

    a: str
    b: str
    split: str
    images: int
    metrics: dict[str, ComparedMetric]
    pictures: pd.DataFrame = field(repr=False)
    """file, a, b: mistakes of each on it; the pictures they disagree on most first"""
    settings: dict[str, tuple[Any, Any]]
    """what differs in the two specifications: {setting: (of a, of b)}"""
    judgement: Judgement
    """which run is better by the task's headline figure, or why neither is"""
    sentences: list[str]

    def summary(self) -> dict[str, Any]:
        """Return the comparison as plain JSON values, what is not defined as null."""
        return {
            "a": self.a,
            "b": self.b,
            "split": self.split,
            "images": self.images,
            "metrics": plain_values(self.metrics),
            "better_in_a": int((self.pictures["a"] < self.pictures["b"]).sum()),
            "better_in_b": int((self.pictures["b"] < self.pictures["a"]).sum()),
            "settings": {name: list(values) for name, values in self.settings.items()},
            "judgement": self.judgement,
            "sentences": self.sentences,
            "words": "\n".join(self.sentences),
        }


def compare_runs(
    workspace: Workspace,
    a: str,
    b: str,
    split: str = "val",
    *,
    progress: Report | None = None,
) -> Comparison:
    """Compare two runs on one split of the dataset they share, predicting first where that was not done yet.

    Raises InputError for the same run twice, and for runs of different datasets or tasks.
    """
    if a == b:
        raise InputError("Choose two different runs to compare.")
    first, second = (evaluate_run(workspace, name, split, progress=progress) for name in (a, b))
    return compare_evaluations(first, second, differing_settings(workspace, a, b))


def compare_evaluations(
    first: Evaluation, second: Evaluation, settings: dict[str, tuple[Any, Any]] | None = None
) -> Comparison:
    """Compare two evaluations of the same pictures. Raises InputError when pictures, classes or tasks differ."""
    files = sorted(first.pictures["file"])
    drawn, units = paired_draws([first, second]), count_units(len(files), _groups(first, files))
    metrics = {name: difference_of(drawn[0][name], drawn[1][name], units) for name in drawn[0]}
    pictures = _pictures(first, second)
    headline = metrics[TASKS[first.task].headline]
    wins = int((pictures["a"] < pictures["b"]).sum()), int((pictures["b"] < pictures["a"]).sum())
    judgement = judge(headline.a, headline.b, headline.difference, *wins)
    return Comparison(
        first.run, second.run, first.split, len(files), metrics, pictures, settings or {}, judgement,
        _sentences(first, second, headline, judgement, wins, len(files), settings or {}),
    )  # fmt: skip


def paired_draws(evaluations: Sequence[Evaluation]) -> list[dict[str, Draws]]:
    """Return the figures of each evaluation on the pictures as they are (row 0) and on the same 1,000 draws of them.

    Raises InputError when pictures, classes or tasks differ.
    """
    first, files = evaluations[0], sorted(evaluations[0].pictures["file"])
    for second in evaluations[1:]:
        if first.task != second.task or first.classes != second.classes or files != sorted(second.pictures["file"]):
            raise InputError(
                f"{first.run} and {second.run} were not judged on the same pictures and classes: compare runs of one "
                "dataset in its present state."
            )
    measure = {"objects": _detector_draws, "pictures": _classifier_draws, "pixels": _pixel_draws}[
        TASKS[first.task].judges
    ]
    weights = _shared_draw(first, files)
    return [measure(item, files, weights) for item in evaluations]


def _shared_draw(evaluation: Evaluation, files: list[str]) -> NDArray[np.float32]:
    """Return the draws of pictures both runs are judged on, its first row the set as it is."""
    weights = draw(len(files), _groups(evaluation, files), seed=1)
    return np.vstack([np.ones((1, len(files)), dtype=np.float32), weights])


def _groups(evaluation: Evaluation, files: list[str]) -> list[str] | None:
    return [evaluation.groups.get(file, "") for file in files] if evaluation.groups else None


def _detector_draws(evaluation: Evaluation, files: list[str], weights: NDArray[np.float32]) -> dict[str, Draws]:
    detector = evaluation.detector
    assert isinstance(detector, Detector)
    arrays = detector.arrays
    place = pd.Index(files).get_indexer(pd.Index(arrays.images["file"]))
    where, true_where = place[arrays.picture], place[arrays.true_picture]
    correct = from_bits(arrays.predictions["task_tp"].to_numpy(dtype=np.int64), len(IOU_THRESHOLDS))
    exact, areas = ap_by_class(correct, arrays.confidence, arrays.said, arrays.true_class), []
    for class_id in np.unique(arrays.true_class):
        mine = arrays.said == class_id
        objects = np.bincount(true_where[arrays.true_class == class_id], minlength=len(files)).astype(np.float32)
        draws = ap_draws(weights, correct[mine], arrays.confidence[mine], where[mine], objects)
        draws[0] = exact[int(class_id)]
        areas.append(draws)
    result = {name: mean_known([item[:, part].mean(axis=1) for item in areas], len(weights)) for name, part in
              PARTS.items()}  # fmt: skip
    count = arrays.shown(evaluation.operating_point.threshold)
    hits, named, objects = (
        (weights @ np.bincount(chosen, minlength=len(files)).astype(np.float32)).astype(float)
        for chosen in (where[:count][arrays.hit[:count]], where[:count], true_where)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        result |= {"recall": hits / objects, "precision": hits / named, "F1": 2 * hits / (named + objects)}
    return result


def _classifier_draws(evaluation: Evaluation, files: list[str], weights: NDArray[np.float32]) -> dict[str, Draws]:
    answers = evaluation.predictions.set_index("file").reindex(files)
    truth = evaluation.truth.set_index("file")["class_id"].reindex(files).to_numpy(dtype=int)
    right = (answers["class_id"].to_numpy(dtype=int) == truth).astype(np.float32)
    total = weights.sum(axis=1)
    recalls, areas = [], []
    for class_id in np.unique(truth):
        labelled = truth == class_id
        with np.errstate(invalid="ignore", divide="ignore"):
            recalls.append((weights @ (right * labelled)) / (weights @ labelled.astype(np.float32)))
        areas.append(auroc_draws(weights, answers[f"p{class_id}"].to_numpy(dtype=float), labelled))
    return {
        "top1": (weights @ right / total).astype(float),
        "balanced_accuracy": mean_known(recalls, len(weights)),
        "AUROC": mean_known(areas, len(weights)),
    }


def _pixel_draws(evaluation: Evaluation, files: list[str], weights: NDArray[np.float32]) -> dict[str, Draws]:
    return pixel_draws(pixel_counts(evaluation.predictions, files, len(evaluation.classes)), weights)[0]


def difference_of(a: Draws, b: Draws, units: int) -> ComparedMetric:
    """Return two figures and b minus a with its 95 % interval, from paired draws of `units` pictures or groups.

    The first draw is the set as it is. Where every draw says the same (one run finds all, the other nothing), as much
    doubt is left as Wilson leaves to a share of `units` out of `units`.
    """
    value = float(b[0] - a[0])
    low, high = interval(np.asarray(b[1:] - a[1:]), units)
    if low == high != 0:
        doubtful = value * (2 * wilson(units, units)[0] - 1)
        low, high = min(doubtful, value), max(doubtful, value)
    return ComparedMetric(float(a[0]), float(b[0]), Difference(value, low, high))


def _pictures(first: Evaluation, second: Evaluation) -> pd.DataFrame:
    def mistakes(evaluation: Evaluation) -> pd.Series:
        table = evaluation.pictures.set_index("file")
        return table["misses"] + table["false_alarms"] if "false_alarms" in table else table["misses"]

    table = pd.DataFrame({"a": mistakes(first), "b": mistakes(second)}).reset_index()
    order = np.argsort(-(table["a"] - table["b"]).abs().to_numpy(), kind="stable")
    return table.iloc[order].reset_index(drop=True)


def _sentences(
    first: Evaluation,
    second: Evaluation,
    headline: ComparedMetric,
    judgement: Judgement,
    wins: tuple[int, int],
    pictures: int,
    settings: dict[str, tuple[Any, Any]],
) -> list[str]:
    gain, of = headline.difference, f"points of {metric_term(headline_among(first.task, first.metrics) or '')}"
    better, worse = (second.run, first.run) if gain.value > 0 else (first.run, second.run)
    low, high = sorted((abs(gain.low), abs(gain.high)))
    verdict = {
        "unknown": "Nothing can be said: no object is labelled in these pictures",
        "nothing learned": "Neither has learned anything to speak of yet: let them train longer",
        "undecided": f"These pictures don't decide it: {second.run} is at {signed(gain.value)} {of} against "
        f"{first.run}, {span(gain.low, gain.high)}",
        "disagree": f"Neither is called better: {better} is {points(gain.value)} {of} higher, yet it makes more "
        "mistakes where its line is drawn",
    }.get(judgement, f"{better} is better than {worse} by {points(gain.value)} {of}, {span(low, high)}")
    return [
        f"{verdict}{_trained_otherwise(first.run, second.run, settings)}.",
        f"{second.run} makes fewer mistakes on {out_of(wins[1], pictures, 'picture')}, {first.run} on {wins[0]}.",
    ]


def _trained_otherwise(a: str, b: str, settings: dict[str, tuple[Any, Any]]) -> str:
    """Return what else differs between two runs, to go into the sentence that judges them; "" for nothing."""
    start = settings.get("transfer")
    if start is not None and not all(start):  # one begins from no file at all: the strategy says so
        settings = {name: pair for name, pair in settings.items() if name != "transfer"}
    if not settings:
        return ""
    titles = {name: str(field.title or name).lower() for name, field in TrainingSpec.model_fields.items()}
    shown = [f"{titles.get(name, name)} {_short(pair[0])} and {_short(pair[1])}" for name, pair in settings.items()]
    more = f" and {count(len(shown) - 3, 'more setting')}" if len(shown) > 3 else ""
    return f"; {a} and {b} were trained differently ({', '.join(shown[:3])}{more})"


def _short(value: Any) -> str:
    if isinstance(value, dict):  # the starting point
        return str(value.get("origin") or "another file")
    return "not set" if value in (None, "") else str(value)


def differing_settings(workspace: Workspace, a: str, b: str) -> dict[str, tuple[Any, Any]]:
    """Return what two runs' specifications set differently, {setting: (of a, of b)}.

    "transfer", the very weights they start from, only counts where the model has the same name.
    """
    specs = [read_spec(workspace.run(name)).model_dump(mode="json") for name in (a, b)]
    flat = [{**spec, **(spec.get("extra") or {})} for spec in specs]
    skip = {"extra", "name", "notes", "tags", "reasons"}
    if specs[0].get("model") != specs[1].get("model"):
        skip.add("transfer")
    names = [name for name in dict.fromkeys([*flat[0], *flat[1]]) if name not in skip]
    pairs = {name: (flat[0].get(name), flat[1].get(name)) for name in names}
    unset: tuple[Any, ...] = (None, "", {})  # a setting that an older record lacks is one that was not set
    differ = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    return {name: pair for name, pair in differ.items() if not all(item in unset for item in pair)}
