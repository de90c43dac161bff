"""Child process: time training steps of a nano detector, plain, channels_last, and with bfloat16 on top.

Answers with the fields of core.planning.speed.StepSpeed. The variants take turns, and the least of their times
counts: another program can only make a step slower.
"""

from __future__ import annotations

import time
from typing import Any

from core.jobs import Report
from core.models.catalog import find_model
from core.planning.speed import StepSpeed, machine_name
from core.planning.time import work
from core.processes.children import answer
from core.processes.cores import use_free_cores
from core.ultralytics.networks import build_network
from core.ultralytics.offline import enter_isolation
from core.ultralytics.precision import with_bf16

PICTURE_SIZE, BATCH, ROUNDS = 256, 4, 3
MODEL = "yolo26n"


def time_steps() -> StepSpeed:
    """Return the least seconds of a step in each variant, after one step each to warm up."""
    import torch

    cores = use_free_cores()  # as the training will
    plain = build_network(MODEL, classes=3).train()
    objects = 8 * BATCH
    batch = {
        "img": torch.rand(BATCH, 3, PICTURE_SIZE, PICTURE_SIZE),
        "cls": torch.randint(0, 3, (objects, 1)).float(),
        "bboxes": torch.rand(objects, 4) * 0.3 + 0.2,
        "batch_idx": torch.arange(BATCH).repeat_interleave(8).float(),
    }
    layouts = {"plain": torch.contiguous_format, "channels_last": torch.channels_last, "bf16": torch.channels_last}
    best = dict.fromkeys(layouts, float("inf"))
    for turn in range(1 + ROUNDS):
        for name, layout in layouts.items():
            model = plain.to(memory_format=layout)
            ready = {**batch, "img": batch["img"].to(memory_format=layout)}
            kind = type(model)
            if name == "bf16":
                with_bf16(model)
            began = time.perf_counter()
            loss, _ = model(ready)
            loss.sum().backward()
            seconds = time.perf_counter() - began
            model.__class__ = kind
            model.zero_grad()
            if turn:
                best[name] = min(best[name], seconds)
    known = find_model(MODEL)
    assert known is not None  # it is in the catalogue
    gflop = work(known.gflops, known.task, PICTURE_SIZE) * BATCH
    return StepSpeed(machine=machine_name(), cores=cores, gflop=gflop, **best)


def _work(_request: dict[str, Any], _report: Report) -> dict[str, Any]:
    enter_isolation()
    return time_steps().model_dump()


if __name__ == "__main__":
    answer(_work)
