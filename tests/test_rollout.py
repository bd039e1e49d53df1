"""`rollout` against a plain loop over one Gymnasium environment, and its bookkeeping in cases made by hand."""

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.spaces import Box

from metarl_core.agents import CategoricalPolicy, GaussianPolicy, UniformPolicy
from metarl_core.parameters import initial_parameters, stack_parameters
from metarl_core.tasks import (
    BernoulliBandits,
    CartPole,
    GridGoals,
    GridNavi,
    Pendulum,
    PointNavigation,
    RotatedKeys,
    TabularMDPs,
    TaskFamily,
    TurnedControls,
    rollout,
    select_tasks,
)  # fmt: skip
from metarl_core.tasks.family import expand_tasks

FAMILIES = {
    "metarl/CartPole-v0": CartPole(),
    "metarl/Pendulum-v0": Pendulum(),
    "metarl/GridGoals-v0": GridGoals(),
    "metarl/GridNavi-v0": GridNavi(),
    "metarl/RotatedKeys-v0": RotatedKeys(),
    "metarl/TurnedControls-v0": TurnedControls(),
    "metarl/PointNavigation-v0": PointNavigation(),
    "metarl/BernoulliBandits-v0": BernoulliBandits(),
    "metarl/TabularMDPs-v0": TabularMDPs(),
}
DETERMINISTIC = list(FAMILIES)[:5]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def policy_for(family, seed=0):
    kind = CategoricalPolicy if isinstance(family.action_space, gymnasium.spaces.Discrete) else GaussianPolicy
    policy = kind(family.observation_space, family.action_space, hidden=(8,), generator=seeded(seed))
    return policy, initial_parameters(policy)


@pytest.mark.parametrize("id", DETERMINISTIC)
def test_equals_a_loop_over_one_environment(id):
    """The same start, the same actions: the same observations, rewards and ends, for every task and episode."""
    family = FAMILIES[id]
    tasks = family.sample_tasks(3, seeded())
    policy, parameters = policy_for(family)
    seen = rollout(family, tasks, policy, parameters, 4, seeded(1), horizon=40)
    rng = seeded(1)
    policy.noise((40, 3, 4), rng)
    starts = family.initial(rng, expand_tasks(tasks, 4))
    for task, episode in np.ndindex(3, 4):
        env = gymnasium.make(id, task=select_tasks(tasks, task), horizon=40)
        observation, _ = env.reset()
        env.unwrapped._state = starts[task : task + 1, episode : episode + 1]
        observation = family.observation(env.unwrapped._state, rng, None)[0, 0].numpy()
        for time in range(40):
            np.testing.assert_allclose(seen.observations[task, episode, time], observation, rtol=1e-5, atol=1e-6)
            action = seen.actions[task, episode, time].numpy()
            observation, reward, terminated, truncated, _ = env.step(action if action.ndim else int(action))
            assert float(seen.rewards[task, episode, time]) == pytest.approx(reward, rel=1e-5, abs=1e-6)
            assert bool(seen.mask[task, episode, time])
            assert bool(seen.terminated[task, episode, time]) == terminated
            assert bool(seen.truncated[task, episode, time]) == truncated
            if terminated or truncated:
                break
        assert int(seen.lengths[task, episode]) == time + 1
        np.testing.assert_allclose(seen.final_observations[task, episode], observation, rtol=1e-5, atol=1e-6)
        assert float(seen.returns[task, episode]) == pytest.approx(float(seen.rewards[task, episode, : time + 1].sum()))


class Countdown(TaskFamily):
    """Ends when the state, which falls by one a step, reaches zero; episode e of task t starts at t + e + 1."""

    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (1,))
    action_space = gymnasium.spaces.Discrete(2)

    def get_default_params(self):
        return {"start": torch.tensor([1.0])}

    def initial(self, rng, params):
        return params["start"] + torch.arange(params["start"].shape[1])

    def transition(self, state, action, rng, params):
        return state - 1

    def observation(self, state, rng, params):
        return state[..., None]

    def reward(self, state, action, next_state, rng, params):
        return 10 + state

    def terminal(self, state, rng, params):
        return state == 0


def test_terminated_and_truncated_by_hand():
    family = Countdown(horizon=4)
    tasks = {"start": torch.tensor([1.0, 3.0])}
    seen = rollout(family, tasks, UniformPolicy(family.action_space), {}, 3, seeded())
    assert seen.lengths.tolist() == [[1, 2, 3], [3, 4, 4]]
    last = torch.zeros(2, 3, 4, dtype=torch.bool).scatter_(2, seen.lengths[..., None] - 1, True)
    # Starting at 4 the episode ends exactly at the time limit: terminated, not truncated. At 5 the limit cuts.
    cut = torch.tensor([[False, False, False], [False, False, True]])
    assert torch.equal(seen.terminated, last & ~cut[..., None])
    assert torch.equal(seen.truncated, last & cut[..., None])
    assert seen.final_observations[..., 0].tolist() == [[0, 0, 0], [0, 0, 1]]
    assert seen.rewards[0, 1].tolist() == [12, 11, 0, 0]
    assert seen.observations[0, 1, :, 0].tolist() == [2, 1, 0, 0]
    assert seen.returns.tolist() == [[11, 23, 36], [36, 50, 54]]
    assert seen.steps == int(seen.mask.sum()) == 17


def test_padding_is_zero():
    family = CartPole()
    tasks = family.sample_tasks(5, seeded())
    policy, parameters = policy_for(family)
    seen = rollout(family, tasks, policy, parameters, 20, seeded(1))
    padding = ~seen.mask
    assert bool(padding.any())
    for name in ("observations", "actions", "rewards", "log_probabilities", "terminated", "truncated"):
        assert not getattr(seen, name)[padding].any(), name
    first = seen.mask[..., 1:].int() - seen.mask[..., :-1].int()
    assert bool((first <= 0).all()), "a mask falls once and never rises"
    assert torch.equal((seen.terminated | seen.truncated).sum(-1), torch.ones(5, 20, dtype=torch.int64))


def test_early_stop_changes_nothing():
    """A longer time limit than any episode needs, stopped early, equals the limit that just fits."""
    family = CartPole()
    tasks = family.sample_tasks(3, seeded())
    policy = UniformPolicy(family.action_space)

    class Actions:
        def __init__(self, actions):
            self.actions = actions

        def noise(self, shape, generator):
            return self.actions[: shape[0]]

        act = policy.act

    actions = policy.noise((500, 3, 6), seeded(2))
    stopped = rollout(family, tasks, Actions(actions), {}, 6, seeded(1), horizon=500)
    longest = int(stopped.lengths.max())
    fitting = rollout(family, tasks, Actions(actions), {}, 6, seeded(1), horizon=longest)
    assert longest < 490
    for name, value in vars(fitting).items():
        long = getattr(stopped, name)
        if name != "final_observations":
            assert not long[:, :, longest:].any()
            long = long[:, :, :longest]
        assert torch.equal(long, value), name


@pytest.mark.parametrize("name", FAMILIES)
def test_reproducible_and_shaped(name):
    family = FAMILIES[name]
    tasks = family.sample_tasks(3, seeded())
    policy, parameters = policy_for(family)
    first, again, other = (rollout(family, tasks, policy, parameters, 5, seeded(seed), horizon=9) for seed in (1, 1, 2))
    for key, value in vars(first).items():
        assert torch.equal(value, getattr(again, key)), key
    assert not torch.equal(first.actions, other.actions)
    assert first.rewards.shape == first.mask.shape == (3, 5, 9)
    assert first.observations.shape == (3, 5, 9, *family.observation_space.shape)
    assert first.actions.shape == (3, 5, 9, *family.action_space.shape)
    assert first.final_observations.shape == (3, 5, *family.observation_space.shape)
    assert not first.log_probabilities.requires_grad
    part = first.select([2, 0])
    assert torch.equal(part.rewards, first.rewards[[2, 0]]) and torch.equal(part.returns, first.returns[[2, 0]])


def test_parameters_act_on_their_own_task():
    """With one set of parameters a task, each task's episodes are those of its set alone."""
    family = PointNavigation()
    tasks = family.sample_tasks(3, seeded())
    policy, _ = policy_for(family)
    sets = [policy_for(family, seed)[1] for seed in range(3)]
    together = rollout(family, tasks, policy, stack_parameters(sets), 4, seeded(1))
    swapped = rollout(family, tasks, policy, stack_parameters([sets[0], sets[2], sets[1]]), 4, seeded(1))
    assert torch.equal(together.actions[0], swapped.actions[0])
    assert not torch.allclose(together.actions[1], swapped.actions[1])
    for task in range(3):
        alone = rollout(family, tasks, policy, sets[task], 4, seeded(1))  # shared by all tasks
        torch.testing.assert_close(alone.actions[task], together.actions[task], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(alone.returns[task], together.returns[task], rtol=1e-4, atol=1e-4)


def test_tasks_act_on_their_own_episodes():
    family = PointNavigation(terminate_at_goal=False)
    tasks = family.sample_tasks(3, seeded())
    policy, parameters = policy_for(family)
    together = rollout(family, tasks, policy, parameters, 4, seeded(1))
    distances = (together.observations[:, :, 1:] - tasks["goal"][:, None, None]).norm(dim=-1)
    torch.testing.assert_close(together.rewards[:, :, :-1], -distances)


@pytest.mark.parametrize("name", ["metarl/PointNavigation-v0", "metarl/GridGoals-v0"])
def test_diverged_policy(name):
    """Categorical actions drawn from NaN logits are ordinary integers: their probabilities give them away."""
    family = FAMILIES[name]
    policy, parameters = policy_for(family)
    broken = {key: torch.full_like(value, torch.nan) for key, value in parameters.items()}
    with pytest.raises(ValueError, match="NaN"):
        rollout(family, family.sample_tasks(2, seeded()), policy, broken, 2, seeded())


@pytest.mark.parametrize("name", [name for name in FAMILIES if isinstance(FAMILIES[name].observation_space, Box)])
def test_double_from_tasks_to_advantages(name):
    """Tasks and weights in double, torch's default float32: every number of the learner's is double."""
    family = FAMILIES[name]
    tasks = family.sample_tasks(3, seeded(), dtype=torch.float64)
    assert all(value.dtype == torch.float64 and value.shape[0] == 3 for value in tasks.values())
    policy, parameters = policy_for(family)
    parameters = {key: value.double() for key, value in parameters.items()}
    seen = rollout(family, tasks, policy, parameters, 4, seeded(1), horizon=6)
    returns = seen.rewards.flip(-1).cumsum(-1).flip(-1)
    advantages = (returns - returns.mean(1, keepdim=True)) * seen.mask
    for value in (seen.rewards, seen.log_probabilities, advantages):
        assert value.dtype == torch.float64
    if seen.observations.is_floating_point():
        assert seen.observations.dtype == seen.final_observations.dtype == torch.float64
    if seen.actions.is_floating_point():
        assert seen.actions.dtype == torch.float64


def test_tasks_are_cast_at_the_boundary():
    """What NumPy or a list holds is cast to what networks compute in; a tensor in double is refused beside float32."""
    family = PointNavigation()
    policy, parameters = policy_for(family)
    expected = rollout(family, {"goal": torch.tensor([[0.1, 0.2]])}, policy, parameters, 2, seeded(), horizon=4)
    for goal in (np.array([[0.1, 0.2]]), [[0.1, 0.2]], [0.1, 0.2]):
        seen = rollout(family, {"goal": goal}, policy, parameters, 2, seeded(), horizon=4)
        assert torch.equal(seen.rewards, expected.rewards) and seen.rewards.dtype == torch.float32
    double = {"goal": torch.tensor([[0.1, 0.2]], dtype=torch.float64)}
    with pytest.raises(ValueError, match=r"of the tasks' dtype torch.float64, got torch.float32"):
        rollout(family, double, policy, parameters, 2, seeded())
    with pytest.raises(ValueError, match="must be a tensor, got ndarray"):
        family.check_tasks({"goal": np.zeros((1, 2))})


def test_refuses():
    family = PointNavigation()
    policy, parameters = policy_for(family)
    tasks = family.sample_tasks(2, seeded())
    with pytest.raises(ValueError, match="episodes must be at least 1, got 0"):
        rollout(family, tasks, policy, parameters, 0, seeded())
    with pytest.raises(ValueError, match="at least 1, got 0"):
        rollout(family, tasks, policy, parameters, 1, seeded(), horizon=0)

    class OneAction(UniformPolicy):
        def act(self, parameters, observation, noise):
            return noise[..., :1], noise[..., 0]

    with pytest.raises(ValueError, match=r"shape \[2, 3, 2\], got \[2, 3, 1\]"):
        rollout(family, tasks, OneAction(family.action_space), {}, 3, seeded())
