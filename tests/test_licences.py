"""The licences of all dependencies can be listed, and the one that asks something is said."""

from __future__ import annotations

from core.cli import main
from core.licences import dependency_licences


def test_every_package_states_its_licence_and_copyleft_is_marked(capsys) -> None:
    found = {item.package: item for item in dependency_licences()}
    assert {"streamlit", "torch", "numpy", "ultralytics"} <= found.keys()
    assert len(found) > 60
    assert {item.licence for item in found.values()} & {"not installed"} == set()
    marked = {name for name, item in found.items() if item.copyleft}
    assert {"pylibjpeg-libjpeg", "ultralytics", "inflate64"} <= marked
    assert not marked & {"streamlit", "torch", "numpy", "pydicom"}
    assert main(["licences"]) == 0
    assert "GPL-3" in capsys.readouterr().out
