"""MAML for policies (Finn et al. 2017, alg. 3): adapt by the policy gradient, judge by fresh trajectories."""

from dataclasses import dataclass

import torch
from torch import Tensor
from tqdm.auto import tqdm

from metarl_core.agents.networks import Parameters, repeat_parameters
from metarl_core.agents.reinforce import masked_mean, policy_advantages
from metarl_core.meta.adaptation import surrogate_loss
from metarl_core.meta.inner_loop import adapt
from metarl_core.tasks.family import TaskFamily
from metarl_core.tasks.rollout import Trajectories, rollout


def clipped_loss(policy, parameters: Parameters, trajectories: Trajectories, advantage: Tensor, clip: float) -> Tensor:
    """PPO's clipped surrogate (Schulman et al. 2017, eq. 7), negated, per task `[task]`."""
    log_probability = policy.log_probability(parameters, trajectories.observations, trajectories.actions)
    ratio = (log_probability - trajectories.log_probabilities).exp()
    pessimistic = torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)
    return -masked_mean(pessimistic, trajectories.mask)


@dataclass
class MamlConfig:
    """Settings of `train_maml`; values for point navigation after the released code of the MAML paper."""

    iterations: int = 200
    meta_batch: int = 20
    """tasks per iteration"""
    episodes: int = 20
    """per task, before and after adaptation"""
    inner_lr: float = 0.5
    """α"""
    discount: float = 0.99
    outer_lr: float = 3e-3
    """of Adam, falling linearly to zero over the iterations; the paper's outer rule is TRPO"""
    epochs: int = 2
    """passes over the batch by PPO's clipped objective (ProMP, Rothfuss et al. 2019, uses 5)"""
    minibatch: int = 5
    """tasks per update within an epoch"""
    clip: float = 0.3
    """of the probability ratio, as ProMP"""


def train_maml(
    family: TaskFamily,
    policy,
    parameters: Parameters,
    config: MamlConfig,
    generator: torch.Generator,
    description: str = "MAML",
) -> tuple[Parameters, dict[str, list[float]]]:
    """Meta-train initial parameters so that one policy-gradient step adapts them to a new task.

    Each iteration draws tasks, collects support episodes with θ, takes one inner step per task, collects
    query episodes with θ'_T, and improves θ by PPO on the query episodes, differentiating through the
    inner step. One inner step in training; more can be taken at test time.

    Returns:
        Meta-trained parameters and history: `before` and `after` (mean return before and after
        adaptation, on the training tasks of each iteration) and `steps` (environment steps so far).
        An interrupt (Ctrl-C) returns what was reached.
    """
    meta = {name: value.detach().clone().requires_grad_() for name, value in parameters.items()}
    optimiser = torch.optim.Adam(meta.values(), lr=config.outer_lr)
    decay = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, total_iters=config.iterations)
    history: dict[str, list[float]] = {"before": [], "after": [], "steps": []}
    steps = 0
    bar = tqdm(range(config.iterations), desc=description)
    try:
        for _ in bar:
            tasks = family.sample_tasks(config.meta_batch, generator)
            support = rollout(family, tasks, policy, meta, config.episodes, generator)
            support_advantage = policy_advantages(policy, support, config.discount)
            adapted = _adapted(policy, meta, support, support_advantage, config.inner_lr, create_graph=False)
            query = rollout(family, tasks, policy, adapted, config.episodes, generator)
            query_advantage = policy_advantages(policy, query, config.discount)
            for _ in range(config.epochs):
                for chunk in torch.randperm(config.meta_batch, generator=generator).split(config.minibatch):
                    adapted = _adapted(policy, meta, support.select(chunk), support_advantage[chunk], config.inner_lr)
                    losses = clipped_loss(policy, adapted, query.select(chunk), query_advantage[chunk], config.clip)
                    optimiser.zero_grad()
                    losses.mean().backward()
                    optimiser.step()
            decay.step()
            steps += support.steps + query.steps
            history["before"].append(float(support.returns.mean()))
            history["after"].append(float(query.returns.mean()))
            history["steps"].append(steps)
            bar.set_postfix(before=f"{history['before'][-1]:.1f}", after=f"{history['after'][-1]:.1f}")
    except KeyboardInterrupt:
        bar.write(f"Interrupted after {len(history['after'])} of {config.iterations} iterations.")
    return {name: value.detach() for name, value in meta.items()}, history


def _adapted(policy, meta: Parameters, support: Trajectories, advantage: Tensor, inner_lr: float, create_graph=True):
    """The inner step from shared meta-parameters on each task's support trajectories."""
    repeated = repeat_parameters(meta, len(support.rewards))
    return adapt(repeated, lambda p: surrogate_loss(policy, p, support, advantage), inner_lr, create_graph=create_graph)
