"""What a run's notebook does: the cells of code, in plain Ultralytics."""

from __future__ import annotations

import inspect
import json
import textwrap
from pathlib import Path
from typing import Any

from core.data.dataset import Dataset
from core.tasks import TASKS
from core.training.arguments import OF_GRAFT
from core.training.store import Run
from core.ultralytics.trainers import rates


def preparation(dataset: Dataset, weights: Path | None, teacher: Path | None = None) -> str:
    """Return the imports, the switches and the places of pictures and weights (None: the run starts from scratch)."""
    lines = [
        "import os",
        "from pathlib import Path",
        "",
        'os.environ["YOLO_OFFLINE"] = "1"  # ask the network for nothing',
        'os.environ["YOLO_AUTOINSTALL"] = "false"  # install nothing unasked',
        "",
        "from ultralytics import YOLO, settings",
        "",
        'settings.update({"sync": False})  # Ultralytics sends usage figures by default; not from here',
        "",
        "# where the pictures and the pre-trained weights are: change these two when you move them",
        f"DATASET = Path({quoted(str(dataset.root))})",
    ]
    if weights is not None:
        lines.append(f"WEIGHTS = Path({quoted(str(weights))})")
    if teacher is not None:
        lines.append(f"TEACHER = Path({quoted(str(teacher))})  # the model it also learns from")
    lines += [
        'OUT = Path("graft-notebook").resolve()  # everything this notebook writes',
        "",
        'assert DATASET.is_dir(), f"There is no dataset at {DATASET}: change DATASET above"',
    ]
    if weights is not None:
        lines.append('assert WEIGHTS.is_file(), f"There are no weights at {WEIGHTS}: change WEIGHTS above"')
    lines += ["OUT.mkdir(exist_ok=True)", f"NAMES = {quoted(dataset.classes)}"]
    return "\n".join(lines)


COUNT_ROWS = """for part in ("train", "val", "test"):
    labels = (DATASET / "labels" / part).glob("*.txt")
    rows = [line.split()[0] for file in labels for line in file.read_text().splitlines() if line.strip()]
    if rows:
        print(part, {NAMES[int(number)]: count for number, count in sorted(Counter(rows).items())})
"""
COUNT_MASKS = """import numpy as np
from PIL import Image

for part in ("train", "val", "test"):
    pixels = Counter()
    for file in (DATASET / "masks" / part).glob("*.png"):
        pixels.update(dict(enumerate(np.bincount(np.asarray(Image.open(file)).ravel()).tolist())))
    if pixels:
        print(part, {name: pixels[number] for number, name in enumerate(NAMES)}, "pixels")
"""
"""Count what is labelled, in objects or in pixels."""


def data_code(dataset: Dataset) -> str:
    """Return what writes the data.yaml, where the task has one, and counts the objects of each class."""
    if TASKS[dataset.task].has_class_folders:
        return """
DATA = DATASET / "images"
for part in ("train", "val", "test"):
    counts = {name: len(list((DATA / part / name).glob("*"))) for name in NAMES if (DATA / part / name).is_dir()}
    if counts:
        print(part, counts)
"""
    content: dict[str, Any] = {part: f"images/{part}" for part in ("train", "val", "test") if dataset.images.get(part)}
    content.setdefault("val", "images/train")
    if TASKS[dataset.task].has_masks:
        content["masks_dir"] = "masks"
    if TASKS[dataset.task].has_keypoints and dataset.keypoint_shape:
        content["kpt_shape"] = list(dataset.keypoint_shape)
        if dataset.flip_idx:
            content["flip_idx"] = list(dataset.flip_idx)
    inside = "".join(f'    "{key}": {quoted(value)},\n' for key, value in content.items())
    counting = COUNT_MASKS if TASKS[dataset.task].has_masks else COUNT_ROWS
    return f"""
import yaml
from collections import Counter

DATA = OUT / "data.yaml"
content = {{
    "path": str(DATASET),
{inside}    "names": dict(enumerate(NAMES)),
}}
DATA.write_text(yaml.safe_dump(content, sort_keys=False))
{counting}"""


def reuse_code(run: Run, weights: str, dataset: Dataset) -> str:
    """Return what counts the tensors that are reused; `weights` is a Python expression, here and below."""
    if not run.spec.strategy.reuses:
        count = "sum(p.numel() for p in model.model.parameters())"
        return f'model = YOLO({weights})\nprint("parameters, all random:", {count})'
    extra = f", data_kpt_shape={tuple(dataset.keypoint_shape)}" if dataset.keypoint_shape else ""
    return f"""
pretrained = YOLO({weights}).model
ours = type(pretrained)(pretrained.yaml, nc=len(NAMES), verbose=False{extra})  # the same design for our classes
known, wanted = pretrained.state_dict(), ours.state_dict()
reused = [name for name in wanted if name in known and known[name].shape == wanted[name].shape]
print(f"{{len(reused)}} of {{len(wanted)}} tensors are reused; new:")
for name in wanted:
    if name not in reused:
        print("   ", name, tuple(wanted[name].shape))
"""


def settings_code(run: Run) -> str:
    """Return the run's settings as the dictionary that its training is given."""
    spec = run.spec
    given: dict[str, Any] = {name: value for name, value in spec.extra.items() if name != OF_GRAFT}
    given |= {name: getattr(spec, name) for name in ("epochs", "imgsz", "batch", "seed", "max_det")}
    given["epochs"] = max(spec.epochs, run.epochs_done)  # it may have gone on by itself
    given["patience"] = spec.patience or given["epochs"] + 1
    given["device"] = run.device
    if run.device == "cpu":
        given["workers"] = 0
        if str(given.get("amp", "")).lower() == "bf16":
            given.pop("amp")  # plain Ultralytics refuses it on a processor
    lines = "\n".join(f"    {quoted(name)}: {quoted(value)}," for name, value in given.items())
    data = '    "data": str(DATA),\n'
    places = '    "project": str(OUT),\n    "name": "train",\n    "exist_ok": True,\n    "plots": False,\n'
    return f"SETTINGS = {{\n{data}{lines}\n{places}}}"


def train_code(run: Run, weights: str) -> str:
    """Return the training, with the callbacks its strategy needs."""
    spec, strategy = run.spec, run.spec.strategy
    code = f"model = YOLO({weights})\n"
    options = "**SETTINGS"
    if strategy.freezes:
        code += 'BACKBONE = len(model.model.yaml["backbone"])  # how many layers see\n'
        options += ", freeze=BACKBONE"
    if not spec.strategy.reuses:
        options += ", pretrained=False"
    if spec.teacher:
        options += ", distill_model=str(TEACHER)"
    if strategy.staged:
        stage = strategy.first_stage(spec.epochs)
        code = _borrowed(rates.unfreeze, rates._tell_scheduler) + "\n\n" + code
        code += f"""FIRST_STAGE = {stage}  # epochs with the backbone frozen


def second_stage(trainer):
    if trainer.epoch == FIRST_STAGE:
        unfreeze(trainer, SECOND_STAGE_RATE)


model.add_callback("on_train_epoch_start", second_stage)
"""
        code = f"SECOND_STAGE_RATE = {strategy.later_rate}  # share of the learning rate\n\n\n{code}"
    if strategy.backbone_rate != 1:
        borrowed = _borrowed(rates.slow_backbone, rates._backbone_parameters, rates._tell_scheduler)
        code = f"BACKBONE_RATE = {strategy.backbone_rate}  # share of the learning rate\n\n\n{borrowed}\n\n{code}"
        code += 'BACKBONE = len(model.model.yaml["backbone"])  # how many layers see\n'
        code += (
            'model.add_callback("on_train_start", lambda trainer: slow_backbone(trainer, BACKBONE, BACKBONE_RATE))\n'
        )
    return f"{code}model.train({options})"


def result_code(run: Run, dataset: Dataset) -> str:
    """Return what judges the best weights on the validation pictures."""
    figures = (
        'print(f"right at the first guess (top-1): {result.top1:.3f}")'
        if TASKS[dataset.task].names_pictures
        else 'for name, value in result.results_dict.items():\n    print(f"{name}: {value:.3f}")'
    )
    device = f", device={quoted(run.device)}"
    return f"""
best = YOLO(str(OUT / "train" / "weights" / "best.pt"))
places = {{"project": str(OUT), "name": "val", "exist_ok": True}}
result = best.val(data=str(DATA), imgsz=SETTINGS["imgsz"]{device}, workers=0, plots=False, **places)
{figures}
"""


LOOK_CODE = """
from PIL import Image

endings = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"}
folder = DATASET / "images" / "val"
pictures = sorted(file for file in folder.rglob("*") if file.suffix.lower() in endings)[:4]
drawn = []
for number, file in enumerate(pictures):
    answer = best.predict(str(file), imgsz=SETTINGS["imgsz"], verbose=False)[0]
    drawn.append(Image.fromarray(answer.plot()[:, :, ::-1]))
    drawn[-1].save(OUT / f"answer-{number}.jpg")
print(f"{len(drawn)} pictures with answers are in {OUT}")
drawn[0] if drawn else None
"""


def quoted(value: Any) -> str:
    """Return a value as Python code, texts in double quotes as in the rest of the notebook."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return f"[{', '.join(quoted(item) for item in value)}]"
    return repr(value)


def _borrowed(*functions: Any) -> str:
    """Return the source of Graft's own functions as a notebook shows it: without type hints of Graft's."""
    return "\n\n".join(
        textwrap.dedent(inspect.getsource(function))
        .replace(": Any", "")
        .replace(" -> None", "")
        .replace("layers: int", "layers")
        .replace("rate: float", "rate")
        .replace(" -> set[int]", "")
        for function in functions
    )
