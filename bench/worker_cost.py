"""What the worker itself costs: its events, pictures and checkpoints against plain Ultralytics, same arguments.

    python -m bench.worker_cost [--pictures 64] [--imgsz 256] [--epochs 4] [--batch 8] [--rounds 2]

Both train yolo11n from random weights on the same made-up pictures, each in a process of its own, in turns. Compared is
the time of the epochs after the first (the first also pays for warming up), start-up and final check not counted.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from core.data.dataset import load_dataset, write_data_yaml
from core.data.importing import import_dataset
from core.models.isolation import isolated_environment
from core.training.events import read_events
from core.training.runs import start_run, stop_run, wait_run
from core.training.spec import TrainingSpec
from core.workspace import Workspace
from tests.tiny import write_yolo_folder

ROOT = Path(__file__).resolve().parents[1]
PLAIN = """
import json, sys, time
from core.models.isolation import enter_isolation
enter_isolation()
from ultralytics import YOLO
import ultralytics.data.utils as data_utils
data_utils.check_font = lambda *a, **k: None
marks = []
model = YOLO("yolo11n.yaml")
model.add_callback("on_train_epoch_start", lambda trainer: marks.append(time.time()))
model.add_callback("on_fit_epoch_end", lambda trainer: marks.append(time.time()))
model.train(**json.loads(sys.argv[1]))
print("MARKS", json.dumps(marks))
"""


def graft_seconds(workspace: Workspace, spec: TrainingSpec) -> tuple[float, dict[str, object], float]:
    run = start_run(workspace, spec)
    try:
        done = wait_run(workspace, run.id)
    except KeyboardInterrupt:
        stop_run(workspace, run.id, keep_best=False)  # it would go on: that is what runs are made for
        raise
    assert done.state == "finished", done.cause
    events = read_events(done.events_path)[0]
    starts = [event["time"] for event in events if event["kind"] == "epoch_start"]
    end = next(event["time"] for event in events if event["kind"] == "phase" and event["phase"] == "finishing")
    estimate = next(event["seconds_estimate"] for event in events if event["kind"] == "preflight")
    return end - starts[1], done.spec.extra, estimate / (end - starts[0])


def plain_seconds(arguments: dict[str, object], epochs: int) -> float:
    command = [sys.executable, "-c", PLAIN, json.dumps(arguments)]
    done = subprocess.run(command, env=isolated_environment(), cwd=ROOT, capture_output=True, text=True, check=True)
    line = next(line for line in done.stdout.splitlines() if line.startswith("MARKS"))
    marks = json.loads(line.removeprefix("MARKS "))
    return marks[2 * epochs - 1] - marks[2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("pictures", 64), ("imgsz", 256), ("epochs", 4), ("batch", 8), ("rounds", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        workspace = Workspace.open(Path(scratch) / "workspace")
        folder = write_yolo_folder(Path(scratch) / "set", asked.pictures, asked.pictures // 4, asked.imgsz)
        dataset = load_dataset(workspace, import_dataset(workspace, folder).id)
        spec = TrainingSpec(
            dataset=dataset.id,
            task="detect",
            model="yolo11n",
            strategy="scratch",
            epochs=asked.epochs,
            imgsz=asked.imgsz,
            batch=asked.batch,
        )
        ours, theirs, estimates = [], [], []
        for number in range(asked.rounds):
            seconds, extra, estimate = graft_seconds(workspace, spec)
            ours.append(seconds)
            estimates.append(estimate)
            write_data_yaml(dataset)
            arguments = {
                "data": str(dataset.train_data),
                "epochs": asked.epochs,
                "imgsz": asked.imgsz,
                "batch": asked.batch,
                "seed": spec.seed,
                "patience": spec.patience,
                "plots": False,
                "workers": 0,
                "device": "cpu",
                "pretrained": False,
                "project": str(Path(scratch) / "plain"),
                "name": f"round{number}",
                **extra,
            }
            theirs.append(plain_seconds(arguments, asked.epochs))
            print(f"round {number + 1}: worker {ours[-1]:.2f} s, plain Ultralytics {theirs[-1]:.2f} s", flush=True)
    ratio = statistics.median(ours) / statistics.median(theirs)
    size = f"{asked.pictures} pictures, {asked.imgsz} px, batch {asked.batch}, {asked.epochs} epochs"
    print(f"{size}, CPU, {asked.rounds} rounds")
    print(f"worker / plain = {ratio:.3f} (target below 1.02)")
    print(f"estimated / real seconds of all epochs = {statistics.median(estimates):.2f} (target 0.75 to 1.25)")


if __name__ == "__main__":
    main()
