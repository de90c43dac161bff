"""The bundle: what is in it stands alone and answers as Graft does."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data.reading.shapes import decode_runs
from core.delivery.bundle.bundle import FILES, make_bundle, write_reader
from core.delivery.predict.predicting import predict_pictures
from core.ultralytics.clean_checkpoint import without_paths
from tests.conftest import ROOT
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


FOUND = """
import json, sys
from core.ultralytics.offline import enter_isolation
enter_isolation()
from ultralytics import YOLO
from core.delivery.predict.model.answering import described
print(json.dumps(described(YOLO(sys.argv[1]).predict(sys.argv[2], imgsz=320, conf=0.25, iou=0.7, verbose=False)[0])))
"""


@pytest.mark.slow
@pytest.mark.parametrize(("model", "part"), [("yolo11n-seg", "polygon"), ("yolo11n-pose", "keypoints")])
def test_outlines_and_key_points_are_told_too(shared: Path, tmp_path: Path, model: str, part: str) -> None:
    picture = next((shared / "data" / "coco8-pose" / "images" / "val").glob("*.jpg"))
    weights = shared / "weights" / f"{model}.pt"
    said = subprocess.run([sys.executable, "-c", FOUND, weights, picture], cwd=ROOT, capture_output=True, check=True)
    expected = json.loads(said.stdout.splitlines()[-1])["objects"]
    write_reader(tmp_path / "pictures")
    shutil.copy(FILES / "predict.py", tmp_path)
    shutil.copy(weights, tmp_path / "model.pt")
    window = {"kind": "auto", "low": 0.0, "high": 0.0, "name": "auto"}
    settings = {"task": model.split("-")[1].replace("seg", "segment"), "imgsz": 320, "confidence": 0.25,
                "nms_iou": 0.7, "max_det": 300, "window": window}  # fmt: skip
    (tmp_path / "model.json").write_text(json.dumps(settings), encoding="utf-8")
    run = subprocess.run([sys.executable, "predict.py", picture], cwd=tmp_path, capture_output=True, check=True)
    found = json.loads(run.stdout)["objects"]
    assert len(found) == len(expected) > 0
    for mine, theirs in zip(found, expected, strict=True):
        assert mine["class"] == theirs["class"]
        assert np.array(mine[part]) == pytest.approx(np.array(theirs[part]), abs=0.01)


@pytest.mark.parametrize("mask", [[[0, 1, 1], [0, 0, 1]], [[1, 1], [0, 1]], [[0, 0]], [[1]]])
def test_a_mask_is_told_as_coco_writes_it(tmp_path: Path, mask: list[list[int]]) -> None:
    write_reader(tmp_path / "pictures")
    told = f"import json, numpy; from pictures import run_lengths; print(json.dumps(run_lengths(numpy.array({mask}))))"
    run = subprocess.run([sys.executable, "-c", told], cwd=tmp_path, capture_output=True, check=True)
    written = json.loads(run.stdout)
    assert decode_runs(written["counts"], *written["size"]).astype(int).tolist() == mask


@pytest.mark.parametrize(("line", "first"), [(None, "ill"), (0.6, "ill"), (0.61, "well")])
def test_a_classified_picture_is_told_by_its_line(tmp_path: Path, line: float | None, first: str) -> None:
    write_reader(tmp_path / "pictures")
    found = [{"class": "ill", "confidence": 0.6}, {"class": "well", "confidence": 0.4}]
    settings = {"positive": "ill" if line else None, "confidence": line or 0.0}
    told = f"from pictures import named_first; print(named_first({found}, {settings})[0]['class'])"
    run = subprocess.run([sys.executable, "-c", told], cwd=tmp_path, capture_output=True, check=True, text=True)
    assert run.stdout.strip() == first


def test_paths_are_cut_to_their_last_part() -> None:
    values = {"data": "/home/mueller/set/data.yaml", "model": "C:\\x\\yolo.pt", "lr0": 0.01, "name": "train"}
    assert without_paths(values, "My set") == {"data": "My set", "model": "yolo.pt", "lr0": 0.01, "name": "train"}
