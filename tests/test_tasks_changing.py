"""Bodies that change in mid-run: the families against Gymnasium's equations, and the change against its two halves."""

import warnings

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env
from scipy import stats

from metarl_core.agents import UniformPolicy
from metarl_core.tasks import (
    CartPole,
    ChangingTasks,
    ContinuousCartPole,
    DampedPendulum,
    InformedTasks,
    Pendulum,
    TaskEnv,
    TwoLinkArm,
    expand_tasks,
    rollout,
    select_tasks,
)
from metarl_core.tasks.two_link_arm import SUBSTEPS, TIME_STEP, accelerations, tip

FAMILIES = {
    "pendulum": DampedPendulum(hidden_sign=True),
    "cartpole": ContinuousCartPole(hidden_sign=True),
    "arm": TwoLinkArm(),
    "changing pendulum": ChangingTasks(DampedPendulum(), ["gravity", "gain"], 50, 150),
    "changing cartpole": ChangingTasks(ContinuousCartPole(hidden_sign=True), ["force"], 20, 40),
    "changing arm": ChangingTasks(TwoLinkArm(), ["gain1", "gain2"], 30, 60),
}
STAMPED = {
    "pendulum": ["gravity", "mass", "length", "friction", "gain"],
    "cartpole": ["gravity", "mass_cart", "mass_pole", "length", "force"],
    "arm": list(TwoLinkArm().default_params),
    "changing pendulum": ["gravity", "mass", "length", "friction", "gain", "after.gravity", "after.gain"],
    "changing cartpole": ["length", "force", "after.force"],
    "changing arm": ["mass1", "gain1", "gain2", "after.gain1", "after.gain2"],
}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def wide(tasks, episodes=50):
    return expand_tasks(tasks, episodes)


def uniform(family, shape, seed=1, reach=1.5, dtype=torch.float64):
    """Actions up to half as far again as the bounds."""
    size = family.action_space.shape[0]
    high = float(family.action_space.high[0]) * reach
    return (2 * torch.rand((*shape, size), generator=seeded(seed), dtype=dtype) - 1) * high


def test_a_pendulum_without_friction_is_gymnasiums():
    ours, theirs = DampedPendulum(), gymnasium.make("Pendulum-v1").unwrapped
    physics = {"gravity": 8.0, "mass": 1.3, "length": 0.8, "friction": 0.0, "gain": 1.0}
    params = {name: torch.tensor([[value]], dtype=torch.float64) for name, value in physics.items()}
    theirs.g, theirs.m, theirs.l = 8.0, 1.3, 0.8
    theirs.reset(seed=0)
    state, random = torch.from_numpy(theirs.state.copy())[None, None], np.random.default_rng(0)
    for _ in range(200):
        action = random.uniform(-3, 3, 1)
        seen = ours.observation(state, None, params)
        following, observation, reward, _ = ours.step(state, torch.from_numpy(action)[None, None], None, params)
        _, their_reward, *_ = theirs.step(action)
        np.testing.assert_allclose(following[0, 0].numpy(), theirs.state, rtol=1e-9, atol=1e-9)
        assert float(reward) == pytest.approx(their_reward)
        observed = ours.observed_reward(seen, torch.from_numpy(action)[None, None], observation)
        assert float(observed) == pytest.approx(their_reward)
        state = torch.from_numpy(theirs.state.copy())[None, None]


def test_friction_and_gain_of_a_pendulum():
    """Without gravity and torque the speed falls by the same factor each step; a gain is a torque that much larger."""
    family = DampedPendulum()
    physics = {"gravity": 0.0, "mass": 2.0, "length": 0.5, "friction": 0.1, "gain": -0.7}
    params = {name: torch.tensor([[value]], dtype=torch.float64) for name, value in physics.items()}
    state = torch.tensor([[[0.3, 2.0]]], dtype=torch.float64)
    for step in range(1, 20):
        state = family.transition(state, torch.zeros((1, 1, 1), dtype=torch.float64), None, params)
        assert float(state[0, 0, 1]) == pytest.approx(2.0 * (1 - 3 * 0.1 * 0.05 / (2.0 * 0.25)) ** step)
    free = params | {"friction": torch.zeros((1, 1), dtype=torch.float64)}
    for action, torque in ((1.5, -1.05), (3.0, -1.4)):  # clipped before it is multiplied
        pushed = family.transition(state, torch.full((1, 1, 1), action, dtype=torch.float64), None, free)
        expected = Pendulum().transition(state, torch.full((1, 1, 1), torque, dtype=torch.float64), None, free)
        torch.testing.assert_close(pushed, expected)


def test_full_pushes_are_cartpoles_actions_and_the_others_lie_between():
    family, plain = ContinuousCartPole(), CartPole()
    params = wide(family.sample_tasks(20, seeded(), dtype=torch.float64))
    state = torch.randn((20, 50, 4), generator=seeded(1), dtype=torch.float64)
    left, right = (plain.transition(state, torch.full((20, 50), a), None, params) for a in (0, 1))
    for push, share in ((-1.0, 0.0), (1.0, 1.0), (-7.0, 0.0), (0.0, 0.5), (0.5, 0.75)):
        pushed = family.transition(state, torch.full((20, 50, 1), push, dtype=torch.float64), None, params)
        torch.testing.assert_close(pushed, left + share * (right - left))


def test_rewards_of_the_cartpole_by_hand():
    family = ContinuousCartPole()
    for position, angle, expected in (
        (0.0, 0.0, 1.0),
        (0.0, torch.pi, 0.0),
        (2.4, 0.0, np.exp(-1)),
        (0, 1.0, 0.770151),
    ):
        state = torch.tensor([[[position, 3.0, angle, -2.0]]], dtype=torch.float64)
        assert float(family.reward(None, None, state, None, {})) == pytest.approx(expected, abs=1e-6)


def test_the_arm_is_acrobots():
    """The accelerations at Acrobot's masses and inertias, with gravity and a torque in the second joint only."""
    theirs = gymnasium.make("Acrobot-v1").unwrapped
    generator = seeded()
    angles, speeds = torch.randn((2, 100, 2), generator=generator, dtype=torch.float64).mul(2)
    torque = torch.randn(100, generator=generator, dtype=torch.float64)
    one, half = (torch.full((100,), value, dtype=torch.float64) for value in (1.0, 0.5))
    torques = torch.stack([torch.zeros_like(torque), torque], -1)
    ours = accelerations(angles, speeds, torques, (one, one), (one, one), (half, half), (one, one), 9.8)
    for row in range(100):
        state = [*angles[row].tolist(), *speeds[row].tolist(), float(torque[row])]
        np.testing.assert_allclose(ours[row].numpy(), theirs._dsdt(state)[2:4], rtol=1e-10, atol=1e-10)


def kinetic_energy(state, params):
    """From velocities of the centres of mass, by differences of their positions: no mass matrix."""
    angles, speeds, tiny = state[..., :2], state[..., 2:4], 1e-6
    places = []
    for sign in (1, -1):
        first, second = (angles + sign * tiny * speeds).unbind(-1)
        l1, l2 = params["length1"], params["length2"]
        none = torch.zeros_like(l1)
        places.append((tip(first, second, l1 / 2, none), tip(first, second, l1, l2 / 2)))
    v1, v2 = ((ahead - back) / (2 * tiny) for ahead, back in zip(*places, strict=True))
    m1, m2 = params["mass1"], params["mass2"]
    turning = m1 * l1**2 / 12 * speeds[..., 0] ** 2 + m2 * l2**2 / 12 * speeds.sum(-1) ** 2
    return (m1 * v1.square().sum(-1) + m2 * v2.square().sum(-1) + turning) / 2


def test_an_arm_without_friction_keeps_its_energy_and_one_with_it_loses_it():
    family = TwoLinkArm()
    params = wide(family.sample_tasks(10, seeded(), dtype=torch.float64), 5)
    state = family.initial(seeded(1), params)
    state[..., 2:4] = torch.randn((10, 5, 2), generator=seeded(2), dtype=torch.float64)
    idle = torch.zeros((10, 5, 2), dtype=torch.float64)
    free = params | {"friction": torch.zeros((10, 5), dtype=torch.float64)}
    start, moving, braked = kinetic_energy(state, params), state, state
    for _ in range(100):
        moving, braked = family.transition(moving, idle, None, free), family.transition(braked, idle, None, params)
    torch.testing.assert_close(kinetic_energy(moving, params) / start, torch.ones_like(start), atol=0.12, rtol=0)
    kept = kinetic_energy(braked, params) / start
    assert float(kept.max()) < 0.85 and float(kept.mean()) < 0.4


def test_a_gain_is_the_torque_of_a_full_action():
    """From rest, the speeds after a step are the integral of the accelerations that the torques alone give."""
    family = TwoLinkArm()
    tasks = family.sample_tasks(5, seeded(), dtype=torch.float64) | {"friction": torch.zeros(5, dtype=torch.float64)}
    params = wide(tasks, 3)
    state = family.initial(seeded(1), params)
    action = torch.tensor([0.0, -4.0], dtype=torch.float64).expand(5, 3, 2)  # beyond the bounds: clipped to -1
    after = family.transition(state, action, None, params)
    torques = torch.stack([torch.zeros_like(params["gain2"]), -params["gain2"]], -1)
    masses, lengths = ((params[f"{name}1"], params[f"{name}2"]) for name in ("mass", "length"))
    inertias = tuple(m * l**2 / 12 for m, l in zip(masses, lengths, strict=True))
    rest = torch.zeros_like(torques)
    first = accelerations(state[..., :2], rest, torques, masses, lengths, [l / 2 for l in lengths], inertias, 0.0)
    torch.testing.assert_close(after[..., 2:4], first * TIME_STEP, rtol=0.15, atol=0.02)
    one = first * TIME_STEP / SUBSTEPS
    assert bool(((after[..., :2] - state[..., :2]).abs() > one.abs() * TIME_STEP / SUBSTEPS).all())


@pytest.mark.parametrize("name", ["changing pendulum", "changing cartpole", "changing arm"])
def test_a_changing_task_is_one_task_before_and_another_after(name):
    """Step by step in the wrapped family, given by hand which of the two tasks holds."""
    family = FAMILIES[name]
    tasks = family.sample_tasks(4, seeded(), dtype=torch.float64)
    params, inner = wide(tasks, 3), family.family
    halves = [{key: params[key] for key in inner.default_params} for _ in range(2)]
    halves[1].update({key: params["after." + key] for key in family.changing})
    state = family.initial(seeded(1), params)
    steps = int(tasks["change_at"].max()) + 5
    actions = uniform(family, (steps, 4, 3))
    assert not torch.equal(*(half[family.changing[0]] for half in halves))
    for time in range(steps):
        late = (time >= tasks["change_at"])[:, None].expand(4, 3)
        held = {key: torch.where(late, halves[1][key], halves[0][key]) for key in inner.default_params}
        following, observation, reward, terminated = family.step(state, actions[time], None, params)
        plain = inner.transition(state[..., :-1], actions[time], None, held)
        assert torch.equal(following[..., :-1], plain) and bool((following[..., -1] == time + 1).all())
        assert torch.equal(reward, inner.reward(state[..., :-1], actions[time], plain, None, held))
        assert not bool(terminated.any())
        assert torch.equal(observation, inner.observation(plain, None, held))
        state = following


def test_a_change_at_the_horizon_never_comes():
    inner = ContinuousCartPole(horizon=30)
    family = ChangingTasks(inner, "force", 30)
    tasks = family.sample_tasks(3, seeded())
    ours = rollout(family, tasks, UniformPolicy(family.action_space), {}, 5, seeded(1))
    theirs = rollout(inner, family.before(tasks), UniformPolicy(family.action_space), {}, 5, seeded(1))
    torch.testing.assert_close(ours.observations, theirs.observations)
    torch.testing.assert_close(ours.rewards, theirs.rewards)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_observed_reward_is_the_reward(name):
    family = FAMILIES[name]
    tasks = family.sample_tasks(5, seeded(), "ood", torch.float64)
    seen = rollout(family, tasks, UniformPolicy(family.action_space), {}, 4, seeded(1))
    following = torch.cat([seen.observations[:, :, 1:], seen.final_observations[:, :, None]], 2)
    torch.testing.assert_close(family.observed_reward(seen.observations, seen.actions, following), seen.rewards)
    assert float(seen.rewards.std()) > 0.01


@pytest.mark.parametrize("name", FAMILIES)
def test_splits(name):
    family, values, bits = FAMILIES[name], {}, {}
    for seed, split in enumerate(("train", "test", "ood")):
        tasks = family.sample_tasks(20_000, seeded(seed), split)
        values[split] = torch.stack([tasks[one] for one in STAMPED[name]], 1).contiguous()
        bits[split] = values[split].view(torch.int32) & 1
    assert bool((bits["train"] == 0).all()) and bool((bits["test"] == 1).all())
    seen = [{row.tobytes() for row in values[split].numpy()} for split in values]
    assert not seen[0] & seen[1] and not seen[0] & seen[2] and not seen[1] & seen[2]
    for column in range(len(STAMPED[name])):
        assert stats.ks_2samp(*(values[split][:, column].numpy() for split in ("train", "test"))).pvalue > 1e-5
    sizes = [values[split].abs() for split in ("train", "ood")]
    inside = (sizes[1] > sizes[0].amin(0)) & (sizes[1] < sizes[0].amax(0))
    assert float(inside.float().mean()) < 0.01, "out of distribution lies on either side of the training tasks"


def test_when_changes_come():
    tasks = FAMILIES["changing pendulum"].sample_tasks(20_000, seeded())
    counts = tasks["change_at"].bincount(minlength=151)
    assert counts[:50].sum() == 0 and len(counts) == 151
    assert stats.chisquare(counts[50:].numpy()).pvalue > 1e-5
    signs = [FAMILIES["changing cartpole"].sample_tasks(4000, seeded())[n].sign() for n in ("force", "after.force")]
    assert abs(float((signs[0] * signs[1]).mean())) < 0.07, "half of the changes turn the force round"


@pytest.mark.parametrize("name", FAMILIES)
def test_gymnasium_accepts_it(name):
    env = TaskEnv(FAMILIES[name])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*infinity.*|.*not within the observation space.*render.*")
        warnings.filterwarnings("ignore", message=".*[Ww]e recommend.*symmetric and normalized.*|.*env.spec.*")
        check_env(env, skip_render_check=True)
    vector = FAMILIES[name].vector_env(FAMILIES[name].sample_tasks(2, seeded()), 4)
    observation, _ = vector.reset(seed=0)
    for _ in range(FAMILIES[name].horizon + 3):
        observation, reward, terminated, _, _ = vector.step(vector.action_space.sample())
        assert observation in vector.observation_space and np.isfinite(reward).all() and not terminated.any()


@pytest.mark.parametrize("name", FAMILIES)
def test_tasks_in_a_batch_are_tasks_alone(name):
    family = FAMILIES[name]
    tasks = family.sample_tasks(6, seeded(), dtype=torch.float64)
    params = wide(tasks, 2)
    state = family.initial(seeded(1), params)
    action = uniform(family, (6, 2))
    together = family.step(state, action, None, params)
    for task in range(6):
        alone = family.step(state[task, None], action[task, None], None, wide(select_tasks(tasks, task), 2))
        for one, all_ in zip(alone, together, strict=True):
            torch.testing.assert_close(one[0], all_[task], rtol=1e-12, atol=1e-12)


def test_what_an_informed_policy_is_shown():
    family = FAMILIES["changing cartpole"]
    tasks = family.sample_tasks(3, seeded())
    features = family.features(tasks)
    assert features.shape == (3, 13)
    torch.testing.assert_close(features[:, 11], tasks["after.force"].sign())
    torch.testing.assert_close(features[:, 12], tasks["change_at"] / 200)
    informed = InformedTasks(family)
    assert rollout(informed, tasks, UniformPolicy(family.action_space), {}, 1, seeded(1)).observations.shape[-1] == 18
