"""The walls of the house: what may import what, and which texts must agree."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted(path for top in ("core", "pages") for path in (ROOT / top).rglob("*.py"))
STAND_ALONE = ROOT / "core" / "delivery" / "bundle" / "files"
"""Scripts that go out with a bundle: nothing of the house is in them."""

FLOORS = (
    "core",  # the ground: errors, digests, processes, isolation, workspace, jobs, tasks, spec ...
    "core.ultralytics",
    "core.data.image_table",
    "core.data.objects",
    "core.data.dataset",
    "core.data",
    "core.data.findings",
    "core.data.images",
    "core.data.leakage",
    "core.data.copies",
    "core.data.reading",
    "core.data.formats",
    "core.data.writing",
    "core.data.checks",
    "core.data.importing",
    "core.data.editing",
    "core.labelling",
    "core.models",
    "core.evaluation.predict",
    "core.evaluation.figures",
    "core.evaluation",
    "core.planning",
    "core.training",
    "core.delivery",
    "core.lab",
    "core.road",
    "core.demo",
    "core.storage",
    "core.serving",
    "core.verbs",
    "core.cli",
    "core.__main__",
    "core.console",
    "pages",
)
"""From the ground up. A module belongs to the floor with the longest name that it begins with, and imports from its own
floor and from those below it. Evaluation lies under training: it knows pictures, labels and what a model says of them,
not how the model came about, and the worker uses it after the last epoch."""


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported(path: Path, known: set[str]) -> set[str]:
    """Every module of the house that a file imports: at the top, lazily, or for its types only."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= {name if name in known else node.module for name in whole}
    return names


def house() -> dict[str, set[str]]:
    """Return {module: modules it imports}, those of the house only."""
    files = {module_name(path): path for path in FILES if STAND_ALONE not in path.parents}
    known = set(files)
    return {name: (imported(path, known) & known) - {name} for name, path in files.items()}


def floor_of(module: str) -> int:
    fitting = [floor for floor in FLOORS if module == floor or module.startswith(f"{floor}.")]
    return FLOORS.index(max(fitting, key=len))


def arrows_up(graph: dict[str, set[str]]) -> list[str]:
    return sorted(
        f"{name} -> {other}" for name, others in graph.items() for other in others if floor_of(name) < floor_of(other)
    )


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the sets of modules that reach one another."""

    def reached(start: str) -> set[str]:
        found: set[str] = set()
        waiting = list(graph[start])
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += graph[name]
        return found

    reach = {name: reached(name) for name in graph}
    tied = {frozenset(other for other in reach[name] if name in reach[other]) for name in graph if name in reach[name]}
    return sorted(sorted(members) for members in tied)


def test_no_arrow_points_up() -> None:
    assert arrows_up(house()) == []


def test_no_circle_ties_modules_lazy_and_type_only_imports_included() -> None:
    assert circles(house()) == []


def test_a_planted_arrow_and_a_planted_circle_are_named() -> None:
    graph = house()
    graph["core.data.splits"].add("core.lab.jobs")
    assert arrows_up(graph) == ["core.data.splits -> core.lab.jobs"]
    graph = house()
    graph["core.evaluation.predict.matching"].add("core.evaluation.predict.prediction_arrays")
    graph["core.evaluation.predict.prediction_arrays"].add("core.evaluation.predict.matching")
    assert circles(graph) == [["core.evaluation.predict.matching", "core.evaluation.predict.prediction_arrays"]]


def test_every_floor_is_there() -> None:
    assert {FLOORS[floor_of(name)] for name in house()} == set(FLOORS)


@pytest.mark.parametrize("path", [path for path in FILES if path.is_relative_to(ROOT / "core")], ids=module_name)
def test_core_never_imports_streamlit(path: Path) -> None:
    assert not {name.split(".")[0] for name in imported(path, set())} & {"streamlit", "pages"}


@pytest.mark.parametrize(
    "module", ["core.cli", "core.training.runs", "core.data.importing.from_upload", "core.evaluation.evaluation"]
)
def test_what_the_web_process_imports_stays_free_of_torch(module: str) -> None:
    code = f"import sys, {module}; print(sorted({{'torch', 'ultralytics'}} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_the_readme_names_every_verb() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "core", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    verbs = re.findall(r"^    ([\w-]+) ", answer.stdout, re.MULTILINE)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(verbs) > 8
    assert [verb for verb in verbs if f"python -m core {verb}" not in readme] == []


def prose(path: Path) -> Iterator[str]:
    """Every comment, docstring and text under an attribute of a file."""
    source = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


def not_there(text: str) -> list[str]:
    """Return the paths and modules of the house that a text names and that do not exist."""
    missing = [name for name in re.findall(r"\b(?:core|pages)/[\w/.]+\.py\b", text) if not (ROOT / name).is_file()]
    for name in re.findall(r"(?<![\w/.])core(?:\.\w+)+", text):
        parts = name.split(".")
        known = [count for count in range(1, len(parts) + 1) if source_of(parts[:count]).is_file()]
        rest = parts[max(known) :]
        if rest and not re.search(rf"\b{rest[0]}\b", source_of(parts[: max(known)]).read_text(encoding="utf-8")):
            missing.append(name)
    return missing


def source_of(parts: list[str]) -> Path:
    place = ROOT.joinpath(*parts)
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


def test_comments_name_files_and_modules_that_exist() -> None:
    missing = [
        f"{path.relative_to(ROOT)}: {name}" for path in FILES for text in prose(path) for name in not_there(text)
    ]
    assert not missing, "\n".join(missing)
    planted = "see core.data.nowhere, core/data/nowhere.py and pages/nowhere.py, not core.workspace.write_json_atomic"
    assert not_there(planted) == ["core/data/nowhere.py", "pages/nowhere.py", "core.data.nowhere"]
