"""What the warm process brings: a short training started anew against one forked from it.

    python -m bench.warm_start [--pictures 40] [--imgsz 256] [--epochs 2] [--rounds 5]

Both train yolo11n from random weights on the same made-up pictures, in turns that change their order. Told is the time
from the start of the run to the beginning of the first epoch and to the end, and what the warm process itself takes
before it is ready, which passes while somebody looks at the dataset.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from core.data.importing.from_upload import import_dataset
from core.processes.starting import VARIABLE, prepare, ready
from core.spec import TrainingSpec
from core.training.records.events import read_events
from core.training.runs import start_run, wait_run
from core.workspace import Workspace
from tests.tiny import write_yolo_folder


def seconds(workspace: Workspace, spec: TrainingSpec) -> tuple[float, float]:
    """Return the seconds of one run until its first epoch begins, and until it has ended."""
    began = time.time()
    run = wait_run(workspace, start_run(workspace, spec).id)
    took = time.time() - began
    assert run.state == "finished", run.cause
    return next(
        event["time"] for event in read_events(run.events_path)[0] if event["kind"] == "epoch_start"
    ) - began, took


def main() -> None:
    """Time both in turns and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("pictures", 40), ("imgsz", 256), ("epochs", 2), ("rounds", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    os.environ.pop(VARIABLE, None)
    began = time.time()
    if not prepare():
        sys.exit("There is no warm process on this system.")
    while not ready():
        time.sleep(0.05)
    print(f"the warm process is ready after {time.time() - began:.1f} s")
    with tempfile.TemporaryDirectory() as scratch:
        workspace = Workspace.open(Path(scratch) / "workspace")
        folder = write_yolo_folder(Path(scratch) / "set", asked.pictures, asked.pictures // 4, asked.imgsz)
        dataset = import_dataset(workspace, folder).id
        spec = TrainingSpec(
            dataset=dataset, task="detect", model="yolo11n", strategy="scratch", epochs=asked.epochs, imgsz=asked.imgsz
        )
        took: dict[str, list[tuple[float, float]]] = {"anew": [], "warm": []}
        for number in range(asked.rounds):
            for kind in list(took) if number % 2 == 0 else list(reversed(took)):
                os.environ[VARIABLE] = "0" if kind == "anew" else "5"
                took[kind].append(seconds(workspace, spec))
    for at, words in enumerate(("until the first epoch begins", "until the run has ended")):
        anew, warm = (statistics.median(times[at] for times in took[kind]) for kind in took)
        print(f"{words}: {anew:.1f} s anew, {warm:.1f} s from warm, {warm / anew:.2f} times")


if __name__ == "__main__":
    main()
