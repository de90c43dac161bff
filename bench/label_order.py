"""What the order of labelling is worth: a simulation in which truth files label, "which next" against random.

    python -m bench.label_order TRUTH [--sizes 20,40,80,160] [--seeds 1] [--epochs 15] [--weights FOLDER]

All pictures to check on are labelled from the start, the same for both orders, so that every figure is counted on the
same ones. The first pictures to learn from are drawn at random; then either chance chooses the next ones, or the model
trained last does. Prints a line of JSON per training: order, seed, labelled pictures, the task's figure.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from bench.sets import workspace_with
from core.data.dataset import Dataset, load_dataset
from core.data.importing.from_upload import import_dataset
from core.delivery.propose.proposing import propose
from core.labelling.labelling import Labelling, open_labelling
from core.labelling.queue import CHECK, queue
from core.labelling.readers import for_second_reader
from core.labelling.settings import begin
from core.labelling.versions import make_version
from core.models.weights import default_model
from core.spec import TrainingSpec
from core.tasks import TASKS
from core.training.runs import start_run, wait_run
from core.workspace import Workspace


def label(dataset: Dataset, truth: Labelling, pictures: list[str]) -> None:
    """Label pictures by the truth."""
    work = open_labelling(dataset)
    for picture in pictures:
        work.set(picture, truth.label(truth.picture(picture)), since=0)


def curve(workspace: Workspace, truth: Labelling, sizes: list[int], seed: int, epochs: int, *, random: bool) -> None:
    """Label, train and judge at each size, and print what came of it."""
    dataset = for_second_reader(workspace, truth.dataset, f"{'random' if random else 'next'} {seed}")
    work = open_labelling(dataset)
    label(dataset, truth, [picture.id for picture in work.pictures.values() if picture.split != "train"])
    done, run_id = 0, ""
    for size in sizes:
        if run_id and not random:
            propose(workspace, dataset, run_id)
        waiting = queue(open_labelling(dataset), random=random or not run_id, seed=seed)
        label(dataset, truth, [picture.id for picture, reason in waiting if reason != CHECK][: size - done])
        done = size
        dataset = make_version(load_dataset(workspace, dataset.id))
        model = default_model(workspace, dataset.task)
        spec = TrainingSpec(dataset=dataset.id, task=dataset.task, model=model, epochs=epochs, seed=seed)
        run = wait_run(workspace, start_run(workspace, spec).id)
        run_id = run.id
        headline = TASKS[dataset.task].headline
        told = {"order": "random" if random else "next", "seed": seed, "labelled": dataset.images["train"]}
        print(json.dumps(told | {headline: run.metrics.get(headline), "state": str(run.state)}), flush=True)


def main() -> None:
    """Simulate both orders for each seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--sizes", default="20,40,80,160")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--weights", type=Path, help="a folder with checkpoints to link into the workspace")
    given = parser.parse_args()
    sizes = [int(size) for size in given.sizes.split(",")]
    with tempfile.TemporaryDirectory() as folder:
        workspace = workspace_with(Path(folder), given.weights)
        known = import_dataset(workspace, given.truth, name="Truth")
        begin(known)
        truth = open_labelling(known)
        for seed in range(given.seeds):
            for random in (False, True):
                curve(workspace, truth, sizes, seed, given.epochs, random=random)


if __name__ == "__main__":
    main()
