"""The frame every page stands in: navigation, page icon, the dataset and run being worked on."""

import streamlit as st

from core.errors import InputError
from core.files.answering import silent_for
from core.labelling.labelling import size_of
from core.serving.address import address_words, is_this_machine
from core.training.records.rebuilding import forget_note, rebuilt_words
from core.words import count
from core.workspace import named_folder, read_only_words
from pages._ui.common import frame
from pages._ui.common.formatting import plain, state_badge
from pages._ui.common.keys import begin_at_the_top, listen, show_keys
from pages._ui.common.looking import run_now
from pages._ui.common.road import show_road
from pages._ui.common.tour import begin_tour, show_tour
from pages._ui.common.unknown_address import show_unknown, unknown_in_address
from pages._ui.common.upload import keep_dropped_folders

st.set_page_config(page_title="Graft", page_icon=str(frame.ASSETS / "mark.png"), layout="wide")
st.html(frame.PAGES / "_ui" / "graft.css")

if silent_for(named_folder()):  # before anything touches it: what waits for a drive can't be called off
    frame.wait_for_workspace()
    st.stop()
steps = frame.steps()
by_title = {
    step.title: st.Page(step.path, title=step.title, default=step.file == "home.py", url_path=step.path.stem)
    for step in steps
}
chosen = st.navigation(list(by_title.values()), position="sidebar", expanded=True)
step = next(item for item in steps if item.title == chosen.title)
st.logo(str(frame.ASSETS / "logo.svg"), size="large", icon_image=str(frame.ASSETS / "mark.svg"))
st.session_state["frame_ready"] = True
frame.keep_address(step)
frame.take_presenter_view()
missing = unknown_in_address(frame.workspace(), step)


@st.fragment(run_every=5)
def show_current() -> None:
    """Say in the sidebar which dataset and run the pages are about; the run's state moves."""
    dataset = frame.current_dataset()
    if dataset is not None:
        pictures, classes = size_of(dataset) or (sum(dataset.images.values()), len(dataset.classes))
        size = count(pictures, "picture") + (f", {count(classes, 'class')}" if classes else "")
        st.markdown(f":small[Dataset]  \n**{plain(dataset.name)}**  \n:small[{size}]")
    run_id = frame.current_id("run")
    if run_id:
        try:
            run = run_now(frame.workspace(), run_id)
        except InputError:
            return  # deleted meanwhile, or an old address
        if dataset is not None and run.dataset != dataset.id:
            return  # looked at before, on other pictures
        st.markdown(f":small[Run]  \n**{plain(run.name)}**  \n{state_badge(run.state)}")


with st.sidebar:
    show_current()  # before the page, which may stop early
    st.toggle(
        "Presenter view",
        key="presenting",
        on_change=frame.turn_presenter_view,
        help="Hides what is folded, and makes pictures and letters large.",
    )
    with st.container(horizontal=True, gap="small"):
        st.button("Tour", key="tour", type="tertiary", icon=":material/tour:", on_click=begin_tour,
                  help="Five stops on the road, with what happens at each.")  # fmt: skip
        if st.button("Keyboard", key="keyboard", type="tertiary", icon=":material/keyboard:",
                     help="What each key does; the key ? shows it too."):  # fmt: skip
            show_keys()
    listen()
    keep_dropped_folders()
    frame.keep_way_back()
    begin_at_the_top(step.title)
    if not is_this_machine(address := st.get_option("server.address")):
        st.caption(
            f"Open to the network at {address_words(address)}, for all who have the password. [Log out](/logout)"
        )
width = frame.SHOWN_WIDTH if frame.presenting() else frame.SHEET_WIDTH
with st.container(horizontal_alignment="center"), st.container(width=width):
    show_road(frame.workspace(), step)
    show_tour()
    if frame.workspace().read_only:
        st.warning(plain(read_only_words(frame.workspace().root)), icon=":material/lock:")
    if said := rebuilt_words(frame.workspace()):
        st.warning(plain(said), icon=":material/build:")
        st.button("I have read this", key="rebuilt_read", on_click=forget_note, args=(frame.workspace(),))
    if missing:
        show_unknown(frame.workspace(), step, *missing)
    else:
        chosen.run()
