"""Settings: where everything lies, what may be used and fetched, what happens at the end, what takes the room."""

import os
from typing import Any

import streamlit as st
from pydantic import ValidationError

from core.errors import GraftError
from core.models.machine import describe_machine
from core.serving.address import PROXY, is_this_machine
from core.settings import ENDS, Settings, load_settings, save_settings
from core.storage import CleanUp, clean_up, clean_ups, rooms
from core.words import megabytes
from pages._ui.common import frame
from pages._ui.common.cells import Notebook, python_fold
from pages._ui.common.formatting import plain
from pages._ui.common.settings import field_widget, problems

workspace = frame.workspace()
stored = load_settings(workspace)
resting = any(getattr(stored, name) for name in ENDS) and not stored.ends_here


def ask(*names: str) -> dict[str, Any]:
    """Show the widgets of some settings; return what they say."""
    return {name: field_widget(Settings, name, key=f"settings_{name}", value=getattr(stored, name)) for name in names}


def keep(values: dict[str, Any], *, ends_here: bool) -> None:
    """Keep what was set; say in place what can't be."""
    given = stored.model_dump() | {name: value for name, value in values.items() if value is not None}
    given |= {name: Settings.model_fields[name].default for name, value in values.items() if value is None}
    try:
        save_settings(workspace, Settings.model_validate(given), ends_here=ends_here)
    except ValidationError as error:
        for sentence in problems(error, Settings):
            st.error(plain(sentence), icon=":material/error:")
    except GraftError as error:
        st.error(plain(str(error)), icon=":material/error:")
    else:
        st.toast("Kept.", icon=":material/check:")


def offer(values: dict[str, Any], key: str) -> None:
    """Show the button that keeps the settings of a cell, where one differs from what is stored or rests."""
    ends = set(values) <= set(ENDS)
    changed = (ends and resting) or any(
        (value or "") != (getattr(stored, name) or "") for name, value in values.items()
    )
    if st.button("Keep these", key=f"keep_{key}", type="primary" if changed else "secondary", disabled=not changed):
        keep(values, ends_here=ends)


def on_this_machine() -> bool:
    """Say whether whoever sees the page sits at this machine, as far as the server can know."""
    return is_this_machine(st.get_option("server.address")) and not os.environ.get(PROXY)


@st.dialog("Clean up")
def confirm(item: CleanUp) -> None:
    """Say once more what is lost, and remove it."""
    st.markdown(f"**{item.title}**, {megabytes(item.bytes)}. {item.loss} This can’t be undone.")
    if st.button(f"Remove {megabytes(item.bytes)}", key=f"really_{item.key}", type="primary"):
        st.session_state["cleaned"] = clean_up(workspace, item.key)
        st.rerun()


page = Notebook("Settings", "What holds for the whole workspace. All of it can stay as it is.")

with page.cell("Where is everything?"):
    st.markdown(
        f"In one folder, which can be copied to another machine and opened there:  \n`{workspace.root}`  \n"
        f":small[{describe_machine(workspace.root).words}]"
    )
    st.caption("Another folder: start Graft with GRAFT_WORKSPACE set to it.")
    offer(ask("weights_folder"), "weights")

with page.cell("What may it use?"):
    with st.grid(2, min_column_width=220):
        used = ask("cores", "device")
    if os.environ.get("GRAFT_CORES"):
        st.caption("GRAFT_CORES is set for this server and stands above the number of cores here.")
    offer(used, "use")

with page.cell("What may it fetch?", "Nothing is ever fetched unasked; what is not ticked can’t be asked for either."):
    offer(ask("fetch_weights", "fetch_public_sets"), "fetch")

with page.cell("What happens when a training has ended?", "Nothing more, unless you want it."):
    if on_this_machine():
        offer(ask("on_end_command", "on_end_webhook"), "end")
        if resting:
            st.caption("They were set on another machine, so nothing is run here until you keep them here.")
    else:
        st.markdown(
            "What runs a program on this machine is set at the machine itself, not over the network: "
            "`python -m core settings --on-end-command ...`"
        )

with page.cell("What takes how much room?"):
    taken = rooms(workspace)
    st.dataframe(
        [{"What": item.title, "Room": megabytes(item.bytes), "Single ones": item.where} for item in taken],
        hide_index=True, key="rooms", alt="The parts of the workspace and the room each takes",
    )  # fmt: skip
    st.caption(f"{megabytes(workspace.free_bytes())} are free on this disk. Single ones are deleted on the page named.")
    if (freed := st.session_state.pop("cleaned", None)) is not None:
        st.success(f"{megabytes(freed)} freed.", icon=":material/check:")
    for item in clean_ups(workspace):
        words, button = st.columns([4, 1], vertical_alignment="center")
        words.markdown(f"**{item.title}**, {megabytes(item.bytes)}  \n:small[{item.loss}]")
        with button:
            if st.button("Clean up", key=f"clean_{item.key}", help=f"Remove: {item.title}"):
                confirm(item)
    python_fold(
        "from core.settings import load_settings\nfrom core.storage import clean_ups, rooms\n"
        "from core.workspace import Workspace\n\n"
        "workspace = Workspace.current()\nprint(load_settings(workspace))\n"
        "print(rooms(workspace), clean_ups(workspace))",
        key="settings",
    )
