"""Physical parameters that vary from task to task by random factors."""

import torch

from metarl_core.tasks.family import Tasks, stamp_split, uniform


def check_spread(spread: float) -> float:
    """`spread` itself; ValueError where it is not above 1."""
    if not spread > 1:
        raise ValueError(f"spread is a factor and must be above 1, got {spread}.")
    return spread


def draw_physics(default: Tasks, varying: tuple[str, ...], spread: float, n: int, generator, split: str) -> Tasks:
    """`n` copies of the `default` task with the `varying` parameters multiplied by log-uniform factors.

    Train and test factors lie in [1/spread, spread]; out-of-distribution ones in [spread, spread²] or
    [1/spread², 1/spread], either side with probability one half.
    """
    tasks = {name: value.expand(n).clone() for name, value in default.items()}
    for name in varying:
        exponent = uniform((n,), -1.0, 1.0, generator)
        if split == "ood":
            exponent = exponent + torch.where(exponent < 0, -1.0, 1.0)
        tasks[name] = stamp_split(tasks[name] * spread**exponent, split)
    return tasks
