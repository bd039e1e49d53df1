"""One thread a process: small batched operations gain nothing from a second one, and two busy processes lose much."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported; kernels inherit it
