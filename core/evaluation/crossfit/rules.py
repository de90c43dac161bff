"""By which rule a line was chosen, so that it can be chosen anew without some of the pictures."""

from __future__ import annotations

import numpy as np

from core.evaluation.crossfit.counts import Findings, LineRule, Mask, highest_f1
from core.evaluation.figures.class_line import CLASS_AIMS, class_line_for, roc_curve
from core.evaluation.figures.curves import AIMS, confidence_for, threshold_curve
from core.evaluation.figures.operating_point import StoredPoint

MAX_F1 = "max F1"
"""The rule by which Graft chooses a line where nobody else did."""


def rule_of(point: StoredPoint | None, line: float) -> LineRule | None:
    """Return the rule that chose this line on the validation part; None for a line that was drawn by hand."""
    if point is None or point.chosen_on != "val" or abs(point.confidence - line) > 1e-9:
        return None
    if point.positive:
        return _class_rule(point, line)
    if point.rule == MAX_F1 or point.aim == "balanced":
        return highest_f1
    if point.aim not in AIMS:
        return None
    aim, options = point.aim, point.options

    def by_aim(findings: Findings, pictures: Mask) -> float:
        mine = findings.chosen(pictures)
        order = np.argsort(-mine.confidence, kind="stable")
        curve = threshold_curve(mine.confidence[order], mine.hit[order], int(mine.objects.sum()), int(pictures.sum()))
        chosen = confidence_for(curve, aim, **options)
        return line if chosen is None else chosen

    return by_aim


def _class_rule(point: StoredPoint, line: float) -> LineRule | None:
    """Return the rule of a classifier's line; it takes one finding per picture, how likely it is the positive class."""
    if point.aim not in CLASS_AIMS:
        return None
    aim, options = point.aim, point.options

    def by_aim(findings: Findings, pictures: Mask) -> float:
        mine = findings.chosen(pictures)
        chosen = class_line_for(roc_curve(mine.confidence, mine.hit), aim, **options)
        return line if chosen is None else chosen

    return by_aim
