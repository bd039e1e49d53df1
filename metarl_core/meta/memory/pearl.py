"""Posterior sampling with a learned posterior (PEARL, Rakelly et al. 2019), for discrete actions."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from metarl_core.arguments import (
    check_at_least,
    check_between,
    check_count,
    check_flags,
    check_positive,
    check_same_shape,
    check_shape,
    check_step_size,
    check_type,
    check_whole,
)
from metarl_core.meta.memory.belief import gaussian_kl
from metarl_core.meta.memory.context import ContextAgent
from metarl_core.meta.memory.trials import Trials, play_trials
from metarl_core.parameters import Parameters, copy_parameters
from metarl_core.tasks.family import GivenTasks, TaskFamily
from metarl_core.training import OptimiserFactory, adam, check_optimiser


@dataclass(frozen=True)
class PEARL:
    """Learn Q(o, a, z) and an encoder of transitions together, off-policy; at test z is sampled once an episode.

    Each episode is a problem of its own: discounting and values end with it, and nothing rewards what an episode finds
    out for the next. Exploration comes from the draw of z alone. Family, agent, trials and episodes as in `RL2`.

    Raises:
        ValueError: for settings out of range, spaces that differ, or a family that drives simulators.
    """

    family: TaskFamily
    agent: ContextAgent
    trials: int = 8
    """per task"""
    episodes: int = 2
    """per trial"""
    discount: float = 0.95

    def __post_init__(self) -> None:
        check_type("family", self.family, TaskFamily)
        check_type("agent", self.agent, ContextAgent)
        spaces = (self.family.observation_space, self.family.action_space)
        if (self.agent.observation_space, self.agent.action_space) != spaces:
            raise ValueError(f"agent must have the family's spaces {spaces}, got others.")
        if not self.family.pure:
            raise ValueError("family must not drive simulators: trials do not say how their episodes end.")
        check_whole(self, "trials", "episodes")
        check_between("discount", self.discount)

    def initial(self, parameters: Parameters) -> Parameters:
        """The meta-parameters before meta-training."""
        self.check_meta(parameters)
        return copy_parameters(parameters)

    def check_meta(self, meta: Parameters) -> None:
        """Raise ValueError unless meta-parameters have the names and shapes of the agent's."""
        self.agent.check_parameters(meta)

    def play(
        self,
        meta: Parameters,
        tasks: GivenTasks,
        generator: torch.Generator,
        trials: int | None = None,
        episodes: int | None = None,
    ) -> Trials:
        """Trials on `tasks`; as many, and as long, as in training unless given."""
        trials, episodes = self.trials if trials is None else trials, self.episodes if episodes is None else episodes
        return play_trials(self.family, tasks, self.agent, meta, trials, episodes, generator)


@dataclass(frozen=True, kw_only=True)
class PEARLConfig:
    """Settings of `train_pearl`; defaults of `kl_coef`, `tau` and `context` as in the released code."""

    iterations: int = 200
    meta_batch: int = 32
    """tasks that are played in an iteration"""
    updates: int = 50
    """steps of the optimiser in an iteration"""
    minibatch: int = 32
    """tasks of a step, drawn from those that are kept"""
    context: int = 64
    """transitions that z is inferred from in a step, drawn from all trials of the task"""
    samples: int = 64
    """transitions of the task that Q is fitted to in a step"""
    kept: int = 20
    """iterations whose trials are kept to learn from"""
    outer_lr: float = 1e-3
    optimiser: OptimiserFactory = adam
    """called as `optimiser(tensors, lr=outer_lr)`"""
    kl_coef: float = 0.1
    """weight of the divergence of the belief from the prior"""
    tau: float = 0.005
    """the target network follows by this share after each step"""
    max_grad_norm: float = 10.0
    anneal: bool = True
    """let the step size fall linearly to zero over the iterations"""

    def __post_init__(self) -> None:
        check_whole(self, "iterations", least=0)
        check_whole(self, "meta_batch", "updates", "minibatch", "context", "samples", "kept")
        check_flags(self)
        check_step_size("outer_lr", self.outer_lr)
        check_at_least("kl_coef", self.kl_coef, 0)
        check_positive("max_grad_norm", self.max_grad_norm)
        check_positive("tau", self.tau)
        check_between("tau", self.tau)
        check_optimiser(self.optimiser)


class ContextBatch(NamedTuple):
    """What one step learns from: of each task some transitions as context, and others for Q; the two may overlap."""

    before: Tensor
    """inputs at the steps of the context, `[task, context, inputs]`"""
    after: Tensor
    """inputs one step later, `[task, context, inputs]`"""
    observations: Tensor
    """`[task, sample, ...]`"""
    actions: Tensor
    rewards: Tensor
    """`[task, sample]`"""
    next_observations: Tensor
    terminated: Tensor
    """`[task, sample]`"""


def context_batch(trials: Trials, horizon: int, context: int, samples: int, generator: torch.Generator) -> ContextBatch:
    """Draw transitions of each task, with replacement, from all its trials.

    A transition needs the step that follows it. Those at the time limit of an episode count as context, for their
    rewards speak about the task, but not for Q: the observation they led to was not kept, and an episode that was cut
    off has not terminated.

    Args:
        trials: `[task, trial, time, ...]`, two steps or more.
        horizon: the time limit of an episode.
        context, samples: transitions of a task.

    Raises:
        ValueError: for a count below 1, or a task without a step to draw.
    """
    check_type("trials", trials, Trials)
    for name, value in (("horizon", horizon), ("context", context), ("samples", samples)):
        check_count(name, value)
    kept = KeptTrials(len(trials.mask), horizon)
    kept.add(trials)
    return kept.batch(torch.arange(len(trials.mask), device=trials.mask.device), context, samples, generator)


class KeptTrials:
    """The newest trials, `[task, trial, time, ...]`, the oldest first, and batches of their transitions.

    Args:
        tasks: of so many tasks at most.
        horizon: the time limit of an episode.
    """

    def __init__(self, tasks: int, horizon: int):
        self.tasks, self.horizon = check_count("tasks", tasks), check_count("horizon", horizon)
        self.trials: Trials | None = None

    def add(self, trials: Trials) -> None:
        """Keep these, and let the oldest go."""
        before = {} if self.trials is None else vars(self.trials)
        self._keep(
            {
                name: torch.cat([before[name], value])[-self.tasks :] if before else value[-self.tasks :]
                for name, value in vars(trials).items()
            }
        )

    def _keep(self, columns: dict[str, Tensor]) -> None:
        self.trials = Trials(**columns)
        followed = self.trials.mask.clone()
        followed[:, :, :-1] &= self.trials.mask[:, :, 1:]
        followed[:, :, -1] = False
        cut_off = steps_in_episode(self.trials) == self.horizon
        self.for_context = followed.flatten(1).float()
        self.for_values = (followed & ~cut_off).flatten(1).float()
        if not bool((self.for_values.sum(1) > 0).all()):
            raise ValueError(
                "trials must have steps of every task that are followed by another and lie before the time limit, "
                "got none."
            )

    def sample(self, tasks: int, context: int, samples: int, generator: torch.Generator) -> ContextBatch:
        """Transitions of some tasks, drawn with replacement.

        Raises:
            ValueError: where nothing is kept yet.
        """
        if self.trials is None:
            raise ValueError("trials must be kept before some can be drawn, got none.")
        rows = torch.randint(len(self.trials.mask), (tasks,), generator=generator, device=generator.device)
        return self.batch(rows.to(self.trials.mask.device), context, samples, generator)

    def batch(self, rows: Tensor, context: int, samples: int, generator: torch.Generator) -> ContextBatch:
        """Transitions of the tasks in `rows`, from 0 on: the oldest first."""
        assert self.trials is not None
        trials = self.trials
        row, length = rows[:, None], trials.mask.shape[2]

        def some(allowed: Tensor, number: int) -> tuple[Tensor, Tensor]:
            """Trial and time, each allowed place as likely as another, `[task, number]`."""
            chances = allowed[rows].to(generator.device)
            place = torch.multinomial(chances, number, replacement=True, generator=generator).to(rows.device)
            return place // length, place % length

        (trial, time), (other, step) = some(self.for_context, context), some(self.for_values, samples)
        return ContextBatch(
            trials.inputs[row, trial, time],
            trials.inputs[row, trial, time + 1],
            trials.observations[row, other, step],
            trials.actions[row, other, step],
            trials.rewards[row, other, step],
            trials.observations[row, other, step + 1],
            trials.done[row, other, step],
        )

    def state_dict(self) -> dict[str, Any]:
        """What is kept, for a checkpoint (`metarl_core.training.Stateful`)."""
        return {} if self.trials is None else {name: value.clone() for name, value in vars(self.trials).items()}

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        """Keep what was kept when `state_dict` was called."""
        if state_dict:
            self._keep(state_dict)


def steps_in_episode(trials: Trials) -> Tensor:
    """How many steps an episode has with this one, `[task, trial, time]`; 1 at its first."""
    time = torch.arange(trials.done.shape[-1], device=trials.done.device).expand_as(trials.done)
    begins = torch.cat([torch.ones_like(trials.done[..., :1]), trials.done[..., :-1]], -1)
    return time + 1 - (time * begins).cummax(-1).values


def draw_latent(agent: ContextAgent, meta: Parameters, batch: ContextBatch, noise: Tensor) -> Tensor:
    """z of each task from its belief after the context, `[task, latent]`, with gradients.

    Args:
        noise: standard normal, `[task, latent]`.
    """
    check_shape("noise", noise, *batch.before.shape[:-2], agent.latent)
    mean, log_std = agent.belief(meta, batch.before, batch.after)
    return mean + log_std.exp() * noise


@torch.no_grad()
def soft_target(
    agent: ContextAgent, target: Parameters, batch: ContextBatch, latent: Tensor, discount: float
) -> Tensor:
    """y = r + γ (1 − terminated) V̄(o', z) with V̄ = τ log Σ_a exp(Q̄(o', a, z) / τ), `[task, sample]`, a constant.

    No gradient goes through it, to Q̄ or to z.

    Args:
        target: parameters of Q̄.
        latent: z, `[task, latent]`.
        discount: γ.
    """
    check_between("discount", discount)
    check_shape("latent", latent, *batch.rewards.shape[:-1], agent.latent)
    following = agent.values(target, batch.next_observations, _for_each(latent, batch))
    soft = agent.temperature * (following / agent.temperature).logsumexp(-1)
    return batch.rewards + discount * (~batch.terminated).to(soft.dtype) * soft


def pearl_loss(
    agent: ContextAgent, meta: Parameters, batch: ContextBatch, noise: Tensor, targets: Tensor, kl_coef: float = 0.1
) -> tuple[Tensor, dict[str, Tensor]]:
    """Mean over tasks of E[(Q(o, a, z) − y)²] + β KL(q(z | context) ‖ Normal(0, 1)), z drawn from q; a scalar.

    This is all that the encoder learns from (Rakelly et al. 2019, eq. 1 and 5.1): through z in Q(o, a, z), and not
    through the targets. Both parts are means over the tasks, so that β does not depend on their number.

    Args:
        noise: standard normal, `[task, latent]`.
        targets: y, `[task, sample]`.
        kl_coef: β.

    Returns:
        The loss, and its parts `td_error` and `kl`, without gradients.

    Raises:
        ValueError: for shapes that do not fit.
    """
    check_type("agent", agent, ContextAgent)
    check_shape("noise", noise, *batch.before.shape[:-2], agent.latent)
    check_same_shape(targets=targets, rewards=batch.rewards)
    mean, log_std = agent.belief(meta, batch.before, batch.after)
    latent = mean + log_std.exp() * noise
    values = agent.values(meta, batch.observations, _for_each(latent, batch))
    error = (values.gather(-1, batch.actions[..., None])[..., 0] - targets).square().mean(-1)
    kl = gaussian_kl(mean, log_std, torch.zeros_like(mean), torch.zeros_like(mean))
    parts = {"td_error": error.mean().detach(), "kl": kl.mean().detach()}
    return (error + kl_coef * kl).mean(), parts


def _for_each(latent: Tensor, batch: ContextBatch) -> Tensor:
    """z beside each of its task's transitions, `[task, sample, latent]`."""
    return latent.unsqueeze(-2).expand(*batch.rewards.shape, -1)
