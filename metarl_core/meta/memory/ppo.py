"""Proximal policy optimisation over whole trials: minibatches hold trials, and never cut one."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from metarl_core.agents.ppo import clipped_surrogate_loss
from metarl_core.agents.training import AnnealedOptimiser
from metarl_core.arguments import check_count, check_same_shape, check_type
from metarl_core.meta.memory.config import TrainConfig
from metarl_core.meta.memory.rl2 import RL2, trial_advantages
from metarl_core.meta.memory.trials import Trials
from metarl_core.parameters import Parameters
from metarl_core.training import linear_schedule, make_optimiser


def whole_trials(trials: int, minibatches: int, generator: torch.Generator) -> Iterator[Tensor]:
    """The numbers of the trials in random order, in at most `minibatches` equal parts.

    Raises:
        ValueError: for fewer than one trial or minibatch.
    """
    check_count("trials", trials)
    check_count("minibatches", minibatches)
    order = torch.randperm(trials, generator=generator, device=generator.device)
    yield from order.split(-(-trials // minibatches))


def memory_ppo_loss(
    method: RL2,
    meta: Parameters,
    trials: Trials,
    advantages: Tensor,
    targets: Tensor,
    config: TrainConfig,
    entropy_coef: float | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Clipped policy loss, value loss and entropy bonus, averaged over the steps of whole trials.

    The memory reads each trial anew from its beginning, with the parameters as they are now.

    Args:
        trials: `[task, trial, time, ...]`.
        advantages, targets: of the policy and of the value function, `[task, trial, time]`.
        entropy_coef: in place of the config's.

    Returns:
        The loss, a scalar, and diagnostics without gradients: `approx_kl`, `clip_fraction`, `entropy`.
    """
    check_same_shape(advantages=advantages, targets=targets, mask=trials.mask)
    entropy_coef = config.entropy_coef if entropy_coef is None else entropy_coef
    agent, count = method.agent, trials.mask.sum().clamp_min(1)
    # Time leads in what a memory gives; the small heads follow it, and nothing large is copied.
    read = agent.read(meta, trials.inputs).movedim(-2, 0)
    steps = [value.movedim(2, 0) for value in (trials.actions, trials.log_probabilities, advantages, targets)]
    actions, old, advantage, target = steps
    mask = trials.mask.movedim(2, 0).to(advantage.dtype)
    distribution = agent.distribution(meta, read)
    new = distribution.log_prob(actions)
    loss = clipped_surrogate_loss(new, old, advantage, config.clip)
    entropy = distribution.entropy()
    loss = loss - entropy_coef * entropy
    if config.value_coef:
        loss = loss + config.value_coef * (agent.value(meta, read) - target / config.value_scale).square()
    with torch.no_grad():
        log_ratio = new - old
        noted = {
            "approx_kl": (log_ratio.exp() - 1 - log_ratio),
            "clip_fraction": ((log_ratio.exp() - 1).abs() > config.clip).to(mask.dtype),
            "entropy": entropy,
        }
        diagnostics = {name: (value * mask).sum() / count for name, value in noted.items()}
    return (loss * mask).sum() / count, diagnostics


class MemoryPPO:
    """The update rule: epochs of minibatches of whole trials.

    Args:
        method: what is meta-learned.
        meta: meta-parameters, leaves that require gradients; `update` changes them in place.
        config: settings.
    """

    def __init__(self, method: RL2, meta: Parameters, config: TrainConfig):
        check_type("method", method, RL2)
        check_type("config", config, TrainConfig)
        method.check_meta(meta)
        self.method, self.meta, self.config = method, meta, config
        self.optimiser = make_optimiser(config.optimiser, meta.values(), config.outer_lr)
        self.schedule = AnnealedOptimiser(self.optimiser, config.outer_lr, config.iterations if config.anneal else None)

    def update(self, trials: Trials, generator: torch.Generator) -> dict[str, float]:
        """Improve the meta-parameters by one batch of trials.

        Returns:
            Means over the minibatches of the last epoch: `loss`, `approx_kl`, `clip_fraction`, `entropy`, `grad_norm`.
        """
        config, method = self.config, self.method
        with torch.no_grad():
            values = torch.zeros_like(trials.rewards)
            if config.value_coef:
                read = method.agent.read(self.meta, trials.inputs)
                values = config.value_scale * method.agent.value(self.meta, read)
        advantages = trial_advantages(trials, values, method.discount, config.gae_lambda, config.baseline)
        targets = trial_advantages(trials, values, method.discount, config.gae_lambda) + values
        flat = trials.flat()
        flat_advantages, flat_targets = (
            normalised(advantages, trials.mask).flatten(0, 1)[None],
            targets.flatten(0, 1)[None],
        )
        done = self.schedule.done if config.anneal_entropy else 0
        entropy_coef = config.entropy_coef * linear_schedule(1.0, 0.0, config.iterations, done)
        for _ in range(config.epochs):
            noted: list[dict[str, Any]] = []
            for chosen in whole_trials(flat.mask.shape[1], config.minibatches, generator):
                index = chosen.to(flat.mask.device)
                self.optimiser.zero_grad()
                loss, diagnostics = memory_ppo_loss(
                    method,
                    self.meta,
                    flat.select(index),
                    flat_advantages[:, index],
                    flat_targets[:, index],
                    config,
                    entropy_coef,
                )
                loss.backward()
                norm = torch.nn.utils.clip_grad_norm_(list(self.meta.values()), config.max_grad_norm)
                self.optimiser.step()
                noted.append({"loss": loss.detach(), **diagnostics, "grad_norm": norm})
        self.schedule.next_update()
        return {name: float(sum(float(one[name]) for one in noted) / len(noted)) for name in noted[0]}

    def state_dict(self) -> dict[str, Any]:
        return self.schedule.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        self.schedule.load_state_dict(state_dict)


def normalised(advantages: Tensor, mask: Tensor) -> Tensor:
    """Advantages minus their mean over all steps, divided by their standard deviation; zero on the padding."""
    count = mask.sum().clamp_min(1)
    centred = (advantages - (advantages * mask).sum() / count) * mask
    return centred / ((centred.square().sum() / count).sqrt() + 1e-8)
