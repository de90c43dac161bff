"""How long a training will take, from the work of a picture and the speed of the machine."""

from __future__ import annotations

import math
from collections.abc import Sequence

from core.evaluation.figures.figure import Figure
from core.planning.facts import MachineFacts
from core.tasks import TASKS

BACKWARD = 3.0
"""Work of a training step by that of its forward pass (forward, and twice as much backward)."""
GPU_GFLOPS = {"cuda": 3_000.0, "mps": 400.0}
"""GFLOP per second that small YOLO models reach in training on a modest graphics card; only an order of magnitude."""
CORE_GFLOPS = 20.0
"""The same for one core of a processor with AVX2, not measured on the machine itself: an order of magnitude."""
TIMED_SHARE, TIMED_SHARE_CLASSIFY = 0.75, 0.5
"""What a picture takes in training, by what the timed steps (4 pictures of 256 px, a detector) say of its work: batches
of 8 and 16 are quicker per picture, classifiers have no head with many small layers. Measured where a timed step takes
TIMED_ON seconds (2 cores, bfloat16 with AMX): .70 (yolo26n, 320 px, batch 8), .47 (yolo11n-cls, 224 px, batch 16)."""
TIMED_ON = 0.146
"""The rest of such a step, calls of some 400 layers, does not grow with the work. On a processor that computes more
slowly it is a smaller part: .72 for the classifier where a timed step takes .285 s (2 cores with AVX2)."""
PICTURE_SECONDS = 0.003
"""Augmenting and collating one picture of 320 px on one core (a cloud processor: 0.002 s for pictures in memory)."""
STEP_SECONDS = 0.02
"""Optimizer, average of the weights and reports of one step, whatever the size of the picture."""
EPOCH_SECONDS = 0.8
"""Saving and reporting an epoch."""
START_SECONDS = 8.0
"""Imports, loading and the check before training (5 to 10 s measured on 2 cores)."""
END_SECONDS, LAST_LOOK = 4.0, 0.5
"""The last look: the best model sees the validation pictures, and its backbone the training pictures, which takes half
as long as an epoch (LAST_LOOK of one), and loads, judges and stores beside it. Measured on one core: 20 s after epochs
of 36 s (DeepPCB, yolo26n, 288 px)."""


def picture_seconds(machine: MachineFacts, gflop: float, *, train: bool = True) -> float:
    """Return the seconds the network needs for one picture whose forward pass is `gflop` (see `work`)."""
    needed = gflop * (BACKWARD if train else 1.0)
    if machine.device != "cpu":
        return needed / GPU_GFLOPS[machine.device] + 0.0005
    if machine.speed is not None:
        rate = machine.speed.gflop * BACKWARD / (machine.speed.best if train else machine.speed.plain)
        rate /= slowdown(machine.cores, machine.speed.cores)  # fewer may be used now than it was measured on
    else:
        rate = CORE_GFLOPS * machine.cores
    return needed / rate


def timed_share(machine: MachineFacts, task: str) -> float:
    """Return what a picture takes in training by what the steps timed on the machine say of its work, 0 to 1."""
    if machine.speed is None:
        return 1.0
    there = TIMED_SHARE_CLASSIFY if TASKS[task].names_pictures else TIMED_SHARE
    return 1 - (1 - there) * min(1.0, TIMED_ON / machine.speed.best)


def work(gflops: float, task: str, imgsz: int) -> float:
    """Return the GFLOP of the forward pass on one picture of `imgsz` px from the catalogue's figure."""
    return gflops * (imgsz / TASKS[task].usual_size) ** 2


def epoch_seconds(
    machine: MachineFacts,
    *,
    task: str,
    gflops: float,
    imgsz: int,
    batch: int,
    train: int,
    val: int,
    frozen: bool = False,
    teacher_gflops: float = 0.0,
) -> float:
    """Return the seconds of one epoch: load, learn (beside a teacher, where its GFLOPs are given), validate, save."""
    load: float = PICTURE_SECONDS * max(0.4, (imgsz / 320) ** 1.5)
    needed = work(gflops, task, imgsz) * timed_share(machine, task)
    learn = picture_seconds(machine, needed) * (0.5 if frozen else 1.0)
    if teacher_gflops:  # both at full precision, all layers every time; the teacher answers only
        learn = picture_seconds(machine, needed, train=False) * BACKWARD
        learn += picture_seconds(machine, work(teacher_gflops, task, imgsz), train=False)
    if machine.device == "cpu":
        per_picture, per_look = load + learn, load / 2 + picture_seconds(machine, needed, train=False)
    else:  # loader processes work beside the card
        per_picture = max(load / max(1, machine.cores), learn)
        per_look = max(load / max(1, machine.cores), picture_seconds(machine, needed, train=False))
    return train * per_picture + -(-train // batch) * STEP_SECONDS + val * per_look + EPOCH_SECONDS


def run_seconds(epochs: float, one_epoch: float) -> float:
    """Return the seconds of a whole run of `epochs`, its last look included."""
    return START_SECONDS + epochs * one_epoch + end_seconds(one_epoch)


def end_seconds(one_epoch: float) -> float:
    """Return the seconds from the end of the last epoch to the end of the run."""
    return END_SECONDS + LAST_LOOK * one_epoch


SPREAD, SPREAD_GUESSED = 0.2, 0.8
"""Standard deviation of ln(time taken / time expected) before any training was seen: where steps were timed on the
machine (16 trainings on two cores, three models, light work beside some: .21, bench/time_said.py), and where none were
(a first graphics card: 2.2 times as long for a detector, a quarter for a classifier)."""
WORTH, FREEDOM = 2, 8
"""The expectation by steps counts as so many trainings seen, its spread as that of so many."""
COVERED = 0.9
"""Share of trainings whose time is to lie in the range."""
PER_CORE = 0.63
"""A step on a share of the cores takes share^-PER_CORE of the time: 441 ms on one core of two, 285 on both (yolo26n,
320 px, batch 8, bfloat16)."""


def slowdown(free: float, cores: float) -> float:
    """Return by how much longer a step takes on `free` of a processor's `cores`, at least 1."""
    share: float = max(free, 1.0) / max(cores, 1.0)
    return max(1.0, float(share**-PER_CORE))


def likely_seconds(expected: float, ratios: Sequence[float], *, measured: bool) -> Figure:
    """Return how long a training will take, with the range that holds in nine of ten.

    `expected`: by the work of its steps; `ratios`: time taken by time expected of earlier trainings; `measured`: the
    expectation rests on steps timed on this machine. The logarithms of the ratios are taken as normal with unknown mean
    and spread, and the range is that of the next one (Student's t; Gelman et al., Bayesian Data Analysis, 3.3).
    """
    from scipy.special import stdtrit  # takes a third of a second to import, and no training asks for it

    logarithms = [math.log(ratio) for ratio in ratios if ratio > 0]
    n, whole = len(logarithms), SPREAD if measured else SPREAD_GUESSED
    spread = whole / math.sqrt(1 + 1 / WORTH)  # of trainings of one machine; the rest is how machines differ
    middle = sum(logarithms) / (n + WORTH)
    mean = sum(logarithms) / n if n else 0.0
    scatter = sum((value - mean) ** 2 for value in logarithms) + n * WORTH / (n + WORTH) * mean**2
    freedom = FREEDOM + n
    scale = math.sqrt((FREEDOM * spread**2 + scatter) / freedom * (1 + 1 / (n + WORTH)))
    away = float(stdtrit(freedom, (1 + COVERED) / 2)) * scale
    return Figure(*(expected * math.exp(middle + part) for part in (0.0, -away, away)))
