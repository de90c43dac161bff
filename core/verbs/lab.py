"""`plan`, `race`, `curve` and `tune`: settings with their reasons, and experiments that measure."""

from __future__ import annotations

from core.verbs.shared import Add


def register(add: Add) -> None:
    """Add the verbs of the transfer lab."""
