"""The page to label on, and what its editor asks the server."""

from __future__ import annotations

import io
import json
import time
from itertools import pairwise
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core.cli import main
from core.data.dataset import Dataset, load_dataset
from core.data.importing.from_upload import import_dataset
from core.data.importing.video_frames import frame_time
from core.labelling.adding import add_pictures
from core.labelling.label import Label, State
from core.labelling.labelling import open_labelling
from core.labelling.likeness import read_vectors
from core.labelling.proposals import Proposed, read_proposals, save_proposals
from core.labelling.settings import add_class, begin
from core.labelling.versions import make_version
from core.workspace import Workspace
from pages._ui.label.routes import PREFIX, ROUTES
from tests.data.importing.test_video_frames import scenes, write_video
from tests.evaluation.stored_runs import detector_run
from tests.labelling.conftest import alone, ids, write_pictures  # noqa: F401
from tests.labelling.test_labels import BOX, started
from tests.pages.conftest import Filled, button, open_alone, open_page, texts

OWN = {"origin": "http://testserver"}


@pytest.fixture
def asked(alone: Dataset) -> tuple[TestClient, str, str]:  # noqa: F811
    """The server, the address of a set that is being labelled, and its first picture."""
    started(alone)
    return TestClient(Starlette(routes=ROUTES)), f"{PREFIX}/{alone.id}", ids(alone)[0]


def test_pictures_alone_lead_to_the_editor_and_on(workspace: Workspace, alone: Dataset) -> None:  # noqa: F811
    app = open_page("dataset.py", dataset=alone.id)
    button(app, "Label the pictures").click().run()
    assert app.title[0].value == "Label"
    app = open_page("label.py", dataset=alone.id)
    app.radio(key="label_task").set_value("segment").run()
    button(app, "Begin").click().run()
    assert open_labelling(alone).settings.task == "segment"
    assert button(app, "Train with these labels").disabled
    add_class(alone, "cell")
    work = open_labelling(alone)
    shape = {"class": "cell", "points": [(1, 1), (20, 1), (9, 30)]}
    for picture in (*ids(alone, "train")[:2], ids(alone, "val")[0]):
        work.set(picture, Label.model_validate({"objects": [shape]}), since=0)
    app = open_page("label.py", dataset=alone.id)
    button(app, "Train with these labels").click().run()
    assert app.title[0].value == "Model"
    made = load_dataset(workspace, alone.id)
    assert (made.labels_version, made.task, sum(made.images.values())) == (1, "segment", 3)
    assert "There is not a single labelled object" not in texts(open_page("dataset.py", dataset=alone.id))


def test_frames_of_a_video_are_added_beside_those_that_are_there(
    workspace: Workspace,
    alone: Dataset,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    started(alone)
    video = write_video(tmp_path / "clip.mp4", scenes(16))
    page = open_alone("label.py", dataset=alone.id)
    page.segmented_control(key="label_add_way").set_value("A place on this machine").run()
    page.text_input(key="label_place").set_value(str(video)).run()
    page.number_input(key="label_frame_seconds").set_value(1.0).run()
    button(page, "Add them").click().run()
    ends = time.monotonic() + 60
    while not page.run().success:
        assert time.monotonic() < ends, texts(page)
        time.sleep(0.2)
    frames = [picture for picture in open_labelling(alone).pictures.values() if frame_time(picture.source)]
    assert len(frames) == 7, "one per second of eight, and one left out between two stretches"
    assert {picture.split for picture in frames} == {"train", "val"}
    assert main(["import", str(video), "--into", alone.id, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["new"] > 3
    every = {told[1]: picture.split for picture in open_labelling(alone).pictures.values()
             if (told := frame_time(picture.source))}  # fmt: skip
    changes = [(one, two) for one, two in pairwise(sorted(every)) if every[one] != every[two]]
    assert len(changes) <= 2, "a frame lies where its neighbours lie"


def test_the_editor_gets_the_picture_and_keeps_a_label(asked: tuple[TestClient, str, str], alone: Dataset) -> None:  # noqa: F811
    client, address, picture = asked
    told = client.get(f"{address}/pictures").json()
    assert told["classes"] == ["cell"]
    assert [item["state"] for item in told["pictures"]] == ["open"] * 10
    file = client.get(f"{address}/picture/{picture}")
    assert file.content == open_labelling(alone).path(open_labelling(alone).picture(picture)).read_bytes()
    said: dict[str, Any] = {"since": 0, "label": {"objects": [BOX]}, "by": "Ada"}
    answer = client.post(f"{address}/label/{picture}", json=said, headers=OWN)
    assert answer.json()["label"]["state"] == "labelled"
    assert client.get(f"{address}/label/{picture}").json()["number"] == answer.json()["number"] == 1
    other = client.post(f"{address}/label/{picture}", json=said | {"label": {"state": "nothing"}}, headers=OWN)
    assert other.status_code == 409
    assert other.json()["label"]["objects"], "the second tab is shown what the first one drew"
    assert open_labelling(alone).states()[picture] is State.LABELLED


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("label/{picture}", {}, 403),
        ("label/{picture}", {"origin": "http://evil.example"}, 403),
        ("label/{picture}", OWN | {"content-type": "text/plain"}, 403),
        ("label/unknown", OWN, 422),
        ("classes", OWN, 400),
    ],
)
def test_a_change_from_elsewhere_or_of_nothing_is_refused(
    asked: tuple[TestClient, str, str], path: str, headers: dict[str, str], status: int
) -> None:
    client, address, picture = asked
    said = {"since": 0, "label": {"state": "nothing"}}
    answer = client.post(f"{address}/{path.format(picture=picture)}", json=said, headers=headers)
    assert answer.status_code == status
    assert answer.json()["error"]
    assert client.get(f"{address}/label/{picture}").json()["number"] == 0


def test_a_box_snaps_to_what_is_in_it(asked: tuple[TestClient, str, str], alone: Dataset) -> None:  # noqa: F811
    client, address, picture = asked
    work = open_labelling(alone)
    pixels = np.full((64, 96, 3), 230, np.uint8)
    pixels[20:40, 30:60] = 40
    Image.fromarray(pixels).save(work.path(work.picture(picture)))
    answer = client.post(f"{address}/snap/{picture}", json={"box": [22, 12, 46, 36]}, headers=OWN)
    assert answer.json()["shape"]["box"] == pytest.approx([30, 20, 30, 20], abs=1.5)
    assert client.post(f"{address}/snap/{picture}", json={"box": [0, 0, 3, 3]}, headers=OWN).json() == {"shape": None}


def test_labels_go_out_as_a_zip_and_nothing_stays(asked: tuple[TestClient, str, str], alone: Dataset) -> None:  # noqa: F811
    client, address, picture = asked
    assert client.get(f"{address}/export/coco").status_code == 422, "nothing is labelled yet"
    client.post(f"{address}/label/{picture}", json={"since": 0, "label": {"objects": [BOX]}}, headers=OWN)
    make_version(alone)
    answer = client.get(f"{address}/export/coco")
    with ZipFile(io.BytesIO(answer.content)) as archive:
        assert any(name.endswith("_annotations.coco.json") for name in archive.namelist())
    assert client.get(f"{address}/export/..%2Fcoco").status_code == 404
    assert list(Workspace.current().staging_root.iterdir()) == []


def test_labels_in_no_version_are_told_everywhere_and_one_click_makes_one(
    workspace: Workspace,
    alone: Dataset,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    started(alone)
    drawn = Label.model_validate({"objects": [BOX]})
    first, second = ids(alone, "train")[:2], ids(alone, "val")[0]
    for picture in (*first, second):
        open_labelling(alone).set(picture, drawn, since=0)
    app = open_page("home.py")
    assert "3 of 10 pictures" in texts(app)
    button(app, "Go on labelling").click().run()
    assert app.title[0].value == "Label"
    told = texts(open_page("dataset.py", dataset=alone.id))
    assert "3 of 10 pictures" in told
    assert "There is not a single labelled object" not in told
    app = open_page("label.py")
    assert "3 pictures changed since are in no version" in texts(app), "it opens with the set that is being labelled"
    app.button(key="label_version_now").click().run()
    assert not app.exception
    made = load_dataset(workspace, alone.id)
    assert (made.labels_version, sum(made.images.values())) == (1, 3)
    assert "in no version" not in texts(app)
    assert app.button(key="label_restore_now").disabled, "nothing is chosen to be put back"
    open_labelling(made).set(second, Label(state=State.NOTHING), since=3)
    assert main(["labels", alone.id, "--export", "coco", str(workspace.root / "out.zip"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["changed_since"] == 1


def test_no_file_but_a_picture_of_the_set_is_answered(asked: tuple[TestClient, str, str]) -> None:
    client, address, _ = asked
    for path in ("..%2F..%2Fdataset.json", "dataset.json", "0" * 64):
        assert client.get(f"{address}/picture/{path}").status_code == 404
    assert client.get(f"{PREFIX}/unknown-000000/pictures").status_code == 422


def test_what_looks_wrong_in_the_evaluation_opens_in_the_editor(
    workspace: Workspace, shapes: Dataset, tmp_path: Path
) -> None:
    run = detector_run(workspace, shapes, "run-a", 0.5)
    begin(shapes)
    add_pictures(workspace, shapes, [write_pictures(tmp_path / "more", 3)])
    app = open_page("evaluation.py", run=run.id)
    assert "3 pictures" in app.button(key="label_more").label
    app.button(key="mend_cases").click().run()
    assert not app.exception
    assert app.title[0].value == "Label"
    owner, sent = app.session_state["label_review"]
    assert owner == shapes.id
    assert sent
    assert set(sent) <= set(shapes.image_table().query("split == 'val'")["file"])
    assert f"{len(sent)} picture" in texts(app)


@pytest.mark.slow
def test_a_run_proposes_and_the_editor_shows_it_until_it_is_labelled(
    filled: Filled, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = import_dataset(filled.workspace, write_pictures(tmp_path / "new", 5), name="New")
    begin(dataset, "detect")
    for name in ("square", "disc"):
        add_class(dataset, name)
    assert main(["propose", dataset.id, filled.run_id, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    proposals = read_proposals(dataset)
    assert proposals is not None
    assert told == {"pictures": 5, "proposals": proposals.count}
    assert set(read_vectors(dataset)) == set(ids(dataset))
    assert sorted(item for item, _ in proposals.order) == sorted(ids(dataset, "train"))
    picture = ids(dataset)[0]
    proposals.pictures[picture] = [Proposed(name="disc", confidence=0.9, box=(1, 2, 30, 20))]
    save_proposals(dataset, proposals)
    client, address = TestClient(Starlette(routes=ROUTES)), f"{PREFIX}/{dataset.id}"
    shown = client.get(f"{address}/label/{picture}").json()
    assert [item["class"] for item in shown["proposals"]] == ["disc"]
    assert shown["label"]["objects"] == []
    said = {"since": 0, "label": {"state": "nothing"}}
    client.post(f"{address}/label/{picture}", json=said, headers=OWN)
    assert client.get(f"{address}/label/{picture}").json()["proposals"] == []
    assert open_page("label.py", dataset=dataset.id).selectbox(key="label_model").value == filled.run_id
    begin(other := import_dataset(filled.workspace, write_pictures(tmp_path / "other", 3), name="Other"), "segment")
    assert main(["propose", other.id, filled.run_id]) == 2, "boxes are no outlines"
