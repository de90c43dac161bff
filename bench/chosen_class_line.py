"""The line of a classifier is chosen on the validation pictures: how far off are the figures counted on them?

    python bench/chosen_class_line.py [SETS]

Answers to pictures of two classes are made up whose truth is known (from 400,000 pictures). On small validation sets
the line is drawn by an aim, as Graft does, and two ways of counting are compared with the truth of that line: on the
pictures that chose ("counted"), and cross-fitted (core/evaluation/crossfit). Printed is the bias in points of 100, and
the share of 95 % intervals for the share of right names that hold the truth. Takes ten minutes on one core.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from core.evaluation.crossfit.counts import Findings, flattery
from core.evaluation.crossfit.expected import Choosing, ChosenLine, expected_of_classifier
from core.evaluation.crossfit.rules import rule_of
from core.evaluation.figures.class_line import ClassAim, class_line_for, roc_curve
from core.evaluation.figures.operating_point import StoredPoint

SIZES = ((40, 1), (100, 1), (120, 4), (300, 1))
"""pictures, and how many of them are of one patient"""
APART = (0.8, 1.6, 2.6)
"""how far the classes lie apart, in standard deviations: AUROC about .76, .92 and .99"""
AIMS: dict[ClassAim, dict[str, float]] = {
    "balanced": {},
    "sensitivity": {"at_least": 0.95},
    "cost": {"miss_cost": 5.0, "alarm_cost": 1.0},
}
Answers = tuple[NDArray[np.float64], NDArray[np.bool_]]


def answers(random: np.random.Generator, pictures: int, patient: int, apart: float) -> Answers:
    """Return how likely each picture holds what is looked for, and whether it does."""
    patients = pictures // patient
    positive = np.repeat(random.random(patients) < 0.5, patient)
    likeness = np.repeat(random.normal(0, 0.6 if patient > 1 else 0, patients), patient)
    drawn = random.normal(0, 0.8, pictures) + likeness + np.where(positive, apart / 2, -apart / 2)
    return 1 / (1 + np.exp(-drawn)), positive


def main(sets: int = 150) -> None:
    """Print a line per size, distance and aim."""
    random = np.random.default_rng(1)
    for pictures, patient in SIZES:
        files = [str(number) for number in range(pictures)]
        groups = [str(number // patient) for number in range(pictures)] if patient > 1 else None
        choosing = Choosing(files, groups, {}, "classify")
        for apart in APART:
            world = answers(random, 400_000, patient, apart)
            for aim, options in AIMS.items():
                rows = []
                for _ in range(sets):
                    likely, positive = answers(random, pictures, patient, apart)
                    line = class_line_for(roc_curve(likely, positive), aim, **options)
                    if line is None:
                        continue
                    point = StoredPoint(confidence=line, chosen_on="val", aim=aim, options=options, positive="x")
                    findings = Findings(likely, positive, np.arange(pictures), positive.astype(float))
                    rule = rule_of(point, line)
                    assert rule is not None
                    said, told, true = likely >= line, world[0] >= line, world[1]
                    right = float((told == true).mean())
                    made = expected_of_classifier(choosing, said == positive, ChosenLine(findings, rule)).metrics[
                        "top1"
                    ]
                    lost = float(flattery(findings, choosing.folds, rule).hits.sum())
                    held, known = float((said & positive).sum()), float(told[true].mean())
                    bad = float(positive.sum())
                    rows.append(
                        [float((said == positive).mean()) - right, made.value - right, made.low <= right <= made.high,
                         held / bad - known, (held - lost) / bad - known]
                    )  # fmt: skip
                top, after, holds, found, found_after = np.mean(np.array(rows, dtype=float), axis=0) * 100
                print(
                    f"{pictures} pictures, {patient} a patient, {apart} apart, {aim}: rightly named, "
                    f"counted {top:+.1f}, expected {after:+.1f}, {holds:.0f} % of intervals hold; sensitivity, "
                    f"counted {found:+.1f}, expected {found_after:+.1f}",
                    flush=True,
                )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
