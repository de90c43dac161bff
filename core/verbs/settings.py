"""`settings` and `storage`: what holds for the whole workspace, and what takes its room."""

from __future__ import annotations

import argparse
from typing import Any

from core.errors import InputError
from core.settings import ENDS, Settings, load_settings, save_settings
from core.verbs.verb import Add, settings_from
from core.workspace import Workspace

ASKED = [name for name in Settings.model_fields if name != "machine"]
"""Settings that are options."""


def register(add: Add) -> None:
    """Add the verbs of the settings."""
    verb = add("settings", _settings, "Show the settings of the workspace, or change those that are given.")
    for name in ASKED:
        field = Settings.model_fields[name]
        flag, text = f"--{name.replace('_', '-')}", f"{field.title}. {field.description}".replace("%", "%%")
        if field.annotation is bool:
            verb.add_argument(flag, action=argparse.BooleanOptionalAction, default=None, help=text)
        else:
            verb.add_argument(flag, metavar="VALUE", default=None, help=f"{text} Empty (''): back to the default.")

    verb = add("storage", _storage, "Say what takes how much room; clean up with --clean.")
    verb.add_argument("--clean", metavar="WHAT", help="what to remove, by the name in the list")


def _settings(parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    given = {name: getattr(parsed, name) for name in ASKED if getattr(parsed, name) is not None}
    settings = load_settings(workspace)
    if given:
        values = settings.model_dump(exclude_defaults=True, exclude={*given, "machine"})
        wanted = settings_from(Settings, values | {name: value for name, value in given.items() if value != ""})
        settings = save_settings(workspace, wanted, ends_here=any(name in given for name in ENDS))
    shown = settings.model_dump(mode="json", include=set(ASKED))
    return shown | {"words": "\n".join(f"{name:18} {value}" for name, value in shown.items())}


def _storage(parsed: argparse.Namespace, workspace: Workspace) -> dict[str, Any]:
    from core.storage import clean_up, clean_ups, rooms
    from core.words import megabytes

    if parsed.clean is not None:
        if not parsed.clean:
            raise InputError("--clean wants the name of something in the list; call `python -m core storage`.")
        freed = clean_up(workspace, parsed.clean)
        return {"freed": freed, "words": f"{megabytes(freed)} freed."}
    taken, offered = rooms(workspace), clean_ups(workspace)
    lines = [f"{megabytes(item.bytes):>10}  {item.title}" for item in taken]
    lines += [f"  --clean {item.key}: {item.title}, {megabytes(item.bytes)}. {item.loss}" for item in offered]
    return {
        "rooms": [{"title": item.title, "bytes": item.bytes} for item in taken],
        "clean_ups": [{"key": item.key, "title": item.title, "loss": item.loss, "bytes": item.bytes}
                      for item in offered],
        "words": "\n".join(lines),
    }  # fmt: skip
