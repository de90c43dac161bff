"""How much memory decoded pictures may take: one budget for all that opens pictures, whatever the number of cores.

A picture's pixels, channels and depth are known from its header. Before it is decoded its bytes are taken from the
budget, and another waits until there is room; a picture that is over it alone is refused with its size.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from core.data.images.page import TooLarge
from core.words import megabytes

MOST_BYTES = 1_500_000_000
SHARE_OF_FREE = 0.25

BYTES_PER_PIXEL = {"1": 2, "L": 2, "P": 8, "I;16": 3, "I;16B": 3, "I;16L": 3, "I": 5, "F": 5, "RGB": 5}
"""At the peak, with what is made of it: an 8-bit page in strips. Other modes have up to four channels and a copy."""
OTHER_MODES = 9


class OverBudget(TooLarge):
    """A picture alone needs more memory than pictures may take; its text says how much and what to do."""

    def __init__(self, width: int, height: int, needed: int, allowed: int) -> None:
        super().__init__(width, height, width * height)
        self.bomb = False
        self.args = (
            f"{self.args[0]} need {megabytes(needed)} of memory, and pictures may take {megabytes(allowed)} here: make "
            "it smaller, cut it into parts, or free memory",
        )


class Budget:
    """Bytes that decoded pictures may take together; threads wait for room, a thread never for itself."""

    def __init__(self, total: int | None = None) -> None:
        """Allow `total` bytes; by default a quarter of what is free when nothing is taken, MOST_BYTES at most."""
        self._fixed = total
        self._free = threading.Condition()
        self._taken = 0
        self._allowed = 0
        self._own = threading.local()

    def allowed(self) -> int:
        """Return how many bytes may be taken in all, looked up anew whenever nothing is taken."""
        if self._fixed is not None:
            return self._fixed
        if not self._taken or not self._allowed:
            self._allowed = min(MOST_BYTES, int(SHARE_OF_FREE * psutil.virtual_memory().available))
        return self._allowed

    @contextmanager
    def room(self, width: int, height: int, bytes_per_pixel: float) -> Iterator[None]:
        """Hold what a picture of this size takes until the block is left. Raises OverBudget."""
        needed = int(width * height * bytes_per_pixel)
        with self._free:
            if needed > self.allowed():
                raise OverBudget(width, height, needed, self.allowed())
            mine = getattr(self._own, "taken", 0)
            while not mine and self._taken and self._taken + needed > self.allowed():
                self._free.wait()
            self._taken += needed
        self._own.taken = mine + needed
        try:
            yield
        finally:
            with self._free:
                self._taken -= needed
                self._free.notify_all()
            self._own.taken = getattr(self._own, "taken", needed) - needed


PICTURES = Budget()
"""The one budget of this process."""


def bytes_per_pixel(mode: str) -> int:
    """Return what a pixel of a Pillow mode takes while a page of it is decoded."""
    return BYTES_PER_PIXEL.get(mode, OTHER_MODES)
