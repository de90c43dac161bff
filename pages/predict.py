"""Try it: a trained model on new pictures, in the browser, with nothing to install."""

import streamlit as st

from core.delivery.predict.intake import Intake
from core.delivery.predict.model.chosen_model import ChosenModel
from core.delivery.predict.model.warm import warm_predictor
from core.road import note
from pages._ui.common import frame
from pages._ui.common.cells import Notebook, next_step, python_fold
from pages._ui.predict.answers import describe, show_answers
from pages._ui.predict.jobs import offer, show_jobs
from pages._ui.predict.layers import show_layers
from pages._ui.predict.model_and_pictures import choose, give

workspace = frame.workspace()


@st.fragment
def results(chosen: ChosenModel, other: ChosenModel | None, intake: Intake) -> None:
    """Show the answers; moving the line reruns this part only."""
    described = describe(chosen)
    if described is not None:
        show_answers(chosen, other, intake.pictures, described)


def show_page() -> None:
    """Show the page."""
    page = Notebook("Try it", "Give the model pictures it has never seen, and look at what it finds.")
    with page.cell("Which model?"):
        chosen, other = choose(workspace)
        warm_predictor().prepare(chosen)  # it is ready by the time the first picture is
    with page.cell("Which pictures?"):
        intake = give(workspace, chosen)
    pictures = intake.pictures if intake is not None else []
    with page.cell("What does it find?"):
        if intake is not None and not pictures and (intake.waiting or intake.videos):
            st.caption("Many pictures and videos are looked at in the background: start it in the next part.")
        elif intake is None or not pictures:
            st.caption("What it finds is shown here as soon as there is a picture.")
        else:
            results(chosen, other, intake)
            if chosen.is_run:
                note(workspace.run(chosen.name), "Use")
            python_fold(
                "from pathlib import Path\nfrom core.workspace import Workspace\n"
                "from core.delivery.predict import predict_pictures\n\n"
                f"answer = predict_pictures(Workspace.current(), {chosen.name!r}, [Path('pictures')])\n"
                "print(answer['words'])",
                key="predict",
            )
    with page.cell("Many pictures, or a video", "It runs on by itself, also when you close this tab."):
        if intake is not None and (intake.waiting or intake.videos):
            offer(workspace, chosen, intake, chosen.confidence)
        show_jobs(workspace)
    with page.cell("What the model already knows", "The same picture, seen by early, middle and late filters."):
        if not pictures:
            st.caption("Give a picture above to look inside the model.")
        else:
            described = describe(chosen)
            if described is not None:
                show_layers(chosen, pictures, described["imgsz"])
    with page.cell("What next?"):
        working = intake is not None and bool(intake.waiting or intake.videos)  # the start of that is the next step
        next_step("Take it away", "deliver.py", key="to_deliver", main=chosen.is_run and not working,
                  run=frame.current_id("run"))  # fmt: skip
        st.page_link(
            frame.page_path("evaluation.py"), label="How good it is on labelled pictures", icon=":material/monitoring:"
        )


show_page()
