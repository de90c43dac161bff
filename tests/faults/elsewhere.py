"""Child: try all cases of a kind on a disk of their own, or as another user, and print what came of each.

    python -m tests.faults.elsewhere full|trained|looking|foreign FOLDER [NAME...]

FOLDER holds a place (place.py). `full` and `looking` mount file systems, so they are for a mount namespace of their own
(`unshare -m`), where nobody else sees them; `foreign` is for a user without root's right to write everywhere
(`setpriv --bounding-set=-dac_override,-dac_read_search`).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from tests.faults.case import Case, Outcome, as_json, try_case
from tests.faults.cases import FOREIGN, FULL, LOOKING, TRAINED
from tests.faults.place import Place, copy_of

KINDS: dict[str, dict[str, Case]] = {"full": FULL, "trained": TRAINED, "looking": LOOKING, "foreign": FOREIGN}
DISK = {"full": "24m", "trained": "200m"}


def mount(*words: str) -> None:
    """Mount a file system. Raises CalledProcessError where that is not allowed."""
    subprocess.run(["mount", *words], check=True)


def on_a_full_disk(kind: str, place: Place, name: str, folder: Path) -> Outcome:
    """Try a case of FULL or TRAINED on a small disk of its own."""
    mount("-t", "tmpfs", "-o", f"size={DISK[kind]}", "tmpfs", str(folder))
    try:
        return try_case(KINDS[kind][name], copy_of(place, folder / "place"), folder / "filler")
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def read_only(place: Place, name: str, folder: Path) -> Outcome:
    """Try a case of LOOKING in a workspace that can be read only."""
    case, made = LOOKING[name], copy_of(place, folder / "place")
    case.do(made)
    root = str(made.folder / "workspace")
    mount("--bind", root, root)
    mount("-o", "remount,bind,ro", root)
    try:
        return try_case(case, made, do=False)
    finally:
        subprocess.run(["umount", "-l", root], check=False)


def of_another_user(place: Place, name: str, folder: Path) -> Outcome:
    """Try a case of FOREIGN in a workspace nobody may write to; this process must not have root's right to do so."""
    made = copy_of(place, folder / "place")
    for path in [made.folder, *made.folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    FOREIGN[name].do(made)
    try:
        return try_case(FOREIGN[name], made, do=False)
    finally:
        for path in [made.folder, *made.folder.rglob("*")]:
            path.chmod(0o755)


def main() -> int:
    """Try the cases, print one JSON object."""
    kind, place, names = sys.argv[1], Place(Path(sys.argv[2])), sys.argv[3:] or list(KINDS[sys.argv[1]])
    way = {
        "full": partial(on_a_full_disk, "full"),
        "trained": partial(on_a_full_disk, "trained"),
        "looking": read_only,
        "foreign": of_another_user,
    }[kind]
    outcomes: dict[str, Outcome] = {}
    with tempfile.TemporaryDirectory() as own:
        for name in names:
            folder = Path(own) / name
            folder.mkdir()
            outcomes[name] = way(place, name, folder)
    print(as_json(outcomes))
    return 0


if __name__ == "__main__":
    sys.exit(main())
