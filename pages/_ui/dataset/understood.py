"""What was understood of an upload, before anything is written, with the choices in reach; then one click imports."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from core.data.dataset import Finding
from core.data.importing.job import read_import, start_import, start_look
from core.data.importing.settings import CHOICES, ImportSettings
from core.data.importing.uploads import source_words
from core.data.reading.choices import COLUMN
from core.data.reading.sheets.columns import NONE, ONE_PER_COLUMN
from core.jobs import remove_job
from core.tasks import TASKS
from core.words import SPLIT_WORDS, count, thousands
from core.workspace import Workspace
from pages._ui.common.formatting import plain
from pages._ui.common.running import import_words
from pages._ui.dataset.findings import show_findings
from pages._ui.dataset.views import FORMAT_WORDS

MOST_SHOWN = 12
"""Classes that are shown with a picture; the others are named."""


def show_look(
    workspace: Workspace,
    folder: Path,
    job: dict[str, Any],
    settings: Callable[[], tuple[ImportSettings | None, str]],
    ended: Callable[[], None],
) -> None:
    """Show what a look has found and import it on one click; `settings` shows the fold of the import's settings.

    `ended` forgets the job, when other pictures are wanted.
    """
    sources = [Path(path) for path in job["source"]]
    st.markdown(f"**{plain(source_words(sources))}**")
    state = read_import(folder)
    chosen: dict[str, str] = st.session_state.setdefault(_key(folder), dict(job["settings"].get(CHOICES, {})))
    understood = state.result.get("understood") if not state.running and not state.error else None
    if state.running:
        _moving(folder)
    elif understood is None:
        st.error(plain(state.error or "The look ended without a result."), title="This can’t be imported")
    else:
        _show(understood, state.result.get("examples", {}), folder, chosen)
    wanted, name = settings()
    asked = None if wanted is None else wanted.model_copy(update={CHOICES: chosen}).model_dump(mode="json")
    if not state.running and asked is not None and asked != _filled(job["settings"]):
        start_look(workspace, folder, sources, settings=asked)
        st.rerun()
    is_open = understood is not None and any(choice["taken"] is None for choice in understood["choices"])
    with st.container(horizontal=True):
        possible = asked is not None and (state.running or (understood is not None and not is_open))
        pressed = st.button("Import", key="bring_start", type="primary", disabled=not possible)
        again = "Try another" if understood is None and not state.running else "Other pictures"
        st.button(again, key="look_ended", on_click=_end, args=(folder, ended))
    if pressed:
        st.session_state[_wish(folder)] = True
    if st.session_state.get(_wish(folder)) and state.running:
        st.caption("It is imported as soon as it is understood, unless there is something to choose.")
    elif st.session_state.pop(_wish(folder), False) and possible and asked is not None:
        start_import(workspace, folder, sources, settings=asked, name=name)
        st.rerun()


def _key(folder: Path) -> str:
    return f"choices_{folder.name}"


def _wish(folder: Path) -> str:
    return f"wish_{folder.name}"


def _end(folder: Path, ended: Callable[[], None]) -> None:
    remove_job(folder)
    ended()


def _filled(settings: dict[str, Any]) -> dict[str, Any]:
    """Return stored settings with the defaults of those that are not in it."""
    return ImportSettings.model_validate(settings).model_dump(mode="json")


@st.fragment(run_every=0.5)
def _moving(folder: Path) -> None:
    state = read_import(folder)
    if not state.running:
        st.rerun()
    st.progress(state.fraction, text=import_words(state))


def _show(understood: dict[str, Any], examples: dict[str, str], folder: Path, chosen: dict[str, str]) -> None:
    st.markdown(
        f"Read as **{plain(FORMAT_WORDS.get(understood['layout'], understood['layout']))}**. {_contents(understood)}"
    )
    open_first = sorted(understood["choices"], key=lambda choice: choice["taken"] is not None)
    for choice in open_first:
        if choice["taken"] is None:
            _choose(choice, understood, folder, chosen)
    if understood["classes"]:
        _classes(understood, examples, folder)
    elif examples:
        _pictures(examples, folder)
    if understood["split_note"]:
        st.caption(plain(understood["split_note"]))
    taken = [choice for choice in open_first if choice["taken"] is not None]
    if taken:
        st.markdown("**Where it had to choose**")
        for choice in taken:
            _choose(choice, understood, folder, chosen)
    if understood["left_out"]:
        st.markdown("**What is left out or was changed**")
        show_findings([Finding(**item) for item in understood["left_out"]], key=f"look_{folder.name}")
    if understood["noticed"]:
        st.markdown("**What is worth a look, now or after the import**")
        show_findings([Finding(**item) for item in understood["noticed"]], key=f"noticed_{folder.name}")
    if understood["task"] is not None:
        st.caption("Damaged pictures and copies are found by the import, which opens each picture.")


def _contents(understood: dict[str, Any]) -> str:
    """Say in a sentence or two what would be imported."""
    if understood["task"] is None:
        return "One thing has to be chosen first:"
    parts = [
        f"{thousands(number)} {SPLIT_WORDS.get(part, part)}" for part, number in understood["images"].items() if number
    ]
    pictures = count(sum(understood["images"].values()), "picture")
    divided = f" ({', '.join(parts)})" if len(parts) > 1 else ""
    if not understood["classes"]:
        return f"{pictures}{divided}, nothing is labelled."
    return f"{pictures}{divided}; a model will learn to {TASKS[understood['task']].to_do}."


def _classes(understood: dict[str, Any], examples: dict[str, str], folder: Path) -> None:
    names = understood["classes"]
    what = "object" if TASKS[understood["task"]].finds_objects else "picture"
    with st.grid(4, min_column_width=150, gap="small"):
        for name in names[:MOST_SHOWN]:
            with st.container(gap="xxsmall"):
                path = folder / "examples" / examples.get(name, "-")
                if path.is_file():
                    st.image(path.read_bytes(), alt=f"A picture with {name}", width="stretch")
                st.markdown(f"**{plain(name)}** :small[{count(understood['objects'].get(name, 0), what)}]")
    if len(names) > MOST_SHOWN:
        rest = names[MOST_SHOWN : MOST_SHOWN + 40]
        st.caption(f"and {count(len(names) - MOST_SHOWN, 'class')} more: {plain(', '.join(rest))}")


def _pictures(examples: dict[str, str], folder: Path) -> None:
    """Show some pictures of an upload in which nothing is labelled."""
    with st.grid(4, min_column_width=150, gap="small"):
        for name, file in examples.items():
            st.image((folder / "examples" / file).read_bytes(), alt=f"The picture {name}", width="stretch")


def _choose(choice: dict[str, Any], understood: dict[str, Any], folder: Path, chosen: dict[str, str]) -> None:
    """Show a question with its readings; what is picked is looked at anew."""
    values = [option["value"] for option in choice["options"]]
    meanings = {option["value"]: option["meaning"] for option in choice["options"]}
    key = f"choice_{folder.name}_{choice['key']}"
    if choice["sample"]:
        heads, *rows = choice["sample"]
        unique = [head or f"({place + 1})" for place, head in enumerate(heads)]
        unique = [head if unique.count(head) == 1 else f"{head} ({place + 1})" for place, head in enumerate(unique)]
        padded = [[*row, *[""] * len(unique)][: len(unique)] for row in rows]
        st.dataframe({head: [row[place] for row in padded] for place, head in enumerate(unique)}, hide_index=True)
    before = [earlier["key"] for earlier in understood["choices"]]
    before = before[: before.index(choice["key"])]

    def take(widget: str) -> None:
        value = st.session_state[widget]
        if value is not None:
            for later in [name for name in chosen if name not in before]:
                del chosen[later]  # what was asked after it may not be asked any more
            chosen[choice["key"]] = f"{value:g}" if isinstance(value, float) else value

    taken = choice["taken"]
    columns = choice["key"].startswith(COLUMN)
    labels = {value: f"{_spoken(value)}{meanings[value]}" if columns else meanings[value] for value in values}
    labels = {value: text[:1].upper() + text[1:] if not columns else text for value, text in labels.items()}
    if taken is not None and taken not in values:
        values, labels[taken] = [*values, taken], taken
    st.radio(plain(choice["question"]), values, index=None if taken is None else values.index(taken), key=key,
             format_func=lambda value: plain(labels[value]), on_change=take, args=(key,))  # fmt: skip
    if choice["number"]:
        low, high = choice["number"]
        st.number_input("Another limit", low, high, value=None, key=f"{key}_number", format="%g", on_change=take,
                        args=(f"{key}_number",))  # fmt: skip
    if choice["why"]:
        st.caption(plain(choice["why"]))


def _spoken(value: str) -> str:
    """Return the head of a column as a lead; readings that are no column speak for themselves."""
    return "" if value in (NONE, ONE_PER_COLUMN) else f"{value}: "
