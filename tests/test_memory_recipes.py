"""How the rows of chapter 11's tables are made: their shapes, and what is counted in them."""

import dataclasses

import numpy as np
import pytest
import torch

from metarl_core.exact import backward_induction, optimal_return
from metarl_core.recipes import memory_attention, memory_bandits, memory_mdps
from metarl_core.tasks import TabularMDPs


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


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


def test_attention_takes_the_place_of_the_gru():
    first = memory_bandits.Phase(10, 1, 3e-3, 0.01)
    settings = memory_attention.Settings(
        phases={"10": (first,)}, hidden=4, heads=1, layers=1, meta_batch=4, trials=2, minibatches=2, held_out_tasks=50
    )
    learned = memory_attention.trained("10 pulls, 5 arms", 0, settings)
    assert learned.parameters["memory.qkv_weight0"].shape == (12, 4)
    assert memory_attention.run("10 pulls, 5 arms", 0, settings).shape == (1, 12)


def test_a_row_of_mdps_holds_totals_fractions_and_returns():
    phases = (memory_mdps.Phase(3, 1, 1, 5e-3, 0.5), memory_mdps.Phase(10, 2, 1, 5e-3, 0.9, last=True))
    settings = memory_mdps.Settings(phases=phases, hidden=4, meta_batch=4, trials=2, minibatches=2, held_out_tasks=20)
    row = memory_mdps.run(memory_mdps.METHODS[0], 0, settings)[0]
    assert row.shape == (30,)
    totals, fractions, returns = row[:2], row[2:4], row[5:]
    optimum = float(optimal_return(TabularMDPs(), memory_mdps.held_out(settings)).mean())
    for total, fraction, episodes in zip(totals, fractions, memory_mdps.EPISODES, strict=True):
        assert float(total) == pytest.approx(float(returns[:episodes].sum()), abs=1e-4)
        assert float(fraction) == pytest.approx(float(total) / (episodes * optimum), abs=1e-5)


def test_mean_rewards_are_those_of_state_and_action():
    family = TabularMDPs(4, 3, 5)
    tasks = family.sample_tasks(6, seeded())
    state = torch.stack([torch.randint(4, (6, 7), generator=seeded(1)).float(), torch.randn(6, 7)], -1)
    action = torch.randint(3, (6, 7), generator=seeded(2))
    expanded = {name: value[:, None].expand(6, 7, *value.shape[1:]) for name, value in tasks.items()}
    found = memory_mdps.mean_reward(state, action, expanded)
    for task in range(6):
        for trial in range(7):
            here = int(state[task, trial, 0]), int(action[task, trial])
            assert found[task, trial] == tasks["reward_means"][task][here]


def test_the_optimal_policy_earns_the_whole_fraction():
    family, settings = TabularMDPs(), dataclasses.replace(memory_mdps.Settings(), held_out_tasks=5)
    tasks = memory_mdps.held_out(settings)
    value, _ = backward_induction(tasks["transitions"].double(), tasks["reward_means"].double(), family.horizon)
    earned = value[:, :1].expand(5, 25)
    assert float(memory_mdps.fraction(earned, tasks, 10)) == pytest.approx(1, abs=1e-6)
    assert float(memory_mdps.fraction(earned / 2, tasks, 25)) == pytest.approx(0.5, abs=1e-6)


def test_a_phase_of_few_states_never_enters_the_others():
    tasks = memory_mdps.Reachable(3).sample_tasks(6, seeded())
    assert not tasks["transitions"][..., 3:].any() and tasks["transitions"][..., :3].all()
    assert torch.allclose(tasks["transitions"].sum(-1), torch.ones(6, 10, 5))
    full = memory_mdps.Reachable(10).sample_tasks(6, seeded())
    assert torch.allclose(full["transitions"], TabularMDPs().sample_tasks(6, seeded())["transitions"])
