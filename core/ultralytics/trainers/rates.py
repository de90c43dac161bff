"""At which rates the layers of a network learn, changed in a trainer that has been set up.

Rates are set on the optimizer's own groups, so that Ultralytics' `param_group` keys (bias warm-up, decay) stay as they
are. The notebook that goes out with a run shows these functions as they stand here.
"""

from __future__ import annotations

from typing import Any


def slow_backbone(trainer: Any, layers: int, rate: float) -> None:
    """Give the parameters of the first `layers` groups of their own at a share `rate` of the learning rate."""
    slow = _backbone_parameters(trainer, layers)
    groups = []
    for group in trainer.optimizer.param_groups:
        for backbone in (False, True):
            members = [parameter for parameter in group["params"] if (id(parameter) in slow) == backbone]
            if members:
                share = rate if backbone else 1.0
                rates = {key: group[key] * share for key in ("lr", "initial_lr") if key in group}
                groups.append({**group, "params": members, **rates})
    trainer.optimizer.param_groups[:] = groups
    _tell_scheduler(trainer)


def unfreeze(trainer: Any, rate: float) -> None:
    """After a first stage: make everything trainable at a share `rate` of the learning rate, from pictures."""
    if hasattr(trainer, "release_features"):
        trainer.release_features()
    trainer.freeze_layer_names = []
    for name, parameter in trainer.model.named_parameters():
        if ".dfl" not in name and "teacher_model." not in name:  # a fixed projection, and a teacher: never trained
            parameter.requires_grad = True
    for group in trainer.optimizer.param_groups:
        group["initial_lr"] = group.get("initial_lr", group["lr"]) * rate
    _tell_scheduler(trainer)


def _tell_scheduler(trainer: Any) -> None:
    scheduler = trainer.scheduler
    scheduler.base_lrs = [group["initial_lr"] for group in trainer.optimizer.param_groups]
    scheduler.lr_lambdas = [scheduler.lr_lambdas[0]] * len(scheduler.base_lrs)


def _backbone_parameters(trainer: Any, layers: int) -> set[int]:
    network = getattr(trainer.model, "student_model", trainer.model)  # without its teacher
    return {id(parameter) for layer in network.model[:layers] for parameter in layer.parameters()}
