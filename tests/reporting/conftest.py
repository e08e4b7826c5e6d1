"""Run files of every kind that a report may meet."""

from pathlib import Path

import pytest

from tests.support import runfiles


@pytest.fixture(scope="session")
def clean_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything was carried and agrees."""
    return runfiles.clean(tmp_path_factory.mktemp("clean") / "clean.run")


@pytest.fixture(scope="session")
def mixed_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every outcome, three currencies, differences."""
    return runfiles.mixed(tmp_path_factory.mktemp("mixed") / "mixed.run")


@pytest.fixture(scope="session")
def hostile_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Texts that would act on whoever opens them."""
    return runfiles.hostile(tmp_path_factory.mktemp("hostile") / "hostile.run")
