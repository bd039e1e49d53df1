"""Adam with the falling rate of MAML's outer rule, for the baselines that it is compared with."""

import torch

from metarl_core.training.optimisers import linear_schedule, set_lr


class FallingAdam(torch.optim.Adam):
    """Adam whose rate falls linearly to zero over a number of updates, as that of MAML's outer rule does."""

    def __init__(self, tensors: list[torch.Tensor], lr: float, updates: int) -> None:
        super().__init__(tensors, lr=lr)
        self.first, self.updates, self.done = lr, updates, 0

    def step(self, closure: None = None) -> None:  # type: ignore[override]
        set_lr(self, linear_schedule(self.first, 0.0, self.updates, self.done))
        self.done += 1
        super().step(closure)
