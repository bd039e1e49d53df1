"""The hand-made controllers solve the physics they were designed for, and knowing the physics helps."""

import torch

from metarl_core.tasks import CartPole, Pendulum, rollout
from metarl_core.tasks.controllers import CartPoleController, PendulumController, cartpole_gains


def test_linear_quadratic_regulator_balances_every_training_task():
    family = CartPole()
    tasks = family.sample_tasks(100, torch.Generator().manual_seed(0))
    policy, gains = CartPoleController(), {"gains": cartpole_gains(tasks)}
    returns = rollout(family, tasks, policy, gains, 2, torch.Generator().manual_seed(1)).returns
    assert (returns == family.horizon).float().mean() > 0.99


def test_linear_quadratic_regulator_stabilises_the_linearised_cartpole():
    """Independent of the Riccati solver: every eigenvalue of the closed loop, by finite differences, is stable."""
    family = CartPole()
    task = {name: value[:, None].double() for name, value in family.default_params.items()}
    gains = cartpole_gains(family.default_params)[0].double()

    def derivative(state):
        force = float(gains @ state)  # the family's transition pushes with ±force: scale it to the linear feedback
        pushed = {**task, "force": torch.full((1, 1), abs(force), dtype=torch.float64)}
        action = torch.full((1, 1), int(force > 0))
        return (family.transition(state[None, None], action, None, pushed)[0, 0] - state) / 0.02

    step = 1e-5 * torch.eye(4, dtype=torch.float64)
    jacobian = torch.stack([(derivative(e) - derivative(-e)) / 2e-5 for e in step], 1)
    assert torch.linalg.eigvals(jacobian).real.max() < 0


def test_a_pendulum_controller_told_its_task_beats_one_told_the_ordinary_physics():
    family = Pendulum()
    tasks = family.sample_tasks(200, torch.Generator().manual_seed(0))
    ordinary = {name: value.expand(200) for name, value in family.default_params.items()}

    def mean(parameters):
        generator = torch.Generator().manual_seed(1)
        return rollout(family, tasks, PendulumController(), parameters, 5, generator).returns.mean()

    assert mean(tasks) > mean(ordinary) + 30
    assert mean(tasks) > -220
