"""Meta-learning through TD updates: meta-gradients against finite differences, Reptile, replay, and new tasks."""

import dataclasses
import functools
import os
import signal

import gymnasium
import numpy as np
import pytest
import torch
from torch import Tensor

from metarl_core.agents import DQN, DQNConfig, QNetwork, ReplayBuffer, Transitions, train_dqn
from metarl_core.meta import (
    QMAML,
    NewTaskConfig,
    PlainDQN,
    QReptile,
    fine_tune,
    first_reached,
    random_transitions,
    repeat_for_tasks,
    split_rates,
    task_sampler,
    td_loss,
    values,
)
from metarl_core.meta.values import adaptation as adaptation_module
from metarl_core.meta.values import replayed as replayed_module
from metarl_core.meta.values import reptile as reptile_module
from metarl_core.parameters import stack_parameters
from metarl_core.tasks import CartPole, GridGoals, GymnasiumTasks, InformedTasks, RotatedKeys, TabularMDPs
from metarl_core.training import History

FAMILY = CartPole()
RUNS, TASKS, ACTIONS = 2, 3, 2  # CartPole's two actions


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def transitions(samples=6, seed=0, learners=RUNS * TASKS):
    generator = seeded(seed)
    observations, following = torch.randn((2, learners, samples, 4), generator=generator)
    actions = torch.randint(ACTIONS, (learners, samples), generator=generator)
    rewards = torch.randn((learners, samples), generator=generator)
    ended = torch.rand(rewards.shape, generator=generator) < 0.3
    return Transitions(observations, actions, rewards, following, ended)


def networks(hidden=(5,), runs=RUNS):
    spaces = FAMILY.observation_space, FAMILY.action_space
    made = [QNetwork(*spaces, hidden, seeded(run)) for run in range(runs)]
    return made[0], stack_parameters([network.initial_parameters() for network in made])


# The meta-gradient


def q_values(weights, observations: Tensor) -> Tensor:
    """One network, written out: the oracle shares no code with the package."""
    weight0, bias0, weight1, bias1 = weights
    return (observations @ weight0.T + bias0).clamp_min(0) @ weight1.T + bias1


def one_target(batch, weights, frozen, config, learner) -> Tensor:
    following = batch.next_observations[learner]
    values = q_values(frozen, following)
    best = (q_values(weights, following) if config.double else values).argmax(1)
    going = 1.0 - batch.terminated[learner].double()
    return batch.rewards[learner] + config.discount * going * values[torch.arange(len(best)), best]


def one_error(batch, weights, target, config, learner) -> Tensor:
    values = q_values(weights, batch.observations[learner])
    error = values[torch.arange(len(target)), batch.actions[learner]] - target
    if not config.huber:
        return error.square().mean()
    return torch.where(error.abs() < 1, 0.5 * error.square(), error.abs() - 0.5).mean()


def inner_steps(theta, rates, support, learner, config, adapted_target=None):
    """θ after one step on each support batch, and the targets: those of a frozen copy of θ, or the given ones."""
    weights, used = [value.clone().requires_grad_() for value in theta], []
    for step, batch in enumerate(support):
        td_target = (
            one_target(batch, weights, theta, config, learner).detach()
            if adapted_target is None
            else adapted_target[step]
        )
        used.append(td_target)
        gradients = torch.autograd.grad(one_error(batch, weights, td_target, config, learner), weights)
        weights = [
            (value - rate * gradient).detach().requires_grad_()
            for value, rate, gradient in zip(weights, rates, gradients, strict=True)
        ]
    return weights, used


def with_fixed_targets(parts, target_parts, support, query, learner, config):
    """The outer loss of one task as a function of (θ, α), all targets frozen at the values that they have now."""
    adapted, adapted_target = inner_steps(*parts, support, learner, config)
    target, _ = inner_steps(*target_parts, support, learner, config)
    td_target = one_target(query, adapted, target, config, learner).detach()

    def value(theta, rates) -> float:
        weights, _ = inner_steps(theta, rates, support, learner, config, adapted_target)
        return float(one_error(query, weights, td_target, config, learner).detach())

    return value


def differences(value, parts, which, step=1e-6):
    """Central differences of `value(*parts)` with respect to every entry of the tensors in `parts[which]`."""
    gradients = []
    for index, tensor in enumerate(parts[which]):
        gradient = torch.zeros_like(tensor)
        for entry in range(tensor.numel()):
            sides = []
            for sign in (step, -step):
                moved = [list(part) for part in parts]
                moved[which][index] = tensor.clone()
                moved[which][index].view(-1)[entry] += sign
                sides.append(value(*moved))
            gradient.view(-1)[entry] = (sides[0] - sides[1]) / (2 * step)
        gradients.append(gradient)
    return gradients


def of_run(method, meta, run):
    """θ and α of one run, as lists."""
    start = method.start(meta)
    rates = split_rates(meta)[1] if method.learned_rates else dict.fromkeys(start, method.inner_lr)
    theta = [start[name][run].detach().contiguous() for name in start]
    alpha = [torch.as_tensor(rates[name]).expand_as(start[name])[run].detach().clone() for name in start]
    return theta, alpha


@pytest.mark.parametrize("learned_rates", [False, True])
@pytest.mark.parametrize("steps, huber, is_double", [(1, False, False), (3, False, True), (2, True, True)])
def test_meta_gradient_against_finite_differences(double, steps, huber, is_double, learned_rates):
    """Through K TD updates with frozen targets, in float64, for every parameter and step size of every run."""
    network, start = networks()
    method = QMAML(
        FAMILY,
        network,
        discount=0.9,
        huber=huber,
        double=is_double,
        inner_lr=0.2,
        inner_steps=steps,
        learned_rates=learned_rates,
    )
    meta = {name: value.requires_grad_() for name, value in method.initial(start).items()}
    target = {name: value.detach() * 0.9 for name, value in meta.items()}
    support, query = [transitions(seed=seed) for seed in range(steps)], transitions(seed=9)
    losses = method.outer_loss(meta, target, support, query)
    gradients = torch.autograd.grad(losses.sum(), list(meta.values()))
    gradients = dict(zip(meta, gradients, strict=True))
    for run in range(RUNS):
        parts, target_parts = of_run(method, meta, run), of_run(method, target, run)
        values = [
            with_fixed_targets(parts, target_parts, support, query, learner, method)
            for learner in range(run * TASKS, (run + 1) * TASKS)
        ]
        expected = [value(*parts) for value in values]
        torch.testing.assert_close(losses[run * TASKS : (run + 1) * TASKS].detach(), torch.tensor(expected))

        def total(theta, rates, values=values):
            return sum(value(theta, rates) for value in values)

        for prefix, which in (("", 0), ("rate.", 1))[: 1 + learned_rates]:
            for name, numeric in zip(method.start(meta), differences(total, parts, which), strict=True):
                torch.testing.assert_close(gradients[prefix + name][run], numeric, rtol=1e-5, atol=1e-7)


def test_first_order_is_the_gradient_at_the_adapted_parameters(double):
    network, start = networks()
    method = QMAML(FAMILY, network, discount=0.9, inner_lr=0.2, first_order=True)
    meta = {name: value.requires_grad_() for name, value in method.initial(start).items()}
    support, query = [transitions(seed=seed) for seed in range(3)], transitions(seed=9)
    losses = method.outer_loss(meta, start, support, query)
    gradients = torch.autograd.grad(losses.sum(), list(meta.values()))
    adapted = {name: value.detach().requires_grad_() for name, value in method.adapt(start, support).items()}
    adapted_target = method.adapt(start, support)
    own = torch.autograd.grad(
        td_loss(network, adapted_target, query, discount=0.9)(adapted).sum(), list(adapted.values())
    )
    for gradient, one in zip(gradients, own, strict=True):
        torch.testing.assert_close(gradient, one.reshape(RUNS, TASKS, *one.shape[1:]).sum(1))
    full = dataclasses.replace(method, first_order=False).outer_loss(meta, start, support, query)
    torch.testing.assert_close(full, losses)
    full = torch.autograd.grad(full.sum(), list(meta.values()))
    assert max(float((a - b).abs().max()) for a, b in zip(full, gradients, strict=True)) > 1e-3


def test_inner_step_is_tabular_td(double):
    """Without hidden layers and with one-hot states a step moves Q(s, a) alone, by 2αδ, and no next state's value."""
    family = TabularMDPs(3, 2)
    network = QNetwork(family.observation_space, family.action_space, hidden=())
    values = torch.tensor([[1.0, 2.0], [5.0, 3.0], [0.0, 7.0]])
    meta = {"weight0": values.T[None].contiguous(), "bias0": torch.zeros(1, 2)}
    column = lambda value: torch.tensor([[value]])  # noqa: E731
    batch = Transitions(column(0), column(1), column(0.5), column(2), column(False))
    method = QMAML(family, network, discount=0.5, double=False, inner_lr=0.1, inner_steps=2)
    adapted = method.adapt(meta, [batch, batch])
    expected, bias, error = values.clone(), torch.zeros(2), 0.0
    for _ in range(2):  # the target of the second step is that of the first: a frozen copy of θ
        error = 0.5 + 0.5 * 7.0 - (expected[0, 1] + bias[1])
        expected[0, 1] += 0.2 * error
        bias[1] += 0.2 * error
    torch.testing.assert_close(adapted["weight0"][0], expected.T)
    torch.testing.assert_close(adapted["bias0"][0], bias)


def test_runs_and_tasks_do_not_leak(double):
    """Another run's parameters and data change nothing; tasks of one run add up."""
    network, start = networks()
    method = QMAML(FAMILY, network, inner_lr=0.1)
    meta = {name: value.requires_grad_() for name, value in method.initial(start).items()}
    support, query = [transitions(seed=seed) for seed in range(3)], transitions(seed=9)
    losses = method.outer_loss(meta, start, support, query)
    for learner in range(RUNS * TASKS):
        gradients = torch.autograd.grad(losses[learner], list(meta.values()), retain_graph=True)
        run = learner // TASKS
        assert all(float(gradient[1 - run].abs().max()) == 0 for gradient in gradients)
        alone = {name: value[run : run + 1].detach() for name, value in meta.items()}
        own = [Transitions(*(value[learner : learner + 1] for value in batch)) for batch in (*support, query)]
        loss = method.outer_loss(alone, {name: value[run : run + 1] for name, value in start.items()}, own[:3], own[3])
        torch.testing.assert_close(loss[0], losses[learner].detach())


def test_refuses():
    network, start = networks()
    with pytest.raises(ValueError, match="inner_steps must be at least 1, got 0"):
        QMAML(FAMILY, network, inner_steps=0)
    with pytest.raises(ValueError, match="multiple of the number of runs 2, got 5"):
        QMAML(FAMILY, network).adapt(start, [transitions(learners=5)])


# Meta-training


KEYS = RotatedKeys(horizon=8)
SMALL = values.TrainConfig(iterations=3, meta_batch=3, support=12, collect=6, updates=2, batch_size=8, buffer_size=40)


def keys_setting(family=KEYS, tasks=3):
    made = [QNetwork(family.observation_space, family.action_space, (8,), seeded(run)) for run in range(RUNS)]
    start = stack_parameters([network.initial_parameters() for network in made])
    return made[0], start, family.sample_tasks(RUNS * tasks, seeded(5))


class Kept(ReplayBuffer):
    """Remembers each buffer that is made and all that is sampled."""

    made: list = []

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.sampled = []
        Kept.made.append(self)

    def sample(self, *arguments):
        self.sampled.append(super().sample(*arguments))
        return self.sampled[-1]

    def sample_run(self, *arguments):
        self.sampled.append(super().sample_run(*arguments))
        return self.sampled[-1]


def test_replay_never_mixes_tasks(monkeypatch):
    """In a family whose observations show the task, every transition that a learner sees is of its own task."""
    Kept.made = []
    for module in (replayed_module, adaptation_module):
        monkeypatch.setattr(module, "ReplayBuffer", Kept)
    family = InformedTasks(KEYS)
    network, start, tasks = keys_setting(family)
    method = QMAML(family, network, inner_lr=0.01)
    meta, _ = values.train(method, method.initial(start), SMALL, seeded(), tasks=tasks)
    config = NewTaskConfig(steps=60, learning_starts=20, batch_size=8, burst=2, checkpoints=(0, 20, 60), episodes=2)
    values.adaptation_curve(method, meta, tasks, config, seeded())
    shown = family.features(tasks)
    assert len(Kept.made) == 3 and all(len(buffer.sampled) > 3 for buffer in Kept.made)
    for buffer in Kept.made:
        for batch in buffer.sampled:
            for seen in (batch.observations, batch.next_observations):
                assert torch.equal(seen[..., 4:], shown[:, None].expand(*seen.shape[:2], 3))


def test_support_is_random_behaviour_and_query_is_the_adapted_policy(monkeypatch):
    """Exploration is 1 for the support buffer always; for the query buffer it falls, and acts by adapted parameters."""
    calls, real = [], replayed_module.collect

    def watched(sampler, buffer, steps, network, parameters, epsilon, generator):
        calls.append((id(buffer), steps, epsilon, {name: value.clone() for name, value in parameters.items()}))
        real(sampler, buffer, steps, network, parameters, epsilon, generator)

    monkeypatch.setattr(replayed_module, "collect", watched)
    network, start, tasks = keys_setting()
    method = QMAML(KEYS, network, inner_lr=0.05)
    config = values.TrainConfig(
        iterations=4, meta_batch=3, support=12, collect=6, updates=1, exploration=(0.8, 0.2, 0.5)
    )
    _, history = values.train(method, method.initial(start), config, seeded(), tasks=tasks)
    support, query = ([call for call in calls if call[0] == key] for key in dict.fromkeys(call[0] for call in calls))
    assert [call[1] for call in support] == [24, 6, 6, 6, 6] and all(call[2] == 1.0 for call in support)
    assert [call[2] for call in query] == pytest.approx([0.8, 0.5, 0.2, 0.2]) and all(call[1] == 6 for call in query)
    unadapted = repeat_for_tasks(start, 3)
    assert not torch.equal(query[0][3]["weight1"], unadapted["weight1"])
    assert history["iteration"] == [1, 2, 3, 4]
    for name in ("loss", "return", "grad_norm", "mean_q"):
        assert np.shape(history[name]) == (4, RUNS)
    taken = RUNS * 3 * (24 + 4 * 12)  # of all runs and tasks; steps that only reset are left out
    assert 0.7 * taken < history["env_steps"][-1] <= taken


def test_meta_training_is_reproducible_leaves_the_start_alone_and_survives_an_interrupt(monkeypatch):
    network, start, tasks = keys_setting()
    before = {name: value.clone() for name, value in start.items()}
    method = QMAML(KEYS, network, inner_lr=0.01, learned_rates=True)
    initial = method.initial(start)
    first, again = (values.train(method, initial, SMALL, seeded(3), tasks=tasks)[0] for _ in range(2))
    assert all(torch.equal(first[name], again[name]) for name in first) and set(first) == set(initial)
    assert all(torch.equal(start[name], before[name]) for name in start)
    assert not any(torch.equal(first[name], initial[name]) for name in first)

    def stopping(iteration, parameters, data):
        if iteration == 2:
            os.kill(os.getpid(), signal.SIGINT)

    partial, history = values.train(method, initial, SMALL, seeded(3), tasks=tasks, callback=stopping)
    assert len(history["loss"]) == 2 and history.interrupted and set(partial) == set(initial)


def test_callbacks_get_copies_and_the_query(monkeypatch):
    network, start, tasks = keys_setting()
    method, seen = QMAML(KEYS, network, inner_lr=0.01), []
    meta, _ = values.train(
        method, method.initial(start), SMALL, seeded(), tasks=tasks, callback=lambda *given: seen.append(given)
    )
    assert [iteration for iteration, _, _ in seen] == [1, 2, 3]
    assert all(torch.equal(seen[-1][1][name], meta[name]) for name in meta)
    assert not torch.equal(seen[0][1]["weight0"], meta["weight0"]), "a kept copy stays as it was"
    assert all(data.rewards.shape == (RUNS * 3, 8) for _, _, data in seen)


def test_tasks_are_drawn_by_the_generator_unless_given():
    network, start, _ = keys_setting()
    method = QMAML(KEYS, network, inner_lr=0.01)
    drawn, generator = values.train(method, method.initial(start), SMALL, seeded(4))[0], seeded(4)
    tasks = KEYS.sample_tasks(RUNS * 3, generator)
    given, _ = values.train(method, method.initial(start), SMALL, generator, tasks=tasks)
    assert all(torch.equal(drawn[name], given[name]) for name in drawn)


@pytest.mark.parametrize("anneal", [True, False])
def test_the_outer_step_falls_to_zero_unless_told_otherwise(anneal, monkeypatch):
    rates, real = [], torch.optim.Adam.step

    def watched(optimiser, *arguments):
        rates.append(optimiser.param_groups[0]["lr"])
        return real(optimiser, *arguments)

    monkeypatch.setattr(torch.optim.Adam, "step", watched)
    network, start, tasks = keys_setting()
    method = QMAML(KEYS, network, inner_lr=0.01)
    config = dataclasses.replace(SMALL, iterations=4, updates=1, outer_lr=0.02, anneal=anneal)
    values.train(method, method.initial(start), config, seeded(), tasks=tasks)
    assert rates == pytest.approx([0.02, 0.015, 0.01, 0.005] if anneal else [0.02] * 4)


# Checkpoints


def methods(kind):
    """A method and its settings on the small keyboard, four iterations."""
    network, start, _ = keys_setting()
    if kind == "QReptile":
        inner = DQNConfig(steps=40, learning_starts=10, batch_size=8)
        return QReptile(KEYS, network, inner), start, values.TrainConfig(iterations=4, meta_batch=2)
    method = QMAML(KEYS, network, inner_lr=0.02, learned_rates=True)
    return method, method.initial(start), dataclasses.replace(SMALL, iterations=4)


@pytest.mark.parametrize("kind", ["QMAML", "QReptile"])
def test_interrupted_and_resumed_is_uninterrupted(kind, tmp_path):
    """Bit for bit, in the middle of episodes: buffers, target network, optimiser, generators and environments go on."""
    method, meta, config = methods(kind)
    expected, whole = values.train(method, meta, config, seeded(3), seed=5, description=None)

    def stopping(iteration, parameters, data):
        if iteration in (1, 3):
            os.kill(os.getpid(), signal.SIGINT)

    parts = []
    for _ in range(3):
        found, history = values.train(
            method,
            meta,
            config,
            seeded(3),
            seed=5,
            description=None,
            callback=stopping if len(parts) < 2 else None,
            checkpoint=tmp_path / "training",
        )
        parts.append(history.iterations)
    assert parts == [1, 3, 4]
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    # NaN, the mean before the first episode's end, is not equal to itself.
    assert {name: str(values_) for name, values_ in history.items()} == {n: str(v) for n, v in whole.items()}


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    method, meta, config = methods("QMAML")
    file = tmp_path / "training"
    values.train(method, meta, config, seeded(3), description=None, checkpoint=file)
    for other in (dataclasses.replace(method, discount=0.5), dataclasses.replace(method, inner_steps=2)):
        with pytest.raises(ValueError, match="other settings"):
            values.train(other, meta, config, seeded(3), description=None, checkpoint=file)
    with pytest.raises(ValueError, match="training on the same tasks, got others, which differ in 'angle'"):
        values.train(method, meta, config, seeded(4), description=None, checkpoint=file)


@pytest.mark.in_turn(2)
def test_meta_training_learns():
    """On two keyboards that differ by half a turn: afterwards the inner steps alone tell them apart."""
    family = RotatedKeys(keys=4, horizon=12)
    network = QNetwork(family.observation_space, family.action_space, (32,), seeded())
    start = stack_parameters([network.initial_parameters()])
    tasks = {"angle": torch.tensor([0.1, 0.1 + np.pi] * 4), "order": torch.ones(8)}
    method = QMAML(family, network, discount=0.9, inner_lr=0.02, learned_rates=True)
    config = values.TrainConfig(iterations=60, meta_batch=8, support=30, outer_lr=3e-3, tau=0.01)
    meta, _ = values.train(method, method.initial(start), config, seeded(), tasks=tasks)
    new = NewTaskConfig(steps=30, learning_starts=30, checkpoints=(0, 30), episodes=30)
    returns, _ = values.adaptation_curve(method, meta, tasks, new, seeded(1))
    before, after = returns.mean(0).tolist()
    assert after > before + 4


# Reptile


def test_reptile_moves_to_the_mean_of_the_online_networks():
    """One iteration against DQN called by hand, with an online network that its target network lags behind."""
    network, start, _ = keys_setting()
    inner = DQNConfig(steps=80, learning_starts=10, batch_size=8, train_frequency=2, tau=0.001)
    method, seen = QReptile(KEYS, network, inner), []
    config = values.TrainConfig(iterations=2, meta_batch=3, outer_lr=0.6)
    moved, history = values.train(method, start, config, seeded(2), seed=7, callback=lambda *given: seen.append(given))
    generator, expected, taken = seeded(2), start, []
    for iteration in range(2):
        tasks = KEYS.sample_tasks(RUNS * 3, generator)
        sampler = task_sampler(KEYS, tasks, 7 + iteration)
        adapted, _ = train_dqn(network, repeat_for_tasks(expected, 3), sampler, inner, generator, description=None)
        means = {name: value.reshape(RUNS, 3, *value.shape[1:]).mean(1) for name, value in adapted.items()}
        rate = 0.6 * (1 - iteration / 2)
        expected = {name: (1 - rate) * value + rate * means[name] for name, value in expected.items()}
        taken.append(sampler.steps_taken)
    for name, value in expected.items():
        torch.testing.assert_close(moved[name], value)
    assert [number for number, _, _ in seen] == history["iteration"] == [1, 2]
    assert np.shape(history["return"]) == (2, RUNS)
    assert history["env_steps"] == np.cumsum(taken).tolist(), "of all runs and tasks"
    assert not torch.equal(moved["weight0"], start["weight0"])
    assert torch.equal(seen[-1][1]["weight0"], moved["weight0"])
    assert not torch.equal(seen[0][1]["weight0"], moved["weight0"])


def test_reptile_survives_an_interrupt(monkeypatch):
    network, start, _ = keys_setting()
    calls = []

    def stopping(*arguments, **named):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return train_dqn(*arguments, **named)

    monkeypatch.setattr(reptile_module, "train_dqn", stopping)
    method = QReptile(KEYS, network, DQNConfig(steps=30, learning_starts=10, batch_size=4))
    moved, history = values.train(method, start, values.TrainConfig(iterations=5, meta_batch=2), seeded())
    assert len(history["env_steps"]) == 2 and moved["weight0"].isfinite().all()


def test_reptile_does_not_move_towards_half_a_run(monkeypatch):
    """A second Ctrl-C breaks off the run of DQN that is going on."""
    network, start, _ = keys_setting()

    def broken_off(*arguments, **named):
        return train_dqn(*arguments, **named)[0], History(planned=2, iterations=1)

    monkeypatch.setattr(reptile_module, "train_dqn", broken_off)
    method = QReptile(KEYS, network, DQNConfig(steps=30, learning_starts=10, batch_size=4))
    moved, history = values.train(method, start, values.TrainConfig(iterations=5, meta_batch=2), seeded())
    assert history.iterations == 0 and all(torch.equal(moved[name], start[name]) for name in start)


def test_reptile_refuses_settings_of_replayed_transitions():
    network, start, _ = keys_setting()
    with pytest.raises(ValueError, match="has iterations, meta_batch, outer_lr, anneal, got also batch_size, tau"):
        values.train(QReptile(KEYS, network), start, values.TrainConfig(tau=0.1, batch_size=3), seeded())


# New tasks


def test_a_new_task_begins_with_random_behaviour_then_adapts_then_learns(monkeypatch):
    """Warm-up at ε = 1, adaptation on exactly its transitions, a burst, then the schedule of ε from its first value."""
    network, start, tasks = keys_setting()
    shares, updates, real, update = [], [], adaptation_module.collect, DQN.update

    def watched(sampler, buffer, steps, network, parameters, epsilon, generator):
        shares.append(epsilon)
        real(sampler, buffer, steps, network, parameters, epsilon, generator)

    def counted(rule, batch):
        updates.append(len(shares))
        update(rule, batch)

    monkeypatch.setattr(adaptation_module, "collect", watched)
    monkeypatch.setattr(DQN, "update", counted)
    method = QMAML(KEYS, network, inner_lr=0.05, inner_steps=2)
    config = NewTaskConfig(
        steps=40,
        learning_starts=20,
        burst=3,
        batch_size=4,
        exploration=(0.5, 0.1, 0.5),
        checkpoints=(0, 20, 40),
        episodes=2,
    )
    given, inner = [], QMAML.adapt

    def adapt(self, meta, batches, **named):
        given.append(batches)
        return inner(self, meta, batches, **named)

    monkeypatch.setattr(QMAML, "adapt", adapt)
    returns, episodes = values.adaptation_curve(method, start, tasks, config, seeded(), description=None)
    assert shares[:20] == [1.0] * 20 and shares[20] == 0.5 and shares[39] == pytest.approx(0.5 - 0.4 * 19 / 20)
    assert updates == [20] * 3 + list(range(21, 41))
    ((support, again),) = given
    assert support is again
    # An episode lasts 8 steps at most; the step after it only resets and is no transition.
    assert 12 <= support.rewards.shape[1] <= 18 and support.rewards.shape[0] == RUNS * 3
    joined = support.next_observations[:, :-1] == support.observations[:, 1:]
    assert 0.7 < float(joined.all(-1).float().mean()) < 1, "the transitions follow each other within episodes"
    assert returns.shape == episodes.shape == (RUNS * 3, 3)
    assert episodes[:, 0].max() == 0 and bool((episodes.diff(dim=1) >= 2).all())
    assert bool((returns <= 0).all()) and not torch.equal(returns[:, 0], returns[:, 1])


def test_nothing_changes_before_the_warm_up_ends():
    network, start, tasks = keys_setting()
    config = NewTaskConfig(steps=20, learning_starts=20, checkpoints=(0, 10, 20), episodes=3)
    returns, _ = values.adaptation_curve(PlainDQN(KEYS, network), start, tasks, config, seeded(), description=None)
    assert torch.equal(returns[:, 0], returns[:, 1]) and torch.equal(returns[:, 0], returns[:, 2])


@pytest.mark.parametrize("points", [(), (5, 5), (10, 0), (0, 21), (-1, 3)])
def test_checkpoints_are_checked(points):
    with pytest.raises(ValueError, match="increasing numbers from 0 to 20"):
        NewTaskConfig(steps=20, checkpoints=points)


def test_the_discount_of_a_new_task_is_the_methods():
    """With γ = 0 a network learns other values than with the default: nothing is passed again by hand."""
    network, start, tasks = keys_setting()
    config = NewTaskConfig(steps=60, learning_starts=10, checkpoints=(60,), episodes=5, lr=0.01)
    found = [
        values.adaptation_curve(
            PlainDQN(KEYS, network, discount=discount), start, tasks, config, seeded(), description=None
        )
        for discount in (0.0, 0.99)
    ]
    assert not torch.equal(found[0][0], found[1][0])
    inner = DQNConfig(discount=0.0, huber=False)
    by_reptile = values.adaptation_curve(
        QReptile(KEYS, network, inner), start, tasks, config, seeded(), description=None
    )
    assert torch.equal(by_reptile[0], found[0][0])


def test_random_transitions_follow_each_other():
    tasks = KEYS.sample_tasks(5, seeded())
    batch, again, other = (random_transitions(KEYS, tasks, 30, seed) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(batch, again, strict=True))
    assert not torch.equal(batch.actions, other.actions)
    frequency = torch.nn.functional.one_hot(batch.actions, 8).double().mean((0, 1))
    assert frequency.min() > 0.04 and 20 < batch.rewards.shape[1] <= 30
    joined = (batch.next_observations[:, :-1] == batch.observations[:, 1:]).all(-1)
    assert 0.7 < float(joined.float().mean()) < 1


def test_fine_tuning_is_the_burst():
    """By hand: DQN's updates on the minibatches that the generator draws."""
    network, start, tasks = keys_setting()
    batch, begin = random_transitions(KEYS, tasks, 30), repeat_for_tasks(start, 3)
    config = NewTaskConfig(burst=3, batch_size=5, lr=0.01, tau=0.2)
    found = fine_tune(PlainDQN(KEYS, network, discount=0.8), begin, batch, config, seeded(4))
    parameters, generator = {name: value.clone().requires_grad_() for name, value in begin.items()}, seeded(4)
    rule = DQN(network, parameters, DQNConfig(lr=0.01, tau=0.2, discount=0.8, huber=False))
    for _ in range(3):
        index = torch.randint(batch.rewards.shape[1], (RUNS * 3, 5), generator=generator)
        rule.update(Transitions(*(torch.stack([v[i, index[i]] for i in range(RUNS * 3)]) for v in batch)))
    for name, value in found.items():
        assert torch.equal(value, rule.parameters[name]) and not torch.equal(value, begin[name])


def test_first_reached_by_hand():
    """A level counts where it is held at the next checkpoint, too; the last checkpoint has none."""
    returns = [[0, 5, 1, 6, 7], [0, 1, 2, 3, 9], [9, 9, 0, 0, 0], [1, 1, 1, 1, 1]]
    points = (0, 10, 20, 40, 80)
    assert first_reached(returns, 5, points, 100).tolist() == [40, 80, 0, 100]
    assert first_reached(returns, [0, 3, 10, 1], points, 100).tolist() == [0, 40, 100, 0]


def test_grid_observations_work_too():
    """Discrete observations, one-hot inside the network."""
    family = GridGoals(5, "dense", horizon=10)
    network = QNetwork(family.observation_space, family.action_space, (8,), seeded())
    start = stack_parameters([network.initial_parameters()])
    method = QMAML(family, network, inner_lr=0.01)
    meta, history = values.train(method, method.initial(start), SMALL, seeded())
    assert np.isfinite(history["loss"]).all() and meta["weight0"].shape == (1, 8, 25)


# Ordinary Gymnasium environments


class Corridor(gymnasium.Env):
    """Walk to the left or to the right; a step pays the place times a hidden number. Counts those that are open."""

    observation_space, action_space = gymnasium.spaces.Box(-1, 1, (1,)), gymnasium.spaces.Discrete(2)
    open = 0

    def __init__(self, pay):
        self.pay = pay
        Corridor.open += 1

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place = self.np_random.uniform(-0.5, 0.5, 1).astype(np.float32)
        return self.place.copy(), {}

    def step(self, action):
        self.place = np.clip(self.place + (0.25 if action else -0.25), -1, 1).astype(np.float32)
        return self.place.copy(), float(self.pay * self.place[0]), False, False, {}

    def close(self):
        Corridor.open -= 1


def corridors():
    """Six training tasks and two test tasks, and a network for them."""
    train, test = (
        [functools.partial(Corridor, pay) for pay in pays]
        for pays in ((-1.5, -1.0, -0.5, 0.5, 1.0, 1.5), (-0.75, 0.75))
    )
    family = GymnasiumTasks(train, test, horizon=12)
    network = QNetwork(family.observation_space, family.action_space, (32,), seeded())
    return family, network, stack_parameters([network.initial_parameters()])


def test_qmaml_learns_on_gymnasium_environments():
    """The ten lines of chapter 10: afterwards the inner steps alone find the end of the corridor that pays."""
    Corridor.open = 0
    family, network, start = corridors()
    method = QMAML(family, network, discount=0.9, inner_lr=0.05, learned_rates=True)
    config = values.TrainConfig(iterations=20, meta_batch=6)
    meta, history = values.train(
        method, method.initial(start), config, seeded(1), tasks={"index": torch.arange(6)}, description=None
    )
    assert Corridor.open == 0, "the simulators of training are given back"
    assert np.isfinite(history["loss"]).all() and history["return"][-1][0] > history["return"][0][0]
    new = NewTaskConfig(steps=50, checkpoints=(0, 50))
    returns, episodes = values.adaptation_curve(
        method, meta, {"index": torch.tensor([6, 7])}, new, seeded(2), description=None
    )
    assert bool((returns[:, 1] > 2).all()) and float(returns[:, 0].min()) < 0
    assert episodes[:, 1].tolist() == [50 // 13] * 2, "12 steps, and one that only resets"
    family.close()
    assert Corridor.open == 0


def test_reptile_trains_on_gymnasium_environments_and_resumes(tmp_path):
    """Each iteration makes its environments, so that nothing of a simulator needs to be saved between two."""
    family, network, start = corridors()
    method = QReptile(family, network, DQNConfig(steps=60, learning_starts=20, batch_size=8))
    config = values.TrainConfig(iterations=3, meta_batch=4)
    expected, history = values.train(method, start, config, seeded(3), description=None)
    assert np.isfinite(history["return"]).all() and not torch.equal(expected["weight0"], start["weight0"])

    def stopping(iteration, parameters, data):
        if iteration == 2:
            os.kill(os.getpid(), signal.SIGINT)

    for callback in (stopping, None):
        found, _ = values.train(
            method, start, config, seeded(3), description=None, callback=callback, checkpoint=tmp_path / "reptile"
        )
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_qmaml_refuses_a_checkpoint_of_simulators(tmp_path):
    Corridor.open = 0
    family, network, start = corridors()
    config = values.TrainConfig(iterations=1, meta_batch=2)
    with pytest.raises(
        ValueError, match="checkpoint must be None where .* whose state cannot be saved.*GymnasiumTasks"
    ):
        values.train(QMAML(family, network), start, config, seeded(), checkpoint=tmp_path / "file")
    assert Corridor.open == 0 and not (tmp_path / "file").exists()
