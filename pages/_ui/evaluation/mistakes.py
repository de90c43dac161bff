"""Which mistakes there are: the matrix with the pictures behind each cell, and the gallery of the worst."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.data.dataset import Dataset
from core.errors import GraftError
from core.evaluation.evaluation import Evaluation
from core.evaluation.figures.error_budget import missed_below_the_line
from core.evaluation.figures.results import NO_OBJECT
from core.evaluation.label_errors import SIGNS, find_label_errors
from core.evaluation.predict.explain import heat_map
from core.evaluation.verdict import MENTIONED
from core.files.csv_cells import plain_cell
from core.tasks import TASKS
from core.training.store import Run
from core.words import count, percent, thousands
from core.workspace import Workspace
from pages._ui.common.formatting import plain
from pages._ui.common.pictures import Tile, show_picture
from pages._ui.evaluation import charts as evaluation_charts
from pages._ui.evaluation.gallery import KINDS, picture_marks, show_cases, show_classified, show_doubtful, show_masks
from pages._ui.label.review import mend_button


def show_matrix(evaluation: Evaluation, dataset: Dataset | None) -> None:
    """Show which classes are taken for which; a chosen cell shows its pictures."""
    counts = evaluation.confusion.to_numpy()
    size = len(evaluation.classes)
    shown = [index for index in evaluation_charts.matrix_classes(counts) if index < size]
    if len(counts) > size:
        shown.append(size)
    table = evaluation.confusion.iloc[shown, shown]
    event = st.plotly_chart(
        evaluation_charts.matrix_chart(table), key="matrix", on_select="rerun", selection_mode="points",
        config={"displayModeBar": False}, alt="Labelled classes against the model’s answers",
    )  # fmt: skip
    if len(shown) < len(counts):
        st.caption(f"The {len(shown)} most frequent of {len(counts)} are shown.")
    if TASKS[evaluation.task].names_pixels:
        st.caption("In pixels, counted at the size the model sees.")
        return
    if evaluation.detector is not None:
        st.caption(row_words(counts))
    numbers = {
        (str(row), str(column)): int(number)
        for row, line in zip(table.index, table.to_numpy(), strict=True)
        for column, number in zip(table.columns, line, strict=True)
    }
    cells = sorted((cell for cell in numbers if cell[0] != cell[1] and numbers[cell]), key=lambda cell: -numbers[cell])
    cell: tuple[str, str] | None
    clicked = [tuple(point["customdata"][:2]) for point in event.selection.points if point.get("customdata")]
    if clicked:
        cell = clicked[0]
        st.caption(f"Chosen in the matrix: {cell_words(cell, numbers)}")
    else:
        cell = st.selectbox("Show the pictures behind", cells, index=None, key="matrix_cell",
                            placeholder="choose a mistake, or click a square",
                            format_func=lambda item: cell_words(item, numbers))  # fmt: skip
    if cell is None:
        return
    if evaluation.detector is None:
        pictures = evaluation.pictures
        show_classified(dataset, pictures[(pictures["truth"] == cell[0]) & (pictures["prediction"] == cell[1])],
                        key="matrix_gallery")  # fmt: skip
        return
    ids = {name: index for index, name in enumerate(evaluation.classes)} | {NO_OBJECT: -1}
    cases = evaluation.cases
    behind = cases[(cases["true_class"] == ids[cell[0]]) & (cases["predicted_class"] == ids[cell[1]])]
    show_cases(evaluation, dataset, behind, key="matrix_gallery")


def row_words(counts: NDArray[np.int64]) -> str:
    """Say how the squares of a detector's matrix add up to the objects and false alarms the page begins with."""
    objects, alarms = int(counts[:-1].sum()), int(counts[:, :-1].sum() - np.trace(counts[:-1, :-1]))
    return (
        f"The rows of the classes hold the {count(objects, 'labelled object')}, each once. All red squares but those "
        f"of the last column are false alarms, {thousands(alarms)} together."
    )


def cell_words(cell: tuple[str, str], numbers: Mapping[tuple[str, str], int]) -> str:
    """Say what a cell of the matrix holds."""
    row, column = cell
    number = numbers.get(cell, 0)
    if row == NO_OBJECT:
        return f"{column} reported where nothing is labelled ({number})"
    if column == NO_OBJECT:
        return f"{row} missed ({number})"
    return f"{row} found rightly ({number})" if row == column else f"{row} taken for {column} ({number})"


def show_gallery_cell(evaluation: Evaluation, dataset: Dataset | None) -> None:
    """Show the pictures with mistakes, the worst first."""
    cases = evaluation.cases
    if TASKS[evaluation.task].names_pixels:
        show_masks(evaluation, dataset, key="masks")
        return
    if evaluation.detector is None:
        pictures = evaluation.pictures
        kind = st.segmented_control("Show", ["Wrong", "Right"], default="Wrong", key="classified_kind", wrap=True)
        wrong = pictures["misses"] > 0
        show_classified(dataset, pictures[wrong if kind != "Right" else ~wrong], key="classified")
        return
    counts = cases["kind"].value_counts()
    kinds = [kind for kind in KINDS if counts.get(kind, 0)]
    if not kinds:
        st.caption("Nothing is labelled in these pictures and nothing was found.")
        return
    kind = st.segmented_control(
        "Show", kinds, default=kinds[0], key="case_kind",
        format_func=lambda name: f"{KINDS[name]} ({counts.get(name, 0)})", wrap=True)  # fmt: skip
    numbers = {name: int(counts.get(name, 0)) for name in KINDS}
    st.caption(sum_words(numbers, len(evaluation.detector.arrays.truth), evaluation.errors["missed"].count))
    shown = cases[cases["kind"] == (kind or kinds[0])]
    show_cases(evaluation, dataset, shown, key="cases")
    if kind != "hit":
        mend_button(dataset, shown["file"], key="mend_cases")


def sum_words(counts: dict[str, int], objects: int, outright: int) -> str:
    """Say how the kinds add up to the false alarms and the objects not found that the page begins with.

    `outright` are the missed objects without even a badly placed finding, as the cost of mistakes counts them.
    """
    alarms = {name: number for name, number in counts.items() if name not in ("missed", "hit") and number}
    sentences = []
    if len(alarms) > 1:
        parts = ", ".join(f"{number} {KINDS[name].lower()}" for name, number in alarms.items())
        sentences.append(f"The {sum(alarms.values())} false alarms are: {parts}.")
    lost = objects - counts["hit"]
    if renamed := lost - counts["missed"]:
        of = "Of the one object not found, one" if lost == 1 else f"Of the {lost} objects not found, {renamed}"
        sentences.append(f"{of} {'was' if renamed == 1 else 'were'} reported under a wrong class.")
    if near := counts["missed"] - outright:
        if counts["missed"] == 1:
            sentences.append("The missed object has a badly placed finding on it.")
        else:
            have, them = ("has", "it") if near == 1 else ("have", "them")
            sentences.append(
                f"Of the {counts['missed']} missed, {near} {have} a badly placed finding on {them}; {outright} "
                f"{'was' if outright == 1 else 'were'} missed outright."
            )
    return " ".join(sentences)


def show_missed_below(evaluation: Evaluation) -> None:
    """Say of how many missed objects the model has an idea below the line: mAP counts these, the line does not."""
    if evaluation.detector is None or not evaluation.errors["missed"].count:
        return
    missed, line = evaluation.errors["missed"].count, evaluation.operating_point.threshold
    if below := missed_below_the_line(evaluation.detector.arrays, line):
        sure = missed_below_the_line(evaluation.detector.arrays, line, MENTIONED)
        are, they = ("is", "it costs") if below == 1 else ("are", "they cost")
        st.caption(
            plain(
                f"Of the {count(missed, 'object')} missed outright at the line, {thousands(below)} {are} found below "
                f"it, {thousands(sure)} with {percent(MENTIONED)} confidence or more. mAP counts that, so {they} "
                "little here; in use the line decides: a lower one finds more, with more false alarms."
            )
        )


def show_why(run: Run, evaluation: Evaluation, dataset: Dataset | None) -> None:
    """Show where the model looks in a picture of the user's choice."""
    if dataset is None:
        st.caption("The dataset is not in this workspace any more, so its pictures can’t be shown.")
        return
    files = evaluation.pictures["file"].astype(str).tolist()
    file = st.selectbox("Picture, the one with the worst mistakes first", files, key="why_picture",
                        format_func=lambda name: name.split("/", 1)[-1])  # fmt: skip
    if not st.button("Show where it looks", key="why", icon=":material/visibility:"):
        return
    try:
        with st.spinner("Asking the model …"):
            picture = heat_map(run.folder, dataset.image_path(file), run.spec.imgsz)
    except GraftError as error:
        st.error(str(error), icon=":material/error:")
        return
    left, right = st.columns(2)
    with left:
        show_picture(
            Tile(dataset.image_path(file), picture_marks(evaluation, file, dataset), "labels and answers"), 700
        )
    right.image(str(picture), caption="bright: what stands out to the model (EigenCAM)", width="stretch",
                alt="The picture with a heat map over it: bright where something stands out to the model")  # fmt: skip
    st.caption("Bright spots away from your objects, such as a ruler, a marker or the border, mean it learned the "
               "wrong thing: add pictures without them.")  # fmt: skip


def show_label_errors(workspace: Workspace, evaluation: Evaluation, dataset: Dataset | None) -> None:
    """Show the labels that are likely wrong, as a list to look through and to take along."""
    if not st.toggle("Look for labels that are likely wrong", key="label_errors"):
        return
    found = find_label_errors(workspace, evaluation)
    if found.empty:
        st.markdown("None stands out: no answer that can be trusted contradicts a label. A better model sees more.")
        return
    counts = found["sign"].value_counts()
    signs = [sign for sign in SIGNS if counts.get(sign, 0)]
    sign = st.segmented_control(
        "Sign", signs, default=signs[0], key="label_sign", required=True,
        format_func=lambda name: f"{SIGNS[name][0].upper()}{SIGNS[name][1:]} ({counts[name]})", wrap=True)  # fmt: skip
    part = found[found["sign"] == (sign or signs[0])]
    if evaluation.detector is None:
        files = part["file"].tolist()
        pictures = evaluation.pictures.set_index("file").loc[files].reset_index()
        show_classified(dataset, pictures, key="label_gallery")
    else:
        show_doubtful(evaluation, dataset, part, key="label_gallery")
    mend_button(dataset, part["file"], key="mend_labels")
    st.download_button(
        "Take the list along (CSV)", found.map(plain_cell).to_csv(index=False), "likely_label_errors.csv", "text/csv",
        key="label_list", icon=":material/download:",
    )  # fmt: skip
