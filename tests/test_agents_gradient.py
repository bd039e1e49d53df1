"""Policy-gradient estimators against the exact gradient of a small MDP: no bias, and what each ingredient saves.

Every trajectory of the MDP is enumerated, so the mean and the covariance of an estimator are exact sums.
"""

import gymnasium
import pytest
import torch
from test_agents_reinforce import Enumeration

from metarl_core.agents import (
    GaussianPolicy,
    ReinforceConfig,
    ValueBaseline,
    advantages,
    gae,
    linear_baseline,
    mean_baseline,
    no_baseline,
    policy_advantages,
    reinforce_loss,
    reward_to_go,
    train_reinforce,
)
from metarl_core.parameters import initial_parameters, repeat_parameters
from metarl_core.tasks import PointNavigation, Trajectories


def total_return(rewards, discount):
    """The whole episode's discounted return at every time step: REINFORCE's first estimator."""
    return reward_to_go(rewards, discount)[..., :1].expand(rewards.shape)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(autouse=True)
def double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


class World:
    """The MDP, its exact gradient, its values by time, and the score of every step of every trajectory."""

    def __init__(self, seed=0):
        self.mdp = mdp = Enumeration(states=3, actions=2, horizon=3, seed=seed)
        mdp.rewards += 3.0  # returns well away from zero, as in most problems: that is what a baseline is for
        mdp.trajectories.rewards.add_(3.0)
        leaves = {name: value.clone().requires_grad_() for name, value in mdp.parameters.items()}
        exact = torch.autograd.grad(mdp.expected_return(leaves), list(leaves.values()))
        self.exact = torch.cat([value.flatten() for value in exact])
        self.chances = mdp.chances(mdp.parameters).detach()
        logs = mdp.log_probabilities(leaves)[:, 0]
        rows = []
        for step in logs.flatten():
            grads = torch.autograd.grad(step, list(leaves.values()), retain_graph=True)
            rows.append(torch.cat([value.flatten() for value in grads]))
        self.scores = torch.stack(rows).reshape(*logs.shape, -1)  # [trajectory, time, parameter]
        policy = mdp.policy.log_probabilities(mdp.parameters, torch.arange(3)[None])[0].exp()
        values = [torch.zeros(3)]
        for _ in range(mdp.horizon):
            q = mdp.rewards + torch.einsum("sat,t->sa", mdp.transitions, values[0])
            values.insert(0, (policy * q).sum(-1))
        table = torch.stack(values)  # [time, state]
        visited = mdp.trajectories.observations[:, 0]
        self.values = table[torch.arange(mdp.horizon), visited]
        self.final_values = table[-1][mdp.trajectories.final_observations[:, 0].long()]

    def estimates(self, advantage):
        """Gradient estimate of each trajectory, `[trajectory, parameter]`, from advantages `[trajectory, time]`."""
        return (self.scores * advantage[..., None]).sum(1)

    def moments(self, advantage):
        """Exact mean and total variance (trace of the covariance) of the estimator."""
        found = self.estimates(advantage)
        mean = (self.chances[:, None] * found).sum(0)
        return mean, float((self.chances[:, None] * (found - mean).square()).sum())

    def estimators(self):
        rewards = self.mdp.trajectories.rewards[:, 0]
        to_go, none = reward_to_go(rewards, 1.0), torch.zeros_like(rewards, dtype=torch.bool)
        average = (self.chances[:, None] * to_go).sum(0)
        found = {
            "total return": total_return(rewards, 1.0),
            "reward-to-go": to_go,
            "mean baseline": to_go - average,
            "value baseline": to_go - self.values,
        }
        for gae_lambda in (1.0, 0.5, 0.0):
            found[f"GAE {gae_lambda}"] = gae(rewards, self.values, self.final_values, none, none, 1.0, gae_lambda)
        return found


@pytest.fixture(scope="module")
def worlds():
    torch.set_default_dtype(torch.float64)
    found = [World(seed) for seed in range(4)]
    torch.set_default_dtype(torch.float32)
    return found


def test_exact_gradient_is_the_slope_of_the_exact_return(worlds):
    for world in worlds:
        place = 0
        for name, value in world.mdp.parameters.items():
            for index in range(value.numel()):
                sides = []
                for shift in (1e-5, -1e-5):
                    moved = {key: entry.clone() for key, entry in world.mdp.parameters.items()}
                    moved[name].view(-1)[index] += shift
                    sides.append(float(world.mdp.expected_return(moved)))
                assert float(world.exact[place]) == pytest.approx((sides[0] - sides[1]) / 2e-5, rel=1e-6, abs=1e-8)
                place += 1


def test_no_estimator_is_biased(worlds):
    for world in worlds:
        for name, advantage in world.estimators().items():
            torch.testing.assert_close(world.moments(advantage)[0], world.exact, rtol=1e-9, atol=1e-11, msg=name)


def test_variances_come_in_the_order_of_the_theory(worlds):
    """Past rewards, then a baseline, then the noise of the future: each removal lowers the variance."""
    for world in worlds:
        variance = {name: world.moments(advantage)[1] for name, advantage in world.estimators().items()}
        assert variance["total return"] > variance["reward-to-go"] > variance["mean baseline"]
        assert variance["reward-to-go"] > variance["value baseline"]
        assert variance["GAE 1.0"] == pytest.approx(variance["value baseline"], rel=1e-12)
        assert variance["GAE 1.0"] > variance["GAE 0.5"] > variance["GAE 0.0"]


def test_the_best_baseline_weighs_returns_by_the_squared_score(worlds):
    """b*(s, t) = E[|∇log π|² R_t | s, t] / E[|∇log π|² | s, t] beats every other at each step; V comes close."""
    for world in worlds:
        to_go = world.estimators()["reward-to-go"]
        weight = world.scores.square().sum(-1) * world.chances[:, None]
        visited, best = world.mdp.trajectories.observations[:, 0], torch.zeros_like(to_go)
        for t in range(world.mdp.horizon):
            for state in range(3):
                here = visited[:, t] == state
                if here.any():
                    best[here, t] = (weight[here, t] * to_go[here, t]).sum() / weight[here, t].sum()

        def second_moment(baseline, weight=weight, to_go=to_go):
            return float((weight * (to_go - baseline).square()).sum())

        least = second_moment(best)
        average = (world.chances[:, None] * to_go).sum(0)
        for other in (0 * best, average, world.values, best + 0.1, best - 0.1):
            assert least < second_moment(other)
        assert second_moment(world.values) < 0.5 * second_moment(0 * best)


def test_a_wrong_value_function_biases_gae_below_one_only(worlds):
    world = worlds[0]
    rewards = world.mdp.trajectories.rewards[:, 0]
    none = torch.zeros_like(rewards, dtype=torch.bool)
    # Wrong by state, and not by a constant, which would cancel.
    wrong = world.values + world.mdp.trajectories.observations[:, 0]
    for gae_lambda, biased in ((1.0, False), (0.5, True), (0.0, True)):
        mean, _ = world.moments(gae(rewards, wrong, world.final_values, none, none, 1.0, gae_lambda))
        assert torch.allclose(mean, world.exact, atol=1e-9) != biased


def test_estimates_are_the_gradients_of_the_loss(worlds):
    """`reinforce_loss` differentiates to the estimate above over −horizon, for every estimator."""
    world = worlds[1]
    for advantage in world.estimators().values():
        leaves = {name: value.clone().requires_grad_() for name, value in world.mdp.parameters.items()}
        loss = reinforce_loss(world.mdp.policy, leaves, world.mdp.trajectories, advantage[:, None])
        grads = torch.autograd.grad((loss * world.chances).sum(), list(leaves.values()))
        flat = torch.cat([value.flatten() for value in grads])
        torch.testing.assert_close(-flat * world.mdp.horizon, world.moments(advantage)[0])


def sampled(world, batches, episodes, seed=0):
    """Batches of episodes as tasks, `[batch, episode, time]`, drawn by the exact probabilities."""
    index = torch.multinomial(world.chances, batches * episodes, replacement=True, generator=seeded(seed))
    seen, shape = world.mdp.trajectories, (batches, episodes)
    data = {name: value[index, 0].reshape(*shape, *value.shape[2:]) for name, value in vars(seen).items()}
    return Trajectories(**data), world.scores[index].reshape(*shape, *world.scores.shape[1:])


@pytest.mark.in_turn(2)
@pytest.mark.parametrize("name", ["total", "none", "mean", "value"])
def test_sampled_mean_is_within_sampling_error(worlds, name):
    """Batches of six episodes, with each baseline as training uses it; a t-test of every entry of the gradient."""
    world = worlds[2]
    seen, scores = sampled(world, 4000, 6)
    features = torch.nn.functional.one_hot(seen.observations, 3).double()
    if name == "total":
        advantage = total_return(seen.rewards, 1.0)
    elif name == "value":
        baseline = ValueBaseline(3, tasks=1, generator=seeded(3))
        parts = [slice(start, start + 1) for start in range(0, 1500)]
        seen, scores = seen.select(slice(0, 1500)), scores[:1500]
        advantage = torch.cat([advantages(seen.select(p), features[p], 1.0, False, baseline) for p in parts])
    else:
        baseline = {"none": no_baseline, "mean": mean_baseline}[name]
        advantage = advantages(seen, features, 1.0, False, baseline)
    estimates = (scores * advantage[..., None]).sum(2).mean(1)  # [batch, parameter]
    error = estimates.std(0) / len(estimates) ** 0.5
    assert float(((estimates.mean(0) - world.exact).abs() / error).max()) < 4


def test_linear_baseline_has_a_bias_that_falls_with_the_batch(worlds):
    """Fitted to the very returns it is subtracted from, it is not independent of the actions; hence a small bias."""
    world = worlds[2]
    off, error = [], []
    for episodes in (4, 64):
        seen, scores = sampled(world, 64_000 // episodes, episodes)
        features = torch.nn.functional.one_hot(seen.observations, 3).double()
        advantage = advantages(seen, features, 1.0, False, linear_baseline)
        estimates = (scores * advantage[..., None]).sum(2).mean(1)
        off.append(float((estimates.mean(0) - world.exact).norm() / world.exact.norm()))
        error.append(float((estimates.std(0) / len(estimates) ** 0.5).norm() / world.exact.norm()))
    assert off[0] > 5 * error[0] and off[1] < 0.25 * off[0]


def test_baselines_by_definition():
    targets = torch.tensor([[[1.0, 2.0], [3.0, 0.0], [8.0, 6.0]]])
    mask = torch.tensor([[[True, True], [True, False], [True, True]]])
    features = torch.zeros(1, 3, 2, 1)
    assert not no_baseline(features, targets, mask).any()
    assert mean_baseline(features, targets, mask).tolist() == [[[5.5, 6.0], [4.5, 0.0], [2.0, 2.0]]]
    alone = mean_baseline(features[:, :1], targets[:, :1], mask[:, :1])
    assert alone.tolist() == [[[0.0, 0.0]]]
    spoilt = torch.where(mask, targets, torch.tensor(1e6))
    torch.testing.assert_close(mean_baseline(features, spoilt, mask), mean_baseline(features, targets, mask))
    rewards = torch.tensor([[1.0, 2.0, 4.0]])
    assert total_return(rewards, 0.5).tolist() == [[3.0, 3.0, 3.0]]


def test_value_baseline_predicts_before_it_learns_and_ignores_padding():
    features = torch.randn((2, 4, 5, 3), generator=seeded())
    targets = features.sum(-1) * torch.tensor([1.0, -1.0])[:, None, None]
    mask = torch.rand((2, 4, 5), generator=seeded(1)) < 0.7
    baseline, other = (ValueBaseline(3, tasks=2, generator=seeded(2)) for _ in range(2))
    first = baseline(features, targets, mask)
    assert torch.equal(first, other(features, targets + 5, mask)), "the first prediction has seen no target"
    assert not first[~mask].any() and not first.requires_grad
    for _ in range(60):
        last = baseline(features, torch.where(mask, targets, 1e3), mask)
    assert float((last - targets)[mask].square().mean()) < 0.02, "each task has its own function"
    with pytest.raises(ValueError, match="targets must have 2 tasks"):
        baseline(features[:1], targets[:1], mask[:1])


@pytest.mark.parametrize("name", ["none", "mean", "linear", "value"])
def test_reinforce_learns_with_every_baseline(name):
    torch.set_default_dtype(torch.float32)
    family = PointNavigation(horizon=15)
    policy = GaussianPolicy(
        family.observation_space, family.action_space, hidden=(16,), generator=seeded(), initial_std=0.5
    )
    goal = {"goal": torch.tensor([[0.3, -0.4], [-0.3, 0.2]])}
    baseline = {
        "none": no_baseline,
        "mean": mean_baseline,
        "linear": linear_baseline,
        "value": ValueBaseline(2, tasks=2, generator=seeded(1)),
    }[name]
    start = repeat_parameters(initial_parameters(policy), 2)
    _, history = train_reinforce(
        family,
        policy,
        start,
        ReinforceConfig(iterations=50),
        seeded(1),
        tasks=goal,
        description=f"REINFORCE, {name}",
        baseline=baseline,
    )
    early, late = sum(history["return"][:5]) / 5, sum(history["return"][-5:]) / 5
    assert late > 0.7 * early, (early, late)  # returns are negative distances


def test_default_baseline_is_the_linear_one():
    torch.set_default_dtype(torch.float32)
    world = Enumeration()
    space = gymnasium.spaces.Discrete(3)
    assert world.policy.observation_space == space
    seen = world.trajectories
    default = policy_advantages(world.policy, seen, 0.9)
    assert torch.equal(default, policy_advantages(world.policy, seen, 0.9, linear_baseline))
