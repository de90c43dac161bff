"""One colour per class, the same in galleries, curves, tables and reports, safe for colour-blind eyes.

Source: Okabe and Ito, "Color Universal Design" (2008), in an order that keeps neighbours apart; its black is replaced
by grey, which shows on dark ground too.
"""

from __future__ import annotations

CLASS_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9", "#F0E442", "#8C8C8C")


def class_colour(class_id: int) -> str:
    """Return the colour of a class as `#RRGGBB`; beyond eight classes the colours come round again."""
    return CLASS_COLOURS[class_id % len(CLASS_COLOURS)]


def ink_on(colour: str) -> str:
    """Return black or white, whichever reads better on `colour` (contrast by WCAG 2.2 relative luminance)."""
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#000000" if (luminance + 0.05) / 0.05 >= 1.05 / (luminance + 0.05) else "#FFFFFF"
