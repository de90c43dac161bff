"""The large view of a picture with its labels and answers: zoom on what went wrong, next and previous by key."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import streamlit as st
from PIL import Image

from core.data.images.reduced import open_reduced
from core.data.images.thumbnails import Mark, draw_marks
from pages._ui.common.formatting import plain
from pages._ui.common.pictures import Tile, show_picture

LONGEST = 1400
"""Longer side of the large view, in pixels."""
WHOLE = 100_000
"""More pixels than a picture has along a side: it is opened in full."""
ZOOMS = {1.0: "Whole picture", 2.0: "2 ×", 4.0: "4 ×", 8.0: "8 ×"}
Centre = tuple[float, float]


def open_viewer(items: Sequence[str], start: int, make: Callable[[str], tuple[Tile, Centre]]) -> None:
    """Open the large view at one of `items`; `make` gives its tile and the point to zoom on (0 to 1)."""
    st.session_state["viewer_place"] = start
    _viewer(list(items), make)


@st.dialog("Picture", width="large")
def _viewer(items: list[str], make: Callable[[str], tuple[Tile, Centre]]) -> None:
    place = min(max(int(st.session_state.get("viewer_place", 0)), 0), len(items) - 1)

    def move(step: int) -> None:
        st.session_state["viewer_place"] = min(max(place + step, 0), len(items) - 1)

    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Previous", key="viewer_previous", icon=":material/arrow_back:", disabled=place == 0,
                  shortcut="Left", on_click=move, args=(-1,))  # fmt: skip
        st.button("Next", key="viewer_next", icon=":material/arrow_forward:", disabled=place == len(items) - 1,
                  shortcut="Right", on_click=move, args=(1,))  # fmt: skip
        labels = st.session_state.get("viewer_labels", True)
        st.button("Hide labels" if labels else "Show labels", key="viewer_hide", shortcut="L", on_click=_turn_labels,
                  icon=":material/visibility_off:" if labels else ":material/visibility:")  # fmt: skip
        st.caption(f"{place + 1} of {len(items)}")
        zoom = st.segmented_control("Zoom", list(ZOOMS), default=1.0, format_func=ZOOMS.__getitem__, key="viewer_zoom",
                                    required=True, label_visibility="collapsed", wrap=True)  # fmt: skip
    tile, centre = make(items[place])
    if not labels:
        tile = replace(tile, marks=())
    with st.container(key="viewer_picture"):
        _show_large(tile, centre, zoom)
    for line in tile.details:
        st.markdown(line)


def _turn_labels() -> None:
    st.session_state["viewer_labels"] = not st.session_state.get("viewer_labels", True)


def _show_large(tile: Tile, centre: Centre, zoom: float | None) -> None:
    if not zoom or zoom == 1.0:
        show_picture(tile, LONGEST)
    else:
        try:
            picture = render_part(tile.path, tile.marks, centre, zoom)
        except OSError:
            st.caption(f"{plain(tile.path.name)} can’t be shown: the file is gone or damaged.")
        else:
            st.image(picture, caption=tile.caption or None, alt=tile.alt or tile.path.name, width="stretch")


def render_part(path: Path, marks: Sequence[Mark], centre: Centre, zoom: float, longest: int = LONGEST) -> bytes:
    """Return a JPEG of the part of a picture around `centre` (0 to 1), `zoom` times enlarged, with its marks.

    Raises OSError when the picture can't be decoded.
    """
    picture = open_reduced(path, WHOLE)
    share = 1 / zoom
    left, top = (min(max(middle - share / 2, 0.0), 1 - share) for middle in centre)
    edges = left * picture.width, top * picture.height, (left + share) * picture.width, (top + share) * picture.height
    part = picture.crop((round(edges[0]), round(edges[1]), round(edges[2]), round(edges[3])))
    factor = longest / max(part.size)
    size = max(1, round(part.width * factor)), max(1, round(part.height * factor))
    part = part.resize(size, Image.Resampling.BICUBIC)

    def moved(points: tuple[Centre, ...]) -> tuple[Centre, ...]:
        return tuple(((x - left) / share, (y - top) / share) for x, y in points)

    visible = [
        replace(mark, outline=moved(mark.outline), points=moved(mark.points))
        for mark in marks
        if _meets([*mark.outline, *mark.points], left, top, share)
    ]
    draw_marks(part, visible)
    buffer = io.BytesIO()
    part.save(buffer, "JPEG", quality=86)
    return buffer.getvalue()


def _meets(points: list[Centre], left: float, top: float, share: float) -> bool:
    """Say whether the box around some points overlaps the part that is shown."""
    if not points:
        return False
    columns, rows = zip(*points, strict=True)
    across = min(columns) <= left + share and max(columns) >= left
    return bool(across and min(rows) <= top + share and max(rows) >= top)
