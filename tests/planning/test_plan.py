"""Plans for nine very different sets are sensible and explained; what the user sets wins."""

from __future__ import annotations

import math
from typing import Any

import pytest

from core.errors import InputError
from core.planning.facts import DatasetFacts, MachineFacts
from core.planning.plan import FIELDS, Plan, make_plan, parse_budget
from core.planning.rules import Level
from core.planning.speed import StepSpeed
from core.spec import TrainingSpec
from core.strategies.scratch import SCRATCH
from core.training.arguments import check_argument

LAPTOP = MachineFacts(device="cpu", cores=2, memory_free=8 * 2**30)
CARD = MachineFacts(device="cuda", cores=8, memory_free=32 * 2**30, gpu_memory=12 * 2**30)


def facts(**values: Any) -> DatasetFacts:
    usual: dict[str, Any] = {
        "task": "detect",
        "classes": ("scratch", "dent", "stain"),
        "train": 200,
        "val": 60,
        "side": 640,
        "aspect": 0.75,
        "small_share": 0.1,
        "median_share": 0.15,
        "instances": {"scratch": 200, "dent": 180, "stain": 220},
    }
    return DatasetFacts(**(usual | values))


def spec_for(what: DatasetFacts, **values: Any) -> TrainingSpec:
    return TrainingSpec(dataset="d", task=what.task, **values)


def plan(what: DatasetFacts, machine: MachineFacts = LAPTOP, mirror: bool | None = None, **values: Any) -> Plan:
    return make_plan(what, machine, spec_for(what, **values), mirror=mirror)


def steps(what: DatasetFacts, made: Plan) -> int:
    return made.value("epochs") * math.ceil(what.train / made.value("batch"))


EIGHTY = tuple(f"thing {number:02d}" for number in range(80))
SETS = {
    "20 pictures": facts(train=20, val=5, instances={"scratch": 9, "dent": 8, "stain": 10}),
    "5,000 pictures": facts(train=5_000, val=600, side=800),
    "4,000 px pictures with 12 px objects": facts(side=4_000, small_share=12 / 4_000, median_share=14 / 4_000),
    "64 px pictures": facts(side=64, aspect=1.0, small_share=0.25, median_share=0.3),
    "one class": facts(classes=("weed",), instances={"weed": 700}),
    "80 classes": facts(classes=EIGHTY, train=2_400, instances=dict.fromkeys(EIGHTY, 60)),
    "grey 16-bit": facts(grey=True, bits=16, side=512),
    "two pictures in a class": facts(
        task="classify", classes=("fine", "rare"), train=40, val=10, small_share=None, median_share=None, side=1_000,
        instances={"fine": 38, "rare": 2},
    ),
    "segmentation": facts(task="segment", train=105, val=22, small_share=0.12, median_share=0.2),
}  # fmt: skip


@pytest.mark.parametrize("machine", [LAPTOP, CARD], ids=["laptop", "card"])
@pytest.mark.parametrize("budget", [*Level, "15"])
@pytest.mark.parametrize("name", SETS)
def test_every_plan_can_be_trained_and_is_explained(name: str, budget: str, machine: MachineFacts) -> None:
    made = plan(SETS[name], machine, budget=budget)
    for item in made.settings:
        assert item.reason.endswith("."), item
        if item.name not in FIELDS:
            check_argument(item.name)
    spec = made.apply(spec_for(SETS[name], budget=budget))
    TrainingSpec.model_validate(spec.model_dump())  # all bounds hold
    assert spec.imgsz % 32 == 0
    assert set(spec.reasons) == {item.name for item in made.settings}
    assert 10 < made.seconds < 30 * 86400


def test_twenty_pictures_get_steps_from_small_batches() -> None:
    what = SETS["20 pictures"]
    made = plan(what)
    assert made.value("batch") == made.value("nbs") == 4
    assert 150 <= steps(what, made) <= 600
    assert made.value("warmup_epochs") * math.ceil(what.train / 4) < 0.2 * steps(what, made)


def test_a_set_like_the_sample_gets_no_fewer_rounds_than_it_needs() -> None:
    made = plan(facts(train=112, val=32, side=328, small_share=0.061))
    assert (made.value("epochs"), made.value("imgsz"), made.value("batch")) == (30, 320, 8)
    assert made.value("patience") == 15
    assert plan(facts(train=205)).value("epochs") < 15


def test_few_rounds_are_not_ended_by_a_lucky_first_one() -> None:
    for level in ("quick", "balanced"):
        made = plan(facts(task="classify", train=63, val=32), budget=level)
        assert made.value("patience") >= 10, level


def test_five_thousand_pictures_need_few_rounds() -> None:
    what = SETS["5,000 pictures"]
    made = plan(what)
    assert made.value("epochs") <= 10
    assert made.value("batch") >= 16
    assert plan(what, budget="quick").value("epochs") <= 3
    assert plan(what, budget="thorough").value("epochs") >= 20


def test_tiny_objects_in_huge_pictures_get_the_largest_size_and_word_of_tiles() -> None:
    made = plan(SETS["4,000 px pictures with 12 px objects"])
    assert made.value("imgsz") >= 960
    assert "tiles of 480 pixels" in made.notes[0]
    larger = plan(SETS["4,000 px pictures with 12 px objects"], CARD, budget="thorough")
    assert larger.value("imgsz") > made.value("imgsz")
    assert larger.value("batch") <= 8, "a dozen such pictures do not fit on the card"


def test_small_pictures_stay_small() -> None:
    made = plan(SETS["64 px pictures"])
    assert made.value("imgsz") <= 128
    assert not made.notes
    assert made.seconds < plan(facts()).seconds / 3


def test_the_rate_follows_the_number_of_classes() -> None:
    one, eighty = plan(SETS["one class"]), plan(SETS["80 classes"])
    assert one.value("lr0") == pytest.approx(0.002)  # 0.002 * 5 / (4 + 1)
    assert eighty.value("lr0") == pytest.approx(0.000119)
    assert "one class" in one.reasons["lr0"]
    assert "80 classes" in eighty.reasons["lr0"]
    assert one.value("optimizer") == eighty.value("optimizer") == "AdamW"


def test_grey_pictures_keep_their_grey() -> None:
    made = plan(SETS["grey 16-bit"])
    assert made.value("hsv_h") == made.value("hsv_s") == 0.0
    assert made.value("hsv_v") is None, "brightness does vary between grey pictures"
    assert plan(facts()).value("hsv_h") is None


def test_classification_has_no_collages_and_small_batches_where_a_class_is_rare() -> None:
    made = plan(SETS["two pictures in a class"])
    assert made.value("imgsz") == 224
    assert made.value("batch") == 4
    assert made.value("close_mosaic") is None
    assert made.value("erasing") < 0.4


def test_a_classifiers_rate_fits_its_batch() -> None:
    what = facts(task="classify", classes=("normal", "pneumonia"), train=560)
    made = plan(what)
    assert made.value("batch") == 16
    assert made.value("lr0") == pytest.approx(0.002 * 5 / 6 * 16 / 64, abs=1e-6)
    assert "steps over 16 pictures" in made.reasons["lr0"]
    assert plan(what.model_copy(update={"task": "detect"})).value("lr0") == pytest.approx(0.002 * 5 / 6, abs=1e-6)
    grey = plan(what.model_copy(update={"grey": True}))
    assert "auto_augment" not in grey.reasons, "RandAugment did better on X-rays"


def test_segmentation_is_planned_as_its_objects_are() -> None:
    made = plan(SETS["segmentation"])
    assert made.value("imgsz") == 320
    assert made.value("close_mosaic") >= 1
    assert 150 <= steps(SETS["segmentation"], made) <= 600


def test_smaller_objects_ask_for_a_larger_size() -> None:
    sizes = [plan(facts(side=1_920, small_share=share)).value("imgsz") for share in (0.2, 0.05, 0.03, 0.02)]
    assert sizes == sorted(sizes)
    assert sizes[0] == 320
    assert sizes[-1] >= 900
    assert plan(facts(side=320, small_share=0.01)).value("imgsz") == 320, "enlarging adds no detail"


@pytest.mark.parametrize(
    ("classes", "mirrored"),
    [
        (("left hand", "right hand"), False),
        (("licence_plate", "car"), False),
        (tuple("0123456789"), False),
        (("bright spot", "cleft"), True),
        (("RBC", "WBC", "Platelets"), True),
    ],
)
def test_pictures_are_mirrored_unless_that_would_be_wrong(classes: tuple[str, ...], mirrored: bool) -> None:
    made = plan(facts(classes=classes, instances=dict.fromkeys(classes, 50)))
    assert (made.value("fliplr") is None) is mirrored
    asked = plan(facts(classes=classes, instances=dict.fromkeys(classes, 50)), mirror=False)
    assert asked.value("fliplr") == 0.0
    assert plan(facts(classes=classes), mirror=True).value("fliplr") is None


def test_objects_that_fill_the_picture_are_not_cut_into_collages() -> None:
    assert plan(facts(small_share=0.7, median_share=0.9)).value("mosaic") == 0.0
    assert plan(facts()).value("mosaic") is None


def test_a_very_rare_class_counts_more() -> None:
    rare = plan(facts(instances={"scratch": 4_000, "dent": 20, "stain": 300}))
    assert rare.value("cls_pw") == 0.25
    assert "dent" in rare.reasons["cls_pw"]
    assert plan(facts(instances={"scratch": 4_000, "dent": 361, "stain": 372})).value("cls_pw") is None
    assert plan(facts(task="classify", instances={"a": 4_000, "b": 20})).value("cls_pw") is None, (
        "it has no effect there"
    )


def test_levels_take_more_and_more_time() -> None:
    for what in SETS.values():
        seconds = [plan(what, budget=level).seconds for level in Level]
        assert seconds == sorted(seconds)
        assert seconds[0] < seconds[-1]


@pytest.mark.parametrize("minutes", [2, 5, 20, 120])
def test_minutes_are_kept_or_the_plan_says_so(minutes: int) -> None:
    for what in SETS.values():
        made = plan(what, budget=str(minutes))
        assert made.seconds <= minutes * 63 or made.notes, made
    medium = plan(facts(), budget=str(minutes))
    assert medium.seconds <= minutes * 63
    longer = plan(facts(), budget=str(minutes * 3))
    assert longer.value("epochs") * longer.value("imgsz") ** 2 > medium.value("epochs") * medium.value("imgsz") ** 2


def test_what_the_user_set_is_kept_and_planned_around() -> None:
    what = facts()
    spec = spec_for(what, epochs=4, batch=2, extra={"close_mosaic": 0, "lr0": 0.01})
    made = make_plan(what, LAPTOP, spec)
    done = made.apply(spec)
    assert (done.epochs, done.batch) == (4, 2)
    assert done.extra["close_mosaic"] == 0
    assert done.extra["lr0"] == 0.01
    assert done.extra["nbs"] == 2, "planned around the user's batch"
    assert not {"epochs", "batch", "lr0"} & set(done.reasons), "a reason stands by what the plan chose only"
    assert done.reasons["imgsz"]
    assert made.seconds < make_plan(what, LAPTOP, spec_for(what, batch=2)).seconds


def test_from_scratch_takes_more_rounds() -> None:
    assert plan(facts(), strategy=SCRATCH).value("epochs") > plan(facts()).value("epochs")


def test_a_measured_machine_decides_number_format_and_time() -> None:
    gains = StepSpeed(machine="m", gflop=3.0, plain=0.3, channels_last=0.25, bf16=0.15)
    loses = StepSpeed(machine="m", gflop=3.0, plain=0.3, channels_last=0.31, bf16=0.6)
    with_gain = plan(facts(), LAPTOP.model_copy(update={"speed": gains}))
    without = plan(facts(), LAPTOP.model_copy(update={"speed": loses}))
    assert with_gain.value("amp") == "bf16"
    assert with_gain.value("channels_last") is True
    assert "2.00" in with_gain.reasons["amp"]
    assert without.value("amp") is None
    assert without.value("channels_last") is None
    assert with_gain.measured
    assert with_gain.seconds < without.seconds
    assert plan(facts(), CARD).value("amp") is None
    assert plan(facts(), CARD).value("workers") == 7


def test_the_time_is_a_range_learnt_from_what_trainings_took() -> None:
    made = plan(facts())
    assert made.least_seconds < made.seconds < made.most_seconds
    assert made.learnt_from == 0
    slow = plan(facts(), LAPTOP.model_copy(update={"ratios": {"detect": (2.0,) * 10, "classify": (0.1,)}}))
    assert 1.5 < slow.seconds / made.seconds < 2
    assert slow.most_seconds / slow.least_seconds < made.most_seconds / made.least_seconds
    assert slow.learnt_from == 10
    fitted = plan(facts(), LAPTOP.model_copy(update={"ratios": {"detect": (2.0,) * 10}}), budget="20")
    assert fitted.seconds <= 20 * 63
    assert fitted.value("epochs") < plan(facts(), budget="20").value("epochs") or fitted.value("imgsz") < made.value(
        "imgsz"
    )


def test_a_class_with_next_to_nothing_is_named_before_any_time_is_spent() -> None:
    scarce = {"scratch": 200, "dent": 9, "stain": 2, "burr": 0}
    [note] = plan(facts(instances=scarce)).notes
    assert note.index("“stain” has 2 objects") < note.index("“dent” has 9 objects")
    assert "scratch" not in note
    assert "burr" not in note, "nothing of it can be learnt at all: the dataset's own check says so"
    assert not plan(facts(instances={"scratch": 10, "dent": 11})).notes
    assert "1 picture" in plan(facts(task="classify", instances={"ill": 1, "well": 90})).notes[0]
    many = plan(facts(instances={f"kind {number}": 3 for number in range(6)})).notes[0]
    assert "3 classes more" in many
    assert not plan(facts(task="semantic", instances=scarce)).notes


def test_busy_cores_make_the_time_longer_and_its_low_end_no_higher() -> None:
    made = plan(facts())
    beside = made.beside_others(1, 2)
    assert beside.least_seconds == made.least_seconds
    slower = beside.seconds / made.seconds
    assert slower > 1.4
    assert beside.most_seconds / made.most_seconds == pytest.approx(slower)
    assert beside.busy_cores == 1
    assert made.beside_others(2, 2) == made


def test_pictures_are_kept_in_memory_where_they_fit() -> None:
    assert plan(facts()).value("cache") == "ram"
    assert plan(facts(train=400_000), budget="thorough").value("cache") is None
    rays = facts(task="classify", train=2_000, side=2_000, aspect=0.8, small_share=None, median_share=None)
    assert plan(rays).value("cache") == "ram", "kept as large as they are looked at"


@pytest.mark.parametrize(
    ("text", "expected"), [("quick", Level.QUICK), (" Thorough ", Level.THOROUGH), ("20", 20.0), ("7.5 min", 7.5)]
)
def test_a_budget_is_read(text: str, expected: object) -> None:
    assert parse_budget(text) == expected


@pytest.mark.parametrize("text", ["", "soon", "-3", "0", "nan", "1e9"])
def test_a_wrong_budget_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="quick, balanced, thorough"):
        parse_budget(text)
