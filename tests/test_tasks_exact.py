"""Exact optima against brute force, closed forms and simulation."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from scipy import stats

from metarl_core.agents import OraclePolicy, UniformPolicy
from metarl_core.exact import (
    backward_induction,
    bayes_optimal_value,
    gittins_indices,
    optimal_return,
    policy_value,
    value_iteration,
)
from metarl_core.tasks import BernoulliBandits, GridGoals, PointNavigation, Sinusoids, TabularMDPs, rollout
from metarl_core.tasks.sinusoid import task_agnostic_floor, zero_floor


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def close_in_mean(samples, expected, errors=4):
    """The mean of independent samples lies within `errors` standard errors of `expected`."""
    samples = np.asarray(samples, dtype=float)
    assert abs(samples.mean() - expected) <= errors * samples.std(ddof=1) / math.sqrt(len(samples))


# Bandits


def restart_index(successes, failures, discount, depth=250):
    """Gittins index by the restart-in-state problem (Katehakis & Veinott 1987), which shares nothing with bisection."""
    value_here = 0.0
    for _ in range(2000):
        value = np.zeros(depth + 1)
        for step in range(depth - 1, -1, -1):
            won = np.arange(step + 1)
            mean = (1 + successes + won) / (2 + successes + failures + step)
            pull = mean + discount * (mean * value[1 : step + 2] + (1 - mean) * value[: step + 1])
            value = np.maximum(pull, value_here) if step else pull
        if abs(value[0] - value_here) < 1e-10:
            break
        value_here = value[0]
    return (1 - discount) * value_here


def test_gittins_published_and_independent():
    table = gittins_indices(120, discount=0.9)
    for (successes, failures), published in {(0, 0): 0.7029, (0, 1): 0.5001, (1, 0): 0.8001}.items():
        assert table[successes, failures] == pytest.approx(published, abs=1e-4)
    for successes, failures in [(0, 0), (0, 1), (1, 0), (2, 3), (5, 1)]:
        assert table[successes, failures] == pytest.approx(restart_index(successes, failures, 0.9), abs=2e-5)


def test_gittins_finite_horizon():
    assert gittins_indices(2)[0, 0] == pytest.approx(5 / 9, abs=1e-6)  # stop after a loss: (1/2 + 1/2 · 2/3) / (3/2)
    table = gittins_indices(12)
    for pulled in range(12):
        for successes in range(pulled + 1):
            index, mean = table[successes, pulled - successes], (1 + successes) / (2 + pulled)
            if pulled == 11:
                assert index == pytest.approx(mean, abs=1e-6)  # one pull left: nothing to learn for
            else:
                assert index > mean
    assert np.isnan(table[6, 6]) and np.isnan(table[0]).sum() == 0
    longer = gittins_indices(20)
    valid = ~np.isnan(table)
    assert (longer[:12, :12][valid] >= table[valid] - 1e-6).all()  # more time is worth more exploration


@pytest.mark.parametrize("arguments", [(0,), (5, 0.0), (5, 1.1)])
def test_gittins_refuses(arguments):
    with pytest.raises(ValueError, match="got"):
        gittins_indices(*arguments)


def over_all_policies(arms, pulls):
    """The best of all deterministic policies, each a map from histories of rewards to arms, in rational numbers."""
    nodes = [history for length in range(pulls) for history in itertools.product((0, 1), repeat=length)]
    best = Fraction(0)
    for choice in itertools.product(range(arms), repeat=len(nodes)):
        policy, total = dict(zip(nodes, choice, strict=True)), Fraction(0)
        for rewards in itertools.product((0, 1), repeat=pulls):
            counts = [[0, 0] for _ in range(arms)]
            for time in range(pulls):
                counts[policy[rewards[:time]]][1 - rewards[time]] += 1
            # ∫ p^s (1 − p)^f dp = s! f! / (s + f + 1)!
            chance = math.prod(
                Fraction(math.factorial(s) * math.factorial(f), math.factorial(s + f + 1)) for s, f in counts
            )
            total += chance * sum(rewards)
        best = max(best, total)
    return float(best)


def over_histories(arms, pulls, history=()):
    """Expectimax over full histories, nothing shared or sorted."""
    if len(history) == pulls:
        return Fraction(0)
    values = []
    for arm in range(arms):
        mine = [reward for pulled, reward in history if pulled == arm]
        mean = Fraction(1 + sum(mine), 2 + len(mine))
        won = over_histories(arms, pulls, (*history, (arm, 1)))
        lost = over_histories(arms, pulls, (*history, (arm, 0)))
        values.append(mean * (1 + won) + (1 - mean) * lost)
    return max(values)


@pytest.mark.parametrize("arms, pulls", [(1, 3), (2, 1), (2, 2), (2, 3), (3, 2)])
def test_bayes_optimal_value_over_all_policies(arms, pulls):
    assert bayes_optimal_value(arms, pulls) == pytest.approx(over_all_policies(arms, pulls), abs=1e-12)


@pytest.mark.parametrize("arms, pulls", [(2, 4), (2, 5), (3, 4)])
def test_bayes_optimal_value_over_histories(arms, pulls):
    assert bayes_optimal_value(arms, pulls) == pytest.approx(float(over_histories(arms, pulls)), abs=1e-12)


@pytest.mark.parametrize("arguments", [(0, 3), (2, 0), (5, 50)])
def test_bayes_optimal_value_refuses(arguments):
    with pytest.raises(ValueError, match="beliefs|at least 1"):
        bayes_optimal_value(*arguments)


def play(rule, tasks, arms, pulls, seed):
    """Total rewards of a rule that maps counts (successes, failures) `[task, arm]` to scores `[task, arm]`."""
    random = np.random.default_rng(seed)
    means = random.random((tasks, arms))
    successes, failures = np.zeros((2, tasks, arms), dtype=int)
    total, everyone = np.zeros(tasks), np.arange(tasks)
    for _ in range(pulls):
        arm = (rule(successes, failures) + 1e-9 * random.random((tasks, arms))).argmax(1)
        won = random.random(tasks) < means[everyone, arm]
        successes[everyone, arm] += won
        failures[everyone, arm] += ~won
        total += won
    return total


def test_no_policy_beats_the_bayes_optimal_value():
    arms, pulls, tasks = 2, 12, 40_000
    optimum = bayes_optimal_value(arms, pulls)
    table = gittins_indices(pulls)
    rules = {
        "greedy": lambda s, f: (1 + s) / (2 + s + f),
        "random": lambda s, f: np.random.default_rng(s.sum()).random(s.shape),
        "gittins": lambda s, f: table[s, f],
    }
    means = {}
    for name, rule in rules.items():
        total = play(rule, tasks, arms, pulls, seed=0)
        means[name] = total.mean()
        assert total.mean() <= optimum + 4 * total.std() / math.sqrt(tasks)
    assert means["random"] < means["greedy"] < optimum
    assert means["gittins"] > optimum - 0.1


def test_bandit_oracle():
    family = BernoulliBandits(arms=4, horizon=25)
    tasks = family.sample_tasks(20_000, seeded())
    returns = rollout(family, tasks, OraclePolicy(family), tasks, 1, seeded(1)).returns[:, 0]
    close_in_mean(returns, 25 * 4 / 5)
    assert torch.allclose(tasks["means"].amax(1).mean() * 25, returns.mean(), atol=0.15)
    uniform = rollout(family, tasks, UniformPolicy(family.action_space), {}, 1, seeded(1)).returns[:, 0]
    close_in_mean(uniform, 25 / 2)


def test_bandit_rewards_follow_the_means():
    family = BernoulliBandits(arms=3, horizon=200)
    tasks = {"means": torch.tensor([[0.0, 0.3, 1.0]])}
    seen = rollout(family, tasks, UniformPolicy(family.action_space), {}, 300, seeded())
    for arm, mean in enumerate((0.0, 0.3, 1.0)):
        rewards = seen.rewards[seen.actions == arm]
        assert set(rewards.tolist()) <= {0.0, 1.0}
        assert float(rewards.mean()) == pytest.approx(mean, abs=4 * math.sqrt(mean * (1 - mean) / len(rewards)) + 1e-9)


# Tabular dynamic programming


def random_mdp(states, actions, seed, batch=()):
    random = np.random.default_rng(seed)
    transitions = random.dirichlet(np.ones(states), (*batch, states, actions))
    return torch.from_numpy(transitions), torch.from_numpy(random.normal(size=(*batch, states, actions)))


def best_plan(transitions, rewards, horizon):
    """The best of all time-dependent deterministic policies, `[state]`, by plain loops."""
    transitions, rewards = transitions.numpy(), rewards.numpy()
    states, actions = rewards.shape
    maps = list(itertools.product(range(actions), repeat=states))
    best = np.full(states, -np.inf)
    for plan in itertools.product(maps, repeat=horizon):
        value = np.zeros(states)
        for decide in reversed(plan):
            value = np.array([rewards[s, decide[s]] + transitions[s, decide[s]] @ value for s in range(states)])
        best = np.maximum(best, value)
    return best


@pytest.mark.parametrize("states, actions, horizon", [(2, 2, 4), (3, 2, 3), (2, 3, 3)])
def test_backward_induction_over_all_policies(states, actions, horizon):
    for seed in range(3):
        transitions, rewards = random_mdp(states, actions, seed)
        value, plan = backward_induction(transitions, rewards, horizon)
        np.testing.assert_allclose(value.numpy(), best_plan(transitions, rewards, horizon), rtol=1e-12)
        again = torch.zeros(states, dtype=torch.float64)
        for actions_now in reversed(plan):  # the plan itself earns that value
            row = torch.arange(states)
            again = rewards[row, actions_now] + transitions[row, actions_now] @ again
        torch.testing.assert_close(again, value, rtol=1e-12, atol=1e-12)


def test_value_iteration_over_all_policies():
    for seed in range(3):
        transitions, rewards = random_mdp(3, 2, seed)
        value, action = value_iteration(transitions, rewards, 0.9)
        candidates = []
        for decide in itertools.product(range(2), repeat=3):
            row = torch.arange(3)
            system = torch.eye(3, dtype=torch.float64) - 0.9 * transitions[row, list(decide)]
            candidates.append((torch.linalg.solve(system, rewards[row, list(decide)]), decide))
        best = torch.stack([candidate for candidate, _ in candidates]).amax(0)
        torch.testing.assert_close(value, best, rtol=0, atol=1e-7)
        assert tuple(action.tolist()) in [decide for candidate, decide in candidates if torch.allclose(candidate, best)]


def test_backward_induction_meets_value_iteration():
    transitions, rewards = random_mdp(5, 3, 0, batch=(4,))
    discounted, _ = backward_induction(0.8 * transitions, rewards, 150)  # a missing row sum is a chance to end
    value, _ = value_iteration(transitions, rewards, 0.8, tolerance=1e-12)
    torch.testing.assert_close(discounted, value, rtol=0, atol=1e-10)


def test_value_iteration_ends_in_float32_and_refuses():
    transitions, rewards = random_mdp(4, 2, 0)
    value, _ = value_iteration(transitions.float(), 1e4 * rewards.float(), 0.99)
    exact, _ = value_iteration(transitions, 1e4 * rewards, 0.99)
    torch.testing.assert_close(value.double(), exact, rtol=1e-4, atol=1.0)
    for discount in (1.0, -0.1, float("nan")):
        with pytest.raises(ValueError, match="discount"):
            value_iteration(transitions, rewards, discount)
    for solve in (
        lambda: backward_induction(transitions, rewards, 0),
        lambda: policy_value(transitions, rewards, rewards, 0),
    ):
        with pytest.raises(ValueError, match="got 0"):
            solve()


class TablePolicy:
    """Actions drawn from `parameters["table"]` `[task, time, state, action]`; the noise carries the clock."""

    def noise(self, shape, generator):
        clock = torch.arange(shape[0]).reshape(-1, 1, 1).expand(shape)
        return torch.stack([clock.double(), torch.rand(shape, generator=generator).double()], -1)

    def act(self, parameters, observation, noise):
        task = torch.arange(len(observation))[:, None]
        chances = parameters["table"][task, noise[..., 0].long(), observation]
        action = (chances.cumsum(-1) < noise[..., 1:]).sum(-1).clamp_max(chances.shape[-1] - 1)
        return action, chances.gather(-1, action[..., None])[..., 0].log().float()


def test_policy_value_is_what_rollouts_earn():
    family = TabularMDPs(states=4, actions=3, horizon=6)
    tasks = family.sample_tasks(3, seeded())
    table = torch.from_numpy(np.random.default_rng(0).dirichlet(np.ones(3), (3, 4)))
    policy = {"table": table[:, None].expand(3, 6, 4, 3)}
    returns = rollout(family, tasks, TablePolicy(), policy, 20_000, seeded(1)).returns
    exact = policy_value(tasks["transitions"].double(), tasks["reward_means"].double(), table, 6)[:, 0]
    for task in range(3):
        close_in_mean(returns[task], float(exact[task]))


@pytest.mark.parametrize("split", ["train", "ood"])
def test_optimal_return_is_what_the_optimal_policy_earns(split):
    family = TabularMDPs(states=5, actions=3, horizon=7)
    tasks = family.sample_tasks(4, seeded(2), split)
    _, plan = backward_induction(tasks["transitions"].double(), tasks["reward_means"].double(), 7)
    table = torch.nn.functional.one_hot(plan, 3).double().movedim(0, 1)  # [task, time, state, action]
    optimum = optimal_return(family, tasks)
    seen = rollout(family, tasks, TablePolicy(), {"table": table}, 20_000, seeded(1))
    uniform = rollout(family, tasks, UniformPolicy(family.action_space), {}, 20_000, seeded(1))
    for task in range(4):
        close_in_mean(seen.returns[task], float(optimum[task]))
        assert uniform.returns[task].mean() < optimum[task]
    assert bool((seen.observations[:, :, 0] == 0).all())


def test_tabular_frequencies_match_the_tables():
    family = TabularMDPs(states=4, actions=2)
    tasks = family.sample_tasks(2, seeded(5))
    draws = 20_000
    params = {name: value[:, None].expand(2, draws, *value.shape[1:]) for name, value in tasks.items()}
    rng = seeded(6)
    for state, action in itertools.product(range(4), range(2)):
        before = torch.tensor([float(state), 0.0]).expand(2, draws, 2)
        action_tensor = torch.full((2, draws), action)
        after = family.transition(before, action_tensor, rng, params)
        reward = family.reward(before, action_tensor, after, rng, params)
        for task in range(2):
            counts = torch.bincount(family.observation(after, rng, params)[task], minlength=4).numpy()
            expected = tasks["transitions"][task, state, action].double().numpy()
            assert stats.chisquare(counts, expected / expected.sum() * draws).pvalue > 1e-5
            mean = float(tasks["reward_means"][task, state, action])
            assert stats.kstest(reward[task].numpy(), "norm", (mean, 1.0)).pvalue > 1e-5


# Grid worlds


@pytest.mark.parametrize("reward", ["sparse", "step", "dense"])
@pytest.mark.parametrize(
    "size, walls, start", [(7, (), None), (6, ((1, 1), (1, 2), (1, 3), (2, 3), (3, 3), (4, 3)), (0, 0))]
)
def test_grid_oracle_is_optimal(reward, size, walls, start):
    family = GridGoals(size, reward, walls, start, horizon=25)
    goals = torch.cat(list(family.goals.values()))
    tasks = {"goal": goals}
    seen = rollout(family, tasks, OraclePolicy(family), tasks, 1, seeded())
    transitions, rewards = family.tables(tasks)
    value, _ = backward_induction(transitions.double(), rewards.double(), 25)
    torch.testing.assert_close(seen.returns[:, 0].double(), value[:, family.start], rtol=1e-6, atol=1e-5)
    assert bool((seen.lengths[:, 0] == family.distance[family.start, goals]).all())
    uniform = rollout(family, tasks, UniformPolicy(family.action_space), {}, 50, seeded(1)).returns
    assert bool((uniform <= value[:, family.start, None] + 1e-5).all())


def test_grid_walls_and_edges():
    family = GridGoals(size=4, walls=((1, 1),), start=(0, 0))
    up, right, down, left = range(4)
    assert family.next_cell[0, up] == 0 and family.next_cell[0, left] == 0  # edge
    assert family.next_cell[1, down] == 1 and family.next_cell[4, right] == 4  # wall at cell 5
    assert family.next_cell[0, right] == 1 and family.next_cell[0, down] == 4
    assert family.next_cell[15, down] == 15 and family.next_cell[15, right] == 15
    assert family.distance[0, 10] == 4 and family.distance[4, 6] == 4  # around the wall, both ways as long
    assert bool((family.next_cell[5] == 5).all())


def test_grid_tables_are_the_environment():
    """Each entry of the tables against one step of the environment."""
    for reward in ("sparse", "step", "dense"):
        family = GridGoals(size=4, reward=reward, walls=((2, 1),), start=(0, 0))
        tasks = {"goal": family.goals["train"][:2]}
        transitions, rewards = family.tables(tasks)
        for task, goal in enumerate(tasks["goal"].tolist()):
            params = {"goal": torch.tensor([[goal]])}
            for cell, action in itertools.product(range(16), range(4)):
                if cell == goal:
                    assert transitions[task, cell].sum() == 0 and rewards[task, cell].abs().sum() == 0
                elif cell != 9:
                    after, _, paid, _ = family.step(torch.tensor([[cell]]), torch.tensor([[action]]), None, params)
                    assert transitions[task, cell, action, after] == 1 and transitions[task, cell, action].sum() == 1
                    assert float(rewards[task, cell, action]) == pytest.approx(float(paid))


# Point navigation


def straight_walk(goal, reward, horizon, terminates, radius):
    """Return of the straight walk in closed form: after t steps each axis is max(|goal| − t/10, 0) away."""
    total = 0.0
    for time in range(1, horizon + 1):
        offset = np.maximum(np.abs(goal) - 0.1 * time, 0.0)
        distance = np.hypot(*offset)
        total += {"distance": -distance, "squared": -(distance**2), "sparse": float(distance <= radius)}[reward]
        if terminates and (offset < 0.01).all():
            break
    return total


@pytest.mark.parametrize("reward", ["distance", "squared", "sparse"])
@pytest.mark.parametrize("normalised", [True, False])
@pytest.mark.parametrize("terminates", [True, False])
def test_navigation_oracle(reward, normalised, terminates):
    family = PointNavigation(reward, normalised, terminates, horizon=30)
    tasks = family.sample_tasks(50, seeded(), "test")
    oracle = rollout(family, tasks, OraclePolicy(family), tasks, 1, seeded()).returns
    ends = terminates and reward != "sparse"
    closed = [straight_walk(goal.double().numpy(), reward, 30, ends, 0.1) for goal in tasks["goal"]]
    np.testing.assert_allclose(oracle[:, 0].numpy(), closed, rtol=1e-4, atol=1e-4)

    class Perturbed(OraclePolicy):
        def noise(self, shape, generator):
            scale = torch.logspace(-3, 0, shape[-1])[:, None]  # each episode its own size of error
            return torch.randn((*shape, 2), generator=generator) * scale * family.action_bound

        def act(self, parameters, observation, noise):
            action, log_probability = super().act(parameters, observation, noise)
            return action + noise, log_probability

    for policy, parameters in ((Perturbed(family), tasks), (UniformPolicy(family.action_space), {})):
        others = rollout(family, tasks, policy, parameters, 100, seeded(1)).returns
        assert bool((others <= oracle + 1e-4).all())


def test_navigation_oracle_of_the_default_setting():
    """The mean over p(T) of the published setting: about −0.507, by a grid over goals and the closed form."""
    family = PointNavigation()
    tasks = family.sample_tasks(20_000, seeded(), "test")
    returns = rollout(family, tasks, OraclePolicy(family), tasks, 1, seeded()).returns[:, 0]
    middles = (np.arange(40) + 0.5) / 80  # one quadrant: the others mirror it
    exact = np.mean(
        [straight_walk(np.array(goal), "distance", 100, True, 0.1) for goal in itertools.product(middles, middles)]
    )
    close_in_mean(returns, exact)
    assert exact == pytest.approx(-0.507, abs=0.005)


def test_navigation_moves_clip_and_end():
    family = PointNavigation()
    params = {"goal": torch.tensor([[[0.1, 0.1]]])}
    state = family.initial(None, params)
    assert torch.equal(state, torch.zeros(1, 1, 2))
    after = family.transition(state, torch.tensor([[[5.0, -0.5]]]), None, params)
    torch.testing.assert_close(after, torch.tensor([[[0.1, -0.05]]]))
    plain = PointNavigation(normalised_actions=False)
    after = plain.transition(state, torch.tensor([[[5.0, -0.05]]]), None, params)
    torch.testing.assert_close(after, torch.tensor([[[0.1, -0.05]]]))
    for place, ends in (((0.1, 0.1), True), ((0.105, 0.095), True), ((0.1, 0.115), False), ((0.12, 0.1), False)):
        assert bool(family.terminal(torch.tensor([[place]]), None, params)) is ends
        assert not PointNavigation(terminate_at_goal=False).terminal(torch.tensor([[place]]), None, params)
        assert not PointNavigation("sparse").terminal(torch.tensor([[place]]), None, params)


# Sinusoids


def test_sinusoid_floors_by_quadrature():
    phases = (np.arange(4000) + 0.5) / 4000 * np.pi
    inputs = (np.arange(2000) + 0.5) / 2000 * 10 - 5
    waves = np.sin(inputs[:, None] + phases)
    mean, square = (5 + 0.1) / 2, (5**3 - 0.1**3) / (3 * 4.9)
    assert zero_floor() == pytest.approx(square * (waves**2).mean(), abs=1e-5)
    best = mean * waves.mean(1)  # the conditional mean is the best function that ignores the task
    assert task_agnostic_floor() == pytest.approx(square * (waves**2).mean() - (best**2).mean(), abs=1e-5)
    assert round(zero_floor(), 2) == 4.25 and round(task_agnostic_floor(), 2) == 3.01


def test_sinusoid_floors_by_sampling():
    family = Sinusoids()
    tasks = family.sample_tasks(200_000, seeded())
    inputs, targets = family.sample_data(tasks, 10, seeded(1))
    close_in_mean(targets.square().mean((1, 2)), zero_floor())
    guess = 2.55 * 2 / math.pi * inputs.cos()
    close_in_mean((targets - guess).square().mean((1, 2)), task_agnostic_floor())


def test_sinusoid_data():
    family = Sinusoids()
    tasks = family.sample_tasks(3, seeded())
    inputs, targets = family.sample_data(tasks, 1000, seeded(1))
    assert inputs.shape == targets.shape == (3, 1000, 1)
    assert inputs.min() >= -5 and inputs.max() <= 5
    for task in range(3):
        amplitude, phase = float(tasks["amplitude"][task]), float(tasks["phase"][task])
        np.testing.assert_allclose(targets[task], amplitude * np.sin(inputs[task].numpy() + phase), atol=1e-5)
