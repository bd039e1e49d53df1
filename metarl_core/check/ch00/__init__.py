"""The check of chapter 00's warm-up: the return of a path."""

from metarl_core.check.ch00.path_return import check_path_return

__all__ = [
    "check_path_return",
]
