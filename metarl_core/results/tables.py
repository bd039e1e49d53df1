"""Multi-seed tables: run once per method and seed, resumable, and committed with settings and versions."""

import dataclasses
import importlib.metadata
import json
import os
import platform
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from tqdm.auto import tqdm

from metarl_core.arguments import check_count

VERSIONED = ("torch", "gymnasium", "numpy", "scipy")


@dataclass(frozen=True)
class Table:
    """Results `rows[method][seed]`, each a nested list of numbers, with what made them."""

    settings: dict
    versions: dict
    """of Python and the libraries, and the processor"""
    rows: dict[str, dict[int, list]]
    code: str | None = None
    """`code_digest` of the script and the package; None where it is not known or some rows come from other code"""
    confirmed: dict | None = None
    """which rows that code was seen to give again, and when; None where it made them itself"""

    def scores(self, method: str) -> np.ndarray:
        """Results of a method over its seeds, `[seed, ...]` in the order of the seeds.

        Raises:
            ValueError: for a method that the table lacks.
        """
        if method not in self.rows:
            raise ValueError(f"method must be one of {list(self.rows)}, got {method!r}.")
        by_seed = self.rows[method]
        return np.array([by_seed[seed] for seed in sorted(by_seed)])

    def check_agreement(self, method: str, seed: int, live: ArrayLike, tolerance: float) -> float:
        """Largest difference between a live result and its committed row, in mean over tasks.

        The same seed gives the same numbers on the same machine and versions; other machines round
        differently and training amplifies that, so the *means over the first axis* are compared.

        Raises:
            ValueError: where the difference exceeds `tolerance`, or the table lacks that row.
        """
        if seed not in self.rows.get(method, {}):
            raise ValueError(f"the table has no row of {method!r}, seed {seed}.")
        row = np.mean(self.rows[method][seed], axis=0)
        mean = np.mean(np.asarray(live, dtype=float), axis=0)
        if mean.shape != row.shape:
            raise ValueError(f"the live result must have the table's length {list(row.shape)}, got {list(mean.shape)}.")
        difference = float(np.abs(mean - row).max())
        if not difference <= tolerance:
            raise ValueError(
                f"the live result of {method!r}, seed {seed}, must agree with the table within {tolerance}, "
                f"got a difference of {difference:.3g}."
            )
        return difference


DATA = Path(__file__).parent / "data"


def table_path(name: str) -> Path:
    """Where the committed table of that name lies: package data, found wherever the package is installed.

    Raises:
        ValueError: for a name with anything but letters, digits and underscores.
    """
    check_file_name(name)
    return DATA / f"{name}.json"


def check_file_name(name: str) -> None:
    """Raise ValueError unless a name can be a file's on every system."""
    if not isinstance(name, str) or not re.fullmatch(r"\w+", name):
        raise ValueError(f"name must be of letters, digits and underscores, got {name!r}.")


def load_table(name: str | Path) -> Table:
    """Read a committed table by its name ("meta_policies"), or any that `run_table` wrote by its `Path`.

    Raises:
        FileNotFoundError: where there is no such file.
        ValueError: where there is no committed table of that name, or the file is not a table.
    """
    if isinstance(name, str):
        names = sorted(file.stem for file in DATA.glob("*.json"))
        if name not in names:
            raise ValueError(f"the name of a committed table must be one of {', '.join(names)}, got {name!r}.")
    path = table_path(name) if isinstance(name, str) else name
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        rows = {method: {int(seed): row for seed, row in seeds.items()} for method, seeds in content["rows"].items()}
        return Table(content["settings"], content["versions"], rows, content.get("code"), content.get("confirmed"))
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise ValueError(f"{path} must be a table written by run_table; it cannot be read.") from error


def settings_as_json(settings: Any) -> dict:
    """A settings dataclass as the dictionary that stands in its table's file.

    Raises:
        ValueError: for what is no dataclass.
    """
    if not dataclasses.is_dataclass(settings) or isinstance(settings, type):
        raise ValueError(f"settings must be a dataclass, got {type(settings).__name__}.")
    return json.loads(json.dumps(_plain(settings), default=_name))


def _plain(value: Any) -> Any:
    """Dataclasses as dictionaries; fields whose default is a function are left out where they stand at it."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [(field, getattr(value, field.name)) for field in dataclasses.fields(value)]
        return {f.name: _plain(given) for f, given in fields if not (callable(given) and given is f.default)}
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, list | tuple) else value


def _name(value: Any) -> str:
    """A function by its name."""
    return getattr(value, "__name__", str(value))


def write_table(path: Path, table: Table) -> None:
    """Write a table's file, whole or not at all."""
    partial = path.with_suffix(".part")
    content = {name: value for name, value in vars(table).items() if value is not None}
    rows = {"rows": content.pop("rows")}  # last, and long
    partial.write_text(json.dumps(content | rows, separators=(",", ":")) + "\n", encoding="utf-8")
    os.replace(partial, path)


def versions_here() -> dict[str, str]:
    """The versions and the processor on which the same code and seeds give the same numbers."""
    versions = {name: importlib.metadata.version(name).split("+")[0] for name in VERSIONED}
    return versions | {"python": platform.python_version(), "processor": processor()}


def processor() -> str:
    """The processor's name in words."""
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text(encoding="utf-8").splitlines() if listing.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def run_table(
    path: str | Path,
    settings: Any,
    methods: Sequence[str],
    seeds: Sequence[int],
    run: Callable[[str, int], ArrayLike],
    digits: int = 4,
    *,
    code: str | None = None,
    by_method: bool = False,
) -> Table:
    """Fill the table at `path`, one result per method and seed, saving after each.

    Results that stand in the file already are kept where its settings are the same; a stopped run
    goes on where it was. Other settings start the table anew.

    Args:
        settings: a dataclass of all settings.
        run: makes the result of one method and seed, an array.
        digits: decimals that are kept.
        code: `code_digest` of what makes the rows. A table that keeps rows of other code has none.
        by_method: all seeds of one method before the next one; otherwise all methods of one seed.

    Raises:
        ValueError: where the file is not a table, or `methods` or `seeds` hold nothing or one thing twice.
    """
    for name, given in (("methods", methods), ("seeds", seeds)):
        if isinstance(given, str) or not given or len(set(given)) < len(given):
            raise ValueError(f"{name} must be a sequence of one or more, all different, got {given!r}.")
    check_count("digits", digits, 0)
    path, wanted = Path(path), settings_as_json(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    rows: dict[str, dict[int, list]] = {}
    confirmed = None
    if path.exists() and (old := load_table(path)).settings == wanted:
        rows, confirmed = old.rows, old.confirmed
        code = code if old.code == code else None
    pairs = [(m, s) for m in methods for s in seeds] if by_method else [(m, s) for s in seeds for m in methods]
    for method, seed in tqdm([(m, s) for m, s in pairs if s not in rows.get(m, {})], desc=path.stem):
        result = np.round(np.asarray(run(method, seed), dtype=float), digits).tolist()
        rows.setdefault(method, {})[seed] = result
        ordered = {name: dict(sorted(rows[name].items())) for name in dict.fromkeys([*methods, *rows]) if name in rows}
        write_table(path, Table(wanted, versions_here(), ordered, code, confirmed))
    return load_table(path)
