"""Time to quality: how soon Graft's balanced plan reaches what stock `yolo train` reaches in a fixed wall time.

    python -m bench.time_to_quality [--sets bccd deeppcb chest] [--seeds 2] [--minutes 25] [--budget balanced]

Stock: Ultralytics' defaults (imgsz 640, classify 224; 100 epochs), ended after --minutes. Graft: a run as the dashboard
starts it, everything planned. Same weights, same machine, in turns, start-up included on both sides. The speed of the
machine is timed before (once per machine), as the dashboard offers. Printed are stock's best mAP50-95 (top-1) and when
it was reached, when Graft had reached it, the ratio of the two, and Graft's best. A miss is printed as a miss.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

from bench.sets import KEYS, bring_in, train_child
from core.data.dataset import Dataset
from core.planning.speed import measure_speed
from core.spec import TrainingSpec
from core.training.records.events import read_events
from core.training.runs import start_run, stop_run, wait_run
from core.workspace import Workspace

MODELS = {"detect": "yolo26n", "classify": "yolo11n-cls"}
NAMES = {"detect": "mAP50-95", "classify": "top1"}
Curve = list[tuple[float, float]]
"""seconds since the start, metric"""


def stock_curve(dataset: Dataset, weights: Path, seed: int, minutes: float, scratch: Path) -> Curve:
    arguments = {"data": str(dataset.train_data), "seed": seed, "device": "cpu", "project": str(scratch),
                 "name": f"stock-{dataset.id}-{seed}", "exist_ok": True, "verbose": False}  # fmt: skip
    asked = {"trainer": "stock", "weights": str(weights), "task": dataset.task, "arguments": arguments}
    epochs = train_child(asked, scratch / f"stock-{dataset.id}-{seed}", limit=minutes * 60)
    return [(item["seconds"], item["metrics"][KEYS[dataset.task]]) for item in epochs]


def graft_curve(workspace: Workspace, dataset: Dataset, model: str, seed: int, budget: str) -> tuple[Curve, float]:
    began = time.time()
    spec = TrainingSpec(dataset=dataset.id, task=dataset.task, model=model, seed=seed, budget=budget, device="cpu")
    run = start_run(workspace, spec)
    try:
        done = wait_run(workspace, run.id)
    except KeyboardInterrupt:
        stop_run(workspace, run.id, keep_best=False)  # it would go on: that is what runs are made for
        raise
    if done.state != "finished":
        raise RuntimeError(f"{done.state}: {done.cause}")
    events = read_events(done.events_path)[0]
    curve = [
        (event["time"] - began, float(event["metrics"][NAMES[dataset.task]]))
        for event in events
        if event["kind"] == "epoch"
    ]
    return curve, time.time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=["bccd", "deeppcb", "chest"])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=25)
    parser.add_argument("--budget", default="balanced")
    parser.add_argument("--json", type=Path, help="also write every curve to this file")
    asked = parser.parse_args()
    kept = []
    with tempfile.TemporaryDirectory() as scratch:
        workspace = Workspace.open(Path(scratch) / "workspace")
        speed = measure_speed(workspace)
        print(f"{speed.machine}: a step takes {speed.plain:.3f} s plain, {speed.best:.3f} s as Graft trains")
        for name in asked.sets:
            dataset = bring_in(workspace, name)
            model = MODELS[dataset.task]
            for seed in range(asked.first_seed, asked.first_seed + asked.seeds):
                stock = stock_curve(dataset, workspace.weights / f"{model}.pt", seed, asked.minutes, Path(scratch))
                ours, spent = graft_curve(workspace, dataset, model, seed, asked.budget)
                kept.append({"set": name, "seed": seed, "stock": stock, "graft": ours})
                if not stock:
                    print(f"{name}, seed {seed}: stock finished no epoch in {asked.minutes:g} minutes", flush=True)
                    continue
                best_at, best = max(stock, key=lambda point: point[1])
                reached = next((seconds for seconds, value in ours if value >= best), None)
                final = max(value for _, value in ours)
                sooner = (
                    "MISS: never reached" if reached is None else f"{reached:.0f} s, {best_at / reached:.1f}x sooner"
                )
                share = "" if reached is None else f", {reached / (asked.minutes * 60):.2f} of stock's time"
                print(f"{name}, seed {seed}, {NAMES[dataset.task]}: stock best {best:.4f} after {best_at:.0f} s "
                      f"({len(stock)} epochs in {asked.minutes:g} min); Graft {sooner}{share}; "
                      f"Graft best {final:.4f} in {spent:.0f} s", flush=True)  # fmt: skip
    if asked.json:
        asked.json.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
