"""Bring pictures in: files, a folder, a folder on this machine, or the sample set; and how they are to be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st
from pydantic import ValidationError

from core.data.importing.job import SAMPLE, new_job, start_import, start_look, sweep_looks
from core.data.importing.settings import CHOICES, ImportSettings
from core.data.reading.archives import is_archive
from core.data.reading.tree import PICTURE_SUFFIXES
from core.errors import InputError
from core.files.answering import silence_words, silent_for
from core.jobs import remove_job
from core.words import count
from core.workspace import Workspace
from pages._ui.common.formatting import plain
from pages._ui.common.settings import field_widget, problems
from pages._ui.common.snapshots import save_snapshots, snapshots
from pages._ui.common.upload import MAX_MEGABYTES, bump_key, fresh_key, safe_path, save_uploads
from pages._ui.dataset.editing import window_trial
from pages._ui.dataset.public_sets import choose_public_set

FILES, FOLDER, PLACE, SAMPLE_SET = "Files", "A folder", "A place on this machine", "The sample set"
PUBLIC_SET, CAMERA = "A public set", "The camera"
LAYOUTS = """
| Your labels come from | What to give |
|---|---|
| Roboflow, CVAT, Label Studio, Ultralytics and others | the exported zip, as it is |
| a classification by folders | one folder per class, pictures in them |
| a table | the pictures and a CSV or Excel sheet |
| masks | the pictures and one PNG mask each |
| nowhere yet | pictures alone, a video or the camera: they are labelled here, on the Label page |
"""


def bring_in(workspace: Workspace) -> str | None:
    """Show the ways in and the settings; return the id of what was started: a look at files, the import of a set.

    Files are looked at as soon as they are given; None while there are none.
    """
    ways = [FILES, FOLDER, PLACE, CAMERA, SAMPLE_SET, PUBLIC_SET]
    way = st.segmented_control("Where are your pictures?", ways, default=FILES,
                               required=True, key="bring_way", label_visibility="collapsed", wrap=True)  # fmt: skip
    if way == PUBLIC_SET:
        return choose_public_set(workspace)
    files: list[Any] = []
    place, shots = "", 0
    if way == FILES:
        files = st.file_uploader(
            "Drop what you have: pictures (labels beside them, or a sheet), folders, a zip, a video",
            accept_multiple_files=True, key=fresh_key("bring_files"), max_upload_size=MAX_MEGABYTES,
            help="What is dropped together goes in as one dataset. For more than 2 GB, name its place on this machine.",
        )  # fmt: skip
    elif way == FOLDER:
        files = st.file_uploader("A folder with pictures and labels", accept_multiple_files="directory",
                                 key=fresh_key("bring_folder"), max_upload_size=MAX_MEGABYTES)  # fmt: skip
    elif way == CAMERA:
        shots = snapshots("bring_camera")
        done = st.button("That is all", key="bring_camera_done", disabled=not shots)
    elif way == PLACE:
        place = st.text_input(
            "Folder, archive or video on this machine", key="bring_place", placeholder="the whole path",
            help="Best for large sets: nothing is uploaded or changed there.",
        ) or ""  # fmt: skip
    else:
        st.markdown("Labelled pictures of surface defects on several materials, made for trying things out.")
    if way == SAMPLE_SET:
        if st.button("Import", key="bring_start", type="primary"):
            return start_import(workspace, new_job(workspace), SAMPLE)
        return None
    settings, _ = import_settings(workspace)
    given = bool(files or place.strip() or (way == CAMERA and done))
    # Never to be clicked: the files are looked at as soon as they are there, and Import follows below what was seen.
    st.button("Import", key="bring_start", type="primary", disabled=True)
    if settings is None or not given:
        return None
    return _look(workspace, way or FILES, files, place, settings)


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


def _look(workspace: Workspace, way: str, files: list[Any], place: str, settings: ImportSettings) -> str | None:
    given = settings.model_dump(mode="json")
    sweep_looks(workspace)
    if way == PLACE:
        path = Path(place.strip()).expanduser()
        if seconds := silent_for(path):
            st.error(plain(silence_words(path, seconds)))
            return None
        if not path.is_absolute() or not path.exists():
            st.error(f"There is no {plain(place.strip())} on this machine. Give the whole path, from / or C: on.")
            return None
        return start_look(workspace, new_job(workspace), [path], settings=given)
    folder = new_job(workspace)
    try:
        upload = (folder / "upload").resolve()
        saved = save_snapshots("bring_camera", upload / "camera") if way == CAMERA else save_uploads(files, upload)
        one_name_twice(files, saved)
    except InputError as error:
        remove_job(folder)
        st.error(plain(str(error)))
        return None
    finally:
        bump_key("bring_files")
        bump_key("bring_folder")
    return start_look(workspace, folder, sources_of(folder / "upload", saved), settings=given)


def one_name_twice(files: list[Any], saved: list[Path]) -> None:
    """Refuse loose files of one name where labels are among them: nothing says whose label is whose."""
    twice = len(saved) - len({safe_path(file.name) for file in files})
    labels = [path for path in saved if path.suffix.lower() not in PICTURE_SUFFIXES and not is_archive(path)]
    if twice > 0 and labels:
        raise InputError(
            f"{count(twice, 'file')} {'has' if twice == 1 else 'have'} the name of another one, and with labels "
            f"({labels[0].name}) beside them nothing says which belong together. Give the folders they lie in."
        )


def forget_place() -> None:
    """Empty the field for a place on this machine, or it would be looked at again at once."""
    st.session_state["bring_place"] = ""


def sources_of(upload: Path, saved: list[Path]) -> list[Path]:
    """Return what was given as it is imported: archives, loose files, a folder that gives the dataset its name.

    Several folders keep their names, which may be those of classes, by lying in one.
    """
    tops = sorted({upload / path.relative_to(upload.resolve()).parts[0] for path in saved})  # browsers mix them
    packed = [top for top in tops if is_archive(top) and top.is_file()]
    rest = [top for top in tops if top not in packed]
    if len(rest) < 2 or all(top.is_file() for top in rest):
        return [*packed, *rest]
    first = next(top for top in rest if top.is_dir())
    together = upload / f"{first.name} and {len(rest) - 1} more"
    together.mkdir()
    for top in rest:
        top.rename(together / top.name)
    return [*packed, together]


def bring_in_code(dataset_source: str = "pictures.zip", choices: dict[str, str] | None = None) -> str:
    """Return the Python that imports, with what was chosen where several readings fitted."""
    chosen = f", choices={choices!r}" if choices else ""
    return f"""
from pathlib import Path

from core.data.importing import ImportSettings, import_dataset
from core.workspace import Workspace

dataset = import_dataset(
    Workspace.current(), Path({dataset_source!r}), settings=ImportSettings(split=None, window="auto"{chosen})
)
print(dataset.images, dataset.instances, [finding.message for finding in dataset.findings])
"""
