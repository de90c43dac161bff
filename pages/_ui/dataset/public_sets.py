"""Choose a public set by name and start its download; the import follows by itself."""

from __future__ import annotations

import streamlit as st

from core.data.importing.job import PUBLIC, new_job, start_import
from core.data.importing.public_sets import PublicSet, public_sets
from core.tasks import TASKS
from core.words import count, megabytes
from core.workspace import Workspace
from pages._ui.common.formatting import plain


def choose_public_set(workspace: Workspace) -> str | None:
    """Show the public sets and a download button; return the id of the import that was started, None while none was."""
    sets = {item.name: item for item in public_sets()}
    chosen = st.selectbox("Public set", list(sets), key="public_set", format_func=lambda name: label(sets[name]))
    item = sets[chosen or next(iter(sets))]
    facts = [
        f"{count(item.pictures, 'picture')}" if item.pictures else "",
        f"about {megabytes(item.bytes)} to download",
    ]
    st.markdown(
        f"{item.about or item.name}. {', '.join(fact for fact in facts if fact)}, "
        f"{count(len(item.classes), 'class')}: "
        f"{plain(', '.join(item.classes[:8]))}{' and more' if len(item.classes) > 8 else ''}. "
        f"To {TASKS[item.task].to_do}."
    )
    st.caption(
        f"From Ultralytics’ releases on github.com, only when you click; then read and checked like your own pictures. "
        f"Licence and origin of the pictures: [its page]({item.documentation})."
    )
    if not st.button("Download and import", key="public_set_start", type="primary"):
        return None
    return start_import(workspace, new_job(workspace), f"{PUBLIC}{item.name}")


def label(item: PublicSet) -> str:
    """Say in a line what a public set is."""
    return f"{item.name}: {item.about}" if item.about else item.name
