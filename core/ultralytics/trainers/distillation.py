"""The network in which a model learns from a teacher: which part is the student, what of it is trained and kept.

Ultralytics wraps teacher and student into one network (`nn/distill_model.py`, 8.4.190). Beside the labels, the student
is drawn to what the teacher's neck makes of every batch, most where the teacher is sure of something. The wrapper must
show nowhere: what is counted, kept and reported is the student.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.ultralytics.networks import bare

TEACHER = "teacher_model."
"""How the names of the teacher's weights begin in the wrapped network."""


def student(model: Any) -> Any:
    """Return the network that is trained, without what is wrapped around it: several GPUs, a teacher."""
    inner = bare(model)
    return getattr(inner, "student_model", inner)


def can_teach(teacher: Any, learner: Any) -> bool:
    """Say whether two networks look at pictures at the same scales, both with a head that finds things."""
    from ultralytics.nn.distill_model import DistillationModel

    try:
        for one in (learner, teacher):
            DistillationModel.get_distill_layers(one)
        fits: bool = learner.stride.tolist() == teacher.stride.tolist()
    except ValueError:  # no head that finds things
        return False
    return fits


def trained_state(model: Any) -> dict[str, Any]:
    """Return what a training changes: the state of the student and of what translates between the two."""
    return {name: value for name, value in bare(model).state_dict().items() if not name.startswith(TEACHER)}


def restore_trained(model: Any, state: dict[str, Any]) -> None:
    """Put `trained_state` back; the teacher stays as it is. Raises RuntimeError for a state of another network."""
    inner = bare(model)
    teachers = {name: value for name, value in inner.state_dict().items() if name.startswith(TEACHER)}
    inner.load_state_dict({**state, **teachers})


def without_teacher(wrapped: Any) -> Any:
    """Return the bare student of a wrapped network, which is spoilt for learning."""
    wrapped._remove_feature_hooks()
    return wrapped.student_model


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
