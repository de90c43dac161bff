"""The bundle: what is in it stands alone and answers as Graft does."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.delivery.bundle.bundle import make_bundle
from core.delivery.predict.predicting import predict_pictures
from core.ultralytics.clean_checkpoint import without_paths
from tests.delivery.picture_kinds import write_kinds
from tests.delivery.trained_run import Trained


@pytest.mark.slow
def test_both_scripts_answer_as_graft_does(trained_copy: Trained, tmp_path: Path) -> None:
    made = make_bundle(trained_copy.workspace, trained_copy.run_id, tmp_path / "bundle.zip")
    assert made["without"] == ""
    with zipfile.ZipFile(tmp_path / "bundle.zip") as archive:
        archive.extractall(tmp_path)
    folder = tmp_path / trained_copy.run_id
    names = {"README.md", "SHA256SUMS", "model.json", "model.onnx", "model.pt", "predict.py", "predict_onnx.py"}
    assert {path.name for path in folder.iterdir()} == names | {"pictures"}
    assert set(made["files"]) == names - {"SHA256SUMS"} | {
        f"pictures/{path.name}" for path in (folder / "pictures").iterdir()
    }
    for line in (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    place = str(trained_copy.workspace.root).encode()
    with zipfile.ZipFile(folder / "model.pt") as inside:
        assert not any(place in inside.read(name) for name in inside.namelist())
    assert all(place not in (folder / name).read_bytes() for name in names)

    settings = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    assert settings["window"] == {"kind": "auto", "low": 0.0, "high": 0.0, "name": "auto"}
    settings["confidence"] = 0.0005  # an untrained model is sure of nothing
    (folder / "model.json").write_text(json.dumps(settings), encoding="utf-8")
    images = next((trained_copy.workspace.datasets).iterdir()) / "images" / "val"
    pictures = sorted(images.glob("*.png"))[:2]
    with Image.open(pictures[0]) as image:
        kinds = write_kinds(tmp_path / "kinds", np.asarray(image.convert("RGB")))
    odd = ("grey16.png", "see-through.png", "turned.jpg", "print.jpg", "scan.dcm", "pages.tif")
    pictures += [path for path in kinds if path.name in odd]
    expected = predict_pictures(trained_copy.workspace, trained_copy.run_id, pictures, confidence=0.0005)["pictures"]
    for script in ("predict.py", "predict_onnx.py"):
        said = subprocess.run(
            [sys.executable, script, *map(str, pictures), str(tmp_path / "gone.png")],
            cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert said.returncode == 2
        assert "gone.png can't be read" in said.stderr
        answers = [json.loads(line) for line in said.stdout.splitlines() if line.startswith("{")]
        assert [(answer["file"], answer["page"]) for answer in answers] == [
            (str(path), page) for path in pictures for page in range(1, 3 if path.name == "pages.tif" else 2)
        ]
        for answer, truth in zip(answers, expected, strict=True):
            assert len(answer["objects"]) == len(truth["objects"]) > 0
            for mine in answer["objects"]:  # answers that are equally sure may stand in another order
                assert any(
                    mine["class"] == theirs["class"]
                    and mine["box"] == pytest.approx(theirs["box"], abs=0.05)
                    and mine["confidence"] == pytest.approx(theirs["confidence"], abs=1e-4)
                    for theirs in truth["objects"]
                ), (script, mine)


def test_paths_are_cut_to_their_last_part() -> None:
    values = {"data": "/home/mueller/set/data.yaml", "model": "C:\\x\\yolo.pt", "lr0": 0.01, "name": "train"}
    assert without_paths(values, "My set") == {"data": "My set", "model": "yolo.pt", "lr0": 0.01, "name": "train"}
