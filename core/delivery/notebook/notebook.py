"""The same run as a Jupyter notebook and as a script, with plain Ultralytics: a lesson on transfer learning.

It needs the dataset and the weights of the workspace and nothing of Graft's. What plain Ultralytics does otherwise than
Graft is said where it matters. The cells come from `run_cells`, so that the `.ipynb` and the `.py` can't disagree; what
they say is in `words.py` beside this file, what they do in `code.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import nbformat

from core.data.dataset import load_dataset
from core.delivery.notebook.code import (
    LOOK_CODE,
    data_code,
    preparation,
    quoted,
    result_code,
    reuse_code,
    settings_code,
    train_code,
)
from core.delivery.notebook.words import (
    ABOUT_LOOK,
    CLOSING,
    about_data,
    about_result,
    about_reuse,
    about_settings,
    about_strategy,
    opening,
)
from core.errors import InputError
from core.models.catalog import model_for_task
from core.training.runs import get_run
from core.training.starting_points import locate
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
    return f"from ultralytics import YOLO\n\n{settings_code(run)}\n{train_code(run, weights)}".strip()


def run_cells(workspace: Workspace, run: Run) -> list[Cell]:
    """Return the cells of a run. Raises InputError when its dataset or the weights it started from are gone."""
    dataset = load_dataset(workspace, run.dataset)
    weights, path = _weights(workspace, run)
    cells = [
        Cell("words", opening(run, dataset)),
        Cell("code", preparation(dataset, path, _teacher(workspace, run))),
        Cell("words", about_data(dataset)),
        Cell("code", data_code(dataset)),
        Cell("words", about_reuse(run, dataset)),
        Cell("code", reuse_code(run, weights, dataset)),
        Cell("words", about_settings(run)),
        Cell("code", settings_code(run)),
        Cell("words", about_strategy(run)),
        Cell("code", train_code(run, weights)),
        Cell("words", about_result(run)),
        Cell("code", result_code(run, dataset)),
        Cell("words", ABOUT_LOOK),
        Cell("code", LOOK_CODE),
        Cell("words", CLOSING),
    ]
    return [Cell(cell.kind, cell.text.strip()) for cell in cells]


def _weights(workspace: Workspace, run: Run) -> tuple[str, Path | None]:
    """Return the Python expression for what the training starts from, and the file."""
    if not run.spec.strategy.reuses:
        return quoted(model_for_task(run.spec.model, run.spec.task).yaml), None
    found = locate(workspace, run.spec.model, run.spec.task)
    if found is None:
        raise InputError(f"The weights {run.spec.model}, from which this run started, are no longer in the workspace.")
    return "str(WEIGHTS)", found.path


def _teacher(workspace: Workspace, run: Run) -> Path | None:
    """Return the weights of the model that the run also learned from, None when it had none."""
    if not run.spec.teacher:
        return None
    found = locate(workspace, run.spec.teacher, run.spec.task)
    if found is None:
        raise InputError(f"The teacher {run.spec.teacher}, from which this run learned, is no longer in the workspace.")
    return found.path
