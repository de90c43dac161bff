"""What was uploaded together becomes the sources of one import."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from core.errors import InputError
from pages._ui.dataset.bring_in import one_name_twice, sources_of


def given(upload: Path, *names: str) -> list[Path]:
    for name in names:
        (upload / name).parent.mkdir(parents=True, exist_ok=True)
        (upload / name).write_bytes(b"")
    return [upload / name for name in names]


@pytest.mark.parametrize(
    ("names", "sources"),
    [
        (["a.png", "b.png", "list.csv"], ["a.png", "b.png", "list.csv"]),
        (["a.zip", "b.tar.gz", "c.png"], ["a.zip", "b.tar.gz", "c.png"]),
        (["set/cat/1.png", "set/dog/1.png"], ["set"]),
        (["cat/1.png", "dog/1.png"], ["cat and 1 more"]),
        (["a.png", "cat/1.png", "more.zip"], ["more.zip", "cat and 1 more"]),
        (["set.zip/1.png"], ["set.zip"]),
    ],
)
def test_what_is_dropped_together_is_one_import(tmp_path: Path, names: list[str], sources: list[str]) -> None:
    saved = given(tmp_path, *names)
    found = sources_of(tmp_path, saved)
    assert [path.name for path in found] == sources
    assert all(path.exists() for path in found)


def test_two_files_of_one_name_are_refused_where_labels_lie_beside_them(tmp_path: Path) -> None:
    pictures = [SimpleNamespace(name="1.png"), SimpleNamespace(name="1.png")]
    one_name_twice(pictures, given(tmp_path, "1.png", "1 (2).png"))
    with pytest.raises(InputError, match=r"1\.txt"):
        one_name_twice([*pictures, SimpleNamespace(name="1.txt")], given(tmp_path, "1.png", "1 (2).png", "1.txt"))
