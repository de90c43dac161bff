"""Which of backbone, neck and head is reused, frozen or new: a drawing, with tensors and parameters counted."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from core.models.networks import PARTS, Part
from core.strategies import Strategy
from core.words import millions

EARTH, LEAF = "#8A6A48", "#3F9A63"
"""Reused, and learning: the colours of the drawing on the first page."""
WORDS = {"backbone": "Backbone (sees)", "neck": "Neck (combines)", "head": "Head (decides)"}
BARS = {"backbone": (86, 72, 60, 48, 38), "neck": (48, 58, 48), "head": (58, 58)}
LEFT = {"backbone": 8, "neck": 152, "head": 278}
BAR, GAP = 20, 6


@dataclass(frozen=True)
class PartState:
    """What happens to one part of the network."""

    words: str
    reused: bool
    frozen_share: float
    """share of its layers that stay as they are, 0 to 1"""


def part_states(parts: dict[str, Part], strategy: Strategy, frozen_layers: int | None = None) -> dict[str, PartState]:
    """Return what a strategy does to each part; `frozen_layers`: how many first layers are frozen where some are."""
    if not strategy.reuses:
        return {part: PartState("new: random numbers", False, 0.0) for part in PARTS}
    backbone, neck = parts["backbone"].layers, parts["neck"].layers
    frozen = 0
    if strategy.freezes:
        frozen = frozen_layers or backbone
    shares = {
        "backbone": min(1.0, frozen / max(1, backbone)),
        "neck": min(1.0, max(0, frozen - backbone) / max(1, neck)),
    }
    later = strategy.staged
    states = {}
    for part in ("backbone", "neck"):
        share = shares[part]
        if share == 1.0:
            words = "first frozen, then learns" if later else "reused, frozen"
        elif share > 0:
            words = f"{frozen} of {backbone} layers frozen" if part == "backbone" else "partly frozen"
        elif part == "backbone" and strategy.backbone_rate < 1:
            words = "reused, learns slowly"
        else:
            words = "reused, learns"
        states[part] = PartState(words, True, share)
    new = parts["head"].new_tensors
    states["head"] = PartState(f"{new} tensors new, learns" if new else "reused, learns", True, 0.0)
    return states


def network_svg(parts: dict[str, Part], states: dict[str, PartState], ink: str) -> str:
    """Return the drawing as SVG of 400 by 176, text in the colour `ink`."""
    shapes = []
    for part in PARTS:
        if not parts[part].layers:
            continue
        state, heights = states[part], BARS[part]
        frozen = round(state.frozen_share * len(heights))
        for number, height in enumerate(heights):
            x, y = LEFT[part] + number * (BAR + GAP), 52 - height / 2
            new_bar = not state.reused or (
                part == "head" and number == len(heights) - 1 and parts[part].new_tensors > 0
            )
            fill, opacity = (LEAF, 0.75) if new_bar else (EARTH, 0.6 if number < frozen else 0.22)
            edge = EARTH if number < frozen else LEAF
            shapes.append(
                f'<rect x="{x}" y="{y:.0f}" width="{BAR}" height="{height}" rx="3" fill="{fill}" '
                f'fill-opacity="{opacity}" '
                f'stroke="{edge}" stroke-width="{1.2 if number < frozen else 2.2}"/>'
            )
            if number < frozen:
                shapes.append(_lock(x + BAR / 2, 52))
        shapes.append(_words(part, parts[part], state))
    arrows = "".join(
        f'<path d="M{x} 52h10m-4 -3l4 3l-4 3" fill="none" stroke="{ink}" stroke-opacity="0.6" stroke-width="1.5"/>'
        for x, part in ((138, "neck"), (248, "head"))
        if parts[part].layers
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 176" font-family="sans-serif" fill="{ink}">'
        f"{arrows}{''.join(shapes)}</svg>"
    )


def network_words(parts: dict[str, Part], states: dict[str, PartState]) -> str:
    """Say in a sentence what the drawing shows."""
    return "; ".join(
        f"{WORDS[part]}: {states[part].words}, {parts[part].tensors} tensors, "
        f"{millions(parts[part].parameters)} parameters"
        for part in PARTS
        if parts[part].layers
    )


def _words(part: str, figures: Part, state: PartState) -> str:
    lines = [
        (118, 12.5, 600, 1, WORDS[part]),
        (134, 11, 400, 0.8, state.words),
        (150, 11, 400, 0.8, f"{figures.tensors} tensors"),
        (165, 11, 400, 0.8, f"{millions(figures.parameters)} parameters"),
    ]
    return "".join(
        f'<text x="{LEFT[part]}" y="{y}" font-size="{size}" font-weight="{weight}" '
        f'fill-opacity="{strength}">{escape(text)}</text>'
        for y, size, weight, strength, text in lines
    )


def _lock(x: float, y: float) -> str:
    return (
        f'<rect x="{x - 4:.0f}" y="{y - 1:.0f}" width="8" height="6.500" rx="1" fill="#fff"/>'
        f'<path d="M{x - 2.5:.1f} {y - 1:.0f}v-2.500a2.500 2.500 0 0 1 5 0v2.500" fill="none" stroke="#fff" '
        'stroke-width="1.400"/>'
    )
