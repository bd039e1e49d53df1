"""What a committed table is made from, and whether it is still what the code makes."""

import datetime
import hashlib
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
    """A table's name, the script that makes it, and how."""

    name: str
    script: str | Path
    """the file whose code makes the rows; it and the package below it are the table's code"""
    settings: Any
    """a dataclass with `seeds`"""
    methods: tuple[str, ...]
    run: Callable[[str, int], ArrayLike]
    """makes the row of one method and seed"""
    sample: tuple[tuple[str, int], ...]
    """methods and seeds that are cheap, and together exercise the code"""
    tolerance: float | tuple
    """by which machines may differ in a row's mean over tasks: one number, or an array that broadcasts to that mean,
    so that what comes before rounding is amplified can be held more tightly; infinite for what differs from run to
    run, such as seconds"""
    digits: int = 4
    by_method: bool = False
    """seeds of a method come out of one training"""
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
        return code_digest(Path(self.script))

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

    def confirm(self) -> float:
        """Make the rows of `sample` again, and write the code's new digest where they are as committed.

        On the machine and versions that made the table, every number must be the same; on others, a row's
        mean over tasks must agree within the tolerance, and give what it gave there before.

        Returns:
            The largest difference between means over tasks.

        Raises:
            ValueError: where they are not, with what differs; the table is left as it is.
        """
        table, here = load_table(self.path), versions_here()
        if table.settings != settings_as_json(self.settings):
            raise ValueError(f"the settings of {self.name} have changed: its table must be made anew.")
        bounds = np.asarray(self.tolerance, dtype=float)
        difference, made = 0.0, []
        for method, seed in tqdm(self.sample, desc=f"{self.name}, again"):
            if seed not in table.rows.get(method, {}):
                raise ValueError(f"the table {self.name} has no row of {method!r}, seed {seed}.")
            live = np.round(np.asarray(self.run(method, seed), dtype=float), self.digits)
            row = np.asarray(table.rows[method][seed])
            if live.shape != row.shape:
                raise ValueError(
                    f"{method!r}, seed {seed}, must have the shape {list(row.shape)}, got {list(live.shape)}."
                )
            compared = np.isfinite(np.broadcast_to(bounds, row.shape))
            off = np.where(compared, np.abs(live.mean(0) - row.mean(0)), 0.0)
            if not (off <= bounds).all():
                raise ValueError(
                    f"{method!r}, seed {seed}, must agree with the table within the tolerance, "
                    f"got differences up to {off[~(off <= bounds)].max():.3g}."
                )
            if table.versions == here and not (live == row)[compared].all():
                raise ValueError(
                    f"{method!r}, seed {seed}, must be the same number for number on the machine that made the table, "
                    f"got a difference of {np.abs(live - row)[compared].max():.3g}."
                )
            difference = max(difference, float(off.max()))
            made.append(live[compared].tolist())
        confirmed = {
            "on": datetime.date.today().isoformat(),
            "rows": [list(pair) for pair in self.sample],
            "difference": difference,
            "versions": here,
            "result": hashlib.sha256(json.dumps(made).encode()).hexdigest()[:16],
        }
        last = table.confirmed or {}
        same = all(last.get(key) == confirmed[key] for key in ("rows", "versions"))
        if same and last["result"] != confirmed["result"]:
            raise ValueError(
                f"rows of {self.name} must be the same number for number as on {last['on']} on this machine, "
                "got others within the tolerance."
            )
        write_table(self.path, replace(table, code=self.code, confirmed=confirmed))
        return difference
