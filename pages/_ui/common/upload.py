"""Uploads go to disk at once and leave memory: Streamlit would keep each file in RAM until the session ends."""

from __future__ import annotations

import filecmp
import shutil
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import streamlit as st

from core.errors import InputError
from pages._ui.common.frame import ASSETS

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

MAX_MEGABYTES = 2000
"""Largest file the browser may send; the same figure stands in .streamlit/config.toml (server.maxUploadSize)."""


def safe_path(name: str) -> PurePosixPath:
    """Return the relative path an uploaded file's name asks for, without anything that climbs out of its folder.

    The name is whatever the browser sends. Raises InputError when nothing usable is left.
    """
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    clean = ["".join(letter for letter in part if letter.isprintable() and letter != ":") for part in parts]
    clean = [part for part in clean if part]
    if not clean or ".." in clean or any(len(part) > 240 for part in clean):
        raise InputError(f"“{name[:80]}” can’t be used as a file name: rename the file and upload it again.")
    return PurePosixPath(*clean)


def save_uploads(files: Sequence[UploadedFile], folder: Path, *, forget: bool = True) -> list[Path]:
    """Write uploaded files below `folder`, keeping their sub-folders, and free their memory; return the paths.

    Of files of one name the second is called `name (2).png`, unless it is the first again. With `forget` False they
    stay in memory and in the uploader: for one small file that is looked at again.
    """
    saved: dict[Path, None] = {}
    root = folder.resolve()
    for file in files:
        target = (root / safe_path(file.name)).resolve()
        if not target.is_relative_to(root):
            raise InputError(f"“{file.name[:80]}” would be written outside its folder: rename it and upload it again.")
        target.parent.mkdir(parents=True, exist_ok=True)
        coming = target.with_name(f".coming{len(saved)}")
        file.seek(0)
        with coming.open("wb") as out:
            shutil.copyfileobj(file, out, 1 << 20)
        free = target
        number = 1
        while free.exists() and not filecmp.cmp(free, coming, shallow=False):
            number += 1
            free = target.with_name(f"{target.stem} ({number}){target.suffix}")
        coming.replace(free)
        saved[free] = None
    if forget:
        forget_uploads(files)
    return list(saved)


def keep_dropped_folders() -> None:
    """Let files of a dropped folder keep their place in it: Streamlit takes it for chosen folders alone."""
    script = (ASSETS / "dropped_folders.js").read_text(encoding="utf-8")
    st.html(f"<script>{script}</script>", unsafe_allow_javascript=True)


def forget_uploads(files: Sequence[UploadedFile]) -> None:
    """Take uploaded files out of Streamlit's memory.

    Streamlit has no public way to do so; tests/e2e/test_uploads_leave_memory.py says when this one is gone.
    """
    from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
    from streamlit.runtime.scriptrunner import get_script_run_ctx

    context = get_script_run_ctx()
    if context is None:
        return  # outside a page there is nothing to free
    held = context.uploaded_file_mgr
    if not isinstance(held, MemoryUploadedFileManager):
        raise TypeError(f"Streamlit keeps uploads in a {type(held).__name__}, which Graft does not know how to empty.")
    for file in files:
        held.remove_file(context.session_id, file.file_id)


def fresh_key(name: str) -> str:
    """Return the present key of an uploader; `bump_key` gives it a new one, which empties it."""
    return f"{name}_{st.session_state.setdefault(f'{name}_number', 0)}"


def bump_key(name: str) -> None:
    """Empty an uploader at the next run."""
    st.session_state[f"{name}_number"] = st.session_state.get(f"{name}_number", 0) + 1
