"""The enumerated world against the package's exact values, which do not list trajectories."""

import pytest
import torch

from metarl_core.exact import expected_return, policy_gradient
from metarl_core.recipes.small_world import (
    ACTIONS,
    LOGITS,
    STATES,
    TablePolicy,
    World,
    finite_differences,
    hessian_of,
    relative,
)


@pytest.mark.parametrize("horizon", [1, 3])
def test_return_gradient_and_values(horizon):
    world = World(horizon)
    assert float(world.chances(LOGITS).sum()) == pytest.approx(1)
    torch.testing.assert_close(world.expected_return(LOGITS), horizon * expected_return(LOGITS, horizon))
    gradient, _ = policy_gradient(LOGITS, horizon)
    torch.testing.assert_close(world.gradient(LOGITS).flatten(), horizon * gradient)
    first = world.values(LOGITS)[:, 0]
    by_state = torch.stack([first[world.states[:, 0] == s][0] for s in range(STATES)])
    torch.testing.assert_close(by_state.mean(), world.expected_return(LOGITS))


def test_derivatives_agree():
    world = World(2)
    found = hessian_of(world.expected_return)
    assert relative(finite_differences(world.gradient), found) < 1e-8
    slopes = finite_differences(world.expected_return)
    assert relative(slopes, world.gradient(LOGITS)) < 1e-8


def test_episodes_hold_what_was_recorded():
    world = World(2)
    index = torch.tensor([[0, 5], [7, 7]])
    episodes = world.episodes(LOGITS, index)
    parameters = {"logits": LOGITS.expand(2, STATES, ACTIONS)}
    log_pi = TablePolicy().log_probability(parameters, episodes.observations, episodes.actions)
    torch.testing.assert_close(log_pi, episodes.log_probabilities)
    torch.testing.assert_close(episodes.rewards.sum(-1), world.to_go()[index][..., 0])
