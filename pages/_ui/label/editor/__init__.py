"""The editor of labels in the browser: `label_editor` puts it on a page.

It is plain SVG over the picture, without a library: boxes, turned boxes, outlines, key points and proposals are the
same few lines of geometry, all of it can be done by keys, and nothing has to be bundled. It asks the server by itself
(pages/_ui/label/routes.py) instead of by reruns of the page, so that a stroke is on the disk at once and the next
picture doesn't wait for the page.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages._ui.label.routes import PREFIX

HERE = Path(__file__).resolve().parent
SCRIPTS = ("geometry.js", "server.js", "drawing.js", "hands.js", "keys.js", "editor.js")
"""One module in this order; the last one exports what Streamlit calls."""

_editor = st.components.v2.component(
    "graft_label_editor",
    html=(HERE / "editor.html").read_text(encoding="utf-8"),
    css=(HERE / "editor.css").read_text(encoding="utf-8"),
    js="\n".join((HERE / name).read_text(encoding="utf-8") for name in SCRIPTS),
)


def label_editor(
    dataset_id: str, *, by: str = "", picture: str = "", fresh: str = "", review: list[str] | None = None
) -> None:
    """Show the editor for a dataset that is being labelled.

    `picture` is the id of the one to begin with, `by` who labels, `review` the ids to go through first; where `fresh`
    differs from before, new proposals are there to be shown.
    """
    data = {"base": f"{PREFIX}/{dataset_id}", "by": by, "open": picture, "fresh": fresh, "review": review or []}
    _editor(data=data, key=f"label_editor_{dataset_id}")
