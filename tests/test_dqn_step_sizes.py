"""The table of step sizes trains the agents of `dqn_ingredients`, and chooses a step size without the reported seeds."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from metarl_core.recipes import dqn_ingredients, dqn_learners
from metarl_core.recipes.dqn_step_sizes import CHOICE, REPORTED, VARIANTS, own_step_size, settings


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_at_another_step_size_is_that_of_the_ingredients(variant):
    common = dqn_ingredients.Settings()
    config = replace(common.config, steps=1_200, lr=3e-4)
    short = replace(common, config=config, seeds=(0, 1), report_every=400, episodes=2)
    alone = dqn_ingredients.trained(variant, short)[2]
    same = replace(short, config=replace(config, lr=1e-3), changes={})
    together = dqn_learners.trained(dqn_learners.Settings({variant: VARIANTS[variant] | {"lr": 3e-4}}, same))
    torch.testing.assert_close(together[0, :, :, :3], alone, rtol=1e-3, atol=1e-3)


def test_no_seed_chooses_a_step_size_and_is_reported():
    assert not set(REPORTED) & set(CHOICE)
    assert settings().seeds == REPORTED + CHOICE


def test_the_reported_seeds_and_the_first_reports_have_no_part_in_the_choice():
    better, worse = np.full((8, 20), 100.0), np.full((8, 20), 90.0)
    worse[list(REPORTED)] = 500.0
    worse[:, :15] = 500.0
    assert own_step_size({1e-3: worse, 3e-4: better}) == 3e-4
    better[5, 19] -= 160.0  # one report of one seed: 10 in the mean of fifteen is 150
    assert own_step_size({1e-3: worse, 3e-4: better}) == 1e-3
