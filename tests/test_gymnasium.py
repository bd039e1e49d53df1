"""Every family is an ordinary Gymnasium environment, single and vector, and ordinary environments are a family."""

import gc
import importlib.util
import os
import warnings

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import metarl_core  # noqa: F401  (registers the ids)
from metarl_core.agents import CategoricalPolicy, QNetwork, UniformPolicy, VectorSampler
from metarl_core.meta import QMAML, PolicyMAML, policies, values
from metarl_core.meta.values import QReptile
from metarl_core.parameters import initial_parameters, stack_parameters
from metarl_core.registration import FAMILIES
from metarl_core.tasks import (
    CartPole,
    GridGoals,
    GymnasiumTasks,
    Pendulum,
    PointNavigation,
    TaskEnv,
    TaskVectorEnv,
    gymnasium_env,
    rollout,
    select_tasks,
)  # fmt: skip

DISCRETE = [
    f"metarl/{name}-v0"
    for name in ("BernoulliBandits", "TabularMDPs", "GridGoals", "GridNavi", "RotatedKeys", "CartPole")
]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("id", FAMILIES)
def test_checker(id):
    env = gymnasium.make(id)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*infinity.*|.*not within the observation space.*render.*")
        warnings.filterwarnings("ignore", message=".*[Ww]e recommend.*symmetric and normalized.*")
        check_env(env.unwrapped)
    assert env.spec.id == id


@pytest.mark.parametrize("id", FAMILIES)
def test_seeds(id):
    env = gymnasium.make(id)

    def play(seed):
        env.action_space.seed(0)
        record = [env.reset(seed=seed)[0]]
        for _ in range(25):
            observation, reward, terminated, truncated, _ = env.step(env.action_space.sample())
            record += [observation, reward]
            if terminated or truncated:
                record.append(env.reset()[0])
        return np.concatenate([np.atleast_1d(entry) for entry in record])

    assert np.array_equal(play(3), play(3))
    if id in ("metarl/CartPole-v0", "metarl/Pendulum-v0", "metarl/BernoulliBandits-v0", "metarl/TabularMDPs-v0"):
        assert not np.array_equal(play(3), play(4))


@pytest.mark.parametrize("id", FAMILIES)
@pytest.mark.parametrize("mode", ["vector_entry_point", "sync"])
def test_make_vec(id, mode):
    env = gymnasium.make_vec(id, num_envs=3, vectorization_mode=mode)
    assert isinstance(env.unwrapped, SyncVectorEnv if mode == "sync" else TaskVectorEnv)
    observation, info = env.reset(seed=0)
    assert observation in env.observation_space and info == {}
    for _ in range(60):
        observation, reward, terminated, truncated, _ = env.step(env.action_space.sample())
        assert observation in env.observation_space
        assert reward.shape == terminated.shape == truncated.shape == (3,)
        assert terminated.dtype == truncated.dtype == bool and np.issubdtype(reward.dtype, np.floating)
    env.close()


def test_make_vec_async():
    env = gymnasium.make_vec("metarl/CartPole-v0", num_envs=2, vectorization_mode="async", horizon=7)
    env.reset(seed=0)
    ends = [env.step(env.action_space.sample())[3] for _ in range(8)]
    assert [bool(end.all()) for end in ends] == [False] * 6 + [True, False]
    env.close()


def test_make_with_a_task_and_options():
    goal = [0.2, -0.1]
    for task in ({"goal": goal}, {"goal": [goal]}, {"goal": np.array(goal)}, {"goal": torch.tensor(goal)}):
        env = gymnasium.make("metarl/PointNavigation-v0", task=task, horizon=3, reward="squared")
        env.reset()
        _, reward, terminated, truncated, _ = env.step(np.array([1.0, 0.0], dtype=np.float32))
        assert reward == pytest.approx(-(0.1**2 + 0.1**2)) and not terminated and not truncated
        env.step(np.zeros(2, dtype=np.float32))
        assert env.step(np.zeros(2, dtype=np.float32))[2:4] == (False, True)
    env = gymnasium.make("metarl/PointNavigation-v0", max_episode_steps=2)
    env.reset()
    env.step(np.zeros(2, dtype=np.float32))
    assert env.step(np.zeros(2, dtype=np.float32))[3]
    env = gymnasium.make_vec("metarl/PointNavigation-v0", num_envs=2, max_episode_steps=1)
    env.reset()
    assert env.step(np.zeros((2, 2), dtype=np.float32))[3].all()


@pytest.mark.parametrize(
    "family",
    [PointNavigation(horizon=12), GridGoals(size=3, horizon=9), GridGoals(size=3, reward="dense", horizon=500)],
)
def test_autoreset_is_gymnasiums(family):
    """The same actions on Gymnasium's own vector of single environments, across ends and time limits."""
    tasks = family.sample_tasks(3, seeded())
    ours = TaskVectorEnv(family, 6, tasks)
    theirs = SyncVectorEnv([lambda i=i: TaskEnv(family, select_tasks(tasks, i // 2)) for i in range(6)])
    assert ours.metadata["autoreset_mode"] == theirs.metadata["autoreset_mode"] == AutoresetMode.NEXT_STEP
    assert ours.observation_space == theirs.observation_space and ours.action_space == theirs.action_space
    observation, _ = ours.reset(seed=0)
    np.testing.assert_allclose(observation, theirs.reset(seed=0)[0])
    ours.action_space.seed(1)
    ends = np.zeros(2, dtype=int)
    for step in range(400):
        action = ours.action_space.sample()
        if step % 3 == 0 and isinstance(family, PointNavigation):  # towards the goals, so that some are reached
            goals = tasks["goal"].repeat_interleave(2, 0).numpy()
            action = np.clip((goals - observation) / 0.1, -1, 1).astype(np.float32)
        observation, *outcome = ours.step(action)[:4]
        expected, *their_outcome = theirs.step(action)[:4]
        np.testing.assert_allclose(observation, expected, rtol=1e-6)
        for mine, other in zip(outcome, their_outcome, strict=True):
            np.testing.assert_allclose(mine, other, rtol=1e-6)
        ends += [outcome[1].sum(), outcome[2].sum()]
    assert ends[0] > 10 and (ends[1] > 10 or family.horizon == 500)


def test_random_starts_after_a_reset():
    """Initial states after an autoreset are new draws, each handed out once, on the interval of `initial`."""
    env = TaskVectorEnv(CartPole(horizon=5), 50)
    first, _ = env.reset(seed=0)
    starts = [first]
    for step in range(1, 31):
        observation, reward, *_ = env.step(env.action_space.sample())
        if step % 6 == 0:
            assert (reward == 0).all()
            starts.append(observation)
    starts = np.concatenate(starts)
    assert len(starts) == 300 and len(np.unique(starts, axis=0)) == 300
    assert np.abs(starts).max() <= 0.05


def test_each_environment_runs_its_task():
    family = PointNavigation(terminate_at_goal=False)
    tasks = family.sample_tasks(4, seeded())
    env = gymnasium.make_vec("metarl/PointNavigation-v0", num_envs=12, task=tasks, terminate_at_goal=False)
    env.reset(seed=0)
    observation, reward, *_ = env.step(env.action_space.sample())
    goals = tasks["goal"].repeat_interleave(3, 0).numpy()
    np.testing.assert_allclose(reward, -np.linalg.norm(observation - goals, axis=1), rtol=1e-5)


@pytest.mark.parametrize("id", FAMILIES)
def test_what_is_returned_may_be_changed(id):
    """A wrapper that normalises in place must not reach the environment's state."""
    plain, spoilt = (gymnasium.make_vec(id, num_envs=4, vectorization_mode="vector_entry_point") for _ in range(2))
    plain.reset(seed=0), spoilt.reset(seed=0)[0].fill(0)
    plain.action_space.seed(0)
    for _ in range(40):
        action = plain.action_space.sample()
        expected, got = plain.step(action), spoilt.step(action)
        for mine, other in zip(expected[:4], got[:4], strict=True):
            assert np.array_equal(mine, other)
            other.fill(1)


@pytest.mark.parametrize("id", FAMILIES)
def test_actions_of_other_dtypes(id):
    for dtype in (np.int32, np.uint8, np.int64) if id in DISCRETE else (np.float64, np.float32):
        env = gymnasium.make_vec(id, num_envs=3, vectorization_mode="vector_entry_point")
        single = gymnasium.make(id).unwrapped
        env.reset(seed=0), single.reset(seed=0)
        for _ in range(60):  # past the first autoreset of most families
            observation, reward, *_ = env.step(env.action_space.sample().astype(dtype))
            single.step(np.asarray(single.action_space.sample()).astype(dtype))
        assert observation.dtype == env.observation_space.dtype and reward.dtype == np.float32


@pytest.mark.parametrize("id", FAMILIES)
def test_restarts_on_another_device(id, monkeypatch):
    """What a GPU's environments do at an autoreset, tried on the CPU: the same as NumPy's indexing."""
    first, second = (gymnasium.make_vec(id, num_envs=3, vectorization_mode="vector_entry_point") for _ in range(2))
    first.unwrapped.horizon = second.unwrapped.horizon = 4
    first.action_space.seed(0), first.reset(seed=0), second.reset(seed=0)
    for _ in range(12):
        action = first.action_space.sample()
        expected = first.step(action)[:4]
        with monkeypatch.context() as patched:
            patched.setattr(gymnasium_env, "replace_in_numpy", gymnasium_env.replace_on_device)
            for mine, other in zip(expected, second.step(action)[:4], strict=True):
                np.testing.assert_array_equal(mine, other)


def test_float64_tasks_keep_their_precision():
    env = TaskVectorEnv(CartPole(), 2, {name: value.double() for name, value in CartPole().default_params.items()})
    env.reset(seed=0)
    env.step(np.array([0, 1]))
    assert env._state.dtype == torch.float64


# Stable-Baselines3: an outside witness


def needs_stable_baselines():
    if importlib.util.find_spec("stable_baselines3") is None:
        message = "stable-baselines3, of the test extra, is not installed"
        assert not os.environ.get("CI"), message
        pytest.skip(message)


def test_trains_with_ppo():
    needs_stable_baselines()
    from stable_baselines3 import PPO

    env = gymnasium.make("metarl/PointNavigation-v0", horizon=20)
    model = PPO("MlpPolicy", env, n_steps=64, batch_size=32, n_epochs=2, seed=0, device="cpu")
    model.learn(256)
    assert model.num_timesteps >= 256 and len(model.ep_info_buffer) > 5
    returns = [episode["r"] for episode in model.ep_info_buffer]
    assert all(-100 < value <= 0 for value in returns)


def test_trains_with_dqn():
    needs_stable_baselines()
    from stable_baselines3 import DQN

    env = gymnasium.make("metarl/CartPole-v0")
    model = DQN("MlpPolicy", env, learning_starts=50, seed=0, device="cpu")
    model.learn(300)
    assert sum(episode["l"] for episode in model.ep_info_buffer) == pytest.approx(
        sum(episode["r"] for episode in model.ep_info_buffer)
    )


# The reverse: ordinary environments as a family


class Recorded:
    """Plays given actions."""

    def __init__(self, actions):
        self.actions = actions

    def noise(self, shape, generator):
        return self.actions[: shape[0]]

    def act(self, parameters, observation, noise):
        return noise, torch.zeros(noise.shape[:2])


def test_gymnasium_tasks_equal_stepping_by_hand():
    family = GymnasiumTasks([lambda: gymnasium.make("CartPole-v1")], horizon=60)
    tasks = {"index": torch.tensor([0, 0])}
    actions = torch.randint(2, (60, 2, 3), generator=seeded())
    seen = rollout(family, tasks, Recorded(actions), {}, 3, seeded(5))
    seeds = torch.randint(2**31 - 1, (2, 3), generator=seeded(5))
    assert seen.returns.unique().numel() > 1
    for task, episode in np.ndindex(2, 3):
        env = gymnasium.make("CartPole-v1")
        observation, _ = env.reset(seed=int(seeds[task, episode]))
        for time in range(60):
            np.testing.assert_array_equal(seen.observations[task, episode, time], observation)
            observation, reward, terminated, _, _ = env.step(int(actions[time, task, episode]))
            assert float(seen.rewards[task, episode, time]) == reward
            assert bool(seen.terminated[task, episode, time]) == terminated
            if terminated:
                break
        assert int(seen.lengths[task, episode]) == time + 1
        np.testing.assert_array_equal(seen.final_observations[task, episode], observation)
    family.close()


def test_gymnasium_tasks_with_continuous_actions():
    makers = [lambda: gymnasium.make("Pendulum-v1", g=5.0), lambda: gymnasium.make("Pendulum-v1")]
    family = GymnasiumTasks(makers, horizon=8)
    actions = 3 * torch.randn((8, 2, 1, 1), generator=seeded())
    seen = rollout(family, {"index": torch.tensor([1, 0])}, Recorded(actions), {}, 1, seeded(5))
    seeds = torch.randint(2**31 - 1, (2, 1), generator=seeded(5))
    for task, gravity in enumerate((10.0, 5.0)):
        env = gymnasium.make("Pendulum-v1", g=gravity)
        env.reset(seed=int(seeds[task, 0]))
        rewards = [env.step(actions[time, task, 0].clamp(-2, 2).numpy())[1] for time in range(8)]
        np.testing.assert_allclose(seen.rewards[task, 0], rewards, rtol=1e-5, atol=1e-6)
    assert bool(seen.truncated[..., -1].all()) and not seen.terminated.any()


def test_gymnasium_tasks_splits_and_errors():
    def make():
        return gymnasium.make("CartPole-v1")

    family = GymnasiumTasks([make, make], test=[make], horizon=5)
    assert set(family.sample_tasks(100, seeded())["index"].tolist()) == {0, 1}
    assert set(family.sample_tasks(10, seeded(), "test")["index"].tolist()) == {2}
    with pytest.raises(ValueError, match="empty 'ood'"):
        family.sample_tasks(1, seeded(), "ood")
    mixed = GymnasiumTasks([make], test=[lambda: gymnasium.make("Acrobot-v1")], horizon=5)
    with pytest.raises(ValueError, match="spaces like the first"):
        rollout(mixed, mixed.sample_tasks(1, seeded(), "test"), UniformPolicy(mixed.action_space), {}, 1, seeded())


class Counting(gymnasium.Env):
    """Counts its steps in the observation; ends or is cut off at a given one, and cannot be stepped on after."""

    def __init__(self, end, cut, shift=0):
        self.observation_space = gymnasium.spaces.Discrete(20, start=shift)
        self.action_space = gymnasium.spaces.Discrete(3, start=shift)
        self.end, self.cut, self.shift, self.closed, self.over = end, cut, shift, 0, True

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps, self.over = 0, False
        return np.int64(self.shift), {}

    def step(self, action):
        assert not self.over, "stepped after the end"
        assert action in self.action_space
        self.steps += 1
        terminated, truncated = self.steps == self.end, self.steps == self.cut
        self.over = terminated or truncated
        return np.int64(self.steps + self.shift), float(action), terminated, truncated, {}

    def close(self):
        self.closed += 1


def test_truncation_is_the_environments_own():
    """It lands in `truncated`, also at the very step of the family's limit; with termination it does not count."""
    ends = [(9, 3), (2, 9), (4, 4), (9, 6), (9, 9)]
    family = GymnasiumTasks([lambda end=end, cut=cut: Counting(end, cut) for end, cut in ends], horizon=6)
    seen = rollout(family, {"index": torch.arange(5)}, UniformPolicy(family.action_space), {}, 2, seeded())
    assert seen.lengths.tolist() == [[3, 3], [2, 2], [4, 4], [6, 6], [6, 6]]
    assert seen.terminated.any(-1)[:, 0].tolist() == [False, True, True, False, False]
    assert seen.truncated.any(-1)[:, 0].tolist() == [True, False, False, True, True]
    assert torch.equal((seen.terminated | seen.truncated).int().argmax(-1), seen.lengths - 1)
    assert seen.final_observations.tolist() == seen.lengths.tolist()


def test_pendulum_truncates_at_its_own_limit():
    """Gymnasium's Pendulum-v1 is cut off after 200 steps, whatever the horizon."""
    with GymnasiumTasks([lambda: gymnasium.make("Pendulum-v1")], horizon=300) as family:
        seen = rollout(family, family.default_params, UniformPolicy(family.action_space), {}, 2, seeded())
    assert seen.lengths.tolist() == [[200, 200]] and not seen.terminated.any()
    assert bool(seen.truncated[..., 199].all()) and int(seen.truncated.sum()) == 2


def test_spaces_that_start_elsewhere():
    """The family counts from 0 in rollouts and vector environments; its simulators from where they start."""
    family = GymnasiumTasks([lambda: Counting(5, 9, shift=7)], horizon=4)
    assert family.observation_space == gymnasium.spaces.Discrete(20)
    assert family.action_space == gymnasium.spaces.Discrete(3)
    policy = CategoricalPolicy(family.observation_space, family.action_space, hidden=(4,), generator=seeded())
    seen = rollout(family, family.default_params, policy, initial_parameters(policy), 3, seeded())
    assert seen.observations[0, 0].tolist() == [0, 1, 2, 3]
    assert torch.equal(seen.rewards, seen.actions + 7.0)
    envs = family.vector_env(num_envs=2)
    assert envs.single_action_space == family.action_space and envs.reset(seed=0)[0].tolist() == [0, 0]
    observation, reward, *_ = envs.step(np.array([0, 2]))
    assert observation.tolist() == [1, 1] and reward.tolist() == [7, 9]


def test_simulators_are_closed():
    made = []

    def make():
        made.append(Counting(3, 9))
        return made[-1]

    with GymnasiumTasks([make], horizon=4) as family:
        for _ in range(2):  # the second time nothing new is made
            rollout(family, family.default_params, UniformPolicy(family.action_space), {}, 3, seeded())
        assert len(made) == 4 and [env.closed for env in made] == [1, 0, 0, 0]  # the first was asked for its spaces
        envs = family.vector_env(num_envs=2)
    assert [env.closed for env in made] == [1, 1, 1, 1, 0, 0]
    envs.close()
    assert all(env.closed == 1 for env in made)
    rollout(family, family.default_params, UniformPolicy(family.action_space), {}, 1, seeded())
    del family, envs  # the vector environment would make its simulators with the family
    gc.collect()
    assert made[-1].closed == 1


class Broken(Counting):
    """A simulator that fails at a given time."""

    def __init__(self, fails):
        super().__init__(3, 9)
        self.fails = fails

    def reset(self, **named):
        if self.fails == "reset":
            raise RuntimeError("simulator broke")
        return super().reset(**named)

    def step(self, action):
        if self.fails == "step":
            raise RuntimeError("simulator broke")
        return super().step(action)

    def close(self):
        super().close()
        if self.fails == "close":
            raise RuntimeError("simulator broke")


@pytest.mark.parametrize("fails", ["make", "reset", "step"])
@pytest.mark.parametrize("learner", [QMAML, QReptile, "new task", "policy"])
def test_simulators_are_closed_where_one_fails(fails, learner):
    made = []

    def make():
        if fails == "make" and len(made) == 3:
            raise RuntimeError("simulator broke")
        made.append(Broken(fails if len(made) == 3 else None))
        return made[-1]

    with pytest.raises(RuntimeError, match="simulator broke"), GymnasiumTasks([make], horizon=4) as family:
        network = QNetwork(family.observation_space, family.action_space, (4,), seeded())
        start = stack_parameters([network.initial_parameters()])
        config = values.TrainConfig(iterations=1, meta_batch=4)
        if learner == "policy":
            policy = CategoricalPolicy(family.observation_space, family.action_space, (4,), generator=seeded())
            method = PolicyMAML(family, policy, episodes=4)
            policies.train(
                method, initial_parameters(policy), policies.TrainConfig(iterations=1), seeded(), description=None
            )
        elif learner == "new task":
            tasks = {"index": torch.zeros(4, dtype=torch.int64)}
            config = values.NewTaskConfig(steps=9, learning_starts=5, checkpoints=(0, 9))
            values.adaptation_curve(QMAML(family, network), start, tasks, config, seeded(), description=None)
        else:
            values.train(learner(family, network), start, config, seeded(), description=None)
    assert len(made) >= 3 and all(env.closed for env in made)


def test_simulators_are_closed_where_one_cannot_be():
    made = []

    def make():
        made.append(Broken("close" if len(made) == 3 else None))
        return made[-1]

    family = GymnasiumTasks([make], horizon=4)
    rollout(family, family.default_params, UniformPolicy(family.action_space), {}, 5, seeded())
    with pytest.raises(RuntimeError, match="simulator broke"):
        family.close()
    assert len(made) == 6 and all(env.closed for env in made)


def test_a_double_precision_policy_on_gymnasium_tasks():
    with GymnasiumTasks([lambda: gymnasium.make("CartPole-v1")], horizon=9) as family:
        policy = CategoricalPolicy(family.observation_space, family.action_space, (4,), generator=seeded()).double()
        method = PolicyMAML(family, policy, episodes=2)
        config = policies.TrainConfig(iterations=1, meta_batch=1)
        meta, _ = policies.train(method, initial_parameters(policy), config, seeded(), description=None)
        assert all(value.dtype == torch.float64 for value in meta.values())
        tasks = family.sample_tasks(1, seeded())
        returns, _, played = policies.adaptation_curve(method, meta, tasks, seeded())
        assert returns.dtype == played[0].observations.dtype == played[0].rewards.dtype == torch.float64


@pytest.mark.parametrize("stateful", [False, True])
def test_vector_env_runs_each_task_in_its_environments(stateful):
    """Environment i runs task i // (num_envs / tasks), with next-step autoreset and the family's time limit."""
    if stateful:
        makers = [lambda g=g: gymnasium.make("Pendulum-v1", g=g) for g in (0.0, 10.0, 20.0)]
        family, tasks = GymnasiumTasks(makers, horizon=3), {"index": [2, 0]}
    else:
        family = Pendulum(horizon=3)
        tasks = {"gravity": [20.0, 0.0], "mass": [1.0, 1.0], "length": [1.0, 1.0]}
    envs = family.vector_env(tasks, 4)
    assert envs.num_envs == 4 and envs.metadata["autoreset_mode"] == AutoresetMode.NEXT_STEP
    assert family.vector_env(tasks).num_envs == 2
    before, _ = envs.reset(seed=0)
    for step in range(1, 9):
        after, reward, terminated, truncated, _ = envs.step(np.zeros((4, 1), dtype=np.float32))
        if step % 4:
            # Euler's step of the unforced pendulum: 3 g / (2 l) sin θ · 0.05 is added to the speed.
            speedup = (after - before)[:, 2] / before[:, 1]
            np.testing.assert_allclose(speedup, [1.5, 1.5, 0, 0], rtol=1e-3, atol=1e-4)
        assert truncated.all() == (step % 4 == 3) and not terminated.any()
        before = after
    envs.close()


def test_a_sampler_of_gymnasium_tasks():
    """Each learner of a sampler acts on its own task's simulator."""
    makers = [lambda n=n: Counting(n, 99) for n in (2, 3, 5)]
    with GymnasiumTasks(makers, horizon=10) as family:
        envs = family.vector_env({"index": torch.tensor([2, 0])})
        sampler = VectorSampler(envs, 6, learners=2)
        policy = UniformPolicy(family.action_space)
        seen = sampler(policy, {}, seeded())
        assert seen.terminated[:, 0].tolist() == [
            [False, False, False, False, True, False],
            [False, True, False, False, True, False],
        ]
        assert seen.mask[:, 0].tolist() == [[True] * 5 + [False], [True, True, False] * 2]
        envs.close()


def test_a_policy_adapts_on_gymnasium_tasks():
    def light():
        env = gymnasium.make("CartPole-v1")
        env.unwrapped.force_mag = 5.0
        return env

    family = GymnasiumTasks([light, lambda: gymnasium.make("CartPole-v1")], horizon=30)
    policy = CategoricalPolicy(family.observation_space, family.action_space, hidden=(8,), generator=seeded())
    tasks = {"index": torch.tensor([0, 1])}
    method = PolicyMAML(family, policy, 0.5, episodes=3)
    returns, visited, _ = policies.adaptation_curve(method, initial_parameters(policy), tasks, seeded())
    assert returns.shape == (2, 2) and bool((returns > 0).all())
    assert not torch.equal(visited[1]["logits.weight0"][0], visited[1]["logits.weight0"][1])
    family.close()


@pytest.mark.parametrize(
    "id, after, keep",
    [
        ("ChangingCartPole", "force", {"horizon": 20}),
        ("ChangingPendulum", "gravity", {"horizon": 20}),
        ("ChangingArm", "gain2", {"horizon": 20}),
    ],
)
def test_a_body_changes_in_mid_episode(id, after, keep):
    """One step before the change an episode is that of a task without it, and from there on another."""
    family = gymnasium.make(f"metarl/{id}-v0", earliest=5, latest=5, **keep).unwrapped.family
    task = family.sample_tasks(1, seeded(3))
    same = task | {f"after.{after}": task[after]}
    played = []
    for given in (task, same):
        env = gymnasium.make(f"metarl/{id}-v0", task=given, earliest=5, latest=5, **keep)
        env.reset(seed=0)
        played.append(np.stack([env.step(env.action_space.high)[0] for _ in range(10)]))
    assert np.array_equal(played[0][:5], played[1][:5]) and not np.allclose(played[0][6:], played[1][6:])
