"""A page as a notebook: a title, then numbered cells of a question, its controls, the result and the Python for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from html import escape

import streamlit as st

from pages._ui.common.frame import go_to, has_page, require_frame


class Notebook:
    """A page's column of cells; makes their numbers.

    >>> page = Notebook("Dataset", "The pictures the model learns from.")
    >>> with page.cell("Where are your pictures?"):
    ...     st.write("...")
    """

    def __init__(self, title: str, lead: str = "") -> None:
        """Write the page's title and one sentence; stops quietly when the page runs without its frame."""
        require_frame()
        self.cells: list[str] = []
        st.title(title, anchor=False)
        if lead:
            st.html(f'<p class="graft-lead">{escape(lead)}</p>')

    @contextmanager
    def cell(self, question: str, hint: str = "") -> Iterator[None]:
        """Open the next cell: its number at the left, a thin rule above, the question in plain words."""
        self.cells.append(question)
        number = len(self.cells)
        st.divider()
        margin, body = st.columns([1, 15], gap="small")
        margin.html(f'<div class="graft-number" id="cell-{number}" aria-hidden="true">[{number}]</div>')
        with body:
            st.header(question, anchor=False)
            if hint:
                st.caption(hint)
            yield

    def contents(self) -> None:
        """Show the cells there are by now as links that lead to them."""
        st.markdown("\n".join(f"{number}. [{name}](#cell-{number})" for number, name in enumerate(self.cells, 1)))


def show_drawing(svg: str, alt: str, width: int | None = None) -> None:
    """Show an SVG drawing in the ink of the page, light or dark; `width` is the widest it gets, in pixels."""
    size = f' style="max-width: {width}px"' if width else ""
    st.html(f'<div class="graft-drawing" role="img" aria-label="{escape(alt, quote=True)}"{size}>{svg}</div>')


def python_fold(code: str, key: str) -> None:
    """Fold with the Python that does the same as the cell."""
    with st.expander("The Python that does the same", key=f"python_{key}", type="compact"):
        st.code(code.strip(), language="python")


def next_step(
    label: str, file: str, *, key: str, disabled: bool = False, why: str = "", main: bool = True, **address: str | None
) -> None:
    """Show the one obvious button that leads on; nothing when that page does not exist.

    Without `main` it is a plain one: another button of the page is the next step.
    """
    if not has_page(file):
        return
    if st.button(label, key=key, type="primary" if main else "secondary", icon=":material/arrow_forward:",
                 icon_position="right", disabled=disabled, help=why or None):  # fmt: skip
        go_to(file, **address)


def empty(message: str, label: str, file: str, *, key: str) -> None:
    """Show an empty state: what is missing, and the button to where it is made. Ends the page."""
    st.markdown(message)
    next_step(label, file, key=key)
    st.stop()
