"""Which graphics cards (GPUs) a training can use here, and what keeps one that is there from being used.

What torch itself can use decides, not what the driver's own list (nvidia-smi) says. Torch is asked once, in a child
that does a small sum on each card (core.models.cards_child), and what it said is kept until driver, torch, cards or
their masks change. How much memory is free is asked anew, by nvidia-smi.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import subprocess
import threading
import time
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from core.errors import GraftError
from core.processes.children import run_child
from core.processes.isolation import isolated_environment
from core.words import count, memory
from core.workspace import write_text_atomic

NEEDED = 1.5 * 2**30
"""Bytes of memory that must be free on a card: torch's own share of about half a GB, and a small training."""
LOOK_AGAIN = 15.0
"""Seconds for which a list of the driver's holds."""
ASKING = 180.0
"""Seconds torch may take to say what it can use; a cold start from a slow disk takes one of them."""
SIGNS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd", "/dev/nvhost-gpu")
"""Files that tell of a card where nvidia-smi is missing: NVIDIA's driver, Windows' Linux, AMD's driver, a Jetson."""
MASKS = ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER")
CPU_MEANWHILE = "Until then Graft trains on the processor (CPU)."


@dataclass(frozen=True)
class Listed:
    """A card as the driver lists it."""

    name: str
    uuid: str
    memory_bytes: int
    free_bytes: int
    driver: str
    split: bool = False
    """True where it is divided into instances (MIG)."""


@dataclass(frozen=True)
class Card:
    """A card a training can use, by the number torch gives it."""

    number: int
    name: str
    memory_bytes: int
    free_bytes: int
    uuid: str = ""

    @property
    def full(self) -> bool:
        """True while other programs leave too little of its memory."""
        return self.free_bytes < NEEDED


@dataclass(frozen=True)
class Cards:
    """What was found: the usable ones with most free memory first, and why others are not."""

    usable: tuple[Card, ...] = ()
    listed: tuple[Listed, ...] = ()
    problem: str = ""
    """A sentence on what is wrong and the command that mends it; empty when nothing is."""
    torch: str = ""
    """The version of torch that was asked, empty when it was not."""
    asking: bool = False
    """True while torch has not said yet."""


@dataclass
class _Answers:
    """What torch said, by what it was asked about; and who asks at present."""

    known: dict[str, dict[str, Any]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    listed: tuple[float, tuple[Listed, ...]] = (0.0, ())
    one_at_a_time: threading.Lock = field(default_factory=threading.Lock)
    in_background: set[str] = field(default_factory=set)


_answers = _Answers()


def find_cards(*, wait: bool = True) -> Cards:
    """Return the cards of this machine. With `wait` False one that was never asked about is asked in the background."""
    listed = listed_cards()
    if not listed and not any(Path(sign).exists() for sign in SIGNS):
        return Cards()
    key = _key(listed)
    if not wait and key not in _answers.known and key not in _answers.failed and not _kept(key).is_file():
        if key not in _answers.in_background:
            _answers.in_background.add(key)
            threading.Thread(target=_ask, args=(key,), daemon=True).start()
        return Cards(listed=listed, asking=True)
    answer = _ask(key)
    if answer is None:
        return Cards(listed=listed, problem=_why_not_asked(listed, _answers.failed[key]))
    return judge(listed, answer, dict(os.environ))


def judge(listed: tuple[Listed, ...], answer: dict[str, Any], environment: dict[str, str]) -> Cards:
    """Return what a list of the driver's and an answer of core.models.cards_child come to together."""
    known = {card.uuid.removeprefix("GPU-"): card for card in listed}
    cards, broken = [], []
    for said in answer["cards"]:
        if said["error"]:
            broken.append(said)
            continue
        of_driver = known.get(said["uuid"].removeprefix("GPU-"))
        free = said["free"] if of_driver is None or of_driver.split else min(of_driver.free_bytes, said["memory"])
        cards.append(Card(said["number"], said["name"], said["memory"], free, said["uuid"]))
    usable = tuple(sorted((card for card in cards if not card.full), key=lambda card: -card.free_bytes))
    found = Cards(usable, listed, torch=answer["torch"])
    return replace(found, problem=_problem(found, cards, broken, answer, environment))


def listed_cards() -> tuple[Listed, ...]:
    """Return the cards nvidia-smi lists, none where it is missing or fails; asked at most every 15 seconds."""
    at, listed = _answers.listed
    if at and time.monotonic() - at < LOOK_AGAIN:
        return listed
    fields = ["name", "uuid", "memory.total", "memory.free", "driver_version"]
    listed = _listed([*fields, "mig.mode.current"]) or _listed(fields)  # an old driver doesn't know the last
    _answers.listed = (time.monotonic(), listed)
    return listed


def _listed(fields: list[str]) -> tuple[Listed, ...]:
    query = ["nvidia-smi", f"--query-gpu={','.join(fields)}", "--format=csv,noheader,nounits"]
    try:  # a program of the driver's with an output of its own, so no child of core.processes.children
        answer = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return ()
    cards = []
    for line in answer.strip().splitlines():
        parts = [part.strip() for part in line.split(",")]
        if len(parts) == len(fields):
            name, uuid, total, free, driver, *split = parts
            cards.append(Listed(name, uuid, _mebibytes(total), _mebibytes(free), driver, split == ["Enabled"]))
    return tuple(cards)


def _mebibytes(said: str) -> int:
    return int(said) * 2**20 if said.isdigit() else 0  # some cards answer “[N/A]”


def _key(listed: tuple[Listed, ...]) -> str:
    """Return what a change of cards, driver, torch or masks changes."""
    try:
        torch = version("torch")
    except PackageNotFoundError:
        torch = "none"
    found = importlib.util.find_spec("torch")  # looks for the file, imports nothing
    place = Path(found.origin) if found and found.origin else Path()
    stamp = place.with_name("version.py").stat().st_mtime_ns if place.with_name("version.py").exists() else 0
    facts = [
        [(card.name, card.uuid, card.memory_bytes, card.driver, card.split) for card in listed],
        [torch, str(place), stamp],
        [os.environ.get(mask) for mask in MASKS],
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def _kept(key: str) -> Path:
    return Path(isolated_environment()["YOLO_CONFIG_DIR"]) / f"cards-{key}.json"


def _ask(key: str) -> dict[str, Any] | None:
    """Return what torch says of the cards, from memory or file where it said it before; None when it could not."""
    with _answers.one_at_a_time:
        if key not in _answers.known and key not in _answers.failed:
            answer = _read(_kept(key))
            try:
                answer = answer or run_child("core.models.cards_child", {}, timeout=ASKING, failure="no answer came")
            except GraftError as error:
                _answers.failed[key] = str(error)
            else:
                _answers.known[key] = answer
                if not any(card["memory_error"] for card in answer["cards"]):  # another time there is room
                    write_text_atomic(_kept(key), json.dumps(answer))
        return _answers.known.get(key)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        answer = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    whole = isinstance(answer, dict) and {"torch", "cuda", "why", "cards"} <= answer.keys()
    return answer if whole else None


def _why_not_asked(listed: tuple[Listed, ...], reason: str) -> str:
    name = listed[0].name if listed else "a graphics card"
    return (
        f"This machine has {name}, but PyTorch could not be asked about it: {reason} "
        f"`graft machine` asks again. {CPU_MEANWHILE}"
    )


def _problem(
    found: Cards, cards: list[Card], broken: list[dict[str, Any]], answer: dict[str, Any], environment: dict[str, str]
) -> str:
    name = found.listed[0].name if found.listed else "a graphics card"
    driver = found.listed[0].driver if found.listed else ""
    mask = next((f"{mask}={environment[mask]}" for mask in MASKS[:3] if mask in environment), "")
    if not answer["cuda"]:
        return (
            f"This machine has {name}, but the PyTorch installed here ({found.torch}) was built for the processor "
            "alone. Choose CUDA at pytorch.org/get-started/locally, and run the command it shows in Graft's "
            f"environment. {CPU_MEANWHILE}"
        )
    if not answer["cards"]:
        if mask and found.listed:
            return (
                f"This machine has {name}, but {mask} hides it from every program started here. Take that variable "
                f"out (`unset {mask.partition('=')[0]}`) and start Graft again. {CPU_MEANWHILE}"
            )
        if any(card.split for card in found.listed):
            return (
                f"{name} is divided into instances (MIG), and none was made that can be used. Make one "
                "(`sudo nvidia-smi mig -cgi 0 -C`), or end the division (`sudo nvidia-smi -mig 0`). "
                f"{CPU_MEANWHILE}"
            )
        if "too old" in answer["why"]:
            return (
                f"This machine has {name}, but its driver {driver} is too old for the PyTorch installed here "
                f"({found.torch}, CUDA {answer['cuda']}). Update the driver (nvidia.com/drivers), or install a "
                f"PyTorch for an older CUDA (pytorch.org/get-started/previous-versions). {CPU_MEANWHILE}"
            )
        return (
            f"This machine has {name}, but PyTorch ({found.torch}) can't use it: {answer['why'] or 'it sees no card.'} "
            f"`nvidia-smi` says whether the driver runs; after an update of the driver, restart. {CPU_MEANWHILE}"
        )
    if not found.usable:
        full = [card for card in cards if card.full]
        if full or any(said["memory_error"] for said in broken):
            left = max((card.free_bytes for card in full), default=0)
            size = max((card.memory_bytes for card in full), default=0)
            amount = f" ({memory(left)} of {memory(size)} free)" if size else ""
            return (
                f"Another program fills the memory of {name}{amount}. `nvidia-smi` names it; end it, or wait. "
                f"{CPU_MEANWHILE}"
            )
        return (
            f"PyTorch ({found.torch}) can't compute on {name}: {broken[0]['error']} Install a PyTorch that still "
            f"supports this card (pytorch.org/get-started/previous-versions). {CPU_MEANWHILE}"
        )
    notes = []
    hidden = len(found.listed) - len(answer["cards"])
    if mask and hidden > 0:
        notes.append(f"{mask} hides {count(hidden, 'card')} from Graft.")
    notes += [f"{card.name} (device {card.number}) is passed over: another program fills it." for card in cards
              if card.full]  # fmt: skip
    notes += [f"{said['name']} (device {said['number']}) can't be used: {said['error']}" for said in broken]
    return " ".join(notes)
