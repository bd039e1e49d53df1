"""Returns, baselines and REINFORCE: against their definitions, and against enumeration of all trajectories."""

import itertools

import gymnasium
import numpy as np
import pytest
import torch

from metarl_core.agents import (
    CategoricalPolicy,
    GaussianPolicy,
    ReinforceConfig,
    advantages,
    linear_baseline,
    normalise,
    policy_advantages,
    reinforce_loss,
    reward_to_go,
    train_reinforce,
)
from metarl_core.exact import policy_value
from metarl_core.parameters import initial_parameters, repeat_parameters
from metarl_core.tasks import CartPole, PointNavigation, Trajectories, rollout


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("discount", [0.0, 0.9, 1.0])
def test_reward_to_go_by_definition(discount):
    rewards = torch.randn((3, 4, 7), dtype=torch.float64, generator=seeded())
    before = rewards.clone()
    result = reward_to_go(rewards, discount)
    for t in range(7):
        expected = sum(discount ** (k - t) * rewards[..., k] for k in range(t, 7))
        torch.testing.assert_close(result[..., t], expected, rtol=1e-12, atol=1e-12)
    assert torch.equal(rewards, before)


@pytest.mark.parametrize("discount", [-0.1, 1.1, float("nan")])
def test_reward_to_go_refuses(discount):
    with pytest.raises(ValueError, match="discount must be in"):
        reward_to_go(torch.ones(3), discount)


def random_masks(tasks, episodes, horizon, seed=0):
    lengths = torch.randint(2, horizon + 1, (tasks, episodes, 1), generator=seeded(seed))
    return torch.arange(horizon).expand(tasks, episodes, horizon) < lengths


def test_linear_baseline_is_least_squares_per_task():
    tasks, episodes, horizon = 3, 8, 30
    mask = random_masks(tasks, episodes, horizon)
    features = torch.randn((tasks, episodes, horizon, 2), dtype=torch.float64, generator=seeded(1))
    targets = torch.randn((tasks, episodes, horizon), dtype=torch.float64, generator=seeded(2)) + features[..., 0] ** 2
    predicted = linear_baseline(features, targets, mask)
    assert not predicted[~mask].any()
    for task in range(tasks):
        rows = []
        for episode, t in itertools.product(range(episodes), range(horizon)):
            if mask[task, episode, t]:
                s = features[task, episode, t].numpy()
                clock = t / 100
                rows.append([*s, *s**2, clock, clock**2, clock**3, 1])
        design, goal = np.array(rows), targets[task][mask[task]].numpy()
        ridge = np.sqrt(1e-5) * np.eye(design.shape[1])
        solution = np.linalg.lstsq(
            np.vstack([design, ridge]), np.concatenate([goal, np.zeros(len(ridge))]), rcond=None
        )[0]
        np.testing.assert_allclose(predicted[task][mask[task]].numpy(), design @ solution, rtol=1e-6, atol=1e-7)


def test_linear_baseline_ignores_padding_and_other_tasks():
    mask = random_masks(2, 5, 20)
    features = torch.randn((2, 5, 20, 3), generator=seeded(1))
    targets = torch.randn((2, 5, 20), generator=seeded(2))
    predicted = linear_baseline(features, targets, mask)
    spoilt_features = torch.where(mask[..., None], features, torch.tensor(5.0))
    spoilt_targets = torch.where(mask, targets, torch.tensor(1e3))
    torch.testing.assert_close(linear_baseline(spoilt_features, spoilt_targets, mask), predicted)
    torch.testing.assert_close(linear_baseline(features[1:], targets[1:], mask[1:]), predicted[1:])
    features[0] = 0.0  # columns of zeros: only the ridge makes them solvable
    torch.testing.assert_close(linear_baseline(features, targets, mask)[1:], predicted[1:])


def test_linear_baseline_fits_what_is_linear_and_clips():
    mask = torch.ones(1, 4, 50, dtype=torch.bool)
    features = torch.randn((1, 4, 50, 2), generator=seeded(1))
    clock = torch.arange(50) / 100
    targets = 3 - 2 * features[..., 0] + features[..., 1] ** 2 + 5 * clock**3
    torch.testing.assert_close(linear_baseline(features, targets, mask), targets, rtol=1e-3, atol=1e-3)
    huge = features * 1e6
    assert linear_baseline(huge, targets, mask).isfinite().all()
    with pytest.raises(ValueError, match="finite"):
        linear_baseline(features * torch.nan, targets, mask)


def test_normalise_per_task():
    mask = random_masks(3, 6, 9)
    values = (
        torch.randn((3, 6, 9), dtype=torch.float64, generator=seeded(1))
        * torch.tensor([1.0, 10.0, 100.0])[:, None, None]
        + 5
    )
    result = normalise(values, mask)
    assert not result[~mask].any()
    for task in range(3):
        valid = values[task][mask[task]].numpy()
        np.testing.assert_allclose(result[task][mask[task]].numpy(), (valid - valid.mean()) / valid.std(), rtol=1e-6)
    spoilt = torch.where(mask, values, torch.tensor(1e6, dtype=torch.float64))
    torch.testing.assert_close(normalise(spoilt, mask), result)
    assert not normalise(torch.ones(1, 2, 3), torch.ones(1, 2, 3, dtype=torch.bool)).any()


def test_advantages_are_returns_minus_baseline():
    family = CartPole()
    tasks = family.sample_tasks(2, seeded())
    policy = CategoricalPolicy(family.observation_space, family.action_space, hidden=(4,), generator=seeded())
    seen = rollout(family, tasks, policy, initial_parameters(policy), 6, seeded(1), horizon=60)
    returns = reward_to_go(seen.rewards, 0.9)
    plain = (returns - linear_baseline(seen.observations, returns, seen.mask)) * seen.mask
    torch.testing.assert_close(advantages(seen, seen.observations, 0.9, normalised=False), plain)
    torch.testing.assert_close(policy_advantages(policy, seen, 0.9), normalise(plain, seen.mask))


# The policy gradient by enumeration


class Enumeration:
    """All trajectories of a small MDP, one a task with one episode, and their probabilities under a policy."""

    def __init__(self, states=3, actions=2, horizon=3, seed=0):
        random = np.random.default_rng(seed)
        self.transitions = torch.from_numpy(random.dirichlet(np.ones(states), (states, actions)))
        self.rewards = torch.from_numpy(random.normal(size=(states, actions)))
        self.horizon = horizon
        self.policy = CategoricalPolicy(
            gymnasium.spaces.Discrete(states), gymnasium.spaces.Discrete(actions), hidden=(), generator=seeded(seed)
        )
        self.parameters = {
            name: torch.from_numpy(random.normal(size=tuple(value.shape)))
            for name, value in initial_parameters(self.policy).items()
        }
        paths = itertools.product(range(actions), *[range(states), range(actions)] * (horizon - 1), range(states))
        paths = torch.tensor(list(paths))
        actions_taken, following = paths[:, 0::2], paths[:, 1::2]
        visited = torch.cat([torch.zeros_like(following[:, :1]), following[:, :-1]], 1)
        self.chance_of_nature = self.transitions[visited, actions_taken, following].prod(1)
        rewards = self.rewards[visited, actions_taken][:, None]
        everywhere = torch.ones_like(rewards, dtype=torch.bool)
        blank = torch.zeros_like(everywhere)
        self.trajectories = Trajectories(
            visited[:, None],
            actions_taken[:, None],
            rewards,
            torch.zeros_like(rewards),
            everywhere,
            blank,
            blank,
            following[:, -1:],
        )

    def log_probabilities(self, parameters):
        """log π `[trajectory, 1, time]`."""
        return self.policy.log_probability(parameters, self.trajectories.observations, self.trajectories.actions)

    def chances(self, parameters):
        """P(trajectory) under the policy `[trajectory]`."""
        return self.chance_of_nature * self.log_probabilities(parameters).sum((1, 2)).exp()

    def expected_return(self, parameters):
        return (self.chances(parameters) * self.trajectories.rewards.sum((1, 2))).sum()


@pytest.fixture
def double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def test_enumeration_is_the_mdp(double):
    world = Enumeration()
    assert float(world.chances(world.parameters).sum()) == pytest.approx(1, abs=1e-12)
    table = world.policy.log_probabilities(world.parameters, torch.arange(3)[None])[0].exp()
    exact = policy_value(world.transitions, world.rewards, table, world.horizon)[0]
    torch.testing.assert_close(world.expected_return(world.parameters), exact, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("baseline", [0.0, 2.5])
def test_reinforce_gradient_is_the_gradient_of_the_return(double, baseline):
    """The expected surrogate gradient against finite differences of the exact return; a constant baseline is free."""
    world = Enumeration()
    leaves = {name: value.clone().requires_grad_() for name, value in world.parameters.items()}
    advantage = reward_to_go(world.trajectories.rewards, 1.0) - baseline
    losses = reinforce_loss(world.policy, leaves, world.trajectories, advantage)
    (losses * world.chances(world.parameters)).sum().backward()
    for name, value in world.parameters.items():
        for place in np.ndindex(*value.shape):
            sides = []
            for shift in (1e-5, -1e-5):
                moved = {key: entry.clone() for key, entry in world.parameters.items()}
                moved[name][place] += shift
                sides.append(float(world.expected_return(moved)))
            slope = (sides[0] - sides[1]) / 2e-5
            assert float(leaves[name].grad[place]) * -world.horizon == pytest.approx(slope, rel=1e-6, abs=1e-8)


def test_reinforce_loss_masks_and_detaches():
    family = CartPole()
    tasks = family.sample_tasks(2, seeded())
    policy = CategoricalPolicy(family.observation_space, family.action_space, hidden=(4,), generator=seeded())
    parameters = initial_parameters(policy)
    seen = rollout(family, tasks, policy, parameters, 5, seeded(1), horizon=60)
    advantage = torch.randn(seen.rewards.shape, generator=seeded(2)).requires_grad_()
    loss = reinforce_loss(policy, parameters, seen, advantage)
    assert not loss.requires_grad
    for task in range(2):
        products = (seen.log_probabilities[task] * advantage[task])[seen.mask[task]]
        torch.testing.assert_close(loss[task], -products.mean().detach(), rtol=1e-4, atol=1e-5)
    spoilt = torch.where(seen.mask, advantage, torch.tensor(1e6))
    torch.testing.assert_close(reinforce_loss(policy, parameters, seen, spoilt), loss)


# Training


def navigation(seed=0):
    family = PointNavigation(horizon=30)
    policy = GaussianPolicy(
        family.observation_space, family.action_space, hidden=(32,), generator=seeded(seed), initial_std=0.5
    )
    return family, policy, initial_parameters(policy)


def test_solves_a_navigation_goal():
    family, policy, parameters = navigation()
    goal = {"goal": torch.tensor([[0.3, -0.4]])}
    trained, history = train_reinforce(
        family, policy, parameters, ReinforceConfig(iterations=100), seeded(1), tasks=goal
    )
    assert history["return"][0] < -13 and len(history["return"]) == 100
    assert np.mean(history["return"][-10:]) > -4
    final = rollout(family, goal, policy, trained, 20, seeded(2)).returns.mean()
    assert float(final) > -4
    assert history["env_steps"] == sorted(history["env_steps"]) and history["env_steps"][-1] <= 100 * 20 * 30
    assert torch.equal(parameters["log_std"], initial_parameters(policy)["log_std"]), "the start is left as it was"


def test_training_is_reproducible():
    family, policy, parameters = navigation()
    config = ReinforceConfig(iterations=3, episodes=4, meta_batch=3)
    runs = [train_reinforce(family, policy, parameters, config, seeded(seed)) for seed in (5, 5, 6)]
    assert runs[0][1] == runs[1][1] != runs[2][1]
    for name in parameters:
        assert torch.equal(runs[0][0][name], runs[1][0][name]) and not runs[0][0][name].requires_grad


def test_interrupt_returns_what_was_reached():
    family, policy, parameters = navigation()
    seen = []

    def callback(iteration, current, trajectories):
        seen.append({name: value.detach().clone() for name, value in current.items()})
        assert trajectories.returns.shape == (2, 4)
        if iteration == 3:
            raise KeyboardInterrupt

    config = ReinforceConfig(iterations=50, episodes=4, meta_batch=2)
    trained, history = train_reinforce(family, policy, parameters, config, seeded(1), callback=callback)
    assert len(history["return"]) == len(history["env_steps"]) == len(seen) == 3
    for name, value in trained.items():
        assert torch.equal(value, seen[-1][name]) and not torch.equal(value, parameters[name])


def test_one_policy_a_task():
    """With a task axis, each task trains its own policy; Adam does not see how many there are."""
    family, policy, parameters = navigation()
    goals = {"goal": torch.tensor([[0.3, 0.3], [-0.4, 0.1]])}
    config = ReinforceConfig(iterations=40)
    trained, _ = train_reinforce(family, policy, repeat_parameters(parameters, 2), config, seeded(1), tasks=goals)
    own = rollout(family, goals, policy, trained, 10, seeded(2)).returns.mean(1)
    swapped = {name: value.flip(0) for name, value in trained.items()}
    other = rollout(family, goals, policy, swapped, 10, seeded(2)).returns.mean(1)
    assert bool((own > other + 5).all())
