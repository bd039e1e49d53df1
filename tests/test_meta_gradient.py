"""The inner loop against closed forms and finite differences, and its curvature by enumeration."""

import numpy as np
import pytest
import torch
from test_agents_reinforce import Enumeration
from torch.func import hessian

from metarl_core.agents import reinforce_loss, reward_to_go
from metarl_core.meta import adapt, clipped_loss, surrogate_loss
from metarl_core.networks import MLP, mlp
from metarl_core.parameters import initial_parameters, repeat_parameters
from metarl_core.tasks import Sinusoids, Trajectories


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


class Quadratics:
    """L_i(θ) = ½ (θ − c_i)ᵀ A_i (θ − c_i), different for support and query."""

    def __init__(self, tasks=4, size=3):
        random = np.random.default_rng(0)
        root = random.normal(size=(2, tasks, size, size))
        self.curvature = torch.from_numpy(root @ root.transpose(0, 1, 3, 2) / size + 0.1 * np.eye(size))
        self.centre = torch.from_numpy(random.normal(size=(2, tasks, size)))

    def loss(self, which, tasks=slice(None)):
        curvature, centre = self.curvature[which][tasks], self.centre[which][tasks]

        def losses(parameters):
            offset = parameters["theta"] - centre
            return 0.5 * torch.einsum("ti,tij,tj->t", offset, curvature, offset)

        return losses

    def gradient(self, which, theta):
        return torch.einsum("tij,tj->ti", self.curvature[which], theta - self.centre[which])


THETA = torch.tensor([0.3, -1.0, 0.5], dtype=torch.float64)


def test_adapted_parameters_in_closed_form():
    world = Quadratics()
    theta = {"theta": THETA.clone().requires_grad_()}
    adapted = adapt(repeat_parameters(theta, 4), world.loss(0), 0.1)
    torch.testing.assert_close(adapted["theta"], THETA - 0.1 * world.gradient(0, THETA.expand(4, 3)))
    assert torch.equal(theta["theta"], THETA) and theta["theta"].grad is None


@pytest.mark.parametrize("steps", [1, 3])
def test_meta_gradient_in_closed_form(steps):
    """K steps: the product of K factors (I − αA), then the query gradient; first order drops the factors."""
    world = Quadratics()
    gradients = {}
    for create_graph in (True, False):
        theta = {"theta": THETA.clone().requires_grad_()}
        current = repeat_parameters(theta, 4)
        for _ in range(steps):
            current = adapt(current, world.loss(0), 0.1, create_graph=create_graph)
        world.loss(1)(current).mean().backward()
        gradients[create_graph] = theta["theta"].grad
        query = world.gradient(1, current["theta"].detach())
    factor = torch.eye(3, dtype=torch.float64) - 0.1 * world.curvature[0]
    chained = query
    for _ in range(steps):
        chained = torch.einsum("tij,tj->ti", factor, chained)
    torch.testing.assert_close(gradients[True], chained.mean(0), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(gradients[False], query.mean(0), rtol=1e-12, atol=1e-12)
    assert not torch.allclose(gradients[True], gradients[False], rtol=1e-2)


def test_no_task_leaks_into_another():
    world = Quadratics()

    def adapted(order):
        theta = repeat_parameters({"theta": THETA.clone().requires_grad_()}, len(order))
        return adapt(theta, world.loss(0, order), 0.1)["theta"].detach()

    everything = adapted([0, 1, 2, 3])
    torch.testing.assert_close(adapted([3, 1, 0, 2]), everything[[3, 1, 0, 2]], rtol=0, atol=0)
    torch.testing.assert_close(adapted([2]), everything[[2]], rtol=0, atol=0)
    torch.testing.assert_close(adapted([1, 1, 3]), everything[[1, 1, 3]], rtol=0, atol=0)


def test_per_task_rates_broadcast():
    """A rate with a task axis adapts each task with its own (Meta-SGD writes rates of the parameters' shape)."""
    world = Quadratics()
    theta = repeat_parameters({"theta": THETA.clone().requires_grad_()}, 4)
    rates = torch.tensor([0.0, 0.1, 0.2, 0.3], dtype=torch.float64)[:, None]
    adapted = adapt(theta, world.loss(0), rates)["theta"]
    torch.testing.assert_close(adapted, THETA - rates * world.gradient(0, THETA.expand(4, 3)))


def test_finite_differences_through_a_network():
    """MAML on sinusoids in float64: each entry of the meta-gradient."""
    family, network = Sinusoids(), MLP((1, 4, 1), torch.tanh, seeded())
    tasks = family.sample_tasks(3, seeded(1))
    data = [[x.double() for x in family.sample_data(tasks, 5, seeded(seed))] for seed in (2, 3)]
    start = {name: value.double() for name, value in initial_parameters(network).items()}

    def outer(parameters, create_graph=True):
        def loss(which):
            inputs, targets = data[which]
            return lambda p: (mlp(p, inputs, torch.tanh) - targets).square().mean((1, 2))

        current = repeat_parameters(parameters, 3)
        for _ in range(2):
            current = adapt(current, loss(0), 0.05, create_graph=create_graph)
        return loss(1)(current).mean()

    leaves = {name: value.clone().requires_grad_() for name, value in start.items()}
    outer(leaves).backward()
    first_order = {name: value.clone().requires_grad_() for name, value in start.items()}
    outer(first_order, create_graph=False).backward()
    for name, value in start.items():
        for place in np.ndindex(*value.shape):
            sides = []
            for shift in (1e-5, -1e-5):
                moved = {key: entry.clone().requires_grad_() for key, entry in start.items()}
                with torch.no_grad():
                    moved[name][place] += shift
                sides.append(float(outer(moved).detach()))
            assert float(leaves[name].grad[place]) == pytest.approx((sides[0] - sides[1]) / 2e-5, rel=1e-5, abs=1e-7)
        assert not torch.allclose(leaves[name].grad, first_order[name].grad, rtol=1e-3)


# The curvature of surrogates


@pytest.fixture
def double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def sampled(world):
    """The enumeration's trajectories with the log-probabilities of sampling time."""
    old = world.log_probabilities(world.parameters).detach()
    return Trajectories(**{**vars(world.trajectories), "log_probabilities": old})


def test_surrogate_is_reinforce_to_first_order(double):
    world = Enumeration()
    trajectories = sampled(world)
    advantage = reward_to_go(trajectories.rewards, 1.0)
    gradients = []
    for loss in (surrogate_loss, reinforce_loss, lambda *args: clipped_loss(*args, 0.2)):
        leaves = {name: value.clone().requires_grad_() for name, value in world.parameters.items()}
        losses = loss(world.policy, leaves, trajectories, advantage)
        gradients.append(torch.autograd.grad(losses @ torch.linspace(1, 2, len(losses)), list(leaves.values())))
        if loss is not reinforce_loss:  # the ratio is 1 at sampling parameters
            torch.testing.assert_close(losses, -advantage.mean((1, 2)))
    for others in gradients[1:]:
        for first, second in zip(gradients[0], others, strict=True):
            torch.testing.assert_close(first, second, rtol=1e-12, atol=1e-12)


def test_clipped_loss_by_hand(double):
    world = Enumeration(horizon=2)
    trajectories = sampled(world)
    advantage = torch.randn(trajectories.rewards.shape, generator=seeded())
    moved = {
        name: value + 0.5 * torch.randn(value.shape, generator=seeded(1)) for name, value in world.parameters.items()
    }
    ratio = (world.log_probabilities(moved) - trajectories.log_probabilities).exp()
    assert bool((ratio > 1.2).any()) and bool((ratio < 0.8).any())
    expected = torch.zeros(len(ratio))
    for index in range(len(ratio)):
        terms = []
        for r, a in zip(ratio[index, 0].tolist(), advantage[index, 0].tolist(), strict=True):
            terms.append(min(r * a, min(max(r, 0.8), 1.2) * a))
        expected[index] = -np.mean(terms)
    torch.testing.assert_close(clipped_loss(world.policy, moved, trajectories, advantage, 0.2), expected)
    torch.testing.assert_close(
        surrogate_loss(world.policy, moved, trajectories, advantage), -(ratio * advantage).mean((1, 2))
    )


def flatten(parameters):
    return torch.cat([value.flatten() for value in parameters.values()])


def unflatten(flat, like):
    parts = flat.split([value.numel() for value in like.values()])
    return {name: part.reshape(value.shape) for (name, value), part in zip(like.items(), parts, strict=True)}


@pytest.mark.parametrize("horizon", [1, 3])
def test_curvature_by_enumeration(double, horizon):
    """Expected Hessians: the surrogate has H₁ + H₂ (Rothfuss et al. 2019), −log π · A has H₂ only."""
    world = Enumeration(horizon=horizon)
    trajectories = sampled(world)
    to_go = reward_to_go(trajectories.rewards, 1.0)
    chances, flat = world.chances(world.parameters).detach(), flatten(world.parameters)

    def expected(loss):
        def value(vector):
            losses = loss(world.policy, unflatten(vector, world.parameters), trajectories, to_go)
            return -horizon * (losses * chances).sum()

        return hessian(value)(flat)

    def log_probabilities(vector):
        return world.log_probabilities(unflatten(vector, world.parameters))[:, 0]

    slopes, bends = torch.func.jacrev(log_probabilities)(flat), hessian(log_probabilities)(flat)
    weights = chances[:, None] * to_go[:, 0]
    first = torch.einsum("nt,nti,ntj->ij", weights, slopes, slopes)
    second = torch.einsum("nt,ntij->ij", weights, bends)
    lvc, naive = expected(surrogate_loss), expected(reinforce_loss)
    torch.testing.assert_close(lvc, first + second, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(naive, second, rtol=1e-10, atol=1e-12)
    true = hessian(lambda vector: world.expected_return(unflatten(vector, world.parameters)))(flat)

    def error(estimate):
        return float((estimate - true).norm() / true.norm())

    assert error(naive) > 0.5
    if horizon == 1:
        assert error(lvc) < 1e-10
    else:
        assert 1e-3 < error(lvc) < error(naive)
