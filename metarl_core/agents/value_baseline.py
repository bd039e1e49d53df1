"""A learned value function as the baseline of REINFORCE."""

from collections.abc import Sequence

import torch
from torch import Tensor

from metarl_core.arguments import check_count, check_step_size, check_widths
from metarl_core.networks.mlp import MLP, mlp
from metarl_core.parameters import initial_parameters


class ValueBaseline:
    """V(s), one network per task, fitted to the returns seen so far: a baseline with a memory.

    Each call first predicts, then learns: the prediction for a batch comes from earlier batches alone, so it
    does not depend on the actions of this one and the policy gradient stays unbiased.

    Args:
        features: size of the encoded observations.
        tasks: number of tasks, each with a network of its own.
        hidden: widths of the hidden layers.
        generator: draws the initial weights.
        lr: of Adam.
        steps: gradient steps on each batch.
    """

    def __init__(
        self,
        features: int,
        tasks: int = 1,
        hidden: Sequence[int] = (64,),
        generator: torch.Generator | None = None,
        lr: float = 1e-2,
        steps: int = 10,
    ):
        check_count("features", features)
        check_count("tasks", tasks)
        check_count("steps", steps)
        check_step_size("lr", lr)
        check_widths("hidden", hidden)
        network = initial_parameters(MLP((features, *hidden, 1), torch.tanh, generator))
        self.parameters = {name: value.repeat(tasks, *[1] * value.ndim) for name, value in network.items()}
        for value in self.parameters.values():
            value.requires_grad_()
        self.optimiser = torch.optim.Adam(self.parameters.values(), lr=lr, fused=True)
        self.tasks, self.steps = tasks, steps

    def __call__(self, features: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
        """Predictions `[task, episode, time]`, zero on the padding; arguments as those of `linear_baseline`.

        Raises:
            ValueError: for another number of tasks.
        """
        if len(targets) != self.tasks:
            raise ValueError(f"targets must have {self.tasks} tasks, got {len(targets)}.")
        predicted = (self._value(features) * mask).detach()
        with torch.enable_grad():
            for _ in range(self.steps):
                error = (self._value(features) - targets.detach()).square() * mask
                self.optimiser.zero_grad()
                (error.sum((1, 2)) / mask.sum((1, 2))).sum().backward()
                self.optimiser.step()
        return predicted

    def _value(self, features: Tensor) -> Tensor:
        return mlp(self.parameters, features, torch.tanh)[..., 0]
