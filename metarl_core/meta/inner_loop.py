"""The inner loop of gradient-based meta-learning, for all tasks at once."""

from collections.abc import Callable, Collection, Mapping, Sequence

import torch
from torch import Tensor

from metarl_core.parameters import Parameters

Loss = Callable[[Parameters], Tensor]
"""From parameters `[task, ...]` to losses `[task]`; each must depend on its own task's parameters only."""


def adapt(
    parameters: Parameters,
    loss: Loss | Sequence[Loss],
    inner_lr: float | Tensor | Mapping[str, Tensor],
    steps: int | None = None,
    create_graph: bool = True,
    only: Collection[str] | None = None,
) -> Parameters:
    """Gradient steps per task, θ'_T ← θ'_T − α ∇L_T(θ'_T), starting at θ (Finn et al. 2017, eq. 1).

    Args:
        parameters: one set a task, every tensor `[task, ...]` (see `repeat_parameters`).
        loss: the inner loss, or one for each step (a fresh minibatch at each).
        inner_lr: step size α; or a dictionary with one tensor per parameter, of the parameter's shape or one that
            broadcasts against it (Meta-SGD, Li et al. 2017, eq. 4).
        steps: number of steps; 1, or the number of losses, unless given.
        create_graph: keep the graph, so that a loss of θ' can be differentiated through the steps
            (MAML); otherwise each gradient is a constant (first-order MAML, or test time). The gradient of a parameter
            that the loss does not use is zero.
        only: names of the parameters that adapt (ANIL); all of them unless given.

    Gradients are taken under `torch.no_grad()`, too.

    Returns:
        New tensors `[task, ...]`; the given parameters are left as they are. A derivative with respect to them flows
        through the result, as long as they require gradients.

    Raises:
        ValueError: for fewer than 0 steps, another number of losses than of steps, an unknown name, a parameter without
            a step size, or a loss that is not one number a task or depends on no parameter that adapts.
    """
    if steps is not None and not isinstance(steps, int):
        raise ValueError(f"steps must be a whole number, got {steps!r}.")
    losses = [loss] * (1 if steps is None else steps) if callable(loss) else list(loss)
    if steps is not None and (steps < 0 or len(losses) != steps):
        raise ValueError(
            f"adapt needs at least 0 steps and one loss for each, got {steps} steps, {len(losses)} losses."
        )
    names = list(parameters) if only is None else [name for name in parameters if name in only]
    if only is not None and len(names) != len(set(only)):
        raise ValueError(f"only must name parameters out of {list(parameters)}, got {list(only)}.")
    rates = inner_lr if isinstance(inner_lr, Mapping) else dict.fromkeys(names, inner_lr)
    lacking = [name for name in names if name not in rates]
    if lacking:
        raise ValueError(f"inner_lr must have a step size for each parameter that adapts, but it lacks {lacking[0]}.")
    current = dict(parameters)
    for one in losses:
        for name in names:
            if not current[name].requires_grad:
                current[name] = current[name].detach().requires_grad_()
        inputs = [current[name] for name in names]
        with torch.enable_grad():
            losses_now = one(current)
            _check_losses(losses_now, inputs)
            gradients = torch.autograd.grad(losses_now.sum(), inputs, create_graph=create_graph, materialize_grads=True)
            for name, value, gradient in zip(names, inputs, gradients, strict=True):
                current[name] = value - rates[name] * gradient
    return current


def _check_losses(losses: Tensor, adapting: Sequence[Tensor]) -> None:
    if adapting and losses.shape != (len(adapting[0]),):
        raise ValueError(f"loss must give one number a task, [{len(adapting[0])}], got shape {list(losses.shape)}.")
    if not losses.requires_grad:
        raise ValueError("loss must depend on a parameter that adapts, got one that depends on none.")
