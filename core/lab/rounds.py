"""What each round of labelling brought: label, train, label more, train again.

A round is a version of the labels that a run learned from. Rounds are compared only where their runs were judged on the
very same validation pictures and classes, those the dataset has now: with each round the validation part grows too, and
a figure on other pictures says nothing about the labels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.data.dataset import Dataset
from core.evaluation.compare import Comparison, compare_evaluations, differing_settings
from core.evaluation.evaluation import Evaluation, evaluate_run
from core.evaluation.figures.figure import UNKNOWN, Figure, plain_values
from core.evaluation.predict.predictions import are_fresh, present_dataset
from core.labelling.labelling import Labelling, open_labelling
from core.labelling.settings import read_settings
from core.metric_words import metric_term, metric_value
from core.tasks import TASKS
from core.training.runs import list_runs
from core.training.store import Run
from core.words import count, points, signed, span
from core.workspace import Workspace

OTHER_PICTURES = "not judged on the validation pictures as they are now"
OTHER_CLASSES = "judged on other classes"


@dataclass(frozen=True)
class Round:
    """One version of the labels and the latest run that learned from it."""

    version: int
    run: str
    pictures: int
    """labelled pictures of the training part, those with nothing in them included"""
    figure: Figure = UNKNOWN
    """the task's headline figure on the present validation pictures"""
    why: str = ""
    """why it can't be compared with the latest, empty where it can"""

    def as_dict(self) -> dict[str, Any]:
        """Return it for scripts: {"version", "run", "pictures", "comparable", "why", "value", "low", "high"}."""
        told = {"version": self.version, "run": self.run, "pictures": self.pictures, "comparable": not self.why}
        return {**told, "why": self.why, **self.figure.as_dict()}


@dataclass(frozen=True)
class Rounds:
    """All rounds of a dataset, the first one first, and what the last of them brought."""

    metric: str
    rounds: tuple[Round, ...]
    sentence: str

    @property
    def comparable(self) -> list[Round]:
        """Those that were judged on the same pictures."""
        return [item for item in self.rounds if not item.why]

    @property
    def to_judge(self) -> list[Round]:
        """Those that would be comparable if their runs looked at the present validation pictures."""
        return [item for item in self.rounds if item.why == OTHER_PICTURES]

    def as_json(self) -> list[dict[str, Any]]:
        """Return the rounds as plain JSON values."""
        told: list[dict[str, Any]] = plain_values([item.as_dict() for item in self.rounds])
        return told


def find_rounds(
    workspace: Workspace,
    dataset: Dataset,
    *,
    judge: bool = False,
    evaluate: Callable[[Run], Evaluation] | None = None,
    compare: Callable[[Evaluation, Evaluation], Comparison] = compare_evaluations,
) -> Rounds:
    """Return the rounds of a dataset that is being labelled; none before the first training.

    Only what runs have looked at already is read, unless `judge`: then each looks at the present validation pictures.
    `evaluate` and `compare` stand in for the plain ones where their answers are kept.
    """
    metric = TASKS[dataset.task].headline
    if read_settings(dataset) is None:
        return Rounds(metric, (), "")
    work = open_labelling(dataset)
    latest: dict[int, Run] = {}
    for run in sorted(list_runs(workspace), key=lambda item: item.created):
        if run.dataset == dataset.id and run.task == dataset.task and run.best_weights is not None and not run.active:
            latest[run.spec.labels_version] = run
    evaluations: dict[int, Evaluation] = {}
    for version, run in latest.items():
        if judge or are_fresh(run.folder, "val", present_dataset(run.folder)):
            evaluations[version] = evaluate(run) if evaluate else evaluate_run(workspace, run.id)
    classes = evaluations[max(evaluations)].classes if evaluations else []
    rounds = []
    for version, run in sorted(latest.items()):
        pictures = labelled_at(work, version)
        if not pictures:
            continue  # trained before anything was labelled here
        evaluation = evaluations.get(version)
        why = OTHER_PICTURES if evaluation is None else OTHER_CLASSES if evaluation.classes != classes else ""
        figure = UNKNOWN if evaluation is None or why else evaluation.metrics[metric]
        rounds.append(Round(version, run.id, pictures, figure, why))
    if all(item.version == 0 for item in rounds):
        return Rounds(metric, (), "")  # nothing was labelled here since it was imported
    last = [item for item in rounds if not item.why][-2:]
    comparison = None
    if len(last) == 2:
        comparison = compare(evaluations[last[0].version], evaluations[last[1].version])
    return Rounds(metric, tuple(rounds), _sentence(workspace, metric, last, comparison))


def labelled_at(work: Labelling, version: int) -> int:
    """Return how many pictures of the training part were labelled, or said to be empty, when a version was made."""
    marks = {0: 0} | {mark.version: mark.number for mark in work.journal.marks}
    if version not in marks:
        return 0
    states = {picture.id: work.state(picture) for picture in work.pictures.values() if picture.split == "train"}
    seen = set()
    for change in reversed(work.journal.changes):
        if change.picture not in states or change.picture in seen:
            continue
        if change.number > marks[version]:
            states[change.picture] = change.before.state
        else:
            states[change.picture] = change.after.state
            seen.add(change.picture)
    return sum(state.learned_from for state in states.values())


def _sentence(workspace: Workspace, metric: str, last: list[Round], comparison: Comparison | None) -> str:
    """Say what the last round brought and whether more labels still pay; no gain is claimed that may be chance."""
    term = metric_term(metric)
    if not last:
        return ""
    if comparison is None:
        value = metric_value(metric, last[0].figure.value)
        return (
            f"{count(last[0].pictures, 'labelled training picture')} brought {value} {term}; a second round, judged "
            "on the same pictures, tells whether more labels pay."
        )
    before, after = last
    gain = comparison.metrics[metric].difference
    step = f"From {before.pictures} to {count(after.pictures, 'labelled training picture')}"
    of = f"points of {term}"
    said = {
        "b": f"{step} the model gained {points(gain.value)} {of} ({span(gain.low, gain.high)}): more labels still pay.",
        "a": f"{step} the model lost {points(-gain.value)} {of} ({span(-gain.high, -gain.low)}): look at the labels of "
        "the last round before you draw more.",
        "undecided": f"{step} the difference is {signed(gain.value)} {of} ({span(gain.low, gain.high)}), which may be "
        "chance: whether more labels still pay can't be told from these pictures.",
        "disagree": f"{step} the model gained {points(gain.value)} {of}, yet makes more mistakes where its line is "
        "drawn: whether more labels still pay can't be told.",
        "nothing learned": "Neither of the last two rounds has learned anything to speak of yet.",
        "unknown": "No object is labelled in the validation pictures: nothing can be said of the rounds.",
    }[comparison.judgement]
    differing = set(differing_settings(workspace, before.run, after.run)) - {"labels_version", "seed"}
    if differing and comparison.judgement in ("a", "b", "undecided", "disagree"):
        said += " The two were trained with other settings as well, so it is not the labels alone."
    return said
