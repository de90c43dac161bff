"""Which trainer a run gets, and in which number format it trains on this machine."""

from __future__ import annotations

from typing import Any

from core.planning.speed import StepSpeed, keep_speed, known_speed
from core.spec import TrainingSpec
from core.workspace import Workspace

WORTH_MEASURING = 1_500
"""Pictures of 320 px a run looks at, epochs times training pictures: below it, timing takes longer than it gains."""


def trainer_class(spec: TrainingSpec) -> type:
    """Return the trainer class for a run (imports Ultralytics: child processes only)."""
    from core.ultralytics.trainers.frozen import frozen_trainer

    if spec.strategy.staged:
        return frozen_trainer(spec.task, spec.strategy.first_stage(spec.epochs))
    return frozen_trainer(spec.task)  # caches where the first layers are frozen, by strategy or by hand


def number_format(workspace: Workspace, spec: TrainingSpec, device: str, pictures: int) -> dict[str, Any]:
    """Return the arguments `channels_last` and `amp` for a run on the CPU, from steps timed on this machine.

    They are timed here when no run has done so before on all cores (about five seconds) and the run is long enough to
    gain from it.
    What the run's settings say goes before; on other devices Ultralytics decides.
    """
    if device != "cpu":
        return {}
    speed = known_speed(workspace)
    if speed is None or not speed.undisturbed:
        if pictures * spec.epochs * (spec.imgsz / 320) ** 2 < WORTH_MEASURING:
            return {} if speed is None else arguments_for(speed)
        from core.planning.step_timing import time_steps

        speed = time_steps()
        keep_speed(workspace, speed)
    return arguments_for(speed)


def arguments_for(speed: StepSpeed) -> dict[str, Any]:
    """Return what pays on this machine as arguments of a training."""
    arguments: dict[str, Any] = {}
    if speed.use_channels_last:
        arguments["channels_last"] = True
    if speed.use_bf16:
        arguments["amp"] = "bf16"
    return arguments
