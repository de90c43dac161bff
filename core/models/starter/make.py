"""Make the starter checkpoint from nothing: draw scenes, train yolo26n on them, keep the averaged weights.

    python -m core.models.starter.make                     all of it; what was begun is gone on with
    python -m core.models.starter.make --steps 200 --scenes 500 --work /tmp/try --out /tmp/try/starter.pt   a small try

Drawn scenes and the training state are kept in the work folder (about 2.4 GB for 12,000 scenes), so that it can be
interrupted at any time. The learning rate is constant up to `--fall-from` and then falls to nothing at the last
step, so that both may be raised while it has not begun to fall. Every choice is drawn from the seed; on another
processor the last digits differ. The file that ships is the running average after 3,500 steps (about 25 minutes on one
free core); more steps and a falling rate would make it better.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import time
from copy import deepcopy
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from core.models.starter.checkpoint import CHECKPOINT, RECORD
from core.models.starter.scenes import NAMES, SIZE, draw_scene
from core.ultralytics.checkpoints import write_network
from core.ultralytics.loss import begin_loss, weigh_heads
from core.ultralytics.networks import build_network
from core.ultralytics.offline import enter_isolation

MODEL = "yolo26n"
WARM_UP = 200
"""Steps over which the learning rate rises."""
LEARNING_RATE = 1.5e-3
WEIGHT_DECAY = 0.02
AVERAGE = 0.998
"""Decay of the running average of the weights (EMA), a step."""
KEEP_EVERY = 250
"""Steps between two saved states."""


def draw_stock(folder: Path, count: int, seed: int) -> tuple[npt.NDArray[np.uint8], list[npt.NDArray[np.float32]]]:
    """Draw `count` scenes once and keep them; return pictures (count, SIZE, SIZE, 3) and rows class, x1, y1, x2, y2."""
    pictures_path, rows_path = folder / f"scenes-{count}.npy", folder / f"scenes-{count}-rows.npz"
    if not rows_path.exists():
        shape = (count, SIZE, SIZE, 3)
        drawn = np.lib.format.open_memmap(pictures_path, mode="w+", dtype=np.uint8, shape=shape)
        rows = {}
        for number in range(count):
            drawn[number], rows[str(number)] = draw_scene(np.random.default_rng((seed, number)))
            if number % 1000 == 0:
                print(f"drawn {number} of {count} scenes", flush=True)
        drawn.flush()
        np.savez(rows_path, **rows)  # type: ignore[arg-type]
    stored = np.load(rows_path)
    return np.load(pictures_path, mmap_mode="r"), [stored[str(number)] for number in range(count)]


def take_batch(
    rng: np.random.Generator, pictures: npt.NDArray[np.uint8], rows: list[npt.NDArray[np.float32]], size: int, side: int
) -> dict[str, Any]:
    """Take `size` scenes, each shifted, scaled, flipped and recoloured, as a batch for Ultralytics' loss."""
    import torch

    images, classes, boxes, owners = [], [], [], []
    for owner, number in enumerate(rng.integers(0, len(rows), size)):
        picture, here = pictures[number], rows[number]
        scale = side / SIZE * math.exp(rng.uniform(math.log(0.55), math.log(1.5)))
        shift = rng.uniform(0, 1, 2) * (side - SIZE * scale)
        matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]], np.float32)
        corners = here[:, 1:] * scale + np.tile(shift, 2)
        for axis in (0, 1):
            if rng.random() < 0.5:  # mirrored
                matrix[axis] = -matrix[axis]
                matrix[axis, 2] += side
                corners[:, [axis, axis + 2]] = side - corners[:, [axis + 2, axis]]
        if rng.random() < 0.5:  # turned by a quarter
            matrix, corners = matrix[::-1].copy(), corners[:, [1, 0, 3, 2]]
        fill = tuple(int(value) for value in picture[0, 0])
        picture = cv2.warpAffine(np.asarray(picture), matrix, (side, side), flags=cv2.INTER_AREA, borderValue=fill)
        if rng.random() < 0.5:
            picture = picture[..., rng.permutation(3)]
        gain, lift = rng.uniform(0.7, 1.3), rng.uniform(-30, 30)
        picture = np.clip(picture.astype(np.float32) * gain + lift, 0, 255)
        kept = np.clip(corners, 0, side)
        area = (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1])
        left = (kept[:, 2] - kept[:, 0]) * (kept[:, 3] - kept[:, 1])
        inside = (left > 0.3 * area) & (np.minimum(kept[:, 2] - kept[:, 0], kept[:, 3] - kept[:, 1]) >= 3)
        kept = kept[inside] / side
        images.append(picture.transpose(2, 0, 1))
        classes.append(here[inside, 0])
        boxes.append(np.concatenate([(kept[:, :2] + kept[:, 2:]) / 2, kept[:, 2:] - kept[:, :2]], 1))
        owners.append(np.full(len(kept), owner))
    return {
        "img": torch.from_numpy(np.stack(images) / 255).float().contiguous(memory_format=torch.channels_last),
        "cls": torch.from_numpy(np.concatenate(classes)).float().view(-1, 1),
        "bboxes": torch.from_numpy(np.concatenate(boxes)).float(),
        "batch_idx": torch.from_numpy(np.concatenate(owners)).float(),
    }


def rate(step: int, fall_from: int, steps: int) -> float:
    """Return the learning rate of a step: rises over WARM_UP, stays up to `fall_from`, falls to nothing at `steps`."""
    return LEARNING_RATE * min(1.0, (step + 1) / WARM_UP, (steps - step) / max(1, steps - fall_from))


def train(options: argparse.Namespace) -> Any:
    """Train to `options.steps`, going on from a kept state; return the averaged model."""
    import torch

    torch.manual_seed(options.seed)
    model = build_network(MODEL, classes=len(NAMES))
    model.names = dict(enumerate(NAMES))
    model.to(memory_format=torch.channels_last)
    average = deepcopy(model).eval().requires_grad_(False)
    whole = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    single = [parameter for parameter in model.parameters() if parameter.ndim <= 1]  # no decay on biases and norms
    groups: list[dict[str, Any]] = [{"params": whole}, {"params": single, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=LEARNING_RATE, betas=(0.9, 0.99), weight_decay=WEIGHT_DECAY)
    state_path, first = options.work / "state.pt", 0
    if state_path.exists():
        state = torch.load(state_path, weights_only=True)
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        first = state["step"]
        print(f"going on from step {first}", flush=True)
    pictures, rows = draw_stock(options.work, options.scenes, options.seed)
    begin_loss(model)
    model.train()
    began, total, seen = time.monotonic(), np.zeros(3), 0
    with (options.work / "curve.csv").open("a", newline="") as file:
        curve = csv.writer(file)
        for step in range(first, options.steps):
            weigh_heads(model, max(0.1, 0.8 - step / 10_000))  # from many boxes per thing to one, as Ultralytics does
            batch = take_batch(np.random.default_rng((options.seed, 1, step)), pictures, rows, options.batch,
                               options.imgsz)  # fmt: skip
            for group in optimizer.param_groups:
                group["lr"] = rate(step, options.fall_from, options.steps)
            with torch.autocast("cpu", torch.bfloat16):
                answers = model(batch["img"])
            loss, parts = model.loss(batch, _in_full(answers))
            optimizer.zero_grad()
            loss.sum().backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
            optimizer.step()
            with torch.no_grad():
                decay = AVERAGE * (1 - math.exp(-(step + 1) / 200))
                own = model.state_dict()
                for name, value in average.state_dict().items():
                    if value.is_floating_point():
                        value.lerp_(own[name], 1 - decay)
            values = parts.values() if isinstance(parts, dict) else parts
            total, seen = total + np.array([float(part) for part in values][:3]), seen + 1
            if (step + 1) % 50 == 0:
                seconds = (time.monotonic() - began) / (step + 1 - first)
                curve.writerow([step + 1, *np.round(total / seen, 4), round(seconds, 3)])
                file.flush()
                print(f"step {step + 1} of {options.steps}: {total / seen}, {seconds:.2f} s per step", flush=True)
                total, seen = np.zeros(3), 0
            if (step + 1) % KEEP_EVERY == 0 or step + 1 == options.steps:
                part = state_path.with_suffix(".part")
                torch.save({"model": model.state_dict(), "average": average.state_dict(),
                            "optimizer": optimizer.state_dict(), "step": step + 1}, part)  # fmt: skip
                part.replace(state_path)
                write_checkpoint(average, options, step + 1)
    return average


def _in_full(answers: Any) -> Any:
    """Return the model's answers with every tensor in 32 bits: the loss wants them exact."""
    if isinstance(answers, dict):
        return {key: _in_full(value) for key, value in answers.items()}
    if isinstance(answers, (list, tuple)):
        return [_in_full(value) for value in answers]
    return answers.float() if hasattr(answers, "float") else answers


def write_checkpoint(average: Any, options: argparse.Namespace, steps: int) -> None:
    """Write the averaged model in 16 bits as an Ultralytics checkpoint that loads weights-only, and its record."""
    import torch

    network = deepcopy(average).to(memory_format=torch.contiguous_format)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    part = options.out.with_suffix(".part")
    train_args = {"imgsz": options.imgsz, "task": "detect"}
    write_network(network, part, MODEL, train_args, "Graft starter: pre-trained on drawn scenes only")
    part.replace(options.out)
    record = {"model": MODEL, "steps": steps, "fall_from": options.fall_from, "batch": options.batch,
              "imgsz": options.imgsz, "seed": options.seed,
              "scenes": options.scenes, "ultralytics": version("ultralytics"), "torch": torch.__version__,
              "classes": list(NAMES), "bytes": options.out.stat().st_size}  # fmt: skip
    options.out.with_name(RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Read the options and train."""
    parser = argparse.ArgumentParser(prog="python -m core.models.starter.make", description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=12_000)
    parser.add_argument("--steps", type=int, default=3_500)
    parser.add_argument("--fall-from", type=int, default=3_500)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--imgsz", type=int, default=192)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, default=Path("workspace") / ".starter")
    parser.add_argument("--out", type=Path, default=CHECKPOINT)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    cv2.setNumThreads(1)
    enter_isolation()
    train(options)


if __name__ == "__main__":
    main()
