"""The recipe of chapter 12's table, at a small size: what it records, holds out, chooses and returns."""

import dataclasses

import pytest
import torch

from metarl_core.meta import FixedModel, LastLayerRLS, models
from metarl_core.planning import CEM, TrueDynamics, play
from metarl_core.recipes.changing_bodies import (
    METHODS,
    TRIED,
    Settings,
    curves,
    family_of,
    held_out,
    recorded,
    run,
    trained,
    tuned,
)

SMALL = Settings(
    horizon=24,
    train_tasks=4,
    validation_tasks=2,
    earliest=8,
    latest=16,
    hidden=(6,),
    memory=4,
    past=3,
    future=3,
    iterations=4,
    meta_batch=4,
    planner=CEM(horizon=3, iterations=2, candidates=6, elites=2),
    held_out_tasks=3,
)


def test_held_out_tasks_turn_the_force_round_half_way():
    for split in ("test", "ood"):
        tasks = held_out(split, SMALL)
        assert len(tasks["force"]) == 3 and tasks["change_at"].tolist() == [12, 12, 12]
        assert bool((tasks["force"] * tasks["after.force"] < 0).all())
    stamped = held_out("test", SMALL)["force"].view(torch.int32)
    assert bool((stamped & 1 == 1).all()), "of the test split"
    assert len(held_out("test")["force"]) == Settings().held_out_tasks


def test_episodes_of_two_kinds_from_training_tasks():
    data, validation = recorded(torch.Generator().manual_seed(0), SMALL)
    assert data.transitions.mask.shape == (8, 1, 24) and validation.transitions.mask.shape == (4, 1, 24)
    assert bool(((data.change_at >= 8) & (data.change_at <= 16)).all())
    assert float(data.transitions.actions.abs().max()) <= 1
    again, _ = recorded(torch.Generator().manual_seed(0), SMALL)
    assert torch.equal(again.transitions.observations, data.transitions.observations)
    windows = models.draw_windows(data, 3, 3, 200, torch.Generator().manual_seed(1))
    assert windows.query.mask.shape == (200, 3)


@pytest.mark.parametrize("method", METHODS)
def test_rows(method):
    row = run(method, 0, SMALL)
    assert row.shape == (1, 4 * 24) and bool(row.isfinite().all())
    rewards, errors = row[0, :24], row[0, 24:48]
    assert bool(((rewards >= 0) & (rewards <= 1)).all())
    assert bool((errors == 0).all()) == (method == "true dynamics")
    assert torch.equal(row, run(method, 0, SMALL)) and not torch.equal(row, run(method, 1, SMALL))


def test_rivals_rest_on_the_same_trained_model_and_all_start_alike():
    fixed, squares = trained("fixed model", 0, SMALL), trained("least squares", 0, SMALL)
    assert isinstance(fixed.method, FixedModel) and isinstance(squares.method, LastLayerRLS)
    assert squares.method.forgetting == SMALL.forgetting
    assert all(torch.equal(fixed.parameters[name], squares.parameters[name]) for name in fixed.parameters)
    still = dataclasses.replace(SMALL, inner_lr=0.0, iterations=0)
    grbal, plain = trained("GrBAL", 0, still), trained("fixed model", 0, still)
    assert all(torch.equal(grbal.parameters[name], plain.parameters[name]) for name in plain.parameters)


def test_settings_are_chosen_by_the_reward_after_the_change():
    """Each number is that of a training with the setting, played on tasks of the training split by hand."""
    family, tasks = family_of(SMALL), held_out("train", dataclasses.replace(SMALL, held_out_tasks=6))
    assert bool((tasks["force"].view(torch.int32) & 1 == 0).all()), "of the training split"
    for name in ("least squares", "GrBAL", "ReBAL"):
        rewards = tuned(name, 0, SMALL)
        assert len(rewards) == len(TRIED[name]) == 6
        chosen = dataclasses.replace(SMALL, **TRIED[name][-1])
        learned = trained(name, 0, chosen)
        generator = torch.Generator().manual_seed(SMALL.test_seed + 1)
        played = models.adaptation_curve(learned.method, learned.parameters, family, tasks, SMALL.planner, generator)
        assert rewards[-1] == pytest.approx(float(played.rewards[:, 12:].mean()))


def test_each_method_has_the_window_that_was_chosen_for_it():
    chosen = dataclasses.replace(SMALL, sgd_past=2, grbal_past=1, rebal_past=5, iterations=0)
    pasts = {name: trained(name, 0, chosen).method.past for name in METHODS if name != "true dynamics"}
    assert pasts == {
        "fixed model": 3, "online SGD": 2, "least squares": 3, "GrBAL, M = 16": 3, "GrBAL": 1, "ReBAL": 5,
    }  # fmt: skip
    assert trained("GrBAL, M = 16", 0, chosen).method.inner_lr == chosen.long_inner_lr
    assert all(set(fields) <= set(vars(chosen)) for some in TRIED.values() for fields in some)


def test_all_methods_begin_where_the_others_do():
    """Their first states and observations are the same, so that methods are compared in pairs."""
    family, tasks = family_of(SMALL), held_out("test", SMALL)
    learned = trained("fixed model", 0, SMALL)
    rewards, errors = curves("fixed model", learned, 0, "test", SMALL)
    assert rewards.shape == errors.shape == (3, 24)
    played = []
    for model in (TrueDynamics(family), models.Believer(learned.method, learned.parameters, family.observed_reward)):
        generator = torch.Generator().manual_seed(SMALL.test_seed + 1)
        played.append(play(family, tasks, model, SMALL.planner, 1, generator).trajectories)
    assert torch.equal(*(one.observations[:, :, 0] for one in played))
    torch.testing.assert_close(played[1].rewards[:, 0], rewards)
    truth, _ = curves("true dynamics", None, 0, "test", SMALL)
    torch.testing.assert_close(played[0].rewards[:, 0], truth)
