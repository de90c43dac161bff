"""Change the imported copy: mend a finding, rename, merge, drop and reorder classes, divide anew, try a window."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.data.dataset import SPLITS, Dataset, load_dataset
from core.data.editing.classes import edit_classes
from core.data.editing.fixes import apply_fix
from core.data.editing.resplitting import resplit
from core.data.editing.undoing import last_change, undo
from core.data.images.decoding import preview_window
from core.data.images.page import UnreadableImage
from core.data.images.windows import Window
from core.data.importing.settings import ImportSettings
from core.data.importing.tiles import LARGEST, SMALLEST, cut_into_tiles, tile_count
from core.errors import GraftError, InputError
from core.jobs import Progress
from core.planning.rules import tile_size, worth_tiles
from core.tasks import TASKS
from core.words import count, time_left
from core.workspace import Workspace
from pages._ui.common.cells import python_fold
from pages._ui.common.facts import facts_of
from pages._ui.common.formatting import plain
from pages._ui.common.upload import fresh_key, save_uploads

PICTURE_TYPES = ["dcm", "dicom", "ima", "tif", "tiff", "png"]
MOST_PICTURE_MEGABYTES = 300


def messages() -> None:
    """Show what the last change did, or why it was refused."""
    if done := st.session_state.pop("edit_done", None):
        st.success(plain(done))
    if refused := st.session_state.pop("edit_refused", None):
        st.error(plain(refused), title="Nothing was changed")


def undo_button(workspace: Workspace, dataset: Dataset) -> None:
    """Offer to take the last change back, where that is possible."""
    if not (change := last_change(dataset)):
        return

    def work() -> None:
        undo(load_dataset(workspace, dataset.id))

    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":small[Last change: {plain(change)}]", width="content")
        st.button("Undo", key=f"undo_{dataset.id}", icon=":material/undo:", help="Makes the copy what it was before.",
                  on_click=_note, args=(work, f"Taken back: {change}."))  # fmt: skip


def _note(work: Any, done: str) -> None:
    """Do a change and keep what is to be said about it for the next drawing."""
    try:
        work()
        st.session_state["edit_done"] = done
    except GraftError as error:
        st.session_state["edit_refused"] = str(error)


def fix(workspace: Workspace, dataset_id: str, code: str) -> None:
    """Apply the fix of a finding to the imported copy; the user's own files stay as they are."""

    def work() -> None:
        fixed = apply_fix(load_dataset(workspace, dataset_id), code)
        st.session_state["edit_note"] = fixed.fixes[-1] if fixed.fixes else ""

    _note(work, "")
    if "edit_done" in st.session_state:
        note = st.session_state.pop("edit_note", "")
        st.session_state["edit_done"] = f"{note}. Your own files stay as they are."


def class_table(workspace: Workspace, dataset: Dataset) -> None:
    """Let the user rename, merge, drop and reorder classes."""
    st.caption("Give two classes the same name to merge them. Tick drop to take a class and its labels out.")
    rows = [
        {
            "Class": name,
            "Labelled": dataset.instances.get(name, 0),
            "New name": name,
            "Drop": False,
            "Place": number + 1,
        }
        for number, name in enumerate(dataset.classes)
    ]
    columns = {
        "Class": st.column_config.TextColumn("Class now", disabled=True),
        "Labelled": st.column_config.NumberColumn("Labelled", disabled=True, format="%d"),
        "New name": st.column_config.TextColumn("New name", required=True, max_chars=80),
        "Drop": st.column_config.CheckboxColumn("Drop"),
        "Place": st.column_config.NumberColumn("Place", min_value=1, max_value=len(rows), step=1,
                                               help="Its place in the order, from 1"),
    }  # fmt: skip
    if TASKS[dataset.task].has_class_folders:
        del columns["Place"]  # the training reads folders, which are always in alphabetical order
    # A new checksum is a new table: edits of before the last change don't linger.
    edited = st.data_editor(rows, column_config=columns, column_order=list(columns), hide_index=True, num_rows="fixed",
                            key=f"classes_{dataset.id}_{len(dataset.fixes)}",
                            alt="Classes with their new names, to be edited")  # fmt: skip
    mapping, order = class_changes(edited, keep_order=TASKS[dataset.task].has_class_folders)
    changed = {old: new for old, new in mapping.items() if old != new}
    moved = order is not None and order != list(dict.fromkeys(new for new in mapping.values() if new is not None))
    st.button("Change the classes", key=f"classes_save_{dataset.id}", disabled=not changed and not moved,
              on_click=_note, args=(lambda: edit_classes(load_dataset(workspace, dataset.id), changed, order),
                                    "The classes are changed in the imported copy."))  # fmt: skip


def class_changes(rows: list[dict[str, Any]], keep_order: bool) -> tuple[dict[str, str | None], list[str] | None]:
    """Return what `edit_classes` wants for an edited table: old name -> new name or None, and the new order."""
    mapping = {row["Class"]: None if row["Drop"] else " ".join(str(row["New name"] or "").split()) for row in rows}
    if keep_order:
        return mapping, None
    places: dict[str, tuple[float, int]] = {}
    for number, row in enumerate(rows):
        new = mapping[row["Class"]]
        if new is not None:
            place = (float(row["Place"] or number + 1), number)
            places[new] = min(places.get(new, place), place)
    return mapping, sorted(places, key=places.__getitem__)


def split_controls(workspace: Workspace, dataset: Dataset) -> None:
    """Let the user divide the imported copy anew."""
    total = sum(dataset.images.values())
    present = [round(100 * dataset.images.get(split, 0) / max(total, 1)) for split in SPLITS]
    prefix = f"split_{dataset.id}"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        train = st.number_input("Training, %", 1, 98, min(max(present[0], 1), 98), key=f"{prefix}_train")
        val = st.number_input("Validation, %", 1, 98, min(max(present[1], 1), 98), key=f"{prefix}_val")
        drawn = ImportSettings.model_fields["seed"]
        seed = st.number_input(str(drawn.title), 0, 2**31 - 1, 0, key=f"{prefix}_seed", help=drawn.description)
    test = 100 - int(train or 0) - int(val or 0)
    title = str(ImportSettings.model_fields["group_by"].title)
    group = st.text_input(title, key=f"{prefix}_group", placeholder=r"patient(\d+)",
                          help="A regular expression that finds the patient or part in a file name. Pictures of one "
                          "group never lie in two parts.")  # fmt: skip
    keep_test = st.checkbox("Leave the test part as it is", value=dataset.test_locked, key=f"{prefix}_keep",
                            disabled=not dataset.images.get("test"))  # fmt: skip
    lock = st.checkbox("Lock the test part until the evaluation", value=dataset.test_locked, key=f"{prefix}_lock",
                       disabled=test <= 0 and not keep_test)  # fmt: skip
    if test < 0:
        st.error("Training and validation are more than 100 % together.")
        return
    st.caption(f"{count(total, 'picture')}: {train} % to learn from, {val} % to check on, {test} % locked away for the "
               "test. Copies of a picture always stay in one part.")  # fmt: skip

    def work() -> None:
        resplit(load_dataset(workspace, dataset.id), f"{train}/{val}/{test}", group_by=group or None,
                seed=int(seed or 0), keep_test=keep_test, lock_test=lock)  # fmt: skip

    st.button("Divide anew", key=f"{prefix}_start", on_click=_note, args=(work, "The pictures are divided anew."))


def window_trial(workspace: Workspace, window: str) -> None:
    """Show one of the user's deep pictures before and after the window that is set."""
    files = st.file_uploader("Try the window on one of your pictures (DICOM, TIFF, 16-bit PNG)", type=PICTURE_TYPES,
                             key=fresh_key("window_trial"), max_upload_size=MOST_PICTURE_MEGABYTES)  # fmt: skip
    if files is None:
        return
    with workspace.staging("window") as folder:
        try:
            path = save_uploads([files], folder, forget=False)[0]
            before, after = preview_window(path, Window.parse(window))
        except (InputError, UnreadableImage) as error:
            st.error(plain(str(error)))
            return
    left, right = st.columns(2)
    left.image(before.convert("RGB"), caption="As training libraries read it", width="stretch",
               alt="The picture before the window: as training libraries read it")  # fmt: skip
    right.image(after.convert("RGB"), caption=f"Through the window “{window}”", width="stretch",
                alt="The picture through the window")  # fmt: skip


def tiles_code(dataset_id: str, size: int) -> str:
    """Return the Python that cuts into tiles."""
    return f"""
from core.data.importing.tiles import cut_into_tiles
from core.workspace import Workspace

tiles = cut_into_tiles(Workspace.current(), {dataset_id!r}, {size})
"""


def tile_controls(workspace: Workspace, dataset: Dataset) -> Dataset | None:
    """Let big pictures be cut into tiles; return the new dataset once they are."""
    facts, table = facts_of(dataset), dataset.image_table()
    largest = int(table[["width", "height"]].to_numpy().max()) if len(table) else 0
    if not TASKS[dataset.task].fits_tiles or largest <= tile_size(facts):
        return None
    small_ones = worth_tiles(facts, TASKS[dataset.task].usual_size)
    with st.expander(
        "Are they too small to be seen? Cut the pictures into tiles", expanded=small_ones, key="tiles_fold",
        type="compact",
    ):  # fmt: skip
        small = facts.small_object or 0.0
        st.markdown(
            f"A small object is {small:.0f} pixels wide in pictures of {facts.side}. A training scales the whole "
            "picture down to a few hundred pixels; a tile keeps them all. The tiles become a dataset of their own, "
            "and a model trained on it looks at new pictures in the same tiles and joins what it finds."
        )
        size = st.number_input(
            "Size of a tile, pixels", SMALLEST, LARGEST, tile_size(facts), 32, key=f"tile_{dataset.id}",
            help="Tiles overlap by a fifth: an object smaller than that is whole in one of them.",
        )  # fmt: skip
        size = int(size or SMALLEST)
        st.caption(
            f"{count(tile_count(dataset, size), 'tile')} of {count(len(table), 'picture')}; in the training part those "
            "without an object are kept up to as many as those with one."
        )
        cut = st.button("Cut into tiles", key=f"cut_{dataset.id}", disabled=largest <= size)
        python_fold(tiles_code(dataset.id, size), key="tiles")
        if not cut:
            return None
        bar = st.progress(0.0, text="Cutting the pictures")

        def say(step: Progress) -> None:
            bar.progress(step.done / step.total if step.total else 0.0, f"{step.stage}, {time_left(step.seconds_left)}")

        try:
            return cut_into_tiles(workspace, dataset.id, size, progress=say)
        except GraftError as error:
            st.error(plain(str(error)), title="Nothing was cut")
    return None
