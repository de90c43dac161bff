"""The marker on top of every page: the stages of the road, what is done, what is next, each a link to its page."""

from __future__ import annotations

import streamlit as st

from core.road import Progress, Stage, road
from core.workspace import Workspace
from pages._ui.common.frame import Step, current_id, has_page, page_path
from pages._ui.common.looking import slowness

ICONS = {
    Progress.DONE: ":material/check_circle:",
    Progress.NOW: ":material/autorenew:",
    Progress.NEXT: ":material/arrow_circle_right:",
    Progress.LATER: ":material/radio_button_unchecked:",
}
FILES = {
    "Pictures": ("dataset.py", ("dataset",)),
    "Model": ("model.py", ("dataset",)),
    "Training": ("training.py", ("run",)),
    "Evaluation": ("evaluation.py", ("run",)),
    "Use": ("predict.py", ("run",)),
}
"""The page of each stage, and what its address names."""
SECONDS = 5
"""After which the road is looked at again, while few look."""


def show_road(workspace: Workspace, step: Step) -> None:
    """Show the stages of the dataset and run being worked on in one line, which keeps up with what happens."""
    st.fragment(_road, run_every=SECONDS * slowness())(workspace, step)


def _road(workspace: Workspace, step: Step) -> None:
    new = step.file == "dataset.py" and bool({"new", "import"} & set(st.query_params))
    stages = road(workspace, current_id("dataset"), current_id("run"), new=new)
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center", key="road"):
        for stage in stages:
            file, named = FILES[stage.name]
            if has_page(file):
                st.page_link(
                    page_path(file), label=_label(stage, here=stage.name == step.stage), icon=ICONS[stage.progress],
                    help=f"{stage.progress.capitalize()}: {stage.words}", query_params=address(stage, named),
                )  # fmt: skip


def _label(stage: Stage, *, here: bool) -> str:
    name = f"**{stage.name}**" if here else stage.name
    return name if stage.progress in (Progress.DONE, Progress.LATER) else f":green[{name} ({stage.progress})]"


def address(stage: Stage, named: tuple[str, ...]) -> dict[str, str]:
    """Return what the address of a stage's page names; a training that has not begun is its plan."""
    if stage.name == "Training" and stage.run is None and stage.dataset:
        return {"dataset": stage.dataset, "plan": "1"}
    given = {"dataset": stage.dataset, "run": stage.run}
    return {name: value for name in named if (value := given[name])}
