"""Learning from a larger model as well (distillation): which teacher a run may have.

Run for detection, outlines, key points and turned boxes with YOLO26, YOLO11 and YOLOv8, across families too; a
classifier has no neck that a student could be drawn to. The training itself is Ultralytics' (see
core/ultralytics/trainers/distillation.py).
"""

from __future__ import annotations

from typing import Any

from core.errors import GraftError, InputError
from core.models.catalog import model_for_task
from core.models.weights import WeightsFile
from core.spec import TrainingSpec
from core.tasks import TASKS
from core.training.starting_points import check_start, locate
from core.ultralytics.checkpoints import read_network
from core.ultralytics.trainers.distillation import can_teach
from core.words import millions
from core.workspace import Workspace


def check_teacher(workspace: Workspace, spec: TrainingSpec) -> dict[str, str]:
    """Return name, origin and SHA-256 of the teacher's weights, after loading unknown ones safely; {} without one.

    Raises InputError for a task without teachers, a teacher that is not here, is refused, or is for another task.
    """
    if not spec.teacher:
        return {}
    if not TASKS[spec.task].fits_teacher:
        raise InputError(
            f"A model that {TASKS[spec.task].does} can't learn from a teacher: distillation needs one that finds "
            "objects. Leave the teacher out."
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
    found = _find(workspace, spec)
    network = read_network(found.path)
    if not can_teach(network, learner):
        raise GraftError(
            f"The teacher {spec.teacher} looks at pictures at other scales than the model that is to learn from it. "
            "Choose a teacher of the families YOLO26, YOLO11 or YOLOv8, or leave it out."
        )
    own, its = (sum(parameter.numel() for parameter in one.parameters()) for one in (learner, network))
    words = f"It also learns from {spec.teacher} ({found.origin}; {millions(its)} parameters to its own "
    words += f"{millions(own)})."
    if its <= own:
        words += " That teacher is no larger than the model itself: little is to be expected of it."
    if spec.teacher_weights and found.sha256 != spec.teacher_weights["sha256"]:
        words += " The teacher has changed since the run was planned."
    return str(found.path), words
