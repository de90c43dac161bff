"""What the worker itself costs: its events, pictures and checkpoints against plain Ultralytics, same arguments.

    python -m bench.worker_cost [--pictures 64] [--imgsz 256] [--epochs 4] [--batch 8] [--rounds 3]

All train yolo11n from random weights on the same made-up pictures with the same arguments, seed and number of loader
processes (none, on the CPU), without plots, each in a process of its own, in turns that change their order. Compared is
the time of the epochs after the first (the first also pays for warming up), start-up and final check not counted.
`same trainer` is Ultralytics with Graft's trainer class and nothing else of Graft: against it the ratio is what events,
pictures and checkpoints cost. `stock` is Ultralytics as it is installed. All compute on as many cores as it takes, one
fewer than there are (GRAFT_CORES).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from core.data.dataset import load_dataset, write_data_yaml
from core.data.importing.from_upload import import_dataset
from core.planning.plan import complete_spec
from core.processes.isolation import isolated_environment
from core.spec import TrainingSpec
from core.training.arguments import OF_GRAFT
from core.training.records.events import read_events
from core.training.runs import start_run, stop_run, wait_run
from core.training.trainer_selection import number_format
from core.workspace import Workspace
from tests.tiny import write_yolo_folder

ROOT = Path(__file__).resolve().parents[1]
PLAIN = """
import json, sys, time
from core.ultralytics.offline import enter_isolation
enter_isolation()
from ultralytics import YOLO
import ultralytics.data.utils as data_utils
data_utils.check_font = lambda *a, **k: None
marks = []
model = YOLO("yolo11n.yaml")
model.add_callback("on_train_epoch_start", lambda trainer: marks.append(time.time()))
model.add_callback("on_fit_epoch_end", lambda trainer: marks.append(time.time()))
arguments = json.loads(sys.argv[1])
if sys.argv[2] == "same trainer":
    from core.ultralytics.trainers.fast import fast_trainer
    arguments["trainer"] = fast_trainer("detect")
model.train(**arguments)
print("MARKS", json.dumps(marks))
"""


def graft_seconds(workspace: Workspace, spec: TrainingSpec) -> tuple[float, float]:
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
    return end - starts[1], estimate / (end - starts[0])


def plain_seconds(arguments: dict[str, object], epochs: int, trainer: str) -> float:
    command = [sys.executable, "-c", PLAIN, json.dumps(arguments), trainer]
    done = subprocess.run(command, env=isolated_environment(), cwd=ROOT, capture_output=True, text=True, check=True)
    line = next(line for line in done.stdout.splitlines() if line.startswith("MARKS"))
    marks = json.loads(line.removeprefix("MARKS "))
    return marks[2 * epochs - 1] - marks[2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("pictures", 64), ("imgsz", 256), ("epochs", 4), ("batch", 8), ("rounds", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    os.environ["GRAFT_CORES"] = str(min(8, max(1, (os.cpu_count() or 1) - 1)))  # as NUM_THREADS of Ultralytics
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
        asked_number_format = number_format(workspace, spec, "cpu", asked.pictures)
        seconds: dict[str, list[float]] = {"worker": [], "same trainer": [], "stock": []}
        estimates = []
        for number in range(asked.rounds):
            order = list(seconds) if number % 2 == 0 else list(reversed(seconds))
            for kind in order:
                if kind == "worker":
                    took, estimate = graft_seconds(workspace, spec)
                    estimates.append(estimate)
                else:
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
                        "name": f"round{number}-{kind.replace(' ', '-')}",
                        **(asked_number_format if kind == "same trainer" else {}),
                        **complete_spec(workspace, dataset, spec).extra,
                    }
                    if kind == "stock":
                        arguments.pop(OF_GRAFT, None)  # stock has no such argument
                    took = plain_seconds(arguments, asked.epochs, kind)
                seconds[kind].append(took)
            words = ", ".join(f"{kind} {times[-1]:.2f} s" for kind, times in seconds.items())
            print(f"round {number + 1}: {words}", flush=True)
    middle = {kind: statistics.median(times) for kind, times in seconds.items()}
    size = f"{asked.pictures} pictures, {asked.imgsz} px, batch {asked.batch}, {asked.epochs} epochs"
    print(f"{size}, CPU, {asked.rounds} rounds")
    print(f"worker / same trainer = {middle['worker'] / middle['same trainer']:.3f} (target below 1.02)")
    print(f"worker / stock Ultralytics = {middle['worker'] / middle['stock']:.3f}")
    print(f"estimated / real seconds of all epochs = {statistics.median(estimates):.2f} (target 0.75 to 1.25)")


if __name__ == "__main__":
    main()
