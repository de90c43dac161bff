"""What an upload is understood to be, before anything is written: the same as what the import makes of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.cli import main
from core.data.importing import ImportSettings, import_dataset
from core.data.importing.understanding import draw_examples, understand
from core.workspace import Workspace
from tests.data.writers import picture


@pytest.fixture
def boxes(tmp_path: Path) -> Path:
    """Ten pictures with a box each, two classes, and one label of a picture that is not there."""
    root = tmp_path / "set"
    for number in range(10):
        picture(root / "images" / f"p{number}.png", number)
        (root / "labels").mkdir(exist_ok=True)
        (root / "labels" / f"p{number}.txt").write_text(f"{number % 2} 0.5 0.5 0.2 0.2\n")
    (root / "labels" / "gone.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    (root / "classes.txt").write_text("dent\nscratch\n")
    return root


def test_it_is_what_the_import_then_makes_of_it(workspace: Workspace, boxes: Path) -> None:
    said = understand(workspace, boxes)
    assert list(workspace.datasets.iterdir()) == []
    made = import_dataset(workspace, boxes)
    assert (said.layout, said.task, said.classes) == (made.format, made.task, made.classes)
    assert said.objects == made.instances
    assert said.images == made.images
    assert {item.code for item in said.left_out} == {"image-missing"}
    assert said.examples["scratch"].name.endswith(("1.png", "3.png", "5.png", "7.png", "9.png"))


def test_classes_that_share_a_picture_are_shown_by_different_ones_where_there_are(
    workspace: Workspace, tmp_path: Path
) -> None:
    root = tmp_path / "set"
    (root / "labels").mkdir(parents=True)
    for number in range(4):
        picture(root / "images" / f"p{number}.png", number)
        rows = [f"{kind} 0.5 0.5 0.2 0.2\n" for kind in ((0, 1, 2) if number < 2 else (number - 1,))]
        (root / "labels" / f"p{number}.txt").write_text("".join(rows))
    (root / "classes.txt").write_text("dent\nscratch\nstain\n")
    shown = understand(workspace, root).examples
    assert len({image.name for image in shown.values()}) == 3


def test_the_wishes_of_the_user_count(workspace: Workspace, boxes: Path) -> None:
    assert understand(workspace, boxes, settings=ImportSettings(split="50/30/20")).images["test"] == 2


def test_a_dry_run_prints_it_and_writes_nothing(
    workspace: Workspace, boxes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", str(boxes), "--dry-run", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert {"layout", "task", "classes", "images", "left_out", "choices"} <= said.keys()
    assert (said["classes"], sum(said["images"].values()), said["choices"]) == (["dent", "scratch"], 10, [])
    assert list(workspace.datasets.iterdir()) == []
    assert list(workspace.staging_root.iterdir()) == []


@pytest.mark.parametrize("option", [["--choose", "axis"], ["--column", "=x"], ["--choose", "axis=axial"]])
def test_a_choice_that_is_none_is_refused(workspace: Workspace, boxes: Path, option: list[str]) -> None:
    assert main(["import", str(boxes), *option]) == 2


def test_an_unclear_sheet_ends_with_what_to_type_and_is_read_once_it_is_typed(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(8):
        picture(tmp_path / "cells" / f"c{number}.png", number)
    rows = [f"c{number}.png,{number % 3},{'mono' if number % 2 else 'poly'}" for number in range(8)]
    (tmp_path / "cells" / "labels.csv").write_text("\n".join(["path,grade,type", *rows]))
    assert main(["import", str(tmp_path / "cells"), "--json"]) == 2
    said = capsys.readouterr()
    assert "--column label=type" in said.err
    assert "--column label=grade" in said.err
    assert main(["import", str(tmp_path / "cells"), "--dry-run", "--json"]) == 0
    (choice,) = json.loads(capsys.readouterr().out)["choices"]
    assert (choice["key"], choice["taken"], len(choice["options"])) == ("column.label", None, 2)
    assert main(["import", str(tmp_path / "cells"), "--column", "label=type", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["instances"] == {"mono": 4, "poly": 4}


def test_what_was_chosen_is_kept_and_counts_when_the_files_come_again(workspace: Workspace, tmp_path: Path) -> None:
    root = tmp_path / "cells"
    for number in range(8):
        picture(root / f"c{number}.png", number)
    rows = [f"c{number}.png,{number % 3},{'mono' if number % 2 else 'poly'}" for number in range(8)]
    (root / "labels.csv").write_text("\n".join(["path,grade,type", *rows]))
    chosen = ImportSettings(choices={"column.label": "type"})
    (kept,) = import_dataset(workspace, root, settings=chosen, name="First cells").choices
    assert (kept.key, kept.taken, kept.why) == ("column.label", "type", "")
    (again,) = understand(workspace, root).choices
    assert again.taken == "type"
    assert "First cells" in again.why
    other = import_dataset(workspace, root, settings=ImportSettings(choices={"column.label": "grade"}))
    assert set(other.instances) == {"0", "1", "2"}
    assert understand(workspace, root).choices[0].taken == "grade"  # the last word counts

    rows = [f"c{number}.png,{'mono' if number % 2 else 'poly'},{number % 2}" for number in range(8)]
    (root / "labels.csv").write_text("\n".join(["path,type,state", *rows]))  # "grade" is gone: nothing to go by
    assert understand(workspace, root).open_choice is not None


def test_files_of_several_pictures_are_counted_as_what_they_become(workspace: Workspace, tmp_path: Path) -> None:
    root = tmp_path / "pages"
    pages = [Image.fromarray(np.random.default_rng(n).integers(0, 255, (20, 20), np.uint8)) for n in range(3)]
    for part, count in (("stack.tif", 3), ("film.gif", 2)):
        (root / "good").mkdir(parents=True, exist_ok=True)
        pages[0].save(root / "good" / part, save_all=True, append_images=pages[1:count])
    picture(root / "bad" / "one.png", 5)
    said, made = understand(workspace, root), import_dataset(workspace, root)
    assert sum(said.images.values()) == sum(made.images.values()) == 6
    assert said.objects == made.instances == {"bad": 1, "good": 5}
    first = understand(workspace, root, settings=ImportSettings(pages="first"))
    assert sum(first.images.values()) == 3


def test_it_says_beforehand_what_the_checks_will_say_of_the_classes(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "set"
    for name, number in (("dent", 2), ("Dents", 45), ("scratch", 3)):
        for place in range(number):
            picture(root / name / f"{place}.png", place)
    told = {item.code: item.count for item in understand(workspace, root).noticed}
    found = {item.code: item.count for item in import_dataset(workspace, root).findings}
    assert told == {"class-names-alike": 1, "class-imbalance": 1}
    assert told.items() <= found.items()
    assert main(["import", str(root), "--dry-run", "--json"]) == 0
    assert {item["code"] for item in json.loads(capsys.readouterr().out)["noticed"]} == told.keys()


@pytest.mark.parametrize("kind", ["folder", "zip", "tar"])
def test_a_class_folder_without_a_picture_is_named(workspace: Workspace, tmp_path: Path, kind: str) -> None:
    root = tmp_path / "set"
    for part in ("train", "val"):
        for name in ("dent", "scratch"):
            picture(root / part / name / "a.png", len(part + name))
    (root / "train" / "hole").mkdir()
    (root / "train" / "stain" / "raw").mkdir(parents=True)
    (root / "train" / "stain" / "notes.txt").write_text("to come")
    (root / "test" / "dent").mkdir(parents=True)  # of a class that is shown elsewhere
    (root / "train" / ".hidden").mkdir()
    source = root if kind == "folder" else Path(shutil.make_archive(str(tmp_path / "packed"), kind, root))
    (told,) = [item for item in understand(workspace, source).left_out if item.code == "folder-without-pictures"]
    assert told.examples == ["train/hole", "train/stain"]
    made = import_dataset(workspace, source)
    assert made.classes == ["dent", "scratch"]
    assert "folder-without-pictures" in {item.code for item in made.findings}


def test_pictures_are_shown_before_they_are_imported_labelled_or_not(workspace: Workspace, tmp_path: Path) -> None:
    root = tmp_path / "deep"
    root.mkdir()
    for number in range(9):
        grey = np.linspace(1000 * number, 1000 * number + 900, 40 * 40).reshape(40, 40).astype(np.uint16)
        Image.fromarray(grey).save(root / f"p{number}.png")
    drawn = draw_examples(understand(workspace, root), tmp_path / "examples")
    assert len(drawn) == 4
    for name in drawn.values():
        levels = np.asarray(Image.open(tmp_path / "examples" / name).convert("L"))
        assert levels.max() - levels.min() > 200  # windowed, as the import does
    black = draw_examples(understand(workspace, root), tmp_path / "black", "40000,50000")
    assert all(np.asarray(Image.open(tmp_path / "black" / name)).max() < 20 for name in black.values())


def class_folders_of(root: Path, names: list[str]) -> Path:
    for number in range(24):
        folder = root / ("well" if number % 2 else "ill")
        picture(folder / f"{names[number % len(names)]}_{number}.png", number)
    return root


def test_patients_in_file_names_are_asked_about_before_there_is_a_split(workspace: Workspace, tmp_path: Path) -> None:
    root = class_folders_of(tmp_path / "xrays", [f"person{number}" for number in range(7)])
    asked = next(choice for choice in understand(workspace, root).choices if choice.key == "groups")
    assert asked.taken == "apart"
    assert "7" in asked.question
    plain = import_dataset(workspace, root, name="plain")
    assert "group-in-names" in {item.code for item in plain.findings}
    told = ImportSettings(choices={"groups": "together"})
    kept = import_dataset(workspace, root, name="kept", settings=told)
    table = kept.image_table()
    assert table["group"].nunique() == 7
    assert table.groupby("group")["split"].nunique().max() == 1
    assert sum(understand(workspace, root, settings=told).images.values()) == len(table) == 24


def test_numbers_alone_and_a_split_that_is_there_are_not_asked_about(workspace: Workspace, tmp_path: Path) -> None:
    alone = class_folders_of(tmp_path / "alone", [f"image{number}" for number in range(7)])
    divided = tmp_path / "divided"
    for split in ("train", "val"):
        class_folders_of(divided / split, [f"person{number}" for number in range(7)])
    for root in (alone, divided):
        assert "groups" not in {choice.key for choice in understand(workspace, root).choices}
