"""More pictures for a dataset that is being labelled: they wait until somebody has labelled them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path, PurePosixPath

from core.data.dataset import Dataset
from core.data.importing.from_upload import import_dataset
from core.data.importing.settings import ImportSettings
from core.data.writing import free_stem
from core.jobs import Report
from core.labelling.labelling import open_labelling
from core.labelling.waiting import read_waiting, save_waiting, waiting_path
from core.workspace import Workspace


def add_pictures(
    workspace: Workspace, dataset: Dataset, sources: list[Path], *, progress: Report | None = None
) -> tuple[int, int]:
    """Add the pictures of files, folders and archives; return how many are new, and how many were there already.

    They are read, windowed and divided into parts as at an import; labels that come along are not read. A picture that
    is there to the last byte is not added again. Raises InputError for what can't be read, and before labelling began.
    """
    import pandas as pd

    work = open_labelling(dataset)
    with workspace.staging("add") as stage:
        settings = ImportSettings(window=dataset.window_setting, pictures_alone=True)
        read = import_dataset(Workspace.open(stage / "read"), list(sources), settings=settings, progress=progress)
        whole = read.image_table()
        table = whole.drop_duplicates("sha256")
        fresh = table[~table["sha256"].isin(list(work.pictures))].copy()
        with work.journal.lock:
            waiting = read_waiting(dataset)
            taken = Counter(str(PurePosixPath(file).with_suffix("")).casefold() for file in waiting["file"])
            files = []
            for row in fresh.to_dict("records"):
                name = PurePosixPath(str(row["file"])).name
                scope = Counter({PurePosixPath(key).name: 1 for key in taken if key.startswith(f"{row['split']}/")})
                stem = free_stem(name, 0, scope)
                file = f"{row['split']}/{stem}{PurePosixPath(name).suffix}"
                taken[f"{row['split']}/{stem}".casefold()] += 1
                target = waiting_path(dataset, file)
                target.parent.mkdir(parents=True, exist_ok=True)
                read.image_path(str(row["file"])).rename(target)
                files.append(file)
            fresh["file"], fresh["objects"] = files, 0
            if files:
                save_waiting(dataset, pd.concat([waiting, fresh], ignore_index=True) if len(waiting) else fresh)
    return len(files), len(whole) - len(files)
