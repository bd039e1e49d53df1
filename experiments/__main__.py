"""Bring the committed tables up to date, each made by the script of its name in this folder.

    python -m experiments [NAME ...]            fill what is missing; confirm what other code made, or make it anew
    python -m experiments --confirm [NAME ...]  only confirm: a few rows again, and the code's digest where they agree
    python -m experiments --check [NAME ...]    only say which are out of date
    python -m experiments --jobs 4 [NAME ...]   make missing rows by four processes, one thread each

`--confirm --against FOLDER` compares with the code of another checkout, number for number: for a machine on which not
even the code that made a table gives the same numbers again (rounding differs, and training amplifies it).

Without names, all of them. A stopped run goes on where it was.
"""

import argparse
import importlib
import sys
import time
from pathlib import Path

import torch

from experiments import jobs
from metarl_core.results import Experiment
from metarl_core.results.experiment import UNCONFIRMED

FOLDER = Path(__file__).parent
NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("__") and path.stem != "jobs")


def experiment(name: str) -> Experiment:
    """What stands in the script of that name."""
    return importlib.import_module(f"experiments.{name}").EXPERIMENT


def confirmed(chosen: Experiment, against: Path | None = None) -> bool:
    """Confirm one table and say how that went."""
    started = time.perf_counter()
    try:
        difference = chosen.confirm(against)
    except (ValueError, FileNotFoundError) as error:
        print(f"{chosen.name}: NOT confirmed: {error}", flush=True)
        return False
    how = f"with a difference of {difference:.3g} from the table" if difference else "number for number"
    how += f", and as {against} makes it" if against else ""
    print(f"{chosen.name}: confirmed {how} in {time.perf_counter() - started:.0f} s", flush=True)
    return True


def bring_up(chosen: Experiment, processes: int = 1) -> None:
    """Fill one table, by several processes. Rows of other code stay where a few of them come out the same."""
    why = chosen.out_of_date()
    print(f"{chosen.name}: {why or 'up to date'}", flush=True)
    if why == UNCONFIRMED and not confirmed(chosen):
        chosen.path.unlink()
    if why:
        jobs.fill(chosen, processes)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m experiments", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--confirm", action="store_true", help="make a few rows again and compare; make no others")
    parser.add_argument("--check", action="store_true", help="only say which tables are out of date")
    parser.add_argument("--against", type=Path, metavar="FOLDER", help="with --confirm: a checkout of the code before")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="make rows by N processes, one thread each")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in NAMES]
    if unknown:
        sys.exit(f"experiments must be some of {', '.join(NAMES)}, got {', '.join(unknown)}.")
    if options.jobs < 1:
        sys.exit(f"--jobs must be at least 1, got {options.jobs}.")
    torch.set_num_threads(1)
    failed = False
    for name in options.names or NAMES:
        chosen = experiment(name)
        if options.check:
            why = chosen.out_of_date()
            print(f"{name}: {why or 'up to date'}")
            failed |= why is not None
        elif options.confirm:
            failed |= not confirmed(chosen, options.against)
        else:
            bring_up(chosen, options.jobs)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
