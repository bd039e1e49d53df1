"""CartPole and Pendulum are Gymnasium's at every set of physics, step by step, in float64."""

import gymnasium
import numpy as np
import pytest
import torch

from metarl_core.tasks import CartPole, Pendulum, expand_tasks
from metarl_core.tasks.cartpole import DEFAULT_PHYSICS as CART_PHYSICS
from metarl_core.tasks.pendulum import DEFAULT_PHYSICS as PENDULUM_PHYSICS

CART_NAMES = {
    "gravity": "gravity", "mass_cart": "masscart", "mass_pole": "masspole", "length": "length", "force": "force_mag",
}  # fmt: skip
PENDULUM_NAMES = {"gravity": "g", "mass": "m", "length": "l"}


def as_task(physics):
    return expand_tasks({name: torch.tensor([value], dtype=torch.float64) for name, value in physics.items()}, 1)


def gymnasium_cartpole(physics):
    env = gymnasium.make("CartPole-v1").unwrapped
    for name, value in physics.items():
        setattr(env, CART_NAMES[name], value)
    env.total_mass = env.masscart + env.masspole
    env.polemass_length = env.masspole * env.length
    return env


def gymnasium_pendulum(physics):
    env = gymnasium.make("Pendulum-v1").unwrapped
    for name, value in physics.items():
        setattr(env, PENDULUM_NAMES[name], value)
    return env


def follow(family, env, physics, draw_action, steps, seed):
    """Drive both with the same actions from the same states; yields both outcomes of each step."""
    params, rng, random = as_task(physics), torch.Generator().manual_seed(seed), np.random.default_rng(seed)
    state, done = None, True
    for _ in range(steps):
        if done:
            state = family.initial(rng, params)
            env.reset()
            env.state = state[0, 0].numpy().copy()
        action = draw_action(random)
        state, observation, reward, terminated = family.step(state, torch.as_tensor(action)[None, None], rng, params)
        theirs = env.step(action)
        yield (observation[0, 0].numpy(), float(reward), bool(terminated)), theirs, state[0, 0].numpy(), env.state
        done = bool(terminated)


def check(pairs):
    ends = 0
    for (observation, reward, terminated), theirs, state, their_state in pairs:
        np.testing.assert_allclose(state, their_state, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(observation, theirs[0], rtol=1e-6, atol=1e-6)  # Gymnasium rounds to float32
        assert reward == pytest.approx(theirs[1], rel=1e-9, abs=1e-9)
        assert terminated == theirs[2]
        ends += terminated
    return ends


def altered(default):
    """The default, each parameter changed alone, and all changed."""
    larger = [{**default, name: value * 1.7} for name, value in default.items()]
    smaller = [{**default, name: value / 1.6} for name, value in default.items()]
    factors = (0.7, 1.4, 1.9, 0.6, 1.3)
    return [
        dict(default),
        *larger,
        *smaller,
        {name: default[name] * f for name, f in zip(default, factors, strict=False)},
    ]


def label(physics):
    return "-".join(f"{value:.3g}" for value in physics.values())


@pytest.mark.parametrize("physics", altered(CART_PHYSICS), ids=label)
def test_cartpole_is_gymnasiums(physics):
    pairs = follow(CartPole(), gymnasium_cartpole(physics), physics, lambda random: int(random.integers(2)), 400, 0)
    assert check(pairs) > 5


def test_cartpole_under_control_for_long_episodes():
    """An episode of hundreds of steps, each compared from one state, so that rounding cannot pile up."""
    family, env = CartPole(), gymnasium_cartpole(CART_PHYSICS)
    params, rng = as_task(CART_PHYSICS), torch.Generator().manual_seed(1)
    state = family.initial(rng, params)
    env.reset()
    env.state = state[0, 0].numpy().copy()
    for _ in range(400):
        action = int(state[0, 0] @ torch.tensor([0.1, 0.3, 3.0, 1.0], dtype=torch.float64) > 0)
        state = family.transition(state, torch.tensor([[action]]), rng, params)
        _, _, terminated, _, _ = env.step(action)
        assert not terminated
        np.testing.assert_allclose(state[0, 0].numpy(), env.state, rtol=1e-13, atol=1e-14)
        state = torch.from_numpy(env.state.copy())[None, None]


@pytest.mark.parametrize("physics", altered(PENDULUM_PHYSICS), ids=label)
def test_pendulum_is_gymnasiums(physics):
    def draw(random):
        return random.uniform(-3, 3, 1)  # beyond the bounds too: both clip

    assert check(follow(Pendulum(), gymnasium_pendulum(physics), physics, draw, 300, 0)) == 0


@pytest.mark.parametrize("family, default", [(CartPole(), CART_PHYSICS), (Pendulum(), PENDULUM_PHYSICS)])
def test_every_parameter_enters(family, default):
    def end(physics):
        params, rng = as_task(physics), torch.Generator().manual_seed(3)
        state = family.initial(rng, params)
        for time in range(10):
            action = torch.tensor([[time % 2]]) if family.action_space.shape == () else torch.ones(1, 1, 1)
            state = family.transition(state, action, rng, params)
        return state

    for name in default:
        assert (end(default) - end({**default, name: default[name] * 1.1})).abs().max() > 1e-4, name


def test_initial_states_are_gymnasiums():
    """Uniform on Gymnasium's intervals: extremes of many draws."""
    rng = torch.Generator().manual_seed(0)
    family = CartPole()
    cart = family.initial(rng, expand_tasks(family.default_params, 10_000))[0]
    assert torch.allclose(cart.amin(0), torch.tensor(-0.05), atol=1e-4) and cart.amin() >= -0.05
    assert torch.allclose(cart.amax(0), torch.tensor(0.05), atol=1e-4) and cart.amax() <= 0.05
    family = Pendulum()
    swing = family.initial(rng, expand_tasks(family.default_params, 10_000))[0]
    bound = torch.tensor([torch.pi, 1.0])
    assert torch.allclose(swing.amax(0) / bound, torch.ones(2), atol=2e-3)
    assert torch.allclose(swing.amin(0) / bound, -torch.ones(2), atol=2e-3)


def test_spaces_are_gymnasiums():
    for id, family in (("CartPole-v1", CartPole()), ("Pendulum-v1", Pendulum())):
        env = gymnasium.make(id)
        assert family.observation_space == env.observation_space
        assert family.action_space == env.action_space
        assert family.horizon == env.spec.max_episode_steps
