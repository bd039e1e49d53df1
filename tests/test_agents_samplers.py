"""Vector environments and task families as sources of experience, against stepping by hand."""

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import TimeLimit

from metarl_core.agents import CategoricalPolicy, GaussianPolicy, QNetwork, VectorSampler, evaluate
from metarl_core.parameters import initial_parameters, repeat_parameters, stack_parameters
from metarl_core.tasks import CartPole, GridGoals, TaskVectorEnv


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


class Counter(gymnasium.Env):
    """Counts its steps; the observation is (episode, step). Action 1 ends the episode. Rewards are 10 and the step."""

    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (2,), np.float64)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self):
        self.episode = -1

    def reset(self, *, seed=None, options=None):
        self.episode, self.step_number = self.episode + 1, 0
        return self._seen(), {}

    def step(self, action):
        self.step_number += 1
        return self._seen(), 10.0 + self.step_number, bool(action == 1), False, {}

    def _seen(self):
        return np.array([self.episode, self.step_number], dtype=np.float64)


class Script:
    """A policy that plays a list of actions, the same in all environments."""

    def __init__(self, actions):
        self.actions, self.played = actions, 0

    def noise(self, shape, generator):
        return torch.zeros(shape)

    def act(self, parameters, observation, noise):
        action = torch.full(observation.shape[:2], self.actions[self.played])
        self.played += 1
        return action, torch.zeros(action.shape)


def counters(number=2, limit=3):
    return SyncVectorEnv([lambda: TimeLimit(Counter(), limit) for _ in range(number)])


def test_segment_by_hand():
    """Episode 0 is truncated after 3 steps, episode 1 terminated after 1, episode 2 goes on into the next segment."""
    sampler = VectorSampler(counters(), num_steps=7)
    script = Script([0, 0, 0, 0, 1, 0, 0, 0, 0])
    seen = sampler(script, {}, seeded())
    assert seen.observations[0, 1].tolist() == [[0, 0], [0, 1], [0, 2], [0, 3], [1, 0], [1, 1], [2, 0]]
    assert seen.rewards[0, 1].tolist() == [11, 12, 13, 0, 11, 0, 11]
    assert seen.mask[0, 0].tolist() == [True, True, True, False, True, False, True]
    assert seen.truncated[0, 0].tolist() == [False, False, True, False, False, False, False]
    assert seen.terminated[0, 0].tolist() == [False, False, False, False, True, False, False]
    assert seen.final_observations[0].tolist() == [[2, 1], [2, 1]]
    assert seen.observations.dtype == torch.float32, "whatever the space's type is"
    assert sampler.episode_returns == [[36.0, 36.0, 11.0, 11.0]]
    assert sampler.recent_return().tolist() == [23.5] and sampler.recent_return(2).tolist() == [11.0]
    sampler.num_steps = 2
    following = sampler(script, {}, seeded())
    assert following.observations[0, 0].tolist() == [[2, 1], [2, 2]]
    assert following.truncated[0, 0].tolist() == [False, True]
    assert following.final_observations[0, 0].tolist() == [2, 3], "the true last observation"


def test_learners_share_environments_in_order():
    sampler = VectorSampler(counters(4), num_steps=1, learners=2)
    actions = torch.tensor([[0, 1], [1, 0]])
    _, reward, terminated, truncated, mask = sampler.step(actions)
    assert terminated.tolist() == [[False, True], [True, False]] and mask.all() and not truncated.any()
    assert sampler.episode_returns == [[11.0], [11.0]] and reward.tolist() == [[11.0, 11.0]] * 2
    _, reward, *_, mask = sampler.step(torch.zeros((2, 2), dtype=torch.int64))
    assert mask.tolist() == [[True, False], [False, True]] and reward.tolist() == [[12.0, 0.0], [0.0, 12.0]]


@pytest.mark.parametrize("kind", ["sync", "async", "vector_entry_point", "list of makers", "task vector"])
def test_equals_stepping_by_hand(kind):
    """Any vector environment: what is recorded is what single environments give, with the dummy steps left out."""
    number, steps = 3, 60

    def vector():
        if kind == "list of makers":
            return SyncVectorEnv([lambda: gymnasium.make("CartPole-v1", max_episode_steps=20)] * number)
        if kind == "task vector":
            return TaskVectorEnv(CartPole(horizon=20), number)
        return gymnasium.make_vec("CartPole-v1", number, vectorization_mode=kind, max_episode_steps=20)

    sampler = VectorSampler(vector(), steps, seed=5)
    space = sampler.envs.single_observation_space
    policy = CategoricalPolicy(space, sampler.envs.single_action_space, generator=seeded())
    seen = sampler(policy, repeat_parameters(initial_parameters(policy), 1), seeded(1))
    sampler.envs.close()
    other = vector()
    observation, _ = other.reset(seed=5)
    ended = np.zeros(number, dtype=bool)
    for t in range(steps):
        np.testing.assert_array_equal(seen.observations[0, :, t].numpy(), observation)
        np.testing.assert_array_equal(seen.mask[0, :, t].numpy(), ~ended)
        observation, reward, terminated, truncated, _ = other.step(seen.actions[0, :, t].numpy())
        np.testing.assert_array_equal(seen.rewards[0, :, t].numpy(), np.where(ended, 0, reward))
        np.testing.assert_array_equal(seen.terminated[0, :, t].numpy(), terminated)
        np.testing.assert_array_equal(seen.truncated[0, :, t].numpy(), truncated)
        ended = terminated | truncated
    other.close()
    np.testing.assert_array_equal(seen.final_observations[0].numpy(), observation)
    assert seen.terminated.any() and not seen.mask.all()


def test_actions_are_clipped_where_they_are_played_only():
    envs = gymnasium.make_vec("Pendulum-v1", 2)
    policy = GaussianPolicy(
        envs.single_observation_space, envs.single_action_space, generator=seeded(), initial_std=50.0
    )
    parameters = repeat_parameters(initial_parameters(policy), 1)
    seen = VectorSampler(envs, 20)(policy, parameters, seeded(1))
    assert seen.actions.abs().max() > 10, "the record holds what was drawn, as its log-probability needs"
    expected = policy.log_probability(parameters, seen.observations, seen.actions)
    torch.testing.assert_close(seen.log_probabilities, expected, rtol=1e-4, atol=1e-4)


def test_discrete_spaces_that_do_not_start_at_zero():
    class Shifted(Counter):
        action_space = gymnasium.spaces.Discrete(2, start=5)

        def step(self, action):
            assert action in (5, 6)
            return super().step(action - 5)

    sampler = VectorSampler(SyncVectorEnv([Shifted] * 2), num_steps=2)
    assert sampler(Script([0, 1]), {}, seeded()).terminated[0, 0].tolist() == [False, True]


def test_refuses():
    same = SyncVectorEnv([Counter] * 2, autoreset_mode=AutoresetMode.SAME_STEP)
    with pytest.raises(ValueError, match="next-step autoreset"):
        VectorSampler(same, 1)
    with pytest.raises(ValueError, match="next-step autoreset"):
        VectorSampler(SyncVectorEnv([Counter] * 2, autoreset_mode=AutoresetMode.DISABLED), 1)
    with pytest.raises(ValueError, match="learners must be at least 1, got 0"):
        VectorSampler(counters(), 1, 0)
    with pytest.raises(ValueError, match="num_envs must be a multiple"):
        VectorSampler(counters(), 1, 3)
    with pytest.raises(ValueError, match="steps must be at least 1"):
        VectorSampler(counters(), 0)


def test_diverged_parameters_are_refused():
    sampler = VectorSampler(gymnasium.make_vec("CartPole-v1", 2), 4)
    policy = CategoricalPolicy(
        sampler.envs.single_observation_space, sampler.envs.single_action_space, generator=seeded()
    )
    broken = {name: value * torch.nan for name, value in repeat_parameters(initial_parameters(policy), 1).items()}
    with pytest.raises(ValueError, match="NaN"):
        sampler(policy, broken, seeded())


# Evaluation


def test_evaluate_by_hand():
    env = gymnasium.make("CartPole-v1")
    network = QNetwork(env.observation_space, env.action_space, (8,), seeded())
    parameters = network.initial_parameters()
    returns = evaluate(env, network, parameters, episodes=4, seed=3)
    expected = []
    for episode in range(4):
        observation, _ = env.reset(seed=3 if episode == 0 else None)
        total, over = 0.0, False
        while not over:
            action = int(network(parameters, torch.from_numpy(observation)).argmax())
            observation, reward, terminated, truncated, _ = env.step(action)
            total, over = total + reward, terminated or truncated
        expected.append(total)
    assert returns.tolist() == expected
    with pytest.raises(ValueError, match="episodes must be at least 1"):
        evaluate(env, network, parameters, episodes=0)


def test_evaluate_is_greedy_or_draws():
    env = gymnasium.make("Pendulum-v1", max_episode_steps=20)
    policy = GaussianPolicy(env.observation_space, env.action_space, hidden=(4,), generator=seeded())
    parameters = initial_parameters(policy)
    greedy = evaluate(env, policy, parameters, 3, seed=1)
    assert torch.equal(greedy, evaluate(env, policy, parameters, 3, seed=1))
    drawn = evaluate(env, policy, parameters, 3, seed=1, greedy=False)
    assert torch.equal(drawn, evaluate(env, policy, parameters, 3, seed=1, greedy=False))
    assert not torch.equal(greedy, drawn)
    silent = parameters | {"log_std": torch.full((1,), -50.0)}
    torch.testing.assert_close(evaluate(env, policy, silent, 3, seed=1, greedy=False), greedy, rtol=1e-3, atol=1e-3)


def test_evaluate_discrete_observations():
    env = gymnasium.make("FrozenLake-v1", is_slippery=False)
    policy = CategoricalPolicy(env.observation_space, env.action_space, hidden=(), generator=seeded())
    parameters = initial_parameters(policy)
    parameters["logits.weight0"] = torch.zeros(4, 16)
    for state, action in {0: 1, 4: 1, 8: 2, 9: 1, 13: 2, 14: 2}.items():
        parameters["logits.weight0"][action, state] = 1.0
    assert evaluate(env, policy, parameters, 2).tolist() == [1.0, 1.0]


def test_discrete_observations_of_families():
    family = GridGoals(horizon=8)
    tasks = family.sample_tasks(2, seeded())
    sampler = VectorSampler(TaskVectorEnv(family, 6, tasks), 10, learners=2)
    policy = CategoricalPolicy(family.observation_space, family.action_space, hidden=(4,), generator=seeded())
    many = stack_parameters([initial_parameters(policy)] * 2)
    seen = sampler(policy, many, seeded(1))
    assert seen.rewards.shape == (2, 3, 10)
    torch.testing.assert_close(
        policy.log_probability(many, seen.observations, seen.actions), seen.log_probabilities, rtol=1e-4, atol=1e-5
    )
