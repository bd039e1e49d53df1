"""The outer loop of meta-RL: collect, adapt, judge by fresh trajectories, move."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from tqdm.auto import tqdm

from metarl_core.meta.policies.maml import MetaBatch, PolicyMAML
from metarl_core.meta.policies.outer_rules import OuterPPO
from metarl_core.parameters import Parameters
from metarl_core.tasks.family import TaskFamily


@dataclass
class PolicyMetaConfig:
    """Settings of `meta_train_policy`."""

    iterations: int = 200
    meta_batch: int = 20
    """tasks per iteration"""
    anneal: bool = True
    """let the outer step size fall linearly to zero over the iterations (of TRPO, δ stays)"""


def meta_train_policy(
    method: PolicyMAML,
    rule,
    meta: Parameters,
    config: PolicyMetaConfig,
    generator: torch.Generator,
    description: str = "meta-training",
    callback: Callable[[int, Parameters, MetaBatch], None] | None = None,
) -> tuple[Parameters, dict[str, list[float]]]:
    """Alternate `method.collect` on new training tasks and `rule.update`.

    Args:
        rule: `OuterAdam`, `OuterPPO`, `OuterTRPO` or `OuterReptile`.
        meta: meta-parameters to begin with (`method.initial(…)`); not changed.
        callback: called as `callback(iteration, meta, batch)` after each update, `iteration` counting from 1.

    Returns:
        Meta-trained parameters and history: `before` and `after` (mean return before and after
        adaptation, on the training tasks of each iteration) and `steps` (environment steps so far).
        An interrupt (Ctrl-C) returns what was reached.
    """
    learned = {name: value.detach().clone().requires_grad_() for name, value in meta.items()}
    optimiser = rule.begin(learned)
    decay = None
    if optimiser is not None and config.anneal:
        decay = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, total_iters=config.iterations)
    history: dict[str, list[float]] = {"before": [], "after": [], "steps": []}
    steps = 0
    bar = tqdm(range(1, config.iterations + 1), desc=description)
    try:
        for iteration in bar:
            tasks = method.family.sample_tasks(config.meta_batch, generator)
            batch = method.collect(learned, tasks, generator)
            rule.update(method, learned, optimiser, batch, generator)
            if decay is not None:
                decay.step()
            steps += batch.steps
            history["before"].append(float(batch.support[0].trajectories.returns.mean()))
            history["after"].append(float(batch.query.trajectories.returns.mean()))
            history["steps"].append(steps)
            bar.set_postfix(before=f"{history['before'][-1]:.1f}", after=f"{history['after'][-1]:.1f}")
            if callback is not None:
                callback(iteration, {name: value.detach() for name, value in learned.items()}, batch)
    except KeyboardInterrupt:
        bar.write(f"Interrupted after {len(history['after'])} of {config.iterations} iterations.")
    return {name: value.detach() for name, value in learned.items()}, history


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

    The shortest way into the course: `PolicyMAML` with the low-variance curvature estimator under `OuterPPO`. More than
    one step can be taken at test time. Results as those of `meta_train_policy`.
    """
    method = PolicyMAML(family, policy, config.inner_lr, episodes=config.episodes, discount=config.discount)
    rule = OuterPPO(config.outer_lr, config.epochs, config.clip, minibatch=config.minibatch)
    settings = PolicyMetaConfig(config.iterations, config.meta_batch)
    return meta_train_policy(method, rule, method.initial(parameters), settings, generator, description)
