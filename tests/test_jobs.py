"""Rows made by several processes are those that one makes, and a stopped table goes on."""

import os
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from experiments import jobs
from experiments.__main__ import NAMES, main
from metarl_core.results import Experiment


@dataclass(frozen=True)
class Settings:
    seeds: tuple[int, ...] = (0, 1, 2)
    test_tasks: int = 2


def row(method, seed):
    """Numbers of a generator, and what the process was started with."""
    drawn = torch.rand(2, generator=torch.Generator().manual_seed(seed)) + len(method)
    return np.stack([drawn.numpy(), np.full(2, torch.get_num_threads())], 1)


def broken(method, seed):
    raise ValueError("seed must be another one.")


def table_of(folder, run=row, **options):
    return Experiment(
        name="drawn", settings=Settings(), methods=("a", "bb"), run=run, sample=(("a", 0),), tolerance=0.0,
        folder=folder, **options,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("by_method", [False, True])
def test_two_processes_make_the_rows_of_one(tmp_path, by_method):
    before = dict(os.environ)
    alone = table_of(tmp_path / "one").fill()
    together = jobs.fill(table_of(tmp_path / "two", by_method=by_method), 2)
    assert together.settings == alone.settings and together.code == alone.code
    for method in ("a", "bb"):
        assert (together.scores(method)[..., 0] == alone.scores(method)[..., 0]).all()
        assert (together.scores(method)[..., 1] == 1).all()  # one thread each
    assert dict(os.environ) == before


@pytest.mark.slow
def test_a_failing_row_is_told_and_rows_that_are_there_stay(tmp_path):
    whole = table_of(tmp_path).fill()
    assert jobs.fill(table_of(tmp_path, broken), 2).rows == whole.rows  # nothing was missing: nothing is run
    with pytest.raises(ValueError, match="seed must be another one."):
        jobs.fill(table_of(tmp_path / "other", broken), 2)


def test_tables_of_seconds_are_made_by_one_process():
    assert set(jobs.MEASURES_TIME) <= set(NAMES)


def test_fewer_than_one_job_is_refused():
    with pytest.raises(SystemExit, match="--jobs must be at least 1, got 0"):
        main(["--jobs", "0", "--check"])
