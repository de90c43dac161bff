"""Widgets made from pydantic fields: label, help, default and bounds live in the model alone."""

from __future__ import annotations

from enum import Enum
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import streamlit as st
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from core.strategies import STRATEGIES, Strategy


def bounds(field: FieldInfo) -> tuple[Any, Any]:
    """Return a field's lowest and highest value (`ge`/`gt`, `le`/`lt`), None where there is none."""
    low = high = None
    for rule in field.metadata:
        low = getattr(rule, "ge", getattr(rule, "gt", low))
        high = getattr(rule, "le", getattr(rule, "lt", high))
    return low, high


def default_of(field: FieldInfo) -> Any:
    """Return a field's default, None when it has none."""
    if field.default_factory is not None:
        return field.default_factory()  # type: ignore[call-arg]
    return None if field.default is PydanticUndefined else field.default


def choices(annotation: Any) -> list[Any] | None:
    """Return the values of an enum or Literal type, all strategies for theirs, None for any other type."""
    if annotation is Strategy:
        return list(STRATEGIES)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return list(annotation)
    return list(get_args(annotation)) if get_origin(annotation) is Literal else None


def field_widget(
    model: type[BaseModel], name: str, *, key: str, value: Any = None, planned: Any = None, help_more: str = ""
) -> Any:
    """Show the widget for one field and return its value; it keeps what the user set for the whole session.

    `value` replaces the field's default at the first showing. With `planned` a number field begins empty, shows that
    value in grey and returns None until something is typed. Raises TypeError for a type no widget exists for.
    """
    field = model.model_fields[name]
    label = field.title or name.replace("_", " ").capitalize()
    note = " ".join(part for part in (field.description or "", help_more) if part) or None
    start = default_of(field) if value is None else value
    kind, optional = _without_none(field.annotation)
    fresh = key not in st.session_state
    common: dict[str, Any] = {"key": key, "help": note, "persist_state": "session"}
    options = choices(kind)
    if options is not None:
        words = [*([None] if optional else []), *options]
        index: dict[str, Any] = {"index": words.index(start) if start in words else 0} if fresh else {}
        return st.selectbox(label, words, format_func=_words, **index, **common)
    if kind is bool:
        ticked: dict[str, Any] = {"value": bool(start)} if fresh else {}
        return st.checkbox(label, **ticked, **common)
    if kind in (int, float):
        low, high = bounds(field)
        first: dict[str, Any] = {"value": None if start is None else kind(start)} if fresh else {}
        limits: dict[str, Any] = {
            "min_value": None if low is None else kind(low),
            "max_value": None if high is None else kind(high),
            "step": 1 if kind is int else 0.01,
            "format": "%d" if kind is int else "%g",  # 20 and 0.01, not 20.00
        }
        if planned is not None:
            return st.number_input(label, **limits, value=None, placeholder=f"{planned} (planned)", **common)
        return st.number_input(label, **limits, **({"value": None} if optional else {}) | first, **common)
    if kind is str:
        hint = f"such as {field.examples[0]}" if field.examples else None
        written: dict[str, Any] = {"value": start or ""} if fresh else {}
        typed = st.text_input(label, placeholder=hint, **written, **common)
        return typed or (None if optional else "")
    raise TypeError(f"{model.__name__}.{name}: no widget for {field.annotation}")


def problems(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """Return a pydantic refusal as sentences that name the setting by its label."""
    sentences = []
    for item in error.errors():
        name = str(item["loc"][0]) if item["loc"] else ""
        field = model.model_fields.get(name)
        title = (field.title if field else None) or name
        sentences.append(f"{title}: {item['msg'].removeprefix('Value error, ')}.")
    return sentences


def _without_none(annotation: Any) -> tuple[Any, bool]:
    if get_origin(annotation) in (Union, UnionType):
        kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
        return kinds[0], len(kinds) < len(get_args(annotation))
    return annotation, False


def _words(value: Any) -> str:
    if value is None:
        return "automatic"
    return str(value.value if isinstance(value, Enum) else value).replace("_", " ")
