"""Frozen backbone: training on cached features against Ultralytics' own `freeze`, same settings, on the CPU.

    python -m bench.frozen_speed [--set bccd] [--model yolo26n] [--imgsz 320] [--batch 8] [--epochs 9] [--rounds 1]

Compared are images a second, for the cached run over the epochs in which no features had to be computed (validation not
counted), for stock over those after the first; and the metric at the end of equally many epochs.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from bench.sets import KEYS, bring_in, train_child
from core.workspace import Workspace

BACKBONE = {"yolo26": 11, "yolo11": 11, "yolov8": 10}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", default="bccd")
    parser.add_argument("--model", default="yolo26n")
    for name, default in (("imgsz", 320), ("batch", 8), ("epochs", 9), ("rounds", 1), ("stock-epochs", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    speeds: dict[str, list[float]] = {"stock": [], "cached": []}
    finals: dict[str, list[float]] = {"stock": [], "cached": []}
    with tempfile.TemporaryDirectory() as scratch:
        workspace = Workspace.open(Path(scratch) / "workspace")
        dataset = bring_in(workspace, asked.set)
        weights = workspace.weights / f"{asked.model}.pt"
        for number in range(asked.rounds):
            for trainer in ("stock", "cached"):
                ours = {"channels_last": True, "amp": "bf16"} if trainer == "cached" else {}
                arguments = {
                    "data": str(dataset.train_data), "imgsz": asked.imgsz, "batch": asked.batch, "nbs": asked.batch,
                    "epochs": (asked.stock_epochs or asked.epochs) if trainer == "stock" else asked.epochs,
                    "freeze": BACKBONE[asked.model[:6]], "warmup_epochs": 0.5, "close_mosaic": 3, "seed": number,
                    "device": "cpu", "workers": 0, "plots": False, "verbose": False, "cache": "ram",
                    "project": scratch, "exist_ok": True, "name": f"{trainer}{number}", **ours,
                }  # fmt: skip
                epochs = train_child(
                    {
                        "trainer": trainer,
                        "weights": str(weights) if weights.is_file() else f"{asked.model}.yaml",
                        "task": dataset.task,
                        "arguments": arguments,
                    },
                    Path(scratch) / f"{trainer}{number}",
                )
                fresh = [0] + [item["fresh"] or 0 for item in epochs]
                for before, item in zip(fresh, epochs, strict=False):
                    if (item["fresh"] == before) if trainer == "cached" else item["epoch"] > 1:
                        speeds[trainer].append(item["images"] / item["train_seconds"])
                finals[trainer].append(max(item["metrics"].get(KEYS["detect"], 0.0) for item in epochs))
                spent = sum(item["train_seconds"] for item in epochs)
                speed = statistics.median(speeds[trainer]) if speeds[trainer] else float("nan")
                print(f"round {number + 1}, {trainer}: {speed:.2f} images/s, {spent:.0f} s of training, "
                      f"best {finals[trainer][-1]:.4f}", flush=True)  # fmt: skip
    if not speeds["cached"]:
        print("no epoch ran on features alone: ask for more epochs")
        return
    ratio = statistics.median(speeds["cached"]) / statistics.median(speeds["stock"])
    print(f"{asked.set}, {asked.model}, {asked.imgsz} px, batch {asked.batch}, {asked.epochs} epochs: "
          f"cached / stock = {ratio:.2f} (target 3)")  # fmt: skip


if __name__ == "__main__":
    main()
