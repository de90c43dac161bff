"""Drawing the line (operating point): by what matters most, or by hand; kept with the model."""

from __future__ import annotations

from typing import cast

import numpy as np
import pandas as pd

from core.errors import InputError
from core.evaluation.decisions.line_settings import AIM_WORDS, AnyAim, LineSettings
from core.evaluation.decisions.settings import DecisionSettings
from core.evaluation.decisions.units import good_class
from core.evaluation.evaluation import Evaluation
from core.evaluation.figures.class_line import CLASS_AIMS, class_line_for, roc_curve
from core.evaluation.figures.curves import AIMS, confidence_for, threshold_curve
from core.evaluation.figures.operating_point import StoredPoint, save_operating_point
from core.tasks import TASKS
from core.workspace import Workspace

LIKELIEST = 0.5
"""Where the line of a classifier of two classes stands when each picture gets the likelier one."""


def has_line(evaluation: Evaluation) -> bool:
    """Say whether answers of this kind have a line: findings, and one of two classes."""
    return evaluation.detector is not None or (evaluation.classifier is not None and len(evaluation.classes) == 2)


def aims_of(evaluation: Evaluation) -> tuple[AnyAim, ...]:
    """Return by what the line of an evaluation can be drawn."""
    return cast("tuple[AnyAim, ...]", AIMS if evaluation.detector is not None else CLASS_AIMS)


def positive_class(evaluation: Evaluation, good: str = "") -> str:
    """Return the class that the line of a classifier looks for: that of the stored line, else the other than the good.

    "" where nothing says which that is: `good` is the class that somebody said means that nothing is wrong.
    """
    if evaluation.classifier is None or not has_line(evaluation):
        return ""
    if evaluation.point is not None and evaluation.point.positive in evaluation.classes:
        return evaluation.point.positive
    found = good_class(evaluation.classes, DecisionSettings(good=good))
    return "" if found is None else evaluation.classes[1 - found]


def line_for(evaluation: Evaluation, settings: LineSettings, positive: str = "") -> float | None:
    """Return the line that serves the aim on these pictures (0 to 1), None when none does."""
    if settings.aim not in aims_of(evaluation):
        others = ", ".join(aims_of(evaluation))
        raise InputError(f"--aim: the line of this model can’t be drawn by “{settings.aim}”; it is by one of {others}.")
    aim, options = settings.aim, settings.options
    if evaluation.detector is not None:
        arrays = evaluation.detector.arrays
        curve = threshold_curve(arrays.confidence, arrays.hit, len(evaluation.truth), evaluation.images)
        return confidence_for(curve, aim, **options)  # type: ignore[arg-type]
    return class_line_for(roc_of(evaluation, positive), aim, **options)  # type: ignore[arg-type]


def roc_of(evaluation: Evaluation, positive: str) -> pd.DataFrame:
    """Return the `roc_curve` of a classifier for one of its classes, over the pictures with a usable answer."""
    number = evaluation.classes.index(positive)
    likely = evaluation.predictions[f"p{number}"].to_numpy(dtype=float)
    usable = np.isfinite(likely)
    truth = evaluation.truth["class_id"].to_numpy(dtype=int) == number
    return roc_curve(likely[usable], truth[usable])


def draw_line(evaluation: Evaluation, settings: LineSettings, good: str = "") -> Evaluation:
    """Return the evaluation at the line that the settings draw; as it is where they draw none.

    `good` is the class that was stated to mean that nothing is wrong. What comes back holds in `point` how the line was
    chosen, for `keep_line`. Raises InputError where there is no line to draw, none serves the aim, or it would be drawn
    on other pictures than those of the validation part.
    """
    if settings.line is None and settings.aim is None:
        return evaluation
    if settings.line is not None and settings.aim is not None:
        raise InputError("--aim and --line: a line is drawn by what matters most or by hand, so give one of them.")
    if not has_line(evaluation):
        each = "pixel" if TASKS[evaluation.task].names_pixels else "picture"
        raise InputError(f"This model gives each {each} the likeliest of its classes: there is no line to draw.")
    positive = settings.positive
    if evaluation.classifier is not None:
        if positive and positive not in evaluation.classes:
            raise InputError(f"--positive: there is no class “{positive}”, only {' and '.join(evaluation.classes)}.")
        positive = positive or positive_class(evaluation, good)
        if not positive:
            first, second = evaluation.classes
            raise InputError(f"Which class is looked for, {first} or {second}? Say it with --positive.")
    if settings.aim is None:
        assert settings.line is not None
        point = _point(evaluation, settings.line, LineSettings(), positive)
        return evaluation.at(settings.line, point, positive=positive)
    if evaluation.split != "val":
        raise InputError("The line is chosen on the validation part and only reported on others: leave --split out.")
    line = line_for(evaluation, settings, positive)
    if line is None:
        raise InputError(f"No line reaches that on these pictures ({settings.aim}, at least {settings.at_least:g}).")
    return evaluation.at(line, _point(evaluation, line, settings, positive), positive=positive)


def _point(evaluation: Evaluation, line: float, settings: LineSettings, positive: str) -> StoredPoint:
    return StoredPoint(
        confidence=line, chosen_on=evaluation.split, weights_sha256=evaluation.weights_sha256, positive=positive,
        rule=AIM_WORDS[settings.aim] if settings.aim else "chosen by hand", aim=settings.aim or "",
        options=settings.options,
    )  # fmt: skip


def keep_line(workspace: Workspace, evaluation: Evaluation) -> StoredPoint:
    """Store the line that `draw_line` drew with the model: predicting, export and report use it from now on."""
    point = evaluation.point
    if point is None or evaluation.split != "val":
        raise InputError("Draw a line on the validation part first; then it can be kept.")
    save_operating_point(workspace.run(evaluation.run), **point.model_dump(exclude={"iou"}))
    return point
