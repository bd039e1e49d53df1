"""Chapter 12: policies without a model on the cart-poles whose force turns round in mid-run, five seeds each.

A row is `[1, 2 · horizon]`, means over the held-out tasks of `changing_bodies`: the reward of each step, for the test
split, then out of distribution. Actions are drawn from the policy, as in training.

- PPO: a policy of the observation alone, 64-64 tanh, with a value function of the same kind; it cannot tell one body
  from another but by what is seen at this step.
- RL²: a GRU of 64 that reads observation, last action and last reward.

40,000 environment steps are what the models of `changing_bodies` learn from, and 400,000 ten times as many. Both
policies train by PPO over whole episodes, each on a new task of the training split, whose change comes at any of the
steps that `changing_bodies` trains on. The step size of Adam is the better of `outer_lrs` for each method and number of
steps, by the reward after the change that a training at seed `search_seed` earns on other tasks of the training split.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from metarl_core.meta import RL2, MemoryAgent, memory
from metarl_core.networks import GRU, MLP, mlp
from metarl_core.parameters import Parameters, initial_parameters
from metarl_core.recipes import changing_bodies
from metarl_core.tasks import Tasks
from metarl_core.training import History

METHODS = tuple(f"{name}, {steps} steps" for steps in ("40,000", "400,000") for name in ("PPO", "RL²"))


@dataclass(frozen=True)
class Settings:
    """All that the table depends on."""

    bodies: changing_bodies.Settings = changing_bodies.Settings()
    budgets: tuple[tuple[str, int, int], ...] = (("40,000", 20, 20), ("400,000", 80, 50))
    """environment steps as a method's name gives them, iterations, and tasks per iteration, each played once"""
    hidden: int = 64
    outer_lrs: tuple[float, ...] = (1e-3, 3e-3, 1e-2)
    epochs: int = 4
    minibatches: int = 4
    clip: float = 0.2
    discount: float = 0.98
    gae_lambda: float = 0.95
    value_scale: float = 10.0
    entropy_coef: float = 0.0
    search_seed: int = 100
    test_tasks: int = 1
    """a row is the mean over all held-out tasks"""
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)


class Present(torch.nn.Module):
    """A `Memory` that holds nothing: what is read is a function of the observation before the next action.

    Args:
        inputs: width of what `MemoryAgent` hands over.
        observations: width of the observation, its first entries.
        hidden: widths of two layers, with tanh.
        generator: draws the initial weights.
    """

    def __init__(self, inputs: int, observations: int, hidden: int = 64, generator: torch.Generator | None = None):
        super().__init__()
        self.observations, self.hidden = observations, hidden
        self.network = MLP((observations, hidden, hidden), torch.tanh, generator)

    def initial(self, *batch: int, like: Tensor) -> Tensor:
        """Nothing, `[*batch, 0]`."""
        return like.new_zeros((*batch, 0))

    def step(self, parameters: Parameters, inputs: Tensor, nothing: Tensor) -> tuple[Tensor, Tensor]:
        """What is read of one input, and nothing."""
        return self.sequence(parameters, inputs), nothing

    def sequence(self, parameters: Parameters, inputs: Tensor) -> Tensor:
        """What is read of each input, `[..., hidden]`."""
        own = {name.removeprefix("network."): value for name, value in parameters.items()}
        return mlp(own, inputs[..., : self.observations], torch.tanh).tanh()


class Trained(NamedTuple):
    """One policy after training."""

    method: RL2
    parameters: Parameters
    history: History


def agent_of(name: str, generator: torch.Generator, settings: Settings) -> MemoryAgent:
    """The policy of a method, with weights from `generator`."""
    family = changing_bodies.family_of(settings.bodies)
    size = (family.observation_space.shape or (0,))[0]
    kinds: dict[str, Any] = {
        "PPO": partial(Present, observations=size, hidden=settings.hidden),
        "RL²": partial(GRU, hidden=settings.hidden),
    }
    return MemoryAgent(family.observation_space, family.action_space, kinds[name], generator=generator)


def trained(method: str, seed: int, settings: Settings | None = None, outer_lr: float | None = None) -> Trained:
    """Train one policy from one seed, with the chosen step size unless one is given."""
    settings = settings or Settings()
    name, iterations, meta_batch = _parts(method, settings)
    generator = torch.Generator().manual_seed(seed)
    agent = agent_of(name, generator, settings)
    family = changing_bodies.family_of(settings.bodies, training=True)
    learner = RL2(family, agent, trials=1, episodes=1, discount=settings.discount)
    config = memory.TrainConfig(
        iterations=iterations,
        meta_batch=meta_batch,
        outer_lr=best_outer_lr(method, settings) if outer_lr is None else outer_lr,
        epochs=settings.epochs,
        minibatches=settings.minibatches,
        clip=settings.clip,
        gae_lambda=settings.gae_lambda,
        value_scale=settings.value_scale,
        entropy_coef=settings.entropy_coef,
    )
    first = learner.initial(initial_parameters(agent))
    return Trained(learner, *memory.train(learner, first, config, generator, description=method))


@cache
def best_outer_lr(method: str, settings: Settings) -> float:
    """The step size that earns most after the change on tasks of the training split."""
    bodies = settings.bodies

    def earned(outer_lr: float) -> float:
        learned = trained(method, settings.search_seed, settings, outer_lr)
        rewards = curve(learned, settings.search_seed, changing_bodies.held_out("train", bodies), settings)
        return float(rewards[bodies.horizon // 2 :].mean())

    return max(settings.outer_lrs, key=earned)


def curve(learned: Trained, seed: int, tasks: Tasks, settings: Settings | None = None) -> Tensor:
    """The mean reward of each step on `tasks`, `[time]`; every task is played once."""
    bodies = (settings or Settings()).bodies
    generator = torch.Generator().manual_seed(bodies.test_seed + 1 + seed)
    family, agent = changing_bodies.family_of(bodies), learned.method.agent
    played = memory.play_trials(family, tasks, agent, learned.parameters, 1, 1, generator)
    return played.rewards.mean((0, 1))


def run(method: str, seed: int, settings: Settings | None = None) -> Tensor:
    """The row of one method and seed."""
    settings = settings or Settings()
    learned = trained(method, seed, settings)
    splits: Sequence[str] = ("test", "ood")
    return torch.cat(
        [curve(learned, seed, changing_bodies.held_out(split, settings.bodies), settings) for split in splits]
    )[None]


def _parts(method: str, settings: Settings) -> tuple[str, int, int]:
    """Name, iterations and tasks per iteration of a method."""
    name, words = method.split(", ")
    iterations, meta_batch = {steps: rest for steps, *rest in settings.budgets}[words.removesuffix(" steps")]
    return name, iterations, meta_batch
