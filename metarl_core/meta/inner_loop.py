"""The inner loop of gradient-based meta-learning, for all tasks at once."""

from collections.abc import Callable

import torch
from torch import Tensor

from metarl_core.agents.networks import Parameters


def adapt(
    parameters: Parameters,
    loss: Callable[[Parameters], Tensor],
    inner_lr: float,
    create_graph: bool = True,
) -> Parameters:
    """One gradient step per task, θ'_T = θ_T − α ∇L_T(θ_T) (Finn et al. 2017, eq. 1).

    Args:
        parameters: one set a task, every tensor `[task, ...]` (see `repeat_parameters`).
        loss: from parameters to the losses `[task]`; each must depend on its own task's parameters only.
        inner_lr: step size α.
        create_graph: keep the graph, so that a loss of θ' can be differentiated through the step
            (MAML); otherwise the step's own derivative is dropped (first-order MAML, or test time).

    Returns:
        New tensors `[task, ...]`; the given parameters are left as they are.
    """
    gradients = torch.autograd.grad(loss(parameters).sum(), list(parameters.values()), create_graph=create_graph)
    return {name: value - inner_lr * step for (name, value), step in zip(parameters.items(), gradients)}
