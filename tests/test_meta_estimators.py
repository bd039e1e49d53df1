"""Estimators of the meta-policy gradient against exact enumeration, in float64: what the chapter on them claims."""

import itertools

import pytest
import torch
from test_agents_reinforce import Enumeration
from test_meta_gradient import flatten, sampled, unflatten
from torch.func import hessian

from metarl_core.agents import reward_to_go
from metarl_core.meta import ESTIMATORS, adapt, dice_loss, estimator_named, sampling_loss, surrogate_loss
from metarl_core.parameters import repeat_parameters
from metarl_core.tasks import Trajectories


@pytest.fixture(autouse=True)
def double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def expected_loss(world, estimator, baseline=None):
    """The estimator's loss in expectation over all trajectories at θ, as a function of the parameters, as of a sum."""
    trajectories, chances = sampled(world), world.chances(world.parameters).detach()
    advantage = reward_to_go(trajectories.rewards, 1.0)
    if baseline is not None:
        advantage = advantage - baseline[trajectories.observations]

    def value(parameters):
        losses = ESTIMATORS[estimator](world.policy, parameters, trajectories, advantage)
        return world.horizon * (losses * chances).sum()

    return value


def curvature(world, value):
    return hessian(lambda flat: value(unflatten(flat, world.parameters)))(flatten(world.parameters))


def fisher(world):
    """E Σ_t ∇log π_t ∇log π_tᵀ."""
    slopes = torch.func.jacrev(lambda flat: world.log_probabilities(unflatten(flat, world.parameters))[:, 0])(
        flatten(world.parameters)
    )
    return torch.einsum("n,nti,ntj->ij", world.chances(world.parameters), slopes, slopes)


STATE_BASELINE = torch.tensor([0.7, -1.3, 2.0], dtype=torch.float64)


@pytest.mark.parametrize("horizon", [1, 3])
def test_dice_has_the_true_hessian(horizon):
    world = Enumeration(horizon=horizon)
    true = curvature(world, world.expected_return)
    torch.testing.assert_close(curvature(world, expected_loss(world, "dice")), -true, rtol=1e-10, atol=1e-12)


def test_state_baselines_leave_dice_and_lvc_as_they_are_and_shift_naive():
    world = Enumeration()
    for estimator in ("dice", "lvc"):
        plain, shifted = (curvature(world, expected_loss(world, estimator, b)) for b in (None, STATE_BASELINE))
        torch.testing.assert_close(shifted, plain, rtol=1e-10, atol=1e-12)
    constant = torch.full((3,), 2.5)
    plain, shifted = (curvature(world, expected_loss(world, "naive", b)) for b in (None, constant))
    # E ∇² log π = −E ∇log π ∇log πᵀ: the loss is −log π (R − b), so its Hessian moves by −b F.
    torch.testing.assert_close(shifted - plain, -2.5 * fisher(world), rtol=1e-10, atol=1e-12)


def test_dice_by_its_own_definition():
    """Σ_t exp(c_t − ⊥c_t) r_t (Foerster et al. 2018, eq. 6), in all derivatives up to the third."""
    world = Enumeration()
    trajectories, chances = sampled(world), world.chances(world.parameters).detach()

    def definition(parameters):
        through = world.log_probabilities(parameters).cumsum(-1)
        return -(chances[:, None] * ((through - through.detach()).exp() * trajectories.rewards)[:, 0]).sum()

    losses = [expected_loss(world, "dice"), definition]
    start = flatten(world.parameters)
    direction = torch.linspace(-1, 1, len(start))
    orders = []
    for loss in losses:
        function, values = lambda flat, loss=loss: loss(unflatten(flat, world.parameters)), []
        for _ in range(3):
            function = lambda flat, inner=function: torch.func.jvp(inner, (flat,), (direction,))[1]  # noqa: E731
            values.append(function(start))
        orders.append(torch.stack(values))
    torch.testing.assert_close(orders[0], orders[1], rtol=1e-10, atol=1e-12)
    assert bool((orders[0].abs() > 1e-3).all())


def meta_gradient(world, estimator, inner_lr, baseline=None):
    """∇_θ J(θ') through θ' = θ − α∇E[loss], as automatic differentiation sees it."""
    value = expected_loss(world, estimator, baseline)
    leaves = {name: entry.clone().requires_grad_() for name, entry in world.parameters.items()}
    repeated = repeat_parameters(leaves, 1)
    adapted = adapt(repeated, lambda p: value({k: v[0] for k, v in p.items()})[None], inner_lr)
    outcome = world.expected_return({name: entry[0] for name, entry in adapted.items()})
    return flatten(dict(zip(leaves, torch.autograd.grad(outcome, list(leaves.values())), strict=True)))


def true_meta_gradient(world, inner_lr):
    """Central finite differences of J(θ + α ∇J(θ))."""

    def adapted_return(flat):
        leaves = {name: entry.requires_grad_() for name, entry in unflatten(flat.clone(), world.parameters).items()}
        gradients = torch.autograd.grad(world.expected_return(leaves), list(leaves.values()))
        stepped = {n: (v + inner_lr * g).detach() for (n, v), g in zip(leaves.items(), gradients, strict=True)}
        return world.expected_return(stepped)

    start = flatten(world.parameters)
    sides = [
        adapted_return(start + 1e-5 * unit) - adapted_return(start - 1e-5 * unit) for unit in torch.eye(len(start))
    ]
    return torch.stack(sides).detach() / 2e-5


@pytest.mark.parametrize("horizon", [1, 3])
def test_meta_gradients_against_finite_differences(horizon):
    world = Enumeration(horizon=horizon)
    true = true_meta_gradient(world, 1.0)
    errors = {e: float((meta_gradient(world, e, 1.0) - true).norm() / true.norm()) for e in ESTIMATORS}
    assert errors["dice"] < 1e-7
    assert errors["naive"] > 0.3
    assert errors["lvc"] < 1e-7 if horizon == 1 else 1e-2 < errors["lvc"] < 0.5 * errors["naive"]


def test_the_error_is_that_of_the_jacobian():
    """J(θ')'s gradient times the Jacobian I + α(Hessian of each estimator): autodiff and matrices agree."""
    world = Enumeration()
    for estimator in ESTIMATORS:
        value = expected_loss(world, estimator)
        jacobian = torch.eye(len(flatten(world.parameters))) - 0.7 * curvature(world, value)
        leaves = {name: entry.clone().requires_grad_() for name, entry in world.parameters.items()}
        gradients = torch.autograd.grad(value(leaves), list(leaves.values()))
        stepped = {
            n: (v - 0.7 * g).detach().requires_grad_() for (n, v), g in zip(leaves.items(), gradients, strict=True)
        }
        after = flatten(
            dict(zip(stepped, torch.autograd.grad(world.expected_return(stepped), list(stepped.values())), strict=True))
        )
        torch.testing.assert_close(meta_gradient(world, estimator, 0.7), jacobian.mT @ after, rtol=1e-10, atol=1e-12)


# Finitely many support episodes: θ also decides which come


def groups(world, episodes):
    """Every group of `episodes` trajectories as one task, `[group, episode, time]`, with its probability."""
    number = len(world.trajectories.rewards)
    index = torch.tensor(list(itertools.product(range(number), repeat=episodes)))
    fields = {name: value[:, 0][index] for name, value in vars(sampled(world)).items()}
    return Trajectories(**fields), world.chances(world.parameters).detach()[index].prod(1), index


def inner_step(world, support, parameters, estimator, inner_lr=1.0):
    repeated = repeat_parameters(parameters, len(support.rewards))
    advantage = reward_to_go(support.rewards, 1.0)
    loss = ESTIMATORS[estimator]
    return adapt(repeated, lambda p: world.horizon * loss(world.policy, p, support, advantage), inner_lr)


@pytest.mark.parametrize(("horizon", "episodes"), [(2, 1), (3, 1), (1, 2), (2, 2)])
def test_naive_with_the_sampling_term_is_exact_for_finitely_many_episodes(horizon, episodes):
    """The gradient of E over N sampled support episodes of J(θ + α ĝ): the naive loss and E-MAML's term, for any N."""
    world = Enumeration(horizon=horizon)
    support, chances, index = groups(world, episodes)
    after = torch.vmap(world.expected_return)

    def objective(parameters):
        """Σ over groups of P_θ(group) J(θ'(group)), differentiated as it stands."""
        adapted = inner_step(world, support, parameters, "naive")
        return (world.chances(parameters)[index].prod(1) * after(adapted)).sum()

    leaves = {name: entry.clone().requires_grad_() for name, entry in world.parameters.items()}
    exact = torch.autograd.grad(objective(leaves), list(leaves.values()))

    def estimate(estimator, with_term):
        adapted = inner_step(world, support, leaves, estimator)
        outcome = after(adapted)
        losses = -outcome
        if with_term:
            repeated = repeat_parameters(leaves, len(chances))
            losses = losses + sampling_loss(world.policy, repeated, support, outcome)
        return [-g for g in torch.autograd.grad((losses * chances).sum(), list(leaves.values()))]

    def error(found):
        return float(sum((a - b).square().sum() for a, b in zip(found, exact, strict=True)).sqrt())

    assert error(estimate("naive", True)) < 1e-10
    for wrong in (("naive", False), ("lvc", True), ("dice", True)):
        assert error(estimate(*wrong)) > 1e-3, wrong


# Padding and names


def test_losses_ignore_padding_and_other_tasks():
    world = Enumeration(horizon=2)
    short = sampled(world).select(slice(0, 6))
    mask = short.mask.clone()
    mask[::2, :, 1] = False
    masked = Trajectories(**{**vars(short), "mask": mask})
    advantage = torch.randn(mask.shape, generator=torch.Generator().manual_seed(0))
    moved = {name: value + 0.2 for name, value in repeat_parameters(world.parameters, 6).items()}
    moved = {name: value.clone().requires_grad_() for name, value in moved.items()}
    for loss in ESTIMATORS.values():
        values = loss(world.policy, moved, masked, advantage * mask)
        gradients = torch.autograd.grad(values.sum(), list(moved.values()))
        cut = Trajectories(**{k: v[:, :, :1] if v.ndim == 3 else v for k, v in vars(short).items()}).select(
            slice(0, 6, 2)
        )
        part = {name: value[::2].detach().requires_grad_() for name, value in moved.items()}
        alone = loss(world.policy, part, cut, advantage[::2, :, :1])
        torch.testing.assert_close(values[::2], alone)
        for whole, other in zip(gradients, torch.autograd.grad(alone.sum(), list(part.values())), strict=True):
            torch.testing.assert_close(whole[::2], other)


def test_dice_value_is_zero_and_surrogate_value_is_minus_the_mean_advantage():
    world = Enumeration()
    trajectories = sampled(world)
    advantage = reward_to_go(trajectories.rewards, 1.0)
    assert not dice_loss(world.policy, world.parameters, trajectories, advantage).any()
    losses = surrogate_loss(world.policy, world.parameters, trajectories, advantage)
    torch.testing.assert_close(losses, -advantage.mean((1, 2)))


def test_unknown_estimators_are_refused():
    assert estimator_named("dice") is dice_loss
    with pytest.raises(ValueError, match="naive, lvc, dice, got 'magic'"):
        estimator_named("magic")
