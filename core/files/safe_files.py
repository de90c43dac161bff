"""Files that survive a full disk and a kill: checkpoints replaced whole, and room kept for the last words."""

from __future__ import annotations

import os
from pathlib import Path

RESERVE_BYTES = 256 * 1024
"""Kept on the disk so that on a full one a worker can still say why it ends, and the store can note it."""


class WholeFile(type(Path())):  # type: ignore[misc]
    """A path whose `write_bytes` replaces the file by a whole new one, or leaves the old one as it was.

    Ultralytics writes best.pt in place (`BaseTrainer.save_model`, 8.4.190): a disk that fills up meanwhile, or a kill,
    would take the best model so far with it.
    """

    def write_bytes(self, data: bytes) -> int:
        """Write beside the file, then put it in the file's place."""
        part = Path(f"{self}.part")
        try:
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, self)
        except OSError:
            part.unlink(missing_ok=True)
            raise
        return len(data)


def keep_reserve(folder: Path) -> Path:
    """Occupy a little disk space in `folder`; `release_reserve` gives it back. Raises OSError when there is none."""
    reserve = folder / ".reserve"
    if not reserve.exists():
        with reserve.open("wb") as file:
            file.write(b"\0" * RESERVE_BYTES)
            file.flush()
            os.fsync(file.fileno())
    return reserve


def release_reserve(folder: Path) -> bool:
    """Give back the reserved space and that of a run's half-written checkpoints; return whether there was a reserve."""
    reserve = folder / ".reserve"
    held = reserve.exists()
    reserve.unlink(missing_ok=True)
    for part in (folder / "train" / "weights").glob("*.part"):
        part.unlink(missing_ok=True)
    return held
