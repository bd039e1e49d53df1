"""Chapter 01's comparison with equal updates: a training has the budget that its name says, and rows are read back."""

import dataclasses

import numpy as np
import pytest
import torch

from metarl_core.meta import policies
from metarl_core.recipes import equal_updates, point_navigation
from metarl_core.results import load_table
from metarl_core.tasks import PointNavigation


@pytest.mark.parametrize("method", equal_updates.METHODS)
def test_updates_and_episodes_counted_in_a_part_of_a_training(method, monkeypatch):
    full, updates, episodes = equal_updates.training(method, 0.01), [], []
    parts = 60 if method in equal_updates.MAML else full.pretraining.iterations // 2
    part = dataclasses.replace(
        full,
        maml=dataclasses.replace(full.maml, iterations=full.maml.iterations // parts),
        pretraining=dataclasses.replace(full.pretraining, iterations=full.pretraining.iterations // parts),
    )
    step, initial = torch.optim.Adam.step, PointNavigation.initial

    def counted_step(adam, *args, **options):
        updates.append(adam.param_groups[0]["lr"])
        return step(adam, *args, **options)

    def counted_initial(family, rng, params):
        episodes.append(params["goal"][..., 0].numel())
        return initial(family, rng, params)

    monkeypatch.setattr(torch.optim.Adam, "step", counted_step)
    monkeypatch.setattr(PointNavigation, "initial", counted_initial)
    point_navigation.trained(method.split(",")[0], 0, part)
    assert len(updates) * parts == int(method.split()[1]), "the updates of its name"
    assert sum(episodes) * parts == 48_000
    assert updates[0] == 0.01
    if method in equal_updates.PRETRAINING:
        assert updates[1] == pytest.approx(0.01 * (1 - 1 / full.pretraining.iterations)), "on its way to zero"


def test_one_step_of_each_size_is_the_step_of_adaptation():
    learned = point_navigation.trained("random initialisation", 0)
    goals = PointNavigation().sample_tasks(3, torch.Generator().manual_seed(1))

    def step(inner_lr, generator):
        return policies.adaptation_curve(
            learned.learner, learned.parameters, goals, generator, steps=1, inner_lr=inner_lr
        ).parameters[1]

    sizes, generator = (0.0, 0.5, 2.0), torch.Generator().manual_seed(2)
    returns, env_steps = equal_updates.after_one_step(learned, goals, sizes, torch.Generator().manual_seed(2))
    assert returns.shape == (3, 3) and 0 < env_steps <= 4 * 3 * 20 * 100
    step(1.0, generator)
    same = int(torch.randint(2**31 - 1, (1,), generator=generator))
    for column, inner_lr in enumerate(sizes):
        moved, again = step(inner_lr, torch.Generator().manual_seed(2)), torch.Generator().manual_seed(same)
        after = policies.adaptation_curve(learned.learner, moved, goals, again, steps=0).returns[:, 0]
        torch.testing.assert_close(returns[:, column], after, atol=0.05, rtol=0)


def test_columns_are_read_apart():
    settings = equal_updates.Settings()
    width = 2 * (settings.steps + 1) + len(settings.inner_lrs) + 4
    scores = np.arange(2 * 3 * width, dtype=float).reshape(2, 3, width)
    scores[..., -4:] = scores[:, :1, -4:]  # the same for every goal
    row = equal_updates.read(scores)
    assert row.returns.shape == row.steps.shape == (2, 3, settings.steps + 1)
    assert row.by_inner_lr.shape == (2, 3, len(settings.inner_lrs))
    np.testing.assert_array_equal(np.concatenate([row.returns, row.steps, row.by_inner_lr], -1), scores[..., :-4])
    np.testing.assert_array_equal(
        np.stack([row.adam_lr, row.inner_lr, row.training, row.search], -1), scores[:, 0, -4:]
    )


@pytest.mark.parametrize("method", load_table("equal_updates").rows)
def test_the_committed_rows_are_plausible(method):
    settings, row = equal_updates.Settings(), equal_updates.read(load_table("equal_updates").scores(method))
    assert set(row.adam_lr) <= set(settings.adam_lrs) and len(set(row.adam_lr)) == 1, "one rate for all seeds"
    assert set(row.inner_lr) <= set(settings.inner_lrs)
    assert (row.steps[..., 0] == 0).all() and (np.diff(row.steps) > 0).all()
    assert (np.abs(row.training - 4.5e6) < 0.4e6).all(), "48,000 episodes of at most 100 steps"
    place = np.searchsorted(settings.inner_lrs, row.inner_lr)
    again = row.by_inner_lr.mean(1)[np.arange(len(place)), place]
    assert np.abs(again - row.returns[..., 1].mean(1)).max() < 1.5, "the same step, with other noise"
