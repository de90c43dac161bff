"""Which executor a run has, and which one new work goes to."""

from __future__ import annotations

from core.training.executors import local, ray
from core.training.executors.executor import Executor
from core.training.store import Run


def executor_for(run: Run) -> Executor:
    """Return the executor that has a run's worker."""
    return ray.RayExecutor(ray.address()) if (run.identity or "").startswith(ray.PREFIX) else local.LocalExecutor()


def present_executor() -> Executor:
    """Return the executor that new work goes to: Ray where GRAFT_RAY_ADDRESS names a cluster, else this machine."""
    return ray.RayExecutor(ray.address()) if ray.address() else local.LocalExecutor()
