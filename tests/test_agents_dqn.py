"""DQN against hand-made tables, its replay buffer and schedules, and tabular Q-learning against value iteration."""

import dataclasses
import functools
import importlib

import gymnasium
import numpy as np
import pytest
import torch

from metarl_core.agents import (
    DQN,
    DQNConfig,
    QNetwork,
    ReplayBuffer,
    Transitions,
    VectorSampler,
    dqn_loss,
    dqn_target,
    epsilon_at,
    epsilon_greedy,
    q_learning,
    q_update,
    train_dqn,
    update_target,
)
from metarl_core.agents.draws import draw_integers, draw_uniform
from metarl_core.exact import value_iteration
from metarl_core.parameters import (
    load_parameters,
    repeat_parameters,
    save_parameters,
    select_parameters,
    stack_parameters,
    trainable_copy,
)
from metarl_core.tasks import CartPole, GridGoals, RotatedKeys, TaskEnv, TaskVectorEnv, rollout, select_tasks

BOX = gymnasium.spaces.Box(-np.inf, np.inf, (3,))


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def table(values):
    """A QNetwork without hidden layers on three states, one learner: Q is the table `[state, action]`."""
    values = torch.tensor(values)
    network = QNetwork(gymnasium.spaces.Discrete(3), gymnasium.spaces.Discrete(2), hidden=())
    return network, {"weight0": values.T[None].contiguous(), "bias0": torch.zeros(1, 2)}


ONLINE = [[1.0, 2.0], [5.0, 3.0], [0.0, 7.0]]
TARGET = [[10.0, 20.0], [30.0, 40.0], [60.0, 50.0]]


def rows(*entries):
    """Transitions of one learner from (state, action, reward, next state, terminated)."""
    columns = list(zip(*entries, strict=True))
    state, action, following = (torch.tensor([columns[i]]) for i in (0, 1, 3))
    return Transitions(state, action, torch.tensor([columns[2]]), following, torch.tensor([columns[4]]))


def test_target_by_hand():
    network, online = table(ONLINE)
    _, target = table(TARGET)
    batch = rows(
        (0, 1, 1.0, 1, False),  # an ordinary step
        (1, 0, -1.0, 2, True),  # a terminal one: nothing follows, whatever the table says of state 2
        (1, 0, -1.0, 2, False),  # the same step cut by a time limit: its next state has a value
    )
    # DQN: max Q̄. Double DQN: Q̄ at the online network's choice, which is action 0 in state 1, and 1 in state 2.
    assert dqn_target(network, online, target, batch, 0.5, double=False).tolist() == [[21.0, -1.0, 29.0]]
    assert dqn_target(network, online, target, batch, 0.5, double=True).tolist() == [[16.0, -1.0, 24.0]]
    assert dqn_target(network, online, online, batch, 0.5, double=True).tolist() == [[3.5, -1.0, 2.5]]


def test_target_is_a_constant():
    network, online = table(ONLINE)
    leaves = trainable_copy(online, 1)
    batch = rows((0, 1, 1.0, 1, False))
    td_target = dqn_target(network, leaves, leaves, batch, 0.5)
    assert not td_target.requires_grad
    dqn_loss(network, leaves, batch, td_target, huber=True).sum().backward()
    assert leaves["bias0"].grad.tolist() == [[0.0, -1.0]], "the action taken alone; Huber's slope is at most one"
    assert not leaves["weight0"].grad[:, :, 1:].any(), "the next state's value gets no gradient"


def test_loss_by_hand():
    network, online = table(ONLINE)
    batch = rows((0, 1, 0.0, 0, False), (1, 0, 0.0, 0, False))
    target = torch.tensor([[2.5, 2.0]])  # errors −0.5 and 3
    assert dqn_loss(network, online, batch, target, huber=True).tolist() == [(0.125 + 2.5) / 2]
    assert dqn_loss(network, online, batch, target).tolist() == [(0.25 + 9.0) / 2]


def experience(learners=3, samples=10, seed=0):
    generator = seeded(seed)
    observations, following = torch.randn((2, learners, samples, 3), generator=generator)
    actions = torch.randint(2, (learners, samples), generator=generator)
    rewards = torch.randn((learners, samples), generator=generator)
    return Transitions(observations, actions, rewards, following, torch.rand(rewards.shape, generator=generator) < 0.2)


@pytest.mark.parametrize(
    "config", [DQNConfig(huber=True), DQNConfig(tau=1.0, target_update_interval=2, double=False, huber=False)]
)
def test_learners_are_independent(double, config):
    """Also of a learner whose gradients are huge: each clips its own."""
    config = dataclasses.replace(config, max_grad_norm=0.5)
    network = QNetwork(BOX, gymnasium.spaces.Discrete(2), (6,))
    sets = [QNetwork(BOX, gymnasium.spaces.Discrete(2), (6,), seeded(i)).initial_parameters() for i in range(3)]
    together = trainable_copy(stack_parameters(sets), 3)
    rule = DQN(network, together, config)
    batches = []
    for seed in range(5):
        batch = experience(seed=seed)
        batch.rewards[1] *= 1000
        batches.append(batch)
        rule.update(batch)
    for learner in range(3):
        alone = trainable_copy(stack_parameters([sets[learner]]), 1)
        single = DQN(network, alone, config)
        for batch in batches:
            single.update(Transitions(*(value[learner : learner + 1] for value in batch)))
        for name in alone:
            torch.testing.assert_close(together[name][learner], alone[name][0], rtol=1e-10, atol=1e-12)
            torch.testing.assert_close(rule.target[name][learner], single.target[name][0], rtol=1e-10, atol=1e-12)


def test_update_is_adam_on_the_loss(double):
    """Against torch.nn and torch.optim, for one learner."""
    config = DQNConfig(max_grad_norm=0.3, tau=1.0, target_update_interval=2, huber=True)
    network = QNetwork(BOX, gymnasium.spaces.Discrete(2), (6,), seeded())
    learned = trainable_copy(repeat_parameters(network.initial_parameters(), 1), 1)
    rule = DQN(network, learned, config)

    def sequential():
        made = torch.nn.Sequential(torch.nn.Linear(3, 6), torch.nn.ReLU(), torch.nn.Linear(6, 2))
        made.load_state_dict(dict(zip(made.state_dict(), network.initial_parameters().values(), strict=True)))
        return made

    online, target = sequential(), sequential()
    optimiser = torch.optim.Adam(online.parameters(), lr=config.lr)
    for seed in range(5):
        batch = experience(learners=1, seed=seed)
        rule.update(batch)
        s, a, r, following, terminated = (value[0] for value in batch)
        with torch.no_grad():
            best = online(following).argmax(1, keepdim=True)
            y = r + config.discount * ~terminated * target(following).gather(1, best)[:, 0]
        loss = torch.nn.functional.huber_loss(online(s).gather(1, a[:, None])[:, 0], y)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(online.parameters(), config.max_grad_norm)
        optimiser.step()
        if (seed + 1) % 2 == 0:
            target.load_state_dict(online.state_dict())
        for mine, other in zip(learned.values(), online.parameters(), strict=True):
            torch.testing.assert_close(mine[0], other, rtol=1e-6, atol=1e-8)


def test_target_network_schedules():
    online = {"weight": torch.tensor([[4.0]])}
    hard, soft = {"weight": torch.zeros(1, 1)}, {"weight": torch.zeros(1, 1)}
    seen = []
    for updates in range(1, 7):
        update_target(hard, online, updates, DQNConfig(tau=1.0, target_update_interval=3))
        update_target(soft, online, updates, DQNConfig(tau=0.25))
        seen.append((float(hard["weight"]), float(soft["weight"])))
        if updates == 3:
            online["weight"] = torch.tensor([[8.0]])
    assert [entry[0] for entry in seen] == [0, 0, 4, 4, 4, 8]
    assert seen[0][1] == 1.0 and seen[1][1] == 1.75 and seen[2][1] == 2.3125
    assert hard["weight"] is not online["weight"]


def test_exploration_schedule():
    config = DQNConfig(steps=1000, exploration=(1.0, 0.1, 0.5))
    assert [epsilon_at(step, config) for step in (0, 250, 500, 1000, 5000)] == pytest.approx([1.0, 0.55, 0.1, 0.1, 0.1])
    assert epsilon_at(0, DQNConfig(steps=1000, exploration=(0.3, 0.3, 0.0))) == 0.3
    network, online = table(ONLINE)
    states = torch.zeros((1, 20_000), dtype=torch.int64)
    for epsilon in (0.0, 0.4, 1.0):
        chosen = epsilon_greedy(network, online, states, epsilon, seeded())
        assert float((chosen == 0).float().mean()) == pytest.approx(epsilon / 2, abs=0.015)


def test_refuses():
    with pytest.raises(ValueError, match="Discrete actions"):
        QNetwork(BOX, gymnasium.spaces.Box(-1, 1, (1,)))
    network = QNetwork(BOX, gymnasium.spaces.Discrete(2), (6,), seeded())
    for wrong in (network.initial_parameters(), repeat_parameters(network.initial_parameters(), 3)):
        with pytest.raises(ValueError, match="leading axis of 2 learners"):
            trainable_copy(wrong, 2)


# Replay


def numbered(first, count, learners=1):
    """Transitions whose every entry is its own number, plus 1000 per learner."""
    number = torch.arange(first, first + count).expand(learners, count) + 1000 * torch.arange(learners)[:, None]
    seen = number[..., None].float()
    return Transitions(seen, number, number.float(), seen + 0.5, number % 2 == 0)


def test_ring_overwrites_the_oldest():
    buffer = ReplayBuffer(5)
    for first in range(0, 12, 3):
        buffer.add(numbered(first, 3))
        newest = set(range(max(0, first + 3 - 5), first + 3))
        sample = buffer.sample(500, seeded(first))
        assert set(sample.actions.flatten().tolist()) == newest
        assert buffer.filled.tolist() == [len(newest)] and buffer.written.tolist() == [first + 3]
        # The columns of a row stay together.
        assert torch.equal(sample.observations[..., 0], sample.rewards)
        assert torch.equal(sample.next_observations[..., 0], sample.rewards + 0.5)
        assert torch.equal(sample.terminated, sample.actions % 2 == 0)


def test_sampling_is_uniform_over_what_was_written():
    buffer = ReplayBuffer(100)
    buffer.add(numbered(1, 4))
    counts = torch.bincount(buffer.sample(40_000, seeded()).actions.flatten(), minlength=5)
    assert counts[0] == 0, "zeros that were never written are not experience"
    assert float((counts[1:] / 40_000 - 0.25).abs().max()) < 0.01


def test_learners_never_mix_and_masks_leave_out():
    buffer = ReplayBuffer(4, learners=3)
    with pytest.raises(ValueError, match="at least 1 transitions of each learner, got 0"):
        buffer.sample(1, seeded())
    mask = torch.tensor([[True, False, True], [False, False, True], [True, True, True]])
    buffer.add(numbered(0, 3, learners=3), mask)
    assert buffer.filled.tolist() == [2, 1, 3]
    kept = [set(row.tolist()) for row in buffer.sample(200, seeded()).actions]
    assert kept == [{0, 2}, {1002}, {2000, 2001, 2002}]
    buffer.add(numbered(3, 3, learners=3), mask)
    assert buffer.written.tolist() == [4, 2, 6]
    kept = [set(row.tolist()) for row in buffer.sample(200, seeded()).actions]
    assert kept == [{0, 2, 3, 5}, {1002, 1005}, {2002, 2003, 2004, 2005}]


def test_a_learner_without_experience_is_not_sampled():
    buffer = ReplayBuffer(4, learners=2)
    buffer.add(numbered(0, 1, learners=2), torch.tensor([[True], [False]]))
    with pytest.raises(ValueError, match="at least 1 transitions of each learner, got 0"):
        buffer.sample(1, seeded())


def test_a_run_is_what_was_written_in_a_row():
    """Also across the end of the ring, and from every place with the same probability."""
    buffer = ReplayBuffer(5, learners=2)
    buffer.add(numbered(0, 3, learners=2), torch.tensor([[True, False, True], [True, True, True]]))
    buffer.add(numbered(3, 4, learners=2))  # learner 0 now holds 2, 3, 4, 5, 6, learner 1 the last five, too
    first = []
    for seed in range(300):
        run = buffer.sample_run(3, seeded(seed))
        assert bool((run.actions.diff(dim=1) == 1).all())
        assert torch.equal(run.next_observations[..., 0], run.rewards + 0.5)
        first.append(run.actions[:, 0])
    counts = torch.stack([torch.bincount(place, minlength=5)[2:] for place in (torch.stack(first, 1) % 1000)])
    assert counts.shape == (2, 3) and int(counts.min()) > 70
    with pytest.raises(ValueError, match="at least 6 transitions of each learner, got 5"):
        buffer.sample_run(6, seeded())


def test_replay_refuses():
    for capacity, learners in ((0, 1), (5, 0)):
        with pytest.raises(ValueError, match="at least 1"):
            ReplayBuffer(capacity, learners)
    with pytest.raises(ValueError, match="at most 2 each"):
        ReplayBuffer(2).add(numbered(0, 3))
    with pytest.raises(ValueError, match="1 learners"):
        ReplayBuffer(5).add(numbered(0, 3, learners=2))


# Random streams


def test_a_stream_for_each_learner_is_its_own():
    """What a learner draws does not depend on who else is in the batch."""
    together = [seeded(seed) for seed in (3, 4, 5)]
    numbers = draw_uniform((3, 2), together), draw_integers(7, (3, 4), together)
    alone = [seeded(4)]
    assert torch.equal(numbers[0][1:2], draw_uniform((1, 2), alone))
    assert torch.equal(numbers[1][1:2], draw_integers(7, (1, 4), alone))
    assert torch.equal(draw_uniform((3, 2), seeded(1)), torch.rand((3, 2), generator=seeded(1)))
    assert torch.equal(draw_integers(7, (3, 2), seeded(1)), torch.randint(7, (3, 2), generator=seeded(1)))
    for draw in (lambda: draw_uniform((3, 2), alone), lambda: draw_integers(7, (2, 2), alone)):
        with pytest.raises(ValueError, match="one for each of [23] learners, got 1"):
            draw()


THREE = [
    (family, family.sample_tasks(3, seeded(2)))
    for family in (RotatedKeys(horizon=12), CartPole(spread=3.0, hidden_sign=True))
]


@pytest.mark.parametrize("family, tasks", THREE)
def test_a_batch_of_dqns_is_dqns_one_by_one(double, family, tasks):
    """The same numbers, seed by seed: environments, exploration, minibatches, updates and target networks."""
    spaces = family.observation_space, family.action_space
    sets = [QNetwork(*spaces, (8,), seeded(i)).initial_parameters() for i in range(3)]
    config = DQNConfig(steps=400, learning_starts=50, batch_size=8, train_frequency=2, buffer_size=120)

    def train(learners):
        envs = gymnasium.vector.SyncVectorEnv(
            [functools.partial(TaskEnv, family, select_tasks(tasks, learner)) for learner in learners]
        )
        sampler = VectorSampler(envs, learners=len(learners), seed=learners[0])
        start, generators = stack_parameters([sets[i] for i in learners]), [seeded(10 + i) for i in learners]
        learned, _ = train_dqn(QNetwork(*spaces, (8,)), start, sampler, config, generators, description=None)
        return learned, sampler.episode_returns

    together, returns = train([0, 1, 2])
    for learner in range(3):
        alone, own = train([learner])
        assert returns[learner] == pytest.approx(own[0]) and len(own[0]) > 5
        for name, value in alone.items():
            torch.testing.assert_close(together[name][learner], value[0], rtol=1e-8, atol=1e-10)


# Training


class Watched(VectorSampler):
    """Raises KeyboardInterrupt at a step, as Ctrl-C would."""

    def __init__(self, *arguments, stop, **options):
        super().__init__(*arguments, **options)
        self.left = stop

    def step(self, action):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return super().step(action)


def small(steps=600, **changes):
    return DQNConfig(steps=steps, learning_starts=100, batch_size=16, train_frequency=8, **changes)


@pytest.mark.parametrize("stop", [0, 100])
def test_interrupt_returns_what_was_learned(stop, tmp_path):
    sampler = Watched(gymnasium.make_vec("CartPole-v1", 4), learners=2, stop=stop)
    network = QNetwork(sampler.envs.single_observation_space, sampler.envs.single_action_space, (8,), seeded())
    start = repeat_parameters(network.initial_parameters(), 2)
    seen = []
    trained, history = train_dqn(
        network,
        start,
        sampler,
        small(),
        seeded(),
        callback=lambda iteration, parameters, data: seen.append(iteration),
        report_every=50,
    )
    expected = list(range(25, stop + 1, 25))  # two environments a learner
    assert history.get("iteration", []) == seen == expected and history.interrupted
    assert all(0.9 * 4 * i <= taken <= 4 * i for i, taken in zip(expected, history.get("env_steps", []), strict=True))
    assert [len(entry) for entry in history.get("return", [])] == [2] * len(expected)
    assert not any(value.requires_grad for value in trained.values())
    assert torch.equal(trained["weight0"], start["weight0"]) == (stop == 0)
    save_parameters(trained, tmp_path / "dqn.pt")
    loaded = load_parameters(tmp_path / "dqn.pt")
    assert all(torch.equal(loaded[name], value) for name, value in trained.items())


def test_a_run_shorter_than_a_report_reports_its_end():
    sampler = VectorSampler(gymnasium.make_vec("CartPole-v1", 2), learners=1, seed=3)
    network = QNetwork(sampler.envs.single_observation_space, sampler.envs.single_action_space, (8,), seeded())
    start = repeat_parameters(network.initial_parameters(), 1)
    _, history = train_dqn(network, start, sampler, small(), seeded(), description=None, report_every=10**6)
    assert history["iteration"] == [history.planned] and len(history["return"]) == 1


def test_training_is_reproducible_and_leaves_the_start_alone():
    runs = []
    for seed in (0, 0, 1):
        sampler = VectorSampler(gymnasium.make_vec("CartPole-v1", 2), learners=1, seed=3)
        network = QNetwork(sampler.envs.single_observation_space, sampler.envs.single_action_space, (8,), seeded())
        start = repeat_parameters(network.initial_parameters(), 1)
        trained, _ = train_dqn(network, start, sampler, small(), seeded(seed))
        assert torch.equal(start["weight0"][0], network.initial_parameters()["weight0"])
        runs.append(trained)
    assert all(torch.equal(runs[0][name], runs[1][name]) for name in start)
    assert not torch.equal(runs[0]["weight0"], runs[2]["weight0"])


def test_each_learner_learns_its_task():
    """Three goals, one learner each: at home every one finds its goal, at a neighbour's task it does not."""
    family = GridGoals(horizon=20)
    tasks = family.sample_tasks(3, seeded(2))
    sampler = VectorSampler(TaskVectorEnv(family, 12, tasks), learners=3)
    network = QNetwork(family.observation_space, family.action_space, (32,), seeded())
    config = DQNConfig(
        steps=6000, learning_starts=200, batch_size=32, train_frequency=8, discount=0.95, tau=0.05,
        lr=5e-3, exploration=(1.0, 0.1, 0.5),
    )  # fmt: skip
    start = repeat_parameters(network.initial_parameters(), 3)
    trained, history = train_dqn(network, start, sampler, config, seeded(1))
    own = rollout(family, tasks, network, trained, 4, seeded(2))
    assert bool((own.returns == 1).all()), "each finds its goal"
    assert own.lengths[:, 0].tolist() == family.distance[family.start, tasks["goal"]].tolist(), "by a shortest path"
    swapped = {name: value.roll(1, 0) for name, value in trained.items()}
    assert not bool((rollout(family, tasks, network, swapped, 4, seeded(2)).returns == 1).all(1).any())
    assert len(history["return"][-1]) == 3
    first = {name: value[:1] for name, value in tasks.items()}
    alone = rollout(family, first, network, select_parameters(trained, 0), 4, seeded(2))
    assert torch.equal(alone.lengths[0], own.lengths[0])


# Tabular Q-learning


def test_q_update_by_hand():
    q = torch.tensor([[[1.0, 2.0], [3.0, 5.0]], [[1.0, 2.0], [3.0, 5.0]]])
    state, action, following = torch.tensor([0, 0]), torch.tensor([1, 1]), torch.tensor([1, 1])
    new = q_update(q, state, action, torch.tensor([1.0, 1.0]), following, torch.tensor([False, True]), 0.5, 0.1)
    assert new[0, 0, 1] == pytest.approx(2 + 0.1 * (1 + 0.5 * 5 - 2))
    assert new[1, 0, 1] == pytest.approx(2 + 0.1 * (1 - 2))
    new[:, 0, 1] = 2.0
    assert torch.equal(new, q) and q[0, 0, 1] == 2.0, "nothing else moves, and the table given is left alone"
    rates = torch.tensor([1.0, 0.0])
    new = q_update(q, state, action, torch.tensor([1.0, 1.0]), following, torch.tensor([False, True]), 0.5, rates)
    assert new[:, 0, 1].tolist() == [3.5, 2.0]


def random_mdps(tasks=8, states=4, actions=2, terminating=False, seed=0):
    random = np.random.default_rng(seed)
    transitions = torch.from_numpy(random.dirichlet(np.ones(states + terminating), (tasks, states, actions)))
    return transitions[..., :states].contiguous(), torch.from_numpy(random.normal(size=(tasks, states, actions)))


@pytest.mark.in_turn(2)
@pytest.mark.parametrize("terminating", [False, True])
def test_q_learning_reaches_value_iteration(terminating):
    transitions, rewards = random_mdps(terminating=terminating)
    values, actions = value_iteration(transitions, rewards, 0.7)
    q = q_learning(transitions, rewards, 0.7, 20_000, seeded())
    error = (q.max(-1).values - values).abs()
    assert float(error.max()) < 0.12 and float(error.mean()) < 0.03
    optimal = rewards + 0.7 * torch.einsum("nsat,nt->nsa", transitions, values)
    lost = values - optimal.gather(-1, q.argmax(-1, keepdim=True))[..., 0]
    assert float(lost.max()) < 0.05, "its greedy actions are as good as the best"
    few = q_learning(transitions, rewards, 0.7, 500, seeded())
    assert float((few.max(-1).values - values).abs().mean()) > 3 * float(error.mean())


def test_q_learning_of_deterministic_float32_rows_never_terminates_by_rounding():
    transitions = torch.full((1, 1, 1, 1), 1 - 1e-7)
    q = q_learning(transitions, torch.ones(1, 1, 1), 0.5, 2000, seeded())
    assert float(q) == pytest.approx(2.0, abs=1e-3)


def test_q_learning_interrupted(monkeypatch):
    transitions, rewards = random_mdps()
    module = importlib.import_module("metarl_core.agents.q_learning")  # the package's name is the function's
    original, calls = module.q_update, []

    def stops(*arguments):
        calls.append(0)
        if len(calls) == 50:
            raise KeyboardInterrupt
        return original(*arguments)

    monkeypatch.setattr(module, "q_update", stops)
    q = q_learning(transitions, rewards, 0.7, 1000, seeded())
    assert q.any()


def test_q_learning_refuses():
    transitions, rewards = random_mdps()
    with pytest.raises(ValueError, match="transitions must have shape"):
        q_learning(transitions[..., :2], rewards, 0.7, 10, seeded())
    with pytest.raises(ValueError, match="discount"):
        q_learning(transitions, rewards, 1.2, 10, seeded())
    with pytest.raises(ValueError, match="exponent"):
        q_learning(transitions, rewards, 0.7, 10, seeded(), exponent=0.5)
