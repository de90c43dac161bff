"""What every page starts with: is there a frame, which workspace, which dataset and run are we working on."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from core.data.dataset import Dataset, load_dataset
from core.errors import InputError
from core.files.answering import silence_words, silent_for
from core.processes.starting import prepare
from core.training.store import RunStore
from core.workspace import Workspace, named_folder

PAGES = Path(__file__).resolve().parents[2]
ASSETS = PAGES / "_ui" / "assets"
SHEET_WIDTH, SHOWN_WIDTH = 920, 1180
"""Width of the column of cells, in pixels, and in the presenter view."""


@dataclass(frozen=True)
class Step:
    """A page: its file in pages/, its title, which of `dataset` and `run` its address names, its stage of the road."""

    file: str
    title: str
    address: tuple[str, ...] = ()
    stage: str = ""

    @property
    def path(self) -> Path:
        """The page's file."""
        return PAGES / self.file


ROAD = (
    Step("home.py", "Home"),
    Step("dataset.py", "Dataset", ("dataset",), "Pictures"),
    Step("label.py", "Label", ("dataset",), "Pictures"),
    Step("model.py", "Model", ("dataset",), "Model"),
    Step("training.py", "Training", ("run",), "Training"),
    Step("evaluation.py", "Evaluation", ("run",), "Evaluation"),
    Step("compare.py", "Compare", (), "Evaluation"),
    Step("lab.py", "Lab", ("dataset",)),
    Step("predict.py", "Try it", ("run",), "Use"),
    Step("deliver.py", "Take it away", ("run",), "Use"),
    Step("runs.py", "Runs"),
    Step("library.py", "Library"),
    Step("settings.py", "Settings"),
)
"""All pages in the order of the road; one whose file isn't there is not in the navigation."""


def steps() -> list[Step]:
    """Return the pages there are."""
    return [step for step in ROAD if step.path.exists()]


def has_page(file: str) -> bool:
    """Say whether a page exists, so that a button may lead to it."""
    return (PAGES / file).exists()


def page_path(file: str) -> str:
    """Return what `st.page_link` and `st.switch_page` want for a page file such as `dataset.py`."""
    return str(PAGES / file)


def go_to(file: str, **address: str | None) -> None:
    """Open another page with `dataset=` and `run=` (or other parameters) in its address. Does not return."""
    for name in ("dataset", "run"):
        if address.get(name):
            st.session_state[f"current_{name}"] = address[name]
    st.switch_page(page_path(file), query_params={key: value for key, value in address.items() if value})


def require_frame() -> None:
    """Stop quietly when a page was started without its frame; the frame follows by itself."""
    if not st.session_state.get("frame_ready"):
        st.stop()


def workspace() -> Workspace:
    """Return the workspace the pages work in; says why and stops when its folder can't be used or doesn't answer."""
    if seconds := silent_for(named_folder()):
        st.warning(f"The workspace at {silence_words(named_folder(), seconds)}", icon=":material/hourglass:")
        st.stop()
    try:
        return Workspace.current()
    except InputError as error:
        st.error(str(error))
        st.stop()


@st.fragment(run_every=3)
def wait_for_workspace() -> None:
    """Say that the drive of the workspace doesn't answer, as long as it doesn't; then let the page be drawn anew."""
    workspace()
    st.rerun()


def current_dataset() -> Dataset | None:
    """Return the dataset being worked on (address first, then this session), None when there is none."""
    identifier = current_id("dataset")
    if not identifier:
        return None
    try:
        return load_dataset(workspace(), identifier)
    except InputError:
        return None  # deleted meanwhile, or an old address: the pages show their empty state


def current_id(kind: str) -> str | None:
    """Return the id of the current `dataset` or `run`: the address's, else the session's."""
    return st.query_params.get(kind) or st.session_state.get(f"current_{kind}")


def presenting() -> bool:
    """Say whether the pages are shown to others: folds are hidden, pictures and letters large."""
    return bool(st.session_state.get("presenting"))


def take_presenter_view() -> None:
    """Turn the presenter view on where the address says so (`present=1`), and let the address of each page keep it."""
    if "present" in st.query_params:
        st.session_state["presenting"] = st.query_params["present"] == "1"
    if presenting():
        st.query_params["present"] = "1"
        st.html('<i class="graft-presenting"></i>')


def turn_presenter_view() -> None:
    """Let the address follow the toggle in the sidebar."""
    if presenting():
        st.query_params["present"] = "1"
    else:
        st.query_params.pop("present", None)


def set_current(kind: str, identifier: str | None) -> None:
    """Make a dataset or run the current one, in the session and in the address; a run brings its dataset along."""
    st.session_state[f"current_{kind}"] = identifier
    if kind == "run" and identifier:
        _bring_dataset_of(identifier)
    if kind == "dataset" and identifier and st.session_state.get("warm_for") != identifier:
        st.session_state["warm_for"] = identifier
        prepare()  # a training or a try of a model comes next
    if identifier:
        st.query_params[kind] = identifier
    elif kind in st.query_params:
        del st.query_params[kind]


def _bring_dataset_of(run_id: str) -> None:
    """Let a run's dataset be the one that is worked on; of a run that isn't there the page says so."""
    with contextlib.suppress(InputError):
        st.session_state["current_dataset"] = RunStore(workspace()).get(run_id).dataset


def keep_way_back() -> None:
    """Let the browser's Back lead to the page before, not to the same page with less in its address."""
    script = (ASSETS / "way_back.js").read_text(encoding="utf-8")
    st.html(f"<script>{script}</script>", unsafe_allow_javascript=True)


def keep_address(step: Step) -> None:
    """Let the address name what the page shows, so that it can be reloaded, shared and opened again; no more."""
    for word, file in (("new", "dataset.py"), ("plan", "training.py")):
        if step.file != file:
            st.query_params.pop(word, None)  # left over where the browser went back
    for kind in ("dataset", "run"):
        if kind == "run" and "plan" in st.query_params:
            st.query_params.pop(kind, None)  # a plan is of a dataset; the run that was looked at before stays behind
        elif kind in step.address:
            identifier = current_id(kind)
            if identifier:
                set_current(kind, identifier)
        elif kind in st.query_params:
            st.session_state[f"current_{kind}"] = st.query_params[kind]
            if kind == "run" and "dataset" not in st.query_params:
                _bring_dataset_of(st.query_params[kind])
