"""What holds for a whole workspace: where weights lie, what may be used and fetched, what happens at the end of a run.

Kept in `settings.json` of the workspace; what is not in it follows the defaults. The same model feeds the Settings page
and `python -m core settings`.
"""

from __future__ import annotations

import ipaddress
import platform
import re
import shlex
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from core.errors import InputError
from core.workspace import SETTINGS_FILE, Workspace, read_json, write_json_atomic

MOST_CORES = 256
ENDS = ("on_end_command", "on_end_webhook")
"""The settings that run something."""
TURNED_OFF = "Fetching {what} is turned off in this workspace (Settings page, or `python -m core settings`)"


class Settings(BaseModel):
    """The settings of a workspace."""

    model_config = ConfigDict(extra="ignore")

    weights_folder: str = Field(
        default="",
        title="Folder with weights",
        description="Where pre-trained weights are looked for and downloads are put; several workspaces can share one. "
        "Left empty, or where the folder is gone: weights/ in the workspace.",
        examples=["/data/weights"],
    )
    cores: int | None = Field(
        default=None,
        ge=1,
        le=MOST_CORES,
        title="Processor cores",
        description="How many cores a training, an evaluation or an export works with. Left empty: all there are, up "
        "to eight, less those that other programs keep busy.",
    )
    device: str = Field(
        default="auto",
        title="Device",
        description="What trainings take that name no device: auto is the first GPU, or the processor (cpu) where "
        "there is none; 1 the second GPU; 0,1 both.",
    )
    fetch_weights: bool = Field(
        default=True,
        title="Pre-trained weights, when someone clicks on their download",
        description="From github.com, Ultralytics' releases.",
    )
    fetch_public_sets: bool = Field(
        default=True,
        title="Public sets of pictures, when someone clicks on their download",
        description="From github.com, Ultralytics' releases.",
    )
    on_end_command: str = Field(
        default="",
        title="A command to run",
        description="Run on this machine whenever a training has ended, for at most a minute, without a shell. It "
        "finds GRAFT_RUN, GRAFT_RUN_NAME, GRAFT_STATE and GRAFT_RUN_FOLDER among its environment variables.",
        examples=["/usr/local/bin/ring-the-bell --softly"],
    )
    on_end_webhook: str = Field(
        default="",
        title="An address of this machine to call (webhook)",
        description="Gets the same facts as JSON by POST. Only addresses of this machine are taken: nothing leaves it.",
        examples=["http://127.0.0.1:9000/graft"],
    )
    machine: str = Field(default="", description="where the command and the webhook were set; elsewhere they rest")

    @field_validator("weights_folder")
    @classmethod
    def _is_folder(cls, value: str) -> str:
        if value and not Path(value).expanduser().is_dir():
            raise ValueError(f"there is no folder {value}")
        return value

    @field_validator("device")
    @classmethod
    def _is_device(cls, value: str) -> str:
        cleaned = value.replace(" ", "").lower() or "auto"
        if not re.fullmatch(r"auto|cpu|mps|\d+(,\d+)*", cleaned):
            raise ValueError("write auto, cpu, mps, or the numbers of GPUs such as 0 or 0,1")
        return cleaned

    @field_validator("on_end_command")
    @classmethod
    def _is_command(cls, value: str) -> str:
        try:
            shlex.split(value)
        except ValueError as error:
            raise ValueError(f"the command can't be read ({error}): check its quotes") from error
        return value

    @field_validator("on_end_webhook")
    @classmethod
    def _is_on_this_machine(cls, value: str) -> str:
        if value and not is_local_address(value):
            raise ValueError("take an address of this machine, such as http://127.0.0.1:9000/graft")
        return value

    @property
    def ends_here(self) -> bool:
        """Say whether command and webhook were set on this machine: a workspace that was copied runs nothing."""
        return self.machine == platform.node()


def is_local_address(address: str) -> bool:
    """Say whether an address is http(s) on this machine by number or as localhost."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and local


def load_settings(workspace: Workspace) -> Settings:
    """Return the settings of a workspace; a value that can no longer be used is that of the default."""
    stored = read_json(workspace.root / SETTINGS_FILE)
    try:
        return Settings.model_validate(stored)
    except ValidationError as error:
        wrong = {str(item["loc"][0]) for item in error.errors() if item["loc"]}
        return Settings.model_validate({name: value for name, value in stored.items() if name not in wrong})


def save_settings(workspace: Workspace, settings: Settings, *, ends_here: bool = False) -> Settings:
    """Keep the settings of a workspace and return them.

    Command and webhook hold for the machine they are set on. Those that came with a copied workspace stay at rest
    while other settings change; `ends_here` says that somebody at this machine wants them here too.
    """
    before = load_settings(workspace)
    same = all(getattr(settings, name) == getattr(before, name) for name in ENDS)
    machine = before.machine if same and not ends_here else platform.node()
    kept = settings.model_copy(update={"machine": machine})
    try:
        write_json_atomic(workspace.root / SETTINGS_FILE, kept.model_dump(mode="json", exclude_defaults=True))
    except OSError as error:
        raise InputError(f"The settings can't be kept: {workspace.root} can't be written to ({error}).") from error
    return kept


def refuse_unless_allowed(allowed: bool, what: str) -> None:
    """Raise InputError where the settings don't allow `what` to be fetched."""
    if not allowed:
        raise InputError(TURNED_OFF.format(what=what) + ". Bring the file in yourself, or allow it there.")
