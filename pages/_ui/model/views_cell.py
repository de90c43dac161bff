"""What augmentation will do to the user's own pictures, in a fold of the Model page, drawn when it is opened."""

from __future__ import annotations

import streamlit as st

from core.data.dataset import Dataset
from core.errors import GraftError
from core.jobs import Progress
from core.spec import TrainingSpec
from core.training.views import Seen, training_views, views_key
from core.workspace import Workspace
from pages._ui.common.cells import python_fold
from pages._ui.common.formatting import plain
from pages._ui.common.gallery import dataset_tile
from pages._ui.common.pictures import show_picture

MOST_KEPT = 6
"""Settings whose pictures a session keeps."""
PICTURES, DRAWS = 4, 3


def views_fold(workspace: Workspace, dataset: Dataset, spec: TrainingSpec) -> None:
    """Show a handful of training pictures as they are and as the training will see them."""
    fold = st.expander("What the training will see of your pictures", key="fold_views", on_change="rerun")
    with fold:
        if not fold.open:
            return
        kept: dict[str, list[Seen]] = st.session_state.setdefault("model_views", {})
        key = views_key(dataset, spec)
        if key not in kept:
            try:
                kept[key] = _drawn(workspace, dataset, spec)
            except GraftError as error:
                st.error(plain(str(error)))
                return
            for old in list(kept)[:-MOST_KEPT]:
                del kept[old]
        st.markdown(_words(spec))
        table = dataset.image_table().set_index("file")
        for item in kept[key]:
            with st.grid(1 + DRAWS, min_column_width=130, gap="small"):
                if item.file in table.index:
                    width, height = (int(table[side][item.file]) for side in ("width", "height"))
                    show_picture(dataset_tile(dataset, item.file, width, height))
                for number, view in enumerate(item.views):
                    st.image(view, alt=f"{item.file} as the training sees it, draw {number + 1}", width="stretch")
        python_fold(views_code(spec), key="views")


def _drawn(workspace: Workspace, dataset: Dataset, spec: TrainingSpec) -> list[Seen]:
    bar = st.progress(0.0, text="Getting ready")

    def told(progress: Progress) -> None:
        bar.progress(progress.done / max(progress.total, 1), text=progress.stage)

    try:
        return training_views(workspace, dataset, spec, pictures=PICTURES, draws=DRAWS, progress=told)
    finally:
        bar.empty()


def _words(spec: TrainingSpec) -> str:
    """Say what is seen, and when it is not so."""
    last = int(str(spec.extra.get("close_mosaic") or 0))
    collages = float(str(spec.extra.get("mosaic") or 0)) > 0 and last
    whole = f" In the last {last} epochs pictures are shown whole, without collages." if collages else ""
    return (
        f"On the left the picture as it is, then {DRAWS} ways in which the network may get to see it. Every epoch "
        f"draws anew.{whole} What must not happen to your pictures, such as mirroring where left and right matter, is "
        "set under “Every setting, with its reason”."
    )


def views_code(spec: TrainingSpec) -> str:
    """Return the Python that draws them."""
    return f"""
from core.data.dataset import load_dataset
from core.spec import TrainingSpec
from core.training.views import training_views
from core.workspace import Workspace

workspace = Workspace.current()
dataset = load_dataset(workspace, {spec.dataset!r})
spec = TrainingSpec(dataset=dataset.id, task={spec.task!r}, model={spec.model!r}, imgsz={spec.imgsz},
                    extra={spec.extra!r})
for seen in training_views(workspace, dataset, spec):
    print(seen.file, len(seen.views))
"""
