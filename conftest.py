"""One thread a process, a second try where Jupyter could not start a notebook's kernel, and long tests in turn."""

import os
import tempfile
import warnings
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported; kernels inherit it

TRIES = 3


def started(start, *arguments, **options):
    """What `start` returns. A kernel that dies before it has run anything says nothing about a notebook: try again.

    nbval throws away what a kernel writes to stderr; here it is kept, so that a failure can be explained.
    """
    for attempt in range(1, TRIES + 1):
        with tempfile.TemporaryFile("w+", errors="replace") as stderr:
            try:
                return start(*arguments, **{**options, "stderr": stderr})
            except RuntimeError as error:
                stderr.seek(0)
                said = f"{error}; the kernel wrote: {stderr.read()[-2000:] or 'nothing'}"
                if attempt == TRIES or "Kernel died before replying" not in str(error):
                    raise RuntimeError(said) from error
                warnings.warn(f"attempt {attempt} of {TRIES} to start a kernel: {said}", stacklevel=2)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    if getattr(config.option, "nbval", False) or getattr(config.option, "nbval_lax", False):
        import functools

        from nbval import kernel

        if not isinstance(kernel.start_new_kernel, functools.partial):
            kernel.start_new_kernel = functools.partial(started, kernel.start_new_kernel)


def pytest_collection_modifyitems(config, items):
    """Of tests that are marked `in_turn(share)`, those whose turn it is: other ones after each change of the package.

    Whoever names files or tests gets what is named, and METARL_ATTACKS=all (`make whole`) is for everything.
    """
    if os.environ.get("METARL_ATTACKS") == "all" or not all(Path(name).is_dir() for name in config.args):
        return
    marked = sorted((item for item in items if item.get_closest_marker("in_turn")), key=lambda item: item.nodeid)
    if not marked:
        return
    from tools.course import ROOT
    from tools.notebook_sample import turn

    start = turn(ROOT / "metarl_core")
    left_out = {item for n, item in enumerate(marked) if (start + n) % item.get_closest_marker("in_turn").args[0]}
    config.hook.pytest_deselected(items=sorted(left_out, key=lambda item: item.nodeid))
    items[:] = [item for item in items if item not in left_out]
