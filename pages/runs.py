"""Runs: everything that was trained here; find, sort, name, note, tag, delete, archive and bring in again."""

from collections.abc import Sequence

import streamlit as st

from core.errors import GraftError
from core.metric_words import headline_among, metric_help, metric_term
from core.training.runs import (
    delete_run,
    edit_run,
    list_runs,
    move_run,
)
from core.training.store import Run, State
from core.words import ago, count, duration, megabytes, state_words
from core.workspace import folder_bytes
from pages._ui.common import frame
from pages._ui.common.cells import Notebook, next_step, python_fold
from pages._ui.common.formatting import plain, state_badge
from pages._ui.training.run_archive import bring_in_run, offer_archive

page = Notebook("Runs", "Everything that was trained here. A run is never lost, unless you delete it.")
workspace = frame.workspace()


def filters() -> list[Run]:
    """Show the filters; return the runs that pass."""
    everything = list_runs(workspace)
    tags = sorted({tag for run in everything for tag in run.tags})
    with st.container(horizontal=True, vertical_alignment="bottom"):
        query = st.text_input("Search", key="runs_query", type="search", placeholder="name, dataset, model or note",
                              bind="query-params")  # fmt: skip
        states = st.multiselect("State", list(State), format_func=state_words, key="runs_states",
                                persist_state="session")  # fmt: skip
        tag = st.selectbox("Tag", [None, *tags], format_func=lambda item: item or "any", key="runs_tag",
                           persist_state="session")  # fmt: skip
    return list_runs(workspace, query=query or "", states=set(states) or None, tag=tag)


def table_key(listed: Sequence[str]) -> str:
    """Return the key of the table: a new one when it lists other runs, since ticks are kept by place, not by run.

    Without that, the next run would stand there ticked, ready to be deleted, after one was.
    """
    if st.session_state.get("runs_listed", listed) != listed:
        st.session_state["runs_round"] = st.session_state.get("runs_round", 0) + 1
    st.session_state["runs_listed"] = listed
    number = st.session_state.get("runs_round", 0)
    return f"runs_table_{number}" if number else "runs_table"


def table(runs: Sequence[Run]) -> list[Run]:
    """Show runs as a table that sorts by a click on a heading; return the selected ones.

    It holds what tells runs apart, narrow enough to be seen whole on a window of 1280 pixels: one figure per task.
    """
    told = {run.id: headline_among(run.task, run.metrics or ()) for run in runs}
    metrics = list(dict.fromkeys(name for name in told.values() if name))
    tagged = any(run.tags for run in runs)
    rows = [
        {
            "Name": run.name,
            "State": state_words(run.state),
            **{name: (run.metrics or {}).get(name) if told[run.id] == name else None for name in metrics},
            "Dataset": run.dataset_name,
            "Model": run.model,
            "Started": run.created,
            **({"Tags": run.tags} if tagged else {}),
        }
        for run in runs
    ]
    columns = {
        **{
            name: st.column_config.NumberColumn(
                metric_term(name),
                format="%.3f",
                help=metric_help(name, in_training=True),
                width=26 + 7 * len(metric_term(name)),
            )
            for name in metrics
        },
        "Started": st.column_config.DatetimeColumn("Made", format="D MMM YY, HH:mm", width=125),
        "Tags": st.column_config.ListColumn("Tags", width=90),
        "Name": st.column_config.TextColumn("Name", pinned=True, width=180),
        "State": st.column_config.TextColumn("State", width=70),
        "Dataset": st.column_config.TextColumn("Dataset", width=130),
        "Model": st.column_config.TextColumn("Model", width=90),
    }
    chosen = st.dataframe(
        rows, hide_index=True, column_config=columns, on_select="rerun", selection_mode="multi-row", placeholder="–",
        key=table_key([run.id for run in runs]),
        alt="Runs with state, dataset, model and results",
    )  # fmt: skip
    return [runs[index] for index in chosen["selection"]["rows"] if index < len(runs)]


def move(run: Run, places: int) -> None:
    """Move a run in the queue; keep a refusal for the next drawing."""
    try:
        move_run(workspace, run.id, places)
    except GraftError as error:
        st.session_state["runs_refused"] = str(error)


def one(run: Run) -> None:
    """Show what can be done with one run."""
    st.markdown(f"**{plain(run.name)}** {state_badge(run.state)}")
    facts = [run.model, plain(run.dataset_name), count(run.epochs_done, "epoch"), f"made {ago(run.created)}"]
    if run.seconds:
        facts.append(f"took {duration(run.seconds)}")
    st.caption(", ".join(facts))
    with st.container(horizontal=True):
        if st.button("Open", key=f"open_{run.id}", type="primary"):
            frame.go_to("training.py", run=run.id)
        if run.state is State.QUEUED:
            st.button("Sooner", key=f"up_{run.id}", on_click=move, args=(run, -1))
            st.button("Later", key=f"down_{run.id}", on_click=move, args=(run, 1))
    if refused := st.session_state.pop("runs_refused", None):
        st.error(plain(refused))
    with st.form(f"edit_{run.id}", border=False):
        name = st.text_input("Name", run.name, max_chars=120, key=f"name_{run.id}")
        notes = st.text_area("Notes", run.notes, key=f"notes_{run.id}", height=100)
        tags = st.multiselect("Tags", sorted({*run.tags}), default=list(run.tags), accept_new_options=True,
                              key=f"tags_{run.id}", help="Type a new tag and press Enter.")  # fmt: skip
        if st.form_submit_button("Save", key=f"save_{run.id}"):
            try:
                edit_run(workspace, run.id, name=name, notes=notes, tags=tags)
            except GraftError as error:
                st.error(plain(str(error)), title="Nothing was changed")
                return
            st.rerun()


@st.dialog("Delete for good?")
def confirm_delete(runs: Sequence[Run]) -> None:
    """Ask before runs are deleted, saying what that frees."""
    size = sum(folder_bytes(run.folder) for run in runs)
    names = ", ".join(plain(run.name) for run in runs[:5]) + (" and others" if len(runs) > 5 else "")
    st.markdown(f"{count(len(runs), 'run')}: {names}. This frees **{megabytes(size)}**; weights and results are lost.")
    if st.button("Delete", key="confirm_delete", type="primary"):
        freed = 0
        for run in runs:
            try:
                freed += delete_run(workspace, run.id)
            except GraftError as error:
                st.error(plain(str(error)))
                return
            if st.session_state.get("current_run") == run.id:
                frame.set_current("run", None)
        st.session_state["runs_freed"] = freed
        st.rerun()


if not list_runs(workspace):
    with page.cell("Nothing here yet"):
        st.markdown("What you train shows up here, with its settings, its curves and its weights.")
        next_step("Begin with your pictures", "dataset.py", key="runs_empty")
    with page.cell("A run from another machine?"):
        bring_in_run(workspace)
    st.stop()

with page.cell("Which runs?"):
    if freed := st.session_state.pop("runs_freed", None):
        st.success(f"Deleted; {megabytes(freed)} freed.")
    found = filters()
    if not found:
        st.markdown("No run fits these filters.")
    selected = table(found) if found else []
    if found and not selected:
        st.caption("Tick one to open, name or note it; tick several to delete them together.")
    python_fold(
        """
from core.training.runs import list_runs
from core.workspace import Workspace

for run in list_runs(Workspace.current()):
    print(run.id, run.state, run.metrics)
        """,
        key="runs",
    )

if selected:
    with page.cell("The chosen run" if len(selected) == 1 else f"The {len(selected)} chosen runs"):
        if len(selected) == 1:
            one(selected[0])
        with st.container(horizontal=True):
            if len(selected) == 1:
                offer_archive(workspace, selected[0])
            if len(selected) > 1 and frame.has_page("compare.py") and st.button("Compare them", key="runs_compare"):
                frame.go_to("compare.py", runs=",".join(run.id for run in selected))
            if st.button("Delete …", key="runs_delete"):
                confirm_delete(selected)

with page.cell("A run from another machine?"):
    bring_in_run(workspace)
