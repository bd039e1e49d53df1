"""What a committed table is made from, and whether it is still what the code makes."""

import datetime
import functools
import hashlib
import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from tqdm.auto import tqdm

from metarl_core.arguments import check_one_of
from metarl_core.results.code_digest import code_digest
from metarl_core.results.other_code import name_of_checkout, rows_of_checkout
from metarl_core.results.tables import (
    DATA,
    Table,
    check_file_name,
    load_table,
    run_table,
    settings_as_json,
    versions_here,
    write_table,
)

UNCONFIRMED = "its rows are not confirmed for the code as it is now"


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """A table's name, and how its rows are made."""

    name: str
    settings: Any
    """a dataclass with `seeds`"""
    methods: tuple[str, ...]
    run: Callable[[str, int], ArrayLike]
    """makes the row of one method and seed; the file that defines it, and the package below, are the table's code"""
    sample: tuple[tuple[str, int], ...]
    """methods and seeds that are cheap, and together exercise the code"""
    tolerance: float | tuple
    """by which machines may differ in a row's mean over tasks: one number, or an array that broadcasts to that mean,
    so that what comes before rounding is amplified can be held more tightly; infinite for what differs from run to
    run, such as seconds"""
    digits: int = 4
    by_method: bool = False
    """seeds of a method come out of one training"""
    without_seed: tuple[str, ...] = ()
    """methods that draw nothing, so that the rows of all seeds are one"""
    source: Path | None = None
    """the file of the code, where it is not the one that defines `run`"""
    folder: Path = DATA
    """where the table lies"""

    def __post_init__(self) -> None:
        check_file_name(self.name)
        if not self.methods:
            raise ValueError("methods must name at least one method, got none.")
        if not self.sample:
            raise ValueError("sample must name at least one method and seed, got none.")
        for method, seed in self.sample:
            check_one_of("a method of sample", method, self.methods)
            check_one_of("a seed of sample", seed, self.settings.seeds)

    @property
    def path(self) -> Path:
        """The table's file."""
        return self.folder / f"{self.name}.json"

    @property
    def code(self) -> str:
        """Digest of the code that makes the table now."""
        makes = self.run.func if isinstance(self.run, functools.partial) else self.run
        return code_digest(self.source or Path(inspect.getfile(makes)))

    def fill(self) -> Table:
        """Make what is missing; all, where the settings have changed."""
        seeds, code = self.settings.seeds, self.code
        return run_table(
            self.path, self.settings, self.methods, seeds, self.run, self.digits, code=code, by_method=self.by_method
        )

    def out_of_date(self) -> str | None:
        """Why the table is not known to be what settings and code make now; None where it is."""
        if not self.path.exists():
            return "there is no table yet"
        table = load_table(self.path)
        if table.settings != settings_as_json(self.settings):
            return "its settings have changed"
        if any(sorted(table.rows.get(method, {})) != sorted(self.settings.seeds) for method in self.methods):
            return "it lacks rows"
        if table.code != self.code:
            return UNCONFIRMED
        return None

    def confirm(self, against: Path | None = None) -> float:
        """Make the rows of `sample` again, and write the code's new digest where they are as committed.

        On the machine and versions that made the table, or confirmed it before, every number must be the same. On
        others rounding differs, and training amplifies it: there a row's mean over tasks must agree within the
        tolerance, or, `against` a checkout of the code that made the table, both must give the same here.

        Args:
            against: the folder of such a checkout, with the same table.

        Returns:
            The largest difference from the committed table in means over tasks.

        Raises:
            ValueError: where they are not, with what differs; the table is left as it is.
        """
        table, here = load_table(self.path), versions_here()
        if table.settings != settings_as_json(self.settings):
            raise ValueError(f"the settings of {self.name} have changed: its table must be made anew.")
        for method, seed in self.sample:
            if seed not in table.rows.get(method, {}):
                raise ValueError(f"the table {self.name} has no row of {method!r}, seed {seed}.")
        committed = [np.asarray(table.rows[method][seed]) for method, seed in self.sample]
        live = [self._rounded(self.run(*pair)) for pair in tqdm(self.sample, desc=f"{self.name}, again")]
        for pair, row, now in zip(self.sample, committed, live, strict=True):
            if now.shape != row.shape:
                raise ValueError(f"{_words(pair)} must have the shape {list(row.shape)}, got {list(now.shape)}.")
        kept = [self._compared(row) for row in committed]
        result = json.dumps([now[columns].tolist() for now, columns in zip(live, kept, strict=True)])
        confirmed: dict[str, Any] = {
            "on": datetime.date.today().isoformat(),
            "rows": [list(pair) for pair in self.sample],
            "difference": float(
                max(self._off(row, now).max() for row, now in zip(committed, live, strict=True)).round(6)
            ),
            "versions": here,
            "result": hashlib.sha256(result.encode()).hexdigest()[:16],
        }
        last = table.confirmed or {}
        if against:
            confirmed["against"] = self._same_as_other_code(against, table, live, kept)
        elif all(last.get(key) == confirmed[key] for key in ("rows", "versions")):
            if last["result"] != confirmed["result"]:
                raise ValueError(f"rows of {self.name} must be as they were here on {last['on']}, got others.")
            confirmed = {"against": last["against"]} | confirmed if "against" in last else confirmed
        else:
            for pair, row, now in zip(self.sample, committed, live, strict=True):
                self._check(pair, row, now, exact=table.versions == here)
        write_table(self.path, replace(table, code=self.code, confirmed=confirmed))
        return confirmed["difference"]

    def _rounded(self, row: ArrayLike) -> np.ndarray:
        return np.round(np.asarray(row, dtype=float), self.digits)

    def _compared(self, row: np.ndarray) -> np.ndarray:
        """Which numbers of a row are compared."""
        return np.isfinite(np.broadcast_to(np.asarray(self.tolerance, dtype=float), row.shape))

    def _off(self, row: np.ndarray, now: np.ndarray) -> np.ndarray:
        return np.where(self._compared(row[0]), np.abs(now.mean(0) - row.mean(0)), 0.0)

    def _check(self, pair: tuple[str, int], row: np.ndarray, now: np.ndarray, exact: bool) -> None:
        """Raise ValueError where a row differs from the committed one."""
        off = self._off(row, now)
        within = off <= np.asarray(self.tolerance, dtype=float)
        if not within.all():
            raise ValueError(
                f"{_words(pair)} must agree with the table within the tolerance, "
                f"got differences up to {off[~within].max():.3g}."
            )
        difference = np.abs(now - row)[self._compared(row)].max()
        if exact and difference > 0:
            raise ValueError(
                f"{_words(pair)} must be the same number for number on the machine that made the table, "
                f"got a difference of {difference:.3g}."
            )

    def _same_as_other_code(self, folder: Path, table: Table, live: list[np.ndarray], kept: list[np.ndarray]) -> str:
        """The name of a checkout whose code gives the same rows.

        Raises:
            ValueError: where it does not, or has another table.
        """
        there, rows = rows_of_checkout(folder, self.name, self.sample)
        if there != json.loads(json.dumps(table.rows)):
            raise ValueError(f"the checkout {folder.name} must have the same table {self.name}, got another.")
        for pair, row, now, columns in zip(self.sample, map(self._rounded, rows), live, kept, strict=True):
            if now.shape != row.shape or not np.array_equal(now[columns], row[columns]):
                raise ValueError(f"{_words(pair)} must be the same by the code in {folder.name}, got other numbers.")
        return name_of_checkout(folder)


def _words(pair: tuple[str, int]) -> str:
    return f"{pair[0]!r}, seed {pair[1]},"
