"""Library: the models you kept, where each comes from, and what new trainings can start from."""

import streamlit as st

from core.models.library import list_models
from pages._ui.common import frame
from pages._ui.common.cells import Notebook, python_fold
from pages._ui.library.parts import (
    bring_in_models,
    compare_models,
    confirm_delete,
    keep_a_run,
    one_model,
    starting_weights,
    table,
)

page = Notebook("Library", "Models you kept, under names of your own; a new training can start from any of them.")
workspace = frame.workspace()
everything = list_models(workspace)
selected = []

with page.cell("Which models do you have?"):
    if not everything:
        st.markdown(
            "None yet. Keep the best model of a run here and it stays, whatever becomes of the run: with its classes, "
            "its results, where it comes from, and the digest of its file."
        )
    else:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            query = st.text_input("Search", key="library_query", type="search", bind="query-params",
                                  placeholder="name, class, dataset, tag or note")  # fmt: skip
            tags = sorted({tag for model in everything for tag in model.tags})
            tag = st.selectbox("Tag", [None, *tags], key="library_tag", format_func=lambda item: item or "any")
        found = list_models(workspace, query=query or "", tag=tag)
        if found:
            selected = table(found)
            if not selected:
                st.caption("Tick one to open, name, note or train on from it; tick several to compare or delete them.")
        else:
            st.markdown("No model fits this search.")
    python_fold(
        """
from core.models.library import list_models
from core.training.keeping import keep_run
from core.workspace import Workspace

for model in list_models(Workspace.current()):
    print(model.id, model.name, model.classes, model.figures, model.origin)
# keep_run(Workspace.current(), "RUN", name="Line 3, scratches")
        """,
        key="library",
    )

if len(selected) == 1:
    with page.cell("The chosen model"):
        one_model(workspace, selected[0])
elif selected:
    with page.cell(f"The {len(selected)} chosen models"):
        compare_models(selected)
        if st.button("Delete them …", key="library_delete_many"):
            confirm_delete(workspace, selected)

with page.cell("Keep the model of a run"):
    keep_a_run(workspace)

with page.cell("Bring in models from elsewhere"):
    bring_in_models(workspace)

with page.cell("Weights to start from"):
    starting_weights(workspace)
