"""Which model a plan should begin with: each trained by the same budget, from the same folder of weights, on the CPU.

    python -m bench.models [--sets bccd deeppcb sample wbc chest] [--models yolo11n yolo26n yolov8n] [--seeds 2]
        [--budget balanced] [--workspace FOLDER]

A line of JSON per training: the task's headline figure with its 95 % interval over the validation pictures, the epochs,
and the seconds the training took (its own clock: nothing else may run beside it). A detector with two heads (YOLO26) is
judged by the one-to-many head, as Graft and Ultralytics use it, and by the head that needs no suppression (NMS-free) as
well: by Ultralytics' validator on both, so that the two are compared on one footing. At the end a table: per set and
model the mean over the seeds, the lowest and the highest. The runs are kept in `--workspace`, for what is learnt from
their curves. Models are named without their task: a set with outlines takes `yolo11n-seg` for `yolo11n`; one whose
weights are not at hand is left out.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from bench.sets import bring_in
from core.data.dataset import Dataset
from core.evaluation.evaluation import evaluate_run
from core.planning.speed import measure_speed
from core.spec import TrainingSpec
from core.tasks import TASKS
from core.training.runs import start_run, wait_run
from core.training.store import State
from core.ultralytics.networks import has_nms_free_head
from core.workspace import Workspace


def by_both_heads(weights: Path, dataset: Dataset, imgsz: int) -> dict[str, float]:
    """Return mAP50-95 by each head of a network that has two; {} for others.

    The weights are the ones the bench has just trained.
    """
    from ultralytics import YOLO

    found: dict[str, float] = {}
    for head in ("one_to_one", "one_to_many"):
        model = YOLO(weights)
        if not has_nms_free_head(model.model):
            return {}
        nms = False if head == "one_to_one" else None  # without suppression the head that needs none is asked
        judged = model.val(nms=nms, data=str(dataset.train_data), imgsz=imgsz, batch=8, device="cpu", workers=0,
                           plots=False, verbose=False, project=str(weights.parent), name=head,
                           exist_ok=True)  # fmt: skip
        found[head] = round(float(judged.box.map), 4)
    return found


def trained(workspace: Workspace, dataset: Dataset, model: str, seed: int, budget: str) -> dict[str, Any]:
    """Train as the dashboard does, everything planned; return what came of it."""
    spec = TrainingSpec(dataset=dataset.id, task=dataset.task, model=model, seed=seed, budget=budget, device="cpu")
    run = wait_run(workspace, start_run(workspace, spec).id)
    if run.state is not State.FINISHED:
        raise RuntimeError(f"{run.id} ended as {run.state}: {run.cause}")
    figure = evaluate_run(workspace, run.id).metrics[TASKS[dataset.task].headline]
    told: dict[str, Any] = {
        "set": dataset.name, "model": model, "seed": seed, "value": round(figure.value, 4),
        "low": round(figure.low, 4) if figure.low is not None else None,
        "high": round(figure.high, 4) if figure.high is not None else None,
        "epochs": run.epochs_done, "best_epoch": run.best_epoch, "imgsz": run.spec.imgsz, "seconds": round(run.seconds),
    }  # fmt: skip
    if dataset.task == "detect":
        told |= by_both_heads(run.best_weights, dataset, run.spec.imgsz)
    return told


def main() -> None:
    """Train every model on every set with every seed, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=["bccd", "deeppcb", "sample", "wbc", "chest"])
    parser.add_argument("--models", nargs="+", default=["yolo11n", "yolo26n", "yolov8n"])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--budget", default="balanced")
    parser.add_argument("--workspace", type=Path, help="a folder that keeps the runs; without it they are thrown away")
    given = parser.parse_args()
    values: dict[tuple[str, str], list[float]] = defaultdict(list)
    seconds: dict[tuple[str, str], list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.open(given.workspace or Path(folder) / "workspace")
        measure_speed(workspace)
        for name in given.sets:
            dataset = bring_in(workspace, name)
            suffix = TASKS[dataset.task].suffix
            models = [f"{model}{suffix}" for model in given.models]
            for seed in range(given.seeds):
                for model in (model for model in models if (workspace.weights / f"{model}.pt").exists()):
                    told = trained(workspace, dataset, model, seed, given.budget)
                    print(json.dumps(told), flush=True)
                    values[name, model].append(told["value"])
                    seconds[name, model].append(told["seconds"])
                    if "one_to_one" in told:
                        free = name, f"{model}, NMS-free"
                        values[free].append(told["value"] + told["one_to_one"] - told["one_to_many"])
                        seconds[free].append(told["seconds"])
    print("\n| set | model | figure | from | to | seconds |\n|---|---|---|---|---|---|")
    for (name, model), found in values.items():
        took = statistics.mean(seconds[name, model])
        print(f"| {name} | {model} | {statistics.mean(found):.3f} | {min(found):.3f} | {max(found):.3f} | {took:.0f} |")


if __name__ == "__main__":
    main()
