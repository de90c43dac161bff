"""Each question answered for real, as small as it goes: the curve, what transfer bought, a new product, a search."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from core.data.dataset import Dataset, list_datasets, load_dataset
from core.data.importing.from_upload import import_dataset
from core.errors import InputError
from core.lab.cost import estimate
from core.lab.experiment import CurveSettings, ProductSettings, Status, TransferSettings, TuneSettings
from core.lab.jobs import start_experiment
from core.spec import TrainingSpec
from core.strategies.scratch import SCRATCH
from core.training.runs import get_run, list_runs, start_run, wait_run
from core.training.store import Run, State
from core.workspace import Workspace
from tests.lab.conftest import ENOUGH, ended
from tests.tiny import write_yolo_folder

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("lab")]
TINY: dict[str, Any] = {"epochs": 1, "imgsz": 32, "batch": 4, "device": "cpu", "seeds": 1}


@pytest.fixture(scope="module")
def source(lab: Workspace, tiny: Dataset) -> Run:
    """A trained model, which also serves as the pre-trained yolo11n."""
    spec = TrainingSpec(
        dataset=tiny.id, task="detect", model="yolo11n", strategy=SCRATCH, epochs=1, imgsz=32, batch=4,
        device="cpu",
    )  # fmt: skip
    run = wait_run(lab, start_run(lab, spec).id, ENOUGH)
    assert run.state is State.FINISHED
    assert run.best_weights is not None
    shutil.copy(run.best_weights, lab.weights / "yolo11n.pt")
    return run


def answer(lab: Workspace, dataset: Dataset, settings: Any) -> Status:
    cost = estimate(lab, dataset, settings)
    assert cost.trainings >= 1
    assert cost.seconds > 1
    return ended(lab, start_experiment(lab, dataset.id, settings)).status


def test_the_curve(lab: Workspace, source: Run, tmp_path) -> None:
    many = import_dataset(lab, write_yolo_folder(tmp_path / "set", train=16), name="Sixteen")
    before = {item.id for item in list_datasets(lab, with_parts=True)}
    status = answer(lab, many, CurveSettings(model="yolo11n", parts=3, same_steps=False, **TINY))
    assert [point["pictures"] for point in status.result["points"]] == [4, 8, 16]
    assert status.result["curve"]["pictures"][-1] == pytest.approx(64)
    assert status.sentences
    assert {item.id for item in list_datasets(lab, with_parts=True)} == before, "the parts are gone again"


def test_what_transfer_bought(lab: Workspace, tiny: Dataset, source: Run) -> None:
    settings = TransferSettings(
        model="yolo11n", patience_with_scratch=2, **TINY | {"device": "auto"}
    )  # what the page asks for
    status = answer(lab, tiny, settings)
    with_it, without = status.result["ways"]
    assert (len(with_it["curve"]["values"]), len(without["curve"]["values"])) == (1, 2)
    assert status.result["zero_shot"]["classes"] == {"square": "square", "disc": "disc"}
    assert "zero-shot" in " ".join(status.sentences)
    with pytest.raises(InputError, match="another strategy"):
        start_experiment(lab, tiny.id, settings.model_copy(update={"strategy": SCRATCH}))


def test_a_new_product(lab: Workspace, tiny: Dataset, source: Run, tmp_path) -> None:
    folder = write_yolo_folder(tmp_path / "new", train=6, val=3)
    (folder / "data.yaml").write_text("path: .\ntrain: images/train\nval: images/val\nnames: [square, crack]\n")
    new = import_dataset(lab, folder, name="New product")
    status = answer(lab, new, ProductSettings(run=source.id, **TINY))
    assert [row["name"] for row in status.result["figures"]] == [
        "old pictures, before", "old pictures, after", "new pictures, before", "new pictures, after",
    ]  # fmt: skip
    assert status.result["new_classes"] == ["crack"]
    run = get_run(lab, status.result["run"])
    assert run.model == f"run:{source.id}"
    joined = load_dataset(lab, run.dataset)
    assert joined.classes == ["square", "disc", "crack"]
    assert joined.images["train"] == tiny.images["train"] + 6
    assert joined.id in [item.id for item in list_datasets(lab)], "the new model's pictures stay"
    with pytest.raises(InputError, match="already"):
        start_experiment(lab, tiny.id, ProductSettings(run=source.id))


def test_a_search(lab: Workspace, tiny: Dataset, source: Run) -> None:
    status = answer(lab, tiny, TuneSettings(model="yolo11n", minutes=0.01, search=["lr0", "augmentation"], **TINY))
    tries = status.result["tries"]
    assert [item["name"] for item in tries] == ["as planned", "try 2"], "two in any case, then the time is up"
    first, second = (get_run(lab, item["runs"][0]).spec for item in tries)
    assert first.extra["lr0"] != second.extra["lr0"]
    assert status.sentences
    assert len(list_runs(lab, query="(tune")) == 2
