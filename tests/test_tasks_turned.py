"""Turned controls by hand, against complex numbers, and against search for the oracle."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from metarl_core.agents import OraclePolicy, UniformPolicy
from metarl_core.tasks import TurnedControls, rollout
from metarl_core.tasks.turned_controls import around_goal, turn


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def one(angle, mirror=1.0, dtype=torch.float64):
    return {"angle": torch.tensor([[angle]], dtype=dtype), "mirror": torch.tensor([[mirror]], dtype=dtype)}


def test_moves_by_hand():
    family, state = TurnedControls(), torch.tensor([[[0.5, -0.2]]], dtype=torch.float64)
    for action, angle, mirror, offset in [
        ((1.0, 0.0), 0.0, 1.0, (0.4, -0.2)),
        ((1.0, 0.0), math.pi / 2, 1.0, (0.5, -0.3)),
        ((0.0, 0.5), math.pi / 2, 1.0, (0.55, -0.2)),
        ((0.0, 0.5), math.pi / 2, -1.0, (0.45, -0.2)),
        ((0.0, 0.5), math.pi, 1.0, (0.5, -0.15)),
        ((3.0, 4.0), 0.0, 1.0, (0.44, -0.28)),  # shortened to a length of 1, its direction kept
    ]:
        following = family.transition(state, torch.tensor([[action]], dtype=torch.float64), None, one(angle, mirror))
        torch.testing.assert_close(following[0, 0], torch.tensor(offset, dtype=torch.float64))
    assert family.reward(None, None, torch.tensor([[[0.3, -0.4]]]), None, None).tolist() == [[pytest.approx(-0.5)]]
    assert not family.terminal(torch.zeros(1, 3, 2), None, None).any(), "nothing but the time ends an episode"


def test_turning_is_multiplying_by_a_complex_number():
    family = TurnedControls()
    for split, mirror in (("test", 1), ("ood", -1)):
        tasks = {name: value[None] for name, value in family.sample_tasks(50, seeded(), split).items()}
        vector = torch.randn((1, 50, 2), generator=seeded(1))
        numbers = torch.view_as_complex(vector)
        expected = (numbers if mirror == 1 else numbers.conj()) * torch.polar(torch.ones(1, 50), tasks["angle"])
        torch.testing.assert_close(torch.view_as_complex(turn(vector, tasks)), expected)
        torch.testing.assert_close(turn(turn(vector, tasks), tasks, back=True), vector)


def test_splits():
    """All angles in each split; train and test marked by a bit, mirrored controls out of distribution."""
    family = TurnedControls()
    for split, mirror in (("train", 1), ("test", 1), ("ood", -1)):
        tasks = family.sample_tasks(20_000, seeded(), split)
        assert bool((tasks["mirror"] == mirror).all())
        assert stats.kstest(tasks["angle"].numpy() / (2 * np.pi) + 0.5, "uniform").pvalue > 1e-4
        if split != "ood":
            assert bool((tasks["angle"].view(torch.int32) & 1 == (split == "test")).all())
    features = family.features(tasks)
    assert features.shape == (20_000, 3) and bool((features[:, 2] == -1).all())
    torch.testing.assert_close(torch.atan2(features[:, 1], features[:, 0]), tasks["angle"])


def test_first_offsets_fill_the_square():
    family = TurnedControls(half_width=0.3)
    tasks = family.sample_tasks(10, seeded())
    offsets = family.initial(seeded(1), {name: value[:, None].expand(-1, 2000) for name, value in tasks.items()})
    assert offsets.shape == (10, 2000, 2)
    for axis in range(2):
        assert stats.kstest(offsets[..., axis].flatten().numpy() / 0.6 + 0.5, "uniform").pvalue > 1e-4


def test_no_move_ends_closer_than_the_oracles():
    """One step, among 2,000 actions of every length and direction; the straight walk is optimal at every step."""
    family = TurnedControls()
    for split in ("test", "ood"):
        tasks = family.sample_tasks(20, seeded(), split, torch.float64)
        wide = {name: value[:, None].expand(-1, 2000) for name, value in tasks.items()}
        state = torch.rand((20, 1, 2), generator=seeded(1), dtype=torch.float64).mul(0.6).sub(0.3).expand(-1, 2000, -1)
        action = torch.randn((20, 2000, 2), generator=seeded(2), dtype=torch.float64)
        tried = family.reward(None, None, family.transition(state, action, None, wide), None, wide)
        best = family.transition(state, family.optimal_action(state, wide), None, wide)
        reached = family.reward(None, None, best, None, wide)
        assert bool((reached[:, 0] >= tried.max(1).values - 1e-9).all())
        assert bool((reached[:, 0] < tried.max(1).values + 0.02).all()), "nor is it beyond what moves can do"


def test_oracle_walks_straight_and_chance_does_not_arrive():
    family = TurnedControls()
    for split in ("train", "ood"):
        tasks = family.sample_tasks(20, seeded(), split)
        seen = rollout(family, tasks, OraclePolicy(family), tasks, 50, seeded(1))
        first = torch.linalg.vector_norm(seen.observations[:, :, 0], dim=-1)
        # Full steps of 0.1 until the goal, so the distances fall by 0.1 and then are nothing.
        left = (first[..., None] - 0.1 * torch.arange(1, 41)).clamp_min(0)
        torch.testing.assert_close(seen.rewards, -left, atol=2e-6, rtol=0)
        uniform = rollout(family, tasks, UniformPolicy(family.action_space), {}, 50, seeded(1))
        assert float(uniform.returns.mean()) < -20


def test_turning_world_and_policy_together_changes_nothing():
    """What a policy earns depends on the angle between what it means and what comes out, and not on directions."""
    family, actions = TurnedControls(), torch.randn((1, 1, 2), generator=seeded(), dtype=torch.float64)
    state = torch.randn((1, 1, 2), generator=seeded(1), dtype=torch.float64)
    quarter = one(math.pi / 2)
    for angle in (-3.0, 0.4, 2.0):
        plain = family.transition(state, actions, None, one(angle))
        turned = family.transition(turn(state, quarter), turn(actions, quarter), None, one(angle))
        torch.testing.assert_close(turned, turn(plain, quarter))


def test_walks_around_the_goal():
    family = TurnedControls()
    tasks = family.sample_tasks(3, seeded())
    seen = rollout(family, tasks, OraclePolicy(family), tasks, 4, seeded(1))
    positions = around_goal(seen)
    torch.testing.assert_close(positions.observations + seen.observations, torch.zeros(3, 4, 40, 2))
    torch.testing.assert_close(positions.final_observations, -seen.final_observations)
    assert positions.rewards is seen.rewards


def test_refuses():
    family = TurnedControls()
    with pytest.raises(ValueError, match="mirror.*1 or -1, got"):
        family.check_tasks({"angle": torch.tensor([0.1]), "mirror": torch.tensor([0.5])})
    with pytest.raises(ValueError, match="half_width must be above 0"):
        TurnedControls(half_width=0.0)
