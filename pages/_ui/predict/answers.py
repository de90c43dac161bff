"""What a model finds in the pictures given: asked once at low confidence, then filtered as the line is moved."""

from __future__ import annotations

import io
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from core.data.palette import class_colour
from core.delivery.predict.drawing import LAYERS, draw_answer
from core.delivery.predict.entry import Entry, LoadedModel
from core.delivery.predict.intake import Prepared
from core.delivery.predict.model.chosen_model import ChosenModel
from core.delivery.predict.model.tiles import is_worth_tiling, tile_count
from core.delivery.predict.model.unlike import is_unlike, mark, not_compared_words, unlike_words
from core.delivery.predict.model.warm import warm_predictor
from core.delivery.predict.predicting import predict_picture, what_it_learned_from
from core.delivery.predict.results import (
    OBJECT_FIELDS,
    PICTURE_FIELDS,
    UNLIKE_FIELDS,
    at_limit,
    counted,
    entry_words,
    limit_words,
    named_class,
    object_rows,
    picture_row,
)
from core.errors import GraftError
from core.files.csv_cells import PlainWriter
from core.tasks import TASKS
from core.words import count, out_of, percent
from pages._ui.common.formatting import plain

PER_PAGE = 12
Answers = dict[Path, Entry]


def describe(model: ChosenModel) -> LoadedModel | None:
    """Return the model's task, classes and size, loading it; None, with the reason on the page, when it is refused."""
    known = st.session_state.setdefault("predict_described", {})
    key = _key(model)
    if key not in known:
        try:
            with st.spinner("Starting the model …"):
                known[key] = warm_predictor().ask("load", model)
        except GraftError as error:
            st.error(plain(str(error)), icon=":material/block:")
            return None
        try:
            with st.spinner("Looking, once, at the pictures it learned from …"):
                compared = what_it_learned_from(warm_predictor(), model)
        except GraftError as error:
            known[key] |= {"not_compared": str(error)}
        else:
            known[key] |= {"compared_with": compared} if compared else {}
    described: LoadedModel = known[key]
    return described


def answers_of(model: ChosenModel, pictures: list[Prepared], *, tiled: bool) -> Answers:
    """Return the answer for each picture, asking the model for those it has not seen yet, with a progress bar."""
    store = st.session_state.setdefault("predict_answers", {})
    if len(store) > 8:  # sets of an earlier choice of model
        store.clear()
    answers: Answers = store.setdefault((*_key(model), tiled, model.positive, model.confidence), {})
    missing = [item for item in pictures if item.path not in answers]
    if not missing:
        return answers
    with st.container(key=f"predict_asking_{model.name.replace('/', '_')}"):
        bar = st.progress(0.0, "Asking the model …")
        for number, item in enumerate(missing):
            answers[item.path] = predict_picture(warm_predictor(), model, item.path, model.lowest, tiled=tiled)[0]
            bar.progress((number + 1) / len(missing), f"Looking at {number + 1} of {len(missing)}")
        bar.empty()
    return answers


def _key(model: ChosenModel) -> tuple[str, int, int | None]:
    return str(model.weights), model.weights.stat().st_mtime_ns, model.imgsz


@st.cache_data(max_entries=400, show_spinner=False)
def _drawn(
    path: str,
    changed: float,  # noqa: ARG001
    entry: Entry,
    confidence: float,
    layers: tuple[str, ...],
    longest: int,
) -> bytes | None:
    try:
        return draw_answer(Path(path), entry, confidence, layers, longest)
    except OSError:
        return None


def drawn(item: Prepared, entry: Entry, confidence: float, layers: tuple[str, ...], longest: int) -> None:
    """Show a picture with what was found on it, or say why it can't be shown."""
    shown = entry | {"objects": counted(entry, confidence)}
    changed = item.path.stat().st_mtime if item.path.exists() else 0.0
    picture = _drawn(str(item.path), changed, shown, 0.0, layers, longest)
    words = entry_words(entry, confidence) + mark(entry)
    if picture is None or entry["error"]:
        st.caption(f"{plain(item.name)}: {plain(str(entry['error'] or 'the picture is gone'))}")
        return
    st.image(picture, caption=plain(words), alt=f"Picture {item.name}: {words}", width="stretch")


def controls(
    model: ChosenModel, described: LoadedModel, pictures: list[Prepared], *, key: str
) -> tuple[float, tuple[str, ...], bool]:
    """Show the line, the layers and the tiles; return (confidence, layers, tiled)."""
    task = described["task"]
    confidence, tiled = 0.0, False
    layers: tuple[str, ...] = ()
    if TASKS[task].finds_objects:
        lowest = round(model.lowest, 3)
        slider = f"predict_line_{key}"
        st.session_state.setdefault(slider, max(lowest, round(model.confidence, 3)))
        confidence = st.slider(
            "Confidence a finding must reach",
            lowest,
            1.0,
            step=0.005,
            key=slider,
            format="%.3f",
            help="Lower finds more and raises more false alarms. The model is not asked again.",
        )
        there = TASKS[task].layers
        chosen = st.pills(
            "Layers",
            there,
            format_func=LAYERS.__getitem__,
            selection_mode="multi",
            default=list(there),
            key=f"predict_layers_{task}",
            label_visibility="collapsed",
        )
        layers = tuple(chosen or ())
    elif TASKS[task].names_pixels:
        layers = TASKS[task].layers
    size = model.tile or described["imgsz"]
    big = [item for item in pictures if is_worth_tiling(item.width, item.height, size, task, model.tile)]
    if big:
        tiles = max(tile_count(item.width, item.height, size) for item in big)
        tiled = st.toggle(
            f"Look at big pictures in tiles of {size} pixels",
            value=model.tile is not None,
            key=f"predict_tiled_{key}",
            help=f"{count(len(big), 'picture')} here would be scaled down to {size} pixels, and small things would "
            f"vanish. In tiles (up to {tiles} per picture) they stay, and it takes that many times as long.",
        )
    return confidence, layers, tiled


def show_answers(
    model: ChosenModel, other: ChosenModel | None, pictures: list[Prepared], described: LoadedModel
) -> None:
    """Show what is found: the line, the picture large, all pictures small, counts, a table and the CSV."""
    confidence, layers, tiled = controls(model, described, pictures, key=model.name)
    answers = answers_of(model, pictures, tiled=tiled)
    sides = [(model, described, answers, confidence, layers)]
    if other is not None:
        beside = describe(other)
        if beside is not None:
            line = confidence or other.confidence
            other_layers = layers if beside["task"] == described["task"] else TASKS[beside["task"]].layers
            sides.append((other, beside, answers_of(other, pictures, tiled=tiled), line, other_layers))
    show_totals(pictures, answers, confidence, described)
    picked = min(int(st.session_state.get("predict_picked", 0)), len(pictures) - 1)
    item = pictures[picked]
    columns = st.columns(len(sides), gap="medium")
    for column, (side, told, found, line, drawn_layers) in zip(columns, sides, strict=True):
        with column:
            if len(sides) > 1:
                st.markdown(f"**{plain(side.title)}**  \n:small[{len(told['classes'])} classes, {told['imgsz']} px]")
            drawn(item, found[item.path], line, drawn_layers, 1400)
            show_probabilities(found[item.path], told["classes"])
    st.caption(f"{plain(item.name)}, {item.width} × {item.height} pixels." + _drawn_how(layers))
    show_heat(model, item, len(sides))
    if len(pictures) > 1:
        show_strip(pictures, answers, confidence, layers)
    show_tables(pictures, answers, confidence, described["task"])


def _drawn_how(layers: tuple[str, ...]) -> str:
    """Return how the answer is told from the picture, as a sentence to go on with."""
    if layers == ("masks",):
        return " Coloured: the model’s answer."
    return " Dashed: the model’s answer." if layers else ""


def show_totals(pictures: list[Prepared], answers: Answers, confidence: float, described: LoadedModel) -> None:
    """Show how many of each class were found in how many pictures."""
    entries = [answers[item.path] for item in pictures]
    counts: Counter[str] = Counter()
    shares: dict[str, str] = {}
    if TASKS[described["task"]].names_pictures:
        counts = Counter(best[0] for entry in entries if (best := named_class(entry)) is not None)
        sentence = f"{count(len(entries), 'picture')} sorted."
    elif TASKS[described["task"]].names_pixels:
        told = [entry["shares"] for entry in entries if "shares" in entry]
        means = {name: sum(entry[name] for entry in told) / len(told) for name in (told[0] if told else {})}
        shares = {name: percent(mean) for name, mean in means.items() if mean}
        sentence = f"Every pixel of {count(len(told), 'picture')} has its class."
    else:
        found = [counted(entry, confidence) for entry in entries]
        counts = Counter(item["class"] for objects in found for item in objects)
        pictures_with = sum(bool(objects) for objects in found)
        if len(entries) == 1:
            sentence = f"Found {count(sum(counts.values()), 'object')}."
        else:
            sentence = (
                f"Found {count(sum(counts.values()), 'object')} in {out_of(pictures_with, len(entries), 'picture')}."
            )
    classes = described["classes"]
    legend = "".join(
        f'<span class="graft-class"><i style="background:{class_colour(classes.index(name))}"></i>'
        f"{escape(name)} {number}</span>"
        for name, number in [*shares.items(), *counts.most_common()][:24]
        if name in classes
    )
    st.markdown(f"### {sentence}")
    full = [entry["max_det"] for entry in entries if at_limit(entry, confidence)]
    if full:
        words = limit_words(full[0], len(full))
        st.warning(plain(f"{words}."), icon=":material/vertical_align_top:")
    if legend:
        st.html(f'<div class="graft-legend">{legend}</div>')
    show_unlike(sum(map(is_unlike, entries)), sum("distance" in entry for entry in entries), described)


def show_unlike(unlike: int, pictures: int, told: Mapping[str, Any]) -> None:
    """Say how many pictures are unlike those the model learned from, or that it is not known (`told` has which)."""
    compared = told.get("compared_with")
    if compared is None:
        st.caption(plain(not_compared_words(told.get("not_compared", ""))))
    elif pictures:
        words = unlike_words(unlike, pictures, compared)
        if unlike:
            st.warning(words, icon=":material/travel_explore:")
        else:
            st.caption(words)


def show_probabilities(entry: Entry, classes: list[str]) -> None:
    """Show a bar for the likeliest classes of a classified picture."""
    ranked = sorted(entry.get("probabilities", {}).items(), key=lambda pair: -pair[1])[:5]
    for name, value in ranked:
        width = max(1, round(value * 100))
        colour = class_colour(classes.index(name)) if name in classes else "#8C8C8C"
        st.html(
            f'<div style="display:flex;gap:.6rem;align-items:center;font-size:.9rem">'
            f'<span style="width:9rem;overflow:hidden;text-overflow:ellipsis">{escape(name)}</span>'
            f'<span style="flex:1;height:.7rem;border-radius:3px;background:rgba(138,143,133,.2)">'
            f'<span style="display:block;height:100%;border-radius:3px;width:{width}%;background:{colour}"></span>'
            f"</span>"
            f'<span style="width:3.5rem;text-align:right">{percent(value)}</span></div>'
        )


def show_heat(model: ChosenModel, item: Prepared, sides: int) -> None:
    """Show, when asked, where the model looks in the picture."""
    kept = st.session_state.setdefault("predict_heat", {})
    key = (*_key(model), item.path)
    if key not in kept:
        if not st.button("Where does it look?", key="predict_heat_go", icon=":material/visibility:"):
            return
        out = Path(tempfile.gettempdir())
        with st.spinner("Asking the model …"), tempfile.TemporaryDirectory(prefix="graft-heat-", dir=out) as folder:
            try:
                target = Path(folder) / "heat.jpg"
                warm_predictor().ask("heat", model, picture=str(item.path), out=str(target))
                if len(kept) > 12:
                    kept.clear()
                kept[key] = target.read_bytes()
            except GraftError as error:
                st.error(plain(str(error)), icon=":material/error:")
                return
    columns = st.columns(2) if sides == 2 else st.columns([2, 1])
    columns[0].image(
        kept[key],
        width="stretch",
        caption="Bright: what stands out to the model (EigenCAM)",
        alt=f"{item.name} with a heat map over it: bright where something stands out to the model",
    )
    columns[1].caption(
        "It shows what stands out, not why a class was chosen. Bright spots far from your objects, such as a "
        "ruler or the border, are a sign that it learned the wrong thing."
    )


def show_strip(pictures: list[Prepared], answers: Answers, confidence: float, layers: tuple[str, ...]) -> None:
    """Show all pictures small; a button under each makes it the large one."""
    pages = -(-len(pictures) // PER_PAGE)
    number = min(max(1, int(st.session_state.get("predict_page", 1))), pages)
    quiet = tuple(layer for layer in layers if layer != "names")

    def pick(index: int) -> None:
        st.session_state["predict_picked"] = index

    with st.grid(4, min_column_width=150, gap="small"):
        for index in range((number - 1) * PER_PAGE, min(number * PER_PAGE, len(pictures))):
            item = pictures[index]
            with st.container(key=f"predict_tile_{index}", gap="xxsmall"):
                drawn(item, answers[item.path], confidence, quiet, 360)
                st.button(
                    "Show large",
                    key=f"predict_pick_{index}",
                    type="tertiary",
                    on_click=pick,
                    args=(index,),
                    help=f"Show {item.name} large",
                )
    if pages > 1:
        st.pagination(pages, key="predict_page")


def show_tables(pictures: list[Prepared], answers: Answers, confidence: float, task: str) -> None:
    """Show every finding in a table, and offer both tables as CSV."""
    named = [answers[item.path] | {"file": item.name} for item in pictures]
    objects = [row for entry in named for row in object_rows(entry, confidence)]
    rows = [picture_row(entry, confidence) for entry in named]
    compared = UNLIKE_FIELDS if any("distance" in entry for entry in named) else ()
    with st.expander("All findings as a table", key="predict_table", type="compact"):
        if TASKS[task].names_pixels:
            table = pd.DataFrame(rows)[["file", "classes", *compared]]
        elif TASKS[task].names_pictures:
            table = pd.DataFrame(rows)[["file", "classes", "confidence", *compared]]
        else:
            table = pd.DataFrame(objects, columns=[name for name in OBJECT_FIELDS if name not in ("page", "class_id")])
        st.dataframe(
            table,
            hide_index=True,
            column_config={"confidence": st.column_config.NumberColumn("confidence", format="%.3f")},
        )
    with st.container(horizontal=True):
        st.download_button(
            "Table of the pictures (CSV)",
            as_csv(rows, PICTURE_FIELDS + compared),
            "pictures.csv",
            "text/csv",
            key="predict_csv_pictures",
            icon=":material/download:",
        )
        if TASKS[task].finds_objects:
            st.download_button(
                "Table of the findings (CSV)",
                as_csv(objects, OBJECT_FIELDS),
                "objects.csv",
                "text/csv",
                key="predict_csv_objects",
                icon=":material/download:",
            )


def as_csv(rows: Sequence[Mapping[str, Any]], fields: tuple[str, ...]) -> str:
    """Return rows as a CSV text with a header."""
    text = io.StringIO()
    table = PlainWriter(text, fields)
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()
