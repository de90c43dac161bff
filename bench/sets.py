"""What the training benchmarks share: sets and weights (real ones beside the repository, or made up), and trainings."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.data.dataset import Dataset, load_dataset, write_data_yaml
from core.data.importing.from_upload import import_dataset
from core.processes.isolation import MEMORY_IN_LARGE_PAGES, isolated_environment
from core.workspace import Workspace
from tests.tiny import write_yolo_folder

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("GRAFT_SHARED") or ROOT.parent / "shared")
SETS = {
    "bccd": "bccd", "deeppcb": "deeppcb_300", "wbc": "wbc_masks_150", "chest": "chest_xray_pneumonia_800",
}  # fmt: skip
KEYS = {"detect": "metrics/mAP50-95(B)", "classify": "metrics/accuracy_top1"}


def workspace_with(folder: Path, weights: Path | None) -> Workspace:
    """Return a fresh workspace that GRAFT_WORKSPACE names, with links to the checkpoints of a folder."""
    os.environ["GRAFT_WORKSPACE"] = str(folder / "workspace")
    workspace = Workspace.current()
    for path in weights.glob("*.pt") if weights else ():
        (workspace.weights / path.name).symlink_to(path.resolve())
    return workspace


def bring_in(workspace: Workspace, name: str) -> Dataset:
    """Import a set by its name here (SETS, tiny, sample) or a path; with it all weights there are."""
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


def asked_parser(words: str | None, **numbers: int) -> argparse.ArgumentParser:
    """Return what reads the options --set and --model, and those with whole `numbers` and their defaults."""
    parser = argparse.ArgumentParser(description=words, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", default="bccd")
    parser.add_argument("--model", default="yolo26n")
    for name, default in numbers.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=default)
    return parser


@dataclass(frozen=True)
class Bench:
    """A dataset in a workspace of its own, and what its trainings start from and share."""

    scratch: Path
    dataset: Dataset
    asked: argparse.Namespace
    weights: Path
    """of the pre-trained model; where there are none, trainings start from its design alone"""

    def train(self, trainer: str, number: int, **arguments: Any) -> list[dict[str, Any]]:
        """Train once on the CPU with seed `number` and what else is given; return the epochs."""
        name = f"{trainer}{number}"
        shared = {
            "data": str(self.dataset.train_data), "imgsz": self.asked.imgsz, "batch": self.asked.batch,
            "nbs": self.asked.batch, "warmup_epochs": 0.5, "seed": number, "device": "cpu", "workers": 0,
            "plots": False, "verbose": False, "cache": "ram", "project": str(self.scratch), "exist_ok": True,
            "name": name,
        }  # fmt: skip
        start = str(self.weights) if self.weights.is_file() else f"{self.asked.model}.yaml"
        child = {"trainer": trainer, "weights": start, "task": self.dataset.task, "arguments": shared | arguments}
        return train_child(child, self.scratch / name)


@contextmanager
def bench_of(asked: argparse.Namespace) -> Iterator[Bench]:
    """Bring in the set that was asked for, in a scratch folder that is removed at the end."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.open(Path(folder) / "workspace")
        yield Bench(Path(folder), bring_in(workspace, asked.set), asked, workspace.weights / f"{asked.model}.pt")


def train_child(asked: dict[str, Any], out: Path, limit: float | None = None) -> list[dict[str, Any]]:
    """Run bench.trainer_child, at most `limit` seconds of wall time; return its epochs. Raises when it fails."""
    command = [sys.executable, "-m", "bench.trainer_child", json.dumps(asked)]
    log = out.with_suffix(".log")
    environment = isolated_environment()
    if asked["trainer"] == "stock":  # as it is installed
        environment.pop(MEMORY_IN_LARGE_PAGES[0], None)
    began = time.monotonic()
    with log.open("w", encoding="utf-8") as file:
        child = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, env=environment, cwd=ROOT)
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
