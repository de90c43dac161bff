"""What the files of the installed Ultralytics say, read as text: nothing of it is imported, so a page may ask too."""

from __future__ import annotations

import ast
import importlib.util
from functools import cache
from pathlib import Path

from core.errors import InputError


def ultralytics_folder() -> Path:
    """Return where Ultralytics is installed, without importing it. Raises InputError when it isn't."""
    spec = importlib.util.find_spec("ultralytics")
    if spec is None or spec.origin is None:
        raise InputError("Ultralytics is not installed; run `make install` or `pip install -r requirements.txt`.")
    return Path(spec.origin).parent


def default_arguments() -> str:
    """Return default.yaml: every argument with its default, its help as a comment, under headings that are comments."""
    return (ultralytics_folder() / "cfg" / "default.yaml").read_text(encoding="utf-8")


@cache
def argument_checks() -> tuple[dict[str, frozenset[str]], dict[str, int]]:
    """Return what Ultralytics checks of an argument's value: its kind, and the least a whole number may be.

    Kinds: `float`, `fraction` (0 to 1), `int`, `bool`, each with the names of its arguments.
    """
    source = ast.parse((ultralytics_folder() / "cfg" / "__init__.py").read_text(encoding="utf-8"))
    names = {f"CFG_{kind.upper()}_KEYS": kind for kind in ("float", "fraction", "int", "bool")}
    kinds: dict[str, frozenset[str]] = {}
    least: dict[str, int] = {}
    for node in source.body:
        if not isinstance(node, ast.Assign) or not isinstance(target := node.targets[0], ast.Name):
            continue
        if target.id in names and isinstance(node.value, ast.Call):
            kinds[names[target.id]] = frozenset(ast.literal_eval(node.value.args[0]))
        elif target.id == "CFG_INT_MIN":
            least = ast.literal_eval(node.value)
    return kinds, least


def model_description(folder: str, name: str) -> str:
    """Return a model's yaml (`26`, `yolo26-seg`), which tells sizes in comments; empty when there is none."""
    path = ultralytics_folder() / "cfg" / "models" / folder / f"{name}.yaml"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def dataset_descriptions() -> dict[str, str]:
    """Return the yaml of each public set by its name."""
    folder = ultralytics_folder() / "cfg" / "datasets"
    return {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.yaml")}


def export_table() -> tuple[list[list[object]], frozenset[str]]:
    """Return the rows of `export_formats()` (title, name, ending, CPU, GPU, arguments) and the names that take 16 bits.

    Raises InputError when its source no longer holds the table.
    """
    source = ast.parse((ultralytics_folder() / "engine" / "exporter.py").read_text(encoding="utf-8"))
    rows: list[list[object]] = []
    half: frozenset[str] = frozenset()
    for node in source.body:
        if isinstance(node, ast.FunctionDef) and node.name == "export_formats":
            rows = next((ast.literal_eval(item.value) for item in node.body if isinstance(item, ast.Assign)), [])
        elif isinstance(node, ast.Assign) and _named(node, "FP16_FORMATS") and isinstance(node.value, ast.Call):
            half = frozenset(ast.literal_eval(node.value.args[0]))
    if len(rows) < 2:
        raise InputError("The installed Ultralytics has no table of export formats where Graft looks for it.")
    return rows, half


def _named(node: ast.Assign, name: str) -> bool:
    return any(isinstance(target, ast.Name) and target.id == name for target in node.targets)
