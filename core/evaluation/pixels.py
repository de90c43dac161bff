"""Figures of a model that gives every pixel its class: overlap by class (IoU), their mean, and the share that is right.

Counted as Ultralytics' validator counts them, at the size the model sees. Intervals are by bootstrap over pictures.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.figures.average_precision import mean_known
from core.evaluation.figures.calibration import Calibration
from core.evaluation.figures.figure import Figure
from core.evaluation.figures.intervals import Draws, Weights, area_interval, count_units, draw
from core.evaluation.figures.operating_point import OperatingPoint
from core.evaluation.figures.results import ClassFigures, FiguresWithoutTwins, SplitFigures
from core.evaluation.predict.predictions import PredictionMeta
from core.evaluation.verdict import small_set
from core.words import count, percent, value_between


def pixel_counts(predictions: pd.DataFrame, files: list[str], classes: int) -> NDArray[np.float64]:
    """Return (pictures, classes, classes): pixels of each labelled class (rows) by what the model says (columns)."""
    counts = np.zeros((len(files), classes, classes))
    place = pd.Index(files).get_indexer(pd.Index(predictions["file"]))
    true, said = predictions["true_class"].to_numpy(dtype=int), predictions["class_id"].to_numpy(dtype=int)
    np.add.at(counts, (place, true, said), predictions["pixels"].to_numpy(dtype=float))
    return counts


def pixel_draws(counts: NDArray[np.float64], weights: Weights) -> tuple[dict[str, Draws], dict[str, list[Draws]]]:
    """Return the figures in every draw of pictures: over all (mIoU, pixel_accuracy), and by class.

    By class there are IoU, recall and precision. mIoU is the mean over the classes that are labelled in a draw.
    """
    pictures, classes, _ = counts.shape
    drawn = (weights.astype(np.float64) @ counts.reshape(pictures, -1)).reshape(-1, classes, classes)
    hit = np.diagonal(drawn, axis1=1, axis2=2)
    labelled, said = drawn.sum(axis=2), drawn.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        overlap = np.where(labelled > 0, hit / (labelled + said - hit), np.nan)
        by_class = {"IoU": overlap, "recall": hit / labelled, "precision": hit / said}
        right = hit.sum(axis=1) / drawn.sum(axis=(1, 2))
    overall = {"mIoU": mean_known(list(overlap.T), len(weights)), "pixel_accuracy": right}
    return overall, {name: list(values.T) for name, values in by_class.items()}


def pixel_figures(
    counts: NDArray[np.float64], groups: list[str] | None, classes: list[str]
) -> tuple[dict[str, Figure], dict[str, ClassFigures]]:
    """Return the figures over all and by class, each with its interval; `counts` as in `pixel_counts`."""
    pictures = len(counts)
    units = count_units(pictures, groups)
    weights = np.vstack([np.ones((1, pictures), dtype=np.float32), draw(pictures, groups)])
    overall, by_class = pixel_draws(counts, weights)
    per_class: dict[str, ClassFigures] = {}
    for index, name in enumerate(classes):
        seen = int((counts[:, index].sum(axis=1) > 0).sum())
        figures = {key: _figure(values[index], seen, min(units, max(seen, 1))) for key, values in by_class.items()}
        labelled, found = int(counts[:, index].sum()), int(counts[:, index, index].sum())
        per_class[name] = ClassFigures(figures, labelled, found)
    return {name: _figure(values, pictures, units) for name, values in overall.items()}, per_class


def _figure(draws: Draws, pictures: int, units: int) -> Figure:
    value = float(draws[0])
    return Figure(value, *area_interval(value, draws[1:], pictures, units))


def judged_pixels(
    predictions: pd.DataFrame, truth: pd.DataFrame, meta: PredictionMeta, twins: list[str]
) -> SplitFigures:
    """Return all figures, tables and sentences from stored pixel counts, as `classified` does for whole pictures."""
    classes, images = meta["classes"], pd.DataFrame(meta["images"])
    judged = set(truth["file"])
    images = images[images["file"].isin(judged)].reset_index(drop=True)
    files = images["file"].astype(str).tolist()
    groups = images["group"].fillna("").astype(str).tolist() if "group" in images else None
    groups = groups if groups and any(groups) else None
    counts = pixel_counts(predictions, files, len(classes))
    metrics, per_class = pixel_figures(counts, groups, classes)
    whole = counts.sum(axis=(1, 2))
    right = np.trace(counts, axis1=1, axis2=2)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(whole > 0, right / whole, np.nan)
    pictures = pd.DataFrame(
        {"file": files, "hits": right.astype(int), "misses": (whole - right).astype(int), "right": share,
         "badness": 1 - np.nan_to_num(share, nan=1.0)}
    )  # fmt: skip
    matrix = counts.sum(axis=0).astype(np.int64)
    sentences, steps = pixel_sentences(
        metrics, per_class, matrix, classes, len(files), count_units(len(files), groups) if groups else 0
    )
    index, columns = pd.Index(classes, name="truth"), pd.Index(classes, name="prediction")
    return SplitFigures(
        operating_point=OperatingPoint(),
        metrics=metrics,
        per_class=per_class,
        errors={},
        calibration=Calibration(),
        slices=[],
        confusion=pd.DataFrame(matrix, index=index, columns=columns),
        curves={},
        pictures=pictures.sort_values("badness", ascending=False, kind="stable").reset_index(drop=True),
        leak_aware=_without_twins(counts, files, groups, classes, twins),
        sentences=sentences + steps,
        next_steps=steps,
    )


def _without_twins(
    counts: NDArray[np.float64], files: list[str], groups: list[str] | None, classes: list[str], twins: list[str]
) -> FiguresWithoutTwins | None:
    """Return the headline without the pictures that have near twins in train; None when there are none."""
    alone = np.array([file not in set(twins) for file in files], dtype=bool)
    near, left = int((~alone).sum()), int(alone.sum())
    if not near:
        return None
    chosen = None if groups is None else [name for name, keep in zip(groups, alone, strict=True) if keep]
    metrics = pixel_figures(counts[alone], chosen, classes)[0] if left else {}
    return FiguresWithoutTwins(near, left, metrics)


def pixel_sentences(
    metrics: dict[str, Figure],
    per_class: dict[str, ClassFigures],
    matrix: NDArray[np.int64],
    classes: list[str],
    pictures: int,
    groups: int = 0,
) -> tuple[list[str], list[str]]:
    """Return the verdict, the headline first, and what to do next, each with the figure it rests on.

    `groups` counts what the pictures belong together by, 0 where they stand for themselves.
    """
    overlap, right = metrics["mIoU"], metrics["pixel_accuracy"]
    if not pictures or not overlap.is_known:
        return ["No pixel of these pictures is labelled: nothing can be said."], []
    sentences = [
        f"Gives {percent(right.value)} of the pixels their class in {count(pictures, 'picture')}; its areas "
        f"overlap the labelled ones by {value_between(overlap)} (mIoU, the mean over the classes)."
    ]
    known = {name: item for name, item in per_class.items() if item.objects}
    steps = []
    if len(known) > 1:
        name, item = min(known.items(), key=lambda pair: pair[1].figures["IoU"].value)
        if item.figures["IoU"].value < overlap.value - 0.1:
            sentences.append(f"“{name}” is the weak spot: its areas overlap by {value_between(item.figures['IoU'])}.")
            row = matrix[classes.index(name)].astype(float).copy()
            row[classes.index(name)] = 0
            if row.sum() >= 0.1 * item.objects:
                other = int(row.argmax())
                steps.append(
                    f"{percent(row[other] / item.objects)} of the pixels of “{name}” are taken for "
                    f"“{classes[other]}”: check the labels of both, or add pictures with “{name}”."
                )
    return sentences + small_set(overlap, pictures, groups), steps
