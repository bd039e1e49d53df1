"""One thread a process: small batched operations gain nothing from a second one, and two busy processes lose much."""

import os
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported; kernels inherit it


def pytest_sessionstart(session):
    """Workers start their first kernels one after another: two that start at once may choose the same ports."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    if getattr(session.config.option, "nbval_lax", False) and worker.removeprefix("gw").isdigit():
        time.sleep(8 * int(worker.removeprefix("gw")))
