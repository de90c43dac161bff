"""What is this called? Seven words of the field: how they differ in two lines, a picture, and where to try each."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import streamlit as st

from pages._ui.common.cells import show_drawing
from pages._ui.common.frame import has_page, page_path

LEAF = "#3F9A63"


@dataclass(frozen=True)
class Word:
    """A word of the field."""

    name: str
    lines: str
    """what it means and how it differs, two sentences"""
    picture: str
    """SVG shapes on a ground of 150 x 60, in the colour of the text and in green for what learns"""
    seen: str
    """what the picture shows, for those who can't see it"""
    place: str
    """where in Graft it can be tried"""
    page: str
    kind: str = ""
    """the Lab's question, where it is one of the Lab"""


def _model(x: int, learns: tuple[bool, bool, bool, bool], scale: float = 1.0) -> str:
    """Return a model as four blocks, the seeing part and the deciding part (last); green ones learn."""
    blocks = []
    for number, green in enumerate(learns):
        left, height = x + number * 15 * scale, (40 - 6 * number if number < 3 else 34) * scale
        style = f'fill="{LEAF}"' if green else 'fill="currentColor" fill-opacity="0.28"'
        blocks.append(
            f'<rect x="{left:.0f}" y="{30 - height / 2:.0f}" width="{11 * scale:.0f}" height="{height:.0f}" rx="2" '
            f"{style}/>"
        )
    return "".join(blocks)


def _pictures(x: int, y: int, count: int, green: bool = False) -> str:
    """Return a small pile of pictures."""
    colour = LEAF if green else "currentColor"
    return "".join(
        f'<rect x="{x + 4 * n}" y="{y - 4 * n}" width="20" height="16" rx="2" fill="none" stroke="{colour}" '
        f'stroke-width="1.6"/><circle cx="{x + 4 * n + 6}" cy="{y - 4 * n + 6}" r="2" fill="{colour}"/>'
        for n in range(count)
    )


def _arrow(x: int, length: int = 14) -> str:
    return (
        f'<path d="M{x} 30h{length}m-5 -4l5 4l-5 4" fill="none" stroke="currentColor" stroke-width="1.6" '
        'stroke-opacity="0.7"/>'
    )


def _text(x: int, y: int, words: str) -> str:
    return f'<text x="{x}" y="{y}" font-size="11" fill="currentColor">{escape(words)}</text>'


NONE, HEAD, ALL = (False,) * 4, (False, False, False, True), (True,) * 4

WORDS = (
    Word(
        "Transfer learning",
        "What a model learned from millions of photographs is used for your pictures. It is the name for all of the "
        "below; the opposite is training from scratch.",
        _pictures(2, 30, 3) + _arrow(36) + _model(54, NONE) + _arrow(114) + _pictures(130, 24, 1, green=True),
        "Many pictures teach a model, which then looks at a few of yours",
        "Lab: What did transfer buy?",
        "lab.py",
        "transfer",
    ),
    Word(
        "Feature extraction",
        "The seeing part (backbone) stays as it is, only the deciding part (head) learns. Quick, and hard to spoil "
        "with few pictures; weaker where your pictures look unlike photographs.",
        _pictures(2, 24, 1, green=True) + _arrow(28) + _model(48, HEAD) + _text(50, 58, "kept") + _text(93, 58, "new"),
        "A model of which only the last block is green: it learns",
        "Model: the strategy “frozen”",
        "model.py",
    ),
    Word(
        "Fine-tuning",
        "All parts go on learning, gently, from where they are. Usually the best result once there are some dozens of "
        "pictures; two-stage teaches the deciding part first.",
        _pictures(2, 24, 1, green=True) + _arrow(28) + _model(48, ALL),
        "A model all of whose blocks are green: all learn",
        "Model: the strategies “fine-tune”, “two-stage”, “discriminative”",
        "model.py",
    ),
    Word(
        "Few-shot",
        "Learning from a handful of pictures per class. It says how little data there is, not how it is used: any of "
        "the strategies may do it, and how far that carries can be measured.",
        _pictures(2, 26, 2, green=True) + _arrow(36) + _model(56, HEAD),
        "Two pictures teach a model",
        "Lab: How many pictures do I need?",
        "lab.py",
        "curve",
    ),
    Word(
        "Zero-shot",
        "Using a model as it comes, without showing it a single picture of yours. It works only for what it knows by "
        "name already, such as people, cars or cups.",
        _text(2, 34, "“cup”") + _arrow(34) + _model(54, NONE) + _arrow(116) + _text(134, 34, "?"),
        "A word and no picture goes to a model that does not learn",
        "Lab: What did transfer buy? (where it knows your classes)",
        "lab.py",
        "transfer",
    ),
    Word(
        "Distillation",
        "A large, slow model teaches a small, quick one: beside your labels it shows how it sees each picture. What "
        "you use afterwards is the small one alone.",
        _model(4, NONE) + _arrow(70, 18) + _model(98, ALL, 0.7),
        "A large model teaches a small green one",
        "Model: “Learn from a larger model as well”",
        "model.py",
    ),
    Word(
        "Domain adaptation",
        "A model that knows your task learns the same in other conditions: a new product, camera or light. What "
        "matters is what it gains there, and what it forgets of before.",
        _pictures(2, 24, 1) + _arrow(26) + _model(44, ALL) + _pictures(112, 26, 2, green=True),
        "A model goes from one kind of pictures to another",
        "Lab: A new product on the line",
        "lab.py",
        "product",
    ),
)


def picture(word: Word) -> str:
    """Return a word's picture as SVG in the ink of the page."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 162 62" width="162" height="62" '
        f'font-family="sans-serif">{word.picture}</svg>'
    )


def _ask(kind: str) -> None:
    st.session_state["lab_kind"] = kind
    st.toast("Chosen above, in the first cell of this page.")


def show_words(*, can_ask: bool = True) -> None:
    """Show the fold; `can_ask`: the Lab's questions are on this page and can be chosen from here."""
    with st.expander("Transfer learning, fine-tuning, few-shot and so on: seven words", key="learn_words"):
        for word in WORDS:
            left, right = st.columns([1, 3], vertical_alignment="center")
            with left:
                show_drawing(picture(word), word.seen, 162)
            with right:
                st.markdown(f"**{word.name}**  \n{word.lines}")
                if word.kind and can_ask:
                    st.button(word.place, key=f"learn_{word.name}", type="tertiary", icon=":material/arrow_upward:",
                              on_click=_ask, args=(word.kind,))  # fmt: skip
                elif has_page(word.page) and not word.kind:
                    st.page_link(page_path(word.page), label=word.place, icon=":material/arrow_forward:")
