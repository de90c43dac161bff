"""The sets and weights that the training benchmarks share: real ones beside the repository, or made-up squares."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from core.data.dataset import Dataset, load_dataset, write_data_yaml
from core.data.importing import import_dataset
from core.models.isolation import isolated_environment
from core.workspace import Workspace
from tests.tiny import write_yolo_folder

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("GRAFT_SHARED") or ROOT.parent / "shared")
SETS = {"bccd": "bccd", "deeppcb": "deeppcb_300", "chest": "chest_xray_pneumonia_800"}
KEYS = {"detect": "metrics/mAP50-95(B)", "classify": "metrics/accuracy_top1"}


def bring_in(workspace: Workspace, name: str) -> Dataset:
    """Import a set by its name here (bccd, deeppcb, chest, tiny, sample) or a path; with it all weights there are."""
    for weights in sorted((SHARED / "weights").glob("*.pt")):
        if not (workspace.weights / weights.name).exists():
            shutil.copyfile(weights, workspace.weights / weights.name)
    if name == "tiny":
        source = write_yolo_folder(workspace.root / "tiny", 16, 8, 64)
    elif name == "sample":
        source = ROOT / "sample_data" / "surface_defects.zip"
    else:
        source = SHARED / "data" / SETS[name] if name in SETS else Path(name)
    dataset = load_dataset(workspace, import_dataset(workspace, source, name=name).id)
    write_data_yaml(dataset)
    return dataset


def train_child(asked: dict[str, Any], out: Path, limit: float | None = None) -> list[dict[str, Any]]:
    """Run bench.trainer_child, at most `limit` seconds of wall time; return its epochs. Raises when it fails."""
    command = [sys.executable, "-m", "bench.trainer_child", json.dumps(asked)]
    log = out.with_suffix(".log")
    began = time.monotonic()
    with log.open("w", encoding="utf-8") as file:
        child = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, env=isolated_environment(), cwd=ROOT)
        try:
            code = child.wait(limit)
        except subprocess.TimeoutExpired:
            code = 0  # the time is up: what it reached until then counts
        finally:
            child.kill()
            child.wait()
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    if code:
        raise RuntimeError(f"the training failed after {time.monotonic() - began:.0f} s:\n" + "\n".join(lines[-15:]))
    return [json.loads(line.removeprefix("EPOCH ")) for line in lines if line.startswith("EPOCH ")]
