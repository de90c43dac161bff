"""Faults that take a moment: each is named in a sentence, hurts that thing alone, and leaves nothing half-written."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.case import Case, Outcome, from_json, try_case
from tests.faults.cases import CLOCK, DAMAGE, FOREIGN, FULL, LOOKING
from tests.faults.place import Place, copy_of, make_place

pytestmark = pytest.mark.xdist_group("faults in a moment")
ROOT = Path(__file__).resolve().parents[2]
NAMESPACE = ("unshare", "-m")
WITHOUT_RIGHTS = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
Elsewhere = Callable[[str], dict[str, Outcome]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return make_place(tmp_path_factory.mktemp("faults"))


@pytest.fixture(scope="module")
def elsewhere(place: Place) -> Elsewhere:
    """What came of all cases of a kind, tried in one child."""
    known: dict[str, dict[str, Outcome]] = {}

    def tried(kind: str) -> dict[str, Outcome]:
        if kind not in known:
            before = WITHOUT_RIGHTS if kind == "foreign" else NAMESPACE
            if not shutil.which(before[0]) or subprocess.run([*before, "true"], capture_output=True).returncode:
                pytest.skip(f"`{' '.join(before)}` is not allowed here: it needs Linux and root")
            child = [*before, sys.executable, "-m", "tests.faults.elsewhere", kind, str(place.folder)]
            done = subprocess.run(child, cwd=ROOT, capture_output=True, text=True, timeout=300)
            assert done.returncode == 0, done.stderr[-3000:]
            known[kind] = from_json(done.stdout)
        return known[kind]

    return tried


def check(case: Case, outcome: Outcome) -> None:
    assert outcome.code == case.code, outcome.text
    for words in case.said:
        assert words in outcome.text
    assert "unforeseen" not in outcome.text
    assert "Traceback" not in outcome.text
    assert outcome.left == [], "half-written files stayed"
    assert outcome.lost == []


@pytest.mark.parametrize("name", [*DAMAGE, *CLOCK])
def test_damage_and_clocks(name: str, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAFT_WORKSPACE", "set by the case")
    case = {**DAMAGE, **CLOCK}[name]
    check(case, try_case(case, copy_of(place, tmp_path)))


@pytest.mark.parametrize("name", FULL)
def test_a_full_disk(name: str, elsewhere: Elsewhere) -> None:
    case, outcome = FULL[name], elsewhere("full")[name]
    check(case, outcome)
    if case.again:
        assert outcome.afterwards == 0, "there is room again"


@pytest.mark.parametrize("name", LOOKING)
def test_a_read_only_workspace(name: str, elsewhere: Elsewhere) -> None:
    check(LOOKING[name], elsewhere("looking")[name])


@pytest.mark.parametrize("name", FOREIGN)
def test_somebody_elses_files(name: str, elsewhere: Elsewhere) -> None:
    check(FOREIGN[name], elsewhere("foreign")[name])
