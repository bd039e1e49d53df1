"""Policies against torch.distributions, and what they draw against what they say."""

import gymnasium
import numpy as np
import pytest
import torch
from scipy import stats
from torch.distributions import Categorical, Independent, MultivariateNormal, Normal

from metarl_core.agents import CategoricalPolicy, GaussianPolicy, OraclePolicy, UniformPolicy
from metarl_core.networks import mlp
from metarl_core.parameters import initial_parameters, stack_parameters
from metarl_core.tasks import PointNavigation

BOX = gymnasium.spaces.Box(-np.inf, np.inf, (4,))
ACTIONS = gymnasium.spaces.Box(-1, 1, (3,))
DISCRETE = gymnasium.spaces.Discrete(5)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def gaussian(seed=0, **options):
    policy = GaussianPolicy(BOX, ACTIONS, hidden=(8,), generator=seeded(seed), **options)
    parameters = {name: value.double() for name, value in initial_parameters(policy).items()}
    parameters["log_std"] = torch.randn(3, dtype=torch.float64, generator=seeded(seed + 100)) * 0.5
    return policy, parameters


def categorical(seed=0):
    policy = CategoricalPolicy(BOX, DISCRETE, hidden=(8,), generator=seeded(seed))
    parameters = {name: value.double() for name, value in initial_parameters(policy).items()}
    parameters["logits.weight1"] = 100 * parameters["logits.weight1"]  # not near uniform
    return policy, parameters


def observations(*axes):
    return torch.randn((*axes, 4), dtype=torch.float64, generator=seeded(7))


@pytest.mark.parametrize("axes", [(2, 6), (2, 6, 5)])
def test_gaussian_log_probability(axes):
    policy, parameters = gaussian()
    inputs = observations(*axes)
    action = torch.randn((*axes, 3), dtype=torch.float64, generator=seeded(8))
    mean = mlp({name[5:]: value for name, value in parameters.items() if name.startswith("mean.")}, inputs)
    std = parameters["log_std"].exp()
    reference = Independent(Normal(mean, std.expand_as(mean)), 1).log_prob(action)
    log_probability = policy.log_probability(parameters, inputs, action)
    assert log_probability.shape == axes
    torch.testing.assert_close(log_probability, reference, rtol=1e-12, atol=1e-12)
    joint = MultivariateNormal(mean, torch.diag(std**2)).log_prob(action)  # the sum over dimensions, not their mean
    torch.testing.assert_close(log_probability, joint, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(policy.distribution(parameters, inputs).log_prob(action), reference)
    torch.testing.assert_close(
        policy.distribution(parameters, inputs).entropy(), MultivariateNormal(mean, torch.diag(std**2)).entropy()
    )
    called = torch.func.functional_call(policy, parameters, (inputs,))
    torch.testing.assert_close(called.log_prob(action), reference)


@pytest.mark.parametrize("axes", [(2, 6), (2, 6, 5)])
def test_categorical_log_probability(axes):
    policy, parameters = categorical()
    inputs = observations(*axes)
    action = torch.randint(5, axes, generator=seeded(8))
    network = {name[7:]: value for name, value in parameters.items()}
    reference = Categorical(logits=mlp(network, inputs, torch.tanh)).log_prob(action)
    torch.testing.assert_close(policy.log_probability(parameters, inputs, action), reference, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(policy.distribution(parameters, inputs).log_prob(action), reference)
    called = torch.func.functional_call(policy, parameters, (inputs,))
    torch.testing.assert_close(called.log_prob(action), reference)
    total = policy.log_probabilities(parameters, inputs).exp().sum(-1)
    torch.testing.assert_close(total, torch.ones(axes, dtype=torch.float64))


@pytest.mark.parametrize("make", [gaussian, categorical])
def test_one_set_of_parameters_a_task(make):
    policy, _ = make()
    sets = [make(seed)[1] for seed in range(3)]
    inputs = observations(3, 6, 5)
    action = policy.act(stack_parameters(sets), inputs[:, :, 0], policy.noise((3, 6), seeded()).double())[0]
    actions = action[:, :, None].expand(3, 6, 5, *action.shape[2:])
    together = policy.log_probability(stack_parameters(sets), inputs, actions)
    spread = policy.distribution(stack_parameters(sets), inputs).log_prob(actions)
    torch.testing.assert_close(spread, together)
    for task, parameters in enumerate(sets):
        alone = policy.log_probability(parameters, inputs[task], actions[task])
        torch.testing.assert_close(together[task], alone, rtol=1e-12, atol=1e-12)
    assert not torch.allclose(policy.log_probability(sets[0], inputs[1], actions[1]), together[1])


@pytest.mark.parametrize("make", [gaussian, categorical])
def test_act_reports_the_log_probability_of_its_action(make):
    policy, parameters = make()
    inputs = observations(2, 300)
    action, log_probability = policy.act(parameters, inputs, policy.noise((2, 300), seeded(1)).double())
    torch.testing.assert_close(
        log_probability, policy.log_probability(parameters, inputs, action), rtol=1e-9, atol=1e-9
    )


def test_categorical_frequencies():
    policy, parameters = categorical()
    inputs = observations(3, 1).expand(3, 40_000, 4)
    action, _ = policy.act(parameters, inputs, policy.noise((3, 40_000), seeded(1)).double())
    chances = policy.log_probabilities(parameters, inputs[:, 0]).exp()
    for row in range(3):
        counts = torch.bincount(action[row], minlength=5).numpy()
        expected = chances[row].numpy()
        assert stats.chisquare(counts, expected / expected.sum() * 40_000).pvalue > 1e-4


def test_gaussian_draws():
    policy, parameters = gaussian()
    inputs = observations(1, 1).expand(1, 20_000, 4)
    action, _ = policy.act(parameters, inputs, policy.noise((1, 20_000), seeded(1)).double())
    mean, std = policy.mean_and_std(parameters, inputs[:, :1])
    for axis in range(3):
        scaled = ((action[0, :, axis] - mean[0, 0, axis]) / std[axis]).numpy()
        assert stats.kstest(scaled, "norm").pvalue > 1e-4
    assert np.abs(np.corrcoef(action[0].T.numpy()) - np.eye(3)).max() < 0.03


def test_gaussian_std_is_bounded_and_starts_as_asked():
    policy, parameters = gaussian(min_std=0.1, initial_std=0.7)
    torch.testing.assert_close(policy.log_std.exp(), torch.full((3,), 0.7))
    parameters["log_std"] = torch.full((3,), -50.0, dtype=torch.float64)
    torch.testing.assert_close(
        policy.mean_and_std(parameters, observations(1, 1))[1], torch.full((3,), 0.1, dtype=torch.float64)
    )


def test_categorical_starts_near_uniform():
    policy = CategoricalPolicy(BOX, DISCRETE, generator=seeded())
    log_probabilities = policy.log_probabilities(initial_parameters(policy), observations(10, 10).float())
    torch.testing.assert_close(log_probabilities.exp(), torch.full((10, 10, 5), 0.2), rtol=0.05, atol=0)


def test_discrete_observations_are_one_hot():
    policy = CategoricalPolicy(gymnasium.spaces.Discrete(3), DISCRETE, hidden=(), generator=seeded())
    parameters = initial_parameters(policy)
    parameters["logits.weight0"] = torch.arange(15.0).reshape(5, 3)
    log_probabilities = policy.log_probabilities(parameters, torch.tensor([[0, 2]]))
    torch.testing.assert_close(log_probabilities[0, 1], parameters["logits.weight0"][:, 2].log_softmax(-1))


@pytest.mark.parametrize(
    "space", [gymnasium.spaces.Discrete(4), gymnasium.spaces.Box(np.float32([-1, 2]), np.float32([3, 2.5]))]
)
def test_uniform_policy(space):
    policy = UniformPolicy(space)
    action, log_probability = policy.act({}, torch.zeros(2, 5000, 4), policy.noise((2, 5000), seeded()))
    assert log_probability.shape == (2, 5000)
    if isinstance(space, gymnasium.spaces.Discrete):
        torch.testing.assert_close(log_probability.exp(), torch.full((2, 5000), 0.25))
        assert stats.chisquare(torch.bincount(action.flatten())).pvalue > 1e-4
    else:
        torch.testing.assert_close(log_probability.exp(), torch.full((2, 5000), 1 / 2))  # 1 / (4 · 0.5)
        for axis, (low, width) in enumerate(((-1, 4), (2, 0.5))):
            assert stats.kstest(action[..., axis].flatten().numpy(), "uniform", (low, width)).pvalue > 1e-4


def test_oracle_sees_the_task():
    family = PointNavigation()
    tasks = {"goal": torch.tensor([[0.05, -0.3], [0.0, 0.0]])}
    action, _ = OraclePolicy(family).act(tasks, torch.zeros(2, 3, 2), None)
    torch.testing.assert_close(action[0], torch.tensor([0.5, -1.0]).expand(3, 2))
    assert not action[1].any()


def test_refuses_other_spaces():
    with pytest.raises(ValueError, match="one-dimensional Box"):
        GaussianPolicy(BOX, DISCRETE)
    with pytest.raises(ValueError, match="one-dimensional Box"):
        GaussianPolicy(BOX, gymnasium.spaces.Box(-1, 1, (2, 2)))
    with pytest.raises(ValueError, match="Discrete"):
        CategoricalPolicy(BOX, ACTIONS)
    with pytest.raises(ValueError, match="Discrete or Box"):
        CategoricalPolicy(gymnasium.spaces.MultiBinary(2), DISCRETE)
