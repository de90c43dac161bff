"""Findings on screen: what it is, how often, why it matters, examples, and the button that mends it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from core.data.checks.prospects import Prospects
from core.data.dataset import Finding, Severity
from core.words import count
from pages._ui.common.formatting import plain

ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}
SEVERITY_WORDS = {
    Severity.ERROR: ("red", "must be solved"),
    Severity.WARNING: ("orange", "worth a look"),
    Severity.INFO: ("gray", "for your information"),
}

SHOWN_AT_ONCE = 3
"""Names of examples that stand without a fold, where there are no pictures to show."""


def verdict(findings: Sequence[Finding], outlook: Prospects | None = None) -> str:
    """Say in a sentence how a dataset stands before training, and what can be learned and judged by it."""
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    warnings = sum(finding.severity is Severity.WARNING for finding in findings)
    if errors:
        return f"{count(errors, 'problem')} must be solved before training can start."
    said = outlook.sentences() if outlook else []
    if outlook and not outlook.can_learn:
        return " ".join(["It can be trained to see how that works, not yet to be relied on.", *said])
    if warnings:
        ready = f"Ready to train; {count(warnings, 'point')} {'is' if warnings == 1 else 'are'} worth a look first."
    else:
        ready = "Ready to train. Nothing was found that would harm it."
    return " ".join([ready, *said])


def show_findings(
    findings: Sequence[Finding],
    *,
    key: str,
    show_example: Callable[[str], bool] | None = None,
    on_fix: Callable[[str], None] | None = None,
) -> None:
    """List findings, the grave ones first.

    `show_example` draws a picture the finding names and says whether it could; `on_fix` is called with the code of
    the finding whose fix button was pressed.
    """
    for finding in sorted(findings, key=lambda item: ORDER[item.severity]):
        colour, words = SEVERITY_WORDS[finding.severity]
        with st.container(key=f"{key}_{finding.code}", gap="small"):
            st.markdown(f":{colour}-badge[{words}] {plain(finding.message)}")
            if finding.why:
                st.caption(plain(finding.why))
            with st.container(horizontal=True, vertical_alignment="center"):
                if finding.fix and on_fix is not None:
                    st.button(plain(finding.fix), key=f"{key}_fix_{finding.code}", on_click=on_fix,
                              args=(finding.code,))  # fmt: skip
            if finding.examples:
                _examples(finding, key, show_example)


def _examples(finding: Finding, key: str, show_example: Callable[[str], bool] | None) -> None:
    if show_example is None and len(finding.examples) <= SHOWN_AT_ONCE:
        for name in finding.examples:
            st.markdown(f"`{name}`")
        return
    fold = st.expander(
        count(len(finding.examples), "example"), key=f"{key}_examples_{finding.code}", type="compact", on_change="rerun"
    )
    if not fold.open:
        return
    with fold:
        unseen = list(finding.examples)
        if show_example is not None:
            with st.grid(4, min_column_width=150, gap="small"):
                unseen = [name for name in finding.examples if not show_example(name)]
        for name in unseen:
            st.markdown(f"`{name}`")
