"""Learners of one batch that differ in step size, target network or loss learn as each would by itself."""

import dataclasses
import types

import pytest
import torch

from metarl_core.agents import dqn
from metarl_core.recipes.dqn_ingredients import cartpole_config
from metarl_core.recipes.dqn_learners import LearnersAdam, changed_learners, ends_of

GENERATOR = torch.Generator().manual_seed(0)


def test_a_step_size_for_each_learner_is_adam_with_that_step_size():
    factors = torch.tensor([0.3, 1.0, 3.0], dtype=torch.float64)
    start = torch.randn(3, 4, 2, generator=GENERATOR, dtype=torch.float64)
    together = start.clone().requires_grad_()
    alone = [part.clone().requires_grad_() for part in start]
    batch = LearnersAdam([together], 0.01, factors=factors)
    single = [torch.optim.Adam([part], lr=0.01 * float(f)) for part, f in zip(alone, factors, strict=True)]
    for _ in range(20):
        for optimiser, value in ((batch, together), *zip(single, alone, strict=True)):
            optimiser.zero_grad()
            (value**4 - value).sum().backward()
            optimiser.step()
    torch.testing.assert_close(together, torch.stack(alone), rtol=1e-12, atol=1e-14)


def test_target_rates_and_losses_of_each_learner_while_they_are_changed():
    taus, hubers = torch.tensor([0.1, 1.0]), torch.tensor([False, True])
    predicted = torch.tensor([[0.0, 3.0], [0.0, 3.0]])
    zeros = torch.zeros(2, 2)
    with changed_learners(taus, hubers):
        target, online = {"weight": torch.zeros(2, 3)}, {"weight": torch.ones(2, 3)}
        dqn.update_target(target, online, 1, cartpole_config())
        assert target["weight"].tolist() == [pytest.approx([0.1] * 3), [1.0] * 3]
        assert dqn.td_error_loss(predicted, zeros, False).tolist() == [4.5, 1.25]
    assert dqn.td_error_loss(predicted, zeros, False).tolist() == [4.5, 4.5]
    target = {"weight": torch.zeros(2, 3)}
    dqn.update_target(target, online, 1, dataclasses.replace(cartpole_config(), tau=0.5))
    assert target["weight"].tolist() == [[0.5] * 3] * 2


def test_an_episode_ends_at_the_limit_at_the_edge_or_by_the_pole():
    last = torch.tensor([[[0.0, 0, 0, 0], [2.5, 0, 0, 0], [0, 0, 0.3, 0], [-2.5, 0, -0.3, 0]], [[1.0, 9, 0.1, 9]] * 4])
    shares = ends_of(types.SimpleNamespace(final_observations=last))  # type: ignore[arg-type]
    assert shares.tolist() == [[0.25, 0.5, 0.25], [1.0, 0.0, 0.0]]
