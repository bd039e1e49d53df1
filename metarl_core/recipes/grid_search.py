"""Chapter 11a: who finds the goal of a small GridNavi, and what each is told of it, five seeds.

Three by three cells, five goals, four episodes of eight steps on one goal (after Zintgraf et al. 2020, 5.1, who have
five by five cells and fifteen steps). Every method plays the same number of training episodes; what differs is what the
policy reads beside its cell:

- given the goal: row and column of the goal.
- exact belief: the exact posterior over the goals after each step.
- VariBAD-like: mean and deviation of a learned belief, by a GRU that learns to foresee rewards.
- PEARL-like: a draw from a learned belief, once an episode; Q-learning on trials that are kept.
- RL²: the state of a GRU that learns from the returns alone.

All but the fourth are trained by the same PPO on whole trials. A method's first step size is the one of `search_lrs`
that earned most in a training of `search_seeds`, see `searched`; the other settings were set by hand on such seeds.

A row is `[goal, column]`: the mean return of episodes 1 to 4 over `test_trials` trials of that goal, then the seconds
of the processor that the training took, those of five side by side divided by five, the same for every goal. With five
goals none is held out (see `GridNavi`); held out are the draws: after training all play the same number of trials on
each goal.
"""

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

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
    ProductEncoder,
    RecurrentEncoder,
    TrainConfig,
    adaptation_curve,
)
from metarl_core.networks import GRU
from metarl_core.parameters import Parameters, initial_parameters, select_parameters
from metarl_core.recipes.grid_learners import train_pearl_side_by_side, train_side_by_side
from metarl_core.tasks import GridNavi, InformedTasks, TaskFamily, Tasks
from metarl_core.training import History

METHODS = ("given the goal", "exact belief", "VariBAD-like", "PEARL-like", "RL²")


@dataclass(frozen=True, eq=False)
class Settings:
    """All that the table depends on."""

    size: int = 3
    horizon: int = 8
    episodes: int = 4
    iterations: int = 50
    meta_batch: int = 16
    """goals of an iteration, drawn anew"""
    trials: int = 8
    """of each goal"""
    lrs: Mapping[str, float] = field(default_factory=lambda: dict(CHOSEN))
    """first step size of each method, as found by `searched`"""
    hidden: int = 32
    """of the GRU"""
    layer: int = 64
    """between what is read and the policy, and of Q"""
    latent: int = 5
    epochs: int = 3
    minibatches: int = 2
    clip: float = 0.2
    entropy_coef: float = 0.05
    max_grad_norm: float = 1.0
    belief_lr: float = 1e-2
    belief_updates: int = 12
    belief_minibatch: int = 32
    contexts: int = 4
    kl_coef: float = 0.05
    discount: float = 0.95
    """of the returns of a trial, as in the paper"""
    gae_lambda: float = 0.95
    value_coef: float = 0.5
    value_scale: float = 5.0
    q_discount: float = 0.9
    """of PEARL's Q, within an episode"""
    updates: int = 40
    """of Q in an iteration"""
    temperature: float = 0.05
    context: int = 32
    samples: int = 48
    context_kl_coef: float = 0.005
    tau: float = 0.05
    test_tasks: int = 5
    """every goal"""
    test_trials: int = 50
    test_seed: int = 1000
    search_seeds: tuple[int, ...] = (100,)
    search_lrs: tuple[float, ...] = (2.5e-3, 5e-3, 1e-2)
    search_iterations: int = 25
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)

    @property
    def env_steps(self) -> int:
        """Environment steps of each training."""
        return self.iterations * self.meta_batch * self.trials * self.episodes * self.horizon


CHOSEN: dict[str, float] = {
    "given the goal": 0.01,
    "exact belief": 0.01,
    "VariBAD-like": 0.01,
    "PEARL-like": 0.01,
    "RL²": 0.01,
}


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
    """Learners after training side by side."""

    method: RL2 | PEARL
    parameters: Parameters
    """`[seed, ...]`"""
    history: History
    """entries are lists `[seed]`"""
    seconds: float
    """of the processor, of all of them together"""


def trained(
    method: str, seeds: Sequence[int], settings: Settings | None = None, description: str | None = None
) -> Trained:
    """Train one learner for each seed, side by side; the table's, with its settings and its seeds."""
    settings = settings or Settings()
    learner = _learner(method, settings, torch.Generator().manual_seed(seeds[0]))
    starts = [
        initial_parameters(_learner(method, settings, torch.Generator().manual_seed(seed)).agent) for seed in seeds
    ]
    generator, began = torch.Generator().manual_seed(seeds[0]), time.process_time()
    lr = settings.lrs[method]
    if isinstance(learner, PEARL):
        config = PEARLConfig(
            iterations=settings.iterations,
            meta_batch=settings.meta_batch,
            minibatch=settings.meta_batch,
            updates=settings.updates,
            context=settings.context,
            samples=settings.samples,
            outer_lr=lr,
            kl_coef=settings.context_kl_coef,
            tau=settings.tau,
        )
        meta, history = train_pearl_side_by_side(learner, starts, config, generator, description)
        return Trained(learner, meta, history, time.process_time() - began)
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
        entropy_coef=settings.entropy_coef,
        anneal_entropy=True,
        max_grad_norm=settings.max_grad_norm,
    )
    belief = BeliefConfig(
        belief_lr=settings.belief_lr,
        updates=settings.belief_updates,
        minibatch=settings.belief_minibatch,
        contexts=settings.contexts,
        kl_coef=settings.kl_coef,
    )
    learns = belief if method == "VariBAD-like" else None
    meta, history = train_side_by_side(learner, starts, ppo, generator, learns, description)
    return Trained(learner, meta, history, time.process_time() - began)


def _learner(method: str, settings: Settings, generator: torch.Generator) -> RL2 | PEARL:
    grid = GridNavi(settings.size, settings.horizon)
    family: TaskFamily = InformedTasks(grid) if method == "given the goal" else grid
    spaces = family.observation_space, family.action_space
    if method == "PEARL-like":
        agent = ContextAgent(
            *spaces,
            functools.partial(ProductEncoder, latent=settings.latent, hidden=(settings.hidden,)),
            hidden=(settings.layer, settings.layer),
            temperature=settings.temperature,
            generator=generator,
        )
        return PEARL(family, agent, settings.trials, settings.episodes, settings.q_discount)
    memories: dict[str, Callable[..., Any]] = {
        "given the goal": functools.partial(NoMemory, actions=5),
        "exact belief": functools.partial(GoalBelief, grid),
        "VariBAD-like": functools.partial(
            BeliefMemory,
            actions=5,
            encoder=functools.partial(RecurrentEncoder, latent=settings.latent, hidden=settings.hidden),
            of_arrival=True,
        ),
        "RL²": functools.partial(GRU, hidden=settings.hidden),
    }
    reader = MemoryAgent(*spaces, memories[method], (settings.layer,), generator)
    return RL2(family, reader, settings.trials, settings.episodes, settings.discount)


def every_goal(settings: Settings) -> Tasks:
    """The goals, in the order of the rows."""
    return {"goal": GridNavi(settings.size, settings.horizon).goals["train"]}


@functools.cache
def _rows(method: str, settings: Settings | None) -> Tensor:
    """Rows of all seeds, `[seed, goal, column]`; made once for each method."""
    settings = settings or Settings()
    learned = trained(method, settings.seeds, settings)
    returns = tested(learned, settings)
    seconds = returns.new_full((*returns.shape[:2], 1), learned.seconds / len(settings.seeds))
    return torch.cat([returns, seconds], -1)


def run(method: str, seed: int, settings: Settings | None = None) -> Tensor:
    """The row of one method and seed; all seeds are trained together, once."""
    return _rows(method, settings)[(settings or Settings()).seeds.index(seed)]


def tested(learned: Trained, settings: Settings | None = None) -> Tensor:
    """Mean return of each episode on every goal, `[seed, goal, episode]`; the draws are the same for all seeds."""
    settings = settings or Settings()
    seeds = len(next(iter(learned.parameters.values())))
    earned = []
    for seed in range(seeds):
        luck = torch.Generator().manual_seed(settings.test_seed)
        meta = select_parameters(learned.parameters, seed)
        earned.append(
            adaptation_curve(learned.method, meta, every_goal(settings), luck, trials=settings.test_trials).returns
        )
    return torch.stack(earned)


def searched(method: str, settings: Settings | None = None) -> dict[float, float]:
    """Mean return of a trial's four episodes for each of `search_lrs`, on goals of training; the best is in `CHOSEN`.

    For each a shorter training of `search_seeds`, which are not in the table, then a trial on each of 500 goals.
    """
    settings = settings or Settings()
    scores = {}
    for lr in settings.search_lrs:
        shorter = replace(settings, iterations=settings.search_iterations, lrs={**settings.lrs, method: lr})
        learned = trained(method, settings.search_seeds, shorter)
        tasks = learned.method.family.sample_tasks(500, torch.Generator().manual_seed(settings.search_seeds[0]))
        earned = []
        for seed in range(len(settings.search_seeds)):
            luck = torch.Generator().manual_seed(settings.search_seeds[0])
            meta = select_parameters(learned.parameters, seed)
            earned.append(adaptation_curve(learned.method, meta, tasks, luck, trials=1).returns.sum(1).mean())
        scores[lr] = float(torch.stack(earned).mean())
    return scores
