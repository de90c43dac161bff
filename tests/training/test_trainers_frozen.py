"""Cached features give what the pictures give, are computed once, and leave frozen layers as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.spec import TrainingSpec
from core.strategies import STRATEGIES, Strategy
from core.strategies.discriminative import DISCRIMINATIVE
from core.strategies.fine_tune import FINE_TUNE
from core.strategies.frozen import FROZEN
from core.strategies.two_stage import TWO_STAGE
from core.training.trainer_selection import trainer_class
from core.ultralytics.offline import enter_isolation
from tests.tiny import write_yolo_folder
from tests.training.test_trainers import losses

CUT = 11


def train(out: Path, task: str = "detect", feature_epochs: int | None = None, **arguments: Any) -> Any:
    enter_isolation()
    import ultralytics.data.utils as data_utils
    import ultralytics.engine.trainer as trainer_module
    from ultralytics import YOLO

    from core.ultralytics.trainers.frozen import frozen_trainer

    data_utils.check_font = lambda *_arguments, **_options: None
    trainer_module.check_amp = lambda _model: False
    folder = write_yolo_folder(out / "set")
    (folder / "data.yaml").write_text(f"path: {folder}\ntrain: images/train\nval: images/val\nnames: [square, disc]\n")
    model = YOLO("yolo11n.yaml")
    kept: dict[str, Any] = {}

    def start(trainer: Any) -> None:
        kept["before"] = {name: value.clone() for name, value in trainer.model.state_dict().items()}
        kept["loader"] = trainer.train_loader

    def epoch(trainer: Any) -> None:
        if feature_epochs is not None and trainer.epoch == feature_epochs:
            trainer.release_features()

    model.add_callback("on_train_start", start)
    model.add_callback("on_train_epoch_start", epoch)
    settings = {"epochs": 6, "freeze": CUT, "close_mosaic": 2, "cache": "ram", "batch": 4, "nbs": 4} | arguments
    model.train(
        trainer=frozen_trainer(task, feature_epochs), data=str(folder / "data.yaml"), imgsz=64, seed=3, device="cpu",
        workers=0, plots=False, pretrained=False, optimizer="SGD", lr0=0.001, warmup_epochs=0, project=str(out),
        name="run", exist_ok=True, verbose=False, **settings,
    )  # fmt: skip
    model.trainer.kept = kept
    return model.trainer


@pytest.mark.slow
def test_from_features_the_network_answers_as_from_the_pictures() -> None:
    enter_isolation()
    import torch
    from ultralytics.nn.tasks import DetectionModel

    from core.ultralytics.networks import needed_levels, run_layers
    from core.ultralytics.trainers.frozen import Features, _cached_class, feature_bytes

    for name in ("yolo11n.yaml", "yolo26n.yaml"):
        torch.manual_seed(0)
        model = DetectionModel(name, nc=2, verbose=False).eval()
        picture = torch.rand(2, 3, 64, 64)
        expected = model(picture)[0]
        levels: dict[int, Any] = {}
        with torch.no_grad():
            run_layers(model, 0, CUT, levels, picture)
        wanted = needed_levels(model, CUT)
        assert wanted == [4, 6, 10]
        model.graft_cut, model.__class__ = CUT, _cached_class(type(model))
        features = Features({level: levels[level] for level in wanted}, picture.shape, picture[:0])
        assert torch.allclose(model(features)[0], expected, atol=1e-5)
        assert torch.allclose(model(picture)[0], expected, atol=1e-5), "pictures must go on working"
        assert feature_bytes(model, CUT, 64) == sum(levels[level][0].numel() for level in wanted) * 2


@pytest.mark.slow
def test_each_view_is_computed_once_and_frozen_layers_stay(tmp_path: Path) -> None:
    trainer = train(tmp_path)
    loader = trainer.kept["loader"]
    assert loader.views == 2
    assert loader.fresh == 8 * (2 + 2), "two views with collages in four epochs, two whole ones in the last two"
    before, after = trainer.kept["before"], trainer.model.state_dict()
    changed = {name for name, value in after.items() if not value.equal(before[name])}
    assert not any(name.startswith(tuple(f"model.{layer}." for layer in range(CUT))) for name in changed)
    assert any(name.startswith("model.23.") for name in changed)
    assert trainer.best.is_file()
    assert losses(trainer)[-1] < losses(trainer)[0]


@pytest.mark.slow
def test_the_same_seed_sees_the_same_views(tmp_path: Path) -> None:
    first, again = train(tmp_path / "a", epochs=3), train(tmp_path / "b", epochs=3)
    other = train(tmp_path / "c", epochs=3, fliplr=0.0)
    assert losses(first) == losses(again)
    assert losses(first) != losses(other)


@pytest.mark.slow
def test_from_features_back_to_pictures(tmp_path: Path) -> None:
    trainer = train(tmp_path, feature_epochs=3, epochs=5)
    assert trainer.train_loader is trainer.kept["loader"].inner
    assert trainer.kept["loader"].fresh == 8, "one view for three epochs"


@pytest.mark.slow
def test_without_frozen_layers_nothing_is_cached(tmp_path: Path) -> None:
    trainer = train(tmp_path, epochs=1, freeze=None)
    assert not hasattr(trainer.kept["loader"], "fresh")


@pytest.mark.parametrize(
    ("strategy", "extra", "expected"),
    [
        (FROZEN, {}, 11),
        (TWO_STAGE, {}, 11),
        (FROZEN, {"freeze": 4}, 4),
        (FINE_TUNE, {"freeze": 4}, None),
        (DISCRIMINATIVE, {}, None),
    ],
)
def test_how_many_layers_are_frozen(strategy: Strategy, extra: dict[str, Any], expected: int | None) -> None:
    spec = TrainingSpec(dataset="d", task="detect", strategy=strategy, extra=extra)
    assert spec.frozen_layers(11) == expected


@pytest.mark.slow
def test_a_run_gets_the_trainer_of_its_task() -> None:
    enter_isolation()
    for task in ("detect", "segment", "pose", "obb", "classify"):
        for strategy in STRATEGIES:
            spec = TrainingSpec(dataset="d", task=task, strategy=strategy, epochs=10)
            kind = trainer_class(spec)
            assert getattr(kind, "feature_epochs", None) == (3 if strategy is TWO_STAGE else None)
            assert any(task in base.__module__ for base in kind.__mro__)
