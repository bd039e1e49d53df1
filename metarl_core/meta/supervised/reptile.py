"""Reptile (Nichol et al. 2018): move the initialisation towards the adapted parameters."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from metarl_core.arguments import check_count, check_flags, check_step_size, check_tensors, check_whole
from metarl_core.meta.inner_loop import Loss, adapt
from metarl_core.meta.supervised.maml import DataLoss, check_data, check_loss, check_same_tasks
from metarl_core.parameters import Parameters, copy_parameters, detach_parameters, repeat_parameters
from metarl_core.tasks.few_shot import FewShot


@dataclass(frozen=True)
class Reptile:
    """θ ← θ + ε (mean_T φ_T − θ), φ_T after k ≥ 2 optimiser steps on task T (Nichol et al. 2018, alg. 2).

    No query set is set apart: support and query together are the task's data, cut into minibatches in their order. So
    they must come in random order, not sorted by class, say; and the analysis of the paper holds where there are at
    least k minibatches, for else the first ones are used again. The outer rule is plain gradient descent with a step
    size that anneals to 0 (`TrainConfig(optimiser=sgd, anneal=True)`).
    """

    loss: DataLoss
    inner_lr: float = 0.01
    inner_steps: int = 5
    """k in meta-training; k = 1 would be joint training"""
    minibatch: int | None = None
    """samples per inner step, cut from the task's data in turn, from the beginning again after the last; None, or more
    than there are: all of them each time"""
    adam: bool = False
    """Adam with β₁ = 0 in the inner loop, as in the reference code; its state starts anew for each task"""
    support_only: bool = False
    """leave the query data out of the inner loop, so that the losses are of data that no step has seen"""

    def __post_init__(self) -> None:
        check_loss(self.loss)
        check_step_size("inner_lr", self.inner_lr, zero=True)
        check_whole(self, "inner_steps")
        if self.minibatch is not None:
            check_whole(self, "minibatch")
        check_flags(self)

    def initial(self, parameters: Parameters, generator: torch.Generator | None = None) -> Parameters:
        """The meta-parameters before meta-training: a copy of the network's parameters."""
        check_tensors("parameters", parameters)
        return copy_parameters(parameters)

    def adapt(
        self, meta: Parameters, inputs: Tensor, targets: Tensor, steps: int | None = None, create_graph: bool = True
    ) -> Parameters:
        """Parameters `[task, ...]` after `steps` steps (as in meta-training unless given), minibatches in turn.

        `create_graph` is there for one call for all methods and changes nothing: Reptile never differentiates a step.
        """
        check_same_tasks(inputs, targets)
        steps = self.inner_steps if steps is None else check_count("steps", steps, 0)
        number = inputs.shape[1]
        size = number if self.minibatch is None else min(self.minibatch, number)
        losses = [self._on(*(_minibatch(v, step * size, size) for v in (inputs, targets))) for step in range(steps)]
        start = repeat_parameters(meta, len(inputs))
        if self.adam:
            return adapt_by_adam(start, losses, self.inner_lr)
        return adapt(start, losses, self.inner_lr, create_graph=False)

    def _on(self, inputs: Tensor, targets: Tensor) -> Loss:
        return lambda parameters: self.loss(parameters, inputs, targets)

    def direction(self, meta: Parameters, data: FewShot) -> tuple[Parameters, Tensor]:
        """θ − mean_T φ_T, in the place of a meta-gradient, and the losses of φ_T on the query data `[task]`."""
        check_data("data", data)
        inputs, targets = data.support_inputs, data.support_targets
        if not self.support_only:
            inputs = torch.cat([inputs, data.query_inputs], 1)
            targets = torch.cat([targets, data.query_targets], 1)
        adapted = detach_parameters(self.adapt(meta, inputs, targets))
        with torch.no_grad():
            losses = self.loss(adapted, data.query_inputs, data.query_targets)
            return {name: meta[name].detach() - value.mean(0) for name, value in adapted.items()}, losses


def _minibatch(samples: Tensor, first: int, size: int) -> Tensor:
    """`size` samples `[task, size, ...]` from place `first` on, counted on from the beginning after the last."""
    number = samples.shape[1]
    at = first % max(number, 1)
    if at + size <= number:
        return samples[:, at : at + size]
    return torch.cat([samples[:, at:], samples[:, : at + size - number]], 1)


@torch.enable_grad()
def adapt_by_adam(
    parameters: Parameters, losses: Sequence[Loss], inner_lr: float, beta: float = 0.999, tiny: float = 1e-8
) -> Parameters:
    """Adam without momentum (β₁ = 0), per task: g / (√v̂ + 10⁻⁸), v̂ the bias-corrected mean of g².

    Args:
        parameters: `[task, ...]`, left as they are.
        losses: one for each step.

    Returns:
        New tensors `[task, ...]`, without a graph.
    """
    if not 0 <= beta < 1:
        raise ValueError(f"beta must be in [0, 1), got {beta}.")
    current = detach_parameters(parameters)
    second = {name: torch.zeros_like(value) for name, value in current.items()}
    for step, loss in enumerate(losses, 1):
        leaves = {name: value.requires_grad_() for name, value in current.items()}
        gradients = torch.autograd.grad(loss(leaves).sum(), list(leaves.values()), materialize_grads=True)
        with torch.no_grad():
            for (name, value), gradient in zip(leaves.items(), gradients, strict=True):
                second[name] = beta * second[name] + (1 - beta) * gradient.square()
                scale = (second[name] / (1 - beta**step)).sqrt() + tiny
                current[name] = value.detach() - inner_lr * gradient / scale
    return current
