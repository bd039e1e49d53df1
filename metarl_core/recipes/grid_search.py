"""Chapter 11a: who finds the goal of GridNavi, and what each is told of it, five seeds.

Five by five cells, 21 goals, four episodes of fifteen steps (Zintgraf et al. 2020, 5.1). Every method plays the same
number of training episodes; what differs is what the policy reads beside its cell:

- given the goal: row and column of the goal.
- exact belief: the exact posterior over the goals after each step.
- VariBAD-like: mean and standard deviation of a learned belief, by a GRU that learns to foresee rewards.
- PEARL-like: a draw from a learned belief, once an episode; Q-learning on trials that are kept.
- RL²: the state of a GRU that learns from the returns alone.

All but the fourth are trained by the same PPO on whole trials. A method's first step size is the one of `lrs` that
earned most in the trainings of seed `search_seed` on goals of training, see `searched`.

A row is `[goal, column]`: the mean return of episodes 1 to 4 over `test_trials` trials of that goal, then the seconds
that the training took, the same for every goal. There are only 21 goals, so that none is held out (see `GridNavi`);
held out are the draws: every method and seed plays the same number of trials on each goal after training.
"""

import functools
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from metarl_core.meta.memory import (
    PEARL,
    RL2,
    BeliefConfig,
    BeliefMemory,
    ContextAgent,
    MemoryAgent,
    NoMemory,
    PEARLConfig,
    TrainConfig,
    adaptation_curve,
    train,
    train_belief,
    train_pearl,
)
from metarl_core.networks import GRU
from metarl_core.parameters import Parameters, initial_parameters
from metarl_core.tasks import GridNavi, InformedTasks, TaskFamily, Tasks
from metarl_core.training import Callback, History

METHODS = ("given the goal", "exact belief", "VariBAD-like", "PEARL-like", "RL²")


@dataclass(frozen=True)
class Settings:
    """All that the table depends on."""

    episodes: int = 4
    iterations: int = 80
    meta_batch: int = 16
    """goals of an iteration, drawn anew"""
    trials: int = 8
    """of each goal"""
    lrs: Mapping[str, float] = field(default_factory=lambda: dict(CHOSEN))
    """first step size of each method, as found by `searched`"""
    hidden: int = 64
    """of the GRU, and of the layer between what is read and the policy"""
    latent: int = 5
    epochs: int = 3
    minibatches: int = 2
    clip: float = 0.2
    entropy_coef: float = 0.05
    max_grad_norm: float = 1.0
    belief_lr: float = 3e-3
    belief_updates: int = 5
    kl_coef: float = 0.1
    discount: float = 0.95
    """as in the paper; over a whole trial, but for PEARL, whose values end with an episode"""
    gae_lambda: float = 0.95
    value_coef: float = 0.5
    value_scale: float = 5.0
    baseline: str = "value"
    updates: int = 25
    """of Q in an iteration"""
    temperature: float = 0.1
    test_tasks: int = 21
    """every goal"""
    test_trials: int = 50
    test_seed: int = 1000
    search_seed: int = 100
    search_lrs: tuple[float, ...] = (1e-3, 3e-3, 1e-2)
    search_iterations: int = 60
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)

    @property
    def env_steps(self) -> int:
        """Environment steps of each training."""
        return self.iterations * self.meta_batch * self.trials * self.episodes * GridNavi().horizon


CHOSEN = {name: 3e-3 for name in METHODS}


class GoalBelief(nn.Module):
    """In the place of a memory: the observation and the exact posterior over the goals of a GridNavi, by Bayes' rule.

    It has no parameters, and `MemoryAgent` takes it like any memory.
    """

    def __init__(self, family: GridNavi, inputs: int, generator: torch.Generator | None = None):
        super().__init__()
        self.cells = family.size**2
        self.hidden = 2 * self.cells
        self.next_cell = family.next_cell
        prior = torch.zeros(self.cells)
        prior[family.goals["train"]] = 1 / len(family.goals["train"])
        self.prior = prior

    def initial(self, *batch: int, like: Tensor) -> tuple[Tensor, Tensor]:
        """The belief, and the cell that was seen last."""
        belief = self.prior.to(like).expand(*batch, -1)
        return belief, torch.zeros(batch, dtype=torch.int64, device=like.device)

    def step(
        self, parameters: Parameters, inputs: Tensor, memory: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        belief, before = memory
        seen, acted, reward, done = inputs.split([self.cells, inputs.shape[-1] - self.cells - 2, 1, 1], -1)
        cell = seen.argmax(-1)
        # at the end of an episode the corner is seen, and not where the last step ended
        ended = torch.where(done[..., 0] > 0, self.next_cell.to(cell.device)[before, acted.argmax(-1)], cell)
        here = nn.functional.one_hot(ended, self.cells).to(belief.dtype)
        here = here * acted.sum(-1, keepdim=True)  # zeros where a trial begins
        left = belief * (1 - here)
        left = left / left.sum(-1, keepdim=True).clamp_min(1e-9)
        belief = torch.where(reward > 0, here, left)
        return torch.cat([seen, belief], -1), (belief, cell)

    @torch.no_grad()
    def sequence(self, parameters: Parameters, inputs: Tensor) -> Tensor:
        seen, acted, reward, done = inputs.split([self.cells, inputs.shape[-1] - self.cells - 2, 1, 1], -1)
        cell = seen.argmax(-1)
        before = torch.cat([torch.zeros_like(cell[..., :1]), cell[..., :-1]], -1)
        ended = torch.where(done[..., 0] > 0, self.next_cell.to(cell.device)[before, acted.argmax(-1)], cell)
        here = nn.functional.one_hot(ended, self.cells).to(inputs.dtype) * acted.sum(-1, keepdim=True)
        found = (here * (reward > 0)).cumsum(-2).clamp_max(1)
        left = self.prior.to(here) * ((here * (reward <= 0)).cumsum(-2) == 0)
        left = left / left.sum(-1, keepdim=True).clamp_min(1e-9)
        belief = torch.where(found.sum(-1, keepdim=True) > 0, found, left)
        return torch.cat([seen, belief], -1)


class Trained(NamedTuple):
    """One learner after training."""

    method: RL2 | PEARL
    parameters: Parameters
    history: History
    seconds: float


def trained(
    method: str,
    seed: int,
    settings: Settings | None = None,
    description: str | None = None,
    callback: Callback | None = None,
) -> Trained:
    """Train one learner from one seed; the table's, with its settings. `callback` as in `memory.train`."""
    settings = settings or Settings()
    generator = torch.Generator().manual_seed(seed)
    learner = _learner(method, settings, generator)
    start, began = initial_parameters(learner.agent), time.perf_counter()
    also = {"description": description, "callback": callback}
    lr = settings.lrs[method]
    if isinstance(learner, PEARL):
        config = PEARLConfig(
            iterations=settings.iterations, meta_batch=settings.meta_batch, updates=settings.updates, minibatch=settings.meta_batch, outer_lr=lr
        )
        meta, history = train_pearl(learner, start, config, generator, **also)
    else:
        ppo = TrainConfig(
            iterations=settings.iterations,
            meta_batch=settings.meta_batch,
            outer_lr=lr,
            epochs=settings.epochs,
            minibatches=settings.minibatches,
            clip=settings.clip,
            gae_lambda=settings.gae_lambda,
            value_coef=settings.value_coef,
            value_scale=settings.value_scale,
            baseline=settings.baseline,
            entropy_coef=settings.entropy_coef,
            anneal_entropy=True,
            max_grad_norm=settings.max_grad_norm,
        )
        if method == "VariBAD-like":
            belief = BeliefConfig(
                belief_lr=settings.belief_lr, updates=settings.belief_updates, kl_coef=settings.kl_coef
            )
            meta, history = train_belief(learner, start, ppo, belief, generator, **also)
        else:
            meta, history = train(learner, start, ppo, generator, **also)
    return Trained(learner, meta, history, time.perf_counter() - began)


def _learner(method: str, settings: Settings, generator: torch.Generator) -> RL2 | PEARL:
    grid = GridNavi()
    family: TaskFamily = InformedTasks(grid) if method == "given the goal" else grid
    spaces = family.observation_space, family.action_space
    if method == "PEARL-like":
        agent = ContextAgent(
            *spaces, hidden=(settings.hidden, settings.hidden), temperature=settings.temperature, generator=generator
        )
        return PEARL(family, agent, settings.trials, settings.episodes, settings.discount)
    memories = {
        "given the goal": functools.partial(NoMemory, actions=5),
        "exact belief": functools.partial(GoalBelief, grid),
        "VariBAD-like": functools.partial(BeliefMemory, actions=5),
        "RL²": functools.partial(GRU, hidden=settings.hidden),
    }
    reader = MemoryAgent(*spaces, memories[method], (settings.hidden,), generator)
    return RL2(family, reader, settings.trials, settings.episodes, settings.discount)


def every_goal(settings: Settings) -> Tasks:
    """The 21 goals, in the order of the rows."""
    return {"goal": GridNavi().goals["train"]}


def run(method: str, seed: int, settings: Settings | None = None) -> Tensor:
    """The row of one method and seed."""
    settings = settings or Settings()
    learned = trained(method, seed, settings)
    returns = tested(learned, settings)
    return torch.cat([returns, returns.new_full((len(returns), 1), learned.seconds)], 1)


def tested(learned: Trained, settings: Settings | None = None) -> Tensor:
    """Mean return of each episode on every goal, `[goal, episode]`."""
    settings = settings or Settings()
    luck = torch.Generator().manual_seed(settings.test_seed)
    curve = adaptation_curve(
        learned.method, learned.parameters, every_goal(settings), luck, trials=settings.test_trials
    )
    return curve.returns


def searched(method: str, settings: Settings | None = None) -> dict[float, float]:
    """Mean return of a trial's four episodes for each of `search_lrs`, on goals of training; the best is in `CHOSEN`.

    One shorter training of the seed outside of the table for each, then a trial on each of 500 goals of training.
    """
    settings = settings or Settings()
    scores = {}
    for lr in settings.search_lrs:
        shorter = replace(settings, iterations=settings.search_iterations, lrs={**settings.lrs, method: lr})
        learned = trained(method, settings.search_seed, shorter)
        tasks = learned.method.family.sample_tasks(500, torch.Generator().manual_seed(settings.search_seed))
        luck = torch.Generator().manual_seed(settings.search_seed)
        curve = adaptation_curve(learned.method, learned.parameters, tasks, luck, trials=1)
        scores[lr] = float(curve.returns.sum(1).mean())
    return scores
