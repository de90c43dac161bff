"""Tables that are replaced whole: after a crash or on a full disk there is the old one or the new one, never half."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def write_parquet(table: pd.DataFrame, path: Path, **options: Any) -> None:
    """Write a table as Parquet in the place of `path`; `options` go to pandas. Raises OSError when there is no room."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        table.to_parquet(part, index=False, **options)
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
