"""The starter checkpoint that ships with Graft: where it is, and in which words to speak of it."""

from __future__ import annotations

from pathlib import Path

CHECKPOINT = Path(__file__).with_name("starter.pt")
RECORD = "starter.json"
"""The record of how the checkpoint was made, beside it."""
STARTER_WORDS = "starter, synthetic pictures; the official COCO weights are better"
"""Shown wherever the starter is used."""
