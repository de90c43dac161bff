"""Collect findings while reading and checking, and word them; the kinds are in `of_reading` and `of_checks`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from core.data.dataset import Finding, FindingKind, Severity
from core.data.findings.of_checks import CHECKS
from core.data.findings.of_reading import READING
from core.words import thousands

MAX_EXAMPLES = 10
"""Examples of a finding that are told."""
MAX_FILES = 500
"""Examples of a finding that are kept, so that its pictures can be looked through."""
KINDS: dict[str, FindingKind] = READING | CHECKS
IMPORT_ONLY = frozenset(READING)
"""Seen while reading only; checks of the imported copy can't find them again."""


@dataclass
class Problems:
    """Collects findings by code while reading; the first few examples of each are kept."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)
    more: dict[str, str] = field(default_factory=dict)
    helped: set[str] = field(default_factory=set)
    """codes whose fix helps at least one of what was noted"""

    def note(self, code: str, example: str = "", *, count: int = 1, more: str = "", fix_helps: bool = True) -> None:
        """Count one more of `code` (a key of KINDS) with the file or row it concerns.

        A fix is offered only where it helps at least one of them.
        """
        if code not in KINDS:
            raise KeyError(code)
        self.counts[code] += count
        if fix_helps:
            self.helped.add(code)
        if more:
            self.more[code] = more
        kept = self.examples.setdefault(code, [])
        if example and len(kept) < MAX_FILES:
            kept.append(example[:200])

    def findings(self) -> list[Finding]:
        """Return the findings, gravest first, in the order of KINDS within a severity."""
        rank = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}
        order = list(KINDS)
        codes = sorted(self.counts, key=lambda code: (rank[KINDS[code].severity], order.index(code)))
        found = [
            make_finding(code, self.counts[code], self.examples.get(code, []), self.more.get(code, ""))
            for code in codes
            if self.counts[code]
        ]
        return [item if item.code in self.helped else item.model_copy(update={"fix": ""}) for item in found]


def make_finding(code: str, count: int, examples: list[str], more: str = "") -> Finding:
    """Return the finding of a kind with its sentence filled in; ten examples are told, all are kept."""
    kind = KINDS[code]
    sentence = kind.one if count == 1 else kind.many
    return Finding(
        code=code,
        severity=kind.severity,
        count=count,
        message=sentence.format(n=thousands(count), more=more),
        examples=examples[:MAX_EXAMPLES],
        files=examples if len(examples) > MAX_EXAMPLES else [],
        why=kind.why,
        fix=kind.fix,
    )
