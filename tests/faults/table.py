"""The table of faults: what goes wrong, what the user sees, and the test that tries it."""

from __future__ import annotations

from dataclasses import dataclass

from tests.faults.case import Case
from tests.faults.cases import CLOCK, DAMAGE, FOREIGN, FULL, LOOKING

MOMENTS = "tests/faults/test_moments.py"
TRAINING = "tests/training/test_faults.py"
REBUILDING = "tests/training/test_rebuilding.py"
LONG = "tests/faults/long_processes.py"
DISKS = "tests/faults/long_disks.py"
DRIVES = "tests/faults/long_drives.py"
LOGIN = "tests/faults/long_login.py"


@dataclass(frozen=True)
class Fault:
    """One line of the table."""

    kind: str
    what: str
    seen: str
    test: str
    """file::test, with its parameter in brackets where only that one is meant"""


def of_cases(kind: str, cases: dict[str, Case], test: str) -> list[Fault]:
    """Return the lines of faults that are tried in a moment."""
    return [
        Fault(kind, case.what, f"exit {case.code}, “{' … '.join(case.said)}”", f"{MOMENTS}::{test}[{name}]")
        for name, case in cases.items()
    ]


ELSEWHERE = [
    Fault("disk", "the disk fills up during a training: events, checkpoints, resume point",
          "failed, “The disk is full”; the best model is kept, and it goes on once there is room",
          f"{TRAINING}::test_a_full_disk_is_named_and_the_best_model_survives"),
    Fault("disk", "not a byte is left, and runs are looked at and renamed", "all runs, their states true; a sentence",
          f"{TRAINING}::test_looking_works_when_not_a_byte_is_left"),
    Fault("disk", "full disk: predictions of a part", "a sentence; no part of them is kept",
          f"{DISKS}::test_a_trained_model_on_a_full_disk[evaluate]"),
    Fault("disk", "full disk: pictures are predicted into tables", "a sentence; tables begun are named unfinished",
          f"{DISKS}::test_a_trained_model_on_a_full_disk[predict]"),
    Fault("disk", "full disk: an export", "a sentence; no export is listed",
          f"{DISKS}::test_a_trained_model_on_a_full_disk[export]"),
    Fault("disk", "full disk: a bundle", "a sentence; no zip", f"{DISKS}::test_a_trained_model_on_a_full_disk[bundle]"),
    Fault("disk", "full disk: a model is kept in the library", "a sentence; the library is as before",
          f"{DISKS}::test_a_trained_model_on_a_full_disk[keep]"),
    Fault("read only", "every page of a workspace that can be read only", "the page, and a line that says so",
          f"{DISKS}::test_every_page_of_a_read_only_workspace"),
    *[Fault("damage", f"graft.db {how}", "every run is there again, and what was lost is said",
            f"{REBUILDING}::test_every_run_is_there_again[{how}]")
      for how in ("deleted", "emptied", "scribbled", "torn_inside")],
    Fault("damage", "a state of another version stands in graft.db", "that run alone is interrupted, with a sentence",
          f"{REBUILDING}::test_a_state_of_another_version_harms_that_run_alone"),
    Fault("damage", "dataset.json gone, empty, cut, of another kind", "named; the other datasets go on",
          "tests/data/test_damaged.py::test_a_dataset_that_can_not_be_read_is_named_and_the_other_goes_on"),
    Fault("damage", "images.parquet gone, empty, scribbled over, cut", "made anew from pictures and labels",
          "tests/data/test_damaged.py::test_the_table_of_pictures_is_made_anew"),
    Fault("damage", "the pictures of a dataset are gone", "a sentence",
          "tests/data/test_damaged.py::test_a_set_without_its_pictures_says_so"),
    Fault("damage", "best.pt is no checkpoint", "a sentence with the file",
          f"{LONG}::test_a_checkpoint_that_is_none"),
    Fault("damage", "the dataset is deleted under a training", "failed: “not there any more”, and what to do",
          f"{TRAINING}::test_a_dataset_deleted_under_a_run_is_a_plain_cause"),
    Fault("damage", "one picture of many is damaged", "left out, with a finding",
          "tests/data/importing/test_hostile.py::test_one_damaged_picture_is_left_out_and_the_others_come_in"),
    Fault("SIGKILL", "the worker of a training", "interrupted; it goes on after its last whole epoch",
          "tests/training/test_runs.py::test_a_killed_worker_is_interrupted_and_resumes"),
    Fault("SIGKILL", "the server, under a training", "the training goes on; its address shows it again",
          "tests/e2e/test_first_model.py::test_the_run_outlives_tab_and_server"),
    Fault("SIGKILL", "the driver of an experiment", "another driver goes on; no training twice",
          "tests/lab/test_experiments.py::test_a_race_survives_its_driver_and_ends_with_a_recommendation"),
    Fault("SIGKILL", "the driver again and again", "failed after five times, with a sentence",
          "tests/lab/test_jobs.py::test_a_driver_that_vanishes_again_and_again_is_not_started_for_ever"),
    Fault("SIGKILL", "an import, on the page", "a sentence; nothing is kept",
          "tests/data/importing/test_import_job.py::test_killed_import_is_seen_and_keeps_nothing"),
    Fault("SIGKILL", "an import, on the command line", "nothing is listed; its space comes back",
          "tests/data/importing/test_security.py::test_a_killed_import_leaves_nothing_listed_and_its_space_comes_back"),
    Fault("SIGKILL", "the child with the warm model", "replaced; the question is answered",
          "tests/delivery/predict/test_predict.py::test_a_killed_child_is_replaced_and_the_question_answered"),
    Fault("SIGKILL", "predictions in the background", "told apart from running ones",
          "tests/delivery/predict/test_batch.py::test_a_vanished_process_is_told_apart_from_a_running_one"),
    Fault("SIGKILL", "whoever asked a child", "the child ends with all it started",
          "tests/test_children.py::test_a_child_whose_caller_was_killed_ends_with_all_it_started"),
    Fault("SIGSTOP", "the worker of a training, then on", "running all the while; goes on to its end",
          f"{TRAINING}::test_a_frozen_worker_goes_on_and_a_dead_server_does_not_matter"),
    Fault("SIGSTOP", "the worker of a training, then cancelled", "cancelled within five seconds",
          f"{TRAINING}::test_a_frozen_worker_can_be_cancelled"),
    Fault("SIGSTOP", "the server for five seconds, under a training", "the page is there again, the training went on",
          f"{LONG}::test_a_frozen_server_goes_on"),
    Fault("SIGSTOP", "an import", "it can be cancelled; nothing is left",
          f"{LONG}::test_a_frozen_import_can_be_cancelled"),
    Fault("SIGSTOP", "the driver of an experiment", "a stop is obeyed once it goes on; no second driver",
          f"{LONG}::test_a_frozen_driver_stops_when_it_goes_on"),
    Fault("SIGSTOP", "the child with the warm model", "a sentence after the time limit; the next question is answered",
          f"{LONG}::test_a_frozen_warm_child_is_ended"),
    Fault("two servers", "both start what waits", "each run once, one at a time",
          "tests/training/test_runs.py::test_two_servers_never_start_a_run_twice"),
    Fault("two servers", "four programs queue five runs each", "twenty runs, one at work",
          f"{TRAINING}::test_twenty_runs_at_once_start_one_by_one"),
    Fault("two servers", "four programs find graft.db damaged at once", "each lists every run",
          f"{LONG}::test_four_programs_mend_the_list_at_once"),
    Fault("clock", "it jumps back during a training", "progress never falls, no time below zero",
          f"{TRAINING}::test_a_clock_that_jumps_back_confuses_nobody"),
    Fault("memory", "not enough for the batch in the worker", "failed: “ran out of memory”, with a smaller batch",
          f"{LONG}::test_a_worker_without_enough_memory"),
    Fault("memory", "a picture over the budget", "refused with its size",
          "tests/data/importing/test_hostile.py::test_a_picture_over_the_budget_is_refused_with_its_size"),
    Fault("memory", "a child is ended by the system", "told at once, with a word about memory",
          "tests/test_children.py::test_a_child_that_dies_by_a_signal_is_told_at_once"),
    Fault("network drive", "it hangs under the workspace, and a verb is asked",
          "what is waited for, within seconds; Ctrl-C ends it, else it goes on once the drive answers",
          f"{DRIVES}::test_a_verb_says_what_it_waits_for_goes_on_and_can_be_stopped"),
    Fault("network drive", "it hangs under the workspace, and pages are opened",
          "each says so within seconds and comes back with the drive; the server answers all the while",
          f"{DRIVES}::test_pages_of_a_workspace_that_hangs_say_so_and_come_back"),
    Fault("network drive", "it hangs under a folder that is brought in",
          "its progress says so; it can be cancelled, else it goes on once the drive answers",
          f"{DRIVES}::test_an_import_from_a_drive_that_hangs_says_so_and_can_be_cancelled_or_goes_on"),
    Fault("network drive", "it hangs under a training for eight seconds", "goes on to its end; no epoch is missing",
          f"{DRIVES}::test_a_training_goes_on_once_the_drive_answers"),
    Fault("network drive", "it is pulled out or its server says no more", "a sentence that names the file",
          f"{DRIVES}::test_a_drive_that_is_pulled_out_is_named"),
    Fault("login", "ten wrong passwords over TLS from another address, after a training from there",
          "locked out, with the right one as well; the session that is in goes on",
          f"{LOGIN}::test_it_logs_in_trains_and_is_locked_out"),
]  # fmt: skip
"""Faults that other tests try already, and those that take long."""

FAULTS = [
    *of_cases("damage", DAMAGE, "test_damage_and_clocks"),
    *of_cases("clock", CLOCK, "test_damage_and_clocks"),
    *of_cases("disk", FULL, "test_a_full_disk"),
    *of_cases("read only", LOOKING, "test_a_read_only_workspace"),
    *of_cases("permission", FOREIGN, "test_somebody_elses_files"),
    *ELSEWHERE,
]
