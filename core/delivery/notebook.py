"""The same run as a Jupyter notebook and as a script, with plain Ultralytics: a lesson on transfer learning.

It needs the dataset and the weights of the workspace and nothing of Graft's. What plain Ultralytics does otherwise than
Graft is said where it matters. The cells come from `run_cells`, so that the `.ipynb` and the `.py` can't disagree.
"""

from __future__ import annotations

import inspect
import json
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import nbformat

from core.data.dataset import Dataset, load_dataset
from core.delivery.report_words import plan_settings, setting_reason
from core.errors import InputError
from core.models.catalog import find_model, model_for_task
from core.models.weights import locate
from core.training import strategies
from core.training.progress import read_progress
from core.training.runs import get_run
from core.training.spec import STRATEGY_WORDS, Strategy
from core.training.store import Run
from core.workspace import Workspace, write_text_atomic


@dataclass(frozen=True)
class Cell:
    """A cell of the notebook."""

    kind: Literal["words", "code"]
    text: str


def write_notebook(workspace: Workspace, run_id: str, out: Path) -> Path:
    """Write the notebook of a run to `out`, an `.ipynb`, or the same as a script when it ends in `.py`; return it.

    Raises InputError for an unknown run, another ending, or a place that can't be written to.
    """
    if out.suffix not in (".ipynb", ".py"):
        raise InputError(f"{out.name}: a notebook ends in .ipynb, a script in .py.")
    run = get_run(workspace, run_id)
    try:
        write_text_atomic(out, notebook_text(workspace, run) if out.suffix == ".ipynb" else script_text(workspace, run))
    except OSError as error:
        raise InputError(f"{out} can't be written ({error.strerror}); choose another place.") from error
    return out


def notebook_text(workspace: Workspace, run: Run) -> str:
    """Return the run as the text of an `.ipynb` file."""
    cells = [
        nbformat.v4.new_code_cell(cell.text) if cell.kind == "code" else nbformat.v4.new_markdown_cell(cell.text)
        for cell in run_cells(workspace, run)
    ]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"  # else random: the same run gives the same file
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return str(nbformat.writes(notebook))


def script_text(workspace: Workspace, run: Run) -> str:
    """Return the run as a Python script, its words as comments; cells are marked as editors know them (`# %%`)."""
    parts = []
    for cell in run_cells(workspace, run):
        if cell.kind == "code":
            parts.append(f"# %%\n{cell.text}")
        else:
            parts.append("# %% [markdown]\n" + "\n".join(f"# {line}".rstrip() for line in cell.text.splitlines()))
    return "\n\n".join(parts) + "\n"


def training_code(workspace: Workspace, run: Run) -> str:
    """Return the code of the run's training alone, for the fold on a page."""
    weights, _ = _weights(workspace, run)
    return f"from ultralytics import YOLO\n\n{_settings_code(run)}\n{_train_code(run, weights)}".strip()


def run_cells(workspace: Workspace, run: Run) -> list[Cell]:
    """Return the cells of a run. Raises InputError when its dataset or the weights it started from are gone."""
    dataset = load_dataset(workspace, run.dataset)
    weights, path = _weights(workspace, run)
    cells = [
        Cell("words", _opening(run, dataset)),
        Cell("code", _preparation(dataset, path)),
        Cell("words", _about_data(dataset)),
        Cell("code", _data_code(dataset)),
        Cell("words", _about_reuse(run, dataset)),
        Cell("code", _reuse_code(run, weights, dataset)),
        Cell("words", _about_settings(run)),
        Cell("code", _settings_code(run)),
        Cell("words", _about_strategy(run)),
        Cell("code", _train_code(run, weights)),
        Cell("words", _about_result(run)),
        Cell("code", _result_code(run, dataset)),
        Cell("words", "## See it at work\n\nA few validation pictures with the model's answers drawn on them."),
        Cell("code", _look_code()),
        Cell("words", _closing()),
    ]
    return [Cell(cell.kind, cell.text.strip()) for cell in cells]


def _weights(workspace: Workspace, run: Run) -> tuple[str, Path | None]:
    """Return the Python expression for what the training starts from, and the file."""
    if run.spec.strategy is Strategy.SCRATCH:
        return _quoted(model_for_task(run.spec.model, run.spec.task).yaml), None
    found = locate(workspace, run.spec.model, run.spec.task)
    if found is None:
        raise InputError(f"The weights {run.spec.model}, from which this run started, are no longer in the workspace.")
    return "str(WEIGHTS)", found.path


def _quoted(value: Any) -> str:
    """Return a value as Python code, texts in double quotes as in the rest of the notebook."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return f"[{', '.join(_quoted(item) for item in value)}]"
    return repr(value)


def _opening(run: Run, dataset: Dataset) -> str:
    return f"""
# {run.name}

This notebook trains the same model as the run `{run.id}`, with [Ultralytics](https://docs.ultralytics.com) alone, and
explains each step. It is a lesson in **transfer learning**: a network that has learned to see from very many pictures
is taught new classes with few.

- **Task:** {dataset.task}
- **Classes:** {", ".join(dataset.classes)}
- **Strategy:** {STRATEGY_WORDS[run.spec.strategy]}

Run the cells from top to bottom. Needed: `pip install ultralytics==8.4.190`.
"""


def _preparation(dataset: Dataset, weights: Path | None) -> str:
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
        f"DATASET = Path({_quoted(str(dataset.root))})",
    ]
    if weights is not None:
        lines.append(f"WEIGHTS = Path({_quoted(str(weights))})")
    lines += [
        'OUT = Path("graft-notebook").resolve()  # everything this notebook writes',
        "",
        'assert DATASET.is_dir(), f"There is no dataset at {DATASET}: change DATASET above"',
    ]
    if weights is not None:
        lines.append('assert WEIGHTS.is_file(), f"There are no weights at {WEIGHTS}: change WEIGHTS above"')
    lines += ["OUT.mkdir(exist_ok=True)", f"NAMES = {_quoted(dataset.classes)}"]
    return "\n".join(lines)


def _about_data(dataset: Dataset) -> str:
    counts = ", ".join(f"{count:,} for {part}" for part, count in dataset.images.items() if count)
    text = f"## The pictures\n\n“{dataset.name}” has {counts}. {dataset.split_note}\n\n"
    if dataset.task == "classify":
        return text + "For classification, the folders are the labels: `images/train/<class>/`, `images/val/<class>/`."
    return text + (
        "Each picture has a text file with its labels: the number of the class, then coordinates as fractions of the "
        "picture's width and height. A small `data.yaml` says where they are and what the numbers mean."
    )


def _data_code(dataset: Dataset) -> str:
    if dataset.task == "classify":
        return """
DATA = DATASET / "images"
for part in ("train", "val", "test"):
    counts = {name: len(list((DATA / part / name).glob("*"))) for name in NAMES if (DATA / part / name).is_dir()}
    if counts:
        print(part, counts)
"""
    content: dict[str, Any] = {part: f"images/{part}" for part in ("train", "val", "test") if dataset.images.get(part)}
    content.setdefault("val", "images/train")
    if dataset.task == "pose" and dataset.keypoint_shape:
        content["kpt_shape"] = list(dataset.keypoint_shape)
        if dataset.flip_idx:
            content["flip_idx"] = list(dataset.flip_idx)
    inside = "".join(f'    "{key}": {_quoted(value)},\n' for key, value in content.items())
    return f"""
import yaml
from collections import Counter

DATA = OUT / "data.yaml"
content = {{
    "path": str(DATASET),
{inside}    "names": dict(enumerate(NAMES)),
}}
DATA.write_text(yaml.safe_dump(content, sort_keys=False))
for part in ("train", "val", "test"):
    labels = (DATASET / "labels" / part).glob("*.txt")
    rows = [line.split()[0] for file in labels for line in file.read_text().splitlines() if line.strip()]
    if rows:
        print(part, {{NAMES[int(number)]: count for number, count in sorted(Counter(rows).items())}})
"""


def _about_reuse(run: Run, dataset: Dataset) -> str:
    if run.spec.strategy is Strategy.SCRATCH:
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


def _reuse_code(run: Run, weights: str, dataset: Dataset) -> str:
    if run.spec.strategy is Strategy.SCRATCH:
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


def _about_settings(run: Run) -> str:
    rows = "\n".join(
        f"- `{name}` = {json.dumps(value, default=str)}: {setting_reason(run.spec, name, value)}"
        for name, value in plan_settings(run.spec)
    )
    return f"## The settings, and why\n\n{rows}\n\nAll others stay as Ultralytics has them (`default.yaml`)."


def _settings_code(run: Run) -> str:
    spec = run.spec
    given: dict[str, Any] = {**spec.extra}
    given |= {name: getattr(spec, name) for name in ("epochs", "imgsz", "batch", "seed")}
    given["patience"] = spec.patience or spec.epochs + 1
    given["device"] = run.device
    if run.device == "cpu":
        given["workers"] = 0
        if str(given.get("amp", "")).lower() == "bf16":
            given.pop("amp")  # plain Ultralytics refuses it on a processor
    lines = "\n".join(f"    {_quoted(name)}: {_quoted(value)}," for name, value in given.items())
    data = '    "data": str(DATA),\n'
    places = '    "project": str(OUT),\n    "name": "train",\n    "exist_ok": True,\n    "plots": False,\n'
    return f"SETTINGS = {{\n{data}{lines}\n{places}}}"


STRATEGY_LESSON = {
    Strategy.FINE_TUNE: """
All layers may change. The copied ones start near a good place and move little, since the learning rate is small; the
new ones have farther to go. This is the usual choice when there are some hundred pictures or more.""",
    Strategy.FROZEN: """
The backbone stays exactly as it was (`freeze`, its batch-norm statistics included) and serves as a fixed way of seeing:
only the neck and the head learn. It is quick, hard to overfit, and the best choice for very few pictures that look like
photographs. It can't learn to see what its first training never needed, such as the texture of an X-ray.""",
    Strategy.TWO_STAGE: """
First only neck and head learn, so that the random numbers of the new layers can't disturb the copied ones; then all
layers learn, at a lower rate. Plain Ultralytics has no setting for it. The two functions below are called back by its
trainer and do what Graft does: the same schedule, one training.""",
    Strategy.DISCRIMINATIVE: """
Each part of the network learns at its own rate: the backbone slowly, neck and head ten times as fast (Howard and Ruder,
2018). Plain Ultralytics has no setting for it. The function below is called back by its trainer when the optimizer is
ready and splits its groups, as Graft does.""",
    Strategy.SCRATCH: """
Every layer starts from random numbers (`pretrained=False`). Expect to need many times the pictures and epochs.""",
}


def _about_strategy(run: Run) -> str:
    spec = run.spec
    text = f"## The strategy: {spec.strategy.value}\n{STRATEGY_LESSON[spec.strategy]}"
    differences = []
    if run.device == "cpu":
        differences.append(
            "on a processor, Graft trains with a quicker trainer (other memory layout, bfloat16 where it pays)"
        )
    if spec.strategy is Strategy.FROZEN and run.device == "cpu":
        differences.append("for frozen layers it may compute what they see once and keep it")
    if str(spec.extra.get("amp", "")).lower() == "bf16" and run.device == "cpu":
        differences.append("the setting amp=bf16 is left out here, since plain Ultralytics refuses it on a processor")
    if differences:
        text += (
            f"\n\nWhat differs from the run in Graft: {'; '.join(differences)}. So figures come near those of the run "
        )
        text += "and are not the same to the last digit."
    return text


def _train_code(run: Run, weights: str) -> str:
    spec = run.spec
    code = f"model = YOLO({weights})\n"
    options = "**SETTINGS"
    if spec.strategy in (Strategy.FROZEN, Strategy.TWO_STAGE):
        code += 'BACKBONE = len(model.model.yaml["backbone"])  # how many layers see\n'
        options += ", freeze=BACKBONE"
    if spec.strategy is Strategy.SCRATCH:
        options += ", pretrained=False"
    if spec.strategy is Strategy.TWO_STAGE:
        stage = strategies.first_stage_epochs(spec)
        code = _borrowed(strategies.unfreeze, strategies._tell_scheduler) + "\n\n" + code
        code += f"""FIRST_STAGE = {stage}  # epochs with the backbone frozen


def second_stage(trainer):
    if trainer.epoch == FIRST_STAGE:
        unfreeze(trainer)


model.add_callback("on_train_epoch_start", second_stage)
"""
        code = f"SECOND_STAGE_RATE = {strategies.SECOND_STAGE_RATE}  # share of the learning rate\n\n\n{code}"
    if spec.strategy is Strategy.DISCRIMINATIVE:
        borrowed = _borrowed(strategies.slow_backbone, strategies._backbone_parameters, strategies._tell_scheduler)
        code = f"BACKBONE_RATE = {strategies.BACKBONE_RATE}  # share of the learning rate\n\n\n{borrowed}\n\n{code}"
        code += 'BACKBONE = len(model.model.yaml["backbone"])  # how many layers see\n'
        code += 'model.add_callback("on_train_start", lambda trainer: slow_backbone(trainer, BACKBONE))\n'
    return f"{code}model.train({options})"


def _borrowed(*functions: Any) -> str:
    """Return the source of Graft's own functions as a notebook shows it: without type hints of Graft's."""
    return "\n\n".join(
        textwrap.dedent(inspect.getsource(function))
        .replace(": Any", "")
        .replace(" -> None", "")
        .replace("layers: int", "layers")
        .replace(" -> set[int]", "")
        for function in functions
    )


def _about_result(run: Run) -> str:
    figures = ", ".join(f"{name} {value:.3f}" for name, value in run.metrics.items() if value is not None)
    text = (
        "## How good is it?\n\nThe best epoch's weights are judged on the validation pictures, not used for training."
    )
    if figures:
        text += f" The run in Graft reached: {figures}."
    return text + (
        " A few hundred objects leave an error of several points: Graft shows it as an interval, and so should "
        "you when you report these figures."
    )


def _result_code(run: Run, dataset: Dataset) -> str:
    figures = (
        'print(f"right at the first guess (top-1): {result.top1:.3f}")'
        if dataset.task == "classify"
        else 'for name, value in result.results_dict.items():\n    print(f"{name}: {value:.3f}")'
    )
    device = f", device={_quoted(run.device)}"
    return f"""
best = YOLO(str(OUT / "train" / "weights" / "best.pt"))
places = {{"project": str(OUT), "name": "val", "exist_ok": True}}
result = best.val(data=str(DATA), imgsz=SETTINGS["imgsz"]{device}, workers=0, plots=False, **places)
{figures}
"""


def _look_code() -> str:
    return """
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


def _closing() -> str:
    return """
## Where to go from here

- **Other pictures:** `best.predict("picture.jpg")`.
- **More of the same:** change one setting, run again, compare. A single run tells little: change `seed` to see by how
  much figures move by chance alone.
- **Transfer again:** `YOLO(OUT / "train" / "weights" / "best.pt")` is now the best starting point for a related task.
"""
