"""Learning from a larger model as well (distillation): which teacher a run may have, and which part is the student.

Ultralytics wraps teacher and student into one network (`nn/distill_model.py`, 8.4.190). Beside the labels, the student
is drawn to what the teacher's neck makes of every batch, most where the teacher is sure of something. The wrapper must
show nowhere: what is counted, kept and reported is the student. Run for detection, outlines, key points and turned
boxes with YOLO26, YOLO11 and YOLOv8, across families too; a classifier has no such neck.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from core.errors import GraftError, InputError
from core.models.catalog import model_for_task
from core.models.weights import WeightsFile
from core.safe_files import WholeFile
from core.spec import TrainingSpec
from core.tasks import TASKS
from core.training.several_gpus import bare
from core.training.starting_points import check_start, locate
from core.workspace import Workspace

TEACHER = "teacher_model."
"""How the names of the teacher's weights begin in the wrapped network."""


def check_teacher(workspace: Workspace, spec: TrainingSpec) -> dict[str, str]:
    """Return name, origin and SHA-256 of the teacher's weights, after loading unknown ones safely; {} without one.

    Raises InputError for a task without teachers, a teacher that is not here, is refused, or is for another task.
    """
    if not spec.teacher:
        return {}
    if not TASKS[spec.task].fits_teacher:
        raise InputError(
            "A model that sorts whole pictures can't learn from a teacher: distillation needs one that finds things. "
            "Leave the teacher out."
        )
    found = _find(workspace, spec)
    try:
        check_start(workspace, found, spec.task)
    except InputError as error:
        raise InputError(f"This teacher can't be used: {error}") from error
    return found.record(spec.teacher)


def _find(workspace: Workspace, spec: TrainingSpec) -> WeightsFile:
    try:
        found = locate(workspace, spec.teacher, spec.task)
    except InputError as error:
        raise InputError(f"This teacher can't be used: {error}") from error
    if found is None:
        model = model_for_task(spec.teacher, spec.task)
        raise InputError(
            f"The teacher {model.name} is not on this machine yet: download it on the Model page, put {model.file} "
            "into the workspace's weights folder, or leave the teacher out."
        )
    return found


def meet_teacher(workspace: Workspace, spec: TrainingSpec, learner: Any) -> tuple[str, str]:
    """Return the path of the teacher's weights and a sentence about it, ("", "") without one. Child processes only.

    Raises GraftError when it is gone, or looks at pictures at other scales than `learner`, the network to be trained.
    """
    if not spec.teacher:
        return "", ""
    from ultralytics.nn.distill_model import DistillationModel
    from ultralytics.nn.tasks import load_checkpoint

    found = _find(workspace, spec)
    network = load_checkpoint(str(found.path))[0]
    try:
        for one in (learner, network):
            DistillationModel.get_distill_layers(one)
        fits = learner.stride.tolist() == network.stride.tolist()
    except ValueError:  # no head that finds things
        fits = False
    if not fits:
        raise GraftError(
            f"The teacher {spec.teacher} looks at pictures at other scales than the model that is to learn from it. "
            "Choose a teacher of the families YOLO26, YOLO11 or YOLOv8, or leave it out."
        )
    own, its = (sum(parameter.numel() for parameter in one.parameters()) for one in (learner, network))
    words = f"It also learns from {spec.teacher} ({found.origin}; {its / 1e6:.1f} million parameters to its own "
    words += f"{own / 1e6:.1f} million)."
    if its <= own:
        words += " That teacher is no larger than the model itself: little is to be expected of it."
    if spec.teacher_weights and found.sha256 != spec.teacher_weights["sha256"]:
        words += " The teacher has changed since the run was planned."
    return str(found.path), words


def student(model: Any) -> Any:
    """Return the network that is trained, without what is wrapped around it: several GPUs, a teacher."""
    inner = bare(model)
    return getattr(inner, "student_model", inner)


def trained_state(model: Any) -> dict[str, Any]:
    """Return what a training changes: the state of the student and of what translates between the two."""
    return {name: value for name, value in bare(model).state_dict().items() if not name.startswith(TEACHER)}


def restore_trained(model: Any, state: dict[str, Any]) -> None:
    """Put `trained_state` back; the teacher stays as it is. Raises RuntimeError for a state of another network."""
    inner = bare(model)
    teachers = {name: value for name, value in inner.state_dict().items() if name.startswith(TEACHER)}
    inner.load_state_dict({**state, **teachers})


class StudentFile(WholeFile):
    """A best.pt that holds the bare student at any moment: Ultralytics unwraps it only when a training ends."""

    def write_bytes(self, data: bytes) -> int:
        """Take the student out of a checkpoint that this process has just made, and write it."""
        import torch

        checkpoint = torch.load(io.BytesIO(data), map_location="cpu", weights_only=False)
        wrapped = checkpoint["ema"]
        wrapped._remove_feature_hooks()
        checkpoint["ema"] = wrapped.student_model
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        return super().write_bytes(buffer.getvalue())


def protect_checkpoints(trainer: Any) -> None:
    """Make a trainer of Ultralytics write last.pt and best.pt whole or not at all, and best.pt without the wrapper."""
    trainer.last = WholeFile(trainer.last)
    wrapped = student(trainer.model) is not bare(trainer.model)
    trainer.best = StudentFile(trainer.best) if wrapped else WholeFile(trainer.best)


def distillation_pass(learner: Any, teacher: str | Path, pictures: Any) -> None:
    """Run the forward passes of one step on random pictures, as a run with this teacher does, labels apart.

    `learner` is changed (its hooks, its arguments): give a copy. For measuring memory.
    """
    import torch
    from ultralytics.nn.distill_model import DistillationModel
    from ultralytics.utils import IterableSimpleNamespace

    learner.args = IterableSimpleNamespace(imgsz=pictures.shape[-1], dis=1.0)
    both = DistillationModel(teacher_model=teacher, student_model=learner).train()
    with torch.no_grad():
        both.teacher_model(pictures)
    both.student_model(pictures)
    for level, project in enumerate(both.projector):
        made = both._teacher_feats[level]
        scores = (torch.ones_like(made[:, :1]).flatten(2),) * (level + 1)
        both.loss_sl2(project(both._student_feats[level]), made, level, scores)
