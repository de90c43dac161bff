"""Child process: what torch says of the graphics cards, each tried with a small sum."""

from __future__ import annotations

import warnings
from typing import Any

from core.jobs import Report
from core.processes.children import answer


def cards(_request: dict[str, Any], _report: Report) -> dict[str, Any]:
    """Return {"torch", "cuda", "why", "cards"}: versions, why none is available, and one record per card.

    `cuda` is the version of CUDA (or ROCm) torch was built for, None for a build without. A record has "number",
    "name", "uuid", "memory" and "free" in bytes, "error" (empty when the sum was right) and "memory_error".
    """
    import torch

    why = ""
    built_for = torch.version.cuda or getattr(torch.version, "hip", None)
    found: list[dict[str, Any]] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if built_for and not torch.cuda.is_available():
            try:
                torch.cuda.init()  # type: ignore[no-untyped-call]
            except Exception as error:  # torch has no kind of its own for it; the sentence is what we are after
                why = _first_line(error)
        elif built_for:
            found = [_tried(torch, number) for number in range(torch.cuda.device_count())]
    return {"torch": str(torch.__version__), "cuda": built_for, "why": why, "cards": found}


def _tried(torch: Any, number: int) -> dict[str, Any]:
    record = {"number": number, "name": f"card {number}", "uuid": "", "memory": 0, "free": 0, "error": "",
              "memory_error": False}  # fmt: skip
    try:
        facts = torch.cuda.get_device_properties(number)
        record |= {"name": facts.name, "uuid": str(getattr(facts, "uuid", "")), "memory": int(facts.total_memory)}
        record["free"] = int(torch.cuda.mem_get_info(number)[0])
        if float((torch.ones(8, device=f"cuda:{number}") * 2).sum()) != 16:
            record["error"] = "a sum on it comes out wrong."
    except Exception as error:  # whatever is wrong with a card is told, the others go on
        record["error"] = _first_line(error)
        record["memory_error"] = "memory" in str(error).lower()
    return record


def _first_line(error: Exception) -> str:
    first = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
    return first if first.endswith((".", "!", "?")) else f"{first}."


if __name__ == "__main__":
    answer(cards)
