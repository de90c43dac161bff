"""Files that are replaced whole: after a crash or on a full disk there is the old one or the new one, never half."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


@contextmanager
def replaced_whole(path: Path) -> Iterator[Path]:
    """Give the path to write to; what is there at the end takes the place of `path`. Raises OSError for no room."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_parquet(table: pd.DataFrame, path: Path, **options: Any) -> None:
    """Write a table as Parquet in the place of `path`; `options` go to pandas. Raises OSError when there is no room."""
    with replaced_whole(path) as part:
        table.to_parquet(part, index=False, **options)
