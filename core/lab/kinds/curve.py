"""How many pictures do I need? The same training on parts of the pictures, and the curve through the results."""

from __future__ import annotations

import numpy as np

from core.lab.experiment import CurveSettings
from core.lab.experiment_runs import ExperimentRuns, Part
from core.lab.kinds.power_law import Fit, can_extrapolate, curve_sentences, fit_curve
from core.lab.paired_figures import draws_by_name, figure
from core.lab.results import CurveResult, SizePoint
from core.lab.subsets import make_subset, nested_subsets, remove_subsets
from core.training.store import State
from core.words import count, score

MOST_REPEATS = 8
"""A small part is shown at most so many times as often as the whole set."""
DRAWN_POINTS = 40
"""Points of the curve that are stored for the chart."""


def subset_epochs(epochs: int, whole: int, part: int, *, same_steps: bool) -> int:
    """Return the epochs of a part: with `same_steps` as many pictures are shown in all as the whole set shows."""
    return round(epochs * min(MOST_REPEATS, whole / part)) if same_steps else epochs


def drive(own_runs: ExperimentRuns) -> None:
    """Train all sizes, the small ones first, and fit the curve as it grows."""
    settings = own_runs.experiment.settings
    assert isinstance(settings, CurveSettings)
    dataset = own_runs.dataset
    try:
        nested = [nested_subsets(dataset, settings.parts, seed) for seed in range(settings.seeds)]
        levels = min(len(parts) for parts in nested)
        known: list[SizePoint] = []
        for level in reversed(range(levels)):
            if own_runs.stopping:
                break
            parts = []
            for seed, sizes in enumerate(nested):
                training = sizes[level]
                key = f"{len(training)} pictures, seed {seed}"
                part_id = dataset.id
                if level:
                    part_id = f"{own_runs.experiment.id[:60]}-{level}-{seed}"
                    name = f"{dataset.name}, {len(training)} of {len(sizes[0])} pictures"
                    made = make_subset(own_runs.workspace, dataset, training, part_id, name, own_runs.experiment.id)
                    part_id = made.id
                many = subset_epochs(settings.epochs, len(sizes[0]), len(training), same_steps=settings.same_steps)
                parts.append((len(training), Part(key, settings.model, settings.strategy, many, seed, part_id)))
            own_runs.say(f"Learning from {parts[0][0]} of {len(nested[0][0])} pictures.")
            trained = own_runs.train([part for _, part in parts])
            known += [
                SizePoint(pictures=size, seed=part.seed, run=trained[part.key].id)
                for size, part in parts
                if part.key in trained and trained[part.key].state is State.FINISHED  # cut short it says nothing
            ]
            if known:
                _tell(own_runs, known)
        if not known:
            raise own_runs.nothing_trained()
        if not own_runs.status.sentences:
            whole = dataset.images["train"]
            first = f"Trainings on all {count(whole, 'picture')} are missing, so nothing is said about more."
            own_runs.status.sentences = [first, *now_words(known, whole)]
    finally:
        remove_subsets(own_runs.workspace, own_runs.experiment.id)


def _tell(own_runs: ExperimentRuns, known: list[SizePoint]) -> None:
    runs = [item.run for item in known]
    draws = draws_by_name(own_runs.workspace, {run: [run] for run in runs}, own_runs.experiment.metric)
    for item in known:
        item.figure = figure(draws[item.run])
    sizes = [float(item.pictures) for item in known]
    table = np.array([draws[run] for run in runs]).T
    fit = fit_curve(sizes, reseeded(sizes, table)) if len(set(sizes)) >= 3 else None
    whole = own_runs.dataset.images["train"]
    trainings = len({item.seed for item in known})
    own_runs.status.result = CurveResult(
        points=known,
        curve=drawn(fit, min(sizes), whole, trainings),
        explained=fit.explained if fit else None,
        looks_ahead=can_extrapolate(fit, whole),
    ).stored()
    if max(sizes) == whole:
        said = curve_sentences(fit, whole, own_runs.metric_words, trainings)
        own_runs.status.sentences = [*said, *now_words(known, whole)]
    own_runs.save()


def reseeded(sizes: list[float], table: np.ndarray) -> np.ndarray:
    """Return (draws, trainings) where each draw also takes, within each size, as many of its trainings at random.

    Deviations from the size's mean are widened as in `core.lab.paired_figures.over_seeds`. Row 0 stays as it is; a size
    that was trained once can't vary.
    """
    random = np.random.default_rng(23)
    mixed = table.copy()
    for size in set(sizes):
        columns = [number for number, value in enumerate(sizes) if value == size]
        if len(columns) < 2:
            continue
        chosen = random.integers(0, len(columns), (len(table), len(columns)))
        middle = table[:, columns].mean(axis=1, keepdims=True)
        off = np.take_along_axis(table[:, columns], chosen, axis=1) - middle
        mixed[:, columns] = middle + off * np.sqrt(len(columns) / (len(columns) - 1))
    mixed[0] = table[0]
    return mixed


def drawn(fit: Fit | None, fewest: float, whole: int, trainings: int = 2) -> dict[str, list[float]]:
    """Return the curve from the smallest size to four times the whole set, for the chart.

    With one training per size there is no band, see `curve_sentences`.
    """
    if fit is None:
        return {}
    pictures = np.geomspace(fewest, 4 * whole, DRAWN_POINTS)
    scores = fit.at(pictures)
    low, high = np.percentile(scores[1:], [2.5, 97.5], axis=0)
    columns = {"pictures": pictures, "value": scores[0]} | ({"low": low, "high": high} if trainings > 1 else {})
    return {name: [round(float(value), 5) for value in values] for name, values in columns.items()}


def now_words(known: list[SizePoint], whole: int) -> list[str]:
    """Say what the two largest sizes that were trained reach, with the spread over their trainings."""
    said = []
    for size in sorted({item.pictures for item in known}, reverse=True)[:2]:
        values = [item.figure.value for item in known if item.pictures == size]
        spread = (
            f" ({score(min(values))} to {score(max(values))} over {len(values)} trainings)" if len(values) > 1 else ""
        )
        start = "With all" if size == whole else "With"
        said.append(f"{start} {count(size, 'picture')}: {score(sum(values) / len(values))}{spread}.")
    return said
