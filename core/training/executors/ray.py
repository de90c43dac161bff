"""Runs on a Ray cluster, by the REST interface of its job submission; nothing of Ray is imported here.

`GRAFT_RAY_ADDRESS` names the dashboard of the cluster's head (http://127.0.0.1:8265). Every machine of the cluster
sees Graft, its Python and the workspace under the same paths. Ray queues by resources: a run asks for its GPUs, or for
`GRAFT_RAY_CPUS` CPU slots (default 1). A worker on a node reports in the run's events file like one of this machine,
and doesn't touch the database: SQLite's write-ahead log works within one machine only (sqlite.org/wal.html).

Interface: docs.ray.io, "Ray Jobs REST API" (/api/jobs/). A cluster with RAY_AUTH_MODE=token takes RAY_AUTH_TOKEN.
"""

from __future__ import annotations

import json
import os
import secrets
import shlex
import sys
import time
import urllib.error
import urllib.request
from typing import Any

from core.processes.isolation import SWITCHES
from core.processes.starting import PROJECT
from core.training.executors.executor import Job, TryLater
from core.training.several_gpus import gpu_count
from core.training.store import Run
from core.workspace import write_text_atomic

PREFIX = "ray:"
"""What the identity of a run's worker begins with when it is a job of Ray's."""
ORDER = "order.json"
"""What a worker on a node is told, beside spec.json: the store's row of its run."""
TIMEOUT = 5.0
"""Seconds after which a cluster that doesn't answer counts as out of reach."""
SUBMIT_TIMEOUT = 30.0
"""The same for taking a job in: a busy head takes several seconds."""
ASK_AGAIN = 10.0
"""Seconds for which a cluster out of reach isn't asked again, so that no look waits for it."""

_silent_until: dict[str, float] = {}


def address() -> str:
    """Return the address of the cluster's dashboard from GRAFT_RAY_ADDRESS, empty when none is set."""
    given = os.environ.get("GRAFT_RAY_ADDRESS", "").strip().rstrip("/")
    return given if not given or given.startswith(("http://", "https://")) else f"http://{given}"


class RayExecutor:
    """Starts workers as jobs of a Ray cluster."""

    one_a_device = False

    def __init__(self, address: str) -> None:
        """Talk to the dashboard at `address`; empty when the cluster of a run is not known any more."""
        self.address = address

    def ready(self) -> str:
        """Return why nothing can be started at present; empty when the cluster answers."""
        try:
            self._ask("GET", "/api/version")
        except OSError as error:
            return f"The Ray cluster at {self.address} does not answer ({error}); start it, or mend GRAFT_RAY_ADDRESS."
        return ""

    def best_device(self) -> str:
        """Return `0` (a GPU, whichever is free) where a machine of the cluster has one, else cpu."""
        try:
            nodes = self._ask("GET", "/nodes?view=summary").get("data", {}).get("summary", [])
        except OSError:
            return "cpu"
        return "0" if any(node.get("raylet", {}).get("resourcesTotal", {}).get("GPU") for node in nodes) else "cpu"

    def devices(self) -> None:
        """Return nothing: which machine of the cluster takes a run is its own affair."""

    def submit(self, run: Run) -> Job:
        """Submit the worker of a run's present attempt. Raises OSError when the cluster doesn't take it."""
        name = f"{run.id}-{run.attempt}-{secrets.token_hex(3)}"
        identity = f"{PREFIX}{name}"
        gpus = gpu_count(run.device)
        # Ray shows a job the GPUs it was given only, numbered from 0
        device = ",".join(str(number) for number in range(gpus)) if gpus else run.device
        order = run.model_copy(update={"identity": identity, "device": device})
        write_text_atomic(run.folder / ORDER, order.model_dump_json(indent=2) + "\n")
        root = PROJECT
        command = shlex.join([sys.executable, "-m", "core.training.worker", str(run.folder), str(run.attempt)])
        if not gpus:
            command = f"env -u OMP_NUM_THREADS {command}"  # Ray would have it work with one thread per slot
        job = {
            "submission_id": name,
            "entrypoint": f"cd {shlex.quote(str(root))} && exec {command} >> {shlex.quote(str(run.log_path))} 2>&1",
            "runtime_env": {"env_vars": {**SWITCHES, "GRAFT_RUN_IDENTITY": identity}},
            "metadata": {"graft_run": run.id},
            "entrypoint_num_cpus": 1 if gpus else int(os.environ.get("GRAFT_RAY_CPUS") or 1),
            "entrypoint_num_gpus": gpus,
        }
        try:
            self._ask("POST", "/api/jobs/", job, SUBMIT_TIMEOUT)
        except TimeoutError:
            return Job(identity)  # it may have been taken: its state will tell
        except urllib.error.HTTPError as error:
            said = error.read().decode("utf-8", errors="replace").strip().splitlines()
            words = f"Ray does not take the job ({error.code}: {said[-1][:200] if said else error.reason})"
            # a head that has just started says 500 until its agents are there
            raise TryLater(words) if error.code >= 500 else OSError(words) from error
        return Job(identity)

    def state(self, run: Run) -> str:
        """Return `waiting`, `alive`, `gone`, or `unknown` while the cluster doesn't answer."""
        if not self.address:
            return "unknown"
        try:
            status = self._ask("GET", f"/api/jobs/{self._job(run)}").get("status")
        except urllib.error.HTTPError as error:
            return "gone" if error.code == 404 else "unknown"
        except OSError:
            return "unknown"
        return {"PENDING": "waiting", "RUNNING": "alive"}.get(str(status), "gone")

    def kill(self, run: Run) -> None:
        """Have Ray end the job: asked first, killed after RAY_JOB_STOP_WAIT_TIME_S (3 s), with all its processes."""
        try:
            self._ask("POST", f"/api/jobs/{self._job(run)}/stop")
        except urllib.error.HTTPError:
            return  # the cluster doesn't know it any more, or it has ended
        deadline = time.monotonic() + TIMEOUT
        while self.state(run) in ("waiting", "alive") and time.monotonic() < deadline:
            time.sleep(0.2)

    @staticmethod
    def _job(run: Run) -> str:
        return (run.identity or "").removeprefix(PREFIX)

    def _ask(
        self, method: str, path: str, body: dict[str, Any] | None = None, timeout: float = TIMEOUT
    ) -> dict[str, Any]:
        if time.monotonic() < _silent_until.get(self.address, 0.0):
            raise TimeoutError("no answer a moment ago")
        headers = {"Content-Type": "application/json"}
        if token := os.environ.get("RAY_AUTH_TOKEN"):
            headers["Authorization"] = f"Bearer {token}"
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"{self.address}{path}", data, headers, method=method)  # noqa: S310
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a cluster is near: no proxy in between
        try:
            with direct.open(request, timeout=timeout) as answer:
                text = answer.read().decode("utf-8", errors="replace")
        except urllib.error.HTTPError:
            raise
        except OSError:
            _silent_until[self.address] = time.monotonic() + ASK_AGAIN
            raise
        try:
            found = json.loads(text or "{}")
        except ValueError as error:
            raise OSError("what answers there is no Ray dashboard") from error
        return found if isinstance(found, dict) else {}
