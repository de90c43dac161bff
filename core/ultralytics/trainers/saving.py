"""When and how a trainer writes its checkpoints: whole, without a teacher in them, and not more often than needed.

Ultralytics writes best.pt in place (`BaseTrainer.save_model`, 8.4.190) through the paths `trainer.best` and
`trainer.last`, which are exchanged here.
"""

from __future__ import annotations

import io
from typing import Any

from core.files.safe_files import WholeFile
from core.ultralytics.networks import bare
from core.ultralytics.trainers.distillation import student, without_teacher


class StudentFile(WholeFile):
    """A best.pt that holds the bare student at any moment: Ultralytics unwraps it only when a training ends."""

    def write_bytes(self, data: bytes) -> int:
        """Take the student out of a checkpoint that this process has just made, and write it."""
        import torch

        checkpoint = torch.load(io.BytesIO(data), map_location="cpu", weights_only=False)
        checkpoint["ema"] = without_teacher(checkpoint["ema"])
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        return super().write_bytes(buffer.getvalue())


def protect_checkpoints(trainer: Any) -> None:
    """Make a trainer write last.pt and best.pt whole or not at all, and best.pt without the wrapper of a teacher."""
    trainer.last = WholeFile(trainer.last)
    wrapped = student(trainer.model) is not bare(trainer.model)
    trainer.best = StudentFile(trainer.best) if wrapped else WholeFile(trainer.best)


def save_when_it_matters(trainer: Any) -> None:
    """Have a trainer write its checkpoints after epochs that are the best so far, and at the end.

    In between its last.pt would only repeat what Graft's own resume point holds, at twice the cost of that.
    """
    save = trainer.save_model

    def save_or_skip() -> Any:
        if trainer.stop or trainer.best_fitness == trainer.fitness or not trainer.last.exists():
            return save()
        return True  # the callback that keeps the resume point runs on it

    trainer.save_model = save_or_skip
