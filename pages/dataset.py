"""Dataset: bring pictures in, see what was read and what is wrong with it, mend it, look at it."""

import time

import streamlit as st

from core.data.checks.prospects import prospects
from core.data.dataset import Dataset, damaged_datasets, delete_dataset, list_datasets
from core.data.importing.job import job_folder, look_of, running_imports
from core.labelling.labelling import labelled_of
from core.labelling.settings import DRAWN_TASKS, begin, read_settings
from core.labelling.waiting import read_waiting
from core.tasks import TASKS
from core.words import count, megabytes
from core.workspace import folder_bytes
from pages._ui.common import frame
from pages._ui.common.cells import Notebook, next_step, python_fold
from pages._ui.common.formatting import plain
from pages._ui.common.running import show_import
from pages._ui.dataset.bring_in import LAYOUTS, bring_in, bring_in_code, forget_place, import_settings
from pages._ui.dataset.editing import class_table, fix, messages, split_controls, tile_controls, undo_button
from pages._ui.dataset.findings import show_findings, verdict
from pages._ui.dataset.understood import show_look
from pages._ui.dataset.views import (
    choices_made,
    choices_of,
    class_mapping,
    dataset_card,
    gallery,
    shapes,
    show_example,
    summary,
)
from pages._ui.label.adding import add_more

workspace = frame.workspace()


JUST_STARTED = 60.0
"""Seconds for which an import that this tab started stands in for an address that lost it."""


def started_now(job: str) -> None:
    """Put an import that was just started into the address."""
    st.session_state["import_started"] = (job, time.monotonic())
    st.query_params["import"] = job


def import_of_address() -> str | None:
    """Return the import the address names.

    A click in the moment in which one starts comes with the address of before: without this the page would offer to
    bring pictures in while they are being read.
    """
    job, at = st.session_state.get("import_started", ("", 0.0))
    if "import" not in st.query_params and job and time.monotonic() - at < JUST_STARTED:
        st.query_params["import"] = job
    return st.query_params.get("import")


def imported(dataset_id: str) -> None:
    """Show the dataset that has just been imported."""
    st.session_state.pop("import_started", None)
    frame.go_to("dataset.py", dataset=dataset_id)


def forget_import() -> None:
    """Take the import out of the address."""
    st.query_params.pop("import", None)
    st.session_state.pop("import_started", None)
    forget_place()


def bring_in_page() -> None:
    """Show the ways in, or the import that is under way."""
    page = Notebook("Dataset", "Bring pictures, with labels or without. They are checked before anything is trained.")
    with page.cell("Where are your pictures?", "Your originals are only read, never changed."):
        job = import_of_address()
        folder = job_folder(workspace, job) if job else None
        look = look_of(folder) if folder else None
        if job and folder and look:
            show_look(workspace, folder, look, lambda: import_settings(workspace), forget_import)
        elif job:
            show_import(workspace, job, imported, forget_import)
        else:
            for other in running_imports(workspace):
                if st.button("See the import that is under way", key=f"running_{other}"):
                    frame.go_to("dataset.py", **{"import": other})
            started = bring_in(workspace)
            if started:
                started_now(started)
                st.rerun()
            with st.expander("What can be brought in?", key="layouts", type="compact"):
                st.markdown(LAYOUTS)
        python_fold(bring_in_code(), key="import")
    for sentence in damaged_datasets(workspace).values():
        st.warning(plain(sentence), icon=":material/broken_image:")
    others = list_datasets(workspace)
    if others:
        with page.cell("Already here"):
            for item in others:
                left, right = st.columns([5, 1], vertical_alignment="center")
                left.markdown(
                    f"**{plain(item.name)}**  \n:small[{count(sum(item.images.values()), 'picture')}, "
                    f"{count(len(item.classes), 'class')}]"
                )
                if right.button("Open", key=f"open_{item.id}", help=f"Open {item.name}", width="stretch"):
                    frame.go_to("dataset.py", dataset=item.id)


@st.dialog("Delete this dataset?")
def confirm_delete(dataset: Dataset) -> None:
    """Ask before the imported copy is deleted."""
    st.markdown(
        f"**{plain(dataset.name)}**: the copy in the workspace goes ({megabytes(folder_bytes(dataset.root))}); your "
        "own files stay as they are. Runs trained on it keep their weights, but can’t be evaluated again."
    )
    if st.button("Delete", key="delete_dataset_now", type="primary"):
        delete_dataset(workspace, dataset.id)
        frame.set_current("dataset", None)
        st.rerun()


def more_pictures(dataset: Dataset) -> None:
    """Let pictures be added to a set whose labels can be drawn; until somebody has labelled them they wait."""
    if dataset.task not in DRAWN_TASKS:
        return
    if read_settings(dataset) is not None:
        add_more(workspace, dataset)
    elif st.button("Add pictures", key="add_pictures", icon=":material/add:"):
        if sum(dataset.instances.values()):
            begin(dataset)
            st.rerun()
        frame.go_to("label.py", dataset=dataset.id)  # what they are to teach is said there first


def check_code(dataset_id: str) -> str:
    """Return the Python that checks and mends."""
    return f"""
from core.data.checks import check_dataset
from core.data.dataset import load_dataset
from core.data.editing.fixes import apply_fix
from core.workspace import Workspace

dataset = load_dataset(Workspace.current(), {dataset_id!r})
for finding in check_dataset(dataset):
    print(finding.severity, finding.code, finding.message)
# dataset = apply_fix(dataset, "duplicate-box")
"""


def classes_code(dataset: Dataset) -> str:
    """Return the Python that edits classes."""
    first = dataset.classes[0] if dataset.classes else "class"
    return f"""
from core.data.editing.classes import edit_classes
from core.data.dataset import load_dataset
from core.workspace import Workspace

dataset = load_dataset(Workspace.current(), {dataset.id!r})
dataset = edit_classes(dataset, {{{first!r}: "a better name"}})
"""


def split_code(dataset_id: str) -> str:
    """Return the Python that divides anew."""
    return f"""
from core.data.dataset import load_dataset
from core.data.editing.resplitting import resplit
from core.workspace import Workspace

dataset = resplit(load_dataset(Workspace.current(), {dataset_id!r}), "70/20/10", seed=0)
"""


def dataset_page(dataset: Dataset) -> None:
    """Show one dataset."""
    page = Notebook("Dataset", dataset.name)
    with st.container(horizontal=True):
        if st.button("Bring in other pictures", key="other_pictures"):
            frame.go_to("dataset.py", new="1")
        if st.button("Delete …", key="delete_dataset", type="tertiary"):
            confirm_delete(dataset)
    messages()
    undo_button(workspace, dataset)
    labelled = None
    if not sum(dataset.instances.values()):
        labelled = labelled_of(dataset)
        st.markdown(
            f"**{labelled[0]} of {count(labelled[1], 'picture')} labelled.** A training makes a version of the labels; "
            "until then they are not counted below."
            if labelled
            else "Nothing is labelled yet. Draw what the model is to learn, here in the browser."
        )
        next_step("Label the pictures", "label.py", key="to_label", dataset=dataset.id)
    with page.cell("What was read?"):
        summary(dataset)
        if waiting := len(read_waiting(dataset)):
            st.caption(f"{count(waiting, 'more picture')} waiting to be labelled (Label page).")
        more_pictures(dataset)
        if dataset.choices:
            with st.expander("Where several readings fitted", key="choices_fold", type="compact"):
                choices_made(dataset)
        if dataset.source_mapping:
            with st.expander("Which class became which?", key="mapping_fold", type="compact"):
                class_mapping(dataset)
        python_fold(bring_in_code(dataset.source or "pictures.zip", choices_of(dataset)), key="read")
    with page.cell("Is anything wrong with it?"):
        findings = [item for item in dataset.findings if labelled is None or item.code != "no-labels"]
        if labelled is None or findings:
            st.markdown(verdict(findings, prospects(dataset)))
        show_findings(findings, key=f"finding_{dataset.id}", show_example=lambda e: show_example(dataset, e),
                      on_fix=lambda code: fix(workspace, dataset.id, code))  # fmt: skip
        python_fold(check_code(dataset.id), key="check")
    with page.cell("What does the model get to see?"):
        gallery(dataset)
    if TASKS[dataset.task].finds_objects and any(dataset.instances.values()):
        with page.cell("How large are the objects, and where?"):
            shapes(dataset)
            if made := tile_controls(workspace, dataset):
                frame.go_to("dataset.py", dataset=made.id)
    if dataset.classes:
        with page.cell("Are the classes what you want?"):
            class_table(workspace, dataset)
            python_fold(classes_code(dataset), key="classes")
    with page.cell("Which pictures are for learning, which for checking?"):
        if dataset.split_note:
            st.markdown(plain(dataset.split_note))
        with st.expander("Divide them anew", key="split_fold", type="compact"):
            split_controls(workspace, dataset)
        python_fold(split_code(dataset.id), key="split")
    with page.cell("The dataset’s card"):
        dataset_card(dataset)
    if not sum(dataset.instances.values()):
        return  # the way on stands on top
    with page.cell("Next"):
        if dataset.errors:
            st.markdown(
                f"{count(len(dataset.errors), 'problem')} must be solved before a model can learn from this set: look "
                "under “Is anything wrong with it?” above."
            )
            return
        next_step("Choose a model", "model.py", key="to_model", dataset=dataset.id)
        if dataset.task in DRAWN_TASKS:
            next_step("Mend or add labels", "label.py", key="to_label", main=False, dataset=dataset.id)


current = None if {"new", "import"} & set(st.query_params) else frame.current_dataset()
if current is None:
    bring_in_page()
else:
    dataset_page(current)
