"""A second person labels the same pictures without seeing what the first one drew.

Their labels are a dataset of their own, so that neither sees the other's; how far the two agree, and where they differ,
is worked out where a run is judged (`evaluate RUN --second DATASET`).
"""

from __future__ import annotations

from core.data.dataset import Dataset
from core.data.importing.from_upload import import_dataset
from core.data.importing.settings import ImportSettings
from core.labelling.labelling import open_labelling
from core.labelling.settings import add_class, begin
from core.workspace import Workspace


def for_second_reader(workspace: Workspace, dataset: Dataset, name: str = "") -> Dataset:
    """Return a new dataset with all pictures of one that is being labelled, in the same parts, without any label.

    Task, classes and key points are the same. Raises InputError before labelling began.
    """
    work = open_labelling(dataset)
    with workspace.staging("reader") as stage:
        for number, picture in enumerate(work.pictures.values()):
            path = work.path(picture)
            place = stage / "pictures" / picture.split / f"{number:06d}_{path.name}"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.hardlink_to(path)
        title = name or f"{dataset.name}, second reader"
        other = import_dataset(workspace, stage / "pictures", name=title, settings=ImportSettings(pictures_alone=True))
    begin(other, work.settings.task, work.settings.keypoints)
    for class_name in work.settings.classes:
        add_class(other, class_name)
    return other
