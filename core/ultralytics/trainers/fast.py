"""Ultralytics' trainers with the same maths in less time: what a CPU allows and 8.4.190 refuses or leaves undone.

A step of yolo26n, batch 8, 320 px, on 2 cores with AMX: channels_last 1.1 times as fast, bfloat16 on top of it 1.8
times, both cores instead of one 1.5 times (bench/step_speed.py). Besides: one fused kernel for AdamW, and no second
validation of the best model, whose metrics are known; classifiers' pictures kept at the size they are looked at.

    model.train(trainer=fast_trainer("detect"), amp="bf16", channels_last=True, ...)

On a GPU these trainers are Ultralytics' own, but for the share of pictures that is left as it is.
"""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from pkgutil import resolve_name
from typing import Any

from core.processes.cores import SharedCores, Work
from core.tasks import TASKS
from core.ultralytics.precision import with_bf16
from core.ultralytics.trainers.classify import PicturesAtSize
from core.ultralytics.trainers.untransformed import leave_untransformed


class FastSteps:
    """Mixed into a trainer's class before Ultralytics' own; see `fast_trainer`."""

    def __init__(self, cfg: Any = None, overrides: dict[str, Any] | None = None, _callbacks: Any = None) -> None:
        """Take what Ultralytics refuses or ignores: `amp="bf16"`, `channels_last=True` on a CPU, `untransformed`."""
        from ultralytics.utils import DEFAULT_CFG

        overrides = dict(overrides or {})
        self.wants_bf16 = self.wants_channels_last = False
        if str(overrides.get("device", "")).strip().lower() == "cpu":
            self.wants_bf16 = str(overrides.get("amp", "")).lower() == "bf16"
            self.wants_channels_last = bool(overrides.get("channels_last"))
            overrides["channels_last"] = None
            if self.wants_bf16:
                overrides["amp"] = False  # autocast is ours
        self.untransformed = float(overrides.pop("untransformed", 0.0) or 0.0)
        self.cores: Any = None  # SharedCores on a CPU
        self.work_before = Work.now()  # while all is set up, what else the machine does is seen
        self.best_metrics: dict[str, Any] | None = None
        super().__init__(cfg or DEFAULT_CFG, overrides, _callbacks)  # type: ignore[call-arg]

    def _setup_train(self) -> None:
        super()._setup_train()  # type: ignore[misc]
        if self.device.type != "cpu":
            return
        import torch

        self._aligned = False
        self.cores = SharedCores(since=self.work_before)
        self.add_callback("on_train_batch_start", lambda _trainer: self.cores.adapt())
        if self.wants_channels_last:
            for model in (self.model, self.ema.ema):
                model.to(memory_format=torch.channels_last)
        if self.wants_bf16 and not hasattr(self.model, "student_model"):
            # not when distilling: features of teacher and student are compared at full precision
            with_bf16(self.model)

    def build_dataset(self, img_path: str, mode: str = "train", batch: int | None = None) -> Any:
        """Build a dataset as Ultralytics does; of the training pictures a share is left as it is."""
        dataset = super().build_dataset(img_path, mode, batch)  # type: ignore[misc]
        if mode == "train" and self.untransformed:
            leave_untransformed(dataset, self.untransformed)
        return dataset

    def preprocess_batch(self, batch: Any) -> Any:
        """Prepare a batch as Ultralytics does, in the memory layout of the model."""
        import torch

        batch = super().preprocess_batch(batch)  # type: ignore[misc]
        if self.wants_channels_last:
            batch["img"] = batch["img"].contiguous(memory_format=torch.channels_last)
        return batch

    def build_optimizer(self, *arguments: Any, **options: Any) -> Any:
        """Build Ultralytics' optimizer; AdamW on a CPU with one fused kernel instead of a loop over 366 tensors."""
        import torch

        optimizer = super().build_optimizer(*arguments, **options)  # type: ignore[misc]
        if type(optimizer) is torch.optim.AdamW and self.device.type == "cpu":
            # each group carries "fused": None of the first optimizer, which would win over the argument
            return torch.optim.AdamW([{**group, "fused": True} for group in optimizer.param_groups])
        return optimizer

    def optimizer_step(self) -> None:
        """Step the optimizer, after making sure once that its memory lies as the parameters' does."""
        if self.device.type == "cpu" and not self._aligned:
            self._aligned = True
            align_state(self.optimizer)
        super().optimizer_step()  # type: ignore[misc]

    def validate(self) -> Any:
        """Validate, and remember the metrics of the best epoch for the end."""
        metrics, fitness = super().validate()  # type: ignore[misc]
        if fitness is not None and fitness == self.best_fitness:  # set by super()
            self.best_metrics = dict(metrics)
        return metrics, fitness

    def final_eval(self) -> None:
        """Strip the checkpoints; take the best epoch's metrics instead of validating the same weights once more.

        After a resume from a point later than the best epoch they are not known, and Ultralytics' own way is gone.
        """
        if self.device.type != "cpu" or self.best_metrics is None or self.args.plots or not self.best.exists():
            super().final_eval()  # type: ignore[misc]
            return
        from ultralytics.utils.torch_utils import strip_optimizer

        stripped = strip_optimizer(self.last) if self.last.exists() else {}
        strip_optimizer(self.best, updates={"train_results": stripped.get("train_results")})
        self.metrics = {name: value for name, value in deepcopy(self.best_metrics).items() if name != "fitness"}
        self.epoch += 1  # as Ultralytics does: the metrics of the best are told at epochs + 1
        self.run_callbacks("on_fit_epoch_end")
        self.epoch -= 1

    # set by Ultralytics' trainers
    device: Any
    model: Any
    ema: Any
    optimizer: Any
    best_fitness: Any
    best: Any
    last: Any
    args: Any
    epoch: int
    metrics: Any
    run_callbacks: Any
    add_callback: Any


def align_state(optimizer: Any) -> None:
    """Lay the optimizer's moments out as their parameters are: the fused kernel walks through both side by side.

    They differ when a resume point was made with another memory layout.
    """
    import torch

    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if (
                isinstance(value, torch.Tensor)
                and value.shape == parameter.shape
                and value.stride() != parameter.stride()
            ):
                state[name] = torch.empty_like(parameter).copy_(value)


@cache
def fast_trainer(task: str) -> type:
    """Return the trainer class for a task: FastSteps before Ultralytics' own. Raises KeyError for an unknown task."""
    own = resolve_name(TASKS[task].trainer)
    kinds = (FastSteps, PicturesAtSize, own) if TASKS[task].names_pictures else (FastSteps, own)
    return type(f"Fast{own.__name__}", kinds, {})
