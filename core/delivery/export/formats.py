"""The formats a model can be exported to: what each needs, where it runs, and whether this machine can make it.

The list itself is the installed Ultralytics' own (`export_formats()` in `engine/exporter.py`), read from its source
so that nothing heavy is imported. What is said about each format stands here, from Ultralytics 8.4.190
`engine/exporter.py` and `utils/export/*.py` (packages, platforms) and the formats' own documentation.
"""

from __future__ import annotations

import importlib.util
import platform
import shutil
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata

from packaging.requirements import Requirement

from core.errors import InputError
from core.models.cards import find_cards
from core.tasks import TASKS, Task
from core.ultralytics.installed import export_table

PLACES = {
    "CPU": "Any computer or server",
    "NVIDIA": "NVIDIA graphics cards",
    "Intel": "Intel processors and graphics",
    "Phone": "Phones and tablets",
    "Browser": "Web browsers",
    "Edge": "Small devices and cameras (edge)",
}
"""Where an exported model may run, in the order in which pages show them."""

WITHOUT_NMS_FREE = frozenset({"rknn", "ncnn", "executorch", "paddle", "imx", "edgetpu", "qnn"})
"""Formats whose runtimes lack the top-k step of the NMS-free head (`Exporter.__call__`): it is left out there."""
PREFERS_NMS_FREE = frozenset({"coreml", "coreai", "litert", "mnn", "hailo", "axelera", "ascend"})
"""Phones and small devices: there, a model that needs no suppression of doubles (NMS) afterwards is used by default."""


@dataclass(frozen=True)
class Facts:
    """What is known of a format beyond Ultralytics' table."""

    places: tuple[str, ...]
    words: str
    packages: tuple[str, ...] = ()
    """Python requirements to make it"""
    runtime: tuple[str, ...] = ()
    """Python requirements to run it here, which the check needs"""
    systems: tuple[str, ...] = ("Linux", "Darwin", "Windows")
    machines: tuple[str, ...] = ()
    """processor architectures it can be made on; empty: any"""
    nvidia: bool = False
    """made and run on an NVIDIA GPU only"""
    program: str = ""
    """a program that must be on the PATH"""
    sdk: tuple[str, str] | None = None
    """what its maker calls the tool that makes it, and the Python module that shows it is installed"""
    device: str = ""
    """the device it runs on, when this can never be the machine Graft runs on"""
    run_systems: tuple[str, ...] = ("Linux", "Darwin", "Windows")


X86 = ("x86_64", "AMD64")
ONNX = ("onnx>=1.12.0,<2.0.0", "onnxslim>=0.1.82", "onnxruntime")
TENSORFLOW = (*ONNX, "tensorflow", "tf_keras", "onnx2tf>=1.26.3,<1.29.0", "sng4onnx>=1.0.1")

FACTS: dict[str, Facts] = {
    "torchscript": Facts(("CPU", "NVIDIA"), "For programs built on PyTorch, in Python or C++ (libtorch)."),
    "onnx": Facts(
        ("CPU", "NVIDIA", "Intel", "Browser"),
        "The common exchange format: ONNX Runtime runs it in Python, C++, C#, Java and JavaScript.",
        ONNX,
        ("onnxruntime",),
    ),
    "openvino": Facts(
        ("CPU", "Intel"),
        "The quickest on Intel processors, graphics and NPUs.",
        ("openvino>=2024.0.0",),
        ("openvino>=2024.0.0",),
    ),
    "engine": Facts(
        ("NVIDIA",),
        "The quickest on NVIDIA cards and Jetson; made on the very card that will run it (TensorRT).",
        (*ONNX[:2], "tensorrt"),
        ("tensorrt",),
        ("Linux", "Windows"),
        nvidia=True,
    ),
    "coreml": Facts(
        ("Phone",),
        "For iPhone, iPad and Mac apps.",
        ("coremltools>=9.0", "numpy<=2.3.5"),
        ("coremltools>=9.0",),
        ("Linux", "Darwin"),
        run_systems=("Darwin",),
    ),
    "coreai": Facts(
        ("Phone",),
        "For apps on Apple systems from version 26 on (Core AI).",
        ("coreai-torch>=0.4.3",),
        ("coreai-torch>=0.4.3",),
        ("Linux", "Darwin"),
        run_systems=("Darwin",),
    ),
    "saved_model": Facts(("CPU", "NVIDIA"), "For TensorFlow servers and tools.", TENSORFLOW, ("tensorflow",)),
    "pb": Facts(("CPU", "NVIDIA"), "For older TensorFlow programs (GraphDef).", TENSORFLOW, ("tensorflow",)),
    "edgetpu": Facts(
        ("Edge",),
        "For Google's Coral Edge TPU; whole numbers only (INT8).",
        TENSORFLOW,
        systems=("Linux",),
        machines=X86,
        program="edgetpu_compiler",
        device="a Coral Edge TPU",
    ),
    "litert": Facts(
        ("Phone", "Edge", "Browser"),
        "For Android, small devices and the web (LiteRT, formerly TensorFlow Lite).",
        ("litert-torch>=0.10.0", "ai-edge-litert>=2.3.0"),
        ("ai-edge-litert>=2.3.0",),
        ("Linux", "Darwin"),
    ),
    "paddle": Facts(
        ("CPU", "NVIDIA"), "For PaddlePaddle.", ("paddlepaddle>=3.0.0,<3.3.0", "x2paddle"), ("paddlepaddle>=3.0.0",)
    ),
    "mnn": Facts(
        ("Phone", "Edge", "CPU"), "A small, quick runtime for phones (MNN).", (*ONNX[:2], "MNN>=2.9.6"), ("MNN>=2.9.6",)
    ),
    "ncnn": Facts(
        ("Phone", "Edge", "CPU"),
        "For Android, iOS and Raspberry Pi: small, and quick on ARM processors.",
        ("ncnn", "pnnx==20260526"),
        ("ncnn",),
    ),
    "imx": Facts(
        ("Edge",),
        "For the Raspberry Pi AI camera (Sony IMX500).",
        ("model-compression-toolkit>=2.4.1", "imx500-converter"),
        systems=("Linux",),
        device="a Sony IMX500 sensor",
    ),
    "rknn": Facts(
        ("Edge",),
        "For Rockchip processors (RK3588 and others).",
        (*ONNX[:2], "rknn-toolkit2>=2.3.2,<2.5"),
        systems=("Linux",),
        device="a Rockchip processor",
    ),
    "executorch": Facts(("Phone", "Edge", "CPU"), "For phones, by PyTorch itself.", ("executorch",), ("executorch",)),
    "axelera": Facts(
        ("Edge",),
        "For Axelera AI accelerators.",
        ("axelera-devkit==1.9.0",),
        systems=("Linux",),
        device="an Axelera accelerator",
    ),
    "deepx": Facts(
        ("Edge",),
        "For DEEPX NPUs.",
        (*ONNX[:2], "dx_com>=2.4.1"),
        systems=("Linux",),
        machines=X86,
        device="a DEEPX NPU",
    ),
    "qnn": Facts(
        ("Phone", "Edge"),
        "For Qualcomm Snapdragon NPUs.",
        (*ONNX[:2], "onnxruntime-qnn"),
        device="a Qualcomm Snapdragon with an NPU",
    ),
    "hailo": Facts(
        ("Edge",),
        "For Hailo-8, -10 and -15 accelerators.",
        ONNX[:2],
        sdk=("the Hailo Dataflow Compiler", "hailo_sdk_client"),
        systems=("Linux",),
        machines=X86,
        device="a Hailo accelerator",
    ),
    "ascend": Facts(
        ("Edge",), "For Huawei Ascend NPUs.", ONNX[:2], systems=("Linux",), program="atc", device="a Huawei Ascend NPU"
    ),
    "xilinx": Facts(
        ("Edge",),
        "For AMD Versal boards (Vitis AI).",
        ONNX[:2],
        sdk=("AMD Quark", "quark"),
        systems=("Linux",),
        device="an AMD Versal board",
    ),
}
UNKNOWN = Facts(("Edge",), "New in this version of Ultralytics; see its documentation.")


@dataclass(frozen=True)
class ExportFormat:
    """A format of the installed Ultralytics, with what Graft knows about it."""

    title: str
    name: str
    """what Ultralytics and `python -m core export` call it"""
    suffix: str
    arguments: tuple[str, ...]
    half: bool
    """whether 16-bit numbers are possible"""
    facts: Facts = field(repr=False)

    @property
    def obstacle(self) -> str:
        """Why it can't be made on this machine, a sentence; empty when it can."""
        facts = self.facts
        if platform.system() not in facts.systems:
            return f"It can only be made on {_either(facts.systems)}."
        if facts.machines and platform.machine() not in facts.machines:
            return f"It can only be made on a computer with {_either(facts.machines[:1])} processor."
        if facts.nvidia and not find_cards(wait=False).usable:
            return "It is made on the NVIDIA card that will run it, and this machine has none."
        if facts.program and shutil.which(facts.program) is None:
            return f"The program {facts.program} of its maker is not installed here."
        if facts.sdk and importlib.util.find_spec(facts.sdk[1]) is None:
            return f"The tool of its maker ({facts.sdk[0]}) is not installed here."
        lacking = missing_packages(facts.packages)
        return f"Not installed here: {', '.join(lacking)}." if lacking else ""

    @property
    def install(self) -> str:
        """The command that installs what is missing; empty when nothing is, or when its maker's own guide is needed."""
        lacking = [] if self.facts.device else missing_packages(self.facts.packages)
        return "pip install " + " ".join(f'"{name}"' for name in lacking) if lacking else ""

    @property
    def unverifiable(self) -> str:
        """Why an exported file can't be run and checked here, a sentence; empty when it can."""
        facts = self.facts
        if facts.device:
            return f"It runs on {facts.device}, not on this machine."
        if platform.system() not in facts.run_systems:
            return f"It runs on {_either(facts.run_systems)}, not on this machine."
        lacking = missing_packages(facts.runtime)
        return f"To run it here, {', '.join(lacking)} would have to be installed." if lacking else ""

    def nms_free(self, task: Task) -> bool:
        """Say whether the format can carry YOLO26's NMS-free head."""
        return TASKS[task].finds_objects and self.name not in WITHOUT_NMS_FREE


@cache
def export_formats() -> tuple[ExportFormat, ...]:
    """Return the formats of the installed Ultralytics, in its order, without PyTorch's own.

    Raises InputError when its source no longer holds the table.
    """
    rows, half = export_table()
    found = []
    for title, name, suffix, _cpu, _gpu, arguments, *_ in rows:
        if name != "-":
            facts = FACTS.get(str(name), UNKNOWN)
            options = tuple(str(item) for item in arguments) if isinstance(arguments, list) else ()
            found.append(ExportFormat(str(title), str(name), str(suffix), options, str(name) in half, facts))
    return tuple(found)


def find_format(name: str) -> ExportFormat:
    """Return the format called `name` (onnx, openvino, ...). Raises InputError when there is none, naming all."""
    for item in export_formats():
        if name.lower() in (item.name, item.title.lower()):
            return item
    known = ", ".join(item.name for item in export_formats())
    raise InputError(f"There is no export format “{name}”; there are {known}.")


def missing_packages(requirements: tuple[str, ...]) -> list[str]:
    """Return the requirements that are not installed here, or not in a version that fits."""
    lacking = []
    for text in requirements:
        requirement = Requirement(text)
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            version = ""
        if not version or not requirement.specifier.contains(version, prereleases=True):
            lacking.append(text)
    return lacking


def _either(names: tuple[str, ...]) -> str:
    words = {"Darwin": "macOS", "x86_64": "an Intel or AMD"}
    return " or ".join(words.get(name, name) for name in names)
