"""The state of a training after a whole epoch, complete enough to go on exactly where it was.

Ultralytics' own last.pt holds the averaged model in half precision and loses its optimizer when a run ends by request,
after which `resume=True` starts another training (8.4.190). This one holds model and average in full precision,
optimizer, scaler, early stopping, results.csv, and the states of all random numbers.
"""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

from core.ultralytics.loss import continue_loss
from core.ultralytics.trainers.distillation import restore_trained, student, trained_state


def save_resume_point(
    trainer: Any, path: Path, best: tuple[int | None, float | None], more: dict[str, Any] | None = None
) -> None:
    """Write the resume point of a trainer, and what else is to be found in it (plain values)."""
    import numpy as np
    import torch

    dataset = getattr(trainer.train_loader, "dataset", None)
    state = {
        "epoch": trainer.epoch,
        "graft_best": best,
        "model": trained_state(trainer.model),
        "ema": trainer.ema.ema.state_dict(),
        "ema_updates": trainer.ema.updates,
        "optimizer": trainer.optimizer.state_dict(),
        # what "auto" became, which hangs on the number of epochs: with more of them it would be another one
        "optimizer_arguments": {name: getattr(trainer.args, name) for name in ("optimizer", "lr0", "warmup_bias_lr")},
        "batch": trainer.batch_size,
        "scaler": trainer.scaler.state_dict(),
        "best_fitness": _plain(trainer.best_fitness),
        "stopper": {"best_fitness": _plain(trainer.stopper.best_fitness), "best_epoch": trainer.stopper.best_epoch},
        "results_csv": trainer.csv.read_text(encoding="utf-8") if trainer.csv.exists() else "",
        "random": {
            "python": random.getstate(),
            "numpy": [value.tolist() if isinstance(value, np.ndarray) else value for value in np.random.get_state()],
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
            "loader": _loader_generator_state(trainer),
        },
        "mosaic_buffer": list(getattr(dataset, "buffer", [])),
    }
    write_resume_point(state | (more or {}), path)


def write_resume_point(state: dict[str, Any], path: Path) -> None:
    """Write a resume point atomically, keeping the one before as `resume.previous.pt`."""
    import torch

    part = path.with_suffix(".part")
    with part.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    if path.exists():
        os.replace(path, path.with_name("resume.previous.pt"))
    os.replace(part, path)


def load_resume_point(path: Path) -> dict[str, Any] | None:
    """Load the newest resume point that is whole, checked by loading it; None when there is none."""
    import torch

    for candidate in (path, path.with_name("resume.previous.pt")):
        if not candidate.is_file():
            continue
        try:
            state = torch.load(candidate, map_location="cpu", weights_only=True)
        except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
            print(f"{candidate.name} is damaged ({type(error).__name__}); trying the one before it")
            continue
        if isinstance(state, dict) and state.get("epoch", -1) >= 0:
            return state
    return None


def restore_training(trainer: Any, state: dict[str, Any]) -> None:
    """Put a freshly set-up trainer where the resume point was taken; called in `on_train_start`."""
    import numpy as np
    import torch

    restore_trained(trainer.model, state["model"])
    trainer.ema.ema.load_state_dict(state["ema"])
    trainer.ema.updates = state["ema_updates"]
    trainer.optimizer.load_state_dict(state["optimizer"])
    trainer.scaler.load_state_dict(state["scaler"])
    trainer.best_fitness = state["best_fitness"]
    trainer.stopper.best_fitness = state["stopper"]["best_fitness"]
    trainer.stopper.best_epoch = state["stopper"]["best_epoch"]
    trainer.start_epoch = state["epoch"] + 1
    trainer.scheduler.last_epoch = trainer.start_epoch - 1
    if state["results_csv"]:
        trainer.csv.write_text(state["results_csv"], encoding="utf-8")
    continue_loss(student(trainer.model), trainer.start_epoch)
    dataset = getattr(trainer.train_loader, "dataset", None)
    if state["mosaic_buffer"] and dataset is not None and hasattr(dataset, "buffer"):
        # the pictures that collages are taken from: loading them in their order fills the buffer as it was
        dataset.buffer = []
        for index in state["mosaic_buffer"]:
            dataset.load_image(index)
    _restore_picture_order(trainer, state["random"]["loader"])
    numbers = state["random"]
    version, internal, gauss = numbers["python"]
    random.setstate((version, tuple(internal), gauss))
    name, keys, position, has_gauss, cached = numbers["numpy"]
    np.random.set_state((name, np.array(keys, dtype=np.uint32), position, has_gauss, cached))
    torch.set_rng_state(numbers["torch"])
    if numbers["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(numbers["cuda"])


def _restore_picture_order(trainer: Any, generator_state: Any) -> None:
    """Put the loader's generator where the next epoch of the uninterrupted run would begin.

    Exact without loader processes (on the CPU); with them pictures are fetched ahead and the order may differ.
    """
    import torch

    closing = trainer.args.close_mosaic
    if closing and trainer.start_epoch > trainer.epochs - closing:
        # collages had ended before: end them here, or the loop would reset the loader and shift the order
        trainer._close_dataloader_mosaic()
        trainer.args.close_mosaic = 0
    if generator_state is None:
        return
    loader = trainer.train_loader
    if loader.num_workers or (closing and trainer.start_epoch == trainer.epochs - closing):
        loader.generator.set_state(generator_state)  # the loop makes a new iterator itself
        return
    # An iterator draws a number when it is made, and a sampler draws a last, unused order when it is exhausted
    # (torch.utils.data.RandomSampler): the first was long ago, the second is still to come.
    loader.iterator = loader._get_iterator()
    loader.generator.set_state(generator_state)
    torch.randperm(len(loader.dataset), generator=loader.generator)


def _loader_generator_state(trainer: Any) -> Any:
    generator = getattr(trainer.train_loader, "generator", None)
    return generator.get_state() if generator is not None else None


def _plain(value: Any) -> float | None:
    return None if value is None else float(value)
