"""Chapter 11: RL² on random tabular MDPs (Duan et al. 2016, 3.2), five seeds.

A row is `[1, 5 + 25]`, means over the held-out MDPs, the same for all seeds, of which each is played once, for 25
episodes: what is earned in the first ten episodes, and in all 25; both as fractions of what the optimal policies earn
that know the MDP; what ten episodes earn on MDPs out of distribution; and the return of each of the 25 episodes.
Everything is counted with the means of the rewards given state and action.

A memory is trained in phases: MDPs of which two states can be reached, then four, then all ten; more and more episodes;
and a discount that comes closer to 1. With few states and short sight the return of an action is little else than its
reward, and it is soon seen again whether it paid.
"""

import functools
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from metarl_core.arguments import check_count
from metarl_core.exact import optimal_return
from metarl_core.meta import RL2, MemoryAgent, memory
from metarl_core.networks import GRU
from metarl_core.parameters import Parameters, initial_parameters
from metarl_core.tasks import TabularMDPs, Tasks
from metarl_core.training import History

METHODS = ("RL², 10 episodes",)
EPISODES = (10, 25)
"""after which the fraction of the optimum is taken"""


@dataclass(frozen=True)
class Phase:
    """Training with one kind of MDPs and one number of episodes."""

    reachable: int
    """states; the others are never entered"""
    episodes: int
    iterations: int
    outer_lr: float
    discount: float
    last: bool = False
    """let step size and entropy's weight fall linearly to zero"""


@dataclass(frozen=True)
class Settings:
    """All that the table depends on."""

    phases: tuple[Phase, ...] = (
        Phase(2, 2, 80, 1e-2, 0.8),
        Phase(4, 3, 60, 7e-3, 0.8),
        Phase(10, 5, 60, 7e-3, 0.9),
        Phase(10, 10, 80, 5e-3, 0.95, last=True),
    )
    hidden: int = 64
    """of the GRU; 256 in the paper"""
    meta_batch: int = 64
    """MDPs per iteration"""
    trials: int = 8
    """of each MDP"""
    epochs: int = 3
    minibatches: int = 2
    clip: float = 0.2
    entropy_coef: float = 0.01
    max_grad_norm: float = 1.0
    held_out_tasks: int = 2000
    test_tasks: int = 1
    """a row is the mean over all held-out MDPs"""
    test_seed: int = 1000
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)


class Reachable(TabularMDPs):
    """MDPs of ten states of which only the first few are ever entered: transitions to the others have no weight."""

    def __init__(self, reachable: int):
        self.reachable = check_count("reachable", reachable)
        super().__init__()

    def draw_tasks(self, n: int, generator: torch.Generator, split: str, dtype: torch.dtype | None = None) -> Tasks:
        tasks = super().draw_tasks(n, generator, split, dtype)
        some = tasks["transitions"].clone()
        some[..., self.reachable :] = 0
        return {**tasks, "transitions": some / some.sum(-1, keepdim=True)}


def held_out(settings: Settings | None = None) -> Tasks:
    """The held-out MDPs, the same for all seeds."""
    settings = settings or Settings()
    return TabularMDPs().sample_tasks(
        settings.held_out_tasks, torch.Generator().manual_seed(settings.test_seed), "test"
    )


def mean_reward(state: Tensor, action: Tensor, tasks: Tasks) -> Tensor:
    """The mean of the reward in a state for an action."""
    means = tasks["reward_means"]
    index = state[..., 0].long() * means.shape[-1] + action
    return means.flatten(2).gather(2, index[..., None])[..., 0]


class Trained(NamedTuple):
    """One memory after training."""

    method: RL2
    parameters: Parameters
    generator: torch.Generator
    """goes on"""
    histories: list[History]
    """of each phase"""


def trained(seed: int, settings: Settings | None = None) -> Trained:
    """Train one memory from one seed; the table's, with its settings."""
    settings = settings or Settings()
    generator, family = torch.Generator().manual_seed(seed), TabularMDPs()
    make = functools.partial(GRU, hidden=settings.hidden)
    agent = MemoryAgent(family.observation_space, family.action_space, make, generator=generator)
    meta, histories = initial_parameters(agent), []
    for phase in settings.phases:
        learner = RL2(
            Reachable(phase.reachable),
            agent,
            settings.trials,
            phase.episodes,
            phase.discount,
            expected_reward=mean_reward,
        )
        config = memory.TrainConfig(
            iterations=phase.iterations,
            meta_batch=settings.meta_batch,
            outer_lr=phase.outer_lr,
            epochs=settings.epochs,
            minibatches=settings.minibatches,
            clip=settings.clip,
            gae_lambda=1.0,
            value_coef=0.0,
            baseline="past",
            entropy_coef=settings.entropy_coef,
            anneal_entropy=phase.last,
            anneal=phase.last,
            max_grad_norm=settings.max_grad_norm,
        )
        description = f"{phase.reachable} states, {phase.episodes} episodes"
        meta, history = memory.train(learner, meta, config, generator, description=description)
        histories.append(history)
    return Trained(learner, meta, generator, histories)


def returns(learned: Trained, tasks: Tasks, episodes: int) -> Tensor:
    """Return of each episode on MDPs that are played once, `[task, episode]`, with numbers from `learned.generator`."""
    curve = memory.adaptation_curve(
        learned.method, learned.parameters, tasks, learned.generator, episodes=episodes, trials=1
    )
    return curve.returns


def fraction(earned: Tensor, tasks: Tasks, episodes: int) -> Tensor:
    """What is earned in the first episodes of all tasks, `[task, episode]`, over what the optimal policies earn."""
    return earned[:, :episodes].double().sum() / (episodes * optimal_return(TabularMDPs(), tasks).sum())


def run(method: str, seed: int, settings: Settings | None = None) -> Tensor:
    """The row of one method and seed."""
    settings = settings or Settings()
    learned, tasks = trained(seed, settings), held_out(settings)
    earned = returns(learned, tasks, max(EPISODES))
    elsewhere = TabularMDPs().sample_tasks(settings.held_out_tasks, learned.generator, "ood")
    totals = [earned[:, :episodes].double().sum(1).mean() for episodes in EPISODES]
    fractions = [fraction(earned, tasks, episodes) for episodes in EPISODES]
    outside = returns(learned, elsewhere, EPISODES[0]).double().sum(1).mean()
    return torch.cat([torch.stack([*totals, *fractions, outside]), earned.double().mean(0)])[None]
