"""One warm model for the whole server: a child process that is started, asked, watched and started again.

The child (core.delivery.predict.model.server) holds the model; this side never imports torch. A child that crashed is
replaced and the question asked once more; one that hangs is ended. It leaves by itself when nothing is asked for a
while, and with this process, since its standard input closes then. It is asked many times, so it isn't a child of
core.processes.children, which has one question and one answer.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import queue
import subprocess
import sys
import tempfile
import threading
from functools import cache
from typing import IO, Any

from core.delivery.predict.model.chosen_model import ChosenModel
from core.errors import GraftError, InputError
from core.processes.isolation import isolated_environment
from core.processes.starting import PROJECT
from core.words import duration

PATIENCE = 300.0
"""Seconds one answer may take; a picture cut into hundreds of tiles needs minutes on a small machine."""


class WarmPredictor:
    """A child process with one model in it. Safe to be asked from several threads: they wait for their turn."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: subprocess.Popen[str] | None = None
        self._replies: queue.Queue[str | None] = queue.Queue()
        self._log: IO[bytes] | None = None
        self._prepared: tuple[str, int | None] = ("", None)

    def ask(self, do: str, model: ChosenModel, *, patience: float = PATIENCE, **more: Any) -> dict[str, Any]:
        """Return the child's answer to a request of core.delivery.predict.model.server.

        Raises InputError when the checkpoint is refused, GraftError when the model stumbled, crashed twice in a row
        or took longer than `patience` seconds.
        """
        request = {"do": do, "weights": str(model.weights), "imgsz": model.imgsz, **more}
        with self._lock:
            reply = self._once(request, patience)
            if reply is None:  # a crash: the next child may do better, the same picture twice will not
                reply = self._once(request, patience)
            if reply is None:
                reason = self._last_words()
                raise GraftError(f"The model's process ended twice on this request{reason}; other pictures may work.")
        if "error" in reply:
            raise InputError(reply["error"]) if reply["input"] else GraftError(reply["error"])
        return reply

    def prepare(self, model: ChosenModel) -> None:
        """Load a model in the background, so that the first picture finds it ready; returns at once."""
        wanted = (str(model.weights), self.pid)
        if wanted[1] is not None and wanted == self._prepared:
            return

        def load() -> None:
            # a refusal is told when the first picture is given
            with contextlib.suppress(GraftError):
                self.ask("load", model)
                self._prepared = (str(model.weights), self.pid)

        self._prepared = wanted
        threading.Thread(target=load, daemon=True).start()

    @property
    def pid(self) -> int | None:
        """The process id of the living child, None when there is none."""
        child = self._child
        return child.pid if child is not None and child.poll() is None else None

    def close(self) -> None:
        """End the child; the next question starts a new one."""
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                pipe.close()

    def _once(self, request: dict[str, Any], patience: float) -> dict[str, Any] | None:
        child = self._started()
        assert child.stdin is not None
        try:
            child.stdin.write(json.dumps(request) + "\n")
            child.stdin.flush()
            line = self._replies.get(timeout=patience)
        except (BrokenPipeError, OSError):
            line = None
        except queue.Empty as error:
            self.close()
            raise GraftError(f"The model gave no answer within {duration(patience)}; it was ended.") from error
        if line is None:
            self.close()
            return None
        reply: dict[str, Any] = json.loads(line)
        return reply

    def _started(self) -> subprocess.Popen[str]:
        if self._child is not None and self._child.poll() is None:
            return self._child
        self.close()
        if self._log is None:
            self._log = tempfile.TemporaryFile()  # noqa: SIM115  (lives as long as this object)
        self._log.seek(0)
        self._log.truncate()
        self._replies = queue.Queue()
        self._child = subprocess.Popen(
            [sys.executable, "-m", "core.delivery.predict.model.server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            encoding="utf-8",
            env=isolated_environment(),
            cwd=PROJECT,
        )
        threading.Thread(target=_listen, args=(self._child, self._replies), daemon=True).start()
        return self._child

    def _last_words(self) -> str:
        if self._log is None:
            return ""
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return f" ({lines[-1][:200]})" if lines else ""


def _listen(child: subprocess.Popen[str], replies: queue.Queue[str | None]) -> None:
    assert child.stdout is not None
    try:
        for line in child.stdout:
            replies.put(line)
    except ValueError:  # closed from our side
        pass
    replies.put(None)


@cache
def warm_predictor() -> WarmPredictor:
    """Return the one warm model of this process."""
    predictor = WarmPredictor()
    atexit.register(predictor.close)
    return predictor
