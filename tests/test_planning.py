"""Planners against linear-quadratic optima and exhaustive search; model-predictive control against plain loops."""

import itertools

import numpy as np
import pytest
import torch
from gymnasium import spaces
from scipy.linalg import block_diag

from metarl_core.planning import CEM, MPPI, Dynamics, RandomShooting, TrueDynamics, imagined_returns, play, shifted
from metarl_core.tasks import ChangingTasks, ContinuousCartPole, DampedPendulum, TaskFamily, TwoLinkArm, expand_tasks

LOW, HIGH = torch.tensor([-3.0, -2.0], dtype=torch.float64), torch.tensor([3.0, 2.0], dtype=torch.float64)
SMALL = {
    "shooting": RandomShooting(horizon=4, candidates=30),
    "CEM": CEM(horizon=4, iterations=3, candidates=30, elites=5),
    "MPPI": MPPI(horizon=4, iterations=2, candidates=30),
}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


class LinearQuadratic:
    """x' = Ax + Bu with cost x'ᵀQx' + uᵀRu over a few steps, and its optimum from one linear system."""

    def __init__(self, horizon=4, environments=3):
        self.horizon = horizon
        self.a = torch.tensor([[1.0, 0.3], [-0.2, 0.9]], dtype=torch.float64)
        self.b = torch.tensor([[0.5, 0.1], [0.0, 0.8]], dtype=torch.float64)
        self.q, self.r = torch.diag(torch.tensor([1.0, 2.0]).double()), torch.diag(torch.tensor([0.3, 0.2]).double())
        self.start = torch.randn((environments, 2), generator=seeded(5), dtype=torch.float64)

    def step(self, state, action):
        return state @ self.a.T + action @ self.b.T

    def reward(self, state, action, following):
        return -((following @ self.q) * following).sum(-1) - ((action @ self.r) * action).sum(-1)

    def score(self, sequences):
        return imagined_returns(self.step, self.reward, self.start, sequences)

    def stacked(self):
        """All states x₁ … x_T as F x₀ + G u: the best u by least squares, and its return."""
        a, b, steps = self.a.numpy(), self.b.numpy(), self.horizon
        powers = [np.linalg.matrix_power(a, n) for n in range(steps + 1)]
        free = np.concatenate(powers[1:])
        rows = [[powers[i - j] @ b if j <= i else np.zeros((2, 2)) for j in range(steps)] for i in range(steps)]
        forced = np.block(rows)
        q, r = block_diag(*[self.q.numpy()] * steps), block_diag(*[self.r.numpy()] * steps)
        gain = -np.linalg.solve(forced.T @ q @ forced + r, forced.T @ q @ free)
        return torch.from_numpy((self.start.numpy() @ gain.T).reshape(-1, steps, 2))

    def riccati(self):
        """The optimal return −x₀ᵀP₀x₀ + x₀ᵀQx₀ by the backward recursion."""
        p = self.q.clone()
        for n in range(self.horizon):
            gain = torch.linalg.solve(self.r + self.b.T @ p @ self.b, self.b.T @ p @ self.a)
            p = self.a.T @ p @ (self.a - self.b @ gain) + (self.q if n < self.horizon - 1 else 0)
        return -((self.start @ p) * self.start).sum(-1)


def test_the_two_optima_are_one():
    problem = LinearQuadratic()
    best = problem.stacked()
    torch.testing.assert_close(problem.score(best[:, None])[:, 0], problem.riccati())
    assert bool((best < HIGH).all() and (best > LOW).all()), "the optimum lies inside the bounds"


@pytest.mark.parametrize(
    "planner, share",
    [
        (CEM(horizon=4, iterations=30, candidates=200, elites=20), 1.001),
        (MPPI(horizon=4, iterations=40, candidates=500, std=0.1, temperature=0.05), 1.05),
    ],
)
def test_planners_reach_the_optimum_of_a_linear_quadratic_problem(planner, share):
    problem = LinearQuadratic()
    noise = planner.noise((3,), LOW, seeded())
    plan = planner.search(problem.score, LOW, HIGH, noise)
    assert plan.shape == (3, 4, 2)
    reached, best = problem.score(plan[:, None])[:, 0], problem.riccati()
    assert bool((reached <= best + 1e-9).all())
    assert bool((reached >= share * best).all()), (reached / best).tolist()


def test_more_candidates_come_closer():
    problem, found = LinearQuadratic(environments=20), []
    for candidates in (10, 1000):
        planner = RandomShooting(horizon=4, candidates=candidates)
        plan = planner.search(problem.score, LOW, HIGH, planner.noise((20,), LOW, seeded()))
        found.append(problem.score(plan[:, None])[:, 0] - problem.riccati())
    assert float(found[0].mean()) < 2 * float(found[1].mean()) < 0


def test_where_few_sequences_exist_shooting_finds_the_best_of_all():
    """Actions that count as -1, 0 or 1 in a chain with a trap: 81 sequences, tried one by one in a plain loop."""
    generator = seeded(3)
    prizes = torch.rand((2, 9), generator=generator, dtype=torch.float64)

    def value(environment, moves):
        place, earned = 4, 0.0
        for move in moves:
            place = min(max(place + move, 0), 8)
            earned += float(prizes[environment, place]) - (5.0 if place == 6 else 0.0)
        return earned

    def score(sequences):
        moves = sequences[..., 0].round().clamp(-1, 1).long()
        place, total = torch.full(moves.shape[:-1], 4), torch.zeros(moves.shape[:-1], dtype=torch.float64)
        for time in range(4):
            place = (place + moves[..., time]).clamp(0, 8)
            total = total + prizes.gather(1, place) - 5.0 * (place == 6)
        return total

    low, high = torch.tensor([-1.5], dtype=torch.float64), torch.tensor([1.5], dtype=torch.float64)
    planner = RandomShooting(horizon=4, candidates=3000)
    plan = planner.search(score, low, high, planner.noise((2,), low, seeded()))
    for environment in range(2):
        best = max(itertools.product((-1, 0, 1), repeat=4), key=lambda moves, e=environment: value(e, moves))
        assert plan[environment, :, 0].round().clamp(-1, 1).tolist() == list(best)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("warm", [False, True])
def test_a_search_for_many_environments_is_many_searches(name, warm):
    planner, problem = SMALL[name], LinearQuadratic(environments=6)
    scale = torch.tensor([1.0, 100.0, 0.01, 1.0, 3.0, 1.0], dtype=torch.float64)[:, None]  # elites pooled would differ
    start = torch.rand((6, 4, 2), generator=seeded(2), dtype=torch.float64) if warm else None
    noise = planner.noise((6,), LOW, seeded())
    together = planner.search(lambda s: problem.score(s) * scale, LOW, HIGH, noise, start)
    for one in range(6):
        alone = LinearQuadratic(environments=6)
        alone.start = problem.start[one, None]
        own = noise[one, None] if name == "shooting" else noise[:, one, None]
        warm_own = None if start is None else start[one, None]
        plan = planner.search(lambda s, a=alone, i=one: a.score(s) * scale[i], LOW, HIGH, own, warm_own)
        torch.testing.assert_close(plan[0], together[one], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", SMALL)
def test_nothing_outside_the_action_space_is_ever_imagined(name):
    """The score pulls hard out of the space; what it is shown stays inside, and so does the plan."""
    shown = []

    def score(sequences):
        shown.append(sequences)
        return sequences.sum((-1, -2)) * 100

    planner = SMALL[name]
    start = torch.full((2, 4, 2), 50.0, dtype=torch.float64)
    plan = planner.search(score, LOW, HIGH, planner.noise((2,), LOW, seeded()), start)
    for sequences in [*shown, plan]:
        assert bool((sequences >= LOW).all() and (sequences <= HIGH).all())
    assert bool((plan >= HIGH - 0.3).all()) or name == "MPPI" and bool((plan.mean((0, 1)) > HIGH - 0.3).all())


def test_cem_by_hand():
    """One iteration: mean and deviation of the best two of four, each mixed with the old by the smoothing."""
    planner = CEM(horizon=1, iterations=2, candidates=4, elites=2, smoothing=0.25, initial_std=1.0)
    low, high = torch.tensor([-4.0]), torch.tensor([4.0])
    noise = torch.tensor([[-1.0, 0.25, 0.5, 0.0], [0.0, 0.5, -0.5, 1.0]]).reshape(2, 4, 1, 1)
    seen = []

    def score(sequences):
        seen.append(sequences.flatten().tolist())
        return sequences[..., 0, 0]

    plan = planner.search(score, low, high, noise)
    assert seen[0] == [-4.0, 1.0, 2.0, 0.0]
    mean, std = 0.75 * 1.5, 0.75 * 0.5 + 0.25 * 4
    assert seen[1] == pytest.approx([mean, mean + std / 2, mean - std / 2, mean + std])
    assert float(plan) == pytest.approx(0.75 * (mean + 0.75 * std) + 0.25 * mean)


def test_mppi_by_hand():
    planner = MPPI(horizon=1, iterations=1, candidates=3, temperature=2.0, std=0.5)
    noise = torch.tensor([-1.0, 0.0, 1.0]).reshape(1, 3, 1, 1)
    plan = planner.search(lambda s: 3 * s[..., 0, 0], torch.tensor([-2.0]), torch.tensor([2.0]), noise)
    weights = np.exp([-1.5, 0.0, 1.5])
    assert float(plan) == pytest.approx((weights[2] - weights[0]) / weights.sum())


@pytest.mark.parametrize("name", SMALL)
def test_a_model_that_diverges_is_not_followed(name):
    def score(sequences):
        total = sequences.sum((-1, -2))
        return torch.where(total > 0, torch.nan, total)

    planner = SMALL[name]
    plan = planner.search(score, LOW, HIGH, planner.noise((5,), LOW, seeded()))
    assert bool(plan.isfinite().all()) and bool((plan.sum((-1, -2)) <= 0.5).all())


def test_a_warm_start_is_kept_where_nothing_better_is_found():
    problem = LinearQuadratic()
    best, planner = problem.stacked(), SMALL["shooting"]
    assert torch.equal(planner.search(problem.score, LOW, HIGH, planner.noise((3,), LOW, seeded()), best), best)
    assert shifted(torch.tensor([[[1.0], [2.0], [3.0]]])).flatten().tolist() == [2.0, 3.0, 3.0]


def test_imagined_returns_are_those_of_a_plain_loop():
    problem = LinearQuadratic()
    sequences = torch.randn((3, 5, 4, 2), generator=seeded(), dtype=torch.float64)
    ours = imagined_returns(problem.step, problem.reward, problem.start, sequences, 0.7)
    for environment, candidate in itertools.product(range(3), range(5)):
        state, total = problem.start[environment], 0.0
        for time in range(4):
            action = sequences[environment, candidate, time]
            following = problem.a @ state + problem.b @ action
            cost = following @ problem.q @ following + action @ problem.r @ action
            state, total = following, total - 0.7**time * float(cost)
        assert float(ours[environment, candidate]) == pytest.approx(total)


CHANGING = {
    "cartpole": ChangingTasks(ContinuousCartPole(hidden_sign=True, horizon=12), ["force", "length"], 3, 8),
    "arm": ChangingTasks(TwoLinkArm(horizon=12), ["gain1", "gain2"], 3, 8),
    "pendulum": DampedPendulum(horizon=12),
}


@pytest.mark.parametrize("name", CHANGING)
def test_the_true_model_makes_no_error_in_one_step_or_in_many(name):
    family, planner = CHANGING[name], SMALL["CEM"]
    tasks = family.sample_tasks(3, seeded(), dtype=torch.float64)
    played = play(family, tasks, TrueDynamics(family), planner, 2, seeded(1))
    assert played.errors.shape[:3] == (3, 2, 12) and float(played.errors.max()) == 0
    # Many steps: what is imagined for the actions that were played, against what they earned.
    params, actions = expand_tasks(tasks, 2), played.trajectories.actions
    start = family.initial(seeded(1), params)
    steady = 3 if isinstance(family, ChangingTasks) else 12  # no change is foreseen
    model = TrueDynamics(family).dynamics(params, start, None)
    both = torch.stack([actions, actions.flip(2)], 2)[..., :steady, :]
    imagined = imagined_returns(model.step, model.reward, model.start, both)
    torch.testing.assert_close(imagined[..., 0], played.trajectories.rewards[..., :steady].sum(-1))
    assert not torch.allclose(imagined[..., 0], imagined[..., 1])


def test_the_true_model_is_told_of_a_change_when_it_has_come():
    family = CHANGING["cartpole"]
    tasks = family.sample_tasks(2, seeded(), dtype=torch.float64) | {"change_at": torch.tensor([3, 5])}
    params = expand_tasks(tasks, 1)
    state = family.initial(seeded(1), params)
    for time, force in ((3, [tasks["after.force"][0], tasks["force"][1]]), (5, tasks["after.force"].tolist())):
        now = torch.cat([state[..., :-1], torch.full_like(state[..., :1], time)], -1)
        model = TrueDynamics(family).dynamics(params, now, None)
        held = family.before(params) | {"force": torch.tensor(force, dtype=torch.float64)[:, None]}
        held["length"] = torch.where(now[..., -1] >= params["change_at"], params["after.length"], params["length"])
        action = torch.full((2, 1, 1), 0.7, dtype=torch.float64)
        expected = family.family.transition(now[..., :-1], action, None, held)
        assert torch.equal(model.step(model.start, action), expected)


class Recorder:
    """A model that is the truth, and notes what it is told and when."""

    def __init__(self, family):
        self.family, self.truth, self.told = family, TrueDynamics(family), []

    def begin(self, params, like):
        return (params, 0)

    def dynamics(self, memory, state, observation):
        self.told.append(("plan", memory[1], observation))
        return self.truth.dynamics(memory[0], state, observation)

    def seen(self, state, observation):
        return self.truth.seen(state, observation)

    def observe(self, memory, observation, action, next_observation):
        self.told.append(("see", observation, action, next_observation))
        return (memory[0], memory[1] + 1)


def test_the_newest_step_is_known_before_the_next_plan():
    family = CHANGING["pendulum"]
    model = Recorder(family)
    played = play(family, family.sample_tasks(2, seeded()), model, SMALL["shooting"], 3, seeded(1))
    taken = played.trajectories
    assert [told[0] for told in model.told] == ["plan", "see"] * 12
    following = torch.cat([taken.observations[:, :, 1:], taken.final_observations[:, :, None]], 2)
    for time in range(12):
        _, known, observation = model.told[2 * time]
        assert known == time and torch.equal(observation, taken.observations[:, :, time])
        _, before, action, after = model.told[2 * time + 1]
        assert torch.equal(before, taken.observations[:, :, time]) and torch.equal(action, taken.actions[:, :, time])
        assert torch.equal(after, following[:, :, time])


def test_what_is_played_is_what_the_family_does():
    """Actions played again in a plain loop; the noise of exploration stays inside the action space."""
    family = CHANGING["arm"]
    tasks = family.sample_tasks(3, seeded())
    taken = play(family, tasks, TrueDynamics(family), SMALL["MPPI"], 2, seeded(1), exploration=2.0).trajectories
    assert float(taken.actions.abs().max()) == 1.0
    params = expand_tasks(tasks, 2)
    state = family.initial(seeded(1), params)
    for time in range(12):
        assert torch.equal(taken.observations[:, :, time], family.observation(state, None, params))
        following = family.transition(state, taken.actions[:, :, time], None, params)
        reward = family.reward(state, taken.actions[:, :, time], following, None, params)
        torch.testing.assert_close(taken.rewards[:, :, time], reward)
        state = following
    torch.testing.assert_close(taken.final_observations, family.observation(state, None, params))
    assert bool(taken.mask.all()) and bool(taken.truncated[..., -1].all()) and int(taken.truncated.sum()) == 6


class Countdown(TaskFamily):
    """Ends after `length` steps, which differ from task to task; pays 1 a step."""

    def __init__(self):
        self.observation_space = spaces.Box(-1e3, 1e3, (1,), dtype=np.float32)
        self.action_space = spaces.Box(-1.0, 1.0, (1,), dtype=np.float32)
        super().__init__(6)

    def get_default_params(self):
        return {"length": torch.tensor([3.0])}

    def initial(self, rng, params):
        return torch.zeros_like(params["length"])[..., None]

    def transition(self, state, action, rng, params):
        return state + 1

    def observation(self, state, rng, params):
        return state

    def reward(self, state, action, next_state, rng, params):
        return torch.ones_like(state[..., 0])

    def terminal(self, state, rng, params):
        return state[..., 0] >= params["length"]


def test_ends_of_episodes():
    family = Countdown()
    tasks = {"length": torch.tensor([2.0, 9.0, 6.0])}
    taken = play(family, tasks, TrueDynamics(family), SMALL["shooting"], 2, seeded()).trajectories
    assert taken.lengths.tolist() == [[2, 2], [6, 6], [6, 6]] and taken.returns.tolist() == [[2, 2], [6, 6], [6, 6]]
    assert taken.terminated.nonzero()[:, [0, 2]].tolist() == [[0, 1], [0, 1], [2, 5], [2, 5]]
    assert taken.truncated.nonzero()[:, [0, 2]].tolist() == [[1, 5], [1, 5]]
    assert taken.final_observations.flatten().tolist() == [2, 2, 6, 6, 6, 6]
    assert bool((taken.observations[0, :, 2:] == 0).all())


def test_a_step_of_one_environment_does_not_touch_another():
    """The same task alone and among others, planned from the same noise: the same actions."""
    family = CHANGING["cartpole"]
    tasks = family.sample_tasks(4, seeded(), dtype=torch.float64)
    params, planner = expand_tasks(tasks, 1), SMALL["CEM"]
    state = family.initial(seeded(1), params)
    low, high = torch.tensor([-1.0]).double(), torch.tensor([1.0]).double()
    noise = planner.noise((4, 1), low, seeded(2))

    def plan(params, state, noise):
        model = TrueDynamics(family).dynamics(params, state, None)
        assert isinstance(model, Dynamics)
        return planner.search(lambda s: imagined_returns(model.step, model.reward, model.start, s), low, high, noise)

    together = plan(params, state, noise)
    for task in range(4):
        own = {name: value[task, None] for name, value in params.items()}
        torch.testing.assert_close(plan(own, state[task, None], noise[:, task, None])[0], together[task])


@pytest.mark.slow
def test_true_dynamics_hold_the_pole_through_a_change_of_sign():
    """The ceiling: close to 1 a step, though force and length jump in mid-run; random actions lose the pole."""
    family = ChangingTasks(ContinuousCartPole(hidden_sign=True, horizon=80), ["force"], 40)
    tasks = family.sample_tasks(6, seeded(), "test")
    planner = CEM(horizon=15, iterations=3, candidates=64, elites=8)
    held = play(family, tasks, TrueDynamics(family), planner, 1, seeded(1)).trajectories
    assert float(held.rewards.mean()) > 0.95 and float(held.rewards[..., 60:].mean()) > 0.95
    wild = play(family, tasks, TrueDynamics(family), planner, 1, seeded(1), exploration=50.0).trajectories
    assert float(wild.rewards.mean()) < 0.8
