"""The tour: five stops on the road, each with what happens there; it can be left, and found again in the sidebar."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from pages._ui.common.frame import go_to


@dataclass(frozen=True)
class Stop:
    """One stop of the tour: the page it is on, its name and what to see there."""

    file: str
    name: str
    words: str


STOPS = (
    Stop(
        "dataset.py", "Pictures",
        "Bring pictures: a zip, a folder, or a sheet from any labelling tool. Graft shows what it understood before "
        "anything is written, looks for mistakes, and divides them: some to learn from, others to judge by. Without "
        "labels, you draw them on the page Label.",
    ),
    Stop(
        "model.py", "Model",
        "Say how much time there is, and start. What the model knows already, how much of that is kept and every other "
        "setting is planned for your pictures; the folds show each with its reason.",
    ),
    Stop(
        "training.py", "Training",
        "Here a run is watched while it learns. It goes on when you close the page; you can stop it and keep the best, "
        "pause it, and come back by its address.",
    ),
    Stop(
        "evaluation.py", "Evaluation",
        "How good is it, and how sure is that? Counted on pictures it has not learned from, at one line that you can "
        "move; every mistake can be looked at.",
    ),
    Stop(
        "deliver.py", "Use",
        "Try it on new pictures, or take it away: a report for people who decide, a bundle for an engineer, a file for "
        "another program.",
    ),
)  # fmt: skip


def begin_tour() -> None:
    """Begin the tour at its first stop; the page follows at the next drawing."""
    st.session_state["tour_place"], st.session_state["tour_moved"] = 0, True


def show_tour() -> None:
    """Show the stop of the tour, where one is under way, and lead to its page."""
    place = st.session_state.get("tour_place")
    if place is None:
        return
    if st.session_state.pop("tour_moved", False):
        go_to(STOPS[place].file)
    stop = STOPS[place]
    with st.container(border=True, key="tour_stop"):
        st.markdown(f"**{place + 1} of {len(STOPS)}: {stop.name}**  \n{stop.words}")
        with st.container(horizontal=True):
            last = place == len(STOPS) - 1
            if not last:
                st.button("Next stop", key="tour_next", icon=":material/arrow_forward:", icon_position="right",
                          on_click=_move, args=(place + 1,))  # fmt: skip
            if place:
                st.button("Back", key="tour_back", on_click=_move, args=(place - 1,))
            st.button("End the tour", key="tour_end", type="tertiary", on_click=_end,
                      help="It is found again at the foot of the sidebar.")  # fmt: skip


def _move(place: int) -> None:
    st.session_state["tour_place"], st.session_state["tour_moved"] = place, True


def _end() -> None:
    st.session_state.pop("tour_place", None)
