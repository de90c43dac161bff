"""A trained model on new pictures: the warm child, the line, what is written, what is refused."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.delivery.predict.drawing import draw_on
from core.delivery.predict.model.chosen_model import ChosenModel, choose_model
from core.delivery.predict.model.warm import WarmPredictor
from core.delivery.predict.predicting import find_pictures, predict_picture, predict_pictures
from core.delivery.predict.results import ResultWriter, at_limit, counted, entry_words
from core.errors import InputError
from core.evaluation.figures.operating_point import save_operating_point
from core.processes.isolation import isolated_environment
from core.training.keeping import keep_run
from core.workspace import Workspace
from tests.delivery.trained_run import Trained
from tests.models.test_weights import write_hostile_checkpoint

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def warm() -> Iterator[WarmPredictor]:
    predictor = WarmPredictor()
    yield predictor
    predictor.close()


def own_pictures(trained: Trained) -> list[Path]:
    return sorted((trained.workspace.dataset(trained.run.dataset) / "images" / "val").glob("*.png"))


def graft(*arguments: object, workspace: Workspace) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "core", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "GRAFT_WORKSPACE": str(workspace.root)},
        timeout=120,
    )


def save_untrained(name: str, path: Path) -> Path:
    """Write a checkpoint with random weights."""
    code = "import sys; from ultralytics import YOLO; YOLO(sys.argv[1]).save(sys.argv[2])"
    subprocess.run([sys.executable, "-c", code, name, str(path)], check=True, env=isolated_environment())
    return path


@pytest.mark.slow
def test_moving_the_line_gives_what_asking_again_would(trained: Trained, warm: WarmPredictor) -> None:
    model, picture = choose_model(trained.workspace, trained.run_id), own_pictures(trained)[0]
    low = predict_picture(warm, model, picture, 0.0005)[0]
    scores = [item["confidence"] for item in low["objects"]]
    line = (max(scores) + min(scores)) / 2
    asked = predict_picture(warm, model, picture, line)[0]["objects"]
    assert 0 < len(asked) < len(scores)
    assert counted(low, line) == asked


def test_reaching_the_limit_of_findings_is_said() -> None:
    found = [{"class": "pit", "class_id": 0, "confidence": sure, "box": [0, 0, 9, 9]} for sure in (0.9, 0.8, 0.1)]
    entry = {"file": "a.png", "page": 1, "width": 9, "height": 9, "error": None, "objects": found, "max_det": 3}
    assert at_limit(entry)
    assert not at_limit(entry, 0.5), "of those above the line none was cut off"
    assert "there may be more" in entry_words(entry)
    assert entry_words(entry, 0.5) == "2 pit"
    assert not at_limit({**entry, "max_det": 4})


@pytest.mark.slow
def test_a_killed_child_is_replaced_and_the_question_answered(trained: Trained, warm: WarmPredictor) -> None:
    model, picture = choose_model(trained.workspace, trained.run_id), own_pictures(trained)[0]
    before = predict_picture(warm, model, picture, 0.001)
    first = warm.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while warm.pid is not None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert predict_picture(warm, model, picture, 0.001) == before
    assert warm.pid not in (None, first)


@pytest.mark.slow
def test_one_child_serves_different_models_in_turn(trained: Trained, warm: WarmPredictor, tmp_path: Path) -> None:
    run = choose_model(trained.workspace, trained.run_id)
    classes = save_untrained("yolo11n-cls.yaml", tmp_path / "sorter.pt")
    sorter = choose_model(trained.workspace, str(classes))
    picture = own_pictures(trained)[0]
    assert warm.ask("load", run)["task"] == "detect"
    child = warm.pid
    assert len(predict_picture(warm, sorter, picture, 0.1)[0]["probabilities"]) == 1000
    assert "probabilities" not in predict_picture(warm, run, picture, 0.1)[0]
    assert warm.pid == child


@pytest.mark.slow
def test_a_hostile_checkpoint_is_refused_by_the_command_and_the_warm_child(
    trained: Trained, warm: WarmPredictor, tmp_path: Path
) -> None:
    hostile, marker = tmp_path / "hostile.pt", tmp_path / "it-ran"
    write_hostile_checkpoint(hostile, marker)
    picture = own_pictures(trained)[0]
    done = graft("predict", hostile, picture, workspace=trained.workspace)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert "could run commands" in done.stderr
    with pytest.raises(InputError, match="could run commands"):
        warm.ask("load", choose_model(trained.workspace, str(hostile)))
    assert not marker.exists()
    model = choose_model(trained.workspace, trained.run_id)
    assert predict_picture(warm, model, picture, 0.1)[0]["error"] is None, "the child goes on after a refusal"


@pytest.mark.slow
def test_an_unknown_architecture_gets_one_clear_line(trained: Trained, tmp_path: Path) -> None:
    code = (
        "import sys, torch\n"
        "class Model(torch.nn.Module): pass\n"
        "Model.__module__ = 'somewhere.nets'\n"
        "sys.modules['somewhere'] = sys.modules['somewhere.nets'] = sys.modules['__main__']\n"
        "torch.save({'model': Model(), 'epoch': 1}, sys.argv[1])\n"
    )
    strange = tmp_path / "strange.pt"
    subprocess.run([sys.executable, "-c", code, str(strange)], check=True)
    done = graft("predict", strange, own_pictures(trained)[0], workspace=trained.workspace)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "strange.pt is refused" in done.stderr


@pytest.mark.slow
def test_the_command_writes_a_line_for_every_picture(trained: Trained, tmp_path: Path) -> None:
    given, out = tmp_path / "given", tmp_path / "out"
    (given / "deeper").mkdir(parents=True)
    for number, picture in enumerate(own_pictures(trained)):
        (given / ("deeper" if number % 2 else ".") / picture.name).write_bytes(picture.read_bytes())
    (given / "broken.jpg").write_bytes(b"not a picture")
    done = graft("predict", trained.run_id, given, "--conf", 0.001, "--out", out, workspace=trained.workspace)
    assert done.returncode == 0, done.stderr
    with (out / "pictures.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert sorted(row["file"] for row in rows) == sorted(item.name for item in find_pictures([given]))
    assert "distance" not in rows[0], "four validation pictures are too few to say what is unlike them"
    broken = next(row for row in rows if row["file"] == "broken.jpg")
    assert "can't be read: cannot identify" in broken["error"]
    coco = json.loads((out / "coco.json").read_text(encoding="utf-8"))
    assert len(coco["images"]) == len(rows) - 1
    found = {row["file"]: int(row["found"]) for row in rows if not row["error"]}
    names = {image["id"]: image["file_name"] for image in coco["images"]}
    assert sum(found.values()) == len(coco["annotations"])
    assert all(
        sum(names[item["image_id"]] == name for item in coco["annotations"]) == number for name, number in found.items()
    )
    assert "broken.jpg: can't be read" in done.stdout


def test_the_line_and_the_window_come_from_the_run(trained_copy: Trained) -> None:
    plain = choose_model(trained_copy.workspace, trained_copy.run_id)
    save_operating_point(trained_copy.run.folder, 0.123, chosen_on="val")
    path = trained_copy.workspace.dataset(trained_copy.run.dataset) / "dataset.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"window_setting": "auto"', '"window_setting": "0,4095"'))
    chosen = choose_model(trained_copy.workspace, trained_copy.run_id)
    assert chosen.imgsz == 64
    assert (chosen.confidence, chosen.chosen_line, chosen.window) == (0.123, True, "0,4095")
    assert "0.123" in chosen.words()
    assert plain.window == "auto"


@pytest.mark.slow
def test_a_deep_picture_is_windowed_as_in_training(trained_copy: Trained, warm: WarmPredictor, tmp_path: Path) -> None:
    ramp = np.linspace(0, 4095, 64 * 64).reshape(64, 64).astype(np.uint16)
    Image.fromarray(ramp).save(tmp_path / "deep.png")
    shown = np.clip(np.rint(ramp * (255 / 4095)), 0, 255).astype(np.uint8)
    Image.fromarray(shown).save(tmp_path / "eight.png")
    model = choose_model(trained_copy.workspace, trained_copy.run_id)
    windowed = ChosenModel(model.name, model.title, model.weights, model.imgsz, window="0,4095")
    deep = predict_picture(warm, windowed, tmp_path / "deep.png", 0.0005)[0]["objects"]
    assert deep == predict_picture(warm, model, tmp_path / "eight.png", 0.0005)[0]["objects"]
    assert deep


def test_bad_sources_and_lines_are_refused(trained_copy: Trained, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match="no file or folder"):
        predict_pictures(trained_copy.workspace, trained_copy.run_id, [tmp_path / "nowhere"])
    with pytest.raises(InputError, match="No picture found"):
        find_pictures([empty])
    with pytest.raises(InputError, match="not between 0 and 1"):
        predict_pictures(trained_copy.workspace, trained_copy.run_id, own_pictures(trained_copy), confidence=1.5)


ENTRY = {
    "file": "a.png", "page": 1, "width": 100, "height": 50, "error": None,
    "objects": [
        {"class": "disc", "class_id": 1, "confidence": 0.9, "box": [10, 10, 30, 30],
         "polygon": [[10, 10], [30, 10], [30, 30], [10, 30]]},
        {"class": "square", "class_id": 0, "confidence": 0.2, "box": [60, 10, 80, 30]},
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("line", "layers", "left", "right"),
    [
        (0.1, ("boxes",), True, True),
        (0.5, ("boxes",), True, False),  # the second falls below the line
        (0.5, ("masks",), True, False),
        (0.1, (), False, False),  # no layer, nothing drawn
    ],
)
def test_only_what_reaches_the_line_is_drawn(line: float, layers: tuple[str, ...], left: bool, right: bool) -> None:
    picture = Image.new("RGB", (400, 200), "grey")
    draw_on(picture, ENTRY, line, layers)
    changed = (np.asarray(picture) != 128).any(axis=2)
    assert bool(changed[:, :200].any()) is left
    assert bool(changed[:, 200:].any()) is right


def test_a_mask_is_filled_and_a_box_is_not() -> None:
    for layer, filled in (("masks", True), ("boxes", False)):
        picture = Image.new("RGB", (400, 200), "grey")
        draw_on(picture, ENTRY, 0.5, (layer,))
        assert (picture.getpixel((80, 80)) != (128, 128, 128)) is filled


def test_the_distance_has_its_columns_only_where_there_is_one(tmp_path: Path) -> None:
    for name, marked in (("with", True), ("without", False)):
        with ResultWriter(tmp_path / name, ["square", "disc"], distances=marked) as writer:
            writer.add(ENTRY | ({"distance": 1.2, "unlike": True} if marked else {}))
            writer.add(ENTRY | {"file": "b.png", "objects": [], "error": "can't be read: damaged"})
        assert writer.unlike == marked
        with (tmp_path / name / "pictures.csv").open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert [(row.get("distance"), row.get("unlike")) for row in rows] == (
            [("1.2", "yes"), ("", "")] if marked else [(None, None), (None, None)]
        )


def test_coco_boxes_have_width_and_height_and_the_area_of_the_outline(tmp_path: Path) -> None:
    with ResultWriter(tmp_path, ["square", "disc"]) as writer:
        writer.add(ENTRY)
        writer.add(ENTRY | {"file": "b.png", "objects": [], "error": "can't be read: damaged"})
    coco = json.loads((tmp_path / "coco.json").read_text())
    assert [item["name"] for item in coco["categories"]] == ["square", "disc"]
    disc = coco["annotations"][0]
    assert disc["bbox"] == [10, 10, 20, 20]
    assert disc["area"] == 400
    assert disc["category_id"] == 2
    assert [image["file_name"] for image in coco["images"]] == ["a.png"]
    assert entry_words(ENTRY, 0.5) == "1 disc"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["coco.json", "objects.csv", "pictures.csv"]


@pytest.mark.slow
def test_a_kept_model_keeps_its_size_and_line(trained_copy: Trained, warm: WarmPredictor) -> None:
    save_operating_point(trained_copy.run.folder, 0.02, chosen_on="val")
    kept = keep_run(trained_copy.workspace, trained_copy.run_id)
    run, model = (
        choose_model(trained_copy.workspace, trained_copy.run_id),
        choose_model(trained_copy.workspace, f"library:{kept.id}"),
    )
    assert (model.imgsz, model.confidence, model.window, model.is_run) == (run.imgsz, 0.02, run.window, False)
    picture = own_pictures(trained_copy)[0]
    found = [predict_picture(warm, chosen, picture, 0.001)[0]["objects"] for chosen in (run, model)]
    assert found[0] == found[1]
    assert found[0]
