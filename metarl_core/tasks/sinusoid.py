"""Sinusoid regression, the standard supervised testbed of meta-learning (Finn et al. 2017, 5.1)."""

import math

import torch
from torch import Tensor

from metarl_core.arguments import check_count, check_generator
from metarl_core.tasks.checks import check_sampling, check_tasks
from metarl_core.tasks.draws import stamp_split, uniform
from metarl_core.tasks.family import Tasks
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

    def sample_tasks(
        self, n: int, generator: torch.Generator, split: str = "train", dtype: torch.dtype | None = None
    ) -> Tasks:
        """Draw `n` tasks: a dictionary of `amplitude` `[n]` and `phase` `[n]` in radians.

        Raises:
            ValueError: for `n` < 1, an unknown split, or a `dtype` (torch's default by default) that is not
                floating-point.
        """
        check_sampling(n, generator, split, dtype)
        amplitude = uniform((n,), *(OOD_AMPLITUDE if split == "ood" else AMPLITUDE), generator, dtype)
        return {
            "amplitude": stamp_split(amplitude, split),
            "phase": stamp_split(uniform((n,), *PHASE, generator, dtype), split),
        }

    def sample_data(self, tasks: Tasks, points: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw inputs and targets `[task, points, 1]` for each task.

        Raises:
            ValueError: for malformed tasks or fewer than one point.
        """
        n = check_tasks(tasks, {"amplitude": (), "phase": ()})
        check_count("points", points)
        check_generator(generator)
        amplitude = tasks["amplitude"]
        inputs = uniform((n, points, 1), *INPUT, generator, amplitude.dtype).to(amplitude.device)
        return inputs, self.target(tasks, inputs)

    def sample_few_shot(
        self,
        n: int,
        shots: int,
        queries: int,
        generator: torch.Generator,
        split: str = "train",
        dtype: torch.dtype | None = None,
    ) -> FewShot:
        """Draw `n` tasks with `shots` support points and `queries` query points each, all `[n, points, 1]`.

        Raises:
            ValueError: for `n`, `shots` or `queries` < 1, an unknown split, or another `dtype` than a floating one.
        """
        for name, value in (("shots", shots), ("queries", queries)):
            check_count(name, value)
        tasks = self.sample_tasks(n, generator, split, dtype)
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
