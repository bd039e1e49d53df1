"""The natural step of appendix 08a: its direction by an explicit matrix, its length by the KL of two normals."""

import pytest
import torch
from torch.autograd.functional import hessian

from metarl_core.agents import GaussianPolicy
from metarl_core.meta import PolicyMAML
from metarl_core.meta.policies import adaptation_curve, surrogate_loss
from metarl_core.parameters import initial_parameters
from metarl_core.recipes import natural_steps
from metarl_core.tasks import PointNavigation


def seeded(seed):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def walks():
    family = PointNavigation(horizon=10)
    policy = GaussianPolicy(family.observation_space, family.action_space, (3,), torch.tanh, seeded(0), initial_std=0.5)
    method = PolicyMAML(family, policy, 0.3, episodes=6)
    tasks = family.sample_tasks(2, seeded(1), dtype=torch.float64)
    start = {name: value.double() for name, value in initial_parameters(policy).items()}
    support, _ = method.stages(start, tasks, seeded(2), [0.3], 6, surrogate_loss)
    return method, start, tasks, support


def divergence(policy, one, other, observations, mask):
    """E_s KL of two normal policies by its formula, one number for one task."""
    first, second = (policy.distribution(p, observations[None]).base_dist for p in (one, other))
    m, s, n, t = first.loc[0], first.scale.expand_as(first.loc)[0], second.loc[0], second.scale.expand_as(second.loc)[0]
    each = (torch.log(t / s) + (s**2 + (m - n) ** 2) / (2 * t**2) - 0.5).sum(-1)
    return each[mask].mean()


def as_policy(flat, like):
    pieces = flat.split([value.numel() for value in like.values()])
    return {name: piece.view_as(value)[None] for piece, (name, value) in zip(pieces, like.items(), strict=True)}


@pytest.mark.parametrize("damping", [0.1, 0.01])
def test_the_direction_solves_the_equations_of_an_explicit_fisher_matrix(walks, damping):
    method, start, _, support = walks
    found = natural_steps.natural_direction(method.policy, support, damping, iterations=80)
    flat = torch.cat([value.flatten() for value in start.values()])
    for task in range(2):
        data = support.trajectories.select([task])
        observations, mask = data.observations[0].double(), data.mask[0]
        fisher = hessian(
            lambda p, o=observations, m=mask: divergence(
                method.policy, as_policy(flat, start), as_policy(p, start), o, m
            ),
            flat,
        )
        point = flat.clone().requires_grad_()
        loss = surrogate_loss(method.policy, as_policy(point, start), data, support.advantage[task : task + 1]).sum()
        (slope,) = torch.autograd.grad(loss, point)
        wanted = torch.linalg.solve(fisher + damping * torch.eye(len(flat)).double(), -slope.double())
        own = torch.cat([value[task].flatten() for value in found.values()]).double()
        torch.testing.assert_close(own, wanted, rtol=1e-3, atol=1e-4 * float(wanted.abs().max()))


def test_the_natural_step_is_as_far_as_the_plain_one(walks):
    method, _, _, support = walks
    target = torch.tensor([0.02, 0.7], dtype=torch.float64)
    direction = natural_steps.natural_direction(method.policy, support, 0.1)
    stepped = natural_steps.matched(method.policy, support, direction, target)
    for task in range(2):
        before, after = ({n: v[task][None] for n, v in p.items()} for p in (support.parameters, stepped))
        data = support.trajectories
        found = divergence(method.policy, before, after, data.observations[task], data.mask[task])
        assert float(found) == pytest.approx(float(target[task]), rel=1e-3)
        moved = torch.cat([(after[n] - before[n]).flatten() for n in before])
        along = torch.cat([direction[n][task].flatten() for n in before])
        assert float(torch.cosine_similarity(moved, along, dim=0)) > 0.999, "along the direction, and not against it"


def test_a_share_of_the_plain_step(walks):
    method, start, tasks, _ = walks
    whole, tenth = (natural_steps.compare(method, start, tasks, 0.3, [0.1], seeded(3), share) for share in (1.0, 0.1))
    curve = adaptation_curve(method, start, tasks, seeded(3), steps=1, inner_lr=0.3)
    data = curve.trajectories[0]
    for task in range(2):
        before, after = ({n: v[task][None] for n, v in p.items()} for p in curve.parameters)
        full = divergence(method.policy, before, after, data.observations[task], data.mask[task])
        for columns, share in ((whole, 1.0), (tenth, 0.1)):
            assert columns[task, 2::2].tolist() == pytest.approx([share * float(full)] * 2, rel=1e-3)
    torch.testing.assert_close(whole[:, 0], curve.returns[:, 0])
