"""Python's search for cycles of dead objects, held back where millions of living ones are made."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

RARELY = (50_000, 50, 1_000)
"""Thresholds as `gc.set_threshold` takes them: the young are still looked through, all objects hardly ever."""


@contextmanager
def rare_collections() -> Iterator[None]:
    """Look through all objects for dead cycles hardly ever within the block.

    A label file of a million objects is looked through again and again as it is read, which takes longer than reading
    it; labels have no cycles.
    """
    usual = gc.get_threshold()
    gc.set_threshold(*RARELY)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
