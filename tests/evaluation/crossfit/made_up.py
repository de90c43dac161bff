"""Findings drawn by lot, whose truth is known."""

from __future__ import annotations

import numpy as np

from core.evaluation.crossfit.counts import Findings


def coin_epochs(random: np.random.Generator, epochs: int, pictures: int, right: float) -> list[Findings]:
    """A classifier's epochs that are all equally good, one answer per picture."""
    one, place = np.ones(pictures), np.arange(pictures)
    return [Findings(one, random.random(pictures) < right, place, one) for _ in range(epochs)]


def noisy_findings(random: np.random.Generator, pictures: int, overlap: bool) -> Findings:
    """Two right and one wrong finding per picture; with `overlap` their confidences mix."""
    hit = np.tile([True, True, False], pictures)
    spread = 0.5 if overlap else 0.1
    confidence = np.clip(np.where(hit, 0.8, 0.8 - 1.2 * spread) + random.normal(0, spread / 2, len(hit)), 0.02, 1)
    return Findings(confidence, hit, np.repeat(np.arange(pictures), 3), np.full(pictures, 2.0))
