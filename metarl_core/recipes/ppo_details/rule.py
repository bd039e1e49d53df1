"""PPO's update with each of its details as a switch, and with a learning rate of each learner's own."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from metarl_core.agents import ActorCritic, PPOConfig, gae
from metarl_core.agents.actor_critic import Batch
from metarl_core.agents.diagnostics import approximate_kl
from metarl_core.agents.draws import Generators
from metarl_core.agents.ppo import clipped_surrogate_loss
from metarl_core.agents.returns import masked_mean
from metarl_core.parameters import Parameters
from metarl_core.recipes.ppo_details.settings import Details, of_each
from metarl_core.tasks.rollout import Trajectories


class LearnersAdam:
    """Adam (Kingma and Ba 2015) with a learning rate `[learner]`, in which single learners may sit out a step.

    Args:
        parameters: `[learner, ...]`, changed in place.
        lr: learning rates `[learner]`.
        eps: ε of each, `[learner]`.
        betas: decay of the two moments.
    """

    def __init__(self, parameters: Parameters, lr: Tensor, eps: Tensor, betas: tuple[float, float] = (0.9, 0.999)):
        self.parameters, self.lr, self.eps, self.betas = parameters, lr[:, None], eps[:, None], betas
        self.sizes = [value[0].numel() for value in parameters.values()]
        self.first, self.second = torch.zeros(2, len(lr), sum(self.sizes))
        self.steps = torch.zeros(len(lr), 1)

    @torch.no_grad()
    def step(self, active: Tensor, factor: Tensor) -> None:
        """One step of the learners that are `active`, at `factor` times their learning rates, `[learner]` each."""
        gradient = torch.cat([value.grad.flatten(1) for value in self.parameters.values() if value.grad is not None], 1)
        on = active[:, None].to(gradient.dtype)
        self.steps += on
        self.first.lerp_(gradient, (1 - self.betas[0]) * on)
        self.second.lerp_(gradient.square(), (1 - self.betas[1]) * on)
        since = self.steps.clamp_min(1)
        first, second = (1 - torch.tensor(self.betas)[:, None, None] ** since).unbind(0)
        change = (self.second / second).sqrt_().add_(self.eps).reciprocal_().mul_(self.first)
        change *= -factor[:, None] * on * self.lr / first
        for value, part in zip(self.parameters.values(), change.split(self.sizes, 1), strict=True):
            value.add_(part.reshape(value.shape))


class DetailedPPO:
    """The update rule of `train_ppo`, with details and a learning rate of each learner's own.

    Args:
        agent: policy and value function.
        parameters: of every learner, `[learner, ...]`, leaves that require gradients; `update` changes them in place.
        config: settings; what `Details` names does not count here, nor does the learning rate.
        details: of each learner.
        lrs: learning rate of each learner, `[learner]`.
    """

    def __init__(
        self, agent: ActorCritic, parameters: Parameters, config: PPOConfig, details: Sequence[Details], lrs: Tensor
    ):
        self.agent, self.parameters, self.config, self.details = agent, parameters, config, details
        self.adam = LearnersAdam(parameters, lrs, of_each(details, "adam_eps"))
        self.max_grad_norm, self.max_kl = of_each(details, "max_grad_norm"), of_each(details, "max_kl")
        self.anneal, self.clip_value = of_each(details, "anneal"), of_each(details, "clip_value")
        self.standardise = of_each(details, "standardise_advantages")
        self.discounts, self.lambdas = discounts(details, config), [one.gae_lambda for one in details]
        self.done = 0

    def update(self, trajectories: Trajectories, generator: Generators) -> dict[str, Tensor]:
        """Improve the parameters by one batch; how many epochs each learner made of it, `[learner]`."""
        config, batch = self.config, self.batch(trajectories)
        factor = torch.where(self.anneal, 1 - self.done / config.iterations, 1.0)
        active, epochs = torch.ones(len(batch.mask), dtype=torch.bool), torch.zeros(len(batch.mask))
        for _ in range(config.epochs):
            epochs += active
            divergences = []
            for part in batch.minibatches(config.minibatches, generator):
                for value in self.parameters.values():
                    value.grad = None
                loss, log_ratio = self.loss(part)
                loss.sum().backward()
                clip_each(self.parameters, self.max_grad_norm)
                self.adam.step(active, factor)
                divergences.append(approximate_kl(log_ratio, part.mask))
            active = active & (torch.stack(divergences).mean(0) <= self.max_kl)
            if not bool(active.any()):
                break
        self.done += 1
        return {"epochs": epochs}

    @torch.no_grad()
    def batch(self, runs: Trajectories) -> Batch:
        """Advantages and value targets, with each learner's own γ and λ."""
        values = self.agent.value(self.parameters, runs.observations)
        final = self.agent.value(self.parameters, runs.final_observations)
        each = zip(self.discounts.tolist(), self.lambdas, strict=True)
        pieces = (runs.rewards, values, final, runs.terminated, runs.truncated)
        advantages = torch.empty_like(values)
        for pair, learners in grouped(each).items():
            rewards, now, last, terminated, truncated = (piece[learners] for piece in pieces)
            advantages[learners] = gae(rewards, now, last, terminated, truncated, *pair)
        whole = (runs.observations, runs.actions, runs.log_probabilities, advantages, advantages + values, runs.mask)
        return Batch(*(part.flatten(1, 2) for part in whole))

    def loss(self, part: Batch) -> tuple[Tensor, Tensor]:
        """The loss of a minibatch, `[learner]`, and log ρ without gradient, `[learner, sample]`."""
        agent, config = self.agent, self.config
        standardised = part.with_normalised_advantages().advantages
        advantages = torch.where(self.standardise[:, None], standardised, part.advantages)
        own = agent.policy_part(self.parameters)
        log_probability = agent.policy.log_probability(own, part.observations, part.actions)
        actor = clipped_surrogate_loss(log_probability, part.log_probabilities, advantages, config.clip)
        log_ratio = log_probability.detach() - part.log_probabilities
        return masked_mean(actor + config.value_coef * self.critic_loss(part), part.mask), log_ratio

    def critic_loss(self, part: Batch) -> Tensor:
        """(V − R)², or with value clipping the larger of it and of the same for V held near its old value."""
        value = self.agent.value(self.parameters, part.observations)
        error = (value - part.returns).square()
        if not bool(self.clip_value.any()):
            return error
        old = part.returns - part.advantages  # returns are advantages plus the values before the update
        near = old + (value - old).clamp(-self.config.clip, self.config.clip)
        larger = torch.maximum(error, (near - part.returns).square())
        return torch.where(self.clip_value[:, None], larger, error)

    def state_dict(self) -> dict[str, Any]:
        adam = self.adam
        return {"first": adam.first, "second": adam.second, "steps": adam.steps, "done": self.done}

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        adam = self.adam
        adam.first, adam.second, adam.steps = (state_dict[name].clone() for name in ("first", "second", "steps"))
        self.done = state_dict["done"]


def discounts(details: Sequence[Details], config: PPOConfig) -> Tensor:
    """γ of each learner, `[learner]`: its own, or the configuration's."""
    return torch.tensor([config.discount if one.discount is None else one.discount for one in details])


def grouped(each: Iterable[tuple[float, float]]) -> dict[tuple[float, float], list[int]]:
    """The places at which a pair stands, for every pair that occurs."""
    places: dict[tuple[float, float], list[int]] = {}
    for place, pair in enumerate(each):
        places.setdefault(pair, []).append(place)
    return places


def clip_each(parameters: Parameters, largest: Tensor) -> None:
    """Scale each learner's gradient down to its own norm `largest` `[learner]` where it is longer."""
    gradients = [value.grad for value in parameters.values() if value.grad is not None]
    norm = torch.cat([gradient.flatten(1) for gradient in gradients], 1).norm(dim=1)
    factor = (largest / (norm + 1e-6)).clamp_max(1.0)
    for gradient in gradients:
        gradient.mul_(factor.reshape(-1, *[1] * (gradient.ndim - 1)))
