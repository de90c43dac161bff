"""What a page shows when something goes wrong that nobody foresaw: a sentence and a reference, never a traceback."""

from __future__ import annotations

import streamlit as st

from core.errors import GraftError, of_the_system, unforeseen
from core.workspace import workspace_folder
from pages._ui.common.formatting import plain


def show_unforeseen(error: Exception) -> bool:
    """Show an error that ended a page, and write it to the log; returns True: nothing else is to be shown."""
    known = error if isinstance(error, GraftError) else of_the_system(error)
    st.error(plain(str(known or unforeseen(error, workspace_folder(), "This page"))), icon=":material/error:")
    return True
