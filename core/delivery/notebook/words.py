"""What a run's notebook says: the cells of words, in Markdown, that explain each step of the transfer."""

from __future__ import annotations

import json

from core.data.dataset import Dataset
from core.delivery.report.words import plan_settings, setting_reason
from core.metric_words import metric_list
from core.models.catalog import find_model
from core.tasks import TASKS
from core.training.arguments import OF_GRAFT
from core.training.records.progress import read_progress
from core.training.store import Run
from core.words import percent, thousands


def opening(run: Run, dataset: Dataset) -> str:
    """Say what the notebook is and what it needs."""
    return f"""
# {run.name}

This notebook trains the same model as the run `{run.id}`, with [Ultralytics](https://docs.ultralytics.com) alone, and
explains each step. It is a lesson in **transfer learning**: a network that has learned to see from very many pictures
is taught new classes with few.

- **Task:** {dataset.task}
- **Classes:** {", ".join(dataset.classes)}
- **Strategy:** {run.spec.strategy.title}

Run the cells from top to bottom. Needed: `pip install ultralytics==8.4.190`.
"""


def about_data(dataset: Dataset) -> str:
    """Say which pictures there are, how they were split, and how labels are written down."""
    counts = ", ".join(f"{thousands(pictures)} for {part}" for part, pictures in dataset.images.items() if pictures)
    text = f"## The pictures\n\n“{dataset.name}” has {counts}. {dataset.split_note}\n\n"
    if TASKS[dataset.task].has_class_folders:
        return text + "For classification, the folders are the labels: `images/train/<class>/`, `images/val/<class>/`."
    if TASKS[dataset.task].has_masks:
        return text + (
            "Each picture has a mask, a PNG of the same size: the value of a pixel is the number of its class, 255 "
            "means that it is not judged. A small `data.yaml` says where they are and what the numbers mean."
        )
    return text + (
        "Each picture has a text file with its labels: the number of the class, then coordinates as fractions of the "
        "picture's width and height. A small `data.yaml` says where they are and what the numbers mean."
    )


def about_reuse(run: Run, dataset: Dataset) -> str:
    """Say what is copied from the pre-trained model and what begins with random numbers."""
    if not run.spec.strategy.reuses:
        return (
            "## What is reused: nothing\n\nThis run starts from random numbers. It shows what transfer learning saves: "
            "compare it with a run that starts from pre-trained weights, at the same number of epochs."
        )
    known = find_model(run.spec.model)
    where = f"**{known.pretrained_on}**" if known else "the pictures of an earlier training"
    text = f"""
## What is reused, what is new

`{run.spec.model}` was trained on {where}. Its early layers answer to edges and colours, the middle ones to textures and
parts, the late ones to whole things (Yosinski et al., 2014: the earlier a layer, the better it serves other pictures).

- The **backbone**, which sees, and the **neck**, which combines coarse and fine, are copied as they are.
- Of the **head**, which names, the layers whose shape depends on the number of classes cannot be copied: it knew other
  classes than your {len(dataset.classes)}. They begin with random numbers, or, where one of your class names is also a
  name it knew, with that class's row.

The cell counts it: tensors that have the same name and the same shape are reused.
"""
    message = read_progress(run).transfer.get("message")
    return text + (f"\nIn the run itself: {message}\n" if message else "")


def about_settings(run: Run) -> str:
    """Give each setting of the plan with its reason."""
    rows = "\n".join(
        f"- `{name}` = {json.dumps(value, default=str)}: {setting_reason(run.spec, name, value)}"
        for name, value in plan_settings(run.spec)
    )
    return f"## The settings, and why\n\n{rows}\n\nAll others stay as Ultralytics has them (`default.yaml`)."


def about_strategy(run: Run) -> str:
    """Explain the strategy, and what plain Ultralytics does otherwise than the run did."""
    spec = run.spec
    text = f"## The strategy: {spec.strategy}\n{spec.strategy.lesson}"
    if spec.teacher:
        text += f"""

It also learns from a **teacher** (distillation), `{spec.teacher}`: at every step the teacher looks at the same
pictures, and where it is sure of something, the model is drawn to make the same of them (`distill_model`; the loss
`dis_loss`).
Only the model itself is kept in the end."""
    differences = []
    if spec.goes_on:
        differences.append("there the rate was held and fell at the end only, here it falls all along")
    if share := float(spec.extra.get(OF_GRAFT) or 0):
        differences.append(
            f"there {percent(share)} of the training pictures were neither scaled nor moved, here all of them are"
        )
    if run.device == "cpu":
        differences.append(
            "on a processor, Graft trains with a quicker trainer (other memory layout, bfloat16 where it pays)"
        )
    if spec.strategy.frozen_share == 1 and run.device == "cpu" and not spec.teacher:
        differences.append("for frozen layers it may compute what they see once and keep it")
    if str(spec.extra.get("amp", "")).lower() == "bf16" and run.device == "cpu":
        differences.append("the setting amp=bf16 is left out here, since plain Ultralytics refuses it on a processor")
    if differences:
        text += (
            f"\n\nWhat differs from the run in Graft: {'; '.join(differences)}. So figures come near those of the run "
        )
        text += "and are not the same to the last digit."
    return text


def about_result(run: Run) -> str:
    """Say on what the best weights are judged, and what the run reached."""
    figures = metric_list(read_progress(run).ultralytics or run.metrics)
    text = (
        "## How good is it?\n\nThe best epoch's weights are judged on the validation pictures, not used for training."
    )
    if figures:
        text += f" The run in Graft reached, by the same validator: {figures}."
    return text + (
        " A few hundred objects leave an error of several points: Graft shows it as an interval, and so should "
        "you when you report these figures."
    )


ABOUT_LOOK = "## See it at work\n\nA few validation pictures with the model's answers drawn on them."

CLOSING = """
## Where to go from here

- **Other pictures:** `best.predict("picture.jpg")`.
- **More of the same:** change one setting, run again, compare. A single run tells little: change `seed` to see by how
  much figures move by chance alone.
- **Transfer again:** `YOLO(OUT / "train" / "weights" / "best.pt")` is now the best starting point for a related task.
"""
