"""The run a page is about."""

from __future__ import annotations

from core.errors import InputError
from core.training.runs import get_run, list_runs
from core.training.store import Run
from core.workspace import Workspace
from pages._ui.cells import Notebook, empty
from pages._ui.frame import current_id, set_current


def chosen_run(workspace: Workspace, title: str, about: str, *, nothing: str, soon: str, key: str) -> Run:
    """Return the run a page on trained models is about: the address's, else the newest with a model.

    Ends the page with an empty state where there is none: under `title`, `about` and the sentence `nothing` when no
    run has a model, the sentence `soon` when the chosen one has none yet. `key` begins the keys of the widgets.
    """
    runs = [run for run in list_runs(workspace) if run.best_weights is not None]
    if not runs:
        Notebook(title, about)
        empty(nothing, "Train one", "training.py", key=f"{key}_empty")
    identifier = current_id("run")
    try:
        run = get_run(workspace, identifier) if identifier else runs[0]
    except InputError:
        run = runs[0]  # deleted meanwhile, or an old address
    if run.best_weights is None:
        Notebook(title, f"{run.name} has no trained model yet.")
        empty(soon, "Watch it", "training.py", key=f"{key}_wait")
    set_current("run", run.id)
    return run
