"""Multi-seed tables: run once per method and seed, resumable, and committed with settings and versions."""

import dataclasses
import importlib.metadata
import json
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

VERSIONED = ("torch", "gymnasium", "numpy", "scipy")


@dataclass(frozen=True)
class Table:
    """Results `rows[method][seed]`, each a nested list of numbers, with the settings that made them."""

    settings: dict
    versions: dict
    rows: dict[str, dict[int, list]]

    def scores(self, method: str) -> np.ndarray:
        """Results of a method over its seeds, `[seed, ...]` in the order of the seeds.

        Raises:
            ValueError: for a method that the table lacks.
        """
        if method not in self.rows:
            raise ValueError(f"method must be one of {list(self.rows)}, got {method!r}.")
        by_seed = self.rows[method]
        return np.array([by_seed[seed] for seed in sorted(by_seed)])

    def check_agreement(self, method: str, seed: int, live, tolerance: float) -> float:
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
    """Where the committed table of that name lies: package data, found wherever the package is installed."""
    return DATA / f"{name}.json"


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
        return Table(content["settings"], content["versions"], rows)
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise ValueError(f"{path} must be a table written by run_table; it cannot be read.") from error


def settings_as_json(settings) -> dict:
    """A settings dataclass as the dictionary that stands in its table's file."""
    return json.loads(json.dumps(dataclasses.asdict(settings)))


def run_table(
    path: str | Path,
    settings,
    methods: Sequence[str],
    seeds: Sequence[int],
    run: Callable[[str, int], np.ndarray],
    digits: int = 4,
) -> Table:
    """Fill the table at `path`, one result per method and seed, saving after each.

    Results that stand in the file already are kept where its settings are the same; a stopped run
    goes on where it was. Other settings start the table anew.

    Args:
        settings: a dataclass of all settings.
        run: makes the result of one method and seed, an array.
        digits: decimals that are kept.
    """
    path, wanted = Path(path), settings_as_json(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    rows: dict[str, dict[int, list]] = {}
    if path.exists() and (old := load_table(path)).settings == wanted:
        rows = old.rows
    versions = {name: importlib.metadata.version(name).split("+")[0] for name in VERSIONED}
    versions["python"] = platform.python_version()
    missing = [(method, seed) for seed in seeds for method in methods if seed not in rows.get(method, {})]
    for method, seed in tqdm(missing, desc=path.stem):
        rows.setdefault(method, {})[seed] = np.round(np.asarray(run(method, seed), dtype=float), digits).tolist()
        ordered = {name: dict(sorted(rows[name].items())) for name in dict.fromkeys([*methods, *rows]) if name in rows}
        partial = path.with_suffix(".part")
        content = {"settings": wanted, "versions": versions, "rows": ordered}
        partial.write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")
        os.replace(partial, path)
    return load_table(path)
