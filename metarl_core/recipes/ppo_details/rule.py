"""PPO's update with each of its details as a switch, and with a learning rate of each learner's own."""

import dataclasses
from typing import Any

import torch
from torch import Tensor

from metarl_core.agents import ActorCritic, PPOConfig
from metarl_core.agents.actor_critic import Batch
from metarl_core.agents.diagnostics import approximate_kl
from metarl_core.agents.draws import Generators
from metarl_core.agents.ppo import clipped_surrogate_loss
from metarl_core.agents.returns import masked_mean
from metarl_core.parameters import Parameters, clip_grad_norm
from metarl_core.recipes.ppo_details.settings import Details
from metarl_core.tasks.rollout import Trajectories


class LearnersAdam:
    """Adam (Kingma and Ba 2015) with a learning rate `[learner]`, in which single learners may sit out a step.

    Args:
        parameters: `[learner, ...]`, changed in place.
        lr: learning rates `[learner]`.
        eps: ε.
        betas: decay of the two moments.
    """

    def __init__(self, parameters: Parameters, lr: Tensor, eps: float, betas: tuple[float, float] = (0.9, 0.999)):
        self.parameters, self.lr, self.eps, self.betas = parameters, lr[:, None], eps, betas
        self.sizes = [value[0].numel() for value in parameters.values()]
        self.first, self.second = torch.zeros(2, len(lr), sum(self.sizes))
        self.steps = torch.zeros(len(lr), 1)

    @torch.no_grad()
    def step(self, active: Tensor, factor: float = 1.0) -> None:
        """One step of the learners that are `active` `[learner]`, at `factor` times their learning rates."""
        gradient = torch.cat([value.grad.flatten(1) for value in self.parameters.values() if value.grad is not None], 1)
        on = active[:, None].to(gradient.dtype)
        self.steps += on
        self.first.lerp_(gradient, (1 - self.betas[0]) * on)
        self.second.lerp_(gradient.square(), (1 - self.betas[1]) * on)
        since = self.steps.clamp_min(1)
        first, second = (1 - torch.tensor(self.betas)[:, None, None] ** since).unbind(0)
        change = (self.second / second).sqrt_().add_(self.eps).reciprocal_().mul_(self.first)
        change *= -factor * on * self.lr / first
        for value, part in zip(self.parameters.values(), change.split(self.sizes, 1), strict=True):
            value.add_(part.reshape(value.shape))


class DetailedPPO:
    """The update rule of `train_ppo`, with the details of `Details`.

    Args:
        agent: policy and value function.
        parameters: of every learner, `[learner, ...]`, leaves that require gradients; `update` changes them in place.
        config: settings; its learning rate, ε of Adam, annealing and gradient norm do not count here.
        details: what is on.
        lrs: learning rate of each learner, `[learner]`.
    """

    def __init__(
        self, agent: ActorCritic, parameters: Parameters, config: PPOConfig, details: Details, lrs: Tensor
    ) -> None:
        self.agent, self.parameters, self.config, self.details = agent, parameters, config, details
        self.adam = LearnersAdam(parameters, lrs, details.adam_eps)
        self.done = 0

    def update(self, trajectories: Trajectories, generator: Generators) -> dict[str, Tensor]:
        """Improve the parameters by one batch; how many epochs each learner made of it, `[learner]`."""
        config, details = self.config, self.details
        batch = self.agent.batch(self.parameters, trajectories, config.discount, config.gae_lambda)
        factor = 1 - self.done / config.iterations if details.anneal else 1.0
        active = torch.ones(len(batch.mask), dtype=torch.bool)
        epochs = torch.zeros(len(batch.mask))
        for _ in range(config.epochs):
            epochs += active
            divergences = []
            for part in batch.minibatches(config.minibatches, generator):
                for value in self.parameters.values():
                    value.grad = None
                loss, log_ratio = self.loss(part)
                loss.sum().backward()
                clip_grad_norm(self.parameters, details.max_grad_norm)
                self.adam.step(active, factor)
                divergences.append(approximate_kl(log_ratio, part.mask))
            if details.max_kl is not None:
                active = active & (torch.stack(divergences).mean(0) <= details.max_kl)
                if not bool(active.any()):
                    break
        self.done += 1
        return {"epochs": epochs}

    def loss(self, part: Batch) -> tuple[Tensor, Tensor]:
        """The loss of a minibatch, `[learner]`, and log ρ without gradient, `[learner, sample]`."""
        agent, config, details = self.agent, self.config, self.details
        standardised = part.with_normalised_advantages() if details.standardise_advantages else part
        own = agent.policy_part(self.parameters)
        log_probability = agent.policy.log_probability(own, part.observations, part.actions)
        actor = clipped_surrogate_loss(log_probability, part.log_probabilities, standardised.advantages, config.clip)
        critic = self.critic_loss(part)
        log_ratio = log_probability.detach() - part.log_probabilities
        return masked_mean(actor + config.value_coef * critic, part.mask), log_ratio

    def critic_loss(self, part: Batch) -> Tensor:
        """(V − R)², or with value clipping the larger of it and of the same for V held near its old value."""
        value = self.agent.value(self.parameters, part.observations)
        error = (value - part.returns).square()
        if not self.details.clip_value:
            return error
        old = part.returns - part.advantages  # returns are advantages plus the values before the update
        near = old + (value - old).clamp(-self.config.clip, self.config.clip)
        return torch.maximum(error, (near - part.returns).square())

    def state_dict(self) -> dict[str, Any]:
        adam = self.adam
        return {"first": adam.first, "second": adam.second, "steps": adam.steps, "done": self.done}

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        adam = self.adam
        adam.first, adam.second, adam.steps = (state_dict[name].clone() for name in ("first", "second", "steps"))
        self.done = state_dict["done"]


def with_details(config: PPOConfig, details: Details) -> PPOConfig:
    """The configuration with the discount and λ that the details name."""
    given = {name: getattr(details, name) for name in ("discount", "gae_lambda")}
    return dataclasses.replace(config, **{name: value for name, value in given.items() if value is not None})
