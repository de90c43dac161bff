"""What the library page is made of: the table of kept models, one model and what can be done, starting weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from core.data.dataset import list_datasets
from core.errors import GraftError, InputError
from core.files.answering import check_answers
from core.lab.experiment import runs_apart
from core.metric_words import metric_term, metric_value, metric_words, own_figures
from core.models.catalog import Model, models_for
from core.models.library import LibraryModel, delete_model, edit_model, import_weights, list_models
from core.models.weights import weights_here
from core.tasks import TASKS
from core.training.keeping import keep_run
from core.training.runs import list_runs
from core.words import ago, count, megabytes, millions
from core.workspace import Workspace
from pages._ui.common.draft import start_from
from pages._ui.common.formatting import plain
from pages._ui.common.frame import go_to, has_page
from pages._ui.common.running import show_download
from pages._ui.common.upload import MAX_MEGABYTES, bump_key, fresh_key, save_uploads

FIGURES = ("mAP50", "mAP50-95", "mask mAP50", "mask mAP50-95", "pose mAP50", "pose mAP50-95", "top1", "mIoU")


def table(models: Sequence[LibraryModel]) -> list[LibraryModel]:
    """Show kept models as a table that sorts by a click on a heading; return the ticked ones."""
    shown = [name for name in FIGURES if any(name in model.figures for model in models)]
    rows = [
        {
            "Name": model.name,
            "Classes": ", ".join(model.classes[:6]) + (" …" if len(model.classes) > 6 else ""),
            **{name: model.figures.get(name) for name in own_figures(model.task, shown)},
            "From": model.dataset_name or model.origin,
            "Built as": model.architecture,
            "Kept": model.kept,
            "Tags": list(model.tags),
        }
        for model in models
    ]
    columns = {
        **{name: st.column_config.NumberColumn(metric_term(name), format="%.3f") for name in shown},
        "Name": st.column_config.TextColumn("Name", pinned=True),
        "Kept": st.column_config.DatetimeColumn("Kept", format="D MMM YYYY, HH:mm"),
        "Tags": st.column_config.ListColumn("Tags"),
    }
    chosen = st.dataframe(
        rows, hide_index=True, column_config=columns, on_select="rerun", selection_mode="multi-row", placeholder="–",
        key="library_table", alt="Kept models with their classes, results and tags",
    )  # fmt: skip
    return [models[index] for index in chosen["selection"]["rows"] if index < len(models)]


def one_model(workspace: Workspace, model: LibraryModel) -> None:
    """Show one kept model: what it is, where it comes from, its words, and what can be done with it."""
    st.markdown(f"**{plain(model.name)}** knows {count(len(model.classes), 'class')}: "
                f"{plain(', '.join(model.classes[:30]))}{' and more' if len(model.classes) > 30 else ''}.")  # fmt: skip
    told = own_figures(model.task, [name for name in FIGURES if name in model.figures])
    figures = [f"{metric_words(name)} {metric_value(name, model.figures[name])}" for name in told]
    facts = [f"It is {plain(model.origin)}."]
    if model.started_from:
        facts.append(f"Its training started from {plain(model.started_from)}.")
    if figures:
        facts.append(f"On the validation pictures of its own set: {', '.join(figures)}.")
    size = f" at {model.imgsz} pixels" if model.imgsz else ""
    facts.append(f"{model.architecture or 'Unknown architecture'}, {millions(model.parameters)} parameters{size}.")
    st.markdown(" ".join(facts))
    st.caption(f"Kept {ago(model.kept)}, {megabytes(model.bytes)}, SHA-256 `{model.sha256}`")
    with st.form(f"library_edit_{model.id}", border=False):
        name = st.text_input("Name", model.name, max_chars=120, key=f"library_name_{model.id}")
        note = st.text_area("Note", model.note, key=f"library_note_{model.id}", height=100,
                            help="What it is for, what to mind.")  # fmt: skip
        known = sorted({*model.tags, *(tag for other in list_models(workspace) for tag in other.tags)})
        tags = st.multiselect("Tags", known, default=list(model.tags), accept_new_options=True,
                              key=f"library_tags_{model.id}", help="Type a new tag and press Enter.")  # fmt: skip
        if st.form_submit_button("Save", key=f"library_save_{model.id}"):
            try:
                edit_model(workspace, model.id, name=name, note=note, tags=tuple(tags))
            except InputError as error:
                st.error(plain(str(error)))
            else:
                st.rerun()
    _train_from(workspace, model)
    with st.container(horizontal=True):
        with model.path.open("rb") as file:
            st.download_button("Save the file (.pt)", file, f"{model.id}.pt", key=f"library_file_{model.id}",
                               on_click="ignore")  # fmt: skip
        if st.button("Delete …", key=f"library_delete_{model.id}"):
            confirm_delete(workspace, [model])


def _train_from(workspace: Workspace, model: LibraryModel) -> None:
    datasets = [item for item in list_datasets(workspace) if item.task == model.task]
    if not datasets:
        st.markdown(
            "To train on from this model, bring in a set of pictures for the same task. Its classes may differ."
        )
        return
    names = {item.id: item.name for item in datasets}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox("Train on from it with", list(names), format_func=names.__getitem__,
                              key=f"library_dataset_{model.id}",
                              help="Its classes may differ from the model’s.")  # fmt: skip
        if st.button("Plan a training", key=f"library_train_{model.id}", type="primary") and chosen:
            start_from(workspace, chosen, f"library:{model.id}")
            go_to("model.py", dataset=chosen)


def compare_models(models: Sequence[LibraryModel]) -> None:
    """Lead to the comparison of the runs that several kept models come from."""
    runs = [model.run for model in models if model.run]
    if len(runs) == len(models) and has_page("compare.py"):
        if st.button("Compare them", key="library_compare"):
            go_to("compare.py", runs=",".join(runs))
    else:
        st.markdown("Models are compared by their runs; one of these was brought in from elsewhere and has none.")


@st.dialog("Delete for good?")
def confirm_delete(workspace: Workspace, models: Sequence[LibraryModel]) -> None:
    """Ask before kept models are deleted."""
    names = ", ".join(plain(model.name) for model in models)
    freed = megabytes(sum(model.bytes for model in models))
    st.markdown(
        f"**{names}** leaves the library ({freed}). Runs, and trainings that started from it, stay as they are."
    )
    if st.button("Delete", key="library_delete_now", type="primary"):
        for model in models:
            delete_model(workspace, model.id)
        st.rerun()


def keep_a_run(workspace: Workspace) -> None:
    """Let the user keep the best model of a run that is not in the library yet."""
    kept = {model.run for model in list_models(workspace)}
    runs = {run.id: run for run in list_runs(workspace) if run.best_weights and not run.active and run.id not in kept}
    if not runs:
        st.markdown("The model of every run is in the library already." if any(kept) else
                    "No training has ended with a model yet.")  # fmt: skip
        return
    first = (runs_apart(workspace, runs.values()) or list(runs.values()))[0]
    with st.form("library_keep", border=False):
        chosen = st.selectbox("Run", list(runs), index=list(runs).index(first.id), key="library_keep_run",
                              format_func=lambda item: f"{runs[item].name} ({runs[item].dataset_name})")  # fmt: skip
        name = st.text_input("Name", key="library_keep_name", max_chars=120, help="Left empty: the run’s name.")
        if st.form_submit_button("Keep its best model", key="library_keep_now"):
            try:
                with st.spinner("Copying and checking the model …"):
                    model = keep_run(workspace, chosen, name=name)
            except InputError as error:
                st.error(plain(str(error)))
            else:
                st.toast(f"Kept as “{plain(model.name)}”.", icon=":material/bookmark:")
                st.rerun()


def bring_in_models(workspace: Workspace) -> None:
    """Take .pt files from elsewhere: uploaded, or named as a file or folder (a USB stick) on this machine."""
    for words, taken in st.session_state.pop("library_arrivals", []):
        (st.success if taken else st.error)(words)
    uploaded = st.file_uploader("Weights files (.pt)", type=["pt"], accept_multiple_files=True,
                                key=fresh_key("library_files"), max_upload_size=MAX_MEGABYTES)  # fmt: skip
    place = st.text_input("Or a file, folder or USB stick on this machine", key="library_place",
                          placeholder="the whole path")  # fmt: skip
    origin = st.text_input("Where do they come from?", key="library_origin", max_chars=200,
                           placeholder="a colleague, a paper, a plant", help="Kept with the model.")  # fmt: skip
    st.caption("Each file is opened in a closed-off process that reads numbers only; one that wants to run code is "
               "refused. Files called like official ones (yolo11s.pt) become weights to start from.")  # fmt: skip
    if not st.button("Bring in", key="library_import", disabled=not uploaded and not (place or "").strip()):
        return
    arrivals = []
    bar = st.progress(0.0, text="Checking …")

    def moved(done: int, total: int, name: str) -> None:
        bar.progress(done / total, text=plain(f"Checking {name} ({done + 1} of {total})"))

    try:
        with workspace.staging("library-upload") as folder:
            source = Path((place or "").strip())
            if uploaded:
                save_uploads(uploaded, folder)
                source = folder
            elif not source.is_absolute():
                raise InputError(f"{source} is not a whole path: it starts with / or a drive such as E:.")
            check_answers(source)
            for item in import_weights(workspace, source, origin=origin or "", progress=moved):
                words = f"{item.file.name}: {item.words}" if item.taken else item.words
                arrivals.append((plain(words), item.taken))
    except GraftError as error:
        arrivals.append((plain(str(error)), False))
    st.session_state["library_arrivals"] = arrivals
    bump_key("library_files")
    st.rerun()


def starting_weights(workspace: Workspace) -> None:
    """Show the pre-trained weights that are here, and offer the official ones for download."""
    here = weights_here(workspace)
    if here:
        rows = [
            {
                "Name": name,
                "What it is": item.origin,
                "Size (MB)": item.path.stat().st_size / 1e6,
                "SHA-256": item.sha256,
            }
            for name, item in here.items()
        ]
        st.dataframe(rows, hide_index=True, key="weights_table", alt="Pre-trained weights on this machine",
                     column_config={"Size (MB)": st.column_config.NumberColumn(format="%.1f")})  # fmt: skip
    missing: dict[str, Model] = {
        model.name: model for task in TASKS for model in models_for(task) if model.name not in here
    }
    with st.container(horizontal=True, vertical_alignment="bottom"):
        sizes = {name: f"{name} ({megabytes(model.download_bytes)})" for name, model in missing.items()}
        chosen = st.selectbox("Official weights", list(missing), format_func=sizes.__getitem__, key="weights_choice")
        wanted = st.button("Download", key="weights_download") and chosen is not None
    st.caption(
        "From the release page of Ultralytics on github.com, only when you click. An interrupted download goes on "
        "where it stopped; the digest is checked where it is known, and recorded where it is not."
    )
    if wanted and show_download(workspace, missing[chosen]):
        st.rerun()
