"""Train one run by Ultralytics' trainer, with callbacks that report, stop, pause and keep the resume point."""

from __future__ import annotations

import time
from typing import Any

from core.data.dataset import Dataset, load_dataset, write_data_yaml
from core.errors import GraftError
from core.evaluation.crossfit.epochs import keep_epoch
from core.models.catalog import model_for_task
from core.spec import TrainingSpec
from core.training.distillation import meet_teacher
from core.training.metric_names import named_metrics, plain_numbers
from core.training.records.database import on_node
from core.training.records.events import EventWriter, read_events
from core.training.records.progress import read_progress
from core.training.several_gpus import rank
from core.training.starting_points import locate
from core.training.store import Run
from core.training.trainer_selection import number_format, trainer_class
from core.training.worker.batch_fit import fit_batch, no_picture_alone
from core.training.worker.ending import Ending, epochs_to_go
from core.training.worker.last_look import last_look
from core.training.worker.pictures import TrainingPictures
from core.training.worker.preflight import check_disk, check_files
from core.training.worker.time_taken import remember_time
from core.ultralytics.checkpoints import reused_tensors
from core.ultralytics.networks import backbone_layers
from core.ultralytics.offline import enter_isolation
from core.ultralytics.trainers.distillation import student
from core.ultralytics.trainers.epoch_answers import EpochAnswers, watch_answers
from core.ultralytics.trainers.measuring import FirstSteps, memory_in_use
from core.ultralytics.trainers.rates import slow_backbone, unfreeze
from core.ultralytics.trainers.resume_point import load_resume_point, restore_training, save_resume_point
from core.ultralytics.trainers.saving import protect_checkpoints, save_when_it_matters
from core.workspace import Workspace

BATCH_EVENT_SECONDS = 0.5
"""Least time between two batch events."""

CALLBACKS = (
    "on_train_start",
    "on_train_epoch_start",
    "on_train_batch_start",
    "on_train_batch_end",
    "on_train_epoch_end",
    "on_model_save",
    "on_fit_epoch_end",
)
"""The moments of Ultralytics' training loop that `Training` listens to; its methods have their names."""

CALLBACKS_OF_ALL = ("on_train_start",)
"""What every rank of a run over several GPUs has to do; the rest is rank 0's."""


class PauseRequested(Exception):
    """The user asked for a pause; the last whole epoch is kept as the resume point."""


class Training:
    """One attempt at a run: Ultralytics' trainer with callbacks that report, stop, pause and keep the resume point."""

    def __init__(self, workspace: Workspace, run: Run, spec: TrainingSpec, events: EventWriter) -> None:
        """Prepare; nothing heavy happens before `run`."""
        self.workspace, self.record, self.spec, self.events = workspace, run, spec, events
        self.request_path = run.folder / "request"
        self.epochs = spec.epochs + run.more_epochs
        self.further = any(event["kind"] == "finished" for event in read_events(run.events_path)[0])
        """whether it had finished before: then the epochs asked for are trained, without stopping early"""
        self.ending: Ending | None = None
        self.batch, self.batch_words = spec.batch, ""
        self.state: dict[str, Any] | None = None
        self.asked = ""
        self.early_end = False
        self.best_epoch: int | None = None
        self.best_fitness: float | None = None
        self.whole_epochs = 0
        self.last_batch_event = 0.0
        self.epoch_began = time.monotonic()
        self.started = time.monotonic()
        self.batch_number = 0
        self.first_steps = FirstSteps()
        self.in_final_check = False
        self.backbone = 0
        self.teacher = self.teacher_words = ""
        self.answers: EpochAnswers | None = None
        self.pictures = TrainingPictures(run.folder, spec.task)

    def run(self) -> None:
        """Train to the end, to a stop, or raise PauseRequested."""
        self.dataset = dataset = load_dataset(self.workspace, self.record.dataset)
        check_files(dataset)
        write_data_yaml(dataset)
        self.state = load_resume_point(self.record.resume_point)
        self.events.write("phase", phase="loading", message="Loading the model")
        enter_isolation()
        from ultralytics import YOLO

        model = YOLO(self._source(), task=self.spec.task)
        self.backbone = backbone_layers(model.model)
        for name in CALLBACKS if rank() <= 0 else CALLBACKS_OF_ALL:
            model.add_callback(name, getattr(self, name))
        if self.state is not None and self.state["epoch"] + 1 >= epochs_to_go(self.state, self.epochs, self.further):
            raise GraftError(f"All {self.epochs} epochs are trained already; ask for more epochs to go on.")
        self.teacher, self.teacher_words = meet_teacher(self.workspace, self.spec, model.model)
        self._choose_batch(model.model, dataset.images["train"])
        model.train(trainer=trainer_class(self.spec), **self._arguments(dataset))
        if rank() <= 0:
            self._finish(model.trainer)

    def _choose_batch(self, model: Any, pictures: int) -> None:
        """Take the batch size that was asked for, if it fits; one that Graft chose is made to fit.

        One that would leave a single picture at the end of an epoch, where that can't be learned from, is changed.
        Raises MemoryError for one that the user chose and that does not fit. A resumed run keeps its own.
        """
        if self.state is not None:
            self.batch = self.state.get("batch", self.batch)
            return
        if rank() >= 0:
            return  # every rank must come to the same size; each GPU has a share of it only
        fit = fit_batch(model, self.spec.imgsz, self.batch, self.record.device, self.teacher)
        if fit.batch < self.batch and "batch" not in self.spec.reasons:
            raise MemoryError(f"out of memory before the first step: {fit.message}")
        self.batch, self.batch_words = no_picture_alone(fit.batch, pictures, self.spec.imgsz), fit.message
        if self.batch != fit.batch:
            self.batch_words += (
                f" {fit.batch} at a time would leave one picture alone at the end of an epoch, which is too little at "
                f"{self.spec.imgsz} pixels: it learns from {self.batch} at a time."
            )

    def _source(self) -> str:
        if not self.spec.strategy.reuses:
            return model_for_task(self.spec.model, self.spec.task).yaml
        found = locate(self.workspace, self.spec.model, self.spec.task)
        if found is None:
            raise GraftError(f"The weights of {self.spec.model} are not in the workspace any more; put them back.")
        return str(found.path)

    def _arguments(self, dataset: Dataset) -> dict[str, Any]:
        spec = self.spec
        arguments: dict[str, Any] = {
            "workers": 0 if self.record.device == "cpu" else 4,
            **number_format(self.workspace, spec, self.record.device, dataset.images["train"]),
            **spec.extra,
            "data": str(dataset.train_data),
            "epochs": self.epochs,
            "imgsz": spec.imgsz,
            "batch": self.batch,
            "seed": spec.seed,
            "device": self.record.device,
            "patience": self.epochs + 1 if self.further else spec.patience or self.epochs + 1,
            "max_det": spec.max_det,
            "project": str(self.record.folder),
            "name": "train",
            "exist_ok": True,
            "plots": False,
            "save": True,
            "val": True,
        }
        freeze = spec.frozen_layers(self.backbone)
        if self.state is not None:
            arguments |= self.state.get("optimizer_arguments", {})
        if freeze is not None and not self._in_second_stage():
            arguments["freeze"] = freeze
        if not spec.strategy.reuses:
            arguments["pretrained"] = False
        if self.teacher:
            arguments["distill_model"] = self.teacher
        return arguments

    def _in_second_stage(self) -> bool:
        stage = self.spec.strategy.first_stage(self.spec.epochs)
        return bool(stage) and self.state is not None and self.state["epoch"] + 1 >= stage

    # What Ultralytics calls, in its order

    def on_train_start(self, trainer: Any) -> None:
        """Report what was reused; set rates; go on from the resume point."""
        protect_checkpoints(trainer)
        save_when_it_matters(trainer)
        strategy = self.spec.strategy
        if strategy.backbone_rate != 1:
            slow_backbone(trainer, self.backbone, strategy.backbone_rate)
        if self._in_second_stage():
            unfreeze(trainer, strategy.later_rate)
        weights = list(student(trainer.model).parameters())
        total = sum(parameter.numel() for parameter in weights)
        trainable = sum(parameter.numel() for parameter in weights if parameter.requires_grad)
        self.events.write("transfer", trainable=trainable, frozen=total - trainable, **self._reused(trainer))
        check_disk(self.workspace, total)
        if rank() < 0 and self.spec.goes_on:  # of several ranks each would decide by itself
            began = self.started - read_progress(self.record).seconds_before
            self.ending = Ending(self.spec, self.epochs, further=self.further, began=began)
            self.ending.begin(trainer, self.state)
        if self.state is not None:  # after all that may draw random numbers
            restore_training(trainer, self.state)
            self.best_epoch, self.best_fitness = self.state["graft_best"]
            self.whole_epochs = self.state["epoch"] + 1
        if rank() > 0:
            return
        if rank() < 0:  # of several ranks each sees a share of the pictures only
            watch_answers(trainer, self.spec.task, self._keep_answers)
        self.pictures.attach(trainer)

    def _reused(self, trainer: Any) -> dict[str, Any]:
        network = student(trainer.model)
        total = len(network.state_dict())
        if not self.spec.strategy.reuses:
            message = f"Nothing reused: from scratch. {self.teacher_words}".rstrip()
            return {"copied": 0, "total": total, "message": message}
        copied = reused_tensors(self._source(), network)
        source_words = f" ({self.spec.transfer['origin']})" if self.spec.transfer else ""
        message = f"Reused {copied} of {total} parts of the pre-trained model{source_words}; the rest is new."
        message = f"{message} {self.teacher_words}".rstrip()
        return {"copied": copied, "total": total, "message": message, "source": self.spec.transfer}

    def on_train_epoch_start(self, trainer: Any) -> None:
        """Report the epoch; begin the second stage when it is due."""
        epoch = trainer.epoch + 1
        strategy = self.spec.strategy
        if self.ending is not None:
            self.ending.begin_epoch()
        if strategy.staged and trainer.epoch == strategy.first_stage(self.spec.epochs):
            unfreeze(trainer, strategy.later_rate)
        self.epoch_began, self.batch_number = time.monotonic(), 0
        self.events.write(
            "epoch_start",
            epoch=epoch,
            epochs=trainer.epochs,
            batches=len(trainer.train_loader),
            patience=0 if self.further else self.spec.patience,
        )

    def on_train_batch_start(self, _trainer: Any) -> None:
        """Count the batch that begins."""
        self.batch_number += 1

    def on_train_batch_end(self, trainer: Any) -> None:
        """Look for a request; report the batch now and then."""
        if rank() < 0:
            self._obey(trainer)  # of several ranks none may leave within an epoch: they wait for each other
        if (measured := self.first_steps.step_ends(trainer, self.epoch_began)) is not None:
            self.events.write("preflight", **measured.fields(), message=self.batch_words)
        now = time.monotonic()
        batches = len(trainer.train_loader)
        if now - self.last_batch_event < BATCH_EVENT_SECONDS and self.batch_number < batches:
            return
        self.last_batch_event = now
        seen = self.batch_number * trainer.batch_size
        self.events.write(
            "batch",
            epoch=trainer.epoch + 1,
            batch=self.batch_number,
            batches=batches,
            losses=plain_numbers(trainer.tloss),
            images_per_second=round(seen / max(now - self.epoch_began, 1e-6), 2),
            memory_bytes=memory_in_use(trainer),
            **({"cores": trainer.cores.used, "cores_available": trainer.cores.available} if trainer.cores else {}),
        )

    def _obey(self, trainer: Any) -> None:
        if self.asked or not self.request_path.exists():
            return
        self.asked = self.request_path.read_text(encoding="utf-8").strip()
        if self.asked == "pause":
            raise PauseRequested
        trainer.stop = True

    def on_train_epoch_end(self, trainer: Any) -> None:
        """Show the newest batch; say that validation begins."""
        if rank() == 0:
            self._obey(trainer)
        self._show("batch", trainer.epoch + 1, self.pictures.write_batch(trainer.epoch + 1))
        self.events.write("phase", phase="validating", message="Checking on the validation pictures")

    def _keep_answers(self, answers: EpochAnswers) -> None:
        self.answers = answers

    def on_model_save(self, trainer: Any) -> None:
        """Keep a resume point after each whole epoch (not after one that a stop cut short); choose the end."""
        fitness = float(trainer.fitness) if trainer.fitness is not None else None
        if fitness is not None and (self.best_fitness is None or fitness >= self.best_fitness):  # as best.pt is written
            self.best_epoch, self.best_fitness = trainer.epoch + 1, fitness
        if self.asked == "stop":
            return
        seconds = time.monotonic() - self.epoch_began
        more = self.ending.after_epoch(trainer.epoch + 1, fitness, seconds) if self.ending is not None else {}
        save_resume_point(trainer, self.record.resume_point, (self.best_epoch, self.best_fitness), more)
        if self.ending is not None:
            self.ending.keep_before_fall(trainer.epoch + 1, self.record.resume_point)

    def on_fit_epoch_end(self, trainer: Any) -> None:
        """Report a whole epoch; Ultralytics calls this once more after the last one, which is not an epoch."""
        if trainer.epoch + 1 > trainer.epochs or self.in_final_check:
            return
        self.whole_epochs = trainer.epoch + 1
        self.in_final_check = bool(trainer.stop)
        early = trainer.epoch + 1 < trainer.epochs or (self.ending is not None and self.ending.early)
        self.early_end = bool(trainer.stop) and early and not self.asked
        metrics = dict(trainer.metrics)
        if self.answers is not None and trainer.fitness is not None:
            keep_epoch(self.record.folder, trainer.epoch + 1, float(trainer.fitness), self.answers)
        self.answers = None
        self.events.write(
            "epoch",
            epoch=trainer.epoch + 1,
            epochs=trainer.epochs,
            seconds=round(time.monotonic() - self.epoch_began, 3),
            metrics=named_metrics(metrics, len(self.dataset.classes)),
            losses=plain_numbers(trainer.tloss),
            validation_losses=plain_numbers(
                {k.removeprefix("val/"): v for k, v in metrics.items() if k.startswith("val/")}
            ),
            learning_rate=max(float(group["lr"]) for group in trainer.optimizer.param_groups),
            fitness=float(trainer.fitness) if trainer.fitness is not None else None,
            best=self.best_epoch == trainer.epoch + 1,
        )
        self._show("validation", trainer.epoch + 1, self.pictures.write_validation(trainer.epoch + 1))
        if trainer.stop:
            self.events.write("phase", phase="finishing", message="Checking the best model once more")
        elif self.request_path.exists() and self.request_path.read_text(encoding="utf-8").strip() == "pause":
            raise PauseRequested

    def _show(self, what: str, epoch: int, files: list[str]) -> None:
        if files:
            self.events.write("pictures", epoch=epoch, what=what, files=files)

    def _finish(self, trainer: Any) -> None:
        if self.record.best_weights is None:
            raise GraftError(
                "The training ended without a usable model: the loss is not a number. Lower the rate (lr0)."
            )
        told = named_metrics(dict(trainer.metrics), len(self.dataset.classes))
        figures = last_look(self.workspace, self.record, told, self.events)
        if self.ending is not None and not self.asked:
            self.ending.rest(self.record.resume_point)
        self.record.resume_point.with_name("resume.previous.pt").unlink(missing_ok=True)  # one is enough at rest
        if not self.asked and self.record.attempt == 1 and rank() < 0 and not on_node():
            remember_time(self.workspace, self.record, self.dataset, self.whole_epochs, time.monotonic() - self.started)
        self.events.write(
            "stopped" if self.asked == "stop" else "finished",
            metrics=figures,
            ultralytics=told,
            best_epoch=self.best_epoch,
            epochs_done=self.whole_epochs,
            seconds=round(time.monotonic() - self.started, 2),
            early=self.early_end,
        )
