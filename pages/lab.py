"""Lab: questions that take several trainings to answer, each with how sure the answer is."""

import streamlit as st

from core.data.dataset import list_datasets
from core.lab.experiment import ENDED, Experiment, damaged_experiments
from core.lab.jobs import get_experiment, list_experiments
from core.words import ago
from pages._ui.common import frame
from pages._ui.common.cells import Notebook, next_step
from pages._ui.common.formatting import plain
from pages._ui.home.glossary import show_words
from pages._ui.lab.answer import STATE_BADGES, show_experiment
from pages._ui.lab.setup import ask_settings, choose_kind, show_cost

NEWEST = 8
WORDS_HINT = "Seven words of the field, and where each can be tried here."

workspace = frame.workspace()


def wanted_experiment() -> Experiment | None:
    """Return the experiment the address names, None when it names none."""
    identifier = st.query_params.get("experiment")
    return get_experiment(workspace, identifier) if identifier else None


def show_experiments() -> None:
    """List the experiments there are, newest first."""
    found = list_experiments(workspace)
    for sentence in damaged_experiments(workspace):
        st.warning(plain(sentence), icon=":material/broken_image:")
    if not found:
        st.caption("None yet.")
    shown = found if st.session_state.get("lab_all") else found[:NEWEST]
    for experiment in shown:
        status = experiment.status
        with st.container(border=True, key=f"experiment_{experiment.id}", gap="xsmall"):
            st.markdown(f"**{experiment.question}** {plain(experiment.dataset_name)} {STATE_BADGES[str(status.state)]}")
            words = status.sentences[0] if status.sentences and status.state in ENDED else status.message
            st.caption(plain(" · ".join(filter(None, [words or status.cause, ago(experiment.created)]))))
            if st.button("Open", key=f"open_{experiment.id}"):
                frame.go_to("lab.py", experiment=experiment.id)
    if len(found) > NEWEST:
        st.toggle(f"All {len(found)}", key="lab_all")


def show_setup() -> None:
    """Ask for the question, show its cost, list what was asked before."""
    page = Notebook("Lab", "Questions that take several trainings to answer. Measured on your own pictures.")
    datasets = list_datasets(workspace)
    if not datasets:
        st.markdown("An experiment needs a dataset, and there is none yet.")
        next_step("Bring in your pictures", "dataset.py", key="lab_empty")
        with page.cell("What is this called?", WORDS_HINT):
            show_words(can_ask=False)
        return
    dataset = frame.current_dataset() or datasets[0]
    with page.cell("What do you want to know?"):
        names = {item.id: item.name for item in datasets}
        st.session_state["lab_dataset"] = dataset.id if dataset.id in names else datasets[0].id

        def changed() -> None:
            frame.set_current("dataset", st.session_state["lab_dataset"])

        chosen = st.selectbox("Dataset", list(names), format_func=names.__getitem__, key="lab_dataset",
                              on_change=changed)  # fmt: skip
        dataset = next(item for item in datasets if item.id == chosen)
        kind = choose_kind()
    with page.cell("Who takes part, and how long?"):
        values = ask_settings(workspace, dataset, kind)
    with page.cell("What will it cost?"):
        show_cost(workspace, dataset, kind, values)
    with page.cell("What was asked before?"):
        show_experiments()
    with page.cell("What is this called?", WORDS_HINT):
        show_words()


current = wanted_experiment()
if current is None:
    show_setup()
else:
    show_experiment(workspace, current)
