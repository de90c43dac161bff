"""How far the work on a dataset and a run has come along the road: what is done, what is next.

Everything is read from the workspace, so that a reload, another tab and the command line see the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal

from core.data.dataset import Dataset, list_datasets, load_dataset
from core.errors import InputError
from core.lab.experiment import runs_apart
from core.planning.drafts import load_draft
from core.training.store import Run, RunStore
from core.words import count
from core.workspace import Workspace, read_json, write_text_atomic

CHOSEN = "chosen"
"""In what was typed for a plan: somebody has chosen it. Opening the Model page alone makes a plan too."""


class Progress(StrEnum):
    """Where a stage of the road is."""

    DONE = "done"
    NOW = "under way"
    NEXT = "next"
    LATER = "later"


@dataclass(frozen=True)
class Stage:
    """One stage: its name, how far it is, a clause that says what there is, and what its page's address names."""

    name: str
    progress: Progress
    words: str
    dataset: str | None = None
    run: str | None = None


def road(
    workspace: Workspace, dataset_id: str | None = None, run_id: str | None = None, *, new: bool = False
) -> tuple[Stage, ...]:
    """Return the stages of the work on a dataset and a run; what is not given, or gone, is where work was left.

    With `new` they are those of pictures that are yet to be brought in. Pictures, Model, Training, Evaluation and Use
    in this order; at most one is NOW or NEXT.
    """
    dataset, run = (None, None) if new else _worked_on(workspace, dataset_id, run_id)
    known = dataset.id if dataset else run.dataset if run else None
    kept = run.dataset if run else None
    facts = (
        ("Pictures", *_pictures(dataset, run)),
        ("Model", *_model(workspace, dataset, run)),
        ("Training", *_training(run)),
        ("Evaluation", *_evaluation(run)),
        ("Use", *_use(workspace, run)),
    )
    stages, led = [], False
    for name, done, words in facts:
        progress = Progress.DONE if done else Progress.LATER if led else Progress.NEXT
        if name == "Training" and progress is Progress.NEXT and run is not None and run.active:
            progress = Progress.NOW
        led = led or not done
        stages.append(Stage(name, progress, words, known or kept, run.id if run else None))
    return tuple(stages)


def _worked_on(workspace: Workspace, dataset_id: str | None, run_id: str | None) -> tuple[Dataset | None, Run | None]:
    """Return the dataset and the run of these ids, else those that work was left at."""
    runs = RunStore(workspace).all()
    run = next((item for item in runs if item.id == run_id), None)
    if run is None and not dataset_id:
        run = left_off(workspace, list_datasets(workspace), runs)
    dataset = _dataset(workspace, dataset_id or (run.dataset if run else None))
    known = dataset.id if dataset else run.dataset if run else None
    if run is None or run.dataset != known:
        of_it = [item for item in runs if item.dataset == known]
        run = next((item for item in of_it if item.active or item.best_weights is not None), None)
    return dataset, run


def left_off(workspace: Workspace, datasets: Sequence[Dataset], runs: Sequence[Run]) -> Run | None:
    """Return the run to go on with, None where a dataset was brought in since; those of an experiment come last.

    `runs` are in their order, the newest first.
    """
    newest = max((item.created for item in datasets), default=None)
    apart = runs_apart(workspace, runs) or runs
    return apart[0] if apart and (newest is None or apart[0].active or apart[0].created > newest) else None


def note(run_folder: Path, stage: Literal["Evaluation", "Use"]) -> None:
    """Note in a run's folder that somebody has looked at its evaluation, or used its model."""
    file = run_folder / "noted" / stage
    if run_folder.is_dir() and not file.exists():
        with suppress(OSError):  # read-only or full: the stage is shown as not done
            write_text_atomic(file, "", durable=False)


def _noted(run: Run, stage: str) -> bool:
    return (run.folder / "noted" / stage).is_file()


def _dataset(workspace: Workspace, identifier: str | None) -> Dataset | None:
    if identifier:
        try:
            return load_dataset(workspace, identifier)
        except InputError:
            return None  # deleted meanwhile: its runs stay
    return max(list_datasets(workspace), key=lambda item: item.created, default=None)


def _pictures(dataset: Dataset | None, run: Run | None) -> tuple[bool, str]:
    if dataset is None:
        return run is not None, "it learned from pictures that are no longer here" if run else "bring in your pictures"
    if not sum(dataset.instances.values()):
        return False, "to be labelled"
    if dataset.errors:
        return False, f"{count(len(dataset.errors), 'problem')} to solve"
    return True, f"{count(sum(dataset.images.values()), 'picture')}, {count(len(dataset.classes), 'class')}"


def _model(workspace: Workspace, dataset: Dataset | None, run: Run | None) -> tuple[bool, str]:
    if run is not None:
        return True, run.model
    draft = load_draft(workspace, dataset.id) if dataset else None
    if draft is None or not draft.typed.get(CHOSEN):
        return False, "choose what it knows already"
    return True, draft.spec.model


def _training(run: Run | None) -> tuple[bool, str]:
    if run is None:
        return False, "let it learn"
    if run.active:
        return False, f"epoch {run.epochs_done + 1} is under way" if run.epochs_done else "it has begun"
    return run.best_weights is not None, count(run.epochs_done, "epoch") if run.epochs_done else str(run.state)


def _evaluation(run: Run | None) -> tuple[bool, str]:
    seen = run is not None and _noted(run, "Evaluation")
    return seen, "looked at" if seen else "how good it is"


def _use(workspace: Workspace, run: Run | None) -> tuple[bool, str]:
    used = run is not None and (
        _noted(run, "Use")
        or any(run.folder.glob("exports/*/export.json"))
        or any(read_json(job).get("model") == run.id for job in workspace.root.glob("predictions/*/job.json"))
    )
    return used, "tried or taken away" if used else "try it and take it away"
