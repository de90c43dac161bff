"""What the order of labelling is worth: a simulation in which truth files label, "which next" against random.

    python -m bench.label_order TRUTH [--sizes 20,40,80,160] [--seeds 3] [--first 0] [--budget quick] [--check 60]
        [--model NAME] [--strategy fine-tune] [--weights FOLDER]

The pictures to check on (`--check` of them, drawn once) are labelled from the start, the same for both orders, so that
every figure is counted on the same ones. The first pictures to learn from are drawn at random, and both orders share
their training; then either chance chooses the next ones, or the model trained last does. Prints a line of JSON per
training with the task's figure and its interval over the pictures, and at the end, per size, what the chosen order
gained: the mean over the seeds and the lowest and highest of them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

from bench.sets import workspace_with
from core.data.dataset import Dataset, load_dataset
from core.data.importing.from_upload import import_dataset
from core.delivery.propose.proposing import propose
from core.evaluation.evaluation import evaluate_run
from core.evaluation.figures.figure import Figure
from core.labelling.labelling import Labelling, open_labelling
from core.labelling.queue import CHECK, queue, shuffled
from core.labelling.readers import for_second_reader
from core.labelling.settings import begin
from core.labelling.versions import make_version
from core.models.weights import default_model
from core.planning.plan import complete_spec
from core.spec import TrainingSpec
from core.tasks import TASKS
from core.training.runs import start_run, wait_run
from core.training.store import State
from core.workspace import Workspace

Line = dict[str, Any]


def label(dataset: Dataset, truth: Labelling, pictures: list[str]) -> None:
    """Label pictures by the truth."""
    work = open_labelling(dataset)
    for picture in pictures:
        work.set(picture, truth.label(truth.picture(picture)), since=0)


def learned(workspace: Workspace, dataset: Dataset, seed: int, given: argparse.Namespace) -> tuple[str, Figure]:
    """Train on the labels as they are; return the run's id and the task's figure."""
    model = given.model or default_model(workspace, dataset.task)
    settings = {"budget": given.budget, "strategy": given.strategy, "seed": seed}
    spec = TrainingSpec(dataset=dataset.id, task=dataset.task, model=model, **settings)
    run = wait_run(workspace, start_run(workspace, complete_spec(workspace, dataset, spec)).id)
    if run.state != State.FINISHED:
        raise RuntimeError(f"{run.id} ended as {run.state}")
    return run.id, evaluate_run(workspace, run.id).metrics[TASKS[dataset.task].headline]


def both_orders(
    workspace: Workspace, truth: Labelling, seed: int, given: argparse.Namespace
) -> list[dict[str, object]]:
    """Label, train and judge at each size in both orders; return and print what came of it."""
    told: list[Line] = []
    start: tuple[str, Figure] | None = None
    checked = shuffled([picture.id for picture in truth.pictures.values() if picture.split == "val"])[: given.check]
    for order in ("random", "next"):
        dataset = for_second_reader(workspace, truth.dataset, f"{order} {seed}")
        label(dataset, truth, checked)
        done, run_id = 0, ""
        for size in given.sizes:
            if run_id and order == "next":
                propose(workspace, dataset, run_id)
            waiting = queue(open_labelling(dataset), random=order == "random" or not run_id, seed=seed)
            label(dataset, truth, [picture.id for picture, reason in waiting if reason != CHECK][: size - done])
            dataset = make_version(load_dataset(workspace, dataset.id))
            shared = start if not done else None
            run_id, figure = shared or learned(workspace, dataset, seed, given)
            start, done = start or (run_id, figure), size
            line: Line = {"order": order, "seed": seed, "labelled": dataset.images["train"]}
            line |= {"value": figure.value, "low": figure.low, "high": figure.high}
            print(json.dumps(line), flush=True)
            told.append(line)
    return told


def main() -> None:
    """Simulate both orders for each seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--sizes", default="20,40,80,160", type=lambda text: [int(size) for size in text.split(",")])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--budget", default="quick", help="what each training is planned for, as for `train`")
    parser.add_argument("--check", type=int, default=60)
    parser.add_argument("--model")
    parser.add_argument("--strategy", default="fine-tune")
    parser.add_argument("--weights", type=Path, help="a folder with checkpoints to link into the workspace")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace = workspace_with(Path(folder), given.weights)
        known = import_dataset(workspace, given.truth, name="Truth")
        begin(known)
        truth = open_labelling(known)
        seeds = range(given.first, given.first + given.seeds)
        lines: list[Line] = [line for seed in seeds for line in both_orders(workspace, truth, seed, given)]
    for size in given.sizes[1:]:
        values: dict[tuple[int, str], float] = {
            (line["seed"], line["order"]): line["value"] for line in lines if line["labelled"] == size
        }
        gains = [values[seed, "next"] - values[seed, "random"] for seed in seeds]
        print(f"{size} labelled: gained {statistics.mean(gains):+.3f} (from {min(gains):+.3f} to {max(gains):+.3f})")


if __name__ == "__main__":
    main()
