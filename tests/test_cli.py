"""The command line keeps its contract: one JSON object on stdout, exit codes 0, 1 and 2, one clear line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.workspace import Workspace
from tests.tiny import write_yolo_folder

ROOT = Path(__file__).resolve().parents[1]


def graft(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "core", *(str(item) for item in arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=dict(os.environ), check=False)


def answer(*arguments: object) -> dict:
    done = graft(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.xdist_group("training")
def test_import_train_evaluate_predict(workspace: Workspace, tmp_path: Path) -> None:
    folder = write_yolo_folder(tmp_path / "squares")
    dataset = answer("import", folder)
    assert {"id", "name", "task", "format", "images", "classes", "instances", "findings"} <= dataset.keys()
    assert dataset["images"] == {"train": 8, "val": 4, "test": 0}
    assert dataset["instances"] == {"square": 12, "disc": 12}

    run = answer(
        "train",
        dataset["id"],
        "--model",
        "yolo11n",
        "--strategy",
        "scratch",
        "--epochs",
        1,
        "--imgsz",
        32,
        "--batch",
        4,
    )
    assert {"id", "state", "best_epoch", "metrics", "weights", "seconds"} <= run.keys()
    assert run["state"] == "finished"
    assert {"mAP50", "mAP50-95", "precision", "recall"} <= run["metrics"].keys()
    assert Path(run["weights"]).is_file()
    assert [item["id"] for item in answer("runs")["runs"]] == [run["id"]]
    assert answer("show", run["id"])["spec"]["epochs"] == 1

    evaluation = answer("evaluate", run["id"])
    wanted = {"run", "split", "images", "operating_point", "metrics", "per_class", "errors", "calibration", "slices"}
    assert wanted <= evaluation.keys()
    assert {"value", "low", "high"} <= evaluation["metrics"]["mAP50"].keys()
    assert evaluation["metrics"]["mAP50"]["value"] == pytest.approx(run["metrics"]["mAP50"], abs=0.001)

    (folder / "images" / "val" / "broken.png").write_bytes(b"not a picture")
    pictures = answer("predict", run["id"], folder / "images" / "val", "--conf", 0.001)["pictures"]
    assert len(pictures) == 5
    assert [Path(item["file"]).name for item in pictures if item["error"]] == ["broken.png"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "nothing"], "no dataset"),
        (["import", "/nowhere/at/all"], "nowhere"),
        (["show", "nothing"], "no run"),
        (["fly"], "invalid choice"),
        (["predict", "nothing.pt", "."], "no file"),
    ],
)
def test_bad_input_exits_with_2_and_one_line(workspace: Workspace, arguments: list[str], message: str) -> None:
    done = graft(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert message in done.stderr.lower()


@pytest.mark.parametrize(("module", "name"), [("core", "python -m core"), ("core.console", "graft")])
def test_texts_name_the_command_by_what_it_was_called(workspace: Workspace, module: str, name: str) -> None:
    for arguments, advice in ((["show", "nothing"], "runs"), (["import"], "import --help"), (["fly"], "--help")):
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 2
        assert f"`{name} {advice}`" in done.stderr
    shown = subprocess.run(
        [sys.executable, "-m", module, "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert f"{name} " in shown.splitlines()[0]
    assert ("--port" in shown) == (name == "graft")  # the app is opened by `graft` alone
