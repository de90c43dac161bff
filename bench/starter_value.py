"""What the starter checkpoint is worth: the same short training from it, from COCO weights and from random numbers.

    python bench/starter_value.py OUT.jsonl [--sets sample bccd deeppcb] [--starts starter coco scratch]
                                  [--epochs 4] [--imgsz 256] [--batch 16] [--seeds 0] [--starter FILE.pt]

Every training has the settings Graft plans for a fine-tune of that set (the same for all starts, so that only the
starting point differs), one line of OUT.jsonl each; a training that is in the file already is not made again, so the
work can be done in pieces. Prints the table of all lines. BCCD, DeepPCB and the COCO weights come from GRAFT_SHARED
../shared; those COCO weights are a checkpoint rebuilt from an int8 export, not the official file.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from core.strategies.fine_tune import FINE_TUNE
from core.strategies.scratch import SCRATCH

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from core.data.importing.from_upload import import_dataset, import_sample
from core.models.starter.checkpoint import CHECKPOINT
from core.planning.plan import complete_spec
from core.spec import TrainingSpec
from core.training.records.progress import read_progress
from core.training.runs import start_run, stop_run, wait_run
from core.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("GRAFT_SHARED") or ROOT.parent / "shared")
SETS = {"sample": None, "bccd": SHARED / "data" / "bccd", "deeppcb": SHARED / "data" / "deeppcb_300"}
COCO = SHARED / "weights" / "yolo26n.pt"


def train(folder: Path, name: str, start: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Import a set and train on it once; return the line to keep."""
    workspace = Workspace.open(folder)
    source = SETS[name]
    dataset = import_sample(workspace) if source is None else import_dataset(workspace, source)
    shutil.copyfile(options.starter, workspace.weights / "starter-here.pt")
    model = {"starter": "starter-here", "coco": str(COCO), "scratch": "yolo26n"}[start]
    fixed = {"epochs": options.epochs, "imgsz": options.imgsz, "batch": options.batch, "patience": 0, "seed": seed}
    planned = complete_spec(
        workspace, dataset, TrainingSpec(dataset=dataset.id, task="detect", model="starter-here", device="cpu", **fixed)
    )
    strategy = SCRATCH if start == "scratch" else FINE_TUNE
    spec = planned.model_copy(update={"model": model, "strategy": strategy, **fixed})
    run = start_run(workspace, spec)
    try:
        run = wait_run(workspace, run.id)
    finally:
        if run.active:  # asked to end: the training is a process of its own and would go on
            stop_run(workspace, run.id, keep_best=False)
    if not run.metrics:
        raise SystemExit(f"{name}, {start}: {run.state} {run.cause}")
    progress = read_progress(run)
    curve = [round(float(value), 4) for value in progress.curves["mAP50"]]
    return {
        "set": name, "start": start, "seed": seed, "epochs": options.epochs, "imgsz": options.imgsz,
        "batch": options.batch, "pictures": dataset.images, "mAP50": run.metrics["mAP50"],
        "mAP50-95": run.metrics["mAP50-95"], "mAP50 by epoch": curve, "reused": progress.transfer.get("copied"),
        "seconds": run.seconds, "settings": spec.extra,
    }  # fmt: skip


def table(lines: list[dict[str, Any]]) -> str:
    """Return the lines as a table, sets down, starts across."""
    starts = [start for start in ("scratch", "starter", "coco") if any(line["start"] == start for line in lines)]
    rows = ["| set (train / val pictures) | " + " | ".join(starts) + " |", "|---" * (len(starts) + 1) + "|"]
    for name in SETS:
        of_set = [line for line in lines if line["set"] == name]
        if not of_set:
            continue
        cells = []
        for start in starts:
            found = [line for line in of_set if line["start"] == start]
            if not found:
                cells.append("")
                continue
            means = [sum(line[key] for line in found) / len(found) for key in ("mAP50", "mAP50-95")]
            cells.append(f"{means[0]:.3f} / {means[1]:.3f} ({len(found)} seeds)" if len(found) > 1
                         else f"{means[0]:.3f} / {means[1]:.3f}")  # fmt: skip
        counts = of_set[0]["pictures"]
        rows.append(f"| {name} ({counts['train']} / {counts['val']}) | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def main() -> None:
    """Read the options, train what is missing, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--starts", nargs="+", choices=["starter", "coco", "scratch"],
                        default=["starter", "coco", "scratch"])  # fmt: skip
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--imgsz", type=int, default=256)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--starter", type=Path, default=CHECKPOINT)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options.out.touch()
    lines = [json.loads(line) for line in options.out.read_text(encoding="utf-8").splitlines()]
    keys = ("set", "start", "seed", "epochs", "imgsz", "batch")
    made = {tuple(line[key] for key in keys) for line in lines}
    for name in options.sets:
        for start in options.starts:
            for seed in options.seeds:
                if (name, start, seed, options.epochs, options.imgsz, options.batch) in made:
                    continue
                with tempfile.TemporaryDirectory() as folder:
                    line = train(Path(folder), name, start, seed, options)
                lines.append(line)
                with options.out.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(line) + "\n")
                print(name, start, seed, line["mAP50 by epoch"], f"{line['seconds']:.0f} s", flush=True)
    print(f"mAP50 / mAP50-95 on val after {options.epochs} epochs at {options.imgsz} px, yolo26n:")
    print(table(lines))


if __name__ == "__main__":
    main()
