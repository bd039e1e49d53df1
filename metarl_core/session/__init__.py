"""What a chapter's first cell sets up: one thread, and a helpful word where a cell was run too early or broken off."""

from __future__ import annotations

from typing import Any

from metarl_core.session.watch import Watch

__all__ = ["begin", "load_ipython_extension"]


def begin() -> None:
    """Set up a notebook.

    One thread: the course's operations are small, and a second thread waits longer than it works. Where a name is not
    known because its cell has not been run (after a restart, say), the message names that cell. Where an interrupt
    broke off a cell, grad mode and generators are put back, and what rests on an interrupted training says so.
    Outside of IPython only the thread counts.
    """
    import torch

    torch.set_num_threads(1)
    try:
        from IPython import get_ipython
    except ImportError:
        return
    shell = get_ipython()
    if shell is not None:
        load_ipython_extension(shell).attend()


def load_ipython_extension(shell: Any) -> Watch:
    """What `begin` does besides the thread. A kernel that loads it at its start says the helpful word in any cell."""
    watch = getattr(shell, "metarl_watch", None)
    if watch is None:
        watch = shell.metarl_watch = Watch(shell)
    return watch
