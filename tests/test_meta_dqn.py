"""Meta-learning through TD updates: meta-gradients against finite differences, Reptile, replay, and new tasks."""

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Discrete
from torch import Tensor

from metarl_core.agents import DQN, DQNConfig, QNetwork, ReplayBuffer, Transitions, train_dqn
from metarl_core.meta import (
    QMAML,
    NewTaskConfig,
    QMetaConfig,
    QReptileConfig,
    first_reached,
    learn_new_tasks,
    meta_train_q,
    q_adaptation,
    q_training,
    repeat_for_tasks,
    reptile_q,
    split_rates,
    support_adaptation,
    task_sampler,
    td_loss,
    with_rate,
)
from metarl_core.parameters import stack_parameters
from metarl_core.tasks import GridGoals, InformedTasks, RotatedKeys

SEEN = Box(-np.inf, np.inf, (3,))
RUNS, TASKS, ACTIONS = 2, 3, 2


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def transitions(samples=6, seed=0, learners=RUNS * TASKS):
    generator = seeded(seed)
    observations, following = torch.randn((2, learners, samples, 3), generator=generator)
    actions = torch.randint(ACTIONS, (learners, samples), generator=generator)
    rewards = torch.randn((learners, samples), generator=generator)
    ended = torch.rand(rewards.shape, generator=generator) < 0.3
    return Transitions(observations, actions, rewards, following, ended)


def networks(hidden=(5,), runs=RUNS):
    made = [QNetwork(SEEN, Discrete(ACTIONS), hidden, seeded(run)) for run in range(runs)]
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
    config = DQNConfig(discount=0.9, huber=huber, double=is_double)
    method = QMAML(network, config, inner_lr=0.2, inner_steps=steps, learned_rates=learned_rates)
    meta = {name: value.requires_grad_() for name, value in method.initial(start).items()}
    target = {name: value.detach() * 0.9 for name, value in meta.items()}
    support, query = [transitions(seed=seed) for seed in range(steps)], transitions(seed=9)
    losses = method.outer_loss(meta, target, support, query)
    gradients = torch.autograd.grad(losses.sum(), list(meta.values()))
    gradients = dict(zip(meta, gradients, strict=True))
    for run in range(RUNS):
        parts, target_parts = of_run(method, meta, run), of_run(method, target, run)
        values = [
            with_fixed_targets(parts, target_parts, support, query, learner, config)
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
    method = QMAML(network, DQNConfig(discount=0.9, huber=False), inner_lr=0.2, first_order=True)
    meta = {name: value.requires_grad_() for name, value in method.initial(start).items()}
    support, query = [transitions(seed=seed) for seed in range(3)], transitions(seed=9)
    losses = method.outer_loss(meta, start, support, query)
    gradients = torch.autograd.grad(losses.sum(), list(meta.values()))
    adapted = {name: value.detach().requires_grad_() for name, value in method.adapt(start, support).items()}
    adapted_target = method.adapt(start, support)
    own = torch.autograd.grad(
        td_loss(network, adapted_target, query, method.config)(adapted).sum(), list(adapted.values())
    )
    for gradient, one in zip(gradients, own, strict=True):
        torch.testing.assert_close(gradient, one.reshape(RUNS, TASKS, *one.shape[1:]).sum(1))
    full = QMAML(network, method.config, inner_lr=0.2).outer_loss(meta, start, support, query)
    torch.testing.assert_close(full, losses)
    full = torch.autograd.grad(full.sum(), list(meta.values()))
    assert max(float((a - b).abs().max()) for a, b in zip(full, gradients, strict=True)) > 1e-3


def test_inner_step_is_tabular_td(double):
    """Without hidden layers and with one-hot states a step moves Q(s, a) alone, by 2αδ, and no next state's value."""
    network = QNetwork(Discrete(3), Discrete(2), hidden=())
    values = torch.tensor([[1.0, 2.0], [5.0, 3.0], [0.0, 7.0]])
    meta = {"weight0": values.T[None].contiguous(), "bias0": torch.zeros(1, 2)}
    column = lambda value: torch.tensor([[value]])  # noqa: E731
    batch = Transitions(column(0), column(1), column(0.5), column(2), column(False))
    method = QMAML(network, DQNConfig(discount=0.5, huber=False, double=False), inner_lr=0.1, inner_steps=2)
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
    method = QMAML(network, DQNConfig(huber=False), inner_lr=0.1)
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
        QMAML(network, inner_steps=0)
    with pytest.raises(ValueError, match="multiple of the number of runs 2, got 5"):
        QMAML(network).adapt(start, [transitions(learners=5)])


# Meta-training


KEYS = RotatedKeys(horizon=8)
SMALL = QMetaConfig(rounds=3, support=12, collect=6, updates=2, batch_size=8, capacity=40)


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
    for module in (q_training, q_adaptation):
        monkeypatch.setattr(module, "ReplayBuffer", Kept)
    family = InformedTasks(KEYS)
    network, start, tasks = keys_setting(family)
    method = QMAML(network, inner_lr=0.01)
    meta, _ = meta_train_q(method, method.initial(start), family, tasks, SMALL, seeded())
    config = NewTaskConfig(DQNConfig(steps=60, learning_starts=20, batch_size=8, train_frequency=1), 2, (0, 20, 60), 2)
    begin = repeat_for_tasks(meta, 3)
    learn_new_tasks(network, begin, family, tasks, config, seeded(), support_adaptation(method, meta))
    shown = family.features(tasks)
    assert len(Kept.made) == 3 and all(len(buffer.sampled) > 3 for buffer in Kept.made)
    for buffer in Kept.made:
        for batch in buffer.sampled:
            for seen in (batch.observations, batch.next_observations):
                assert torch.equal(seen[..., 4:], shown[:, None].expand(*seen.shape[:2], 3))


def test_support_is_random_behaviour_and_query_is_the_adapted_policy(monkeypatch):
    """Exploration is 1 for the support buffer always; for the query buffer it falls, and acts by adapted parameters."""
    calls, real = [], q_training.collect

    def watched(sampler, buffer, steps, network, parameters, epsilon, generator):
        calls.append((id(buffer), steps, epsilon, {name: value.clone() for name, value in parameters.items()}))
        real(sampler, buffer, steps, network, parameters, epsilon, generator)

    monkeypatch.setattr(q_training, "collect", watched)
    network, start, tasks = keys_setting()
    method = QMAML(network, inner_lr=0.05)
    config = QMetaConfig(rounds=4, support=12, collect=6, updates=1, exploration=(0.8, 0.2, 0.5))
    _, history = meta_train_q(method, method.initial(start), KEYS, tasks, config, seeded())
    support, query = ([call for call in calls if call[0] == key] for key in dict.fromkeys(call[0] for call in calls))
    assert [call[1] for call in support] == [24, 6, 6, 6, 6] and all(call[2] == 1.0 for call in support)
    assert [call[2] for call in query] == pytest.approx([0.8, 0.5, 0.2, 0.2]) and all(call[1] == 6 for call in query)
    unadapted = repeat_for_tasks(start, 3)
    assert not torch.equal(query[0][3]["weight1"], unadapted["weight1"])
    assert np.shape(history["loss"]) == np.shape(history["return"]) == (4, RUNS)
    assert 3 * (24 + 4 * 12) * 0.7 < history["steps"][-1] <= 3 * (24 + 4 * 12)


def test_meta_training_is_reproducible_leaves_the_start_alone_and_survives_an_interrupt(monkeypatch):
    network, start, tasks = keys_setting()
    before = {name: value.clone() for name, value in start.items()}
    method = QMAML(network, inner_lr=0.01, learned_rates=True)
    initial = method.initial(start)
    first, again = (meta_train_q(method, initial, KEYS, tasks, SMALL, seeded(3))[0] for _ in range(2))
    assert all(torch.equal(first[name], again[name]) for name in first) and set(first) == set(initial)
    assert all(torch.equal(start[name], before[name]) for name in start)
    assert not any(torch.equal(first[name], initial[name]) for name in first)
    left, real = [2], q_training.collect

    def stopping(*arguments):
        left[0] -= 1
        if left[0] < -2:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(q_training, "collect", stopping)
    partial, history = meta_train_q(method, initial, KEYS, tasks, SMALL, seeded(3))
    assert 0 < len(history["loss"]) < SMALL.rounds and set(partial) == set(initial)
    with pytest.raises(ValueError, match="multiple of the number of runs 2, got 3"):
        meta_train_q(method, initial, KEYS, KEYS.sample_tasks(3, seeded()), SMALL, seeded())


def test_meta_training_learns():
    """On two keyboards that differ by half a turn: afterwards the inner steps alone tell them apart."""
    family = RotatedKeys(keys=4, horizon=12)
    network = QNetwork(family.observation_space, family.action_space, (32,), seeded())
    start = stack_parameters([network.initial_parameters()])
    tasks = {"angle": torch.tensor([0.1, 0.1 + np.pi] * 4), "order": torch.ones(8)}
    method = QMAML(network, DQNConfig(discount=0.9, huber=False), inner_lr=0.02, learned_rates=True)
    config = QMetaConfig(rounds=60, support=30, lr=3e-3, tau=0.01)
    meta, _ = meta_train_q(method, method.initial(start), family, tasks, config, seeded())
    dqn = DQNConfig(steps=30, learning_starts=30)
    returns, _ = learn_new_tasks(
        network, repeat_for_tasks(method.start(meta), 8), family, tasks, NewTaskConfig(dqn, 0, (0, 30), 30), seeded(1),
        support_adaptation(method, meta),
    )  # fmt: skip
    before, after = returns.mean(0).tolist()
    assert after > before + 4


# Reptile


def test_reptile_moves_to_the_mean_of_the_online_networks():
    """One iteration against DQN called by hand, with an online network that its target network lags behind."""
    network, start, _ = keys_setting()
    inner = DQNConfig(steps=80, learning_starts=10, batch_size=8, train_frequency=2, tau=0.001)
    config = QReptileConfig(2, tasks=3, outer_lr=0.6, inner=inner)
    seen = []
    moved, history = reptile_q(
        network, start, KEYS, config, seeded(2), 7, callback=lambda number, meta: seen.append((number, dict(meta)))
    )
    generator, expected = seeded(2), start
    for iteration in range(2):
        tasks = KEYS.sample_tasks(RUNS * 3, generator)
        sampler = task_sampler(KEYS, tasks, 7 + iteration)
        adapted, _ = train_dqn(network, repeat_for_tasks(expected, 3), sampler, inner, generator, None)
        means = {name: value.reshape(RUNS, 3, *value.shape[1:]).mean(1) for name, value in adapted.items()}
        rate = 0.6 * (1 - iteration / 2)
        expected = {name: (1 - rate) * value + rate * means[name] for name, value in expected.items()}
    for name, value in expected.items():
        torch.testing.assert_close(moved[name], value)
    assert [number for number, _ in seen] == [1, 2] and np.shape(history["return"]) == (2, RUNS)
    assert history["steps"][0] <= 3 * 80 < history["steps"][1] <= 2 * 3 * 80
    assert not torch.equal(moved["weight0"], start["weight0"])


def test_reptile_survives_an_interrupt(monkeypatch):
    network, start, _ = keys_setting()
    calls = []

    def stopping(*arguments):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return train_dqn(*arguments)

    monkeypatch.setattr(q_training, "train_dqn", stopping)
    config = QReptileConfig(5, tasks=2, inner=DQNConfig(steps=30, learning_starts=10, batch_size=4))
    moved, history = reptile_q(network, start, KEYS, config, seeded())
    assert len(history["steps"]) == 2 and moved["weight0"].isfinite().all()


# New tasks


def test_a_new_task_begins_with_random_behaviour_then_adapts_then_learns(monkeypatch):
    """Warm-up at ε = 1, adaptation on exactly its transitions, a burst, then the schedule of ε from its first value."""
    network, start, tasks = keys_setting()
    chances, updates, real, update = [], [], q_adaptation.collect, DQN.update

    def watched(sampler, buffer, steps, network, parameters, epsilon, generator):
        chances.append(epsilon)
        real(sampler, buffer, steps, network, parameters, epsilon, generator)

    def counted(rule, batch):
        updates.append(len(chances))
        update(rule, batch)

    monkeypatch.setattr(q_adaptation, "collect", watched)
    monkeypatch.setattr(DQN, "update", counted)
    dqn = DQNConfig(steps=40, learning_starts=20, batch_size=4, train_frequency=1, exploration=(0.5, 0.1, 0.5))
    config = with_rate(NewTaskConfig(dqn, checkpoints=(0, 20, 40), episodes=2), 2e-3, 3)
    assert config.dqn.lr == 2e-3 and config.burst == 3 and dqn.lr == 1e-3
    given = []

    def adapt(support):
        given.append(support)
        return {name: value + 1 for name, value in repeat_for_tasks(start, 3).items()}

    returns, episodes = learn_new_tasks(
        network, repeat_for_tasks(start, 3), KEYS, tasks, config, seeded(), adapt, description=None
    )
    assert chances[:20] == [1.0] * 20 and chances[20] == 0.5 and chances[39] == pytest.approx(0.5 - 0.4 * 19 / 20)
    assert updates == [20] * 3 + list(range(21, 41))
    (support,) = given
    # An episode lasts 8 steps at most; the step after it only resets and is no transition.
    assert 12 <= support.rewards.shape[1] <= 18 and support.rewards.shape[0] == RUNS * 3
    joined = support.next_observations[:, :-1] == support.observations[:, 1:]
    assert 0.7 < float(joined.all(-1).float().mean()) < 1, "the transitions follow each other within episodes"
    assert returns.shape == episodes.shape == (RUNS * 3, 3)
    assert episodes[:, 0].max() == 0 and bool((episodes.diff(dim=1) >= 2).all())
    assert bool((returns <= 0).all()) and not torch.equal(returns[:, 0], returns[:, 1])


def test_nothing_changes_before_the_warm_up_ends():
    network, start, tasks = keys_setting()
    config = NewTaskConfig(DQNConfig(steps=20, learning_starts=20), checkpoints=(0, 10, 20), episodes=3)
    returns, _ = learn_new_tasks(network, repeat_for_tasks(start, 3), KEYS, tasks, config, seeded(), description=None)
    assert torch.equal(returns[:, 0], returns[:, 1]) and torch.equal(returns[:, 0], returns[:, 2])


@pytest.mark.parametrize("points", [(), (5, 5), (10, 0), (0, 21), (-1, 3)])
def test_checkpoints_are_checked(points):
    network, start, tasks = keys_setting()
    config = NewTaskConfig(DQNConfig(steps=20, learning_starts=10), checkpoints=points)
    with pytest.raises(ValueError, match="increasing numbers from 0 to 20"):
        learn_new_tasks(network, repeat_for_tasks(start, 3), KEYS, tasks, config, seeded(), description=None)


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
    tasks, method = family.sample_tasks(4, seeded()), QMAML(network, inner_lr=0.01)
    meta, history = meta_train_q(method, method.initial(start), family, tasks, SMALL, seeded())
    assert np.isfinite(history["loss"]).all() and meta["weight0"].shape == (1, 8, 25)
