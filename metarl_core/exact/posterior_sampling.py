"""Posterior sampling for tabular MDPs: Thompson's idea, one model of the world for each episode."""

import numpy as np
import torch
from torch import Tensor

from metarl_core.arguments import check_count, check_generator, check_shape, check_type
from metarl_core.exact.dynamic_programming import backward_induction
from metarl_core.tasks.family import Tasks, expand_tasks
from metarl_core.tasks.tabular import REWARD_STD, TabularMDPs

PRIOR_MEAN = 1.0
PRIOR_STD = 1.0


def psrl(family: TabularMDPs, tasks: Tasks, episodes: int, generator: torch.Generator) -> Tensor:
    """What posterior sampling earns in each episode, `[task, episode]` (Strens 2000; Osband et al. 2013).

    Before each episode a model is drawn from the posterior and solved by backward induction; the episode is played by
    its optimal policy. The prior is p(T) of the training and test splits: transitions from a flat Dirichlet, mean
    rewards from Normal(1, 1), and rewards with Normal(0, 1) noise.

    Counted are the means of the rewards given states and actions; the posterior sees the rewards that were drawn.

    Args:
        tasks: `[task, ...]`.
        episodes: of `family.horizon` steps each, at least 1.
        generator: source of all randomness.

    Raises:
        ValueError: for another family, malformed tasks, or fewer than one episode.
    """
    check_type("family", family, TabularMDPs)
    number = family.check_tasks(tasks)
    check_count("episodes", episodes)
    check_generator(generator)
    params = expand_tasks(tasks, 1)
    means = params["reward_means"][:, 0]
    visits = torch.zeros(
        (number, family.states, family.actions, family.states), dtype=torch.float64, device=means.device
    )
    totals = torch.zeros(visits.shape[:-1], dtype=torch.float64, device=means.device)
    seed = int(torch.randint(2**31 - 1, (1,), generator=generator, device=generator.device))
    rng = np.random.default_rng(seed)
    task, earned = torch.arange(number, device=means.device), means.new_zeros((number, episodes))
    for episode in range(episodes):
        _, actions = backward_induction(*posterior_draw(visits, totals, rng), family.horizon)
        state = family.initial(generator, params)
        for time in range(family.horizon):
            here = family.observation(state, generator, params)[:, 0]
            action = actions[time][task, here]
            following = family.transition(state, action[:, None], generator, params)
            reward = family.reward(state, action[:, None], following, generator, params)[:, 0]
            there = family.observation(following, generator, params)[:, 0]
            visits[task, here, action, there] += 1
            totals[task, here, action] += reward.double()
            earned[:, episode] += means[task, here, action]
            state = following
    return earned


def posterior_draw(visits: Tensor, totals: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Transitions and mean rewards drawn from the posterior.

    Args:
        visits: how often each transition was seen, `[..., S, A, S]`.
        totals: sum of the rewards of each state and action, `[..., S, A]`.
        rng: source of randomness.

    Returns:
        Transitions `[..., S, A, S]`, from Dirichlet(1 + visits), and mean rewards `[..., S, A]`, from
        Normal((1 + totals) / (1 + n), 1 / (1 + n)) with n the visits of state and action.

    Raises:
        ValueError: for shapes that do not fit.
    """
    check_shape("totals", totals, *visits.shape[:-1])
    weights = rng.standard_gamma(1 + visits.cpu().numpy())
    transitions = torch.from_numpy(weights / weights.sum(-1, keepdims=True)).to(visits)
    precision = 1 / PRIOR_STD**2 + visits.sum(-1) / REWARD_STD**2
    mean = (PRIOR_MEAN / PRIOR_STD**2 + totals / REWARD_STD**2) / precision
    noise = torch.from_numpy(rng.standard_normal(totals.shape)).to(totals)
    return transitions, mean + noise / precision.sqrt()
