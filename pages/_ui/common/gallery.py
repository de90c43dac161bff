"""A gallery of pictures with their labels drawn: pages of cached thumbnails, the full view on a click."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

import streamlit as st

from core.data.dataset import Dataset
from core.data.images.thumbnails import truth_marks
from core.data.objects import LabelledImage
from core.data.palette import class_colour
from core.tasks import TASKS
from core.words import count
from pages._ui.common.formatting import plain
from pages._ui.common.frame import presenting
from pages._ui.common.pictures import Tile, show_picture
from pages._ui.common.viewer import Centre, open_viewer

PER_PAGE, SHOWN_PER_PAGE = 12, 4
"""Pictures on one page of a gallery, and in the presenter view."""


def show_gallery(
    items: Sequence[str],
    make: Callable[[str], Tile],
    *,
    key: str,
    per_page: int | None = None,
    nothing: str = "",
    large: Callable[[str], tuple[Tile, Centre]] | None = None,
) -> None:
    """Show `items` in pages of thumbnails; `make` turns one item into its tile, for the visible ones only.

    `large` makes the tile of the large view and the point to zoom on; without it that is the tile and its middle.

    >>> show_gallery(files, lambda file: dataset_tile(dataset, file), key="dataset_gallery")
    """
    if not items:
        st.caption(nothing or "No picture fits these filters.")
        return
    shown = presenting()
    per_page = per_page or (SHOWN_PER_PAGE if shown else PER_PAGE)
    pages = -(-len(items) // per_page)
    chosen = st.session_state.get(f"{key}_page", 1)
    number = min(max(1, int(chosen)), pages)
    visible = items[(number - 1) * per_page : number * per_page]
    with st.grid(2, min_column_width=300) if shown else st.grid(4, min_column_width=150, gap="small"):
        for position, item in enumerate(visible):
            tile = make(item)
            with st.container(key=f"{key}_tile_{position}", gap="xxsmall"):
                show_picture(tile, 900 if shown else 360)
                if st.button("Full view", key=f"{key}_full_{number}_{position}", type="tertiary",
                             help=f"Show {tile.path.name} large"):  # fmt: skip
                    open_viewer(items, (number - 1) * per_page + position,
                                large or (lambda chosen: (make(chosen), (0.5, 0.5))))  # fmt: skip
    if pages > 1:
        if st.session_state.get(f"{key}_page", 1) > pages:
            st.session_state[f"{key}_page"] = pages
        st.pagination(pages, key=f"{key}_page")
    st.caption(f"{count(len(items), 'picture')}" + (f", page {number} of {pages}" if pages > 1 else ""))


def class_legend(classes: Sequence[str], most: int = 24) -> None:
    """Show the classes with their colours, as everywhere in Graft."""
    dots = "".join(
        f'<span class="graft-class"><i style="background:{class_colour(number)}"></i>{escape(name)}</span>'
        for number, name in enumerate(classes[:most])
    )
    more = f'<span class="graft-class">and {len(classes) - most} more</span>' if len(classes) > most else ""
    st.html(f'<div class="graft-legend">{dots}{more}</div>')


def object_words(image: LabelledImage, classes: Sequence[str]) -> str:
    """Say what is labelled in a picture: `2 scratch, 1 pit`, or that nothing is."""
    if not image.objects:
        return "nothing labelled"
    counts: dict[str, int] = {}
    for item in image.objects:
        name = classes[item.class_id] if item.class_id < len(classes) else f"class {item.class_id}"
        counts[name] = counts.get(name, 0) + 1
    return ", ".join(f"{number} {name}" for name, number in counts.items())


def dataset_tile(dataset: Dataset, file: str, width: int, height: int) -> Tile:
    """Return the tile of a dataset's picture with its truth drawn."""
    image = dataset.labelled_image(file, width, height)
    words = object_words(image, dataset.classes)
    if TASKS[dataset.task].names_pixels:
        words = ", ".join(dataset.classes[item.class_id] for item in image.objects) or "nothing labelled"
    if TASKS[dataset.task].names_pictures:
        words = dataset.classes[image.objects[0].class_id]
    return Tile(
        dataset.image_path(file), tuple(truth_marks(image, dataset.classes)), plain(words),
        f"Picture {Path(file).name}: {words}", [f"`{file}`  {width} × {height} pixels"],
    )  # fmt: skip
