"""The natural gradient and TRPO: Fisher products, conjugate gradient, trust region, in float64."""

import gymnasium
import numpy as np
import pytest
import torch
from torch.distributions import kl_divergence

from metarl_core.agents import (
    TRPO,
    ActorCritic,
    Batch,
    CategoricalPolicy,
    GaussianPolicy,
    TRPOConfig,
    conjugate_gradient,
    fisher_product,
    line_search,
    natural_gradient,
    surrogate,
)
from metarl_core.agents.natural_gradient import combine, dot
from metarl_core.parameters import initial_parameters, select_parameters, stack_parameters, trainable_copy
from metarl_core.tasks import Trajectories

OBSERVATIONS = gymnasium.spaces.Box(-np.inf, np.inf, (3,))


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(autouse=True)
def double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def gaussian(seed=0):
    policy = GaussianPolicy(OBSERVATIONS, gymnasium.spaces.Box(-1, 1, (2,)), (4,), torch.tanh, seeded(seed))
    parameters = initial_parameters(policy)
    parameters["log_std"] = 0.3 * torch.randn(2, generator=seeded(seed + 50))
    return policy, parameters


def categorical(seed=0):
    policy = CategoricalPolicy(OBSERVATIONS, gymnasium.spaces.Discrete(3), (4,), torch.tanh, seeded(seed))
    parameters = initial_parameters(policy)
    parameters["logits.weight1"] = 100 * parameters["logits.weight1"]
    return policy, parameters


def flat(vector):
    return torch.cat([value.flatten(1) for value in vector.values()], 1)


def unflat(row, like):
    parts = row.split([value[0].numel() for value in like.values()], 1)
    return {name: part.reshape(value.shape) for (name, value), part in zip(like.items(), parts, strict=True)}


def situation(make, learners=2, samples=40):
    policy, _ = make()
    parameters = stack_parameters([make(seed)[1] for seed in range(learners)])
    observations = torch.randn((learners, samples, 3), generator=seeded(1))
    actions, logs = policy.act(parameters, observations, policy.noise((learners, samples), seeded(2)).double())
    advantages = torch.randn((learners, samples), generator=seeded(3))
    mask = torch.rand((learners, samples), generator=seeded(4)) < 0.8
    return policy, parameters, Batch(observations, actions, logs, advantages, advantages, mask)


def scores(policy, parameters, observations, actions):
    """∇log π(a | s) of one learner, `[sample, parameter]`."""
    leaves = {name: value.detach().requires_grad_() for name, value in parameters.items()}
    rows = []
    for observation, action in zip(observations, actions, strict=True):
        log = policy.log_probability(leaves, observation, action)
        rows.append(torch.cat([g.flatten() for g in torch.autograd.grad(log, list(leaves.values()))]))
    return torch.stack(rows)


def exact_fisher(policy, parameters, observations):
    """E_a[∇log π ∇log πᵀ] averaged over states: a sum over actions, or Gauss-Hermite quadrature over both axes."""
    if isinstance(policy, CategoricalPolicy):
        chances = policy.log_probabilities(parameters, observations).exp()
        choices = [(torch.full((len(observations),), a), chances[:, a]) for a in range(policy.actions)]
    else:
        nodes, weights = np.polynomial.hermite_e.hermegauss(5)  # exact: the outer product is quartic in the noise
        weights = weights / weights.sum()
        mean, std = policy.mean_and_std(parameters, observations)
        choices = []
        for i in range(5):
            for j in range(5):
                noise = torch.tensor([nodes[i], nodes[j]])
                choices.append((mean + std * noise, torch.full((len(observations),), weights[i] * weights[j])))
    total = 0.0
    for action, chance in choices:
        rows = scores(policy, parameters, observations, action.detach())
        total = total + torch.einsum("n,ni,nj->ij", chance.detach(), rows, rows)
    return total / len(observations)


@pytest.mark.parametrize("make", [gaussian, categorical])
def test_fisher_product_is_the_exact_fisher(make):
    policy, parameters, batch = situation(make)
    product = fisher_product(policy, parameters, batch.observations, batch.mask)
    size = flat(parameters).shape[1]
    columns = [flat(product(unflat(torch.eye(size)[i].expand(2, size), parameters))) for i in range(size)]
    for learner in range(2):
        own = select_parameters(parameters, learner)
        expected = exact_fisher(policy, own, batch.observations[learner][batch.mask[learner]])
        matrix = torch.stack([column[learner] for column in columns], 1)
        torch.testing.assert_close(matrix, expected, rtol=1e-8, atol=1e-10)


def test_conjugate_gradient_solves():
    roots = torch.randn((3, 12, 12), generator=seeded())
    matrices = roots @ roots.mT + 0.1 * torch.eye(12)
    target = {"a": torch.randn((3, 2, 3), generator=seeded(1)), "b": torch.randn((3, 6), generator=seeded(2))}
    target = combine(target, 0.0, target)
    target["a"][2], target["b"][2] = 0.0, 0.0  # a learner without a gradient

    def product(vector):
        return unflat((matrices @ flat(vector)[..., None])[..., 0], target)

    solution = flat(conjugate_gradient(product, target, 60))
    expected = torch.linalg.solve(matrices, flat(target)[..., None])[..., 0]
    torch.testing.assert_close(solution, expected, rtol=1e-7, atol=1e-9)
    assert not solution[2].any()
    few = flat(conjugate_gradient(product, target, 5))
    # Each iteration lowers the error in the norm of the matrix (Hestenes and Stiefel 1952).
    energy = [((x - expected)[:, None] @ matrices @ (x - expected)[..., None]).flatten() for x in (few, 0 * few)]
    assert bool((energy[0][:2] < energy[1][:2]).all())
    torch.testing.assert_close(dot(target, target), flat(target).square().sum(1))


@pytest.mark.parametrize("make", [gaussian, categorical])
def test_natural_gradient_solves_the_damped_system(make):
    policy, parameters, batch = situation(make)
    gradient, direction, curvature = natural_gradient(policy, parameters, batch, 200, 0.1)
    for learner in range(2):
        own = select_parameters(parameters, learner)
        valid = batch.mask[learner]
        rows = scores(policy, own, batch.observations[learner][valid], batch.actions[learner][valid])
        slope = (rows * batch.advantages[learner][valid][:, None]).mean(0)  # the ratio is 1, its gradient the score
        torch.testing.assert_close(flat(gradient)[learner], slope, rtol=1e-8, atol=1e-10)
        matrix = exact_fisher(policy, own, batch.observations[learner][valid]) + 0.1 * torch.eye(len(slope))
        expected = torch.linalg.solve(matrix, slope)
        torch.testing.assert_close(flat(direction)[learner], expected, rtol=1e-6, atol=1e-8)
        assert float(curvature[learner]) == pytest.approx(float(expected @ matrix @ expected), rel=1e-6)


def test_natural_gradient_of_a_softmax_is_the_advantage():
    """A tabular softmax policy: F⁻¹g = A(s, ·) up to a constant (Kakade 2001), whatever the probabilities are."""
    space = gymnasium.spaces.Discrete(1)
    policy = CategoricalPolicy(space, gymnasium.spaces.Discrete(4), (), generator=seeded())
    logits = torch.tensor([2.0, 0.0, -1.0, -3.0])
    parameters = {"logits.weight0": logits.reshape(1, 4, 1), "logits.bias0": torch.zeros(1, 4)}
    chances = logits.softmax(0)
    q = torch.tensor([1.0, -2.0, 0.5, 4.0])
    samples = 4
    # One row per action, its advantage weighted by how often it would be drawn.
    batch = Batch(
        torch.zeros((1, samples), dtype=torch.int64),
        torch.arange(4)[None],
        chances.log()[None],
        ((q - (chances * q).sum()) * chances * samples)[None],
        q[None],
        torch.ones((1, samples), dtype=torch.bool),
    )
    _, direction, _ = natural_gradient(policy, parameters, batch, 50, 1e-9)
    step = (direction["logits.weight0"][0, :, 0] + direction["logits.bias0"][0]).detach()
    torch.testing.assert_close(step - step.mean(), q - q.mean(), rtol=1e-4, atol=1e-4)


# The trust region


def collected(make, learners=2, envs=4, time=30):
    policy, _ = make()
    agent = ActorCritic(policy, (8,), generator=seeded(9))
    value = {name: v for name, v in agent.initial_parameters().items() if name.startswith("value.")}
    sets = [{f"policy.{name}": v for name, v in make(seed)[1].items()} | value for seed in range(learners)]
    parameters = stack_parameters(sets)
    observations = torch.randn((learners, envs, time, 3), generator=seeded(1))
    noise = policy.noise((learners, envs, time), seeded(2)).double()
    actions, logs = policy.act(agent.policy_part(parameters), observations, noise)
    ends = torch.rand((2, learners, envs, time), generator=seeded(3)) < 0.1
    mask = torch.rand((learners, envs, time), generator=seeded(4)) < 0.9
    rewards = torch.randn((learners, envs, time), generator=seeded(5)) * mask
    final = torch.randn((learners, envs, 3), generator=seeded(6))
    return agent, parameters, Trajectories(observations, actions, rewards, logs, mask, ends[0], ends[1], final)


@pytest.mark.parametrize("make", [gaussian, categorical])
@pytest.mark.parametrize("max_kl", [1e-4, 0.01, 0.1])
def test_step_stays_in_the_trust_region(make, max_kl):
    agent, parameters, seen = collected(make)
    learned = trainable_copy(parameters, 2)
    config = TRPOConfig(max_kl=max_kl, cg_damping=1e-3, cg_iterations=30)
    rule = TRPO(agent, learned, config)
    found = rule.update(seen, seeded())
    flat_observations = seen.observations.flatten(1, 2)
    for learner in range(2):
        before = agent.policy_part(select_parameters(parameters, learner))
        after = agent.policy_part(select_parameters(learned, learner))
        valid = flat_observations[learner][seen.mask.flatten(1, 2)[learner]]
        old, new = agent.policy.distribution(before, valid), agent.policy.distribution(after, valid)
        divergence = float(kl_divergence(old, new).mean())
        assert float(found["approx_kl"][learner]) == pytest.approx(divergence, rel=1e-8)
        assert 0.02 * max_kl < divergence <= max_kl  # beyond the quadratic model the step is halved
    batch = agent.batch(parameters, seen, config.discount, config.gae_lambda).with_normalised_advantages()
    gain = [surrogate(agent.policy, agent.policy_part(p), batch) for p in (parameters, learned)]
    assert bool((gain[1] > gain[0]).all())


def test_small_steps_reach_the_divergence_they_aim_at():
    """Where the quadratic model is exact enough, the full step's KL is δ itself."""
    agent, parameters, seen = collected(gaussian)
    learned = trainable_copy(parameters, 2)
    rule = TRPO(agent, learned, TRPOConfig(max_kl=1e-6, cg_damping=0.0, cg_iterations=300))
    found = rule.update(seen, seeded())
    torch.testing.assert_close(found["approx_kl"], torch.full((2,), 1e-6), rtol=0.76, atol=0.0)
    assert float(found["approx_kl"].max()) <= 1e-6 and found["accepted"].tolist() == [1, 1]


def test_failed_line_search_keeps_the_parameters():
    policy, parameters, batch = situation(categorical, learners=3)
    gradient, _, _ = natural_gradient(policy, parameters, batch, 1, 0.1)
    sign = torch.tensor([1.0, -1.0, torch.nan])  # uphill, downhill, not a number
    step = {name: 1e-3 * sign.reshape(-1, *[1] * (value.ndim - 1)) * value for name, value in gradient.items()}
    found, kl = line_search(policy, parameters, step, batch, 0.01, 10)
    for name, value in parameters.items():
        assert torch.equal(found[name][1:], value[1:])
        assert torch.equal(found[name][0], (value + step[name])[0]), "the longest step that fits"
    assert kl[0] > 0 and kl[1:].tolist() == [0, 0]
    # Too far by a factor of about eight: three or four halvings.
    far = {name: value * 1e4 for name, value in step.items()}
    found, kl = line_search(policy, parameters, far, batch, 0.01, 20)
    fraction = ((found["logits.bias1"] - parameters["logits.bias1"]) / far["logits.bias1"])[0]
    halvings = -torch.log2(fraction)
    torch.testing.assert_close(halvings, halvings.round(), rtol=0, atol=1e-6)
    assert 0 < float(kl[0]) <= 0.01


def test_no_advantage_no_step():
    agent, parameters, seen = collected(gaussian)
    calm = Trajectories(**{**vars(seen), "rewards": torch.zeros_like(seen.rewards)})
    still = {name: value * 0 if name.startswith("value.") else value for name, value in parameters.items()}
    learned = trainable_copy(still, 2)
    rule = TRPO(agent, learned, TRPOConfig())
    found = rule.update(calm, seeded())
    assert found["approx_kl"].tolist() == found["accepted"].tolist() == [0, 0]
    for name, value in learned.items():
        if name.startswith("policy."):
            assert torch.equal(value.detach(), still[name])


@pytest.mark.parametrize("make", [gaussian, categorical])
def test_learners_are_independent(make):
    agent, parameters, seen = collected(make, learners=3)
    together = trainable_copy(parameters, 3)
    rule = TRPO(agent, together, TRPOConfig())
    for _ in range(2):
        found = rule.update(seen, seeded(7))
    for learner in range(3):
        alone = trainable_copy({name: value[learner : learner + 1] for name, value in parameters.items()}, 1)
        single = TRPO(agent, alone, TRPOConfig())
        for _ in range(2):
            one = single.update(seen.select(slice(learner, learner + 1)), seeded(7))
        for name, value in alone.items():
            torch.testing.assert_close(together[name][learner], value[0], rtol=1e-8, atol=1e-10)
        for name, value in one.items():
            torch.testing.assert_close(found[name][learner], value[0])
