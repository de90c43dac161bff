"""The table of faults is long enough, and each of its lines names a test there is."""

from __future__ import annotations

import ast
from collections import Counter
from functools import cache
from pathlib import Path

from tests.faults.table import FAULTS

ROOT = Path(__file__).resolve().parents[2]
KINDS = {
    "disk",
    "read only",
    "permission",
    "damage",
    "SIGKILL",
    "SIGSTOP",
    "two servers",
    "clock",
    "memory",
    "network drive",
    "login",
}


@cache
def named_in(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_line_names_a_test_there_is() -> None:
    for fault in FAULTS:
        file, _, test = fault.test.partition("::")
        assert test.partition("[")[0] in named_in(file), fault


def test_there_are_forty_of_every_kind_there_is() -> None:
    assert len(FAULTS) >= 40
    assert Counter(fault.kind for fault in FAULTS).keys() == KINDS
    assert len({fault.test for fault in FAULTS}) == len(FAULTS), "each line is tried by a test of its own"
