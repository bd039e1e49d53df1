"""MAML for policies: adaptation curves, step sizes, and a small meta-training that must get better."""

import dataclasses

import pytest
import torch

from metarl_core.agents import GaussianPolicy
from metarl_core.meta import OuterPPO, PolicyMAML, policies
from metarl_core.parameters import initial_parameters, repeat_parameters, stack_parameters
from metarl_core.tasks import PointNavigation, rollout, select_tasks


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def setting(horizon=20):
    family = PointNavigation(horizon=horizon)
    policy = GaussianPolicy(
        family.observation_space, family.action_space, hidden=(32,), generator=seeded(), initial_std=0.7
    )
    method = PolicyMAML(family, policy, 0.5, episodes=10)
    return method, initial_parameters(policy)


def test_adaptation_curve_shapes_and_meaning():
    method, parameters = setting()
    tasks = method.family.sample_tasks(5, seeded(), "test")
    before = {name: value.clone() for name, value in parameters.items()}
    curve = policies.adaptation_curve(method, parameters, tasks, seeded(1), inner_lr=[0.3, 0.1], episodes=8)
    returns, visited, collected = curve
    assert returns is curve.returns and visited is curve.parameters and collected is curve.trajectories
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
    own = dataclasses.replace(method, inner_lr=(0.3, 0.1), inner_steps=2, episodes=8)
    assert torch.equal(policies.adaptation_curve(own, parameters, tasks, seeded(1)).returns, returns)


def test_adaptation_curve_of_no_steps_and_of_rate_zero():
    method, parameters = setting()
    tasks = method.family.sample_tasks(3, seeded())
    returns = policies.adaptation_curve(method, parameters, tasks, seeded(1), steps=0, episodes=4).returns
    assert returns.shape == (3, 1)
    expected = rollout(
        method.family, tasks, method.policy, repeat_parameters(parameters, 3), 4, seeded(1)
    ).returns.mean(1)
    assert torch.equal(returns[:, 0], expected)
    _, visited, _ = policies.adaptation_curve(method, parameters, tasks, seeded(1), steps=2, inner_lr=0.0)
    assert all(torch.equal(visited[2][name], visited[0][name]) for name in parameters)


def test_adaptation_curve_from_many_starts():
    method, parameters = setting()
    other = {name: value + 0.1 for name, value in parameters.items()}
    tasks = method.family.sample_tasks(2, seeded())
    both, visited, _ = policies.adaptation_curve(method, stack_parameters([parameters, other]), tasks, seeded(1))
    assert torch.equal(visited[0]["log_std"][1], other["log_std"])
    shared = policies.adaptation_curve(method, parameters, tasks, seeded(1)).returns
    torch.testing.assert_close(both[0], shared[0])


def test_tasks_adapt_alone():
    """What a task's step becomes depends on its own episodes only: the same trajectories in other company."""
    from metarl_core.agents import policy_advantages
    from metarl_core.meta import adapt, surrogate_loss

    method, parameters = setting()
    tasks = method.family.sample_tasks(4, seeded())
    policy = method.policy
    trajectories = rollout(method.family, tasks, policy, parameters, 6, seeded(1))

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
    method, parameters = setting()
    tasks = method.family.sample_tasks(2, seeded())
    with pytest.raises(ValueError, match="one for each of 2 steps, got 3"):
        policies.adaptation_curve(method, parameters, tasks, seeded(), steps=2, inner_lr=[0.1, 0.1, 0.1])
    with pytest.raises(ValueError, match="zero"):
        policies.adaptation_curve(method, parameters, {"goal": tasks["goal"][:0]}, seeded())
    with pytest.raises(ValueError, match="episodes"):
        policies.adaptation_curve(method, parameters, tasks, seeded(), episodes=0)
    with pytest.raises(ValueError, match="inner_lr must be at least 0, got nan"):
        policies.adaptation_curve(method, parameters, tasks, seeded(), inner_lr=float("nan"))
    with pytest.raises(ValueError, match="NaN"):
        policies.adaptation_curve(method, parameters, tasks, seeded(), inner_lr=1e30)


def test_choose_inner_lr():
    method, parameters = setting()
    tasks = method.family.sample_tasks(6, seeded())
    assert policies.choose_inner_lr(method, parameters, tasks, [0.0, 0.3, 1e30], 1, seeded(1)) == 0.3


def test_discount_and_episodes_are_those_of_the_method():
    """What the old calls took for 0.99 and 20 without saying so."""
    method, parameters = setting()
    tasks = method.family.sample_tasks(4, seeded())
    batch = dataclasses.replace(method, discount=0.2).collect(parameters, tasks, seeded(1))
    for other in (0.2, 0.99):
        curve = policies.adaptation_curve(dataclasses.replace(method, discount=other), parameters, tasks, seeded(1))
        assert curve.trajectories[0].rewards.shape[1] == 10
        same = torch.allclose(curve.parameters[1]["mean.weight0"], batch.query.parameters["mean.weight0"], atol=1e-5)
        assert same == (other == 0.2)

    seen = []

    class Recorded(PolicyMAML):
        def stages(self, start, tasks, generator, rates, episodes, loss):
            seen.append((self.discount, rates, episodes))
            return super().stages(start, tasks, generator, rates, episodes, loss)

    recorded = Recorded(method.family, method.policy, episodes=3, discount=0.2)
    policies.choose_inner_lr(recorded, parameters, tasks, [0.1, 0.2], 2, seeded(1))
    assert seen == [(0.2, [0.1, 0.1], 3), (0.2, [0.2, 0.2], 3)]


def small_training(iterations, seed, method, parameters):
    config = policies.TrainConfig(iterations=iterations, meta_batch=10)
    rule = OuterPPO(outer_lr=1e-2, epochs=2, minibatch=5)
    return policies.train(method, parameters, config, seeded(seed), rule=rule, description=None)


def test_meta_training_improves():
    method, parameters = setting()
    tasks = method.family.sample_tasks(20, seeded(9), "test")
    meta, history = small_training(40, 1, method, parameters)
    before, after = (
        policies.adaptation_curve(method, start, tasks, seeded(2)).returns[:, 1].mean() for start in (parameters, meta)
    )
    assert float(after) > float(before) + 1.5
    assert sum(history["return"][-5:]) / 5 > sum(history["return"][:5]) / 5 + 1
    assert {len(values) for values in history.values()} == {40}
    assert history["env_steps"][-1] <= 40 * 2 * 10 * 10 * 20
    assert torch.equal(parameters["mean.weight0"], initial_parameters(method.policy)["mean.weight0"])


def test_meta_training_is_reproducible():
    method, parameters = setting()
    runs = [small_training(3, seed, method, parameters) for seed in (5, 5, 6)]
    assert runs[0][1] == runs[1][1] != runs[2][1]
    for name, value in runs[0][0].items():
        assert torch.equal(value, runs[1][0][name]) and not value.requires_grad
        assert not torch.equal(value, parameters[name])


def test_training_tasks_are_training_tasks(monkeypatch):
    method, parameters = setting()
    splits = []
    draw = method.family.draw_tasks
    monkeypatch.setattr(method.family, "draw_tasks", lambda n, rng, split: splits.append(split) or draw(n, rng, split))
    small_training(2, 1, method, parameters)
    assert set(splits) == {"train"}
    assert select_tasks(method.family.sample_tasks(3, seeded()), 1)["goal"].shape == (1, 2)
