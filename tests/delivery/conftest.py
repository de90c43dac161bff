"""What the tests of this room share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.delivery.trained_run import Trained, copied, train_tiny


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A small run, trained once; not to be changed."""
    return train_tiny(tmp_path_factory.mktemp("trained"))


@pytest.fixture
def trained_copy(trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trained:
    """A copy of the small run for one test."""
    return copied(trained, tmp_path, monkeypatch)
