"""How the rows of chapter 11's tables are made: their shapes, and what is counted in them."""

import numpy as np
import pytest
import torch

from metarl_core.recipes import memory_bandits


def test_a_row_of_bandits_holds_regrets_and_three_means():
    short = (memory_bandits.Phase(4, 1, 1e-2, 0.01), memory_bandits.Phase(10, 1, 1e-2, 0.01, True, "past", 0.5))
    settings = memory_bandits.Settings(
        phases={"10": short}, hidden=4, meta_batch=4, trials=2, minibatches=2, held_out_tasks=50
    )
    row = memory_bandits.run("10 pulls, 3 arms", 0, settings)
    assert row.shape == (1, 12) and (row[0, :10] > 0).all() and ((row[0, 10:] > 0) & (row[0, 10:] < 1)).all()
    assert torch.equal(row, memory_bandits.run("10 pulls, 3 arms", 0, settings))
    learned = memory_bandits.trained("10 pulls, 3 arms", 0, settings)
    assert [h["env_steps"][-1] for h in learned.histories] == [4 * 2 * 4, 2 * 2 * 10]


def test_total_rewards_are_what_the_best_arm_pays_minus_regrets():
    settings = memory_bandits.Settings(held_out_tasks=7)
    means = memory_bandits.held_out("10 pulls, 5 arms", settings)["means"].double().numpy()
    arms = np.arange(7) % 5  # one arm for all ten pulls of each bandit
    regret = means.max(1) - means[np.arange(7), arms]
    scores = np.concatenate([np.full(10, regret.mean()), [0.3, 0.4]])[None, None]
    found = memory_bandits.total_rewards("10 pulls, 5 arms", np.repeat(scores, 3, 0), settings)
    assert found == pytest.approx([10 * means[np.arange(7), arms].mean()] * 3, abs=1e-6)
