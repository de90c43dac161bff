"""Our trainers learn what Ultralytics' own learn: same losses, same weights, same metrics."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.planning.speed import StepSpeed, keep_speed, known_speed, machine_name
from core.spec import TrainingSpec
from core.training.trainer_selection import number_format
from core.ultralytics.offline import enter_isolation
from core.workspace import Workspace
from tests.tiny import write_class_folders, write_yolo_folder


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_yolo_folder(tmp_path_factory.mktemp("trainers") / "set")
    (folder / "data.yaml").write_text(f"path: {folder}\ntrain: images/train\nval: images/val\nnames: [square, disc]\n")
    return folder


def train(
    data: Path, out: Path, task: str = "detect", ours: bool = True, look: Callable[[Any], None] | None = None,
    **arguments: Any,
) -> Any:  # fmt: skip
    """Train two epochs from random weights in this process; return the trainer.

    `look` is called after each batch and each validation.

    SGD unless said otherwise: the first steps of AdamW follow the signs of gradients alone, and those of the nearly
    zero ones flip with the last bit.
    """
    enter_isolation()
    import ultralytics.data.utils as data_utils
    import ultralytics.engine.trainer as trainer_module
    from ultralytics import YOLO

    from core.ultralytics.trainers.fast import fast_trainer

    data_utils.check_font = lambda *_arguments, **_options: None
    trainer_module.check_amp = lambda _model: False
    model = YOLO("yolo11n.yaml" if task == "detect" else "yolo11n-cls.yaml")
    for moment in ("on_train_batch_end", "on_val_end") if look else ():
        model.add_callback(moment, look)
    model.train(
        trainer=fast_trainer(task) if ours else None, data=str(data), epochs=2, imgsz=64, batch=4, nbs=4, seed=3,
        device="cpu", workers=0, plots=False, pretrained=False, lr0=0.001, warmup_epochs=0,
        project=str(out), name="run", exist_ok=True, verbose=False, **{"optimizer": "SGD", **arguments},
    )  # fmt: skip
    return model.trainer


def losses(trainer: Any) -> list[float]:
    rows = list(csv.DictReader(Path(trainer.csv).read_text().splitlines()))
    return [float(value) for row in rows for name, value in row.items() if name.strip().startswith("train/")]


@pytest.mark.slow
@pytest.mark.parametrize(("optimizer", "channels_last"), [("AdamW", False), ("SGD", True)])
def test_losses_and_weights_are_those_of_ultralytics(
    tiny: Path, tmp_path: Path, optimizer: str, channels_last: bool
) -> None:
    stock = train(tiny / "data.yaml", tmp_path / "stock", ours=False, optimizer=optimizer)
    ours = train(tiny / "data.yaml", tmp_path / "ours", optimizer=optimizer, channels_last=channels_last)
    assert losses(ours) == pytest.approx(losses(stock), rel=1e-3)
    assert next(ours.model.parameters()).is_contiguous() is not channels_last
    mine, theirs = ours.ema.ema.state_dict(), stock.ema.ema.state_dict()
    for name, value in theirs.items():
        assert float((mine[name].float() - value.float()).abs().max()) < 0.01, name
    for name, value in stock.metrics.items():
        assert ours.metrics[name] == pytest.approx(value, abs=0.02), name
    assert ours.best.stat().st_size == pytest.approx(stock.best.stat().st_size, rel=0.05), "not stripped"


@pytest.mark.slow
def test_bfloat16_stays_near_and_is_kept_out_of_the_file(tiny: Path, tmp_path: Path) -> None:
    import torch

    exact = train(tiny / "data.yaml", tmp_path / "exact")
    short = train(tiny / "data.yaml", tmp_path / "short", amp="bf16", channels_last=True)
    assert losses(short) == pytest.approx(losses(exact), rel=0.12)
    assert losses(short) != losses(exact), "bfloat16 was not used"
    assert all(value.dtype == torch.float32 for value in short.model.parameters())
    kept = torch.load(short.best, weights_only=False)["model"]
    assert type(kept).__name__ == "DetectionModel", "others could not open a class of ours"


@pytest.mark.slow
def test_a_network_in_bfloat16_answers_in_full_precision(tiny: Path) -> None:
    enter_isolation()
    import torch
    from ultralytics.nn.tasks import DetectionModel

    from core.ultralytics.precision import in_full_precision, with_bf16

    model = DetectionModel("yolo26n.yaml", nc=2, verbose=False)
    picture = torch.rand(2, 3, 64, 64)
    seen = model.eval()(picture)
    tensors = []
    in_full_precision(with_bf16(model).train()(picture))
    for value in _tensors(model(picture)):
        tensors.append(value)
        assert value.dtype == torch.float32
    assert len(tensors) >= 4
    for before, after in zip(_tensors(DetectionModel.forward(model.eval(), picture)), _tensors(seen), strict=True):
        assert before.dtype == after.dtype


def _tensors(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [tensor for item in value.values() for tensor in _tensors(item)]
    if isinstance(value, (list, tuple)):
        return [tensor for item in value for tensor in _tensors(item)]
    return [value]


@pytest.mark.slow
def test_classification_trains_too(tmp_path: Path) -> None:
    for split, count in (("train", 6), ("val", 2)):
        write_class_folders(tmp_path / "set" / split, count)
    grey = {"auto_augment": None, "erasing": 0.1, "cache": "ram"}
    stock = train(tmp_path / "set", tmp_path / "stock", "classify", ours=False, **grey)
    ours = train(tmp_path / "set", tmp_path / "ours", "classify", channels_last=True, **grey)
    assert losses(ours) == pytest.approx(losses(stock), rel=2e-3)


@pytest.mark.slow
def test_the_optimizer_goes_on_in_another_memory_layout() -> None:
    import torch

    from core.ultralytics.trainers.fast import align_state

    def steps(layout: Any) -> torch.Tensor:
        torch.manual_seed(0)
        layer = torch.nn.Conv2d(3, 4, 3)
        optimizer = torch.optim.AdamW(layer.parameters(), lr=0.1, fused=True)
        for turn in range(2):
            if turn:
                state = optimizer.state_dict()
                layer.to(memory_format=layout)
                optimizer.load_state_dict(state)
                align_state(optimizer)
            layer(torch.arange(3 * 25.0).reshape(1, 3, 5, 5)).square().mean().backward()
            optimizer.step()
            optimizer.zero_grad()
        return layer.weight.detach().contiguous()

    assert torch.allclose(steps(torch.contiguous_format), steps(torch.channels_last), atol=1e-6)


def test_the_number_format_follows_the_measurement(workspace: Workspace) -> None:
    spec = TrainingSpec(dataset="d", task="detect", epochs=2, imgsz=64)
    assert number_format(workspace, spec, "cpu", 10) == {}, "too short a run to be worth a timing"
    gains = StepSpeed(machine=machine_name(), cores=1, gflop=3.0, plain=0.3, channels_last=0.25, bf16=0.15)
    keep_speed(workspace, gains)
    assert known_speed(workspace) == gains
    assert number_format(workspace, spec, "cpu", 10) == {"channels_last": True, "amp": "bf16"}
    assert number_format(workspace, spec, "0", 10) == {}
    keep_speed(workspace, gains.model_copy(update={"plain": 0.4, "bf16": 0.14}))
    assert known_speed(workspace) == gains.model_copy(update={"bf16": 0.14}), "the busy moment was believed"
    keep_speed(workspace, gains.model_copy(update={"machine": "another"}))
    assert known_speed(workspace) is None
    keep_speed(workspace, gains.model_copy(update={"bf16": 0.6, "channels_last": 0.3}))
    assert number_format(workspace, spec, "cpu", 10) == {}


@pytest.mark.slow
def test_what_was_timed_beside_other_programs_is_timed_again(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoilt = StepSpeed(machine=machine_name(), cores=1, gflop=3.9, plain=24.1, channels_last=23.8, bf16=23.2)
    monkeypatch.setenv("GRAFT_CORES", "2")
    keep_speed(workspace, spoilt)
    assert known_speed(workspace) == spoilt, "better than nothing"
    spec = TrainingSpec(dataset="d", task="detect", epochs=100, imgsz=320)
    number_format(workspace, spec, "cpu", 100)
    again = known_speed(workspace)
    assert again is not None
    assert again.cores == 2
    assert again.plain < 10
    keep_speed(workspace, spoilt)
    assert known_speed(workspace) == again


@pytest.mark.slow
def test_it_trains_and_validates_on_the_cores_that_are_asked_for(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ultralytics itself would take one thread fewer than there are cores."""
    import torch

    before, seen = torch.get_num_threads(), set()
    monkeypatch.setenv("GRAFT_CORES", "3")
    try:
        trainer = train(tiny / "data.yaml", tmp_path / "run", look=lambda _: seen.add(torch.get_num_threads()))
    finally:
        torch.set_num_threads(before)
    assert seen == {3}
    assert trainer.cores.used == 3
