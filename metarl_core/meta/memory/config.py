"""Settings of meta-training with memory."""

import functools
from dataclasses import dataclass

from metarl_core.arguments import (
    check_at_least,
    check_between,
    check_flags,
    check_one_of,
    check_positive,
    check_step_size,
    check_whole,
)
from metarl_core.training import OptimiserFactory, adam, check_optimiser

BASELINES = ("value", "time", "task", "past")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Settings of `train`; defaults where given as in a public reproduction of RL²'s tables by PPO."""

    iterations: int = 200
    meta_batch: int = 60
    """tasks per iteration"""
    outer_lr: float = 2e-4
    optimiser: OptimiserFactory = functools.partial(adam, eps=1e-5)
    """called as `optimiser(tensors, lr=outer_lr)`"""
    epochs: int = 8
    """passes over each batch of trials"""
    minibatches: int = 8
    """parts of the batch, each of whole trials; one step of the optimiser for each"""
    clip: float = 0.1
    """ε of the probability ratio"""
    gae_lambda: float = 0.3
    """λ of generalised advantage estimation (Duan et al. 2016)"""
    value_coef: float = 0.5
    """0 leaves the value function out: advantages are returns minus `baseline`"""
    value_scale: float = 1.0
    """V(h) is this times what the value network gives, and its loss counts in units of it; of the size of a trial's
    returns, where those are far from 1"""
    baseline: str = "value"
    """what is subtracted from the advantages besides: see `trial_advantages`"""
    entropy_coef: float = 0.01
    anneal_entropy: bool = False
    """let the entropy's weight fall linearly to zero over the iterations"""
    max_grad_norm: float = 0.5
    anneal: bool = True
    """let the step size fall linearly to zero over the iterations"""

    def __post_init__(self) -> None:
        check_whole(self, "iterations", least=0)
        check_whole(self, "meta_batch", "epochs", "minibatches")
        check_flags(self)
        check_step_size("outer_lr", self.outer_lr)
        for name in ("clip", "value_scale", "max_grad_norm"):
            check_positive(name, getattr(self, name))
        for name in ("value_coef", "entropy_coef"):
            check_at_least(name, getattr(self, name), 0)
        check_between("gae_lambda", self.gae_lambda)
        check_one_of("baseline", self.baseline, BASELINES)
        check_optimiser(self.optimiser)
