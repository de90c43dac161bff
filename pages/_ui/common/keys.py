"""Keyboard shortcuts: what listens for them, and the list of them."""

from __future__ import annotations

import streamlit as st

from pages._ui.common.frame import ASSETS

KEYS = {
    "?": "this list",
    "1 to 5": "Pictures, Model, Training, Evaluation, Use",
    "H": "Home",
    "N": "the next step: the green button of the page",
    "P": "presenter view on and off",
    "← →": "previous and next picture in the large view",
    "L": "labels on and off in the large view",
    "Esc": "close the large view, or this list",
    "Tab, Space, Enter": "from one control to the next, and press it",
}
"""The keys and what they do; the first five are read by assets/keys.js, the rest by Streamlit and the browser."""


def listen() -> None:
    """Let the browser listen for the keys, once a tab."""
    st.html(f"<script>{(ASSETS / 'keys.js').read_text(encoding='utf-8')}</script>", unsafe_allow_javascript=True)


def begin_at_the_top(page: str) -> None:
    """Show a page that has just been opened from its top, and begin there with the keyboard (assets/page_top.js)."""
    script = (ASSETS / "page_top.js").read_text(encoding="utf-8")
    st.html(f"<script>/* {page} */ {script}</script>", unsafe_allow_javascript=True)


@st.dialog("Keyboard")
def show_keys() -> None:
    """Show what each key does."""
    st.markdown("\n".join(f"- `{key}` {words}" for key, words in KEYS.items()))
