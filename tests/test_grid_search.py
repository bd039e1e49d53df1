"""Learners side by side give what one learner of the package gives; the recipe's rows are what it says."""

import dataclasses
import functools

import pytest
import torch

from metarl_core.meta import memory
from metarl_core.parameters import initial_parameters, select_parameters
from metarl_core.recipes import grid_search
from metarl_core.recipes.grid_learners import train_pearl_side_by_side, train_side_by_side
from metarl_core.tasks import GridNavi

FAMILY = GridNavi(3, horizon=4)
PPO = memory.TrainConfig(
    iterations=3, meta_batch=4, outer_lr=1e-2, epochs=2, minibatches=2, entropy_coef=0.1, anneal_entropy=True
)
BELIEF = memory.BeliefConfig(belief_lr=1e-2, updates=2, minibatch=6, contexts=3, kl_coef=0.2)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def believer(seed=0, of_arrival=True):
    encoder = functools.partial(memory.RecurrentEncoder, latent=2, hidden=6)
    make = functools.partial(memory.BeliefMemory, actions=5, encoder=encoder, decoder=(7,), of_arrival=of_arrival)
    agent = memory.MemoryAgent(FAMILY.observation_space, FAMILY.action_space, make, (8,), seeded(seed))
    return memory.RL2(FAMILY, agent, trials=3, episodes=2, discount=0.9)


def close(one, two):
    return all(torch.allclose(one[name], two[name], atol=1e-4) for name in one)


@pytest.mark.parametrize("of_arrival", [True, False])
def test_one_learner_with_a_belief_is_that_of_the_package(of_arrival):
    method = believer(of_arrival=of_arrival)
    start = initial_parameters(method.agent)
    theirs, history = memory.train_belief(method, start, PPO, BELIEF, seeded(1), description=None)
    mine, own = train_side_by_side(method, [start], PPO, seeded(1), BELIEF)
    assert close(theirs, select_parameters(mine, 0)) and not close(theirs, start)
    assert history["return"] == pytest.approx([value[0] for value in own["return"]], abs=1e-4)
    assert history["env_steps"] == own["env_steps"]


def test_one_rl2_is_that_of_the_package():
    agent = memory.MemoryAgent(FAMILY.observation_space, FAMILY.action_space, hidden=(8,), generator=seeded())
    method, start = memory.RL2(FAMILY, agent, trials=3, episodes=2, discount=0.9), initial_parameters(agent)
    theirs, _ = memory.train(method, start, PPO, seeded(1), description=None)
    mine, _ = train_side_by_side(method, [start], PPO, seeded(1))
    assert close(theirs, select_parameters(mine, 0)) and not close(theirs, start)


def test_one_pearl_is_that_of_the_package():
    encoder = functools.partial(memory.ProductEncoder, latent=2, hidden=(6,))
    agent = memory.ContextAgent(FAMILY.observation_space, FAMILY.action_space, encoder, (8,), generator=seeded())
    method, start = memory.PEARL(FAMILY, agent, trials=3, episodes=2), initial_parameters(agent)
    config = memory.PEARLConfig(iterations=4, meta_batch=3, updates=3, minibatch=5, context=4, samples=6, kept=2)
    theirs, _ = memory.train_pearl(method, start, config, seeded(1), description=None)
    mine, _ = train_pearl_side_by_side(method, [start], config, seeded(1))
    assert close(theirs, select_parameters(mine, 0)) and not close(theirs, start)


def test_seeds_side_by_side_do_not_touch_each_other():
    """A gradient step moves each by its own trials: with the same start and trials both are the same, else not."""
    method = believer()
    starts = [initial_parameters(believer(seed).agent) for seed in (0, 5)]
    meta, history = train_side_by_side(method, starts, PPO, seeded(1), BELIEF)
    assert len(history["return"][0]) == 2
    config = dataclasses.replace(PPO, iterations=1)
    alone, _ = train_side_by_side(method, starts[:1], config, seeded(1), BELIEF)
    assert not close(select_parameters(meta, 0), select_parameters(meta, 1))
    assert alone["policy.logits.weight0"].shape[0] == 1


@pytest.mark.slow
@pytest.mark.parametrize("method", grid_search.METHODS)
def test_rows_of_the_table(method):
    settings = grid_search.Settings(
        iterations=1, meta_batch=2, trials=2, updates=1, belief_updates=1, test_trials=2, seeds=(0, 3)
    )
    row = grid_search.run(method, 3, settings)
    assert row.shape == (settings.test_tasks, 5) and row.isfinite().all()
    assert row[:, :4].min() >= -0.1 * settings.horizon - 1e-6 and row[:, :4].max() <= settings.horizon
    assert settings.env_steps == 1 * 2 * 2 * settings.episodes * settings.horizon
