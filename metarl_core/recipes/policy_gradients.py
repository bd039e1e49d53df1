"""Chapter 04: policy-gradient methods on CartPole-v1 and Pendulum-v1, and PPO with one ingredient changed on Pendulum.

Every result is `[evaluation episode, column]`: the return of the greedy policy (most probable or mean action) before
training and after each tenth of it, on the batched family that equals the Gymnasium environment, and in the last
column after training on the environment as `gymnasium.make` gives it.

The five seeds of a method train side by side in one batch, so a method is run whole.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import gymnasium
import torch
from torch import Tensor

from metarl_core.agents import (
    CARTPOLE_PPO,
    PENDULUM_PPO,
    PENDULUM_TRPO,
    A2CConfig,
    ActorCritic,
    DQNConfig,
    ReinforceConfig,
    Setting,
    TRPOConfig,
    evaluate,
    train_a2c,
    train_ppo,
    train_reinforce,
    train_trpo,
)
from metarl_core.agents.evaluate import GreedyPolicy
from metarl_core.parameters import Parameters, select_parameters, stack_parameters
from metarl_core.recipes.ppo_variants import MergedEnds, train_raw_ppo
from metarl_core.tasks import CartPole, Pendulum, TaskFamily, Tasks, rollout
from metarl_core.tasks.rollout import Trajectories

ABLATIONS = ("no clip", "raw advantages", "one epoch", "λ = 0", "λ = 1", "truncation as termination")
METHODS = (
    *(f"CartPole: {method}" for method in ("PPO", "A2C", "REINFORCE")),
    *(f"Pendulum: {method}" for method in ("PPO", "TRPO", "A2C", "REINFORCE", *ABLATIONS)),
)
FAMILIES = {"CartPole": CartPole(), "Pendulum": Pendulum()}


@dataclass(frozen=True)
class Settings:
    """All that the table depends on; the chapter reads it back from the table."""

    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    test_tasks: int = 20
    """evaluation episodes"""
    checkpoints: int = 10
    test_seed: int = 1000
    cartpole_ppo: Setting = CARTPOLE_PPO
    cartpole_a2c: Setting = Setting(
        env_id="CartPole-v1",
        num_envs=8,
        num_steps=5,
        hidden=(64, 64),
        config=A2CConfig(iterations=1280, lr=3e-3, discount=0.98),
    )
    cartpole_reinforce: ReinforceConfig = field(
        default_factory=lambda: ReinforceConfig(iterations=60, episodes=10, discount=0.98)
    )
    """stopped for each seed where it has taken as many environment steps as the others"""
    pendulum_ppo: Setting = PENDULUM_PPO
    pendulum_trpo: Setting = PENDULUM_TRPO
    pendulum_a2c: Setting = Setting(
        env_id="Pendulum-v1",
        num_envs=16,
        num_steps=5,
        hidden=(64, 64),
        config=A2CConfig(iterations=2400, lr=1e-3, discount=0.9, entropy_coef=0.0),
    )
    pendulum_reinforce: ReinforceConfig = field(
        default_factory=lambda: ReinforceConfig(iterations=60, episodes=16, discount=0.9)
    )


class Greedy:
    """The most probable or mean action of a policy, for `rollout`."""

    def __init__(self, policy: GreedyPolicy):
        self.policy = policy

    def noise(self, shape: Sequence[int], generator: torch.Generator) -> Tensor:
        return torch.zeros(shape)

    def act(self, parameters: Parameters, observation: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        return self.policy.greedy_action(parameters, observation), noise


class Snapshots:
    """A training callback that keeps each learner's policy whenever a further tenth of its steps is taken."""

    def __init__(self, checkpoints: int, budget: int):
        self.marks = [budget * k / checkpoints for k in range(checkpoints + 1)]
        self.steps: list[Tensor] = []
        self.kept: list[Parameters] = []

    def start(self, parameters: Parameters) -> None:
        self.steps.append(torch.zeros(len(next(iter(parameters.values())))))
        self.kept.append({name: value.detach().clone() for name, value in parameters.items()})

    def __call__(self, iteration: int, parameters: Parameters, trajectories: Trajectories) -> None:
        # Steps that only reset an environment count too: they were asked for.
        taken = trajectories.mask.numel() / len(trajectories.mask)
        self.steps.append(self.steps[-1] + taken)
        self.kept.append({name: value.detach().clone() for name, value in parameters.items()})

    def at_marks(self) -> list[Parameters]:
        """For each mark, every learner's last parameters that cost no more steps."""
        steps = torch.stack(self.steps)
        chosen = []
        for mark in self.marks:
            last = [int((steps[:, learner] <= mark + 0.5).nonzero()[-1]) for learner in range(steps.shape[1])]
            names = self.kept[0]
            chosen.append({n: torch.stack([self.kept[k][n][i] for i, k in enumerate(last)]) for n in names})
        return chosen


class EpisodeSnapshots(Snapshots):
    """The same where whole episodes are collected: padding is not a step."""

    def __call__(self, iteration: int, parameters: Parameters, trajectories: Trajectories) -> None:
        self.steps.append(self.steps[-1] + trajectories.lengths.sum(1))
        self.kept.append({name: value.detach().clone() for name, value in parameters.items()})


def trained(method: str, settings: Settings) -> tuple[GreedyPolicy, list[Parameters]]:
    """Policy and its parameters at each checkpoint of all seeds of one method."""
    environment, name = method.split(": ")
    setting = getattr(settings, f"{environment.lower()}_{name.lower() if name in ('A2C', 'TRPO') else 'ppo'}")
    if name == "REINFORCE":
        return trained_reinforce(environment, settings, setting)
    changed: dict[str, dict[str, float]] = {
        "no clip": {"clip": 1e9},
        "one epoch": {"epochs": 1},
        "λ = 0": {"gae_lambda": 0.0},
        "λ = 1": {"gae_lambda": 1.0},
    }
    config: Any = dataclasses.replace(setting.config, **changed.get(name, {}))
    agent, parameters, vector = setting.prepare(settings.seeds)
    assert isinstance(agent, ActorCritic)
    sampler = MergedEnds(vector) if name == "truncation as termination" else vector
    if isinstance(config, A2CConfig):
        train: Callable[..., Any] = train_a2c
    elif isinstance(config, TRPOConfig):
        train = train_trpo
    else:
        train = train_raw_ppo if name == "raw advantages" else train_ppo
    snapshots = Snapshots(settings.checkpoints, budget(setting))
    snapshots.start(parameters)
    generator = torch.Generator().manual_seed(min(settings.seeds))
    train(agent, parameters, sampler, config, generator, description=method, callback=snapshots)
    return agent.policy, [agent.policy_part(kept) for kept in snapshots.at_marks()]


def budget(setting: Setting) -> int:
    """Environment steps of one seed."""
    assert not isinstance(setting.config, DQNConfig)
    return setting.num_envs * setting.num_steps * setting.config.iterations


def trained_reinforce(environment: str, settings: Settings, ppo: Setting) -> tuple[GreedyPolicy, list[Parameters]]:
    """REINFORCE on whole episodes, from the same initial policies and up to the same number of steps as PPO."""
    config = getattr(settings, f"{environment.lower()}_reinforce")
    family, number = FAMILIES[environment], len(settings.seeds)
    agent = ppo.agent()
    assert isinstance(agent, ActorCritic)
    start = agent.policy_part(stack_parameters([ppo.agent(seed).initial_parameters() for seed in settings.seeds]))
    snapshots = EpisodeSnapshots(settings.checkpoints, budget(ppo))
    snapshots.start(start)
    generator = torch.Generator().manual_seed(min(settings.seeds))
    label = f"{environment}: REINFORCE"
    train_reinforce(
        family,
        agent.policy,
        start,
        config,
        generator,
        tasks=ordinary(family, number),
        description=label,
        callback=snapshots,
    )
    return agent.policy, snapshots.at_marks()


def ordinary(family: TaskFamily, number: int) -> Tasks:
    """The default task, once for each learner."""
    return {name: value.repeat(number) for name, value in family.default_params.items()}


def evaluation_returns(
    policy: GreedyPolicy, checkpoints: list[Parameters], environment: str, settings: Settings
) -> Tensor:
    """Returns `[seed, evaluation episode, column]`."""
    family, number, episodes = FAMILIES[environment], len(settings.seeds), settings.test_tasks
    columns = []
    for parameters in checkpoints:
        generator = torch.Generator().manual_seed(settings.test_seed)
        runs = rollout(family, ordinary(family, number), Greedy(policy), parameters, episodes, generator)
        columns.append(runs.returns)
    with gymnasium.make(getattr(settings, f"{environment.lower()}_ppo").env_id) as env:
        last = [
            evaluate(env, policy, select_parameters(checkpoints[-1], seed), episodes, settings.test_seed)
            for seed in range(number)
        ]
    return torch.stack([*columns, torch.stack(last)], -1)


@functools.lru_cache(maxsize=1)
def run_all_seeds(method: str) -> Tensor:
    settings = Settings()
    policy, checkpoints = trained(method, settings)
    return evaluation_returns(policy, checkpoints, method.split(":")[0], settings)


def run(method: str, seed: int) -> Tensor:
    """Returns `[evaluation episode, column]` of one method and seed."""
    return run_all_seeds(method)[Settings().seeds.index(seed)]
