"""Bring pictures in: a zip, a folder, a folder on this machine, or the sample set; and how they are to be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st
from pydantic import ValidationError

from core.data.importing.job import SAMPLE, new_job, start_import
from core.data.importing.settings import CHOICES, ImportSettings
from core.errors import InputError
from core.words import megabytes
from core.workspace import Workspace
from pages._ui.common.formatting import plain
from pages._ui.common.settings import field_widget, problems
from pages._ui.common.upload import MAX_MEGABYTES, bump_key, fresh_key, save_uploads
from pages._ui.dataset.editing import window_trial
from pages._ui.dataset.public_sets import choose_public_set

ARCHIVE, FOLDER, PLACE, SAMPLE_SET = "A zip file", "A folder", "A place on this machine", "The sample set"
PUBLIC_SET = "A public set"
ARCHIVE_TYPES = ["zip", "tar", "gz", "tgz", "bz2", "xz"]
LAYOUTS = """
| Your labels come from | What to give |
|---|---|
| Roboflow, CVAT, Label Studio, Ultralytics and others | the exported zip, as it is |
| a classification by folders | one folder per class, pictures in them |
| a table | the pictures and a CSV or Excel sheet |
| masks | the pictures and one PNG mask each |
"""


def bring_in(workspace: Workspace) -> str | None:
    """Show the ways in and the settings; return the id of the import that was started, None while none was."""
    ways = [ARCHIVE, FOLDER, PLACE, SAMPLE_SET, PUBLIC_SET]
    way = st.segmented_control("Where are your pictures?", ways, default=ARCHIVE,
                               required=True, key="bring_way", label_visibility="collapsed", wrap=True)  # fmt: skip
    if way == PUBLIC_SET:
        return choose_public_set(workspace)
    files: list[Any] = []
    place = ""
    if way == ARCHIVE:
        files = st.file_uploader(
            "Zip or tar files with pictures and labels", type=ARCHIVE_TYPES, accept_multiple_files=True,
            key=fresh_key("bring_archive"), max_upload_size=MAX_MEGABYTES,
            help="Several files go in as one dataset. For more than 2 GB, name the file's place on this machine.",
        )  # fmt: skip
    elif way == FOLDER:
        files = st.file_uploader("A folder with pictures and labels", accept_multiple_files="directory",
                                 key=fresh_key("bring_folder"), max_upload_size=MAX_MEGABYTES)  # fmt: skip
    elif way == PLACE:
        place = st.text_input("Folder or archive on this machine", key="bring_place", placeholder="the whole path",
                              help="Best for large sets: nothing is uploaded or changed there.") or ""  # fmt: skip
    else:
        st.markdown("Labelled pictures of surface defects on several materials, made for trying things out.")
    settings, name = (None, "") if way == SAMPLE_SET else import_settings(workspace)
    if files:
        total = sum(file.size for file in files)
        st.caption(f"{megabytes(total)} ready to import.")
    ready = way == SAMPLE_SET or bool(files) or bool(place.strip())
    possible = ready and (settings is not None or way == SAMPLE_SET)
    if not st.button("Import", key="bring_start", type="primary", disabled=not possible):
        return None
    return _start(workspace, way or ARCHIVE, files, place, settings, name)


def import_settings(workspace: Workspace) -> tuple[ImportSettings | None, str]:
    """Show the settings of an import in a fold; return them (None while they are wrong) and the name."""
    with st.expander("How should they be read?", key="bring_settings"):
        name = st.text_input("Name", key="bring_name", max_chars=120, help="Left empty: the file’s name.",
                             persist_state="session") or ""  # fmt: skip
        values = {}
        with st.grid(2, min_column_width=240, gap="medium"):
            for field in ImportSettings.model_fields:
                if field == CHOICES:
                    continue
                values[field] = field_widget(ImportSettings, field, key=f"bring_{field}")
        window_trial(workspace, values["window"] or "auto")
        try:
            return ImportSettings(**values), name
        except ValidationError as error:
            for sentence in problems(error, ImportSettings):
                st.error(plain(sentence))
            return None, name


def _start(
    workspace: Workspace, way: str, files: list[Any], place: str, settings: ImportSettings | None, name: str
) -> str | None:
    given = settings.model_dump(mode="json") if settings else {}
    if way == SAMPLE_SET:
        return start_import(workspace, new_job(workspace), SAMPLE)
    if way == PLACE:
        path = Path(place.strip()).expanduser()
        if not path.is_absolute() or not path.exists():
            st.error(f"There is no {plain(place.strip())} on this machine. Give the whole path, from / or C: on.")
            return None
        return start_import(workspace, new_job(workspace), [path], settings=given, name=name)
    folder = new_job(workspace)
    try:
        saved = save_uploads(files, folder / "upload")
    except InputError as error:
        st.error(plain(str(error)))
        return None
    bump_key("bring_archive")
    bump_key("bring_folder")
    sources = saved if way == ARCHIVE else _folders(folder / "upload")
    return start_import(workspace, folder, sources, settings=given, name=name)


def _folders(upload: Path) -> list[Path]:
    """Return the one folder a folder upload holds, so that the dataset gets its name, else the upload itself."""
    inside = list(upload.iterdir())
    return inside if len(inside) == 1 and inside[0].is_dir() else [upload]


def bring_in_code(dataset_source: str = "pictures.zip") -> str:
    """Return the Python that imports."""
    return f"""
from pathlib import Path

from core.data.importing import ImportSettings, import_dataset
from core.workspace import Workspace

dataset = import_dataset(
    Workspace.current(), Path({dataset_source!r}), settings=ImportSettings(split=None, window="auto")
)
print(dataset.images, dataset.instances, [finding.message for finding in dataset.findings])
"""
