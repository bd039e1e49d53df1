"""The committed multi-seed tables and benchmarks, how they are filled and read, and what code made them."""

from metarl_core.results.benchmarks import load_benchmark, write_benchmark
from metarl_core.results.code_digest import code_digest, modules_below
from metarl_core.results.experiment import Experiment
from metarl_core.results.tables import Table, load_table, run_table, table_path

__all__ = [
    "Experiment",
    "Table",
    "code_digest",
    "load_benchmark",
    "load_table",
    "modules_below",
    "run_table",
    "table_path",
    "write_benchmark",
]
