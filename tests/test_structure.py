"""The walls of the house: what may import what, and which texts must agree."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CORE = sorted((ROOT / "core").rglob("*.py"))


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(ROOT)))
def test_core_never_imports_the_pages(path: Path) -> None:
    assert not imported(path) & {"streamlit", "pages"}


@pytest.mark.parametrize(
    "module", ["core.cli", "core.training.runs", "core.data.importing.importing", "core.evaluation.evaluation"]
)
def test_what_the_web_process_imports_stays_free_of_torch(module: str) -> None:
    code = f"import sys, {module}; print(sorted({{'torch', 'ultralytics'}} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_the_readme_names_every_verb() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "core", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    verbs = re.findall(r"^    (\w+) ", answer.stdout, re.MULTILINE)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(verbs) > 8
    assert [verb for verb in verbs if f"python -m core {verb}" not in readme] == []
