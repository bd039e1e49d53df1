"""MAML for policies: adaptation curves, step sizes, and a small meta-training that must get better."""

import pytest
import torch

from metarl_core.agents import GaussianPolicy
from metarl_core.meta import MamlConfig, adaptation_curve, choose_inner_lr, train_maml
from metarl_core.parameters import initial_parameters, repeat_parameters, stack_parameters
from metarl_core.tasks import PointNavigation, rollout, select_tasks


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def setting(horizon=20):
    family = PointNavigation(horizon=horizon)
    policy = GaussianPolicy(
        family.observation_space, family.action_space, hidden=(32,), generator=seeded(), initial_std=0.7
    )
    return family, policy, initial_parameters(policy)


def test_adaptation_curve_shapes_and_meaning():
    family, policy, parameters = setting()
    tasks = family.sample_tasks(5, seeded(), "test")
    before = {name: value.clone() for name, value in parameters.items()}
    returns, visited, collected = adaptation_curve(
        family, tasks, policy, parameters, [0.3, 0.1], 2, seeded(1), episodes=8
    )
    assert returns.shape == (5, 3) and len(visited) == len(collected) == 3
    for step in range(3):
        assert torch.equal(returns[:, step], collected[step].returns.mean(1)) and collected[step].rewards.shape == (
            5,
            8,
            20,
        )
        assert all(value.shape == (5, *parameters[name].shape) for name, value in visited[step].items())
        assert not any(value.requires_grad for value in visited[step].values())
    for name, value in parameters.items():
        assert torch.equal(value, before[name]) and torch.equal(visited[0][name][3], value)
    assert not torch.equal(visited[1]["mean.weight0"][0], visited[1]["mean.weight0"][1])
    again, _, _ = adaptation_curve(family, tasks, policy, parameters, [0.3, 0.1], 2, seeded(1), episodes=8)
    assert torch.equal(again, returns)


def test_adaptation_curve_of_no_steps_and_of_rate_zero():
    family, policy, parameters = setting()
    tasks = family.sample_tasks(3, seeded())
    returns, visited, _ = adaptation_curve(family, tasks, policy, parameters, 0.5, 0, seeded(1), episodes=4)
    assert returns.shape == (3, 1)
    expected = rollout(family, tasks, policy, repeat_parameters(parameters, 3), 4, seeded(1)).returns.mean(1)
    assert torch.equal(returns[:, 0], expected)
    _, visited, _ = adaptation_curve(family, tasks, policy, parameters, 0.0, 2, seeded(1), episodes=4)
    assert all(torch.equal(visited[2][name], visited[0][name]) for name in parameters)


def test_adaptation_curve_from_many_starts():
    family, policy, parameters = setting()
    other = {name: value + 0.1 for name, value in parameters.items()}
    tasks = family.sample_tasks(2, seeded())
    both, visited, _ = adaptation_curve(
        family, tasks, policy, stack_parameters([parameters, other]), 0.3, 1, seeded(1), episodes=4
    )
    assert torch.equal(visited[0]["log_std"][1], other["log_std"])
    shared, _, _ = adaptation_curve(family, tasks, policy, parameters, 0.3, 1, seeded(1), episodes=4)
    torch.testing.assert_close(both[0], shared[0])


def test_tasks_adapt_alone():
    """What a task's step becomes depends on its own episodes only: the same trajectories in other company."""
    from metarl_core.agents import policy_advantages
    from metarl_core.meta import adapt, surrogate_loss

    family, policy, parameters = setting()
    tasks = family.sample_tasks(4, seeded())
    trajectories = rollout(family, tasks, policy, parameters, 6, seeded(1))

    def adapted(order):
        part = trajectories.select(order)
        advantage = policy_advantages(policy, part, 0.99)
        start = {name: value.requires_grad_() for name, value in repeat_parameters(parameters, len(order)).items()}
        return adapt(start, lambda p: surrogate_loss(policy, p, part, advantage), 0.5, create_graph=False)

    everything = adapted([0, 1, 2, 3])
    for order in ([2], [3, 0], [1, 2, 0, 3]):
        for name, value in adapted(order).items():
            torch.testing.assert_close(value, everything[name][order], rtol=1e-4, atol=1e-6)


def test_adaptation_curve_refuses():
    family, policy, parameters = setting()
    tasks = family.sample_tasks(2, seeded())
    with pytest.raises(ValueError, match="one number or 2 numbers, got 3"):
        adaptation_curve(family, tasks, policy, parameters, [0.1, 0.1, 0.1], 2, seeded())
    with pytest.raises(ValueError, match="zero"):
        adaptation_curve(family, {"goal": tasks["goal"][:0]}, policy, parameters, 0.1, 1, seeded())
    with pytest.raises(ValueError, match="episodes"):
        adaptation_curve(family, tasks, policy, parameters, 0.1, 1, seeded(), episodes=0)
    with pytest.raises(ValueError, match="NaN"):
        adaptation_curve(family, tasks, policy, parameters, float("nan"), 1, seeded())


def test_choose_inner_lr():
    family, policy, parameters = setting()
    tasks = family.sample_tasks(6, seeded())
    chosen = choose_inner_lr(family, tasks, policy, parameters, [0.0, 0.3, 1e30], 1, seeded(1), episodes=10)
    assert chosen == 0.3


def small_training(iterations, seed, family, policy, parameters):
    config = MamlConfig(iterations=iterations, meta_batch=10, episodes=10, outer_lr=1e-2)
    return train_maml(family, policy, parameters, config, seeded(seed))


def test_meta_training_improves():
    family, policy, parameters = setting()
    tasks = family.sample_tasks(20, seeded(9), "test")
    meta, history = small_training(40, 1, family, policy, parameters)
    before, after = (
        adaptation_curve(family, tasks, policy, start, 0.5, 1, seeded(2))[0][:, 1].mean()
        for start in (parameters, meta)
    )
    assert float(after) > float(before) + 1.5
    assert sum(history["after"][-5:]) / 5 > sum(history["after"][:5]) / 5 + 1
    assert {len(values) for values in history.values()} == {40}
    assert history["steps"][-1] <= 40 * 2 * 10 * 10 * 20
    assert torch.equal(parameters["mean.weight0"], initial_parameters(policy)["mean.weight0"])


def test_meta_training_is_reproducible():
    family, policy, parameters = setting()
    runs = [small_training(3, seed, family, policy, parameters) for seed in (5, 5, 6)]
    assert runs[0][1] == runs[1][1] != runs[2][1]
    for name, value in runs[0][0].items():
        assert torch.equal(value, runs[1][0][name]) and not value.requires_grad
        assert not torch.equal(value, parameters[name])


def test_interrupted_meta_training_returns_what_was_reached(monkeypatch):
    family, policy, parameters = setting()
    draw, calls = family.draw_tasks, []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return draw(*arguments)

    monkeypatch.setattr(family, "draw_tasks", interrupted)
    meta, history = small_training(50, 1, family, policy, parameters)
    assert {len(values) for values in history.values()} == {3}
    assert not torch.equal(meta["mean.weight0"], parameters["mean.weight0"])


def test_training_tasks_are_training_tasks(monkeypatch):
    family, policy, parameters = setting()
    splits = []
    draw = family.draw_tasks
    monkeypatch.setattr(family, "draw_tasks", lambda n, rng, split: splits.append(split) or draw(n, rng, split))
    small_training(2, 1, family, policy, parameters)
    assert set(splits) == {"train"}
    assert select_tasks(family.sample_tasks(3, seeded()), 1)["goal"].shape == (1, 2)
