"""Semantic segmentation from masks to an export: every pixel has a class, and nothing is asked of it that it lacks."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from core.data.checks.checking import check_dataset
from core.data.dataset import Dataset, load_dataset
from core.data.editing.classes import edit_classes
from core.data.importing.from_upload import import_dataset
from core.data.importing.settings import ImportSettings
from core.data.objects import NOT_JUDGED, read_mask, write_mask
from core.delivery.bundle.bundle import make_bundle
from core.delivery.export.exporting import export_run
from core.delivery.notebook.notebook import script_text
from core.delivery.predict.predicting import predict_pictures
from core.delivery.report.report import write_report
from core.errors import InputError
from core.evaluation.compare import compare_evaluations
from core.evaluation.evaluation import evaluate_run
from core.evaluation.figures.results import SplitFigures
from core.evaluation.pixels import judged_pixels, pixel_draws
from core.evaluation.predict.capture import judged_mask, pixel_tables
from core.evaluation.predict.predictions import mask_path
from core.models.catalog import model_for_task, models_for
from core.spec import TrainingSpec
from core.tasks import TASKS
from core.training.runs import get_run, start_run, wait_run
from core.training.store import State
from core.workspace import Workspace
from tests.pages.conftest import open_page, texts
from tests.tiny import write_masks_folder

PIXELS = ImportSettings(task="semantic")


@dataclass(frozen=True)
class Trained:
    workspace: Workspace
    dataset_id: str
    run_id: str


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """One real epoch on squares and discs, from random weights."""
    folder = tmp_path_factory.mktemp("semantic")
    workspace = Workspace.open(folder / "workspace")
    dataset = import_dataset(workspace, write_masks_folder(folder / "scenes"), settings=PIXELS, name="Scenes")
    spec = TrainingSpec(
        dataset=dataset.id, task="semantic", model="yolo26n", strategy="scratch", epochs=1, imgsz=64, batch=4,
        device="cpu",
    )  # fmt: skip
    run = wait_run(workspace, start_run(workspace, spec).id, timeout=240)
    assert run.state is State.FINISHED, run.cause
    return Trained(workspace, dataset.id, run.id)


@pytest.fixture
def trained(once: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trained:
    """A copy for one test."""
    root = tmp_path / "copied"
    shutil.copytree(once.workspace.root, root)
    monkeypatch.setenv("GRAFT_WORKSPACE", str(root))
    return Trained(Workspace.open(root), once.dataset_id, once.run_id)


def write_masks(folder: Path, masks: list[np.ndarray]) -> Path:
    random = np.random.default_rng(0)
    for number, mask in enumerate(masks):
        for kind in ("images", "masks"):
            (folder / kind).mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 255, (*mask.shape, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "images" / f"p{number}.png")
        Image.fromarray(mask.astype(np.uint8)).save(folder / "masks" / f"p{number}.png")
    return folder


def levels(*values: int, side: int = 16) -> np.ndarray:
    """A mask with one band for each level."""
    return np.repeat(np.array(values), side)[:, None].repeat(side * len(values), axis=1)


def test_masks_are_kept_pixel_by_pixel(workspace: Workspace, tmp_path: Path) -> None:
    source = write_masks_folder(tmp_path / "scenes")
    dataset = import_dataset(workspace, source, settings=PIXELS)
    assert (dataset.task, dataset.classes) == ("semantic", ["background", "level 128", "level 255"])
    assert dataset.instances == dict.fromkeys(dataset.classes, 12)
    assert not dataset.errors
    assert yaml.safe_load((dataset.root / "data.yaml").read_text())["masks_dir"] == "masks"
    for file, given in zip(dataset.image_table()["file"], dataset.image_table()["source"], strict=True):
        wanted = np.searchsorted([0, 128, 255], np.asarray(Image.open(source / "masks" / Path(given).name)))
        assert (read_mask(dataset.label_path(file)) == wanted).all()
    assert import_dataset(workspace, source).task == "segment", "without a word masks are still read as outlines"


def test_the_shared_blood_cells_keep_every_pixel(workspace: Workspace, shared: Path) -> None:
    source = shared / "data" / "wbc_masks_150"
    dataset = import_dataset(workspace, source, settings=PIXELS)
    assert sum(dataset.images.values()) == 150
    counted: Any = np.zeros(256, dtype=int)
    for file in dataset.image_table()["file"]:
        counted += np.bincount(read_mask(dataset.label_path(file)).ravel(), minlength=256)
    given: Any = np.zeros(256, dtype=int)
    for path in (source / "masks").glob("*.png"):
        given += np.bincount(np.asarray(Image.open(path)).ravel(), minlength=256)
    assert counted[:3].tolist() == given[[0, 128, 255]].tolist()


def test_255_beside_numbered_levels_is_not_judged(workspace: Workspace, tmp_path: Path) -> None:
    source = write_masks(tmp_path / "void", [levels(0, 1, 2, 255)] * 6)
    dataset = import_dataset(workspace, source, settings=PIXELS)
    assert dataset.classes == ["background", "level 1", "level 2"]
    assert NOT_JUDGED in read_mask(dataset.label_path(dataset.image_table()["file"].iloc[0]))
    assert "task-assumed" in {finding.code for finding in dataset.findings}


def test_pictures_without_a_mask_are_left_out_and_told(workspace: Workspace, tmp_path: Path) -> None:
    source = write_masks(tmp_path / "some", [levels(0, 200 + number % 2) for number in range(6)])
    (source / "masks" / "p5.png").unlink()
    dataset = import_dataset(workspace, source, settings=PIXELS)
    assert sum(dataset.images.values()) == 5
    assert next(item for item in dataset.findings if item.code == "missing-mask").count == 1


def test_a_mask_of_another_size_follows_its_picture(workspace: Workspace, tmp_path: Path) -> None:
    source = write_masks(tmp_path / "sizes", [levels(0, 100)] * 4)
    Image.open(source / "masks" / "p0.png").resize((64, 64), Image.Resampling.NEAREST).save(source / "masks" / "p0.png")
    dataset = import_dataset(workspace, source, settings=PIXELS)
    sizes = {read_mask(dataset.label_path(file)).shape for file in dataset.image_table()["file"]}
    assert sizes == {(32, 32)}
    assert "size-mismatch" in {finding.code for finding in dataset.findings}


def test_labels_without_pixels_are_refused_as_semantic(workspace: Workspace, tmp_path: Path) -> None:
    from tests.tiny import write_yolo_folder

    with pytest.raises(InputError, match="can't be read as semantic"):
        import_dataset(workspace, write_yolo_folder(tmp_path / "boxes"), settings=PIXELS)


def test_classes_can_be_merged_and_dropped(workspace: Workspace, tmp_path: Path) -> None:
    dataset = import_dataset(workspace, write_masks_folder(tmp_path / "scenes"), settings=PIXELS)
    before = dataset.checksum
    first = dataset.label_path(dataset.image_table()["file"].iloc[0])
    was = read_mask(first)
    merged = edit_classes(dataset, {"level 255": "thing", "level 128": "thing"})
    assert merged.classes == ["background", "thing"]
    assert ((read_mask(first) == 1) == (was > 0)).all()
    assert merged.checksum != before
    with pytest.raises(InputError, match="two classes"):
        edit_classes(merged, {"thing": None})
    dropped = edit_classes(edit_classes(merged, {"thing": "a"}), {"background": "ground"})
    assert dropped.classes == ["ground", "a"]
    assert check_dataset(dropped) is not None


def test_a_dropped_class_is_not_judged_any_more(workspace: Workspace, tmp_path: Path) -> None:
    dataset = import_dataset(workspace, write_masks_folder(tmp_path / "scenes"), settings=PIXELS)
    first = dataset.label_path(dataset.image_table()["file"].iloc[0])
    was = read_mask(first)
    edit_classes(dataset, {"level 128": None})
    now = read_mask(first)
    assert (now[was == 1] == NOT_JUDGED).all()
    assert (now[was == 2] == 1).all()


def test_the_catalogue_lists_what_ultralytics_ships() -> None:
    assert [model.name for model in models_for("semantic")] == [f"yolo26{size}-sem" for size in "nsmlx"]
    smallest = model_for_task("yolo26n", "semantic")
    from ultralytics.nn.tasks import SemanticSegmentationModel

    built = SemanticSegmentationModel(smallest.yaml, verbose=False)
    assert smallest.parameters == sum(parameter.numel() for parameter in built.parameters())


def fed(tmp_path: Path, answers: list[np.ndarray], truths: list[np.ndarray]) -> tuple[dict[str, float], SplitFigures]:
    """Feed class maps to Ultralytics' validator; return its figures and Graft's."""
    import torch
    from ultralytics.engine.results import Results

    classes = ["ground", "square", "disc"]
    args = {"task": "semantic", "plots": False, "save_json": False}
    validator: Any = resolve_name(TASKS["semantic"].validator)(args=args, save_dir=tmp_path)
    validator.device = torch.device("cpu")
    validator.init_metrics(type("Model", (), {"names": dict(enumerate(classes))})())
    shape, truth_of = answers[0].shape, torch.tensor(np.stack(truths), dtype=torch.int32)
    validator.update_metrics(torch.tensor(np.stack(answers), dtype=torch.int32), {"semantic_mask": truth_of})
    files = [f"val/p{number}.png" for number in range(len(answers))]
    dataset = Dataset(id="d", name="d", task="semantic", format="masks", classes=classes, images={}, instances={})
    dataset._root = tmp_path / "dataset"
    captured = []
    for file, truth, answer in zip(files, truths, answers, strict=True):
        write_mask(dataset.label_path(file), truth.astype(np.uint8))
        said = Results(
            np.zeros((*shape, 3), np.uint8), file, dict(enumerate(classes)), semantic_mask=torch.tensor(answer)
        )
        captured.append(judged_mask(dataset, file, said, tmp_path / "run"))
    theirs = validator.get_stats()
    per_class = {f"IoU {name}": float(validator.metrics.per_class_iou[index]) for index, name in enumerate(classes)}
    predictions, truth = pixel_tables(captured)
    images = [{"file": file, "width": shape[1], "height": shape[0]} for file in files]
    ours = judged_pixels(predictions, truth, {"classes": classes, "images": images}, [])
    return theirs | per_class, ours


@pytest.mark.parametrize("seed", range(4))
def test_figures_agree_with_ultralytics(tmp_path: Path, seed: int) -> None:
    random = np.random.default_rng(seed)
    truths = [random.choice([0, 1, 2, 255], (48, 40), p=[0.5, 0.3, 0.1, 0.1]) for _ in range(7)]
    answers = [
        np.where(random.random(truth.shape) < 0.7, np.where(truth == 255, 0, truth), random.integers(0, 3, truth.shape))
        for truth in truths
    ]
    if seed == 3:  # a class that is answered and never labelled counts for nothing in the mean
        truths = [np.where(truth == 2, 0, truth) for truth in truths]
    theirs, ours = fed(tmp_path, answers, truths)
    assert ours.metrics["mIoU"].value == pytest.approx(theirs["metrics/mIoU"], abs=0.001)
    assert ours.metrics["pixel_accuracy"].value == pytest.approx(theirs["metrics/pixel_acc"], abs=0.001)
    for name in ("ground", "square"):
        assert ours.per_class[name].figures["IoU"].value == pytest.approx(theirs[f"IoU {name}"], abs=0.001)
    for figure in ours.metrics.values():
        assert 0 <= figure.low <= figure.value <= figure.high <= 1
    assert (read_mask(mask_path(tmp_path / "run", "val/p0.png")) == answers[0]).all()


def test_draws_are_the_figure_over_the_drawn_pictures() -> None:
    counts = np.array([[[8, 2], [0, 10]], [[10, 0], [5, 5]]], dtype=float)
    weights = np.array([[1, 1], [2, 0], [0, 2]], dtype=np.float32)
    overall, by_class = pixel_draws(counts, weights)
    assert by_class["IoU"][0][1] == pytest.approx(8 / 10)
    assert by_class["IoU"][1][1] == pytest.approx(10 / 12)
    assert overall["mIoU"][2] == pytest.approx((10 / 15 + 5 / 10) / 2)
    assert overall["pixel_accuracy"][0] == pytest.approx(33 / 40)


@pytest.mark.slow
def test_a_run_is_judged_as_ultralytics_judges_it(trained: Trained, tmp_path: Path) -> None:
    from ultralytics import YOLO

    run = get_run(trained.workspace, trained.run_id)
    evaluation = evaluate_run(trained.workspace, trained.run_id)
    told = YOLO(run.best_weights).val(
        data=str(load_dataset(trained.workspace, trained.dataset_id).train_data), imgsz=64, rect=False, plots=False,
        verbose=False, workers=0, device="cpu", project=str(tmp_path),
    ).results_dict  # fmt: skip
    assert evaluation.metrics["mIoU"].value == pytest.approx(told["metrics/mIoU"], abs=0.001)
    assert run.metrics["mIoU"] == pytest.approx(told["metrics/mIoU"], abs=0.001)
    assert evaluation.operating_point.confidence is None
    assert evaluation.sentences
    assert "mIoU" in evaluation.sentences[0]
    dataset = load_dataset(trained.workspace, trained.dataset_id)
    for file in evaluation.pictures["file"]:
        assert read_mask(mask_path(run.folder, file)).shape == read_mask(dataset.label_path(file)).shape
    same = compare_evaluations(evaluation, evaluation)
    assert same.metrics["mIoU"].difference.value == 0


@pytest.mark.slow
def test_new_pictures_get_masks_and_shares(trained: Trained, tmp_path: Path) -> None:
    dataset = load_dataset(trained.workspace, trained.dataset_id)
    pictures = [dataset.image_path(file) for file in dataset.image_table()["file"][:2]]
    answer = predict_pictures(trained.workspace, trained.run_id, pictures)
    for entry in answer["pictures"]:
        assert set(entry["shares"]) == set(dataset.classes)
        assert sum(entry["shares"].values()) == pytest.approx(1, abs=0.001)
        assert "mask" not in entry, "pictures have no place in the JSON answer"
    out = tmp_path / "out"
    predict_pictures(trained.workspace, trained.run_id, pictures, out=out)
    assert len(pd.read_csv(out / "pictures.csv")) == 2
    mask = np.asarray(Image.open(out / "masks" / f"{pictures[0].name}.png"))
    shares = answer["pictures"][0]["shares"]
    assert [float((mask == index).mean()) for index in range(3)] == pytest.approx(list(shares.values()), abs=0.001)


@pytest.mark.slow
def test_an_export_is_compared_pixel_by_pixel(trained: Trained) -> None:
    record = export_run(trained.workspace, trained.run_id, "onnx")
    assert record.outcome == "verified", record.reason
    assert record.check is not None
    assert record.check.metric == "mIoU"
    assert record.check.pixels_apart is not None
    assert record.check.pixels_apart < 0.01


@pytest.mark.slow
def test_what_is_not_possible_is_refused_in_a_sentence(trained: Trained, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no bundle"):
        make_bundle(trained.workspace, trained.run_id, tmp_path / "bundle.zip")
    spec = TrainingSpec(
        dataset=trained.dataset_id, task="semantic", model="yolo26n", strategy="scratch", epochs=1,
        teacher=f"run:{trained.run_id}",
    )  # fmt: skip
    with pytest.raises(InputError, match="teacher"):
        start_run(trained.workspace, spec)


@pytest.mark.slow
def test_report_and_notebook_speak_of_pixels(trained: Trained, tmp_path: Path) -> None:
    html = write_report(trained.workspace, trained.run_id, tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Overlap (mIoU)" in html
    assert "Fewest pixels right" in html
    script = script_text(trained.workspace, get_run(trained.workspace, trained.run_id))
    assert '"masks_dir": "masks"' in script
    compile(script, "script.py", "exec")


@pytest.mark.slow
@pytest.mark.parametrize("page", ["dataset.py", "model.py", "training.py", "evaluation.py", "deliver.py", "runs.py"])
def test_pages_show_it(trained: Trained, page: str) -> None:
    app = open_page(page, run=trained.run_id, dataset=trained.dataset_id)
    assert not app.error, [item.value for item in app.error]
    if page == "evaluation.py":
        assert "mIoU" in texts(app)
        assert "Can it be taken at its word?" not in texts(app), "pixels carry no confidence"
    if page == "deliver.py":
        assert "no bundle" in texts(app)


@pytest.mark.slow
def test_the_page_to_try_it_draws_masks(trained: Trained) -> None:
    app = open_page("predict.py", run=trained.run_id)
    app.segmented_control(key="predict_way").set_value("Its own validation pictures").run()
    next(item for item in app.button if item.label.startswith("Take")).click().run()
    assert not app.exception, app.exception
    assert not app.error, [item.value for item in app.error]
    assert any(item.value.startswith("### Every pixel of") for item in app.markdown)
    assert not [item for item in app.slider if item.key and item.key.startswith("predict_line")]
