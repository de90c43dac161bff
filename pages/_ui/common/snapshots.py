"""Pictures taken with the camera, one after the other, until they are used."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import streamlit as st

from core.words import count

MOST = 200
"""Snapshots that are kept at once; each stays in memory until they are used."""


def snapshots(key: str) -> int:
    """Show the camera and what was taken so far; return how many there are. `save_snapshots` uses them."""
    kept: list[tuple[str, bytes]] = st.session_state.setdefault(f"{key}_kept", [])
    shot = st.camera_input("The camera", key=key, disabled=len(kept) >= MOST)
    if shot is not None and st.session_state.get(f"{key}_last") != shot.file_id:
        st.session_state[f"{key}_last"] = shot.file_id
        name = f"snapshot_{datetime.now():%Y%m%d_%H%M%S}_{len(kept) + 1:03d}{Path(shot.name).suffix or '.jpg'}"
        kept.append((name, shot.getvalue()))
    if kept:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"{count(len(kept), 'picture')} taken. “Clear photo” makes room for the next.")
            st.button("Drop the last one", key=f"{key}_drop", on_click=_drop, args=(kept,))
    return len(kept)


def _drop(kept: list[tuple[str, bytes]]) -> None:
    if kept:
        kept.pop()


def save_snapshots(key: str, folder: Path) -> list[Path]:
    """Write what was taken into a folder, forget it, and return the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, content in st.session_state.pop(f"{key}_kept", []):
        paths.append(folder / name)
        paths[-1].write_bytes(content)
    return paths
