"""A course second: what the reference machine does in one second, so that a promise of seconds holds anywhere.

Machines differ by a factor of three in Python and in small tensor operations, and less in matrix products. A mix of all
three takes one second on the reference machine. Beside each measured notebook it is timed on the machine at hand, and
the notebook's seconds are divided by that. `python -m tools.course_second` prints the factor.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

REFERENCE = "one of two cores of an Intel Xeon cloud machine with AVX-512, Python 3.11, torch 2.13"
PARTS = 3
"""of equal weight"""
PYTHON, SMALL, PRODUCTS = 9_700_000, 114_000, 215
"""additions in Python, operations on small tensors, matrix products: each a third of a second where the reference is"""
SHARE = 0.1
"""of the mix that one measurement runs"""


def _python(n: int) -> None:
    total = 0
    for i in range(n):
        total += i


def _small(n: int) -> None:
    import torch

    value = torch.zeros(25, 40)
    for _ in range(n // 2):
        value = (value + 1.0).mul_(0.5)


def _products(n: int) -> None:
    import torch

    one = torch.linspace(-1.0, 1.0, 512 * 512).reshape(512, 512)
    other, out = one.mT.contiguous(), torch.empty(512, 512)
    for _ in range(n):
        torch.mm(one, other, out=out)


def seconds_of_parts(
    share: float = SHARE, repeats: int = 3, clock: Callable[[], float] = time.perf_counter
) -> tuple[float, float, float]:
    """Median seconds of a third of a course second, for Python, small operations and products, on one thread.

    With `time.process_time` as the clock they are seconds of the processor, without those in which others had it.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        found = []
        for part, size in ((_python, PYTHON), (_small, SMALL), (_products, PRODUCTS)):
            taken = []
            for _ in range(repeats):
                start = clock()
                part(max(2, int(size * share)))
                taken.append((clock() - start) / share)
            found.append(statistics.median(taken))
    finally:
        torch.set_num_threads(threads)
    return found[0], found[1], found[2]


def factor(share: float = SHARE, repeats: int = 3, clock: Callable[[], float] = time.perf_counter) -> float:
    """How many seconds of this machine, as busy as it is now, a course second takes."""
    return sum(seconds_of_parts(share, repeats, clock))


if __name__ == "__main__":
    parts = seconds_of_parts(1.0)
    print(
        f"A course second takes {sum(parts):.2f} s here: Python {parts[0]:.2f}, small operations {parts[1]:.2f}, ",
        end="",
    )
    print(f"matrix products {parts[2]:.2f} (a third each on the reference machine, {REFERENCE}).")
