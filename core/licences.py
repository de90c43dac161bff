"""The licences of Graft's dependencies, as the installed packages state them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REQUIREMENTS = Path(__file__).resolve().parents[1] / "requirements.txt"
COPYLEFT = ("AGPL", "GPL", "MPL")
"""Licences that ask something of whoever passes the package on; LGPL is among them by its letters."""
LONGEST = 60
"""Characters of a licence's name; some packages state the whole text instead."""


@dataclass(frozen=True)
class Licence:
    """One dependency and the licence it states."""

    package: str
    version: str
    licence: str
    """"not stated" where the package says nothing, "not installed" where it is not here"""

    @property
    def copyleft(self) -> bool:
        """Whether passing it on comes with conditions on one's own code or on changes to it."""
        return any(name in self.licence.upper() for name in COPYLEFT) or "General Public" in self.licence


def dependency_licences() -> list[Licence]:
    """Return the licences of all Graft needs on this machine, by name; extras and what tests need are left out."""
    waiting, found = _own_requirements(), dict[str, Licence]()
    while waiting:
        wanted = Requirement(waiting.pop())
        name = canonicalize_name(wanted.name)
        if name in found or (wanted.marker is not None and not wanted.marker.evaluate({"extra": ""})):
            continue
        try:
            package = distribution(wanted.name)
        except PackageNotFoundError:
            found[name] = Licence(name, "", "not installed")
            continue
        found[name] = Licence(name, package.version, _stated(package))
        waiting += package.requires or []
    return sorted(found.values(), key=lambda item: item.package)


def _own_requirements() -> list[str]:
    """Return what Graft asks for: as installed, or as the file beside the source says."""
    if REQUIREMENTS.is_file():
        lines = REQUIREMENTS.read_text(encoding="utf-8").splitlines()
        return [text for line in lines if (text := line.partition("#")[0].strip())]
    return list(distribution("graft").requires or [])


def _stated(package: Distribution) -> str:
    about = package.metadata
    if "License-Expression" in about:
        return str(about["License-Expression"])
    kinds = [line.split(" :: ")[-1] for line in about.get_all("Classifier") or [] if line.startswith("License ::")]
    text = "\n".join(about.get_all("License") or []).strip()
    if text and len(text) <= LONGEST and "\n" not in text:
        return text
    return "; ".join(dict.fromkeys(kinds)) or "not stated"
