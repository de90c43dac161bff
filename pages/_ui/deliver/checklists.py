"""The CLAIM checklist and the model card: what only people know is asked for here, the rest is filled in."""

from __future__ import annotations

import streamlit as st

from core.delivery.checklists.document import TITLES, Kind, write_document
from core.delivery.checklists.study import StudyDetails, read_study, save_study
from core.errors import GraftError
from core.training.store import Run
from core.words import count
from core.workspace import Workspace
from pages._ui.common.formatting import plain
from pages._ui.deliver.jobs import offer_file

BUTTONS: dict[Kind, str] = {"claim": "Make the CLAIM checklist", "card": "Make the model card"}


def show_checklists(workspace: Workspace, run: Run) -> None:
    """Ask for what only people know, and make the checklist and the card."""
    st.markdown(
        "For a journal, a hospital or an audit: the CLAIM 2024 checklist (medical imaging) and a model card, filled as "
        "far as Graft knows. What only you know is asked for here; left empty, it is marked as open."
    )
    try:
        known = read_study(run.folder)
    except GraftError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    with st.expander("What only you know", key="study"), st.form(f"study_{run.id}", border=False):
        values = {
            name: st.text_area(field.title or name, getattr(known, name), help=field.description, height=80,
                               key=f"study_{name}_{run.id}", max_chars=4000)
            for name, field in StudyDetails.model_fields.items()
        }  # fmt: skip
        if st.form_submit_button("Keep these answers", key=f"study_keep_{run.id}"):
            known = StudyDetails(**values)
            save_study(run.folder, known)
    empty = sum(not value for value in known.model_dump().values())
    if empty:
        st.caption(f"{count(empty, 'answer')} of {len(StudyDetails.model_fields)} still empty.")
    with st.container(horizontal=True):
        chosen: list[Kind] = [kind for kind, label in BUTTONS.items() if st.button(label, key=f"make_{kind}")]
    for kind in chosen:
        try:
            _, still_open = write_document(workspace, run.id, run.folder / "exports" / f"{kind}.html", kind)
        except GraftError as error:
            st.error(plain(str(error)), icon=":material/error:")
            continue
        st.caption(f"{TITLES[kind]} written; {count(still_open, 'field')} open.")
    with st.container(horizontal=True):
        for kind, title in TITLES.items():
            path = run.folder / "exports" / f"{kind}.html"
            if path.is_file():
                offer_file(path, f"Save the {title}", "text/html", f"save_{kind}", f"{run.id}-{kind}.html")
