"""Does a paused and resumed run equal an uninterrupted one? Three curves of the sample: two straight, one paused.

    python -m bench.resume_spread [--epochs 8] [--imgsz 96] [--pause-after 3] [--scratch] [--dataset FOLDER]

All three have the same seed and settings, and start from Graft's own starter model where it is there (else, or with
--scratch, from random weights, which need many epochs before a metric leaves zero). Printed are the mAP50-95 of every
epoch, the final metrics, the spread of the two uninterrupted runs and the distance of the paused one from the first.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from core.data.dataset import load_dataset
from core.data.importing.from_upload import import_dataset, import_sample
from core.spec import TrainingSpec
from core.training.records.progress import read_progress
from core.training.runs import get_run, pause_run, resume_run, start_run, stop_run, wait_run
from core.training.starting_points import locate
from core.training.store import Run, State
from core.workspace import Workspace

METRICS = ("mAP50", "mAP50-95", "precision", "recall")


def straight(workspace: Workspace, spec: TrainingSpec) -> Run:
    return wait_run(workspace, start_run(workspace, spec).id)


def interrupted(workspace: Workspace, spec: TrainingSpec, after: int) -> Run:
    run = start_run(workspace, spec)
    while read_progress(run).epochs_done < after and get_run(workspace, run.id).active:
        time.sleep(0.2)
    pause_run(workspace, run.id)
    paused = wait_run(workspace, run.id)
    assert paused.state is State.PAUSED, f"it was {paused.state} before it could be paused: {paused.cause}"
    resume_run(workspace, run.id)
    return wait_run(workspace, run.id)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("epochs", 8), ("imgsz", 96), ("pause-after", 3), ("batch", 16), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--scratch", action="store_true", help="yolo11n from random weights")
    parser.add_argument("--dataset", type=Path, help="a labelled folder instead of the sample that ships with Graft")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        workspace = Workspace.open(Path(scratch) / "workspace")
        made = import_dataset(workspace, asked.dataset) if asked.dataset else import_sample(workspace)
        dataset = load_dataset(workspace, made.id)
        known = not asked.scratch and locate(workspace, "starter", dataset.task) is not None
        start = {"model": "starter"} if known else {"model": "yolo11n", "strategy": "scratch"}
        spec = TrainingSpec(
            **start,
            dataset=dataset.id,
            task=dataset.task,
            epochs=asked.epochs,
            imgsz=asked.imgsz,
            batch=asked.batch,
            seed=asked.seed,
            patience=0,
        )
        runs: list[Run] = []
        try:
            runs = [straight(workspace, spec), straight(workspace, spec)]
            runs.append(interrupted(workspace, spec, asked.pause_after))
        except KeyboardInterrupt:
            for run in runs:
                stop_run(workspace, run.id, keep_best=False)
            raise
        for run in runs:
            assert run.state is State.FINISHED, run.cause
        curves = [read_progress(run).curves for run in runs]
        name = next(item for item in ("mAP50-95", "top1") if item in curves[0])
        size = f"{asked.imgsz} px, batch {asked.batch}, {asked.epochs} epochs, seed {asked.seed}"
        print(f"{dataset.name}, {spec.model}, {size}, CPU")
        print(f"{'epoch':>6} {'straight':>10} {'straight':>10} {f'paused at {asked.pause_after}':>12}   ({name})")
        for epoch, values in enumerate(zip(*(table[name] for table in curves), strict=True), 1):
            print(f"{epoch:>6} {values[0]:>10.5f} {values[1]:>10.5f} {values[2]:>12.5f}")
        for metric in [item for item in (*METRICS, "top1") if item in runs[0].metrics]:
            first, second, paused = (float(run.metrics[metric] or 0.0) for run in runs)
            print(
                f"{metric:>10}: {first:.5f} {second:.5f} {paused:.5f}   spread of the uninterrupted "
                f"{abs(first - second):.5f}, paused against the first {abs(paused - first):.5f}"
            )
        worst = max(
            (curves[0][column] - curves[2][column]).abs().max() for column in curves[0] if column.startswith("train/")
        )
        spread = max(
            (curves[0][column] - curves[1][column]).abs().max() for column in curves[0] if column.startswith("train/")
        )
        print(f"largest difference of a training loss: uninterrupted {spread:.6f}, paused {worst:.6f}")


if __name__ == "__main__":
    main()
