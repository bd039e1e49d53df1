"""The rows of the table: a training of all learners of one variant, and what their greedy policies earn."""

import functools
import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor

from metarl_core.agents import ActorCritic, PPOConfig, Setting, VectorSampler
from metarl_core.agents.evaluate import GreedyPolicy
from metarl_core.agents.samplers import Sampler
from metarl_core.agents.training import train_policy
from metarl_core.parameters import Parameters, copy_parameters, stack_parameters, trainable_copy
from metarl_core.recipes.policy_gradients import Greedy, ordinary
from metarl_core.recipes.ppo_details.normalisation import NormalisingSampler, folded
from metarl_core.recipes.ppo_details.rule import DetailedPPO, with_details
from metarl_core.recipes.ppo_details.settings import Details, Settings, variant
from metarl_core.recipes.ppo_variants import MergedEnds
from metarl_core.tasks import CartPole, Pendulum, TaskFamily, TaskVectorEnv, rollout
from metarl_core.training import History

FAMILIES: dict[str, TaskFamily] = {"CartPole": CartPole(), "Pendulum": Pendulum()}


def initial_parameters(setting: Setting, seed: int, details: Details) -> Parameters:
    """Initial weights of one learner: the setting's own, with another last layer, or orthogonal."""
    agent = cast(ActorCritic, setting.agent(seed))
    start, last = agent.initial_parameters(), f"weight{len(setting.hidden)}"
    for name, value in start.items():
        if details.orthogonal and value.ndim == 2:
            output = 0.01 if name.startswith("policy") else 1.0
            start[name] = orthogonal(value, output if name.endswith(last) else math.sqrt(2), seed)
        elif name.startswith("policy") and name.endswith(last):
            start[name] = value * details.last_layer
    return start


def orthogonal(weight: Tensor, gain: float, seed: int) -> Tensor:
    """`gain` times a matrix of the same shape with orthonormal rows or columns (Saxe et al. 2014)."""
    generator = torch.Generator().manual_seed(seed)
    return torch.nn.init.orthogonal_(torch.empty_like(weight), gain, generator=generator)


def trained(
    method: str, seeds: Sequence[int], lrs: Sequence[float], settings: Settings | None = None
) -> tuple[GreedyPolicy, list[Parameters], History]:
    """Policy, its parameters `[learner, ...]` after each tenth of the training, and history, of one variant.

    Args:
        method: a row of the table.
        seeds: of each learner.
        lrs: learning rate of each learner.
    """
    settings = settings or Settings()
    environment, details = variant(method)
    setting: Setting = getattr(settings, environment.lower())
    config = with_details(cast(PPOConfig, setting.config), details)
    agent = cast(ActorCritic, setting.agent())
    start = stack_parameters([initial_parameters(setting, seed, details) for seed in seeds])
    parameters = trainable_copy(start, len(seeds))
    envs = TaskVectorEnv(FAMILIES[environment], setting.num_envs * len(seeds))
    vector = VectorSampler(envs, setting.num_steps, len(seeds), seed=min(seeds))
    (size,) = envs.single_observation_space.shape or (1,)
    sampler = NormalisingSampler(
        cast(Sampler, MergedEnds(vector)) if details.merge_ends else vector,
        size,
        details.normalise_observations,
        config.discount if details.scale_rewards else None,
    )
    kept: list[Parameters] = []

    def keep(iteration: int, current: Parameters, trajectories: object) -> None:
        if iteration * settings.checkpoints % config.iterations == 0:
            current = folded(current, sampler.seen) if sampler.seen else current
            kept.append(copy_parameters(agent.policy_part(current)))

    rule = DetailedPPO(agent, parameters, config, details, torch.tensor(lrs))
    generator = torch.Generator().manual_seed(min(seeds))
    _, history = train_policy(
        rule, cast(Sampler, sampler), config.iterations, generator, description=method, callback=keep
    )
    return agent.policy, kept, history


def evaluation_returns(method: str, policy: GreedyPolicy, kept: list[Parameters], settings: Settings) -> Tensor:
    """Returns `[learner, evaluation episode, checkpoint]`."""
    family = FAMILIES[variant(method)[0]]
    tasks = ordinary(family, len(next(iter(kept[0].values()))))
    columns = []
    for parameters in kept:
        generator = torch.Generator().manual_seed(settings.test_seed)
        columns.append(rollout(family, tasks, Greedy(policy), parameters, settings.test_tasks, generator).returns)
    return torch.stack(columns, -1)


@functools.cache
def tuned_lr(method: str, settings: Settings) -> float:
    """The learning rate with the best mean return over the training, on the tuning seeds."""
    number = len(settings.tuning_seeds)
    rates = [lr for lr in settings.lrs for _ in settings.tuning_seeds]
    policy, kept, _ = trained(method, settings.tuning_seeds * len(settings.lrs), rates, settings)
    returns = evaluation_returns(method, policy, kept, settings)
    scores = returns.mean((1, 2)).reshape(len(settings.lrs), number).mean(1)
    return settings.lrs[int(scores.argmax())]


@functools.lru_cache(maxsize=1)
def run_all_seeds(method: str) -> Tensor:
    """`[seed, evaluation episode, column]`."""
    settings = Settings()
    lr = tuned_lr(method, settings)
    policy, kept, _ = trained(method, settings.seeds, [lr] * len(settings.seeds), settings)
    returns = evaluation_returns(method, policy, kept, settings)
    return torch.cat([(returns * 10).round() / 10, torch.full_like(returns[..., :1], lr)], -1)


def run(method: str, seed: int) -> Tensor:
    """The row of one method and seed."""
    return run_all_seeds(method)[Settings().seeds.index(seed)]
