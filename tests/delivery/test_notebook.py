"""The notebook: it runs from top to bottom, and says honestly what plain Ultralytics does otherwise."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import nbformat
import pytest

from core.delivery.notebook.notebook import notebook_text, run_cells, script_text, write_notebook
from core.errors import InputError
from core.strategies import STRATEGIES, Strategy
from core.strategies.discriminative import DISCRIMINATIVE
from core.strategies.fine_tune import FINE_TUNE
from core.strategies.frozen import FROZEN
from core.strategies.scratch import SCRATCH
from core.strategies.two_stage import TWO_STAGE
from tests.delivery.trained_run import Trained


def with_strategy(trained_copy: Trained, strategy: Strategy, weights: Path) -> None:
    """Make the run's record say another strategy, from the run's own weights."""
    path = trained_copy.run.folder / "spec.json"
    spec = json.loads(path.read_text(encoding="utf-8"))
    spec |= {"strategy": strategy.name, "model": str(weights), "epochs": 2}
    path.write_text(json.dumps(spec), encoding="utf-8")


@pytest.mark.slow
def test_notebook_runs_from_top_to_bottom(trained_copy: Trained, tmp_path: Path) -> None:
    from nbclient import NotebookClient

    weights = trained_copy.run.best_weights
    assert weights is not None
    with_strategy(trained_copy, TWO_STAGE, weights)
    out = write_notebook(trained_copy.workspace, trained_copy.run_id, tmp_path / "run.ipynb")
    notebook = nbformat.read(out, as_version=4)
    nbformat.validate(notebook)
    NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert (tmp_path / "graft-notebook" / "train" / "weights" / "best.pt").is_file()
    printed = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))
    assert "tensors are reused" in printed
    assert "metrics/mAP50(B)" in printed


@pytest.mark.parametrize("strategy", list(STRATEGIES))
def test_each_strategy_has_code_that_parses(strategy: Strategy, trained_copy: Trained) -> None:
    weights = trained_copy.run.best_weights
    assert weights is not None
    if strategy is not SCRATCH:
        with_strategy(trained_copy, strategy, weights)
    script = script_text(trained_copy.workspace, trained_copy.run)
    ast.parse(script)
    assert {
        FINE_TUNE: "model.train(**SETTINGS)",
        FROZEN: "freeze=BACKBONE",
        TWO_STAGE: "def unfreeze(trainer, rate)",
        DISCRIMINATIVE: "def slow_backbone(trainer, layers, rate)",
        SCRATCH: "pretrained=False",
    }[strategy] in script
    assert "from core" not in script, "it needs nothing of Graft's"


@pytest.mark.slow
def test_a_notebook_learns_from_the_same_teacher(trained_copy: Trained, tmp_path: Path) -> None:
    from nbclient import NotebookClient

    weights = trained_copy.run.best_weights
    assert weights is not None
    with_strategy(trained_copy, DISCRIMINATIVE, weights)
    path = trained_copy.run.folder / "spec.json"
    spec = json.loads(path.read_text(encoding="utf-8")) | {"teacher": str(weights)}
    path.write_text(json.dumps(spec), encoding="utf-8")
    notebook = nbformat.reads(notebook_text(trained_copy.workspace, trained_copy.run), as_version=4)
    assert "It also learns from a **teacher**" in "".join(cell.source for cell in notebook.cells)
    NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(tmp_path)}}).execute()
    results = (tmp_path / "graft-notebook" / "train" / "results.csv").read_text().splitlines()
    assert "train/dis_loss" in results[0]
    assert float(results[-1].split(",")[results[0].split(",").index("train/dis_loss")]) > 0


def test_notebook_and_script_say_the_same(trained_copy: Trained) -> None:
    cells = run_cells(trained_copy.workspace, trained_copy.run)
    notebook = nbformat.reads(notebook_text(trained_copy.workspace, trained_copy.run), as_version=4)
    assert [cell.source for cell in notebook.cells] == [cell.text for cell in cells]
    script = script_text(trained_copy.workspace, trained_copy.run)
    assert all(cell.text in script for cell in cells if cell.kind == "code")


def test_another_ending_is_refused(trained_copy: Trained, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="ipynb"):
        write_notebook(trained_copy.workspace, trained_copy.run_id, tmp_path / "run.txt")
