"""The rows of the table: a training of all learners of one variant, and what their greedy policies earn."""

import dataclasses
import functools
import itertools
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
from metarl_core.recipes.ppo_details.rule import DetailedPPO, discounts
from metarl_core.recipes.ppo_details.settings import GROUPS, Details, Settings, of_each, variant
from metarl_core.recipes.ppo_variants import MergedEnds
from metarl_core.tasks import CartPole, Pendulum, TaskFamily, TaskVectorEnv, rollout
from metarl_core.tasks.rollout import Policy, Trajectories
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
    methods: Sequence[str], seeds: Sequence[int], lrs: Sequence[float], settings: Settings | None = None
) -> tuple[GreedyPolicy, list[Parameters], History]:
    """Policy, its parameters `[learner, ...]` after each tenth of the training, and history.

    Args:
        methods: of each learner, a row of the table; all of one environment.
        seeds: of each learner.
        lrs: learning rate of each learner.
    """
    settings = settings or Settings()
    environment, details = variant(methods[0])[0], [variant(method)[1] for method in methods]
    setting: Setting = getattr(settings, environment.lower())
    config, agent = cast(PPOConfig, setting.config), cast(ActorCritic, setting.agent())
    start = stack_parameters([initial_parameters(setting, seed, one) for seed, one in zip(seeds, details, strict=True)])
    parameters = trainable_copy(start, len(seeds))
    sampler = sampler_of(environment, setting, details, min(seeds))
    kept: list[Parameters] = []

    def keep(iteration: int, current: Parameters, trajectories: object) -> None:
        if iteration * settings.checkpoints % config.iterations == 0:
            kept.append(copy_parameters(agent.policy_part(folded(current, *sampler.scale()))))

    rule = DetailedPPO(agent, parameters, config, details, torch.tensor(lrs))
    generator = torch.Generator().manual_seed(min(seeds))
    name = f"{environment}, {len(seeds)} learners"
    _, history = train_policy(
        rule, cast(Sampler, sampler), config.iterations, generator, description=name, callback=keep
    )
    return agent.policy, kept, history


def sampler_of(environment: str, setting: Setting, details: Sequence[Details], seed: int) -> NormalisingSampler:
    """Environments of all learners."""
    envs = TaskVectorEnv(FAMILIES[environment], setting.num_envs * len(details))
    vector = VectorSampler(envs, setting.num_steps, len(details), seed=seed)
    (size,) = envs.single_observation_space.shape or (1,)
    merging = SomeEndsMerged(vector, of_each(details, "merge_ends"))
    return NormalisingSampler(
        cast(Sampler, merging),
        size,
        of_each(details, "normalise_observations"),
        of_each(details, "scale_rewards"),
        discounts(details, cast(PPOConfig, setting.config)),
    )


class SomeEndsMerged(MergedEnds):
    """A sampler whose truncated steps say that they terminated, for the learners in `merged` `[learner]`."""

    def __init__(self, sampler: VectorSampler, merged: Tensor):
        super().__init__(sampler)
        self.merged = merged[:, None, None]

    def __call__(self, policy: Policy, parameters: Parameters, generator: torch.Generator) -> Trajectories:
        runs = self.sampler(policy, parameters, generator)
        cut = runs.truncated & self.merged
        return dataclasses.replace(runs, terminated=runs.terminated | cut, truncated=runs.truncated & ~cut)


def evaluation_returns(method: str, policy: GreedyPolicy, kept: list[Parameters], settings: Settings) -> Tensor:
    """Returns `[learner, evaluation episode, checkpoint]`."""
    family = FAMILIES[variant(method)[0]]
    tasks = ordinary(family, len(next(iter(kept[0].values()))))
    columns = []
    for parameters in kept:
        generator = torch.Generator().manual_seed(settings.test_seed)
        columns.append(rollout(family, tasks, Greedy(policy), parameters, settings.test_tasks, generator).returns)
    return torch.stack(columns, -1)


def tuned_lrs(methods: Sequence[str], settings: Settings) -> list[float]:
    """For each method the learning rate with the best mean return over the training, on the tuning seeds."""
    shape = (len(methods), len(settings.lrs), len(settings.tuning_seeds))
    every = list(itertools.product(methods, settings.lrs, settings.tuning_seeds))
    names, rates, seeds = zip(*every, strict=True)
    policy, kept, _ = trained(names, seeds, rates, settings)
    scores = evaluation_returns(names[0], policy, kept, settings).mean((1, 2)).reshape(shape).mean(2)
    return [settings.lrs[best] for best in scores.argmax(1).tolist()]


@functools.lru_cache(maxsize=1)
def run_group(methods: tuple[str, ...]) -> Tensor:
    """`[method, seed, evaluation episode, column]` of rows of one environment."""
    settings = Settings()
    tuned = tuned_lrs(methods, settings)
    every = [(method, lr, seed) for method, lr in zip(methods, tuned, strict=True) for seed in settings.seeds]
    names, rates, seeds = zip(*every, strict=True)
    policy, kept, _ = trained(names, seeds, rates, settings)
    returns = evaluation_returns(names[0], policy, kept, settings)
    column = torch.tensor(rates)[:, None, None].expand_as(returns[..., :1])
    rows = torch.cat([(returns.double() * 10).round() / 10, column.double()], -1)
    return rows.reshape(len(methods), len(settings.seeds), *rows.shape[1:])


def run(method: str, seed: int) -> Tensor:
    """The row of one method and seed."""
    group = next(group for group in GROUPS if method in group)
    return run_group(group)[group.index(method), Settings().seeds.index(seed)]
