"""Prepares the workspace of the demonstration: three sets, four trainings, their evaluations, a comparison, an answer.

What is there already is not made again, so that a preparation that was broken off goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from PIL import Image

from core.data.dataset import Dataset, list_datasets
from core.data.importing.from_upload import SAMPLE_NAME, import_dataset, import_sample
from core.data.importing.settings import ImportSettings
from core.demo.drawings import CHEST_CLASSES, CHEST_SIDE, LEAF_CLASSES, draw_chest, draw_leaf
from core.demo.preparing import STEPS, preparation
from core.errors import GraftError
from core.evaluation.compare import compare_runs
from core.evaluation.evaluation import evaluate_run
from core.lab.experiment import Experiment, LabState, TransferSettings
from core.lab.jobs import get_experiment, list_experiments, start_experiment, wait_experiment
from core.models.catalog import models_for
from core.models.weights import default_model, is_here
from core.spec import TrainingSpec
from core.strategies.fine_tune import FINE_TUNE
from core.strategies.scratch import SCRATCH
from core.tasks import Task
from core.training.records.progress import RunProgress
from core.training.runs import list_runs, start_run, wait_run
from core.training.store import Run, State
from core.words import out_of, time_left
from core.workspace import Workspace

NOTE = "Drawn by the computer to show Graft by: no patients, no plants, nothing to be learned of real ones."
CHESTS, LEAVES = "Drawn chest X-rays", "Drawn leaves"
PER_PATIENT = 2
Say = Callable[[str], None]


@dataclass(frozen=True)
class Sizes:
    """How many pictures are drawn, and how long is trained; the defaults take a few minutes on two cores."""

    chests: int = 120
    leaves: int = 240
    sample_epochs: int = 12
    chest_epochs: int = 12
    leaf_epochs: int = 30
    imgsz: int = 256


@dataclass(frozen=True)
class Demo:
    """What was prepared."""

    datasets: tuple[Dataset, ...]
    runs: tuple[Run, ...]
    experiment: Experiment


def prepare_demo(workspace: Workspace, say: Say, sizes: Sizes | None = None) -> Demo:
    """Fill a workspace with everything a demonstration shows; `say` is told what is being done.

    Raises GraftError where a training ends without a model.
    """
    with preparation(workspace) as told:

        def step(number: int, words: str) -> None:
            told.say(number, words)
            say(f"{number} of {STEPS}: {words}")

        return _prepare(workspace, step, sizes or Sizes())


def _prepare(workspace: Workspace, say: Callable[[int, str], None], sizes: Sizes) -> Demo:
    say(1, "bringing in the sample set and drawing the other two")
    sample = _dataset(workspace, SAMPLE_NAME) or import_sample(workspace)
    chests = _dataset(workspace, CHESTS) or draw_chests(workspace, sizes.chests)
    leaves = _dataset(workspace, LEAVES) or draw_leaves(workspace, sizes.leaves)
    of_leaves = trained_run(workspace, leaves, "Leaves", sizes.leaf_epochs, 64, 32, partial(say, 2))
    of_chests = trained_run(workspace, chests, "Chest X-rays", sizes.chest_epochs, sizes.imgsz, 8, partial(say, 3))
    say(4, "the Lab asks what the pre-trained model bought, by two trainings on the sample set")
    experiment = _ask_lab(workspace, sample, sizes, partial(say, 4))
    of_sample = tuple(run for run in list_runs(workspace, tag=experiment.id) if run.best_weights is not None)
    say(5, "judging every model on pictures it has not learned from")
    for run in (of_leaves, of_chests, *of_sample):
        evaluate_run(workspace, run.id, "val")
    say(6, "comparing the two models of the sample set")
    if len(of_sample) > 1:
        compare_runs(workspace, of_sample[0].id, of_sample[1].id, "val")
    return Demo((sample, chests, leaves), (of_leaves, of_chests, *of_sample), experiment)


def _dataset(workspace: Workspace, name: str) -> Dataset | None:
    return next((item for item in list_datasets(workspace) if item.name == name), None)


def draw_chests(workspace: Workspace, count: int) -> Dataset:
    """Draw and import chests; two pictures of one patient never lie in different parts."""
    with workspace.staging("demo") as folder:
        images, labels = folder / "chests" / "images", folder / "chests" / "labels"
        images.mkdir(parents=True)
        labels.mkdir()
        for number in range(count):
            patient = number // PER_PATIENT
            picture, boxes = draw_chest(number, patient=patient, healthy=patient % 4 == 3)
            name = f"patient{patient:03}_{number % PER_PATIENT}"
            Image.fromarray(picture).save(images / f"{name}.png")
            rows = [
                f"{kind} {(left + right) / 2 / CHEST_SIDE:.5f} {(top + bottom) / 2 / CHEST_SIDE:.5f} "
                f"{(right - left) / CHEST_SIDE:.5f} {(bottom - top) / CHEST_SIDE:.5f}\n"
                for kind, left, top, right, bottom in boxes
            ]
            (labels / f"{name}.txt").write_text("".join(rows), encoding="utf-8")
        (folder / "chests" / "data.yaml").write_text(f"names: [{', '.join(CHEST_CLASSES)}]\n", encoding="utf-8")
        settings = ImportSettings(split="60/25/15", group_by=r"patient(\d+)")
        return _noted(import_dataset(workspace, folder / "chests", settings=settings, name=CHESTS))


def draw_leaves(workspace: Workspace, count: int) -> Dataset:
    """Draw and import leaves, as many of each class."""
    with workspace.staging("demo") as folder:
        for number in range(count):
            kind = LEAF_CLASSES[number % len(LEAF_CLASSES)]
            file = folder / "leaves" / kind / f"leaf{number:03}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(draw_leaf(number, kind)).save(file)
        leaves, settings = folder / "leaves", ImportSettings(split="65/25/10")
        return _noted(import_dataset(workspace, leaves, settings=settings, name=LEAVES))


def _noted(dataset: Dataset) -> Dataset:
    dataset.notes = NOTE  # the report tells it too
    dataset.save()
    return dataset


def _start(workspace: Workspace, task: Task) -> tuple[str, bool]:
    """Return the model to start from, and whether its weights are here: nothing is fetched for a demonstration."""
    model = default_model(workspace, task)
    known = next((item for item in models_for(task) if item.name == model), None)
    return model, known is None or is_here(workspace, known)


def trained_run(
    workspace: Workspace, dataset: Dataset, name: str, epochs: int, imgsz: int, batch: int, say: Say
) -> Run:
    """Return the finished run of this name; one that is on its way is waited for, else one is started."""
    of_name = [run for run in list_runs(workspace) if run.dataset == dataset.id and run.name == name]
    known = next((run for run in of_name if run.state is State.FINISHED or run.active), None)
    model, here = _start(workspace, dataset.task)
    spec = TrainingSpec(
        dataset=dataset.id, task=dataset.task, model=model, strategy=FINE_TUNE if here else SCRATCH, epochs=epochs,
        imgsz=imgsz, batch=batch, name=name,
    )  # fmt: skip

    told: set[int] = set()

    def moved(progress: RunProgress) -> None:
        if progress.epoch in told:  # the time left changes every second
            return
        told.add(progress.epoch)
        left = "" if progress.seconds_left is None else f", {time_left(progress.seconds_left)}"
        say(f"training on {dataset.name}, epoch {out_of(progress.epoch, epochs)}{left}" if progress.epoch else
            f"training on {dataset.name}")  # fmt: skip

    run = known or start_run(workspace, spec)
    if run.active:
        run = wait_run(workspace, run.id, on_progress=moved)
    if run.state is not State.FINISHED:
        raise GraftError(f"The training on {dataset.name} ended as {run.state}. {run.cause}".strip())
    return run


def _ask_lab(workspace: Workspace, dataset: Dataset, sizes: Sizes, say: Say) -> Experiment:
    """Return the answer to what transfer bought on a set, asked where it was not yet."""
    asked = (item for item in list_experiments(workspace) if item.dataset == dataset.id)
    known = next((item for item in asked if item.status.state is not LabState.FAILED), None)
    if known is None:
        settings = TransferSettings(
            model=_start(workspace, dataset.task)[0], epochs=sizes.sample_epochs, imgsz=sizes.imgsz, batch=16, seeds=1,
            patience_with_scratch=1.0,
        )  # fmt: skip
        known = start_experiment(workspace, dataset.id, settings)

    def moved(_: object) -> None:
        runs = list_runs(workspace, tag=known.id)
        under_way = next((run for run in runs if run.active), None)
        if under_way is not None and under_way.epochs_done:
            say(f"{under_way.name}, epoch {out_of(under_way.epochs_done, sizes.sample_epochs)}")

    wait_experiment(workspace, known.id, on_status=moved)
    return get_experiment(workspace, known.id)
