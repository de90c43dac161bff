"""What Graft knows about a run for the checklist and the model card, each as one or two plain sentences."""

from __future__ import annotations

from core.data.dataset import Dataset
from core.delivery.report import words
from core.evaluation.decisions.decide import Decisions, counted_words
from core.evaluation.evaluation import Evaluation
from core.metric_words import is_share, metric_title
from core.tasks import TASKS
from core.training.records.progress import RunProgress
from core.training.store import Run
from core.words import SPLIT_WORDS, count, times, value_from_to


def method(run: Run) -> str:
    """Say what kind of model it is."""
    way = "by transfer learning" if run.spec.strategy.reuses else "trained from random numbers"
    return f"Deep learning: a convolutional network ({run.model}) that {TASKS[run.spec.task].does}, {way}."


def partitions(dataset: Dataset) -> str:
    """Say how many pictures each part holds and how they were assigned."""
    parts = ", ".join(f"{SPLIT_WORDS[part]} {count(dataset.images[part], 'picture')}" for part in SPLIT_WORDS
                      if dataset.images.get(part))  # fmt: skip
    return f"{parts}. {dataset.split_note}"


def disjoint(dataset: Dataset) -> str:
    """Say at which level the parts are disjoint, as far as the image table and the checks tell."""
    table = dataset.image_table()
    grouped = int((table["group"].fillna("") != "").sum()) if "group" in table else 0
    crossing = next((item for item in dataset.findings if item.code == "group-across-splits"), None)
    if not grouped:
        return "By picture; patients or parts are not told apart in this set."
    level = f"By group (patient or part), known of {count(grouped, 'picture')} of {len(table)}."
    return f"Not disjoint by patient or part: {crossing.message}" if crossing is not None else level


def preprocessing(run: Run, dataset: Dataset, evaluation: Evaluation) -> str:
    """Say how pictures are prepared."""
    first = words.how_to_use(run, evaluation)[0]
    return f"{first} {dataset.window}" if dataset.window else first


def quality_control(dataset: Dataset) -> str:
    """Say what the check of pictures and labels found."""
    found = [item.message for item in dataset.findings]
    return " ".join(found[:6]) if found else "The check of pictures and labels found nothing to mention."


def figures(evaluation: Evaluation) -> str:
    """Return the headline figures with their intervals."""
    named = [(name, evaluation.told(name)) for name in TASKS[evaluation.task].report_figures]
    told = [
        f"{metric_title(name)}{item.clause}: {value_from_to(item.figure, share=is_share(name))}"
        for name, item in named
        if item
    ]
    return f"On {count(evaluation.images, SPLIT_WORDS[evaluation.split] + ' picture')}: {'; '.join(told)}."


def corrected(evaluation: Evaluation) -> str:
    """Say what was done about having chosen on the pictures that are judged."""
    if evaluation.split == "test":
        return f"Test pictures had no say in any choice; the part was opened {times(evaluation.test_openings or 0)}."
    return evaluation.expected.sentence if evaluation.expected is not None else ""


def diagnostic(decisions: Decisions) -> str:
    """Return sensitivity, specificity and predictive values of whole units."""
    if not decisions.units:
        return ""
    escape, overkill = decisions.rates["escape rate"].figure, decisions.rates["overkill rate"].figure
    parts = [counted_words(decisions)]
    for name, figure in (("Sensitivity", escape), ("Specificity", overkill)):
        if figure.is_known:
            parts.append(f"{name} {value_from_to(type(figure)(1 - figure.value, 1 - figure.high, 1 - figure.low))}.")
    return " ".join(parts)


def failures(evaluation: Evaluation) -> str:
    """Return the weak spots and what most mistakes have in common."""
    worse = [f"{item.name}: {value_from_to(item.figure)}" for item in evaluation.slices
             if item.worse and item.by not in ("source", "group")]  # fmt: skip
    spots = f"Clearly worse: {'; '.join(worse)}." if worse else "No part of the pictures is clearly worse than others."
    return " ".join([spots, *evaluation.next_steps[:3]])


def selection(run: Run, progress: RunProgress) -> str:
    """Say which epoch was kept and by what."""
    return f"{words.training(run, progress)} The epoch with the best result on the validation pictures is kept."


def start(run: Run, dataset: Dataset, progress: RunProgress) -> str:
    """Say from which parameters training began."""
    told = words.trained_on(run, dataset, progress)
    return told[told.index("It started") :]


def software() -> str:
    """Return versions."""
    from importlib import metadata

    named = []
    for name in ("ultralytics", "torch", "numpy"):
        try:
            named.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue  # a machine that only writes reports
    return f"Graft; {', '.join(named)}."
