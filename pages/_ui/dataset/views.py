"""What a dataset holds, drawn: counts, the gallery with its filters, sizes and positions, the dataset card."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import streamlit as st

from core.data.dataset import SPLITS, Dataset
from core.tasks import TASKS
from core.words import SPLIT_WORDS, count, date, percent, thousands
from pages._ui.common.charts import bars, heat_positions, scatter_sizes, show
from pages._ui.common.formatting import plain
from pages._ui.common.gallery import class_legend, dataset_tile, show_gallery
from pages._ui.common.pictures import Tile, show_picture

SHADES = ("full colour", "fainter", "faintest")
FORMAT_WORDS = {
    "yolo": "YOLO text labels",
    "coco": "COCO JSON",
    "coco-panoptic": "COCO panoptic",
    "voc": "Pascal VOC",
    "labelme": "LabelMe",
    "cvat": "CVAT XML",
    "createml": "CreateML JSON",
    "labelstudio": "Label Studio JSON",
    "table": "a table",
    "masks": "pictures with masks",
    "folder-per-class": "one folder per class",
    "pictures": "pictures without labels",
}
MOST_OBJECTS = 20_000
"""Objects read for the size and position plots; more would only make them slower, not clearer."""
MOST_BARS = 40
"""Classes the bar chart shows; the table of classes has them all."""


def changed(dataset: Dataset) -> float:
    """Return when the dataset was last written, as part of a cache's key."""
    return (dataset.root / "dataset.json").stat().st_mtime


@st.cache_data(max_entries=8, show_spinner=False)
def image_table(_dataset: Dataset, dataset_id: str, stamp: float) -> pd.DataFrame:  # noqa: ARG001
    """Return the dataset's table of pictures, kept while the dataset is unchanged."""
    return _dataset.image_table()


@st.cache_data(max_entries=8, show_spinner="Measuring the objects …")
def object_table(_dataset: Dataset, dataset_id: str, stamp: float) -> pd.DataFrame:  # noqa: ARG001
    """Return one row per object: file, split, class_id, x, y, width, height (fractions of the picture)."""
    rows = []
    for split in SPLITS:
        for image in _dataset.labelled(split):
            for item in image.objects:
                if item.box is not None:
                    rows.append((image.file, split, item.class_id, *item.box))
            if len(rows) > MOST_OBJECTS:
                break
    return pd.DataFrame(rows, columns=["file", "split", "class_id", "x", "y", "width", "height"])


def tables(dataset: Dataset) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the pictures and the objects of a dataset as tables."""
    stamp = changed(dataset)
    return image_table(dataset, dataset.id, stamp), object_table(dataset, dataset.id, stamp)


def contents(dataset: Dataset) -> str:
    """Return what a dataset holds in words: `364 pictures, 4,886 labelled objects, 3 classes`."""
    pictures, objects = count(sum(dataset.images.values()), "picture"), sum(dataset.instances.values())
    named = "" if not TASKS[dataset.task].finds_objects else f"{count(objects, 'labelled object')}, "
    return f"{pictures}, {named}{count(len(dataset.classes), 'class')}"


def summary(dataset: Dataset) -> None:
    """Say what was read: the task, pictures per split, objects per class."""
    pictures = sum(dataset.images.values())
    purpose = f"A model will learn to {TASKS[dataset.task].to_do}."
    if any(dataset.instances.values()):
        first, rest = contents(dataset).split(", ", 1)
        st.markdown(f"**{first}**, {rest}. {purpose}")
    else:
        st.markdown(f"**{count(pictures, 'picture')}**, imported without labels.")
    with st.container(horizontal=True, gap="large"):
        for split in SPLITS:
            if dataset.images.get(split):
                share = dataset.images[split] / max(pictures, 1)
                st.metric(f"{SPLIT_WORDS[split].capitalize()} pictures", thousands(dataset.images[split]),
                          percent(share), delta_color="off", delta_arrow="off", width="content")  # fmt: skip
    if dataset.classes:
        unit = TASKS[dataset.task].counted
        counts = dataset.instances_by_split or {"train": dataset.instances}
        listed = ", ".join(f"{name} {dataset.instances.get(name, 0)}" for name in dataset.classes[:20])
        numbers = list(range(len(dataset.classes)))
        if len(numbers) > MOST_BARS:  # classes that never occur would hide those that do
            numbers = [index for index in numbers if dataset.instances.get(dataset.classes[index])][:MOST_BARS]
        shown = [dataset.classes[index] for index in numbers]
        parts = [SPLIT_WORDS[split] for split in SPLITS if dataset.images.get(split)]
        shades = ", ".join(f"{shade} {part}" for shade, part in zip(SHADES, parts, strict=False))
        st.caption(f"{unit.capitalize()} per class ({shades})")
        show(bars(counts, shown, unit, numbers), f"Labelled {unit} per class: {listed}", f"classes_{dataset.id}")
        if len(dataset.classes) > len(shown):
            st.caption(
                f"{len(shown)} of {len(dataset.classes)} classes, those with labels; the table of classes has all."
            )


def gallery(dataset: Dataset) -> None:
    """Show the pictures with their labels, filtered by split, class and finding."""
    images, objects = tables(dataset)
    findings = [finding for finding in dataset.findings if finding.examples]
    closed = is_closed(dataset)
    present = [split for split in SPLITS if dataset.images.get(split) and not (closed and split == "test")]
    prefix = f"gallery_{dataset.id}"
    if closed:
        images = images[images["split"] != "test"]
        st.caption(
            f"The test part is locked: its {count(dataset.images['test'], 'picture')} can be seen once it has been "
            "opened on the evaluation page."
        )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        split = st.selectbox("Part", [None, *present], key=f"{prefix}_split", persist_state="session",
                             format_func=lambda item: SPLIT_WORDS.get(item, "all parts"))  # fmt: skip
        name = st.selectbox("Class", [None, *dataset.classes], key=f"{prefix}_class", persist_state="session",
                            format_func=lambda item: item or "all classes")  # fmt: skip
        codes = [finding.code for finding in findings]
        code = st.selectbox("Finding", [None, *codes], key=f"{prefix}_finding", persist_state="session",
                            format_func=lambda item: item.replace("-", " ") if item else "any or none")  # fmt: skip
    rows = images
    if split:
        rows = rows[rows["split"] == split]
    if name is not None:
        rows = rows[_has_class(dataset, rows, objects, name)]
    if code is not None:
        finding = next(item for item in findings if item.code == code)
        named = finding.files or finding.examples
        rows = rows[rows["file"].isin(_named(images, tuple(named), dataset.id, changed(dataset)))]
        if finding.count > len(named):
            st.caption(f"Of {thousands(finding.count)}, the first {len(named)} are shown.")
    sizes = {
        str(file): (int(width), int(height))
        for file, width, height in zip(rows["file"], rows["width"], rows["height"], strict=True)
    }
    class_legend(dataset.classes)
    show_gallery(list(sizes), lambda file: dataset_tile(dataset, file, *sizes[file]), key=prefix)


@st.cache_data(show_spinner=False, max_entries=20)
def _named(_images: pd.DataFrame, examples: tuple[str, ...], dataset_id: str, stamp: object) -> set[str]:  # noqa: ARG001
    return {found for example in examples for found in find_files(_images, example)}


def _has_class(dataset: Dataset, rows: pd.DataFrame, objects: pd.DataFrame, name: str) -> pd.Series:
    if TASKS[dataset.task].has_class_folders:
        return rows["file"].map(lambda file: Path(file).parent.name == name)
    wanted = objects[objects["class_id"] == dataset.classes.index(name)]["file"]
    return rows["file"].isin(set(wanted))


def is_closed(dataset: Dataset) -> bool:
    """Return whether the test part is locked and was never opened."""
    return dataset.test_locked and not dataset.test_openings and bool(dataset.images.get("test"))


def find_file(images: pd.DataFrame, example: str) -> str | None:
    """Return the dataset's file that a finding's example means; examples carry the user's own file names."""
    exact = images[(images["source"] == example) | (images["file"] == example)]
    if exact.empty:
        starts = images[images["source"].map(lambda source: bool(source) and example.startswith(source))]
        exact = starts.loc[starts["source"].str.len().sort_values(ascending=False).index]
    return None if exact.empty else str(exact.iloc[0]["file"])


def find_files(images: pd.DataFrame, example: str) -> list[str]:
    """Return the files an example means: one, or the two of a pair written `copy (val) = original (train)`."""
    found = [find_file(images, part) for part in example.split(" = ")]
    return list(dict.fromkeys(file for file in found if file))


def show_example(dataset: Dataset, example: str) -> bool:
    """Draw the picture a finding names, or both of a pair; say whether one is in the dataset."""
    images, _ = tables(dataset)
    if is_closed(dataset):
        images = images[images["split"] != "test"]
    files = find_files(images, example)
    if not files:
        return False
    with st.container(gap="xxsmall"):
        for number, file in enumerate(files):
            row = images[images["file"] == file].iloc[0]
            tile = dataset_tile(dataset, file, int(row["width"]), int(row["height"]))
            caption = plain(example) if number == len(files) - 1 else ""
            show_picture(Tile(tile.path, tile.marks, caption, f"Example: {example}"))
    return True


def shapes(dataset: Dataset) -> None:
    """Plot how large objects are and where they lie."""
    _, objects = tables(dataset)
    if objects.empty:
        st.caption("Nothing is boxed in this dataset.")
        return
    small = float((objects["width"] * objects["height"]).median()) ** 0.5
    st.markdown(
        f"Half of the objects are smaller than about **{percent(small)}** of the picture’s side. Objects far smaller "
        "than that may need larger pictures (image size) in training."
    )
    left, right = st.columns(2)
    with left:
        st.caption("How large: one dot per object")
        show(scatter_sizes(objects, dataset.classes), "Widths and heights of the objects", f"sizes_{dataset.id}")
    with right:
        st.caption("Where in the picture: the stronger the green, the more often")
        show(heat_positions(objects), "Where objects lie in their pictures", f"positions_{dataset.id}")


def choices_made(dataset: Dataset) -> None:
    """Show what was taken where several readings of the upload fitted, and who chose it."""
    rows = [
        {
            "asked": plain(item.question),
            "taken": plain(item.meaning or item.taken),
            "why": plain(item.why or "You chose it."),
        }
        for item in dataset.choices
    ]
    st.table(rows, border="horizontal", hide_index=True, alt="What was taken where several readings fitted")
    if choices_of(dataset):
        st.caption("What you chose is taken again when files of this name are imported; it can be changed there.")


def choices_of(dataset: Dataset) -> dict[str, str]:
    """Return what the user chose at the import, by the keys of the choices."""
    return {item.key: item.taken for item in dataset.choices if not item.why}


def class_mapping(dataset: Dataset) -> None:
    """Show which class of the source became which class here."""
    rows = [
        {"in your files": name, "number here": number, "name here": dataset.classes[number]}
        for name, number in sorted(dataset.source_mapping.items(), key=lambda item: item[1])
        if 0 <= number < len(dataset.classes)
    ]
    if rows:
        st.dataframe(rows, hide_index=True, key=f"mapping_{dataset.id}",
                     alt="Classes of the source and what they are called here")  # fmt: skip


def dataset_card(dataset: Dataset) -> None:
    """Show the dataset's card; licence and notes are the user's to fill in, and go into the report."""
    facts = {
        "Made from": f"{dataset.source} ({FORMAT_WORDS.get(dataset.format, dataset.format)})",
        "Holds": contents(dataset),
        "Imported": f"{date(dataset.created)}, {dataset.created:%H:%M} UTC",
        "Checksum (SHA-256)": f"`{dataset.checksum[:16]}…`" if dataset.checksum else "–",
        "Parts": dataset.split_note or "–",
    }
    if dataset.window:
        facts["Grey levels"] = dataset.window
    if dataset.fixes:
        facts["Changed in this copy"] = "; ".join(dataset.fixes)
    for name, value in facts.items():
        st.markdown(f":gray[{name}:] {value if value.startswith('`') else plain(value)}")
    with st.form(f"card_{dataset.id}", border=False):
        name = st.text_input("Name", dataset.name, max_chars=120, key=f"card_name_{dataset.id}")
        licence = st.text_input("Licence or permission", dataset.licence, key=f"card_licence_{dataset.id}",
                                placeholder="CC BY 4.0; or: ethics vote 2026-114")  # fmt: skip
        notes = st.text_area("Notes", dataset.notes, key=f"card_notes_{dataset.id}",
                             placeholder="Who labelled it, with which camera, what is left out")  # fmt: skip
        if st.form_submit_button("Save", key=f"card_save_{dataset.id}"):
            dataset.name, dataset.licence, dataset.notes = name.strip() or dataset.name, licence, notes
            dataset.save()
            st.rerun()
