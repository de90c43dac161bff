"""What Graft takes from Ultralytics beyond its documentation: checked name by name, so that a new pin says what moved.

The first half needs no training; the second looks into one training of a single epoch on eight drawn pictures.
"""

from __future__ import annotations

import ast
import inspect
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, NamedTuple

import pytest

from core.files.safe_files import WholeFile
from core.tasks import TASKS
from core.ultralytics.offline import DOORS, enter_isolation
from core.ultralytics.trainers.epoch_answers import EpochAnswers
from tests.tiny import write_yolo_folder

ROOT = Path(__file__).resolve().parents[1]
ROOM = ROOT / "core" / "ultralytics"
TRAINER = "ultralytics.engine.trainer:BaseTrainer"
YOLO = "ultralytics.models.yolo"


class Lean(NamedTuple):
    """One thing of Ultralytics that a file of the room leans on."""

    path: str
    """module:name"""
    user: str
    """file of the room"""
    verb: str
    """what the file does with it: overrides, calls, replaces, reads"""
    parameters: tuple[str, ...] = ()
    """overrides: all of its parameters, in order; calls: those that are given"""


LEANS = (
    Lean(f"{TRAINER}.__init__", "trainers/fast.py", "overrides", ("cfg", "overrides", "_callbacks")),
    Lean(f"{TRAINER}._setup_train", "trainers/fast.py", "overrides"),
    Lean(f"{TRAINER}._setup_train", "trainers/frozen.py", "overrides"),
    Lean(f"{TRAINER}.preprocess_batch", "trainers/fast.py", "overrides", ("batch",)),
    Lean(f"{TRAINER}.preprocess_batch", "trainers/frozen.py", "overrides", ("batch",)),
    Lean(f"{TRAINER}.preprocess_batch", "trainers/watching.py", "replaces", ("batch",)),
    Lean(f"{TRAINER}.build_optimizer", "trainers/fast.py", "overrides",
         ("model", "name", "lr", "momentum", "decay", "iterations")),
    Lean(f"{TRAINER}.optimizer_step", "trainers/fast.py", "overrides"),
    Lean(f"{TRAINER}.validate", "trainers/fast.py", "overrides"),
    Lean(f"{TRAINER}.final_eval", "trainers/fast.py", "overrides"),
    Lean(f"{TRAINER}.run_callbacks", "trainers/fast.py", "calls", ("event",)),
    Lean(f"{TRAINER}.add_callback", "trainers/fast.py", "calls", ("event", "callback")),
    Lean(f"{TRAINER}.save_model", "trainers/saving.py", "replaces"),
    Lean(f"{TRAINER}._close_dataloader_mosaic", "trainers/resume_point.py", "calls"),
    Lean("ultralytics.utils:DEFAULT_CFG", "trainers/fast.py", "reads"),
    Lean("ultralytics.utils:IterableSimpleNamespace", "trainers/distillation.py", "calls"),
    Lean("ultralytics.utils.torch_utils:strip_optimizer", "trainers/fast.py", "calls", ("f", "updates")),
    Lean("ultralytics.utils.torch_utils:intersect_dicts", "checkpoints.py", "calls", ("da", "db")),
    *(Lean(":".join(door.rsplit(".", 1)), "offline.py", "replaces") for door in DOORS),
    Lean(f"{YOLO}.classify:ClassificationTrainer.build_dataset", "trainers/classify.py", "overrides",
         ("img_path", "mode", "batch")),
    Lean(f"{YOLO}.classify:ClassificationTrainer.get_dataloader", "trainers/classify.py", "overrides",
         ("dataset_path", "batch_size", "rank", "mode")),
    Lean("ultralytics.data:build_dataloader", "trainers/classify.py", "calls",
         ("dataset", "batch", "workers", "shuffle", "rank", "device")),
    Lean(f"{TRAINER}.add_callback", "trainers/epoch_answers.py", "calls", ("event", "callback")),
    Lean("ultralytics.data.base:BaseDataset._ImageCache", "trainers/classify.py", "calls", ("images",)),
    Lean("ultralytics.nn.tasks:load_checkpoint", "checkpoints.py", "calls", ("weight",)),
    Lean("ultralytics.nn.tasks:load_checkpoint", "clean_checkpoint.py", "calls", ("weight",)),
    Lean("ultralytics.nn.tasks:BaseModel", "checkpoints.py", "reads"),
    Lean("ultralytics.nn.tasks:BaseModel.predict", "precision.py", "overrides", ("x", "profile", "augment", "embed")),
    Lean("ultralytics.nn.tasks:BaseModel.predict", "trainers/frozen.py", "overrides",
         ("x", "profile", "augment", "embed")),
    Lean("ultralytics.nn.tasks:BaseModel._predict_once", "networks.py", "repeats", ("x", "profile", "embed")),
    Lean("ultralytics.nn.tasks:BaseModel.init_criterion", "loss.py", "calls"),
    *(Lean(task.network, "networks.py", "calls", ("cfg", "nc", "verbose")) for task in TASKS.values()),
    Lean("ultralytics.cfg:get_cfg", "networks.py", "calls"),
    Lean("ultralytics.nn.distill_model:DistillationModel", "trainers/distillation.py", "calls",
         ("teacher_model", "student_model")),
    Lean("ultralytics.nn.distill_model:DistillationModel.get_distill_layers", "trainers/distillation.py", "calls",
         ("model",)),
    Lean("ultralytics.nn.distill_model:DistillationModel._remove_feature_hooks", "trainers/distillation.py", "calls"),
    Lean("ultralytics.nn.distill_model:DistillationModel.loss_sl2", "trainers/distillation.py", "calls"),
    *(Lean(task.trainer, "trainers/fast.py", "extends") for task in TASKS.values()),
    *(Lean(f"{task.trainer}.build_dataset", "trainers/views.py", "calls", ("img_path", "mode", "batch"))
      for task in TASKS.values()),
    Lean(f"{YOLO}.detect:DetectionValidator.update_metrics", "trainers/watching.py", "replaces", ("preds", "batch")),
)  # fmt: skip
"""Every name that the room overrides, replaces, repeats or calls."""


def complaint(lean: Lean) -> str:
    """Return what has moved, in a sentence; empty when all is as the room expects it."""
    name, user = lean.path.replace("ultralytics.", "").replace(":", "."), f"core/ultralytics/{lean.user}"
    try:
        found = resolve_name(lean.path)
    except (ImportError, AttributeError):
        return f"{name} is gone: {user} {lean.verb} it."
    if not lean.parameters and lean.verb not in ("overrides", "repeats"):
        return ""
    taken = [parameter for parameter in inspect.signature(found).parameters if parameter != "self"]
    if lean.verb in ("overrides", "repeats") and taken != list(lean.parameters):
        return f"{name} takes {', '.join(taken) or 'nothing'} now: {user} {lean.verb} it with {lean.parameters}."
    missing = [parameter for parameter in lean.parameters if parameter not in taken]
    return f"{name} takes no {', '.join(missing)} any more: {user} {lean.verb} it with that." if missing else ""


@pytest.fixture(scope="module", autouse=True)
def isolated() -> None:
    enter_isolation()


@pytest.mark.parametrize("lean", LEANS, ids=lambda lean: f"{lean.path.rpartition(':')[2]}-{lean.user}")
def test_it_is_still_there(lean: Lean) -> None:
    assert complaint(lean) == ""
    text = (ROOM / lean.user).read_text(encoding="utf-8")
    name = lean.path.rpartition(":")[2].rpartition(".")[2]
    named = name in text or any(lean.path == getattr(task, kind) and f".{kind}" in text for task in TASKS.values()
                                for kind in ("network", "trainer"))  # fmt: skip
    assert named, f"{lean.user} doesn't lean on it: strike it out"


def test_what_moved_is_named() -> None:
    gone = Lean(f"{TRAINER}.final_evaluation", "trainers/fast.py", "overrides")
    assert complaint(gone) == "engine.trainer.BaseTrainer.final_evaluation is gone: " + (
        "core/ultralytics/trainers/fast.py overrides it."
    )
    assert "takes event, callback now" in complaint(Lean(f"{TRAINER}.add_callback", "x.py", "overrides"))
    assert "takes no colour any more" in complaint(Lean(f"{TRAINER}.add_callback", "x.py", "calls", ("colour",)))


def test_names_of_ours_hide_none_of_its() -> None:
    """A method of a mixin that Ultralytics comes to have as well would be called in place of its own."""
    from core.ultralytics.precision import Bf16Network
    from core.ultralytics.trainers.classify import PicturesAtSize
    from core.ultralytics.trainers.fast import FastSteps
    from core.ultralytics.trainers.frozen import CachedFeatures, CachedNetwork

    meant = {lean.path.rpartition(".")[2] for lean in LEANS if lean.verb == "overrides"}
    pairs = [
        *((mixin, TRAINER) for mixin in (FastSteps, CachedFeatures)),
        (PicturesAtSize, f"{YOLO}.classify:ClassificationTrainer"),
        *((mixin, "ultralytics.nn.tasks:DetectionModel") for mixin in (Bf16Network, CachedNetwork)),
    ]  # fmt: skip
    for ours, path in pairs:
        own = {name for name in vars(ours) if not name.startswith("__")}
        hidden = own & set(dir(resolve_name(path))) - meant
        assert not hidden, f"{path} has {sorted(hidden)} now, which {ours.__module__} uses for something else"


def test_the_switches_of_the_isolation_are_heeded() -> None:
    code = """
import json
from core.processes.isolation import SETTINGS_OFF, SWITCHES
from core.ultralytics.offline import enter_isolation
enter_isolation()
from ultralytics import settings, utils
from ultralytics.utils import SAFE_LOAD
print(json.dumps({"online": utils.ONLINE, "autoinstall": utils.AUTOINSTALL, "safe": SAFE_LOAD,
                  "on": [key for key in SETTINGS_OFF if settings.get(key)],
                  "unknown": [key for key in SETTINGS_OFF if key not in settings]}))
"""
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    told = json.loads(answer.stdout.strip().splitlines()[-1])
    assert told["online"] is False, "YOLO_OFFLINE is not heeded: core/processes/isolation.py sets it"
    assert told["autoinstall"] is False, "YOLO_AUTOINSTALL is not heeded: core/processes/isolation.py sets it"
    assert told["safe"] is True, "ULTRALYTICS_SAFE_LOAD is not heeded: core/processes/isolation.py sets it"
    assert told["on"] == [], "settings that report elsewhere are on"
    assert len(told["unknown"]) < 4, (
        f"the settings {told['unknown']} are gone: core/processes/isolation.py switches them off"
    )


@pytest.mark.parametrize("heads", ["yolo26n", "yolo11n"])
def test_a_network_is_a_row_of_layers(heads: str) -> None:
    import torch

    from core.ultralytics.loss import begin_loss, continue_loss, weigh_heads
    from core.ultralytics.networks import (
        backbone_layers,
        build_network,
        has_nms_free_head,
        head_sources,
        input_channels,
        needed_levels,
        run_layers,
    )

    network = build_network(heads, classes=2).eval()
    count, cut = len(network.model), backbone_layers(network)
    assert [layer.i for layer in network.model] == list(range(count)), "layers don't know their number: networks.py"
    assert cut == 11
    assert input_channels(network) == 3
    assert all(0 < source < count for source in head_sources(network.model))
    assert has_nms_free_head(network) is heads.startswith("yolo26"), "one2one_cv2 no longer tells the NMS-free head"
    picture, levels = torch.rand(1, 3, 32, 32), {}
    with torch.no_grad():
        run_layers(network, 0, cut, levels, picture)
        again = run_layers(network, cut, None, {level: levels[level] for level in needed_levels(network, cut)})
        expected = network(picture)
    assert torch.equal(again[0], expected[0]), "BaseModel._predict_once runs layers otherwise than networks.run_layers"
    begin_loss(network)
    if has_nms_free_head(network):
        weigh_heads(network, 0.3)
        assert (network.criterion.o2m, network.criterion.o2o) == pytest.approx((0.3, 0.7))
        continue_loss(network, 4)
        assert network.criterion.updates == 4, "the criterion counts its updates otherwise: loss.py"


def test_a_checkpoint_goes_out_and_comes_in(tmp_path: Path) -> None:
    from ultralytics import YOLO as Yolo

    from core.ultralytics.checkpoints import network_facts, read_network, reused_tensors, write_network
    from core.ultralytics.clean_checkpoint import clean
    from core.ultralytics.networks import build_network, layers_in_use

    network = build_network("yolo26n", classes=2)
    network.names = {0: "nut", 1: "bolt"}
    path, copy = tmp_path / "a.pt", tmp_path / "b.pt"
    write_network(network, path, "yolo26n", {"imgsz": 64, "task": "detect", "data": "/home/x/d.yaml"}, "a test")
    facts = network_facts(read_network(path))
    assert facts["imgsz"] == 64
    assert (facts["task"], facts["classes"], facts["architecture"]) == ("detect", ["nut", "bolt"], "yolo26n")
    assert reused_tensors(path, build_network("yolo26n", classes=2)) == len(network.state_dict())
    clean(path, copy, "parts")
    assert b"/home/x" not in copy.read_bytes()
    yolo: Any = Yolo(str(copy))
    assert yolo.overrides["imgsz"] == 64, "YOLO.overrides no longer holds the size of the training: predictor.py"
    assert layers_in_use(yolo) is yolo.model.model
    import numpy as np

    yolo.predict(np.zeros((32, 32, 3), np.uint8), imgsz=32, device="cpu", verbose=False)
    seen: list[int] = []
    layers_in_use(yolo)[0].register_forward_hook(lambda *_: seen.append(1))
    yolo.predict(np.zeros((32, 32, 3), np.uint8), imgsz=32, device="cpu", verbose=False)
    assert seen, "a prediction runs through other layers than networks.layers_in_use says"


def test_teacher_and_student_are_wrapped_in_one_network(tmp_path: Path) -> None:
    import torch

    from core.ultralytics.checkpoints import write_network
    from core.ultralytics.networks import build_network
    from core.ultralytics.trainers.distillation import TEACHER, can_teach, distillation_pass, student, without_teacher

    learner, teacher = build_network("yolo26n", classes=2), build_network("yolo26n", classes=2)
    assert can_teach(teacher, learner)
    assert not can_teach(build_network("yolo11n-cls", classes=2), learner)
    write_network(teacher, tmp_path / "teacher.pt", "yolo26n", {"task": "detect"}, "a test")
    from ultralytics.nn.distill_model import DistillationModel

    both = DistillationModel(teacher_model=str(tmp_path / "teacher.pt"), student_model=learner).train()
    both.teacher_model(torch.rand(2, 3, 64, 64))
    both.student_model(torch.rand(2, 3, 64, 64))
    levels = set(range(len(both.projector)))
    for kept in (both._teacher_feats, both._student_feats):
        assert levels <= set(kept), "what the necks make is kept by other numbers: trainers/distillation.py reads it"
    assert student(both) is learner
    assert any(name.startswith(TEACHER) for name in both.state_dict()), "the teacher's weights are named otherwise"
    assert without_teacher(both) is learner
    distillation_pass(learner, tmp_path / "teacher.pt", torch.rand(2, 3, 64, 64))


def test_its_files_still_say_what_the_pages_show() -> None:
    from core.data.importing.public_sets import public_sets
    from core.models.catalog import FAMILIES, SIZES, models_for
    from core.training.arguments import training_arguments
    from core.ultralytics.installed import export_table

    arguments = training_arguments()
    names = {argument.name for argument in arguments}
    assert {"nbs", "overlap_mask", "dropout", "iou", "lr0", "mosaic"} <= names, "headings of cfg/default.yaml moved"
    assert names.isdisjoint({"source", "show", "format", "tracker"}), "headings of cfg/default.yaml moved"
    assert all(argument.help for argument in arguments)
    for task in ("detect", "segment", "pose", "obb", "classify"):
        assert len(models_for(task)) == len(FAMILIES) * len(SIZES), f"sizes of {task} in cfg/models"
    assert len(public_sets()) >= 20, "cfg/datasets/*.yaml say otherwise what they download"
    rows, half = export_table()
    assert {"onnx", "torchscript", "openvino"} <= {str(row[1]) for row in rows}
    assert "onnx" in half


class CountedFile(WholeFile):
    """A path that counts what is written through it."""

    writes = 0

    def write_bytes(self, data: bytes) -> int:
        type(self).writes += 1
        return super().write_bytes(data)


class Watched(NamedTuple):
    """What was seen of one training."""

    trainer: Any
    moments: list[str]
    start: dict[str, Any]
    batches: list[dict[str, Any]]
    answers: list[tuple[Any, dict[str, Any]]]
    epochs: list[EpochAnswers]


@pytest.fixture(scope="module")
def watched(isolated: None, tmp_path_factory: pytest.TempPathFactory) -> Watched:
    """One epoch of Ultralytics' own trainer, looked at as the room does."""
    from ultralytics import YOLO as Yolo
    from ultralytics.utils.callbacks.base import default_callbacks

    from core.ultralytics.trainers.epoch_answers import watch_answers
    from core.ultralytics.trainers.watching import watch

    folder = write_yolo_folder(tmp_path_factory.mktemp("contract") / "set")
    (folder / "data.yaml").write_text(f"path: {folder}\ntrain: images/train\nval: images/val\nnames: [square, disc]\n")
    enter_isolation()
    seen = Watched(None, [], {}, [], [], [])
    yolo: Any = Yolo("yolo26n.yaml")

    def note(moment: str) -> Callable[[Any], None]:
        return lambda _trainer: seen.moments.append(moment)

    def start(trainer: Any) -> None:
        CountedFile.writes = 0
        trainer.best = CountedFile(trainer.best)
        watch(trainer, seen.batches.append, lambda answers, batch: seen.answers.append((answers, dict(batch))))
        watch_answers(trainer, "detect", seen.epochs.append)
        save = trainer.save_model
        trainer.save_model = lambda: (seen.moments.append("save_model"), save())[1]
        seen.start.update(
            groups=[set(group) for group in trainer.optimizer.param_groups],
            base_lrs=list(trainer.scheduler.base_lrs),
            lambdas=len(trainer.scheduler.lr_lambdas),
            last_epoch=trainer.scheduler.last_epoch,
        )

    def epoch_ends(trainer: Any) -> None:
        seen.start.setdefault("metrics", dict(trainer.metrics))

    yolo.add_callback("on_fit_epoch_end", epoch_ends)
    for moment in default_callbacks:
        yolo.add_callback(moment, note(moment))
    yolo.add_callback("on_train_start", start)
    yolo.train(
        data=str(folder / "data.yaml"), epochs=1, imgsz=32, batch=4, device="cpu", workers=0, plots=False, seed=1,
        pretrained=False, project=str(folder / "out"), name="run", exist_ok=True, verbose=False, amp=False,
    )  # fmt: skip
    return seen._replace(trainer=yolo.trainer)


def test_the_callbacks_come_in_the_order_of_the_worker(watched: Watched) -> None:
    from core.training.worker.training import CALLBACKS

    moments = [moment for moment in watched.moments if moment in (*CALLBACKS, "save_model", "on_train_end")]
    batches = ["on_train_batch_start", "on_train_batch_end"] * 2
    whole = ["on_train_epoch_start", *batches, "on_train_epoch_end", "save_model", "on_model_save", "on_fit_epoch_end"]
    assert moments == ["on_train_start", *whole, "on_fit_epoch_end", "on_train_end"], (
        "core/training/worker/training.py and trainers/saving.py count on this order; the last on_fit_epoch_end but "
        "one ends the epoch, the last is that of the final check"
    )


def test_the_validator_counts_by_picture_and_in_the_order_of_its_pictures(watched: Watched) -> None:
    answers = watched.epochs[0]
    assert answers.files == [f"val/val{number}.png" for number in range(4)]
    assert answers.labelled.tolist() == [2] * 4
    assert sorted(answers.true_classes) == [0] * 4 + [1] * 4
    shape = (int(answers.found.sum()), 10)
    assert answers.right.shape == answers.right_by_task.shape == shape
    assert len(answers.confidence) == len(answers.classes) == shape[0] > 0


def test_a_trainer_holds_what_the_room_reads(watched: Watched) -> None:
    trainer = watched.trainer
    wanted = {
        "trainers/resume_point.py": "epoch start_epoch epochs model ema.ema ema.updates optimizer scaler.state_dict "
        "args.lr0 args.optimizer args.warmup_bias_lr args.close_mosaic batch_size best_fitness stopper.best_fitness "
        "stopper.best_epoch scheduler.last_epoch csv train_loader.generator train_loader.iterator "
        "train_loader._get_iterator train_loader.num_workers train_loader.dataset.buffer "
        "train_loader.dataset.load_image",
        "trainers/measuring.py": "train_loader.dataset test_loader.dataset batch_size device epochs start_epoch model",
        "trainers/frozen.py": "train_loader.sampler train_loader.reset train_loader.collate_fn args.freeze "
        "args.seed args.multi_scale args.task",
        "trainers/saving.py": "last best stop fitness save_model",
        "trainers/fast.py": "metrics args.plots best_fitness",
        "trainers/rates.py": "freeze_layer_names optimizer.param_groups scheduler.base_lrs scheduler.lr_lambdas",
        "trainers/watching.py": "data validator.update_metrics validator.training",
        "the callbacks of the worker": "tloss metrics fitness train_loader optimizer",
    }
    for user, names in wanted.items():
        for name in names.split():
            value = trainer
            for part in name.split("."):
                assert hasattr(value, part), f"trainer.{name} is gone: {user} reads it"
                value = getattr(value, part)


def test_rates_hang_on_the_groups_of_the_optimizer(watched: Watched) -> None:
    start = watched.start
    assert all({"lr", "initial_lr", "param_group"} <= group for group in start["groups"]), "trainers/rates.py sets them"
    assert len(start["base_lrs"]) == start["lambdas"] == len(start["groups"])
    assert start["last_epoch"] == -1, "trainers/resume_point.py sets scheduler.last_epoch to start_epoch - 1"


def test_batches_and_answers_have_the_shape_the_pictures_need(watched: Watched) -> None:
    batch, (answers, looked) = watched.batches[0], watched.answers[0]
    assert {"img", "cls", "bboxes", "batch_idx", "im_file"} <= set(batch)
    assert float(batch["img"].max()) <= 1, "preprocess_batch leaves pictures in another range"
    assert {"img", "im_file", "cls", "bboxes", "batch_idx"} <= set(looked)
    assert len(answers) == len(looked["img"])
    assert {"bboxes", "conf", "cls"} <= set(answers[0])


def test_what_is_exchanged_on_a_trainer_is_used(watched: Watched) -> None:
    assert len(watched.batches) == 2, "trainer.preprocess_batch of the object is not called: trainers/watching.py"
    assert watched.answers, "validator.update_metrics of the object is not called: trainers/watching.py"
    assert "save_model" in watched.moments, "trainer.save_model of the object is not called: trainers/saving.py"
    assert CountedFile.writes == 1, "best.pt is not written through trainer.best.write_bytes: trainers/saving.py"


def test_metrics_and_losses_have_the_names_the_events_tell(watched: Watched) -> None:
    from core.training.metric_names import named_metrics, plain_numbers

    trainer = watched.trainer
    named = named_metrics(dict(trainer.metrics), classes=2)
    assert {"mAP50", "mAP50-95", "precision", "recall"} <= set(named)
    assert len(plain_numbers(trainer.tloss)) >= 2, "trainer.tloss is no dictionary of losses: the events tell them"
    assert any(name.startswith("val/") for name in watched.start["metrics"]), (
        "losses of the validation are named otherwise"
    )


# Who may know Ultralytics

IMPORTERS = {
    "core/delivery/bundle/files/predict.py",
    "core/delivery/export/job.py",
    "core/delivery/export/verification.py",
    "core/evaluation/predict/predictor.py",
    "core/training/worker/training.py",
}
"""Files outside the room that import Ultralytics: its public doors only, `YOLO(...)` and `settings`."""
PUBLIC = {("ultralytics", "YOLO"), ("ultralytics", "settings")}
TOLD = {"epoch", "epochs", "metrics", "fitness", "stop", "tloss", "batch_size", "train_loader", "optimizer", "model",
        "cores"}  # fmt: skip
"""What callbacks outside the room may read of a trainer (`cores` is Graft's own)."""
PRIVATE = {
    "_ImageCache", "_close_dataloader_mosaic", "_compute_affine_matrix", "_predict_once", "_process_batch",
    "_setup_train", "check_amp", "check_font", "criterion", "final_eval", "freeze_layer_names", "img_cache",
    "init_criterion", "lr_lambdas",
    "match_predictions", "one2one_cv2", "student_model", "stopper", "strip_optimizer", "teacher_model", "test_loader",
}  # fmt: skip
"""Names of Ultralytics that no file outside the room may have."""


def knowledge(text: str) -> set[str]:
    """Return what a file knows of Ultralytics: "imports", and every name it has beyond the public doors."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names = [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [(node.module or "", alias.name) for alias in node.names]
        else:
            names = []
        for name in names:
            if name[0].split(".")[0] == "ultralytics":
                found |= {"imports"} | ({".".join(name).strip(".")} if name not in PUBLIC else set())
        if isinstance(node, ast.Attribute):
            if node.attr in PRIVATE:
                found.add(node.attr)
            if isinstance(node.value, ast.Name) and node.value.id == "trainer" and node.attr not in TOLD:
                found.add(f"trainer.{node.attr}")
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute):
            inner = node.value
            if inner.attr == "model" or (inner.attr == "yaml" and ast.unparse(inner).endswith("model.yaml")):
                found.add(f"{inner.attr}[]")
    return found


def outside() -> dict[str, set[str]]:
    files = [path for top in ("core", "pages") for path in (ROOT / top).rglob("*.py") if ROOM not in path.parents]
    known = {path.relative_to(ROOT).as_posix(): knowledge(path.read_text(encoding="utf-8")) for path in files}
    return {path: names for path, names in known.items() if names}


def test_only_these_files_know_ultralytics() -> None:
    known = outside()
    assert set(known) == IMPORTERS, "what is new goes through core/ultralytics; what is gone, off the list"
    private = {path: names - {"imports"} for path, names in known.items() if names != {"imports"}}
    assert private == {}, "names of Ultralytics outside core/ultralytics"


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("from ultralytics.nn.tasks import load_checkpoint", "ultralytics.nn.tasks.load_checkpoint"),
        ("import ultralytics.engine.trainer as t", "ultralytics.engine.trainer"),
        ("def f(trainer): trainer.ema.updates", "trainer.ema"),
        ("model.final_eval()", "final_eval"),
        ("yolo.model.model[-1]", "model[]"),
        ("model.model.yaml['backbone']", "yaml[]"),
    ],
)
def test_a_planted_name_is_found(code: str, found: str) -> None:
    assert found in knowledge(code)
