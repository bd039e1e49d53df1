"""Sinusoid regression, the standard supervised testbed of meta-learning (Finn et al. 2017, 5.1)."""

import math

import torch
from torch import Tensor

from metarl_core.tasks.family import SPLITS, Tasks, check_tasks, stamp_split, uniform
from metarl_core.tasks.few_shot import FewShot

AMPLITUDE = (0.1, 5.0)
OOD_AMPLITUDE = (5.0, 10.0)
PHASE = (0.0, math.pi)
INPUT = (-5.0, 5.0)


class Sinusoids:
    """Regress y = amplitude · sin(x + phase) from a few points.

    A task is `amplitude` and `phase`, uniform on [0.1, 5] and [0, π]; out of distribution the
    amplitude is uniform on [5, 10]. Inputs are uniform on [−5, 5].
    """

    def sample_tasks(self, n: int, generator: torch.Generator, split: str = "train") -> Tasks:
        """Draw `n` tasks: a dictionary of `amplitude` `[n]` and `phase` `[n]` in radians.

        Raises:
            ValueError: for `n` < 1 or an unknown split.
        """
        if n < 1:
            raise ValueError(f"n is the number of tasks and must be at least 1, got {n}.")
        if split not in SPLITS:
            raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}.")
        amplitude = uniform((n,), *(OOD_AMPLITUDE if split == "ood" else AMPLITUDE), generator)
        return {
            "amplitude": stamp_split(amplitude, split),
            "phase": stamp_split(uniform((n,), *PHASE, generator), split),
        }

    def sample_data(self, tasks: Tasks, points: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw inputs and targets `[task, points, 1]` for each task.

        Raises:
            ValueError: for malformed tasks or fewer than one point.
        """
        n = check_tasks(tasks, {"amplitude": (), "phase": ()})
        if points < 1:
            raise ValueError(f"points must be at least 1, got {points}.")
        inputs = uniform((n, points, 1), *INPUT, generator)
        return inputs, self.target(tasks, inputs)

    def sample_few_shot(
        self, n: int, shots: int, queries: int, generator: torch.Generator, split: str = "train"
    ) -> FewShot:
        """Draw `n` tasks with `shots` support points and `queries` query points each, all `[n, points, 1]`.

        Raises:
            ValueError: for `n`, `shots` or `queries` < 1 or an unknown split.
        """
        for name, value in (("shots", shots), ("queries", queries)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}.")
        tasks = self.sample_tasks(n, generator, split)
        return FewShot(*self.sample_data(tasks, shots, generator), *self.sample_data(tasks, queries, generator))

    def target(self, tasks: Tasks, inputs: Tensor) -> Tensor:
        """The noise-free targets `[task, points, 1]` at `inputs` of the same shape."""
        return tasks["amplitude"][:, None, None] * (inputs + tasks["phase"][:, None, None]).sin()


def zero_floor() -> float:
    """Mean squared error of predicting 0: E[A²] E[sin²] = E[A²] / 2, about 4.25."""
    low, high = AMPLITUDE
    return (high**3 - low**3) / (3 * (high - low)) / 2


def task_agnostic_floor() -> float:
    """Mean squared error of the best function that ignores the task, about 3.01.

    That function is the mean over tasks, E[A] E[sin(x + φ)] = E[A] (2/π) cos x. Its error is the error of
    zero minus the mean square of that function over the inputs.
    """
    mean_amplitude = sum(AMPLITUDE) / 2
    width = INPUT[1]
    mean_square_cosine = 0.5 + math.sin(2 * width) / (4 * width)
    return zero_floor() - (mean_amplitude * 2 / math.pi) ** 2 * mean_square_cosine
