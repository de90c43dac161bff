"""Label: draw what a model is to learn, picture by picture; each change is kept at once."""

import streamlit as st

from core.data.dataset import Dataset, list_datasets
from core.errors import InputError
from core.labelling.label import State
from core.labelling.labelling import open_labelling
from core.labelling.proposals import read_proposals
from core.labelling.settings import DRAWN_TASKS, begin, read_settings
from core.labelling.versions import make_version
from core.tasks import TASKS, Task
from core.words import count
from pages._ui.common import frame
from pages._ui.common.cells import Notebook, empty, python_fold
from pages._ui.common.formatting import plain
from pages._ui.label.adding import add_more
from pages._ui.label.editor import label_editor
from pages._ui.label.proposing import propose_cell
from pages._ui.label.review import to_review
from pages._ui.label.rounds import rounds_cell
from pages._ui.label.versions import versions_cell

QUESTIONS: dict[Task, str] = {
    "detect": "Where things are: boxes",
    "segment": "Where things are, to their very edge: outlines",
    "classify": "Which kind a whole picture is",
    "obb": "Where things are and how they lie: turned boxes",
    "pose": "Where things are and where their key points are",
}
"""What a model may be to learn, as a person would ask for it."""
STATE_WORDS = {
    State.LABELLED: "labelled",
    State.NOTHING: "with nothing in them",
    State.UNSURE: "unsure, kept out of training",
    State.OPEN: "still open",
}

workspace = frame.workspace()


def begin_cell(dataset: Dataset) -> None:
    """Ask what is to be learned."""
    labelled = sum(dataset.instances.values()) > 0
    if labelled:
        if dataset.task not in DRAWN_TASKS:
            st.markdown("Labels that give every pixel its class can’t be drawn here.")
            return
        st.markdown(f"It is labelled already, to {TASKS[dataset.task].to_do}. You can mend its labels and add to them.")
        if st.button("Open the labels", key="label_begin", type="primary"):
            begin(dataset)
            st.rerun()
        return
    task = st.radio("What is to be learned?", DRAWN_TASKS, key="label_task", format_func=lambda name: QUESTIONS[name],
                    label_visibility="collapsed")  # fmt: skip
    points = ""
    if TASKS[task].has_keypoints:
        points = st.text_area("The key points, one per line, in the order you will set them", key="label_points",
                              placeholder="nose\nleft eye\nright eye") or ""  # fmt: skip
    if st.button("Begin", key="label_begin", type="primary"):
        try:
            begin(dataset, task, points.splitlines())
        except InputError as error:
            st.error(plain(str(error)))
            return
        st.rerun()


@st.fragment(run_every=3)
def so_far(dataset_id: str, by: str) -> None:
    """Say how much is labelled, and lead on to a training."""
    dataset = frame.current_dataset()
    if dataset is None or dataset.id != dataset_id:
        return
    work = open_labelling(dataset)
    states = list(work.states().values())
    ready = sum(state.learned_from for state in states)
    st.progress(ready / max(1, len(states)), text=f"{ready} of {count(len(states), 'picture')}")
    told = [f"{states.count(state)} {words}" for state, words in STATE_WORDS.items() if state in states]
    st.markdown(", ".join(told) + ".")
    changed = len(work.changed())
    if changed:
        st.caption(
            f"{count(changed, 'picture')} changed since "
            f"{f'version {dataset.labels_version}' if dataset.labels_version else 'the import'}; "
            "what is trained is a version, made when you train."
        )
    label = "Train with these labels" if changed or not dataset.labels_version else "Choose a model"
    if st.button(label, key="label_train", type="primary", icon=":material/arrow_forward:", icon_position="right",
                 disabled=not ready):  # fmt: skip
        try:
            if changed:
                make_version(dataset, by=by)
        except InputError as error:
            st.error(plain(str(error)))
            return
        frame.go_to("model.py", dataset=dataset.id)


def label_code(dataset_id: str) -> str:
    """Return the Python that labels and makes a version."""
    return f"""
from core.data.dataset import load_dataset
from core.labelling.label import Label
from core.labelling.labelling import open_labelling
from core.labelling.settings import add_class, begin
from core.labelling.versions import make_version
from core.workspace import Workspace

dataset = load_dataset(Workspace.current(), {dataset_id!r})
begin(dataset, "detect")
add_class(dataset, "cell")
work = open_labelling(dataset)
picture = next(iter(work.pictures.values()))
box = {{"class": "cell", "box": (10, 12, 30, 20)}}  # left, top, width, height in pixels
work.set(picture.id, Label.model_validate({{"objects": [box]}}), since=0)
dataset = make_version(dataset)
"""


def label_page(dataset: Dataset) -> None:
    """Show the cells of labelling."""
    begun = read_settings(dataset) is not None
    page = Notebook("Label", "" if begun else dataset.name)  # the picture's room; the name stands in the sidebar
    if not begun:
        with page.cell("What shall it learn?"):
            begin_cell(dataset)
        return
    with page.cell("Draw what is there"):
        by = st.session_state.get("label_by") or ""
        proposals = read_proposals(dataset)
        fresh = proposals.at if proposals else ""
        if review := to_review(dataset):
            st.markdown(f"{count(len(review), 'picture')} sent here to be looked at again; Enter leads through them.")
        label_editor(dataset.id, by=by, picture=st.query_params.get("picture", ""), fresh=fresh, review=review)
        st.caption("Every change is kept at once.")
        st.text_input("Who labels?", key="label_by", max_chars=80, persist_state="session", width=260,
                      placeholder="your name, if several label")  # fmt: skip
        python_fold(label_code(dataset.id), key="label")
    with page.cell("Shall a model help?"):
        propose_cell(workspace, dataset)
    with page.cell("How far is it?"):
        so_far(dataset.id, by)
        add_more(workspace, dataset)
    rounds_cell(page, workspace, dataset)
    with page.cell("Versions of the labels"):
        versions_cell(workspace, dataset, by)


current = frame.current_dataset()
if current is None and (datasets := list_datasets(workspace)):
    current = next((item for item in datasets if read_settings(item) is not None), datasets[0])
    frame.set_current("dataset", current.id)
    st.rerun()  # the sidebar and the road stand above and name it too
if current is None:
    Notebook("Label", "Draw what a model is to learn, picture by picture.")
    empty(
        "There are no pictures yet. Bring them, labelled or not.",
        "Bring in your pictures",
        "dataset.py",
        key="to_dataset",
    )
else:
    label_page(current)
