"""Cheetah, ant and Meta-World: rewards against Gymnasium's own steps, splits, and what is said without them."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from metarl_core.agents import GaussianPolicy, UniformPolicy
from metarl_core.meta import PolicyMAML, policies
from metarl_core.parameters import initial_parameters
from metarl_core.tasks import Locomotion, rollout, select_tasks
from metarl_core.tasks.meta_world import check_splits

BODIES = {"HalfCheetah": (1, 0.05, 0.0), "Ant": (2, 0.005, 1.05)}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_nothing_is_imported_before_it_is_needed():
    """`metarl_core.tasks` loads neither simulator, and a missing one is told with the command that installs it."""
    script = (
        "import sys; sys.modules['mujoco'] = None; sys.modules['metaworld'] = None\n"
        "import metarl_core.tasks as tasks\n"
        "for name in ('Locomotion', 'MetaWorld'):\n"
        "    try: getattr(tasks, name)()\n"
        "    except ModuleNotFoundError as error: print(error)\n"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    command = "which is not installed: pip install -c constraints.txt -e '.[benchmarks]'"
    assert said.splitlines() == [
        f"Locomotion needs mujoco, {command}",
        f"MetaWorld needs metaworld, {command}",
    ]


def test_splits_that_share_a_task_are_refused():
    check_splits([1, 2], [3], key=int)
    with pytest.raises(ValueError, match="share no task, got 2 in both"):
        check_splits([1, 2, 3], [3, 2], key=int)


@pytest.mark.parametrize("body", BODIES)
def test_a_step_is_gymnasiums(body):
    """From the same state, observation and reward of one step are those of v5's simulator, by its own coordinates."""
    pytest.importorskip("mujoco")
    import gymnasium

    hidden, effort, bonus = BODIES[body]
    family = Locomotion(body, horizon=20)
    env = gymnasium.make(f"{body}-v5").unwrapped
    env.reset(seed=0)
    params = {"velocity": torch.full((1, 1), 1.5)}
    rng = np.random.default_rng(0)
    for _ in range(20):
        before = env.data.qpos.copy()
        state = torch.from_numpy(np.concatenate([[0.0], env.data.qpos, env.data.qvel]))[None, None]
        action = rng.uniform(-1.5, 1.5, env.model.nu).astype(np.float32)
        tensor = torch.from_numpy(action)[None, None]
        following = family.transition(state, tensor, None, params)
        env.step(np.clip(action, -1, 1))
        seen = np.concatenate([env.data.qpos[hidden:], env.data.qvel])
        np.testing.assert_allclose(family.observation(following, None, params)[0, 0], seen, rtol=1e-4, atol=1e-4)
        velocity = (env.data.qpos[0] - before[0]) / env.dt
        expected = -abs(velocity - 1.5) - effort * (np.clip(action, -1, 1) ** 2).sum() + bonus
        assert float(family.reward(state, tensor, following, None, params)) == pytest.approx(expected, abs=1e-3)


def test_locomotion_is_a_function_of_its_state():
    """The same episodes come alone and in a batch, with one thread and two."""
    pytest.importorskip("mujoco")
    family, threaded = Locomotion(horizon=15), Locomotion(horizon=15, threads=2)
    tasks = family.sample_tasks(3, seeded())
    policy = UniformPolicy(family.action_space)
    one, two = (rollout(f, tasks, policy, {}, 4, seeded(1)) for f in (family, threaded))
    assert torch.equal(one.observations, two.observations) and torch.equal(one.rewards, two.rewards)
    params = {"velocity": torch.ones(1, 2)}
    state = family.initial(seeded(2), params)
    action = torch.full((1, 2, 6), 0.5)
    both = family.transition(state, action, None, params)
    alone = family.transition(state[:, 1:], action[:, 1:], None, select_tasks(params, slice(None)))
    assert torch.equal(both[:, 1:], alone)
    assert family.pure and state.dtype == torch.float64


def test_locomotion_splits():
    pytest.importorskip("mujoco")
    cheetah, ant = Locomotion(), Locomotion("Ant", "direction")
    for split, low, high in (("train", 0, 2), ("test", 0, 2), ("ood", 2, 3)):
        drawn = cheetah.sample_tasks(500, seeded(), split)["velocity"]
        assert low <= float(drawn.min()) and float(drawn.max()) <= high
    turned = ant.sample_tasks(500, seeded(), "ood")["direction"].cos()
    assert (
        float(turned.max()) < 0.01 and float(ant.sample_tasks(500, seeded(), "test")["direction"].cos().min()) > -0.01
    )
    both = Locomotion(goal="direction")
    assert set(both.sample_tasks(50, seeded())["direction"].tolist()) == {-1.0, 1.0}
    with pytest.raises(ValueError, match="two directions in all"):
        both.sample_tasks(1, seeded(), "test")


def test_an_ant_that_falls_is_terminated():
    pytest.importorskip("mujoco")
    family = Locomotion("Ant", horizon=5)
    params = family.default_params
    state = family.initial(seeded(), {"velocity": params["velocity"][:, None]})
    assert not family.terminal(state, None, params).any()
    state[..., 3] = 0.1
    assert family.terminal(state, None, params).all()


def test_a_policy_adapts_on_the_cheetah():
    pytest.importorskip("mujoco")
    family = Locomotion(horizon=8)
    policy = GaussianPolicy(family.observation_space, family.action_space, (8,), generator=seeded())
    method = PolicyMAML(family, policy, 0.1, episodes=2)
    config = policies.TrainConfig(iterations=1, meta_batch=2)
    meta, _ = policies.train(method, initial_parameters(policy), config, seeded(), description=None)
    curve = policies.adaptation_curve(method, meta, family.sample_tasks(2, seeded(), "test"), seeded())
    assert curve.returns.shape == (2, 2) and bool(curve.returns.isfinite().all())


@pytest.mark.slow
def test_meta_world_serves_what_it_promises():
    """Training goals in training and held-out ones in testing; simulators are shared between goals."""
    metaworld = pytest.importorskip("metaworld")
    from metarl_core.tasks import MetaWorld
    from metarl_core.tasks.meta_world import goal_of

    own = metaworld.ML1("reach-v3", seed=3)
    promised = {
        "train": {goal_of(task).tobytes() for task in own.train_tasks},
        "test": {goal_of(task).tobytes() for task in own.test_tasks},
    }
    with MetaWorld("reach-v3", seed=3, horizon=4) as family:
        for split in ("train", "test"):
            tasks = family.sample_tasks(3, seeded(), split)
            rollout(family, tasks, UniformPolicy(family.action_space), {}, 1, seeded())
            served = [np.asarray(env.unwrapped._last_rand_vec).tobytes() for env in family._running]
            assert set(served) <= promised[split]
            assert all(env.unwrapped.reward_function_version == "v2" for env in family._running)
        assert len(family._simulators) == 3
        assert {name: tuple(flags.shape) for name, flags in family.success().items()} == {"any": (3, 1), "last": (3, 1)}
        with pytest.raises(ValueError, match="empty 'ood'"):
            family.sample_tasks(1, seeded(), "ood")
