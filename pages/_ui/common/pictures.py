"""One picture with what is drawn on it: made once, kept as a small JPEG, shown with its words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import streamlit as st

from core.data.images.thumbnails import Mark, render
from pages._ui.common.formatting import plain


@dataclass(frozen=True)
class Tile:
    """One picture of a gallery: what to draw on it, a caption, and the alternative text."""

    path: Path
    marks: tuple[Mark, ...] = ()
    caption: str = ""
    alt: str = ""
    details: list[str] = field(default_factory=list, hash=False, compare=False)
    """lines under the full view"""


@st.cache_data(max_entries=3000, show_spinner=False)
def _thumbnail(path: str, changed: float, marks: tuple[Mark, ...], longest: int) -> bytes | None:  # noqa: ARG001
    try:
        return render(Path(path), marks, longest)
    except OSError:
        return None


def thumbnail(path: Path, marks: Sequence[Mark] = (), longest: int = 360) -> bytes | None:
    """Return a cached JPEG of a picture with marks, None when the file is gone or can't be decoded."""
    try:
        changed = path.stat().st_mtime
    except OSError:
        return None
    return _thumbnail(str(path), changed, tuple(marks), longest)


def show_picture(tile: Tile, longest: int = 360) -> None:
    """Show one picture with its caption; says so when it can't be shown."""
    picture = thumbnail(tile.path, tile.marks, longest)
    if picture is None:
        st.caption(f"{plain(tile.path.name)} can’t be shown: the file is gone or damaged.")
    else:
        st.image(picture, caption=tile.caption or None, alt=tile.alt or tile.caption or tile.path.name, width="stretch")
