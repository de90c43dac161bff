"""How long the evaluation page takes in a real browser with 5,000 pictures and 50,000 objects, predictions stored.

    python bench/evaluation_page.py [PICTURES] [OBJECTS] [PORT]

Needs playwright and /usr/bin/chromium. Prints, on a server that was just started: seconds from the address to the
first headline figure (interactive) and to the last cell, the same in a second browser session, and seconds from a move
of the threshold slider to the moved figures. Aims: interactive in under 2 s, slider in under 0.3 s. The predictions are
those of bench/evaluation_speed.py, the pictures copies of one.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.evaluation_speed import made_up  # noqa: E402
from core.data.dataset import Dataset  # noqa: E402
from core.evaluation.evaluation import evaluate_run  # noqa: E402
from core.evaluation.loading import prepare  # noqa: E402
from core.evaluation.predict.predictions import meta_path, predictions_path, truth_path  # noqa: E402
from core.spec import TrainingSpec  # noqa: E402
from core.training.store import Run, RunStore, State  # noqa: E402
from core.workspace import Workspace  # noqa: E402


def build(root: Path, pictures: int, objects: int) -> str:
    """Make a workspace with a dataset, a run and its stored predictions; return the run's id."""
    workspace = Workspace.open(root)
    predictions, truth, meta = made_up(pictures, objects)
    home = workspace.datasets / "large"
    (home / "images" / "val").mkdir(parents=True)
    (home / "labels" / "val").mkdir(parents=True)
    first = home / "images" / "first.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (640, 640, 3), dtype=np.uint8)).save(first)
    for item in meta["images"]:
        os.link(first, home / "images" / item["file"])
    table = pd.DataFrame(meta["images"]).assign(split="val", source="a.jpg", objects=10, phash="", bits=8)
    table["sha256"] = [hashlib.sha256(file.encode()).hexdigest() for file in table["file"]]
    table.to_parquet(home / "images.parquet")
    dataset = Dataset(id="large", name="large", task="detect", format="yolo", classes=meta["classes"],
                      images={"train": 0, "val": pictures, "test": 0}, instances={}, checksum="c")  # fmt: skip
    dataset._root = home
    dataset.save()
    spec = TrainingSpec(dataset="large", task="detect", model="yolo11n")
    run = Run(
        id="large-run", name="large run", state=State.FINISHED, dataset="large", dataset_name="large", task="detect",
        model="yolo11n", strategy="fine-tune", device="cpu", created=datetime.now(UTC),
    )  # fmt: skip
    folder = workspace.run(run.id)
    weights = folder / "train" / "weights" / "best.pt"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(os.urandom(6_000_000))
    (folder / "spec.json").write_text(spec.model_dump_json())
    RunStore(workspace).add(run)
    (folder / "evaluation").mkdir()
    predictions.to_parquet(predictions_path(folder, "val"), index=False)
    truth.to_parquet(truth_path(folder, "val"), index=False)
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    meta |= {"split": "val", "imgsz": 640, "weights_sha256": digest, "dataset_checksum": "c", "results": {}}
    meta_path(folder, "val").write_text(json.dumps(meta))
    prepare(folder, "val")  # the child that predicts ends with this
    return run.id


def main() -> None:
    """Print the times."""
    from playwright.sync_api import Page, expect, sync_playwright

    pictures, objects, port = (int(value) for value in (*sys.argv[1:4], 5000, 50000, 8642)[:3])
    with tempfile.TemporaryDirectory() as scratch:
        run_id = build(Path(scratch) / "ws", pictures, objects)
        begun = time.perf_counter()
        evaluate_run(Workspace.open(Path(scratch) / "ws"), run_id)
        print(f"evaluate_run in Python: {time.perf_counter() - begun:.2f} s, load {os.getloadavg()[0]:.1f}")
        server = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port", str(port)],
            cwd=ROOT, env={**os.environ, "GRAFT_WORKSPACE": str(Path(scratch) / "ws")},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            _wait(port)
            with sync_playwright() as play:
                browser = play.chromium.launch(
                    executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
                )

                def opened(words: str) -> Page:
                    page = browser.new_context(viewport={"width": 1280, "height": 1000}).new_page()
                    start = time.perf_counter()
                    page.goto(f"http://127.0.0.1:{port}/evaluation?run={run_id}")
                    page.get_by_test_id("stMetricValue").first.wait_for(timeout=60_000)
                    figures = time.perf_counter() - start
                    page.get_by_role("button", name="Try it on new pictures").wait_for(timeout=60_000)
                    print(f"{words}: first figures {figures:.2f} s, last cell {time.perf_counter() - start:.2f} s")
                    return page

                browser.new_page().goto(f"http://127.0.0.1:{port}/")
                opened("first session")
                page = opened("second session")
                page.wait_for_timeout(3000)
                slider = page.get_by_role("slider").last
                metric = page.get_by_test_id("stMetricValue").first
                for _ in range(4):
                    before = metric.inner_text()
                    slider.focus()
                    for _ in range(30):
                        page.keyboard.press("ArrowRight")
                    start = time.perf_counter()
                    expect(metric).not_to_have_text(before, timeout=20_000)
                    print(f"slider to moved figure: {time.perf_counter() - start:.2f} s "
                          f"({before} -> {metric.inner_text()}), load {os.getloadavg()[0]:.1f}")  # fmt: skip
                    page.wait_for_timeout(3000)
                browser.close()
        finally:
            server.terminate()
            server.wait(10)


def _wait(port: int) -> None:
    for _ in range(200):
        try:
            if urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1).read() == b"ok":
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the server did not start")


if __name__ == "__main__":
    main()
