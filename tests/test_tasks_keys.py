"""Rotated keys by hand and by search; CartPole's reversed push; families that show the task."""

import itertools
import math

import pytest
import torch
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env

from metarl_core.agents import OraclePolicy, UniformPolicy
from metarl_core.tasks import (
    BernoulliBandits,
    CartPole,
    GridGoals,
    InformedTasks,
    PointNavigation,
    RotatedKeys,
    TabularMDPs,
    TaskEnv,
    rollout,
)
from metarl_core.tasks.rotated_keys import GOAL_RADIUS, STEP_LENGTH


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def one(angle, order=1.0, dtype=torch.float32):
    return {"angle": torch.tensor([[angle]], dtype=dtype), "order": torch.tensor([[order]], dtype=dtype)}


def test_keys_by_hand():
    family = RotatedKeys(keys=4)
    state = torch.tensor([[[0.0, 0.0, 0.9, -0.3]]])
    for key, move in enumerate([(0, 0.2), (-0.2, 0), (0, -0.2), (0.2, 0)]):  # rotated by a right angle
        following = family.transition(state, torch.tensor([[key]]), None, one(math.pi / 2))
        expected = torch.tensor([[[*move, 0.9, -0.3]]], dtype=torch.float32)
        torch.testing.assert_close(following, expected, atol=1e-6, rtol=0)
        mirrored = family.transition(state, torch.tensor([[(-key) % 4]]), None, one(math.pi / 2, -1.0))
        torch.testing.assert_close(mirrored, expected, atol=1e-6, rtol=0)
    edge = family.transition(torch.tensor([[[0.95, 0.0, 0.0, 0.0]]]), torch.tensor([[0]]), None, one(0.0))
    assert edge[0, 0, 0] == 1.0


def test_keys_reward_and_end():
    state, action = torch.tensor([[[0.3, 0.4, 0.0, 0.0], [0.1, 0.1, 0.0, 0.0]]]), torch.zeros(1, 2)
    assert RotatedKeys().reward(None, action, state, None, None).flatten().tolist() == pytest.approx(
        [-0.5, -(0.2**0.5) / 10**0.5]
    )
    assert RotatedKeys("step").reward(None, action, state, None, None).tolist() == [[-1, -1]]
    assert RotatedKeys().terminal(state, None, None).tolist() == [[False, True]]


def test_turning_the_keyboard_by_one_key_renames_the_keys():
    family = RotatedKeys()
    state = torch.rand((1, 8, 4), generator=seeded()) - 0.5
    key = torch.arange(8)[None]
    turned = family.transition(state, key, None, one(2 * math.pi / 8))
    torch.testing.assert_close(turned, family.transition(state, (key + 1) % 8, None, one(0.0)))


def test_steering_against_search():
    """Against the fewest keys of all sequences of up to five: never more than one key worse, and rarely that."""
    family, cases = RotatedKeys(), 300
    state = torch.rand((1, cases, 4), generator=seeded(), dtype=torch.float64) * 2 - 1
    offset = torch.rand((1, cases, 2), generator=seeded(1), dtype=torch.float64) * 1.2 - 0.6
    state[..., 2:] = (state[..., :2] + offset).clamp(-1, 1)
    task = {name: value.expand(1, cases) for name, value in one(0.7, dtype=torch.float64).items()}
    fewest = torch.full((cases,), 99)
    reached = state[0, :, None]
    for length in range(1, 6):
        wide = {name: value[0, :, None].expand(cases, reached.shape[1] * 8) for name, value in task.items()}
        keys = torch.arange(8).repeat(reached.shape[1]).expand(cases, -1)
        reached = family.transition(reached.repeat_interleave(8, 1), keys, None, wide)
        near = family.terminal(reached, None, None).any(1)
        fewest = torch.where(near & (fewest == 99), length, fewest)
    taken, steered = torch.full((cases,), 99), state
    for length in range(1, 8):
        steered = family.transition(steered, family.steering_action(steered, task), None, task)
        near = family.terminal(steered, None, None)[0]
        taken = torch.where(near & (taken == 99), length, taken)
    solved = fewest < 99
    assert int(solved.sum()) > 250
    extra = (taken - fewest)[solved]
    assert int(extra.min()) >= 0 and int(extra.max()) <= 1 and float((extra == 0).double().mean()) > 0.9


def test_steering_reaches_every_goal_and_random_keys_do_not():
    family = RotatedKeys()
    for split in ("train", "ood"):
        tasks = family.sample_tasks(20, seeded(), split)
        seen = rollout(family, tasks, OraclePolicy(family, family.steering_action), tasks, 50, seeded(1))
        assert bool(seen.terminated.any(-1).all()) and int(seen.lengths.max()) <= 2 * math.sqrt(2) / STEP_LENGTH + 1
        uniform = rollout(family, tasks, UniformPolicy(family.action_space), {}, 50, seeded(1))
        assert float(uniform.terminated.any(-1).float().mean()) < 0.4
    assert STEP_LENGTH / 2 < GOAL_RADIUS, "no goal can be stepped over for ever"


def test_keys_refuse():
    family = RotatedKeys()
    with pytest.raises(ValueError, match="order.*1 or -1"):
        family.check_tasks({"angle": torch.tensor([0.1]), "order": torch.tensor([0.5])})


def test_a_reversed_push_swaps_the_actions():
    family = CartPole(hidden_sign=True)
    tasks = {name: value[None] for name, value in family.sample_tasks(30, seeded()).items()}
    state, action = torch.randn((1, 30, 4), generator=seeded()), torch.randint(2, (1, 30), generator=seeded())
    reversed_push = tasks | {"force": -tasks["force"]}
    following = family.transition(state, action, None, tasks)
    torch.testing.assert_close(following, family.transition(state, 1 - action, None, reversed_push))
    assert bool((family.features(tasks)[..., -1] == -family.features(reversed_push)[..., -1]).all())


@pytest.mark.parametrize(
    "family", [RotatedKeys(), CartPole(hidden_sign=True), GridGoals(horizon=10), PointNavigation()]
)
def test_informed_family_is_the_family_with_the_task_in_sight(family):
    informed, tasks = InformedTasks(family), family.sample_tasks(6, seeded(), "test")
    uniform = UniformPolicy(family.action_space)
    plain, seen = (rollout(one, tasks, uniform, {}, 3, seeded(1)) for one in (family, informed))
    assert torch.equal(plain.rewards, seen.rewards) and torch.equal(plain.terminated, seen.terminated)
    shown = family.features({name: value[:, None, None] for name, value in tasks.items()})
    size = shown.shape[-1]
    assert bool((seen.observations[..., -size:] == shown).all(-1)[seen.mask].all())
    rest = seen.observations[..., :-size]
    if isinstance(family, GridGoals):
        assert torch.equal(rest.argmax(-1)[seen.mask], plain.observations[seen.mask])
    else:
        assert torch.equal(rest, plain.observations)
    check_env(TaskEnv(informed, {name: value[:1] for name, value in tasks.items()}), skip_render_check=True)


def test_informed_families_refuse_and_features_are_all_parameters():
    pixels = CartPole()
    pixels.observation_space = spaces.Box(0, 1, (4, 4))
    with pytest.raises(ValueError, match="Discrete or one-dimensional Box"):
        InformedTasks(pixels)
    for family, size in ((BernoulliBandits(arms=3), 3), (TabularMDPs(3, 2), 3 * 2 * 3 + 3 * 2), (PointNavigation(), 2)):
        tasks = family.sample_tasks(4, seeded())
        assert family.features(tasks).shape == (4, size)
        values = itertools.chain.from_iterable(value[2].flatten().tolist() for value in tasks.values())
        assert sorted(family.features(tasks)[2].tolist()) == sorted(values)
