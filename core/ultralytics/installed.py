"""What the files of the installed Ultralytics say, read as text: nothing of it is imported, so a page may ask too."""

from __future__ import annotations

import ast
import importlib.util
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


def checked_arguments() -> dict[str, frozenset[str]]:
    """Return the arguments whose values Ultralytics checks, by kind: `float`, `fraction` (0 to 1), `int`, `bool`."""
    source = ast.parse((ultralytics_folder() / "cfg" / "__init__.py").read_text(encoding="utf-8"))
    kinds = {kind: f"CFG_{kind.upper()}_KEYS" for kind in ("float", "fraction", "int", "bool")}
    return {
        kind: frozenset(ast.literal_eval(node.value.args[0]))
        for kind, name in kinds.items()
        for node in source.body
        if isinstance(node, ast.Assign) and _named(node, name) and isinstance(node.value, ast.Call)
    }


def least_values() -> dict[str, int]:
    """Return the least value of each argument that is a whole number and has one."""
    source = ast.parse((ultralytics_folder() / "cfg" / "__init__.py").read_text(encoding="utf-8"))
    tables = (node.value for node in source.body if isinstance(node, ast.Assign) and _named(node, "CFG_INT_MIN"))
    return next((ast.literal_eval(table) for table in tables), {})


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
