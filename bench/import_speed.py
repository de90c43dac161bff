"""Time an import of many pictures against `unzip` and Ultralytics' own label scan, in one run.

    python bench/import_speed.py                 # 10,000 JPEGs of 640 x 640 with YOLO labels in one zip
    python bench/import_speed.py --count 1000    # a quick look

Each part runs in a process of its own; the peak memory is that process's and its children's. Ultralytics' import of
torch is not counted. Graft's import does more than the baseline: it decodes every picture, hashes it, looks for copies
across the split and checks the labels.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]

IMPORT = """
import json, sys, time
from pathlib import Path
from core.data.importing.from_upload import import_dataset
from core.workspace import Workspace
stages = {}
def note(progress):
    stages.setdefault(progress.stage, time.perf_counter())
start = time.perf_counter()
dataset = import_dataset(Workspace.open(sys.argv[2]), Path(sys.argv[1]), progress=note)
end = time.perf_counter()
marks = [*stages.values(), end]
# VmHWM counts from the start of this program (ru_maxrss would carry the bench's own peak); an import has no children.
status = Path("/proc/self/status").read_text()
peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
parts = {name: round(after - before, 2) for name, before, after in zip(stages, marks, marks[1:])}
codes = {item.code: item.count for item in dataset.findings}
print(json.dumps({"seconds": end - start, "peak_mb": peak, "images": dataset.images, "stages": parts, "codes": codes}))
"""

SCAN = """
import json, sys, time
from pathlib import Path
from ultralytics.data.dataset import YOLODataset
from ultralytics.utils import DEFAULT_CFG
root = Path(sys.argv[1])
data = {"names": {0: "a", 1: "b", 2: "c"}, "nc": 3, "channels": 3}
start = time.perf_counter()
for split in ("train", "val"):
    YOLODataset(img_path=str(root / "images" / split), data=data, task="detect", imgsz=640, augment=False)
print(json.dumps({"seconds": time.perf_counter() - start}))
"""


def make_zip(path: Path, count: int, seed: int = 0) -> None:
    """Write `count` different pictures (soft shading, boxes, grain) with one to five boxes each."""
    random = np.random.default_rng(seed)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        packed.writestr("data.yaml", "train: images/train\nval: images/val\nnames: [a, b, c]\n")
        grain = random.integers(-12, 12, (700, 700, 1), dtype=np.int16)
        for number in range(count):
            cells = random.integers(30, 226, (9, 9, 3), dtype=np.uint8)
            shade = np.asarray(Image.fromarray(cells).resize((640, 640), Image.Resampling.BICUBIC)).astype(np.int16)
            y, x = random.integers(0, 60, 2)
            shade = shade + grain[y : y + 640, x : x + 640]
            rows = []
            for _ in range(int(random.integers(1, 6))):
                left, top = (int(value) for value in random.integers(0, 500, 2))
                width, height = (int(value) for value in random.integers(30, 130, 2))
                shade[top : top + height, left : left + width] = random.integers(0, 256, 3)
                box = (left + width / 2) / 640, (top + height / 2) / 640, width / 640, height / 640
                rows.append(f"{int(random.integers(0, 3))} " + " ".join(f"{value:.6f}" for value in box))
            buffer = BytesIO()
            Image.fromarray(np.clip(shade, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=85)
            split = "val" if number % 5 == 0 else "train"
            packed.writestr(f"images/{split}/{number:06d}.jpg", buffer.getvalue())
            packed.writestr(f"labels/{split}/{number:06d}.txt", "\n".join(rows) + "\n")


def child(code: str, *arguments: str) -> dict[str, object]:
    """Run code in a fresh interpreter and return the JSON of its last line."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "YOLO_OFFLINE": "1", "YOLO_VERBOSE": "False"}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def main() -> None:
    """Make the set, time both ways, print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--count", type=int, default=10_000, help="pictures (default 10,000)")
    parser.add_argument("--folder", type=Path, help="where to work (default: a temporary folder)")
    parsed = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=parsed.folder) as name:
        folder = Path(name)
        archive = folder / "set.zip"
        make_zip(archive, parsed.count)
        with archive.open("rb") as file:  # both ways start with the archive in the page cache
            while file.read(1 << 24):
                pass
        start = time.perf_counter()
        target = folder / "unzipped"
        if shutil.which("unzip"):
            subprocess.run(["unzip", "-q", str(archive), "-d", str(target)], check=True)
        else:
            shutil.unpack_archive(archive, target)
        unzip = time.perf_counter() - start
        scan = float(str(child(SCAN, str(target))["seconds"]))
        ours = child(IMPORT, str(archive), str(folder / "workspace"))
    seconds = float(str(ours["seconds"]))
    report = {
        "count": parsed.count,
        "cores": os.cpu_count(),
        "unzip_seconds": round(unzip, 2),
        "scan_seconds": round(scan, 2),
        "import_seconds": round(seconds, 2),
        "ratio": round(seconds / (unzip + scan), 2),
        "peak_mb": round(float(str(ours["peak_mb"]))),
        "stages": ours["stages"],
        "findings": ours["codes"],
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
