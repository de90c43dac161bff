"""The wheel: it holds what the app needs, says what the requirements files say, and works where no source lies."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from playwright.sync_api import Browser, expect

from core import __version__
from tests.e2e.conftest import Server

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = SETTINGS["project"]
THEME = ".streamlit/config.toml"
ROOMS = ("core", "pages", "sample_data")
LARGEST_WHEEL = 12_000_000
"""Bytes."""


def requirements(lines: list[str]) -> set[str]:
    return {str(Requirement(line)) for line in lines}


@pytest.mark.parametrize("extra", [None, *PROJECT["optional-dependencies"]])
def test_a_requirements_file_says_what_pyproject_says(extra: str | None) -> None:
    wanted = PROJECT["dependencies"] if extra is None else PROJECT["optional-dependencies"][extra]
    file = ROOT / ("requirements.txt" if extra is None else f"requirements-{extra}.txt")
    lines = [line.partition("#")[0].strip() for line in file.read_text(encoding="utf-8").splitlines()]
    included = {line.removeprefix("-r").strip() for line in lines if line.startswith("-r")}
    own = requirements([line for line in lines if line and not line.startswith("-r")])

    others = [name for line in wanted if line.startswith("graft") for name in Requirement(line).extras]
    assert included == ({"requirements.txt", *(f"requirements-{name}.txt" for name in others)} if others else set())
    assert own == requirements([line for line in wanted if not line.startswith("graft")])


def locked() -> dict[str, tuple[Requirement, list[str]]]:
    """Return each package of requirements.lock by name: what is asked for, and its digests."""
    found = {}
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            asked, *digests = re.split(r"\s+--hash=sha256:", line.strip())
            wanted = Requirement(asked)
            found[canonicalize_name(wanted.name)] = wanted, digests
    return found


def test_the_lock_fits_what_is_asked_for() -> None:
    lock = locked()
    for line in PROJECT["dependencies"]:
        asked = Requirement(line)
        pinned, _ = lock[canonicalize_name(asked.name)]
        version = str(pinned.specifier).removeprefix("==")
        assert asked.specifier.contains(version), f"{asked} is locked at {version}: run `make lock`"
    assert [name for name, (_, digests) in lock.items() if not all(re.fullmatch("[0-9a-f]{64}", d) for d in digests)
            or not digests] == []  # fmt: skip


@pytest.mark.parametrize("system", ["linux", "win32"])
def test_the_lock_holds_what_its_packages_need(system: str) -> None:
    lock = locked()
    machine = {"linux": ("Linux", "posix"), "win32": ("Windows", "nt")}[system]
    here = {"sys_platform": system, "platform_system": machine[0], "os_name": machine[1], "extra": "",
            "platform_machine": "x86_64", "python_version": "3.11", "python_full_version": "3.11.9"}  # fmt: skip
    there = {name for name, (asked, _) in lock.items() if asked.marker is None or asked.marker.evaluate(here)}
    for name in there:
        try:
            package = distribution(name)
        except PackageNotFoundError:
            continue  # of another system
        if package.version.partition("+")[0] != str(lock[name][0].specifier).removeprefix("=="):
            continue  # another version is installed here and may need other things
        for line in package.requires or []:
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate(here):
                assert canonicalize_name(needed.name) in there, f"{name} needs {needed} on {system}"


def test_the_lock_names_no_address() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in text
    assert "index-url" not in text


def without_graft() -> dict[str, str]:
    """Return the environment less what would lead to Graft's source or to another workspace."""
    return {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "GRAFT_WORKSPACE")}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy, so that nothing of an earlier build gets into it."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for room in (*ROOMS, ".streamlit"):
        shutil.copytree(ROOT / room, source / room, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "setup.py", "streamlit_app.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source)
    build = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", target, source]
    subprocess.run([sys.executable, "-m", "pip", *build], check=True, env=without_graft())
    return next(target.glob("graft-*.whl"))


@dataclass
class Installed:
    """Graft in a virtual environment of its own, and the empty folder it is called in."""

    python: Path
    command: Path
    packages: Path
    folder: Path

    def graft(self, *arguments: object) -> str:
        """Call `graft` with arguments; return what it prints."""
        done = subprocess.run(
            [self.command, *map(str, arguments)],
            cwd=self.folder,
            env=without_graft(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def files(self) -> set[str]:
        """Return the files that lie where Graft is installed, less compiled modules."""
        return {str(path) for path in self.packages.rglob("*") if path.is_file() and path.suffix != ".pyc"}


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel installed afresh; what it depends on comes from this environment, since torch alone takes minutes."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, symlinks=os.name != "nt")
    base = {"base": str(home), "platbase": str(home)}
    scripts, packages = (Path(sysconfig.get_path(name, "venv", base)) for name in ("scripts", "purelib"))
    python = scripts / Path(sys.executable).name
    install = ["install", "--quiet", "--no-deps", "--no-index", wheel]
    subprocess.run([sys.executable, "-m", "pip", "--python", python, *install], check=True, env=without_graft())
    here = dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib"))
    (packages / "dependencies.pth").write_text("\n".join(here) + "\n")
    return Installed(python, scripts / "graft", packages, tmp_path_factory.mktemp("empty"))


pytestmark = pytest.mark.xdist_group("packaging")  # the wheel is built and installed once


@pytest.mark.slow
def test_the_wheel_holds_the_app_and_nothing_else(wheel: Path) -> None:
    assert wheel.stat().st_size < LARGEST_WHEEL
    files = {str(path.relative_to(ROOT)) for room in ROOMS for path in (ROOT / room).rglob("*") if path.is_file()}
    wanted = {name for name in files if "__pycache__" not in name and not Path(name).name.startswith(".")}
    with ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name and not name.endswith("/")}
        theme = archive.read(THEME)
    assert held == wanted | {"streamlit_app.py", THEME}
    assert theme == (ROOT / THEME).read_bytes()


@pytest.mark.slow
def test_the_metadata_says_what_pyproject_says(installed: Installed) -> None:
    said = Distribution.at(next(installed.packages.glob("graft-*.dist-info")))
    assert said.version == __version__
    assert said.metadata["License-Expression"] == PROJECT["license"]
    extras = PROJECT["optional-dependencies"]
    wanted = [*PROJECT["dependencies"], *(f'{line}; extra == "{name}"' for name in extras for line in extras[name])]
    assert requirements(said.requires or []) == requirements(wanted)
    assert [(point.name, point.value) for point in said.entry_points] == list(PROJECT["scripts"].items())


@pytest.mark.slow
@pytest.mark.e2e
def test_an_installed_graft_trains_the_sample_and_opens_the_app(installed: Installed, browser: Browser) -> None:
    before = installed.files()
    assert installed.graft("--version").split() == ["graft", __version__]
    ask = [installed.python, "-c", "import core; print(core.__file__)"]
    found = subprocess.check_output(ask, cwd=installed.folder, text=True, env=without_graft())
    assert Path(found.strip()) == installed.packages / "core" / "__init__.py"

    sample = installed.packages / "sample_data" / "surface_defects.zip"
    dataset = json.loads(installed.graft("import", sample, "--name", "Surfaces", "--json"))
    train = ["train", dataset["id"], "--model", "starter", "--epochs", 1, "--imgsz", 96, "--name", "First", "--json"]
    run = json.loads(installed.graft(*train))
    assert run["state"] == "finished"
    assert Path(run["weights"]).is_relative_to(installed.folder / "workspace")
    assert "report.html" in installed.graft("report", run["id"], "report.html", "--no-pictures")

    workspace, command = installed.folder / "workspace", (str(installed.command), "--port")
    server = Server(workspace, command=command, folder=installed.folder, named=False)
    page = browser.new_page(color_scheme="light")
    try:
        server.start()
        page.goto(server.address)
        expect(page.get_by_text("First").first).to_be_visible()  # the run of ./workspace
        button = page.get_by_test_id("stBaseButton-primary").first
        expect(button).to_be_visible()
        green = tomllib.loads((ROOT / THEME).read_text(encoding="utf-8"))["theme"]["light"]["primaryColor"]
        expect(button).to_have_css("background-color", f"rgb{tuple(bytes.fromhex(green.removeprefix('#')))}")
        assert page.get_by_test_id("stException").count() == 0
    finally:
        page.close()
        server.kill()
    assert installed.files() == before, "something was written where Graft is installed"
