"""One thread a process, and a second try where Jupyter could not start a notebook's kernel."""

import os
import tempfile
import warnings

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
