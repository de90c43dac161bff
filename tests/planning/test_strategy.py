"""The strategy that is recommended follows size and measured distance; networks are counted as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data.importing.from_upload import import_dataset
from core.errors import GraftError
from core.models.catalog import models_for
from core.models.networks import PARTS, measure_network, network_parts
from core.planning.source_distance import FAR, distance, known_distance, measure_distance
from core.planning.strategy import recommend
from core.strategies import Strategy
from core.strategies.fine_tune import FINE_TUNE
from core.strategies.frozen import FROZEN
from core.tasks import TASKS
from core.training.starting_points import locate
from core.ultralytics.offline import enter_isolation
from core.workspace import Workspace
from tests.planning.test_plan import facts
from tests.tiny import write_yolo_folder


@pytest.mark.parametrize(
    ("train", "apart", "expected"),
    [
        (40, 0.3, FROZEN),
        (40, 0.6, FINE_TUNE),
        (2_000, 0.3, FINE_TUNE),
        (2_000, 0.6, FINE_TUNE),
        (40, None, FINE_TUNE),
    ],
)
def test_four_cases_and_the_unknown(train: int, apart: float | None, expected: Strategy) -> None:
    advice = recommend(facts(train=train), apart)
    assert advice.strategy is expected
    assert f"{train:,} training pictures" in advice.reason
    assert ("far from" in advice.reason) is (apart == 0.6)


def test_every_model_of_the_catalogue_is_counted() -> None:
    for task in TASKS:
        for model in models_for(task):
            parts = network_parts(model.name)
            assert parts is not None, model.name
            total = sum(part.parameters for part in parts.values())
            if task != "classify":  # whose figure in the catalogue is for fewer classes than ImageNet has
                assert total == pytest.approx(model.parameters, rel=0.35), model.name  # YOLO26 trains with two heads
            assert parts["backbone"].new_tensors == parts["neck"].new_tensors == 0
            assert parts["head"].new_tensors > 0
    assert network_parts("my-own") is None


@pytest.mark.slow
def test_the_figures_are_those_of_the_networks() -> None:
    enter_isolation()
    from ultralytics.nn.tasks import DetectionModel

    measured = measure_network("yolo11n")
    assert measured == network_parts("yolo11n")
    model = DetectionModel("yolo11n.yaml", verbose=False)
    assert sum(measured[part].parameters for part in PARTS) == sum(value.numel() for value in model.parameters())
    assert sum(measured[part].layers for part in PARTS) == len(model.model)


@pytest.mark.slow
def test_photographs_are_nearer_than_x_rays(shared: Path) -> None:
    enter_isolation()
    weights = shared / "weights" / "yolo11n.pt"
    near = distance(weights, sorted((shared / "data" / "coco8").rglob("*.jpg")))
    xrays = sorted((shared / "data" / "chest_xray_pneumonia_800" / "train").rglob("*.jp*g"))[:12]
    far = distance(weights, xrays)
    assert near < FAR < far


@pytest.mark.slow
def test_a_distance_is_measured_once_and_kept(workspace: Workspace, shared: Path, tmp_path: Path) -> None:
    dataset = import_dataset(workspace, write_yolo_folder(tmp_path / "set"))
    with pytest.raises(GraftError, match="not on this machine"):
        measure_distance(dataset, locate(workspace, "yolo11n", "detect"), "yolo11n")
    (workspace.weights / "yolo11n.pt").write_bytes((shared / "weights" / "yolo11n.pt").read_bytes())
    weights = locate(workspace, "yolo11n", "detect")
    assert known_distance(dataset, weights) is None
    value = measure_distance(dataset, weights, "yolo11n")
    assert known_distance(dataset, weights) == pytest.approx(value, abs=1e-3)
    assert value > 0.1
    dataset.checksum = "changed"
    assert known_distance(dataset, weights) is None


@pytest.mark.slow
def test_noise_is_far_from_everything(shared: Path, tmp_path: Path) -> None:
    enter_isolation()
    noise = np.random.default_rng(0).integers(0, 255, (4, 96, 96, 3), dtype=np.uint8)
    for number, pixels in enumerate(noise):
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    assert distance(shared / "weights" / "yolo11n.pt", sorted(tmp_path.glob("*.png"))) > FAR
