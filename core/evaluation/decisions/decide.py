"""What a model's answers come to where it is used, in the words of whoever decides by them.

The plain sentences come first, then each rate with its interval and its definition.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

from core.evaluation.decisions.rates import at_prevalence, exact_rate
from core.evaluation.decisions.settings import DecisionSettings
from core.evaluation.decisions.units import UnitCounts, count_units
from core.evaluation.evaluation import Evaluation
from core.evaluation.figures.figure import Figure
from core.tasks import TASKS
from core.words import count, percent, share_words, thousands, value_from_to

MADE = frozenset(["part", "piece", "product", "item", "board", "unit", "weld", "casting", "panel", "wafer", "lot"])
"""What is made rather than examined: it is thrown out and gets through."""

PATIENT = re.compile("patient|person|subject", re.IGNORECASE)

SEEN_AS_EQUAL = 0.05
"""Units by which an expected number may differ from the counted one without being told from it."""


@dataclass(frozen=True)
class Rate:
    """One rate of decisions with what it means."""

    title: str
    figure: Figure
    definition: str
    part: int | None = None
    whole: int | None = None
    """the counts on these pictures behind it, None for what follows from others"""

    def as_dict(self) -> dict[str, Any]:
        """Return {"value", "low", "high", "definition"} and, where it was counted, {"count", "of"}."""
        counted = {} if self.part is None else {"count": self.part, "of": self.whole}
        return self.figure.as_dict() | counted | {"definition": self.definition}


@dataclass(frozen=True)
class Decisions:
    """Everything about the decisions that would be made at the line."""

    unit: str
    prevalence: float | None
    sentences: list[str]
    units: int = 0
    bad: int = 0
    rejected: int = 0
    escaped: int = 0
    overkilled: int = 0
    rates: dict[str, Rate] = field(default_factory=dict)
    counts: UnitCounts | None = field(default=None, repr=False, compare=False)

    def as_dict(self) -> dict[str, Any]:
        """Return its fields, the rates by name, the units by picture left out."""
        names = ("unit", "prevalence", "units", "bad", "rejected", "escaped", "overkilled", "sentences")
        told = {name: getattr(self, name) for name in names}
        told["passed"] = self.units - self.rejected
        told["rates"] = {name: rate.as_dict() for name, rate in self.rates.items()}
        return told


def decide(evaluation: Evaluation, settings: DecisionSettings | None = None) -> Decisions:
    """Return what the answers at the line of an evaluation come to for whoever decides by them."""
    settings = settings or DecisionSettings()
    unit = settings.unit or unit_word(evaluation.groups)
    counts = count_units(evaluation, settings)
    if counts is None:
        why = (
            "A class for every pixel is no decision about a whole: nothing is passed or rejected by it."
            if TASKS[evaluation.task].names_pixels
            else "Which class means that nothing is wrong? Name it (good), and escapes and false rejects are counted."
        )
        return Decisions(unit, settings.prevalence, [why])
    bad, good = int(counts.bad.sum()), int((~counts.bad).sum())
    escaped, overkilled = int((counts.bad & ~counts.rejected).sum()), int((~counts.bad & counts.rejected).sum())
    rates = _rates(unit, settings.prevalence, counts)
    return Decisions(
        unit,
        settings.prevalence,
        _sentences(unit, settings.prevalence, rates, counts),
        units=bad + good,
        bad=bad,
        rejected=int(counts.rejected.sum()),
        escaped=escaped,
        overkilled=overkilled,
        rates=rates,
        counts=counts,
    )


def unit_word(groups: dict[str, str]) -> str:
    """Return what a unit is called where nobody said, by `groups` (file -> group): a picture, a patient, else a unit.

    A group's name may be the number alone: in `patient017_2.png` the word stands before it.
    """
    if not groups:
        return "picture"
    of_patients = any(
        PATIENT.search(group) or (group and re.search(rf"({PATIENT.pattern})[\W_]*{re.escape(group)}", file, re.I))
        for file, group in groups.items()
    )
    return "patient" if of_patients else "unit"


def _rates(unit: str, prevalence: float | None, counts: UnitCounts) -> dict[str, Rate]:
    bad, good = int(counts.bad.sum()), int((~counts.bad).sum())
    escaped, overkilled = int((counts.bad & ~counts.rejected).sum()), int((~counts.bad & counts.rejected).sum())
    rates = {
        "escape rate": Rate(
            "Bad ones passed (escape rate)", exact_rate(counts.escapes, bad),
            f"bad {unit}s in which nothing is found, of all bad {unit}s; 1 - sensitivity", escaped, bad,
        ),
        "overkill rate": Rate(
            "Good ones rejected (overkill, false reject rate)", exact_rate(counts.overkilled, good),
            f"good {unit}s in which something is found, of all good {unit}s; 1 - specificity", overkilled, good,
        ),
    }  # fmt: skip
    if prevalence is None:
        return rates
    stated = at_prevalence(prevalence, counts.escapes, bad, counts.overkilled, good)
    share = share_words(prevalence)
    described = {
        "PPV": ("A rejected one is bad (positive predictive value)", f"of the rejected {unit}s, the share that is bad"),
        "NPV": ("A passed one is good (negative predictive value)", f"of the passed {unit}s, the share that is good"),
        "escaped": ("Bad and passed, of all", f"bad {unit}s that are passed, of all {unit}s"),
        "overkill": ("Good and rejected, of all", f"good {unit}s that are rejected, of all {unit}s"),
        "passed defective": ("Bad among the passed", f"of the passed {unit}s, the share that is bad"),
    }
    for name, (title, definition) in described.items():
        rates[name] = Rate(title, stated[name], f"{definition}, where {share} are bad")
    return rates


def _sentences(unit: str, prevalence: float | None, rates: dict[str, Rate], counts: UnitCounts) -> list[str]:
    bad, good = int(counts.bad.sum()), int((~counts.bad).sum())
    escape, overkill = rates["escape rate"], rates["overkill rate"]
    if prevalence is None:
        lines = _at_any(unit, escape.figure if bad else None, overkill.figure if good else None)
    else:
        of_bad, of_good = rates["escaped"].figure if bad else None, rates["overkill"].figure if good else None
        lines = _at_stated(unit, prevalence, of_bad, of_good)
    if prevalence is not None and rates["PPV"].figure.is_known:
        ppv, npv = rates["PPV"].figure, rates["NPV"].figure
        lines.append(
            f"A rejected {unit} is really bad in {value_from_to(ppv)} of cases, a passed one good in "
            f"{value_from_to(npv)}."
            if unit in MADE
            else f"With a flagged {unit} something is really wrong in {value_from_to(ppv)} of cases, with one that is "
            f"not flagged nothing in {value_from_to(npv)}."
        )
    if prevalence is not None:
        lines += _advice(unit, prevalence, rates, has_line=counts.has_line)
    lines += _bounds(unit, escape, overkill, counts)
    caught = int((counts.bad & counts.rejected).sum())
    if counts.for_a_reason is not None and counts.for_a_reason < caught:
        caught_ones = (
            f"{count(caught, f'bad {unit}')} rejected" if unit in MADE else f"{count(caught, unit)} rightly flagged"
        )
        lines.append(
            f"Of the {caught_ones}, {thousands(caught - counts.for_a_reason)} only for a false alarm: nothing labelled "
            "was found there."
        )
    first, *rest = [*_missing(unit, bad, good, counts.alarms_per_picture), *lines]
    return [first, *_basis(unit, counts), *rest]


def _basis(unit: str, counts: UnitCounts) -> list[str]:
    """Say what is counted where that is not plain: units of several pictures, and which class is the good one."""
    units, done = len(counts.bad), "rejected" if unit in MADE else "flagged"
    told = []
    if units < len(counts.files):
        told.append(
            f"This counts {count(units, unit)}, not their {count(len(counts.files), 'picture')}: one is {done} as soon "
            "as one of its pictures is."
        )
    if counts.good:
        told.append(f"“{counts.good}” is taken to mean that nothing is wrong, any other class that something is.")
    return told


def _at_any(unit: str, escape: Figure | None, overkill: Figure | None) -> list[str]:
    made, lines = unit in MADE, []
    if escape is not None:
        value, ends = per(escape, 1000)
        lines.append(
            f"Of 1,000 bad {unit}s, about {value} would get through ({ends})."
            if made
            else f"Of 1,000 {unit}s with something wrong, about {value} would be missed ({ends})."
        )
    if overkill is not None:
        value, ends = per(overkill, 1000)
        lines.append(
            f"Of 1,000 good {unit}s, about {value} would be thrown out ({ends})."
            if made
            else f"Of 1,000 {unit}s with nothing wrong, about {value} would be flagged ({ends})."
        )
    return [*lines, "How common that is where the model is used decides what it comes to: state it (prevalence)."]


def _at_stated(unit: str, prevalence: float, escaped: Figure | None, overkill: Figure | None) -> list[str]:
    many = 1000 if prevalence >= 0.005 else 1_000_000
    among, there = f"{thousands(many)} {unit}s", _number(prevalence * many)
    made, lines = unit in MADE, []
    if escaped is not None:
        value, ends = per(escaped, many)
        lines.append(
            f"Of the {there} bad ones among {among}, about {value} get through ({ends})."
            if made
            else f"Of the {there} with something wrong among {among}, about {value} are missed ({ends})."
        )
    if overkill is not None:
        value, ends = per(overkill, many)
        lines.append(
            f"Of {among}, about {value} good ones are thrown out ({ends})."
            if made
            else f"Of {among}, about {value} are flagged though nothing is wrong ({ends})."
        )
    return lines


def _rounded_up(bound: float | None) -> float | None:
    """Return a bound that something lies below (0 to 1) as no lower one once it is told in whole percent."""
    return bound if bound is None or bound <= 0.01 or bound >= 0.99 else math.ceil(bound * 100) / 100


def _bounds(unit: str, escape: Rate, overkill: Rate, counts: UnitCounts) -> list[str]:
    """Say how much none of a few leaves possible, where what to expect on new ones is none as well."""
    made, lines = unit in MADE, []
    if escape.part == 0 and escape.whole and counts.escapes < SEEN_AS_EQUAL:
        whole = count(escape.whole, f"bad {unit}") if made else count(escape.whole, unit) + " with something wrong"
        lines.append(f"0 of {whole} missed: below {percent(_rounded_up(escape.figure.high))} with 95 % confidence.")
    if overkill.part == 0 and overkill.whole and counts.overkilled < SEEN_AS_EQUAL:
        whole = count(overkill.whole, f"good {unit}") if made else count(overkill.whole, unit) + " with nothing wrong"
        done = "rejected" if made else "flagged"
        lines.append(f"0 of {whole} {done}: below {percent(_rounded_up(overkill.figure.high))} with 95 % confidence.")
    return lines


def _advice(unit: str, prevalence: float, rates: dict[str, Rate], *, has_line: bool) -> list[str]:
    """Say what to do where it is not sure, or not so, that most of the rejected are bad."""
    worth, overkill, escape = rates["PPV"].figure, rates["overkill rate"], rates["escape rate"].figure
    made = unit in MADE
    rejected = "rejected" if made else "flagged"
    if not worth.is_known or worth.low >= 0.5:
        return []
    if worth.high < 0.5:
        otherwise = ", or raise the line" if has_line else ""
        return [f"Most of what is {rejected} has nothing wrong: have a person look at each{otherwise}."]
    tolerated = prevalence * (1 - escape.value) / (1 - prevalence)
    if overkill.part == 0 and 0 < tolerated < 1:
        needed = math.ceil(math.log(0.025) / math.log1p(-tolerated))
        kind = f"good {unit}s" if made else f"{unit}s with nothing wrong"
        return [
            f"{thousands(needed)} {kind} of which none is {rejected} would show that at least half of what is "
            f"{rejected} is really bad; here there were {thousands(overkill.whole or 0)}."
        ]
    return [f"It is not sure that most of what is {rejected} is really bad: have a person look at each."]


def _missing(unit: str, bad: int, good: int, alarms: float | None) -> list[str]:
    made = unit in MADE
    if not good:
        kind, done = (f"good {unit}s", "rejected") if made else (f"{unit}s with nothing wrong", "flagged")
        lines = [f"How many {kind} would be {done} is not known: none is among these pictures."]
        if alarms is not None and alarms >= 0.1:
            lines.append(f"It raises {_number(alarms)} false alarms per picture, so many could be.")
        wanted = kind if unit == "picture" else f"pictures of {kind}"
        return [*lines, f"Bring {wanted}, labelled as empty, before you decide by it."]
    kind = f"bad {unit}" if made else f"{unit} with something wrong"
    return [] if bad else [f"No {kind} is among these pictures, so nobody knows how many would be missed."]


def counted_words(decisions: Decisions) -> str:
    """Say what would have been done with the units of these pictures, with how many wrongly, and why rates differ."""
    counts, words = decisions.counts, _counted_words(decisions)
    if counts is None or not (counts.line_chosen or counts.epoch_chosen):
        return words
    if abs(counts.escapes - decisions.escaped) + abs(counts.overkilled - decisions.overkilled) < SEEN_AS_EQUAL:
        return words
    if counts.line_chosen and counts.epoch_chosen:
        chosen, both = "the line and the best epoch were", "both"
    else:
        chosen, both = ("the line was" if counts.line_chosen else "the best epoch was"), "it"
    return (
        f"{words} The rates differ from these counts: {chosen} chosen on these very pictures, and the rates are what "
        f"to expect of new ones, with {both} chosen anew on other pictures."
    )


def _counted_words(decisions: Decisions) -> str:
    unit, good, passed = decisions.unit, decisions.units - decisions.bad, decisions.units - decisions.rejected
    if not good:
        all_of = count(decisions.units, unit)
        done = "rejected" if unit in MADE else "flagged"
        return (
            f"Something is wrong with all of these {all_of}; {thousands(decisions.rejected)} would be {done}, "
            f"{thousands(decisions.escaped)} missed."
        )
    of_them = count(decisions.units, unit)
    if unit not in MADE:
        return (
            f"With {thousands(decisions.bad)} of these {of_them} something is wrong. "
            f"{thousands(decisions.rejected)} would be flagged, {thousands(decisions.overkilled)} of the "
            f"{thousands(good)} with nothing wrong among them; {thousands(decisions.escaped)} would be missed."
        )
    return (
        f"Of these {of_them} {thousands(decisions.bad)} are bad. "
        f"{thousands(decisions.rejected)} would be rejected, {thousands(decisions.overkilled)} of the "
        f"{thousands(good)} good ones with them; {thousands(passed)} would be passed, {thousands(decisions.escaped)} "
        "of the bad ones with them."
    )


def per(figure: Figure, many: int) -> tuple[str, str]:
    """Return a share as a number of so many, and its interval: `12`, `4 to 25`."""
    return _number(figure.value * many), f"{_number(figure.low * many)} to {_number(figure.high * many)}"


def rate_words(figure: Figure) -> str:
    """Return a rate with its interval, in parts per million where a percentage would show nothing but noughts."""
    if not figure.is_known:
        return "not known"
    if figure.has_interval and figure.high < 0.001:
        value, ends = per(figure, 1_000_000)
        return f"{value} ppm ({ends})"
    return value_from_to(figure)


def million_words(figure: Figure) -> str:
    """Return a rate per million with its interval, a dash where it is not known."""
    if not figure.is_known:
        return "–"
    value, ends = per(figure, 1_000_000)
    return f"{value} ({ends})"


def _number(value: float) -> str:
    if value >= 1000:
        return thousands(int(float(f"{value:.3g}")))
    if 0 < value < 0.05:
        return "under 0.1"
    return f"{value:.0f}" if value >= 9.95 or value == 0 else f"{value:.1f}"
