"""More pictures for a dataset that is being labelled: they wait until somebody has labelled them.

Reading them may take minutes, so a page starts a job (core.jobs) in staging; uploads lie in its folder and go with it.
"""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from core.data.dataset import Dataset, load_dataset
from core.data.importing.from_upload import import_dataset
from core.data.importing.settings import ImportSettings
from core.data.importing.video_frames import frame_time
from core.data.writing import free_stem
from core.jobs import Report, run_job, start_job
from core.labelling.labelling import Labelling, open_labelling
from core.labelling.lock import as_it_is_now, labelling_lock
from core.labelling.waiting import read_waiting, save_waiting, waiting_path
from core.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd


def add_pictures(
    workspace: Workspace,
    dataset: Dataset,
    sources: list[Path],
    *,
    settings: ImportSettings | None = None,
    progress: Report | None = None,
) -> tuple[int, int]:
    """Add the pictures of files, folders, archives and videos; return how many are new, and how many were there before.

    They are read, windowed and divided into parts as at an import; labels that come along are not read. A picture that
    is there to the last byte is not added again; a frame of a video of which some are there goes to the part of the
    nearest. Raises InputError for what can't be read, and before labelling began.
    """
    import pandas as pd

    open_labelling(dataset)
    settings = (settings or ImportSettings()).model_copy(
        update={"window": dataset.window_setting, "pictures_alone": True}
    )
    with workspace.staging("add") as stage:
        read = import_dataset(Workspace.open(stage / "read"), list(sources), settings=settings, progress=progress)
        whole = read.image_table()
        table = whole.drop_duplicates("sha256")
        with labelling_lock(dataset):
            dataset = as_it_is_now(dataset)
            work = open_labelling(dataset)
            fresh = table[~table["sha256"].isin(list(work.pictures))].copy()
            fresh["split"] = _parts(fresh, work)
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


def _parts(fresh: pd.DataFrame, work: Labelling) -> list[str]:
    """Return the part of each new picture: its own, or that of the nearest frame of its video that is there."""
    there: dict[str, list[tuple[float, str]]] = {}
    for picture in work.pictures.values():
        if (known := frame_time(picture.source)) is not None:
            there.setdefault(known[0], []).append((known[1], picture.split))
    parts = []
    for source, part in zip(fresh["source"].astype(str), fresh["split"].astype(str), strict=True):
        known = frame_time(source)
        near = there.get(known[0], []) if known else []
        parts.append(min(near, key=lambda item: abs(item[0] - known[1]))[1] if known and near else part)
    return parts


def new_adding(workspace: Workspace) -> Path:
    """Make the folder of a job that adds pictures; put uploads into its `upload/`."""
    folder = workspace.lasting_staging("add")
    (folder / "upload").mkdir()
    return folder


def start_adding(
    workspace: Workspace, folder: Path, dataset: Dataset, sources: list[Path], settings: ImportSettings | None = None
) -> None:
    """Start the child that adds pictures, in a folder of `new_adding`; its result has `new` and `known`."""
    job = {
        "workspace": str(workspace.root),
        "dataset": dataset.id,
        "sources": [str(path) for path in sources],
        "settings": (settings or ImportSettings()).model_dump(mode="json"),
    }
    # not in a session of its own: the next server sweeps the uploads, so the work ends with the terminal of this one
    start_job(folder, "core.labelling.adding", job, own_session=False)


def adding_job(job: dict[str, Any], report: Report) -> dict[str, Any]:
    """Child: add the pictures."""
    workspace = Workspace.open(job["workspace"])
    new, known = add_pictures(
        workspace,
        load_dataset(workspace, job["dataset"]),
        [Path(path) for path in job["sources"]],
        settings=ImportSettings.model_validate(job["settings"]),
        progress=report,
    )
    return {"new": new, "known": known}


def main(folder: Path) -> int:
    """Child: add the pictures, and free the space of the uploads: nobody may come back for the result."""
    code = run_job(folder, adding_job)
    shutil.rmtree(folder / "upload", ignore_errors=True)
    return code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
