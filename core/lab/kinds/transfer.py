"""What did transfer buy? The same training with and without pre-trained knowledge, side by side over the seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.evaluation.figures.figure import Difference
from core.evaluation.judgement import has_learned
from core.lab.cross_dataset import zero_shot
from core.lab.experiment import TransferSettings
from core.lab.experiment_runs import ExperimentRuns, Part
from core.lab.paired_figures import difference, draws_by_name, figure
from core.lab.results import Course, TransferResult, Way
from core.strategies.scratch import SCRATCH
from core.training.records.progress import read_progress
from core.training.store import Run
from core.words import duration, points, score, signed, span

WITH, WITHOUT = "with transfer", "from scratch"


@dataclass(frozen=True)
class LearningCurve:
    """How one way of training went: seconds of training and the figure after each epoch, means over seeds."""

    seconds: list[float]
    values: list[float]

    @property
    def best(self) -> float:
        """The best figure it reached."""
        return max(self.values, default=0.0)

    @property
    def whole(self) -> float:
        """Seconds it trained in all."""
        return self.seconds[-1] if self.seconds else 0.0

    def above(self, value: float) -> float | None:
        """Return after how many seconds it first was better than `value`, None when never."""
        return next((second for second, known in zip(self.seconds, self.values, strict=True) if known > value), None)


def learning_curve(runs: Sequence[Run], metric: str) -> LearningCurve:
    """Return how runs of the same settings went, as the mean over them at each epoch all have."""
    tables = [read_progress(run).curves for run in runs]
    measured = [
        next((name for name in (f"mask {metric}", f"pose {metric}", metric) if name in item), "") for item in tables
    ]
    metric = next(filter(None, measured), metric)
    tables = [table for table in tables if metric in table]
    epochs = min((len(table) for table in tables), default=0)
    seconds = [table["seconds"].fillna(0).cumsum().to_numpy()[:epochs] for table in tables]
    values = [table[metric].fillna(0).to_numpy()[:epochs] for table in tables]
    if not epochs:
        return LearningCurve([], [])
    return LearningCurve(np.mean(seconds, axis=0).round(2).tolist(), np.mean(values, axis=0).round(5).tolist())


def drive(own_runs: ExperimentRuns) -> None:
    """Train both ways, compare, and look at the pre-trained model as it comes where it knows some of the classes."""
    settings = own_runs.experiment.settings
    assert isinstance(settings, TransferSettings)
    ways = {WITH: (settings.strategy, settings.epochs)}
    ways[WITHOUT] = (SCRATCH, round(settings.epochs * settings.patience_with_scratch))
    keys = {
        way: [f"{way}, seed {seed}" if settings.seeds > 1 else way for seed in range(settings.seeds)] for way in ways
    }
    own_runs.say("Training with and without what the model knows already.")
    parts = [
        Part(key, settings.model, ways[way][0], ways[way][1], seed)
        for way in ways
        for seed, key in enumerate(keys[way])
    ]
    trained = own_runs.train(parts)
    runs = {way: [trained[key] for key in keys[way] if key in trained] for way in ways}
    if not all(runs.values()):
        raise own_runs.nothing_trained()
    own_runs.say("Comparing both on the same validation pictures.")
    metric = own_runs.experiment.metric
    drawn = draws_by_name(own_runs.workspace, {way: [run.id for run in runs[way]] for way in ways}, metric)
    courses = {way: learning_curve(runs[way], metric) for way in ways}
    between = difference(drawn[WITH], drawn[WITHOUT])
    result = TransferResult(
        ways=[
            Way(
                way=way,
                runs=[run.id for run in runs[way]],
                strategy=str(ways[way][0]),
                figure=figure(drawn[way]),
                seconds=courses[way].whole,
                curve=Course(seconds=courses[way].seconds, values=courses[way].values),
            )
            for way in ways
        ],
        difference=between,
    )
    own_runs.status.result = result.stored()
    own_runs.status.sentences = transfer_sentences(
        courses[WITH], courses[WITHOUT], between, own_runs.metric_words,
        ended=(float(drawn[WITH][0]), float(drawn[WITHOUT][0])),
    )  # fmt: skip
    own_runs.save()
    if not own_runs.stopping:
        own_runs.say("Looking at the pre-trained model as it comes, before any training.")
        shown = zero_shot(own_runs, runs[WITH][0])
        if shown is not None:
            result.zero_shot = shown
            own_runs.status.result = result.stored()
            own_runs.status.sentences.append(shown.sentence)
    if settings.seeds == 1:
        own_runs.status.sentences.append("Each was trained once: the luck of a single training is not in the interval.")


def transfer_sentences(
    known: LearningCurve,
    scratch: LearningCurve,
    between: Difference,
    metric: str,
    ended: tuple[float, float] | None = None,
) -> list[str]:
    """Say in time and in quality what the pre-trained knowledge bought; `between` is with minus without.

    `ended` are the figures of both as the evaluation counts them, told in place of those the trainer counted on the
    way: these only say when something was reached.
    """
    said = []
    best, best_scratch = ended or (known.best, scratch.best)
    passed = known.above(scratch.best)
    if has_learned(known.best) and not has_learned(scratch.best):
        said.append(
            f"Transfer learning reached {score(best)} of {metric} in {duration(_to_best(known))} of training; "
            f"from scratch nothing to speak of was learned in {duration(scratch.whole)}."
        )
    elif not has_learned(known.best, scratch.best):
        said.append("Neither has learned anything to speak of yet: let them train longer.")
    elif passed is not None:
        said.append(
            f"Transfer learning reached in {duration(passed)} of training what training from scratch had not reached "
            f"in {duration(scratch.whole)}: more than {score(best_scratch)} of {metric}."
        )
    else:
        reached = scratch.above(known.best)
        after = f" after {duration(reached)}" if reached is not None else ""
        said.append(
            f"Here training from scratch got as far as transfer learning{after}: {score(best_scratch)} against "
            f"{score(best)} of {metric}; transfer learning was there after {duration(_to_best(known))}."
        )
    if not has_learned(known.best, scratch.best):
        return said
    if not between.decided:
        said.append(
            f"At the end these pictures don’t decide which is better: {signed(between.value)} points for transfer "
            f"learning, {span(between.low, between.high)}."
        )
    elif between.value > 0:
        said.append(f"At the end it is better by {points(between.value)} points ({span(between.low, between.high)}).")
    else:
        said.append(
            f"At the end training from scratch is better by {points(between.value)} points "
            f"({span(-between.high, -between.low)}): transfer bought time, not quality."
        )
    return said


def _to_best(course: LearningCurve) -> float:
    return course.seconds[course.values.index(course.best)] if course.values else 0.0
