"""Home: what Graft does, the sample set in one click, the recent runs, this machine."""

from typing import Literal

import streamlit as st

from core.data.dataset import Dataset, damaged_datasets, list_datasets
from core.data.importing.job import SAMPLE, new_job, start_import
from core.demo.preparing import STEPS, TAKES, preparing
from core.labelling.labelling import labelled_of
from core.metric_words import headline_among, metric_title, metric_value
from core.models.catalog import STARTER, find_model, model_for_task
from core.models.machine import describe_machine
from core.models.starter.checkpoint import STARTER_WORDS
from core.models.weights import default_model, is_here
from core.processes.starting import prepare
from core.road import left_off
from core.spec import TrainingSpec
from core.strategies import Strategy
from core.strategies.fine_tune import FINE_TUNE
from core.strategies.scratch import SCRATCH
from core.training.runs import list_runs
from core.training.starting_points import model_name
from core.training.store import Run
from core.words import ago, count, duration, megabytes
from pages._ui.common import frame
from pages._ui.common.cells import Notebook, next_step, python_fold, show_drawing
from pages._ui.common.formatting import plain, state_badge
from pages._ui.common.running import begin_run, show_download, show_import
from pages._ui.common.tour import begin_tour

BETTER = "yolo26n"
"""Official weights that are offered while there are none."""
SAMPLE_EPOCHS = 10
RECENT = 6
better = model_for_task(BETTER, "detect")

page = Notebook("Teach a model your own eyes")
workspace = frame.workspace()
st.html(
    '<p class="graft-lead">You know what is in your pictures; the model does not yet. Graft takes one that knows '
    "edges, textures and shapes already, teaches it your own classes from a few hundred labelled pictures, and says "
    "honestly how good it is. All on this machine.</p>"
)


def show_idea() -> None:
    """Show what transfer learning is, in one drawing."""
    show_drawing(
        (frame.ASSETS / "transfer.svg").read_text(encoding="utf-8"),
        "Your pictures go into a model whose seeing part (the pre-trained backbone) is kept and whose deciding "
        "part (the head) is new; out come your own classes, boxed and named.",
    )


def sample_dataset() -> Dataset | None:
    """Return the sample set if it was imported before."""
    known = st.session_state.get("sample_dataset")
    return next((item for item in list_datasets(workspace) if item.id == known or item.source == SAMPLE), None)


def weights_are_here(name: str) -> bool:
    """Say whether the weights of a model of the catalogue are on this machine."""
    model = find_model(name)
    return model is not None and is_here(workspace, model)


def begin_sample(strategy: Strategy) -> None:
    """Remember that the sample is wanted and start its import; the run follows when the import is done."""
    st.session_state["sample_strategy"] = strategy
    prepare()
    if sample_dataset() is None:
        st.session_state["sample_job"] = start_import(workspace, new_job(workspace), SAMPLE)
    else:
        st.session_state["sample_ready"] = True


def sample_imported(dataset_id: str) -> None:
    """Go on to the training once the sample is there."""
    st.session_state["sample_dataset"] = dataset_id
    st.session_state["sample_ready"] = True
    st.session_state.pop("sample_job", None)
    st.rerun()


def train_sample(dataset: Dataset) -> None:
    """Start the sample's run with settings that end within minutes on a processor."""
    strategy = st.session_state.pop("sample_strategy", FINE_TUNE)
    frame.set_current("dataset", dataset.id)
    begin_run(
        workspace,
        TrainingSpec(
            dataset=dataset.id,
            task=dataset.task,
            model=BETTER if not strategy.reuses else default_model(workspace, dataset.task),
            strategy=strategy,
            epochs=SAMPLE_EPOCHS,
            imgsz=320,
            batch=16,
            name="Sample set",
        ),
    )


def go_on(dataset: Dataset, last: Run | None) -> None:
    """Show the one next step for somebody who has begun: watch, judge, or choose a model."""
    if last is not None and last.active:
        st.markdown(f"**{plain(last.name)}** {state_badge(last.state)}")
        next_step("Watch it learn", "training.py", key="go_watch", run=last.id)
    elif last is not None and last.best_weights is not None:
        st.markdown(f"**{plain(last.name)}** {state_badge(last.state)} {ago(last.ended or last.created)}.")
        next_step("See how good it is", "evaluation.py", key="go_judge", run=last.id)
    elif not sum(dataset.instances.values()):
        labelled = labelled_of(dataset)
        begun = f"{labelled[0]} of {count(labelled[1], 'picture')} labelled" if labelled else "nothing is labelled yet"
        st.markdown(f"**{plain(dataset.name)}** is here; {begun}.")
        next_step("Go on labelling" if labelled else "Label the pictures", "label.py", key="go_label",
                  dataset=dataset.id)  # fmt: skip
    elif dataset.errors:
        st.markdown(
            f"**{plain(dataset.name)}** is here; {count(len(dataset.errors), 'problem')} must be solved before a model "
            "can learn from it."
        )
        next_step("See what is wrong with it", "dataset.py", key="go_solve", dataset=dataset.id)
    else:
        st.markdown(f"**{plain(dataset.name)}** is here; no model has learned from it yet.")
        next_step("Choose a model", "model.py", key="go_model", dataset=dataset.id)


@st.fragment(run_every=2)
def show_preparing() -> None:
    """Say what is being prepared for a demonstration, until it is done."""
    now = preparing(workspace)
    if now is None:
        st.rerun()
    st.progress((now.step - 1) / STEPS, text=f"Step {now.step} of {STEPS}: {plain(now.words)}")
    st.caption(f"Begun {ago(now.began)}; all of it takes {TAKES}. What is done can be opened already.")


datasets, runs = list_datasets(workspace), list_runs(workspace)
demo_under_way = preparing(workspace) is not None
sample_under_way = "sample_job" in st.session_state or st.session_state.get("sample_ready", False)
if demo_under_way:
    with page.cell("The demonstration is being prepared"):
        show_preparing()
elif datasets and not sample_under_way:  # its set appears a moment before its run: the page must not jump in between
    newest = max(datasets, key=lambda item: item.created)
    with page.cell("Go on where you were"):
        go_on(newest, left_off(workspace, datasets, runs))

for sentence in damaged_datasets(workspace).values():
    st.warning(plain(sentence), icon=":material/broken_image:")

with page.cell("New here? Try it with the sample set"):
    st.markdown(
        "Drawn pictures of metal surfaces with scratches, dents and stains, already labelled. One click imports them "
        "and trains a model; it takes a few minutes, and you can watch."
    )
    if "sample_job" in st.session_state:
        show_import(
            workspace, st.session_state["sample_job"], sample_imported, lambda: st.session_state.pop("sample_job", None)
        )
    elif st.session_state.pop("sample_ready", False) and (ready := sample_dataset()) is not None:
        train_sample(ready)
    elif weights_are_here(start := default_model(workspace, "detect")):
        # One obvious button: to go on, where something was begun.
        kind: Literal["primary", "secondary"] = "secondary" if datasets or demo_under_way else "primary"
        st.button("Try it with the sample set", key="try_sample", type=kind, icon=":material/play_arrow:",
                  on_click=begin_sample, args=(FINE_TUNE,))  # fmt: skip
        if start == STARTER.name:
            st.caption(
                f"It begins with the weights that ship with Graft ({STARTER_WORDS}); nothing is fetched. "
                f"With {BETTER} ({megabytes(better.download_bytes)} from github.com) it learns faster and ends better."
            )
            if st.button(f"Download {BETTER}", key="sample_download") and show_download(workspace, better):
                st.rerun()
        else:
            st.caption(f"It begins with {start}, which is on this machine.")
    else:
        st.markdown(
            f"No pre-trained weights are in the workspace yet, and nothing is fetched unasked. Download "
            f"{BETTER} ({megabytes(better.download_bytes)}), bring in a file on the Library page, or train from "
            "scratch: that works without a network, but learns more slowly and ends less well."
        )
        with st.container(horizontal=True):
            wanted = st.button(f"Download {BETTER} and start", key="sample_download", type="primary")
            st.button("Train from scratch", key="sample_scratch", on_click=begin_sample, args=(SCRATCH,))
        if wanted and show_download(workspace, better):
            begin_sample(FINE_TUNE)
            st.rerun()
    st.image(
        str(frame.ASSETS / "sample.webp"),
        alt="Four pictures of the sample set: metal surfaces with scratches, dents and stains, boxed and named.",
        width="stretch",
    )
    python_fold(
        """
from core.data.importing import import_sample
from core.models.weights import default_model
from core.training.runs import start_run, wait_run
from core.processes.starting import prepare
from core.spec import TrainingSpec
from core.workspace import Workspace

workspace = Workspace.current()
dataset = import_sample(workspace)
model = default_model(workspace, dataset.task)  # what is on this machine, else the starter
run = start_run(workspace, TrainingSpec(dataset=dataset.id, task=dataset.task, model=model, epochs=10))
print(wait_run(workspace, run.id).metrics)
        """,
        key="sample",
    )

with page.cell("What happens then?"):
    show_idea()
    st.button("Show me around", key="show_around", icon=":material/tour:", on_click=begin_tour,
              help="Five stops, one for each part of the road.")  # fmt: skip

with page.cell("Your own pictures"):
    if not datasets:
        st.markdown(
            "Bring pictures, with labels from any tool or without: a zip, a folder, or the path of a folder on this "
            "machine. They are checked before anything is trained, and your originals are never changed."
        )
    if st.button("Bring in your pictures", key="to_dataset", icon=":material/add_photo_alternate:"):
        frame.go_to("dataset.py", new="1")
    for item in datasets[:RECENT]:
        left, right = st.columns([5, 1], vertical_alignment="center")
        left.markdown(
            f"**{plain(item.name)}**  \n:small[{count(sum(item.images.values()), 'picture')}, "
            f"{count(len(item.classes), 'class')}, imported {ago(item.created)}]"
        )
        if right.button("Open", key=f"open_dataset_{item.id}", help=f"Open {item.name}", width="stretch"):
            frame.go_to("dataset.py", dataset=item.id)

with page.cell("Recent runs"):
    if not runs and demo_under_way:
        st.markdown("The first one begins in a moment.")
    elif not runs:
        st.markdown("Nothing has been trained here yet. What you start shows up here and goes on by itself.")
    for run in runs[:RECENT]:
        left, right = st.columns([5, 1], vertical_alignment="center")
        facts = [plain(model_name(workspace, run.model)), plain(run.dataset_name), f"started {ago(run.created)}"]
        if run.seconds:
            facts.append(f"took {duration(run.seconds)}")
        best = headline_among(run.task, run.metrics or ())
        if best:
            facts.append(f"{metric_title(best)} {metric_value(best, run.metrics[best])}")
        left.markdown(f"**{plain(run.name)}** {state_badge(run.state)}  \n:small[{', '.join(facts)}]")
        if right.button("Open", key=f"open_run_{run.id}", help=f"Open {run.name}", width="stretch"):
            frame.go_to("training.py", run=run.id)
    if len(runs) > RECENT:
        st.page_link(frame.page_path("runs.py"), label=f"All {len(runs)} runs")


def show_machine() -> None:
    """Say what this machine trains on, and look again while torch has yet to say what it can use."""
    machine = describe_machine(workspace.root, wait=False)
    st.fragment(lambda: st.markdown(describe_machine(workspace.root, wait=False).words),
                run_every=2 if machine.cards.asking else None)()  # fmt: skip


with page.cell("This machine"):
    show_machine()
    st.caption(f"Everything is kept in {plain(str(workspace.root))}. Nothing is sent anywhere.")
    python_fold(
        """
from core.models.machine import describe_machine
from core.workspace import Workspace

print(describe_machine(Workspace.current().root).words)
        """,
        key="machine",
    )
