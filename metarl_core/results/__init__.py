"""The committed multi-seed tables, and how they are filled and read."""

from metarl_core.results.tables import Table, load_table, run_table, table_path

__all__ = ["Table", "load_table", "run_table", "table_path"]
