"""In-context learning by supervision against the exact posterior over the best arm."""

import dataclasses
import functools
import itertools

import numpy as np
import pytest
import torch

from metarl_core.exact import arm_counts, best_arm_probabilities
from metarl_core.meta import memory
from metarl_core.meta.memory import InContext, InContextConfig, MemoryAgent
from metarl_core.networks import GRU
from metarl_core.parameters import initial_parameters, leaf_parameters
from metarl_core.tasks import BernoulliBandits, GridNavi


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def setting(family, hidden=16, **options):
    make = functools.partial(GRU, hidden=hidden)
    agent = MemoryAgent(family.observation_space, family.action_space, make, generator=seeded())
    return InContext(family, agent, **options), initial_parameters(agent)


def test_counts_before_each_pull_by_hand():
    arms, rewards = np.array([[0, 2, 0, 1]]), np.array([[1, 0, 0, 1]])
    won, lost = arm_counts(arms, rewards, 3)
    assert won.tolist() == [[[0, 0, 0], [1, 0, 0], [1, 0, 0], [1, 0, 0]]]
    assert lost.tolist() == [[[0, 0, 0], [0, 0, 0], [0, 0, 1], [1, 0, 1]]]


@pytest.mark.parametrize("uniform", [False, True])
def test_targets_are_what_the_informed_would_do(uniform):
    method, parameters = setting(GridNavi(), uniform=uniform, trials=3, episodes=2)
    tasks = method.family.sample_tasks(4, seeded())
    trials = method.play(parameters, tasks, seeded(1))
    targets = method.targets(trials, tasks)
    for task, trial, time in itertools.product(range(4), range(3), range(0, 30, 4)):
        cell, goal = trials.observations[task, trial, time], tasks["goal"][task]
        assert targets[task, trial, time] == method.family.optimal_action(cell, {"goal": goal})


def test_uniform_play_is_uniform_and_is_noted_as_the_agent_would_see_it():
    method, parameters = setting(BernoulliBandits(4, 50), uniform=True, trials=8)
    tasks = method.family.sample_tasks(40, seeded())
    trials = method.play(parameters, tasks, seeded(1))
    share = trials.actions.flatten().bincount(minlength=4) / trials.actions.numel()
    assert (share - 0.25).abs().max() < 0.02
    acted = torch.nn.functional.one_hot(trials.actions[:, :, :-1], 4)
    assert torch.equal(trials.inputs[:, :, 1:, 1:5], acted.float())
    assert torch.equal(trials.inputs[:, :, 1:, 5], trials.rewards[:, :, :-1])


def test_the_loss_by_hand_and_nothing_from_the_value_function():
    method, parameters = setting(BernoulliBandits(3, 5), trials=2)
    tasks = method.family.sample_tasks(4, seeded())
    trials = method.play(parameters, tasks, seeded(1))
    targets, leaves = method.targets(trials, tasks), leaf_parameters(parameters)
    loss = memory.in_context_loss(method, leaves, trials, targets)
    chances = method.agent.distribution(parameters, method.agent.read(parameters, trials.inputs)).probs
    assert torch.allclose(loss, -chances.gather(-1, targets[..., None]).log().mean())
    loss.backward()
    assert all((value.grad is None) == name.startswith("value_network") for name, value in leaves.items())
    unseen = dataclasses.replace(trials, mask=trials.mask & (torch.arange(5) < 3))
    changed = targets.clone()
    changed[..., 3:] = (changed[..., 3:] + 1) % 3
    same = [memory.in_context_loss(method, parameters, unseen, t) for t in (targets, changed)]
    assert torch.equal(*same)


@pytest.mark.slow
def test_it_comes_close_to_the_exact_posterior():
    """KL(exact ‖ learned) at each of ten pulls, along its own play on held-out bandits."""
    method, parameters = setting(BernoulliBandits(3, 10), hidden=32)
    config = InContextConfig(iterations=250, meta_batch=64, outer_lr=5e-3)
    meta, history = memory.train_in_context(method, method.initial(parameters), config, seeded(), description=None)
    assert history["loss"][-1] < history["loss"][0] - 0.1
    trials = method.play(meta, method.family.sample_tasks(500, seeded(5), "test"), seeded(6), trials=1)
    exact = best_arm_probabilities(*arm_counts(trials.actions.numpy(), trials.rewards.numpy(), 3))
    learned = method.agent.distribution(meta, method.agent.read(meta, trials.inputs)).probs.numpy()
    divergence = (exact * np.log(exact / learned)).sum(-1).mean((0, 1))
    prior = (exact * np.log(exact * 3)).sum(-1).mean((0, 1))  # of what never learns
    assert divergence.max() < 0.06 and prior[-1] > 0.3
