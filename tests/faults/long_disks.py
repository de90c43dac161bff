"""Full and read-only disks under a trained model and under the pages; `make faults` tries them, the suite does not."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.delivery.trained_run import Trained, train_tiny
from tests.faults.case import Outcome, from_json
from tests.faults.cases import TRAINED
from tests.faults.test_moments import NAMESPACE, ROOT, check

pytestmark = pytest.mark.xdist_group("long faults")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("trained")
    (folder / "out").mkdir()
    return train_tiny(folder)


@pytest.fixture(scope="module")
def outcomes(trained: Trained) -> dict[str, Outcome]:
    child = [*NAMESPACE, sys.executable, "-m", "tests.faults.elsewhere", "trained", str(trained.workspace.root.parent)]
    done = subprocess.run(child, cwd=ROOT, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr[-3000:]
    return from_json(done.stdout)


@pytest.mark.parametrize("name", TRAINED)
def test_a_trained_model_on_a_full_disk(name: str, outcomes: dict[str, Outcome]) -> None:
    check(TRAINED[name], outcomes[name])
    assert outcomes[name].afterwards == 0, "there is room again"


LOOK = """
import json, os, subprocess, sys
root = sys.argv[1]
for words in (["--bind", root, root], ["-o", "remount,bind,ro", root]):
    subprocess.run(["mount", *words], check=True)
os.environ["GRAFT_WORKSPACE"] = root
from tests.pages.conftest import PAGES, open_page
found = {}
for name in PAGES:
    app = open_page(name, dataset=sys.argv[2], run=sys.argv[3])
    found[name] = {"title": [item.value for item in app.title], "errors": [item.value for item in app.error],
                   "said": any("read only" in item.value for item in app.warning)}
print(json.dumps(found))
"""


def test_every_page_of_a_read_only_workspace(trained: Trained) -> None:
    child = [*NAMESPACE, sys.executable, "-c", LOOK, str(trained.workspace.root), trained.run.dataset, trained.run_id]
    done = subprocess.run(child, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.strip().splitlines()[-1])
    assert len(found) >= 11
    for name, page in found.items():
        assert page["title"], name
        assert page["errors"] == [], name
        assert page["said"], f"{name} does not say that nothing can be changed"
