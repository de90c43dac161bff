"""The export formats as cards: what each is for, whether it can be made here, and what its check found."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.delivery.export.exporting import (
    ExportOptions,
    cancel_export,
    export_state,
    pack_export,
    read_export,
    remove_export,
    start_export,
)
from core.delivery.export.formats import PLACES, PREFERS_NMS_FREE, ExportFormat, export_formats
from core.delivery.export.record import OUTCOMES, ExportRecord
from core.errors import InputError
from core.jobs import run_job_folder
from core.models.catalog import find_model
from core.training.store import Run
from core.words import megabytes, milliseconds, percent, score
from core.workspace import Workspace
from pages._ui.common.formatting import plain
from pages._ui.deliver.jobs import offer_file, show_job

BADGES = {"verified": "green", "unverified": "orange", "differs": "red", "failed": "red"}


def show_exports(workspace: Workspace, run: Run) -> None:
    """Show the formats for a place to run at, those that can be made here first."""
    place = st.segmented_control("Where will it run?", list(PLACES), default="CPU", format_func=PLACES.__getitem__,
                                 required=True, wrap=True, key=f"place_{run.id}")  # fmt: skip
    formats = [item for item in export_formats() if place in item.facts.places]
    busy = next((item for item in export_formats() if export_state(run, item.name).running), None)
    ready = [item for item in formats if not item.obstacle or read_export(run, item.name)]
    for item in ready:
        with st.container(border=True, key=f"format_{item.name}"):
            _card(workspace, run, item, busy)
    if busy is not None and busy not in ready:
        show_job(run_job_folder(run.folder, f"export-{busy.name}"), busy.name, lambda: cancel_export(run, busy.name))
    rest = [item for item in formats if item not in ready]
    if rest:
        title = "Not possible on this machine" if ready else "None of these can be made on this machine"
        with st.expander(title, key=f"impossible_{place}", expanded=not ready):
            for item in rest:
                st.markdown(f"**{plain(item.title)}** {plain(item.facts.words)}")
                st.caption(plain(item.obstacle))
                if item.install:
                    st.code(item.install, language="bash", wrap_lines=True)


def _card(workspace: Workspace, run: Run, item: ExportFormat, busy: ExportFormat | None) -> None:
    record = read_export(run, item.name)
    badge = ""
    if record is not None:
        outcome = "outdated" if record.outdated else record.outcome
        words = "made from earlier weights" if record.outdated else OUTCOMES[record.outcome]
        badge = f" :{BADGES.get(outcome, 'gray')}-badge[{words}]"
    st.markdown(f"**{plain(item.title)}**{badge}  \n{plain(item.facts.words)}")
    if busy is not None and busy.name == item.name:
        show_job(run_job_folder(run.folder, f"export-{item.name}"), item.name, lambda: cancel_export(run, item.name))
        return
    if record is not None:
        _result(record)
    elif item.unverifiable:
        st.caption(f"It can be made here, but not checked: {plain(item.unverifiable)}")
    if record is None:  # an earlier try may have ended without a result
        show_job(run_job_folder(run.folder, f"export-{item.name}"), item.name)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if record is not None and record.files:
            offer_file(pack_export(run, item.name), "Save it", "application/zip", f"save_{item.name}")
        head, half = _options(run, item)
        label = "Export" if record is None else "Export again"
        if st.button(label, key=f"export_{item.name}", disabled=busy is not None,
                     help=f"{busy.title} is being exported; one at a time." if busy else None):  # fmt: skip
            try:
                start_export(workspace, run.id, item.name, ExportOptions(head=head, half=half))
            except InputError as error:
                st.error(plain(str(error)))
            else:
                st.rerun()
        if record is not None and st.button("Delete", key=f"delete_{item.name}", disabled=busy is not None):
            remove_export(run, item.name)
            st.rerun()


def _options(run: Run, item: ExportFormat) -> tuple[Any, bool]:
    head, half = "auto", False
    known = find_model(run.model)
    free = item.nms_free(run.spec.task) and (known is None or known.family == "YOLO26")
    halves = item.half and item.name != "torchscript"
    if not free and not halves:
        return head, half
    with st.popover("Options", key=f"options_{item.name}", icon=":material/tune:"):
        if free:
            words = {"as-evaluated": "as evaluated here", "nms-free": "without suppression of doubles (NMS-free)"}
            field = ExportOptions.model_fields["head"]
            first = "nms-free" if item.name in PREFERS_NMS_FREE else "as-evaluated"
            head = st.radio(field.title or "", list(words), index=list(words).index(first), format_func=words.get,
                            help=field.description, key=f"head_{item.name}")  # fmt: skip
            if head == first:
                head = "auto"
        if halves:
            field = ExportOptions.model_fields["half"]
            half = st.checkbox(field.title or "", help=field.description, key=f"half_{item.name}")
    return head, half


def _result(record: ExportRecord) -> None:
    check = record.check
    if check is not None:
        speed = check.milliseconds
        with st.grid(3, min_column_width=160, gap="small"):
            apart = check.difference
            lost = "none" if abs(apart) < 0.00005 else f"{apart:+.4f}"
            st.metric(f"Change of {check.metric}", lost, border=False)
            if check.typical_box_difference is not None:
                typical = check.typical_box_difference
                st.metric("Boxes apart", f"{typical:.2g} px" if typical >= 0.01 else "< 0.01 px")
            elif check.pixels_apart is not None:
                st.metric("Pixels apart", percent(check.pixels_apart))
            else:
                st.metric("Confidence apart", f"{check.confidence_difference or 0:.1g}")
            st.metric("A picture takes", milliseconds(speed.exported))
        largest = f", boxes at most {check.box_difference:.2g} px apart" if check.box_difference is not None else ""
        st.caption(
            f"{check.metric} {score(check.exported)} against {score(check.checkpoint)} of the model itself in "
            f"this same check, {milliseconds(speed.checkpoint)} a picture{largest}. Compared on {check.pictures} "
            f"{check.part} pictures, times on {check.compared} of them, on this machine "
            f"({plain(record.machine)})."
        )
        if check.metric != "top-1":
            square = "" if record.dynamic else ", made square as this format needs them"
            st.caption(
                f"Both were shown the same pictures one by one{square}. These figures are for each other only: how "
                "good the model is stands in the evaluation and the report."
            )
    if record.reason:
        st.markdown(plain(record.reason))
    if record.files:
        size = megabytes(sum(file.bytes for file in record.files))
        head = ", NMS-free head" if record.head == "nms-free" else ""
        st.caption(f"{size}, {record.imgsz} px{', 16-bit' if record.half else ''}{head}")
