"""Chapter 10's probes: what an inner loop learns from, support sets with one part spoilt, and tasks that agree."""

import numpy as np
import pytest
import torch

from metarl_core.meta import QMAML, random_transitions
from metarl_core.randomness import seeded
from metarl_core.recipes import inner_targets, meta_dqn
from metarl_core.recipes.agreement import agreement, best_actions
from metarl_core.results import load_table
from metarl_core.tasks import PointNavigation, RotatedKeys


@pytest.fixture(scope="module")
def learners():
    settings, family = inner_targets.Settings(), RotatedKeys()
    network, start = meta_dqn.untrained(family, (0,), settings.recipe)
    tasks = family.sample_tasks(3, seeded(1))
    made = {name: inner_targets.learner(name, family, network, settings) for name in inner_targets.METHODS}
    return made, made["rewards alone"].initial(start), random_transitions(family, tasks, 50, 2)


def test_rewards_alone_inside_adapts_as_with_no_discount_and_is_judged_with_one(learners):
    made, meta, support = learners
    inside, alone, both = (made[name] for name in ("rewards alone inside", "rewards alone", "rewards and values"))
    for name, value in inside.adapt_to_support(meta, support).items():
        torch.testing.assert_close(value, alone.adapt_to_support(meta, support)[name], rtol=0, atol=0)
        assert not torch.equal(value, both.adapt_to_support(meta, support)[name])
    assert inside.discount == both.discount == 0.95 and alone.discount == 0
    query = [support] * 3
    judged = {name: one.outer_loss(meta, meta, query, support) for name, one in made.items()}
    assert not torch.allclose(judged["rewards alone inside"], judged["rewards alone"])
    assert isinstance(inside, QMAML)


def test_with_rewards_alone_it_does_not_matter_where_moves_led(learners):
    made, meta, support = learners
    spoilt = inner_targets.shuffled(support, inner_targets.SHUFFLED["next observations shuffled"], 0)
    assert not torch.equal(spoilt.next_observations, support.next_observations)
    for name, same in (("rewards alone", True), ("rewards alone inside", True), ("rewards and values", False)):
        own, other = (made[name].adapt_to_support(meta, each)["weight0"] for each in (support, spoilt))
        assert torch.equal(own, other) is same


def test_shuffling_moves_whole_columns_and_loses_nothing(learners):
    *_, support = learners
    spoilt = inner_targets.shuffled(support, ("next_observations", "terminated"), 3)
    assert torch.equal(spoilt.rewards, support.rewards) and torch.equal(spoilt.actions, support.actions)
    ends = spoilt.next_observations[:, :, None] == support.next_observations[:, None]
    where = ends.all(-1).double().argmax(-1)
    assert torch.equal(spoilt.terminated, support.terminated.gather(1, where)), "both from the same transition"
    assert torch.equal(spoilt.rewards.sort().values, support.rewards.sort().values)


def test_rows_have_the_columns_that_they_name():
    table = load_table("inner_targets")
    for method in inner_targets.METHODS:
        scores = table.scores(method)
        assert scores.shape == (5, 40, len(inner_targets.columns())) and np.isfinite(scores).all()
    alone = table.scores("rewards alone")
    own, moved = (inner_targets.columns().index(name) for name in ("50 own moves", "next observations shuffled"))
    assert np.array_equal(alone[..., own], alone[..., moved])


def test_turned_keyboards_agree_in_one_of_eight_states_and_equal_ones_always():
    family = RotatedKeys()
    assert agreement(family, 400, seeded(0)) == pytest.approx(1 / 8, abs=0.02)
    same = {"angle": torch.full((4,), 0.3), "order": torch.ones(4)}
    actions = best_actions(family, same, seeded(0))
    assert (actions == actions[0]).all()


def test_a_hidden_sign_makes_tasks_disagree_half_of_the_time_and_physics_alone_seldom():
    shares = {name: agreement(meta_dqn.family_of(name), 100, seeded(1)) for name in ("sign", "physics", "dense")}
    assert shares["sign"] == pytest.approx(0.5, abs=0.05) and shares["physics"] > 0.85
    assert 0.25 < shares["dense"] < 0.8


def test_a_family_without_known_best_actions_is_refused():
    with pytest.raises(ValueError, match=r"^family must be RotatedKeys, CartPole or GridGoals, got PointNavigation\.$"):
        agreement(PointNavigation(), 3, seeded(0))
