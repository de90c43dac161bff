"""Find pictures that are copies of one another: exact, mirrored, turned, recompressed or cropped a little."""

from __future__ import annotations

from collections.abc import Sequence

from core.data.preparing import Ready


def together(ready: Sequence[Ready], groups: Sequence[str]) -> list[str]:
    """Return group keys in which exact copies share one key, joined with the groups that are given."""
    parent: dict[str, str] = {}

    def find(key: str) -> str:
        while parent.setdefault(key, key) != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    for item, group in zip(ready, groups, strict=True):
        if group:
            parent[find(f"s:{item.sha256}")] = find(f"g:{group}")
    return [find(f"s:{item.sha256}") for item in ready]
