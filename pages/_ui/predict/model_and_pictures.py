"""Which model looks, beside which other one, and at what: the first two cells of the page."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from pathlib import Path
from typing import Any

import streamlit as st

from core.data.dataset import list_datasets, load_dataset
from core.delivery.predict.intake import Intake, take_in
from core.delivery.predict.model.chosen_model import ChosenModel, choose_model
from core.errors import GraftError, InputError
from core.files.answering import silence_words, silent_for
from core.models.library import list_models
from core.models.weights import import_file
from core.training.runs import list_runs
from core.words import count
from core.workspace import Workspace
from pages._ui.common import frame
from pages._ui.common.cells import next_step
from pages._ui.common.formatting import plain
from pages._ui.common.upload import MAX_MEGABYTES, bump_key, fresh_key, save_uploads

UPLOAD, OWN, CAMERA, PLACE = "Upload", "Its own validation pictures", "Camera", "A place on this machine"
OWN_PICTURES = 8
KEPT_SECONDS = 24 * 3600
"""How long pictures given for a try stay on disk after their tab was closed; a restart removes them at once."""
AS_IT_COMES = "as-it-comes"
"""The choice that stands for the pre-trained model without any training of the user's."""


def model_names(workspace: Workspace) -> dict[str, str]:
    """Return what can be chosen: ids of runs and paths of .pt files in the workspace, with words for each."""
    names = {
        run.id: f"{run.name} ({run.model}, {run.spec.imgsz} px)"
        for run in list_runs(workspace)
        if run.best_weights is not None
    }
    doubled = Counter(names.values())
    names = {key: f"{words}, {key}" if doubled[words] > 1 else words for key, words in names.items()}
    names |= {f"library:{kept.id}": f"{kept.name} (kept in the library)" for kept in list_models(workspace)}
    files = sorted(workspace.weights.glob("*.pt"))
    return names | {str(path): f"{path.name} (a file in this workspace)" for path in files}


def choose(workspace: Workspace) -> tuple[ChosenModel, ChosenModel | None]:
    """Show the choice of the model and of the one beside it; ends the page without a usable one."""
    names = model_names(workspace)
    if not names:
        st.markdown("There is no trained model yet. Train one, or bring one as a file.")
        if list_datasets(workspace):
            next_step("Train one", "training.py", key="predict_empty")
        else:
            next_step("Bring in your pictures", "dataset.py", key="predict_empty")
        bring_checkpoint(workspace, names)
    wanted = st.session_state.pop("predict_brought", None) or frame.current_id("run")
    if "predict_model" not in st.session_state or st.session_state["predict_model"] not in names:
        st.session_state["predict_model"] = wanted if wanted in names else next(iter(names))
    left, right = st.columns(2)
    name = left.selectbox("Model", list(names), format_func=names.__getitem__, key="predict_model")
    try:
        chosen = choose_model(workspace, name)
    except InputError as error:
        st.error(plain(str(error)), icon=":material/error:")
        st.stop()
    others: dict[str, str] = {}
    if chosen.base is not None and chosen.is_run:
        others[AS_IT_COMES] = f"the pre-trained model as it comes ({chosen.base.name})"
    others |= {key: words for key, words in names.items() if key != name}
    beside = right.selectbox(
        "Beside it",
        list(others),
        index=None,
        format_func=others.__getitem__,
        key=f"predict_beside_{name}",
        placeholder="no other model",
    )
    if chosen.is_run:
        frame.set_current("run", chosen.name)
    st.caption(plain(chosen.words()))
    if name.endswith(".pt") and all(key.endswith(".pt") for key in names):
        st.markdown("None of your own trainings has a model yet: this file finds only what it was taught elsewhere.")
        next_step("Train one on your pictures", "training.py", key="predict_train_first")
    bring_checkpoint(workspace, names)
    other = None
    if beside == AS_IT_COMES:
        other = ChosenModel(AS_IT_COMES, "As it comes", chosen.base or chosen.weights, window=chosen.window)
    elif beside is not None:
        other = choose_model(workspace, beside)
    return chosen, other


def bring_checkpoint(workspace: Workspace, names: dict[str, str]) -> None:
    """Show the fold that takes a .pt file in, checked by safe loading; ends the page while there is no model at all."""
    with st.expander("Bring a model file (.pt)", key="predict_bring", expanded=not names, type="compact"):
        files = st.file_uploader(
            "A checkpoint of Ultralytics YOLO",
            type=["pt"],
            key=fresh_key("predict_weights"),
            max_upload_size=MAX_MEGABYTES,
            help="It is read as weights only: nothing a file holds is ever run.",
        )
        if files is not None:
            _take_checkpoint(workspace, files)
        for line in st.session_state.pop("predict_refused", []):
            st.error(plain(line), icon=":material/block:")
    if not names:
        st.stop()


def _take_checkpoint(workspace: Workspace, file: Any) -> None:
    with st.spinner("Checking the file …"), workspace.staging("checkpoint", scratch=True) as folder:
        try:
            taken = import_file(workspace, save_uploads([file], folder)[0])
            st.session_state["predict_brought"] = str(taken.path)
            st.session_state.pop("predict_model", None)
        except GraftError as error:
            st.session_state["predict_refused"] = [str(error)]
    bump_key("predict_weights")
    st.rerun()


def give(workspace: Workspace, chosen: ChosenModel) -> Intake | None:
    """Show the ways to give pictures; return what was given last, None while nothing was."""
    ways = [UPLOAD, PLACE, CAMERA]
    if chosen.dataset is not None:
        ways.insert(1, OWN)
    way = st.segmented_control(
        "Pictures from", ways, default=UPLOAD, key="predict_way", required=True, label_visibility="collapsed", wrap=True
    )
    if way == UPLOAD:
        files = st.file_uploader(
            "Pictures, DICOM or TIFF files, a zip of them, or a video",
            accept_multiple_files=True,
            key=fresh_key("predict_upload"),
            max_upload_size=MAX_MEGABYTES,
        )
        if files:
            _take(workspace, chosen, files=files)
            bump_key("predict_upload")
            st.rerun()
    elif way == OWN:
        st.markdown("Pictures it was judged by and has not learned from.")
        if st.button(f"Take {OWN_PICTURES} of them", key="predict_own", icon=":material/photo_library:"):
            _take(workspace, chosen, places=own_pictures(workspace, chosen))
    elif way == PLACE:
        with st.form("predict_place_form", border=False):
            place = (
                st.text_input(
                    "Picture, folder, archive or video on this machine",
                    key="predict_place",
                    placeholder="the whole path",
                    help="Nothing there is changed.",
                )
                or ""
            )
            given = st.form_submit_button("Look at it", key="predict_place_go")
        if given:
            _take_place(workspace, chosen, place.strip())
    else:
        shot = st.camera_input("A snapshot", key="predict_camera")
        if shot is not None and st.session_state.get("predict_shot") != shot.file_id:
            st.session_state["predict_shot"] = shot.file_id
            _take(workspace, chosen, files=[shot], keep=True)
    return _given(chosen)


def own_pictures(workspace: Workspace, chosen: ChosenModel) -> list[Path]:
    """Return some pictures of the validation part of the model's dataset, evenly spread; never the locked test part."""
    try:
        dataset = load_dataset(workspace, chosen.dataset or "")
    except InputError:
        return []
    table = dataset.image_table()
    files = table.loc[table["split"] == "val", "file"].tolist() or table.loc[table["split"] == "train", "file"].tolist()
    step = max(1, len(files) // OWN_PICTURES)
    return [dataset.image_path(file) for file in files[::step][:OWN_PICTURES]]


def _take_place(workspace: Workspace, chosen: ChosenModel, place: str) -> None:
    path = Path(place).expanduser()
    if place and (seconds := silent_for(path)):
        st.error(plain(silence_words(path, seconds)))
        return
    if not place or not path.is_absolute() or not path.exists():
        st.error(f"There is no {plain(place) or 'such place'} on this machine. Give the whole path, from / or C: on.")
        return
    _take(workspace, chosen, places=[path])


def _take(
    workspace: Workspace, chosen: ChosenModel, *, files: Any = (), places: list[Path] | None = None, keep: bool = False
) -> None:
    """Prepare what was given and keep it for this session in place of what was given before."""
    old = st.session_state.pop("predict_folder", None)
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)
    for left in workspace.staging_root.glob("tryit_*"):  # of tabs that were closed: pictures may be confidential
        if time.time() - left.stat().st_mtime > KEPT_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
    folder = workspace.lasting_staging("tryit", scratch=True)
    st.session_state["predict_folder"] = folder
    st.session_state["predict_picked"] = 0
    with st.spinner("Reading the pictures …"):
        try:
            sources = save_uploads(files, folder / "given", forget=not keep) if files else places or []
            intake = take_in(sources, folder, chosen.window, workspace.free_bytes())
        except InputError as error:
            st.session_state["predict_given"] = str(error)
            return
    st.session_state["predict_given"] = intake
    st.session_state["predict_sources"] = sources
    st.session_state["predict_window"] = chosen.window


def _given(chosen: ChosenModel) -> Intake | None:
    given: Intake | str | None = st.session_state.get("predict_given")
    if given is None:
        return None
    if isinstance(given, str):
        st.error(plain(given), icon=":material/error:")
        return None
    for name, reason in given.refused[:10]:
        st.warning(f"{plain(name)}: {plain(reason)}", icon=":material/broken_image:")
    parts = []
    if given.pictures:
        parts.append(count(len(given.pictures), "picture"))
    if given.waiting:
        parts.append(f"{count(len(given.waiting), 'picture')}, too many to show at once: start them below")
    if given.videos:
        parts.append(count(len(given.videos), "video"))
    st.caption("Given: " + (", ".join(parts) or "nothing that can be read") + ".")
    if any(item.windowed for item in given.pictures):
        used = st.session_state.get("predict_window", "auto")
        by = "each by its own levels, as at the import" if used == "auto" else f"by the window {used}, as in training"
        st.caption(f"Pictures of more than 8 bits were brought to 8 {by}.")
        if used != chosen.window:
            st.caption("This model was trained with another window: give the pictures again.")
    return given
