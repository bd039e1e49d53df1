"""The agents of the table of step sizes are those of `dqn_ingredients`; the reported seeds choose no step size."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from metarl_core.recipes import dqn_ingredients, dqn_learners
from metarl_core.recipes.dqn_step_sizes import COLUMNS, VARIANTS, Settings, own_step_size, trained

COMMON = replace(dqn_ingredients.Settings(), seeds=(0, 1), report_every=400, episodes=2)
COMMON = replace(COMMON, config=replace(COMMON.config, steps=1_200))


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_at_another_step_size_is_that_of_the_ingredients(variant):
    alone = dqn_ingredients.trained(variant, replace(COMMON, config=replace(COMMON.config, lr=3e-4)))[2]
    change = {variant: VARIANTS[variant] | {"lr": 3e-4}}
    together = dqn_learners.trained(dqn_learners.Settings(change, replace(COMMON, changes={})))
    torch.testing.assert_close(together[0, :, :, :3], alone, rtol=1e-3, atol=1e-3)


def test_the_reported_seeds_are_trained_at_the_step_size_that_others_chose():
    settings = Settings((1e-4, 3e-2), (7, 8), replace(COMMON, changes={}))
    result = trained({}, settings)
    lr = own_step_size(result[0, :, COLUMNS:], settings.step_sizes)
    again = dqn_ingredients.trained("full", replace(COMMON, config=replace(COMMON.config, lr=lr)))[2]
    torch.testing.assert_close(result[:, :, :3], again, rtol=1e-3, atol=1e-3)
    grid = {str(lr): {"lr": lr} for lr in settings.step_sizes}
    tuned = dqn_learners.trained(dqn_learners.Settings(grid, replace(COMMON, changes={}, seeds=(7, 8))))
    torch.testing.assert_close(result[:, :, COLUMNS:], tuned[..., 1].mean(1).T.expand(2, -1, -1))
    assert not torch.equal(result[0, :, COLUMNS], result[0, :, COLUMNS + 1]), "a step size makes a difference"


def test_the_last_quarter_of_the_tuning_seeds_chooses():
    better, worse = np.full(20, 100.0), np.full(20, 90.0)
    worse[:15] = 500.0
    assert own_step_size(np.stack([worse, better], -1), (1e-3, 3e-4)) == 3e-4
    better[19] -= 60.0  # 12 in the mean of five
    assert own_step_size(np.stack([worse, better], -1), (1e-3, 3e-4)) == 1e-3
