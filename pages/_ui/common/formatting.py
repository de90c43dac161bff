"""What Streamlit's Markdown asks for: badges, and names of the user's that show as they are written."""

from __future__ import annotations

from core.words import state_words

STATE_COLOURS = {
    "running": "green",
    "starting": "green",
    "stopping": "gray",
    "finished": "green",
    "failed": "red",
    "interrupted": "orange",
}


def state_badge(state: str) -> str:
    """Return a run's state as a Markdown badge: green when it goes well, red or amber when it needs someone."""
    return f":{STATE_COLOURS.get(str(state), 'gray')}-badge[{state_words(state)}]"


def plain(text: str) -> str:
    """Escape a name of the user's for use inside Markdown, so that it shows as it is written."""
    special = "\\`*_{}[]()#+-.!|<>$~:"
    return "".join("\\" + letter if letter in special else letter for letter in text)
