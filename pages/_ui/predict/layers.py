"""What the model already knows: one picture through early, middle and late layers, before and after training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import streamlit as st

from core.delivery.predict.entry import LayerMaps
from core.delivery.predict.intake import Prepared
from core.delivery.predict.model.chosen_model import ChosenModel
from core.delivery.predict.model.features import as_png, likeness, stack_maps, telling_channels, unpack_maps
from core.delivery.predict.model.warm import warm_predictor
from core.errors import GraftError
from core.words import count, percent
from pages._ui.common.formatting import plain

DEPTHS = {
    "early": (
        "Early: edges",
        "The first filters see strokes, rims and changes of colour. Every picture in the "
        "world is made of these, which is why they need not be learned again.",
    ),
    "middle": (
        "Middle: textures",
        "Edges joined to grain, stripes, corners and curves. Still of use for almost any "
        "picture; bent a little to yours.",
    ),
    "late": (
        "Late: parts and shapes",
        "Whole parts of things. Here the training on your pictures shows most: the "
        "filters let go of what they were taught and turn to what you labelled.",
    ),
}
"""Depth -> its title and what happens there, after Zeiler and Fergus (2014) and Yosinski et al. (2014)."""


@st.cache_data(max_entries=40, show_spinner=False)
def _layers(weights: str, changed: int, picture: str, imgsz: int | None) -> list[LayerMaps]:  # noqa: ARG001
    model = ChosenModel("features", "features", Path(weights), imgsz)
    layers: list[LayerMaps] = warm_predictor().ask("features", model, picture=picture)["layers"]
    return layers


def layers_of(model: ChosenModel, item: Prepared, imgsz: int | None) -> list[LayerMaps]:
    """Return the maps of a model's layers for a picture, kept for later looks."""
    return _layers(str(model.weights), model.weights.stat().st_mtime_ns, str(item.path), imgsz)


def alike_words(value: float | None) -> str:
    """Say how much of what a layer sees is still the same."""
    if value is None:
        return "The two can’t be compared: their layers differ in shape."
    if value >= 0.995:
        return f"Unchanged: {percent(value)} alike."
    return f"{percent(value)} alike before and after."


def show_layers(model: ChosenModel, pictures: list[Prepared], imgsz: int) -> None:
    """Show the maps of the pre-trained model beside those after training, with what each depth looks for."""
    names = {index: item.name for index, item in enumerate(pictures)}
    index = 0
    if len(names) > 1:
        index = st.selectbox(
            "Picture",
            list(names),
            format_func=names.__getitem__,
            key="predict_layers_picture",
            index=min(int(st.session_state.get("predict_picked", 0)), len(names) - 1),
        )
    key = ("predict_layers_shown", str(model.weights))
    if st.session_state.get(key[0]) != key[1]:
        if not st.button("Look inside the model", key="predict_layers_go", icon=":material/layers:"):
            return
        st.session_state[key[0]] = key[1]
    item = pictures[index or 0]
    before = None if model.base is None else replace(model, weights=model.base)
    try:
        with st.spinner("Looking inside the model …"):
            after_layers = layers_of(model, item, imgsz)
            before_layers = [] if before is None else layers_of(before, item, imgsz)
    except GraftError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    _show_rows(model, item, before_layers, after_layers)


def _show_rows(model: ChosenModel, item: Prepared, before: list[LayerMaps], after: list[LayerMaps]) -> None:
    left, right = st.columns([1, 3], vertical_alignment="center", gap="medium")
    left.image(str(item.path), width="stretch", alt=f"The picture the maps below belong to: {item.name}")
    right.markdown(
        "Each tile is what **one filter** of the model makes of this picture: bright where it finds what it looks for. "
        + (
            "First the filters as they came, taught on everyday photographs, then the same filters after "
            "training on your pictures. What is alike was reused, not learned anew: that is transfer learning."
            if before
            else "The pre-trained model it started from is not on this machine, so there is nothing to put beside it."
        )
    )
    if model.from_scratch:
        st.caption("This run started from random weights: whatever differs here it had to learn by itself.")
    shown_before = {layer["depth"]: layer for layer in before}
    for layer in after:
        title, words = DEPTHS[layer["depth"]]
        new = unpack_maps(layer)
        old = unpack_maps(shown_before[layer["depth"]]) if layer["depth"] in shown_before else None
        channels = telling_channels(new if old is None or old.shape != new.shape else old)
        st.markdown(f"### {title}")
        st.caption(words)
        sides = [("After your training", new)] if old is None else [("As it came", old), ("After your training", new)]
        columns = st.columns(2, gap="medium")
        for column, (caption, maps) in zip(columns, sides, strict=False):
            own = channels if maps is new or maps.shape == new.shape else telling_channels(maps)
            column.image(
                as_png(stack_maps(maps, own)),
                caption=caption,
                width="stretch",
                alt=f"{title}, {caption.lower()}: {len(own)} maps of layer {layer['layer']}",
            )
        share = "" if old is None else f"**{alike_words(likeness(old, new))}** "
        st.markdown(
            f"{share}:small[Layer {layer['layer']} ({layer['module']}), {count(layer['channels'], 'filter')}, "
            f"{len(channels)} shown; a dot stands for {layer['stride']} × {layer['stride']} pixels.]"
        )
    st.caption(
        "Alike: the correlation of each filter’s map before and after, strong filters counting more, on this "
        "one picture. The picture is looked at with at least 640 pixels, so that the maps are fine enough to see."
    )
