"""What to expect on new pictures: the headline figures, corrected for having chosen the line and the epoch on the old.

Only figures of the validation part are corrected: the test part had no say in either choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.evaluation.crossfit.counts import Counts, Findings, LineRule, best_epochs, fixed, flattery
from core.evaluation.crossfit.epochs import findings_of, fitness_of
from core.evaluation.crossfit.folds import draw_folds, repeats_for
from core.evaluation.figures.figure import Figure
from core.evaluation.figures.intervals import (
    Weights,
    count_effective,
    count_units,
    draw,
    exact_ratio,
    group_members,
    ratio_interval,
)
from core.evaluation.figures.metrics import ratio
from core.ultralytics.trainers.epoch_answers import EpochAnswers

AS_DRAWN = " The line is taken as it is drawn: drawn by what it gives on these very pictures, expect less."


@dataclass(frozen=True)
class Expected:
    """The headline figures as they are to be expected on new pictures of the same kind."""

    metrics: dict[str, Figure]
    """recall, precision and F1; of a classifier top1"""
    line: bool
    """the line was chosen on these pictures, and the choice is accounted for"""
    epoch: bool
    """the best epoch was chosen on these pictures, and the choice is accounted for"""
    folds: int
    """in how many parts the pictures were counted, each by the choice of the others; 1: all had no say"""
    sentence: str
    """what was done, in one sentence"""
    false_alarms_per_picture: float | None = None
    counts: Counts | None = field(default=None, repr=False, compare=False)
    """right findings and findings of each picture behind the figures, None of a classifier"""

    def as_dict(self) -> dict[str, Any]:
        """Return its fields, the counts left out."""
        metrics = {name: item.as_dict() for name, item in self.metrics.items()}
        told: dict[str, Any] = {"metrics": metrics, "line": self.line, "epoch": self.epoch, "folds": self.folds}
        if self.false_alarms_per_picture is not None:
            told["false_alarms_per_picture"] = self.false_alarms_per_picture
        return told | {"sentence": self.sentence}


class Choosing:
    """Who chose what on the pictures of a part: their folds, and the epoch that each fold's other pictures choose."""

    def __init__(
        self,
        files: Sequence[str],
        groups: Sequence[str] | None,
        epochs: dict[int, EpochAnswers],
        task: str,
        best: list[list[int]] | None = None,
    ) -> None:
        """Take the pictures of the part, their groups, and the answers by epoch (`epochs.read_epochs`), the kept first.

        Answers of other pictures than these are passed over. `best` saves working out anew which epochs the folds
        choose, which takes seconds.
        """
        self.files, self.groups = list(files), groups
        self.folds = draw_folds(group_members(len(files), groups), repeats=repeats_for(len(files)))
        self.task, self.pictures = task, len(files)
        numbers = {file: number for number, file in enumerate(files)}
        known = list(epochs.values())
        usable = bool(known) and all(
            len(item.files) == len(files) and set(item.files) == numbers.keys() for item in known
        )
        self.epochs: list[Findings] = []
        self.answers: list[EpochAnswers] = []
        self.place: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self.best: NDArray[np.int64] | None = None
        if not usable:
            return
        place = np.array([numbers[file] for file in known[0].files], dtype=np.int64)
        if any(item.files != known[0].files for item in known):
            return
        self.answers, self.place = known, place
        self.epochs = [findings_of(item, place, len(files), task) for item in known]
        self.best = (
            best_epochs(fitness_of(known, place, task), list(epochs), self.folds)
            if best is None or np.shape(best) != (len(self.folds), int(self.folds.max()) + 1)
            else np.array(best, dtype=np.int64)
        )

    @property
    def knows_epochs(self) -> bool:
        """Whether the choice of the epoch can be judged."""
        return self.best is not None

    def counts(self, findings: Findings, rule: LineRule | None, line: float) -> Counts:
        """Return the counts of each picture at `line`, less what its say in the choice of line and epoch flatters.

        `findings` are those of the kept model; `rule` chose the line, None where these pictures did not.
        """
        counted = findings.counts(line, np.ones(self.pictures, dtype=bool))
        if rule is None and self.best is None:
            return counted
        return counted - flattery(findings, self.folds, rule or fixed(line), self.epochs, self.best)


def expected_of_detector(
    choosing: Choosing,
    findings: Findings,
    rule: LineRule | None,
    line: float,
    weights: Weights,
    groups: Sequence[str] | None,
) -> Expected:
    """Return what to expect of a detector whose line a rule chose on these pictures, or else stands at `line`."""
    counts = choosing.counts(findings, rule, line)
    objects = findings.objects
    units = min(count_units(len(objects), groups), max(int((objects > 0).sum()), 1))
    hits, named, labelled = float(counts.hits.sum()), float(counts.findings.sum()), float(objects.sum())
    hits = min(max(hits, 0.0), labelled, max(named, 0.0))
    drawn = [weights @ table.astype(np.float32) for table in (counts.hits, counts.findings, objects)]
    metrics = {}
    with np.errstate(invalid="ignore", divide="ignore"):
        for name, draws, whole, held in (
            ("recall", drawn[0] / drawn[2], labelled, count_effective(objects)),
            ("precision", drawn[0] / drawn[1], named, count_effective(np.maximum(counts.findings, 0))),
            ("F1", 2 * drawn[0] / (drawn[1] + drawn[2]), (named + labelled) / 2 if labelled else 0.0, units),
        ):
            metrics[name] = Figure(ratio(hits, whole), *ratio_interval(draws, hits, whole, min(units, held)))
    alarms = max(named - hits, 0.0) / max(len(objects), 1)
    folds = int(choosing.folds.max()) + 1 if choosing.folds.size else 1
    sentence = _sentence(rule is not None, choosing.knows_epochs, folds)
    if rule is None and folds > 1:
        sentence += AS_DRAWN
    return Expected(metrics, rule is not None, choosing.knows_epochs, folds, sentence, alarms, counts)


class ChosenLine(NamedTuple):
    """A classifier's line for what to expect: how likely each picture is the positive class, and who drew the line."""

    likely: Findings
    """one per picture, in their order; right where the picture is of the positive class"""
    rule: LineRule | None
    """None where it was not chosen on these pictures"""


def expected_of_classifier(choosing: Choosing, right: NDArray[np.bool_], line: ChosenLine | None = None) -> Expected:
    """Return what to expect of a classifier; `right` says of each picture whether it is named rightly at the line."""
    hits, groups = right.astype(float), choosing.groups
    if choosing.best is not None:
        hits = hits - flattery(choosing.epochs[0], choosing.folds, fixed(0.0), choosing.epochs, choosing.best).hits
    rule = line.rule if line is not None else None
    if line is not None and rule is not None:
        lost, positive = flattery(line.likely, choosing.folds, rule), line.likely.objects > 0
        hits = hits - np.where(positive, lost.hits, -lost.findings)  # one that is not flagged is right among the others
    weights, units, total = draw(len(right), groups), count_units(len(right), groups), float(len(right))
    found = min(max(float(hits.sum()), 0.0), total)
    with np.errstate(invalid="ignore", divide="ignore"):
        draws = (weights @ hits.astype(np.float32)) / weights.sum(axis=1)
    metrics = {"top1": Figure(ratio(found, total), *exact_ratio(draws, found, total, units))}
    folds = int(choosing.folds.max()) + 1 if choosing.folds.size else 1
    sentence = _sentence(rule is not None, choosing.knows_epochs, folds)
    if line is not None and rule is None and folds > 1:
        sentence += AS_DRAWN
    return Expected(metrics, rule is not None, choosing.knows_epochs, folds, sentence)


def _sentence(line: bool, epoch: bool, folds: int) -> str:
    """Say in one sentence what was chosen on these pictures and what was done about it."""
    if folds < 2:
        return "The line and the epoch were chosen on the one picture, or group, they are counted on: expect less."
    if line and epoch:
        return "For what to expect, line and epoch were chosen anew without the pictures counted (cross-fitting)."
    if line:
        return (
            "For what to expect, the line was chosen anew without the pictures counted (cross-fitting); the epoch was "
            "not, as this run kept no answers of its other epochs: it may still be a little too rosy."
        )
    if epoch:
        return "For what to expect, the epoch was chosen anew without the pictures counted (cross-fitting)."
    return (
        "The best epoch was chosen on these pictures, and this run kept no answers of its other epochs: expect a "
        "little less."
    )
