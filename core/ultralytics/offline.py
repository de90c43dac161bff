"""Every door of Ultralytics to the network, shut: fonts, AMP check, assets, update checks, analytics, its own probe.

Its variable YOLO_OFFLINE shuts some of them only: the validator still fetched a font. `enter_isolation` is what every
child calls before its first `import ultralytics`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, NoReturn

from core.processes.isolation import SETTINGS_OFF, isolated_environment


def enter_isolation() -> None:
    """Set the switches in this process, switch off what reports home, and shut every door to the network."""
    os.environ.update(isolated_environment())
    from ultralytics import settings

    off = {key: False for key in SETTINGS_OFF if settings.get(key)}
    if off:
        settings.update(off)
    shut_doors()


def shut_doors() -> None:
    """Put a stand-in for each of DOORS wherever it is known by now; what is imported later gets the stand-in."""
    for place, stand_in in DOORS.items():
        module, _, name = place.rpartition(".")
        home = import_module(module)
        original = getattr(home, name)
        if original is stand_in:
            continue
        for known, other in list(sys.modules.items()):
            if known == "ultralytics" or known.startswith("ultralytics."):
                for alias in [key for key, value in vars(other).items() if value is original]:
                    setattr(other, alias, stand_in)
    import_module("ultralytics.utils.events").events.enabled = False


def _refuse(*given: Any, **_options: Any) -> NoReturn:
    raise ConnectionError(f"Ultralytics wanted to fetch {next(iter(given), 'something')}; nothing is fetched unasked.")


def _font(font: str = "Arial.ttf") -> str | None:
    """Return a font of this machine, None where there is none: drawing then takes Pillow's own."""
    from matplotlib import font_manager

    return next((entry.fname for entry in font_manager.fontManager.ttflist if font in entry.fname), None)


def _amp(model: Any) -> bool:
    """Say whether mixed precision is safe, without a model fetched to try it on."""
    return bool(next(model.parameters()).device.type == "cuda")


def _is_url(url: Any, check: bool = False) -> bool:  # noqa: ARG001  its own parameter
    """Return whether a text is an address; never by asking it."""
    return str(url).lower().startswith(("http://", "https://"))


DOORS: dict[str, Callable[..., Any]] = {
    "ultralytics.utils.is_online": lambda: False,
    "ultralytics.utils.checks.check_font": _font,
    "ultralytics.utils.checks.check_amp": _amp,
    "ultralytics.utils.checks.check_latest_pypi_version": lambda *_given: None,
    "ultralytics.utils.checks.check_pip_update_available": lambda: False,
    "ultralytics.utils.downloads.is_url": _is_url,
    "ultralytics.utils.downloads.get_github_assets": lambda *_given, **_options: ("", []),
    "ultralytics.utils.downloads.safe_download": _refuse,
    "ultralytics.utils.events._post": _refuse,
}
"""Function of Ultralytics 8.4.190 -> what stands in for it."""
