"""The rows of a table made by several processes at once, one thread each, so that they do not slow each other down."""

from __future__ import annotations

import functools
import inspect
import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import torch
from numpy.typing import ArrayLike

from metarl_core.results import Experiment, Table, load_table
from metarl_core.results.tables import settings_as_json

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
MEASURES_TIME = ("scaling",)
"""tables of seconds: what runs beside them would be measured, too"""


def fill(chosen: Experiment, jobs: int) -> Table:
    """`chosen.fill()` by `jobs` processes: the same rows, since each draws from a generator of its own seed.

    This process alone writes the table, row after row in its order; a stopped run goes on from what is written.
    """
    if jobs == 1 or chosen.name in MEASURES_TIME:
        return chosen.fill()
    context = multiprocessing.get_context("spawn")  # as Windows has it; and no thread is copied half-way
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))  # read by a process when it starts
    try:
        with ProcessPoolExecutor(jobs, context, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            waiting = _submitted(chosen, pool)
            makes = chosen.run.func if isinstance(chosen.run, functools.partial) else chosen.run
            source = chosen.source or Path(inspect.getfile(makes))
            try:
                return replace(chosen, run=lambda method, seed: waiting[method, seed](), source=source).fill()
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _submitted(chosen: Experiment, pool: ProcessPoolExecutor) -> dict[tuple[str, int], Callable[[], ArrayLike]]:
    """How to wait for each row that is missing; seeds that come out of one training go to one process."""
    there = {}
    if chosen.path.exists() and (old := load_table(chosen.path)).settings == settings_as_json(chosen.settings):
        there = old.rows
    seeds = {m: [s for s in chosen.settings.seeds if s not in there.get(m, {})] for m in chosen.methods}
    if chosen.by_method:
        groups = [(method, tuple(own)) for method, own in seeds.items() if own]
    else:
        groups = [(m, (s,)) for s in chosen.settings.seeds for m in chosen.methods if s in seeds[m]]
    waiting: dict[tuple[str, int], Callable[[], ArrayLike]] = {}
    for method, own in groups:
        future = pool.submit(_rows, chosen.run, method, own)
        for seed in own:
            waiting[method, seed] = functools.partial(_row_of, future, seed)
    return waiting


def _rows(run: Callable[[str, int], ArrayLike], method: str, seeds: tuple[int, ...]) -> dict[int, ArrayLike]:
    return {seed: run(method, seed) for seed in seeds}


def _row_of(future: Future[dict[int, ArrayLike]], seed: int) -> ArrayLike:
    return future.result()[seed]
