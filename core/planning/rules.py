"""The rules of planning: each takes facts and gives values with a reason in one sentence. Pure functions.

Measured where it says so (BCCD, 205 pictures, yolo26n, 2-core CPU: 320 px, batch 8, a step after every batch, half an
epoch of warm-up and 8 epochs gave mAP50-95 .609 after 185 s; stock settings .602 at best after 1,332 s).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from core.planning.facts import DatasetFacts, MachineFacts
from core.spec import USUAL_MAX_DET
from core.strategies import Strategy
from core.tasks import TASKS
from core.ultralytics.trainers.classify import side_kept
from core.words import count, megabytes, thousands

STRIDE = 32
"""The coarsest grid of YOLO models: sizes are multiples of it."""


class Level(StrEnum):
    """How much time a plan takes."""

    QUICK = "quick"
    BALANCED = "balanced"
    THOROUGH = "thorough"


class Setting(NamedTuple):
    """A value and why."""

    value: Any
    reason: str


@dataclass(frozen=True)
class Effort:
    """What a level is made of."""

    object_pixels: int
    """pixels a small object should have after scaling"""
    floor: int
    """least image size where the pictures have it: the pre-trained layers know textures of that scale"""
    ceiling_cpu: int
    ceiling_gpu: int
    steps: int
    """optimizer steps that are wanted"""
    epochs: tuple[int, int]
    """fewest and most epochs"""
    patience_share: float
    """share of the epochs without gain after which it ends"""
    pays: float
    """rise of the result per minute, 0 to 1, from which it goes on"""


EFFORT = {
    Level.QUICK: Effort(12, 256, 480, 640, 120, (2, 20), 0.5, 0.03),
    Level.BALANCED: Effort(18, 320, 960, 1280, 320, (6, 60), 0.5, 0.01),
    Level.THOROUGH: Effort(24, 416, 1280, 1600, 1600, (20, 200), 0.25, 0.003),
}
LEAST_PATIENCE = 10
"""Epochs without gain that tell nothing: of a classifier judged by 32 pictures the first of 10 epochs was the best by
chance (59 % right) until its end was begun after the sixth; trained on, it came to 81 % by the twelfth."""
MOST_TIMES = 4
"""A training that goes on while it pays ends after so many times the epochs planned, whatever it would still bring."""
FEW_PICTURES, FEW_EPOCHS = 150, 30
"""Balanced: below so many training pictures at least so many epochs. On the sample (112 pictures, yolo26n, 320 px) the
result was still rising at the end of 23 (mAP50-95 .71 at epoch 21, .74 at 23)."""
CLASSIFY_STEPS = 2
"""Classifiers take so many times the steps: with the gentler rate below the result on the X-rays rose for 20 rounds."""
STOCK_BATCH = 64
"""Pictures behind one step of the optimizer in stock Ultralytics (`nbs`), which its fitted rate is made for."""
CLASSIFY_SCALE = 0.5
"""Crops of a classifier's training pictures cover between half and all of one (Ultralytics' default `scale`)."""
UNTRANSFORMED = 0.8
"""Share of pictures that training does not scale or move. See README.md, recipe."""
SCARCE = 10
"""Objects (or pictures, for a classifier) below which the plan asks for more of a class before more time."""
TOO_SMALL = 8
"""Pixels below which an object falls into a single cell of the finest grid (stride 8) and is mostly missed."""
ROOM_FOR_FINDINGS = 3
"""Findings kept per picture, in times of the objects of the fullest training picture: new pictures may be fuller."""
ACTIVATIONS = 380e6
"""Bytes a picture of 640 px takes in training with a nano detector (5.4 GFLOPs), in 32 bits."""


def image_size(facts: DatasetFacts, machine: MachineFacts, level: Level) -> tuple[Setting, list[str]]:
    """Return the image size, and notes for what no size can mend."""
    effort = EFFORT[level]
    native = max(STRIDE, _up(facts.side))
    task = TASKS[facts.task]
    if task.names_pictures:
        size = min(task.usual_size, max(64, native))
        words = "what the model was pre-trained on" if size == task.usual_size else "your pictures hold no more detail"
        return Setting(size, f"{size} pixels: {words}."), []
    ceiling = effort.ceiling_cpu if machine.device == "cpu" else effort.ceiling_gpu
    floor = min(effort.floor, max(64, native))
    if facts.small_share is None:
        size = min(floor, ceiling)
        return Setting(size, f"{size} pixels, a middle way: no object sizes are known."), []
    wanted = _up(effort.object_pixels / facts.small_share)
    size = max(floor, min(wanted, max(native, min(2 * native, 128)), ceiling))
    seen = facts.small_share * size
    natural = facts.small_object or 0.0
    notes = []
    if size == floor and wanted <= floor:
        reason = f"Your small objects are still {seen:.0f} pixels wide at {size} pixels: larger would only take longer."
    elif wanted > ceiling and size == ceiling:
        reason = (
            f"Your small objects are {natural:.0f} of {facts.side} pixels: they need as large a size as time allows."
        )
    elif size < wanted:
        reason = f"Your pictures have {facts.side} pixels: a larger size would add no detail."
    else:
        reason = (
            f"Small objects ({natural:.0f} of {facts.side} pixels) keep {seen:.0f} pixels at {size}, enough to be seen."
        )
    if seen < TOO_SMALL:
        notes.append(
            f"At {size} pixels a small object ({natural:.0f} of {facts.side} pixels) shrinks to {seen:.0f} and will "
            "mostly be missed."
            + (
                f" Cut the pictures into tiles of {tile_size(facts)} pixels (Dataset page), and it is seen in nearly "
                "its full size."
                if worth_tiles(facts, size)
                else ""
            )
        )
    return Setting(size, reason), notes


def worth_tiles(facts: DatasetFacts, size: int) -> bool:
    """Say whether small objects can hardly be seen at `size` pixels, and pictures can be cut into tiles instead."""
    if facts.small_share is None or facts.small_share * size >= TOO_SMALL:
        return False
    return TASKS[facts.task].fits_tiles and facts.side > tile_size(facts)


def tile_size(facts: DatasetFacts) -> int:
    """Return the pixels of the tiles that big pictures are best cut into: small objects fill a fortieth of a side."""
    return max(320, min(640, _up((facts.small_object or 16.0) * 40)))


def batch_size(facts: DatasetFacts, machine: MachineFacts, imgsz: int, gflops: float) -> dict[str, Setting]:
    """Return `batch` and `nbs`: enough optimizer steps per epoch, and what memory holds."""
    n = max(1, facts.train)
    wanted = 4 if n < 48 else 8 if n < 2_000 else 16
    if TASKS[facts.task].names_pictures:
        wanted = 4 if n < 48 else 16 if n < 2_000 else 32
    if machine.device != "cpu":
        wanted = min(wanted * 2, 64) if n >= 400 else wanted
    room = (machine.gpu_memory if machine.device == "cuda" else machine.memory_free) * 0.6
    scale = (imgsz / TASKS[facts.task].usual_size) ** 2
    each = ACTIVATIONS * scale * max(0.1, gflops / 5.4) ** 0.75
    fits = max(1, int(room / each)) if room else wanted
    batch = wanted
    while batch > 2 and batch > fits:
        batch //= 2
    steps = math.ceil(n / batch)
    reason = f"{batch} pictures at a time: {count(steps, 'adjustment')} in each round over your {count(n, 'picture')}."
    if batch < wanted:
        reason = f"{batch} pictures at a time is what the memory holds at {imgsz} pixels."
    return {
        "batch": Setting(batch, reason),
        "nbs": Setting(
            batch,
            f"The model is adjusted after every {batch} pictures, not after 64 as for a set of 100,000: that would "
            f"leave {count(math.ceil(n / 64), 'adjustment')} in a round.",
        ),
    }


def epochs(facts: DatasetFacts, level: Level, batch: int, strategy: Strategy) -> dict[str, Setting]:
    """Return `epochs` and `patience` from a budget of optimizer steps."""
    effort = EFFORT[level]
    steps = math.ceil(max(1, facts.train) / batch)
    budget = effort.steps * strategy.steps_factor
    low, high = effort.epochs
    if TASKS[facts.task].names_pictures:
        budget *= CLASSIFY_STEPS
        low, high = max(2, low // 2), max(8, high // 2)
    if level is Level.BALANCED and facts.train < FEW_PICTURES and not TASKS[facts.task].names_pictures:
        low = FEW_EPOCHS
    many = max(low, min(high * strategy.rounds_factor, math.ceil(budget / steps)))
    return {
        "epochs": Setting(
            many,
            f"{count(many, 'round')} make {count(many * steps, 'adjustment')}: {_enough(level, strategy)}.",
        ),
        "patience": patience(many, effort.patience_share),
    }


def patience(many: int, share: float) -> Setting:
    """Return after how many epochs without gain a training of `many` ends: a share of them, not too few."""
    few = max(LEAST_PATIENCE, round(many * share))
    if few >= many:
        return Setting(few, "It learns to its end: so few rounds tell nothing about those that would follow.")
    return Setting(
        few, f"It ends by itself when {few} rounds in a row bring nothing better on the validation pictures."
    )


def most_epochs(many: int) -> int:
    """Return after how many epochs a training ends that was planned with so many and goes on while it pays."""
    return many * MOST_TIMES


def _enough(level: Level, strategy: Strategy) -> str:
    if not strategy.reuses:
        return "from random numbers it takes several times as many as with a pre-trained model"
    return {
        Level.QUICK: "enough for a first answer, not for the best",
        Level.BALANCED: "a pre-trained model mostly needs no more",
        Level.THOROUGH: "more than most sets need, so that nothing is left on the table",
    }[level]


def learning_rate_settings(facts: DatasetFacts, batch: int, many: int) -> dict[str, Setting]:
    """Return optimizer, rate, warm-up: Ultralytics' fit for small sets, kept whatever the number of steps."""
    rate = round(0.002 * 5 / (4 + max(1, len(facts.classes))), 6)
    reason = f"The rate Ultralytics found to fit {_classes(facts)}: 0.002 · 5 / (4 + classes)"
    if TASKS[facts.task].names_pictures:
        # linear scaling (Goyal et al. 2017, arXiv 1706.02677). Chest X-rays, 560 pictures, batch 16: with the whole
        # rate top-1 jumped between .85 and .975, with this one it settled at .983 and .975 (two seeds)
        rate = round(rate * min(1.0, batch / STOCK_BATCH), 6)
        reason += f", for steps over {batch} pictures instead of {STOCK_BATCH}"
    steps = math.ceil(max(1, facts.train) / batch)
    warm = min(200, max(10, round(0.05 * steps * many)))
    share = round(min(3.0, max(0.1, warm / steps)), 2)
    return {
        "optimizer": Setting(
            "AdamW", "AdamW is steady on small sets; MuSGD, which stock takes for long runs, did worse on defect sets."
        ),
        "lr0": Setting(rate, f"{reason}."),
        "momentum": Setting(0.9, "Goes with AdamW."),
        "warmup_bias_lr": Setting(0.0, "Goes with AdamW: no jump of the new parts at the start."),
        "warmup_epochs": Setting(
            share,
            f"{round(share * steps)} gentle steps at the start; three rounds, as in stock, are much of a short run.",
        ),
    }


def augmentation(facts: DatasetFacts, many: int, *, mirror: bool | None) -> dict[str, Setting]:
    """Return what may be done to a picture without making it a picture that can't occur.

    `mirror`: whether a mirrored picture is as good; None lets class names decide.
    """
    settings: dict[str, Setting] = {}
    if facts.grey:
        settings["hsv_h"] = Setting(0.0, "Your pictures are grey: shifting hues would change nothing or invent colour.")
        settings["hsv_s"] = Setting(0.0, "Your pictures are grey: there is no saturation to vary.")
    if mirror is False:
        settings["fliplr"] = Setting(0.0, "You said that left and right matter: pictures are not mirrored.")
    elif not facts.flip_known:
        settings["fliplr"] = Setting(0.0, "Which key point becomes which in a mirror is not known: no mirroring.")
    elif mirror is None and facts.sides_matter:
        settings["fliplr"] = Setting(
            0.0, f"The class “{facts.sides_matter}” would be wrong in a mirrored picture: no mirroring."
        )
    if TASKS[facts.task].names_pictures:
        if min(facts.instances.values(), default=0) < 5:
            settings["erasing"] = Setting(0.1, "With so few pictures in a class, little of a picture is covered up.")
        return settings
    settings["untransformed"] = Setting(
        UNTRANSFORMED,
        "Four of five pictures stay as they are, sharp and in their size, as in real use; the others are scaled and "
        "moved at random.",
    )
    if facts.median_share is not None and facts.median_share > 0.6:
        settings["mosaic"] = Setting(
            0.0, "Your objects fill the picture: collages of four pictures would cut every one of them."
        )
    else:
        closing = min(10, max(1, round(many * 0.3)))
        settings["close_mosaic"] = Setting(
            closing,
            f"In the last {count(closing, 'round')} it sees whole pictures instead of collages, as in real use.",
        )
    return settings


def weighting(facts: DatasetFacts) -> dict[str, Setting]:
    """Return a weight for rare classes where one class has at least twenty times the objects of another."""
    if facts.imbalance < 20 or not TASKS[facts.task].fits_class_weights:
        return {}
    rare = min((name for name, objects in facts.instances.items() if objects), key=facts.instances.__getitem__)
    return {
        "cls_pw": Setting(
            0.25,
            f"“{rare}” is {facts.imbalance:.0f} times rarer than the most frequent class: it counts a little more.",
        )
    }


def scarce_classes(facts: DatasetFacts) -> list[str]:
    """Return a note where training parts have next to nothing of some classes: time does not make up for that."""
    if TASKS[facts.task].names_pixels:
        return []  # a class is learned from the pixels of a single picture
    scarce = sorted((objects, name) for name, objects in facts.instances.items() if 0 < objects < SCARCE)
    if not scarce:
        return []
    what = "picture" if TASKS[facts.task].names_pictures else "object"
    named = ", ".join(f"“{name}” has {count(objects, what)}" for objects, name in scarce[:3])
    further = f", and {count(len(scarce) - 3, 'class')} more" if len(scarce) > 3 else ""
    return [
        f"To learn from, {named}{further}: a longer training hardly makes up for that. Label more of "
        f"{'it' if len(scarce) == 1 else 'them'} first, {SCARCE} at the very least."
    ]


def most_findings(facts: DatasetFacts) -> dict[str, Setting]:
    """Return a limit of findings per picture above the usual one where a training picture comes near that."""
    wanted = ROOM_FOR_FINDINGS * facts.fullest
    if wanted <= USUAL_MAX_DET:
        return {}
    return {
        "max_det": Setting(
            wanted,
            f"The fullest training picture has {thousands(facts.fullest)} objects: up to {thousands(wanted)} findings "
            "are kept of a picture, so that none is cut off.",
        )
    }


def machinery(facts: DatasetFacts, machine: MachineFacts, imgsz: int, many: int) -> dict[str, Setting]:
    """Return what makes steps quicker without changing what is learnt: cache, loaders, number format."""
    settings: dict[str, Setting] = {}
    side = float(imgsz)
    if TASKS[facts.task].names_pictures:  # kept larger than shown, for crops
        side = min(facts.side, side_kept(imgsz, CLASSIFY_SCALE) / max(0.1, facts.aspect))
    needed = (facts.train + facts.val) * side * side * facts.aspect * 3
    if many > 2 and needed * 1.5 < machine.memory_free * 0.35:
        settings["cache"] = Setting(
            "ram",
            f"All pictures fit into memory ({megabytes(needed)}), so each is read from disk only once.",
        )
    if machine.device != "cpu":
        loaders = max(1, min(8, machine.cores - 1))
        settings["workers"] = Setting(loaders, f"{loaders} processes prepare pictures while the graphics card learns.")
    elif machine.speed is not None:
        speed = machine.speed
        if speed.use_channels_last:
            settings["channels_last"] = Setting(
                True,
                f"Measured here: this layout of memory makes a step {speed.plain / speed.channels_last:.2f} × as fast.",
            )
        if speed.use_bf16:
            settings["amp"] = Setting(
                "bf16",
                f"Measured here: 16-bit numbers (bfloat16) make a step {speed.plain / speed.bf16:.2f} × as fast.",
            )
    return settings


def _classes(facts: DatasetFacts) -> str:
    return "one class" if len(facts.classes) == 1 else count(len(facts.classes), "class")


def _up(pixels: float) -> int:
    return max(STRIDE, math.ceil(pixels / STRIDE - 0.02) * STRIDE)
