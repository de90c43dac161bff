"""Pictures of a dataset that are not to be learned from yet: they lie apart, so that no training comes upon them.

Ultralytics learns a picture without a label file as one with nothing in it; a picture that nobody has looked at yet
would teach a model to miss what is in it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from core.data.dataset import IMAGE_COLUMNS, Dataset
from core.files.whole_files import write_parquet

if TYPE_CHECKING:
    import pandas as pd

TABLE = "waiting.parquet"


def waiting_path(dataset: Dataset, file: str) -> Path:
    """Return the path of a waiting picture, named as in the table of those that wait."""
    return dataset.root / "waiting" / file


def read_waiting(dataset: Dataset) -> pd.DataFrame:
    """Return one row per waiting picture with the columns of IMAGE_COLUMNS; `split` is the part it will go to."""
    import pandas as pd

    try:
        return pd.read_parquet(dataset.root / TABLE)
    except FileNotFoundError:
        return pd.DataFrame(columns=list(IMAGE_COLUMNS))


def save_waiting(dataset: Dataset, table: pd.DataFrame) -> None:
    """Replace the table of waiting pictures atomically; none where nothing waits."""
    path = dataset.root / TABLE
    if not len(table):
        path.unlink(missing_ok=True)
        return
    write_parquet(table.sort_values("file", kind="stable"), path)
