"""The switches of `metarl_core.recipes.ppo_details` against torch, Gymnasium and the package's own PPO."""

import dataclasses

import gymnasium
import numpy as np
import pytest
import torch

from metarl_core.agents import CARTPOLE_PPO, PENDULUM_PPO, CategoricalPolicy, VectorSampler, train_ppo
from metarl_core.agents.training import train_policy
from metarl_core.parameters import select_parameters, trainable_copy
from metarl_core.recipes.ppo_details import (
    DETAILS,
    GRID,
    METHODS,
    DetailedPPO,
    Details,
    NormalisingSampler,
    folded,
    variant,
)
from metarl_core.recipes.ppo_details.normalisation import RunningMoments
from metarl_core.recipes.ppo_details.rows import SomeEndsMerged, initial_parameters
from metarl_core.recipes.ppo_details.rule import LearnersAdam

LRS = torch.tensor([1e-3, 1e-3])
ON, OFF = torch.tensor([True]), torch.tensor([False])


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def rule_and_data(details, **changes):
    """A rule of two learners on CartPole, and a first segment."""
    config = dataclasses.replace(CARTPOLE_PPO.config, **changes)
    agent, start, sampler = CARTPOLE_PPO.prepare([0, 1])
    rule = DetailedPPO(agent, trainable_copy(start, 2), config, [details, details], LRS)
    return rule, sampler(agent.policy, agent.policy_part(start), seeded(3))


def test_without_a_switch_it_is_the_packages_ppo():
    config = dataclasses.replace(CARTPOLE_PPO.config, iterations=3)
    theirs, _ = train_ppo(*CARTPOLE_PPO.prepare([0, 1]), config, seeded(5), description=None)
    agent, start, sampler = CARTPOLE_PPO.prepare([0, 1])
    rule = DetailedPPO(agent, trainable_copy(start, 2), config, [Details()] * 2, LRS)
    train_policy(rule, sampler, config.iterations, seeded(5), description=None)
    for name, value in rule.parameters.items():
        moved = (theirs[name] - start[name]).abs().max()
        assert (value - theirs[name]).abs().max() < 0.02 * moved, name


def test_adam_is_torchs_for_each_learning_rate_and_for_learners_that_sit_out():
    start, g = torch.randn(2, 3, 4, generator=seeded(0)), seeded(1)
    mine = {"w": start.clone().requires_grad_()}
    adam = LearnersAdam(mine, torch.tensor([1e-2, 3e-2]), torch.tensor([1e-5, 1e-3]))
    each = [start[i].clone().requires_grad_() for i in range(2)]
    torchs = [
        torch.optim.Adam([value], lr=lr, eps=eps)
        for value, lr, eps in zip(each, (1e-2, 3e-2), (1e-5, 1e-3), strict=True)
    ]
    for step in range(20):
        gradient, active = torch.randn(2, 3, 4, generator=g), torch.tensor([True, step % 3 > 0])
        mine["w"].grad = gradient.clone()
        adam.step(active, torch.ones(2))
        for i in range(2):
            if active[i]:
                each[i].grad = gradient[i].clone()
                torchs[i].step()
    assert torch.allclose(mine["w"], torch.stack(each), atol=1e-6)


def test_value_clipping_is_the_larger_of_two_losses():
    plain, runs = rule_and_data(Details())
    clipping = DetailedPPO(plain.agent, plain.parameters, plain.config, [Details(clip_value=True)] * 2, LRS)
    batch = plain.agent.batch(plain.parameters, runs, 0.99, 0.95)
    old = plain.agent.value(plain.parameters, batch.observations).detach()
    assert torch.allclose(clipping.critic_loss(batch), plain.critic_loss(batch))  # nothing has moved yet
    with torch.no_grad():
        plain.parameters["value.bias2"] += 1.0  # beyond the clip of 0.2 everywhere
    expected = torch.maximum((old + 1 - batch.returns) ** 2, (old + 0.2 - batch.returns) ** 2)
    assert torch.allclose(clipping.critic_loss(batch), expected, atol=1e-4)


def test_a_learner_beyond_the_kl_stops_and_the_other_goes_on_as_before():
    free, runs = rule_and_data(Details())
    free.update(runs, seeded(0))
    limited, _ = rule_and_data(Details(max_kl=1e-6))
    assert limited.update(runs, seeded(0))["epochs"].tolist() == [1.0, 1.0]  # the first epoch moves by more
    assert rule_and_data(Details(max_kl=1e9))[0].update(runs, seeded(0))["epochs"].tolist() == [10.0, 10.0]
    one, _ = rule_and_data(Details(max_kl=1.0))
    one.adam.lr = torch.tensor([[1e-3], [1.0]])  # far too large: the second learner alone is stopped
    epochs = one.update(runs, seeded(0))["epochs"].tolist()
    assert epochs[0] == 10 and epochs[1] < 10
    for name, value in select_parameters(one.parameters, 0).items():
        assert torch.allclose(value, free.parameters[name][0], atol=1e-6), name


def test_running_moments_are_those_of_all_valid_values():
    g, moments = seeded(0), RunningMoments(2, 3)
    assert moments.std.tolist() == [[1.0] * 3] * 2
    parts = [(5 + 2 * torch.randn(2, n, 3, generator=g), torch.rand(2, n, generator=g) > 0.3) for n in (4, 50, 9)]
    for values, mask in parts:
        moments.update(values, mask)
    for learner in range(2):
        valid = torch.cat([values[learner][mask[learner]] for values, mask in parts])
        assert torch.allclose(moments.mean[learner], valid.mean(0), atol=1e-5)
        assert torch.allclose(moments.std[learner], valid.std(0, correction=0), atol=1e-5)


def test_rewards_are_scaled_as_by_gymnasiums_wrapper():
    """One environment without an end: Gymnasium's statistics after n steps are ours after a segment of n."""
    envs = gymnasium.make_vec("Pendulum-v1", 1)
    agent, start, _ = PENDULUM_PPO.prepare([0])
    sampler = NormalisingSampler(VectorSampler(envs, 150, 1, seed=0), 3, OFF, ON, torch.tensor([0.9]))
    runs = sampler(agent.policy, agent.policy_part(start), seeded(0))
    plain = VectorSampler(gymnasium.make_vec("Pendulum-v1", 1), 150, 1, seed=0)
    raw = plain(agent.policy, agent.policy_part(start), seeded(0)).rewards
    returns, carry = [], 0.0
    for reward in raw[0, 0].tolist():
        carry = 0.9 * carry + reward
        returns.append(carry)
    assert torch.allclose(runs.rewards, (raw / np.std(returns)).clamp(-10, 10).float(), rtol=1e-4)


def test_returns_start_anew_after_an_end_and_go_on_into_the_next_segment():
    agent, start, vector = CARTPOLE_PPO.prepare([0])
    sampler = NormalisingSampler(vector, 4, OFF, ON, torch.tensor([0.5]))
    own = agent.policy_part(start)
    first, second = (sampler(agent.policy, own, seeded(i)) for i in range(2))
    whole_rewards = torch.cat([first.mask, second.mask], -1).double()[0]  # CartPole pays 1 a step
    over = torch.cat([first.terminated | first.truncated, second.terminated | second.truncated], -1)[0]
    found = []
    for env in range(len(over)):
        carry = 0.0
        for reward, end in zip(whole_rewards[env], over[env], strict=True):
            carry = 0.5 * carry + float(reward)
            found += [carry] if reward else []
            carry = 0.0 if end else carry
    assert float(sampler.returns.std) == pytest.approx(float(np.std(found)), rel=1e-4)
    assert float(second.rewards.max()) == pytest.approx(1 / float(np.std(found)), rel=1e-4)


def test_a_normalised_policy_folded_acts_the_same_on_raw_observations():
    agent, start, vector = CARTPOLE_PPO.prepare([0, 1])
    sampler = NormalisingSampler(vector, 4, ON.repeat(2), OFF.repeat(2), LRS)
    own = agent.policy_part(start)
    sampler(agent.policy, own, seeded(0))
    mean, std = sampler.scale()  # what the second segment is normalised by
    new = folded(start, mean, std)
    runs = sampler(agent.policy, own, seeded(1))
    raw = runs.observations * std[:, None, None] + mean[:, None, None]
    assert isinstance(agent.policy, CategoricalPolicy)
    same = agent.policy.log_probability(agent.policy_part(new), raw, runs.actions)
    assert torch.allclose(same, runs.log_probabilities, atol=1e-5)
    values = agent.value(start, runs.final_observations)
    raw_final = runs.final_observations * std[:, None] + mean[:, None]
    assert torch.allclose(agent.value(new, raw_final), values, atol=1e-5)


def test_orthogonal_weights_have_their_gains():
    start = initial_parameters(PENDULUM_PPO, 0, Details(orthogonal=True))
    hidden, last = start["policy.mean.weight1"], start["policy.mean.weight2"]
    assert torch.allclose(hidden @ hidden.T, 2 * torch.eye(64), atol=1e-5)
    assert float(last.norm()) == pytest.approx(0.01) and float(start["value.weight2"].norm()) == pytest.approx(1.0)
    assert all(not value.any() for name, value in start.items() if "bias" in name)


def test_the_last_layers_size_is_all_that_its_row_changes():
    for environment, setting, factor in (("CartPole", CARTPOLE_PPO, 100), ("Pendulum", PENDULUM_PPO, 0.01)):
        _, details = variant(f"{environment}: last layer of other size")
        changed, plain = (initial_parameters(setting, 3, each) for each in (details, Details()))
        for name, value in plain.items():
            last = name.startswith("policy") and name.endswith("weight2")
            assert torch.allclose(changed[name], value * (factor if last else 1)), name


def test_learners_of_different_details_do_not_know_each_other():
    """Side by side they end where each ends beside another like itself."""
    kinds = [
        Details(standardise_advantages=False, discount=0.9, anneal=False),
        Details(clip_value=True, max_grad_norm=0.1, gae_lambda=0.0, adam_eps=1e-3, max_kl=0.001),
    ]

    def learned(details):
        rule, runs = rule_and_data(Details(), iterations=3)
        rule = DetailedPPO(rule.agent, rule.parameters, rule.config, details, LRS)
        for _ in range(2):
            rule.update(runs, seeded(0))
        return rule.parameters

    together, alike = learned(kinds), [learned([kind, kind]) for kind in kinds]
    for name, value in together.items():
        for i in range(2):
            assert torch.allclose(value[i], alike[i][name][i], atol=1e-6), name
    assert any(not torch.allclose(alike[0][name][0], alike[1][name][0], atol=1e-3) for name in together)


def test_normalised_and_raw_learners_stand_side_by_side():
    agent, start, vector = CARTPOLE_PPO.prepare([0, 1])
    flags = torch.tensor([True, False])
    sampler = NormalisingSampler(vector, 4, flags, ~flags, torch.tensor([0.9, 0.9]))
    own = agent.policy_part(start)
    sampler(agent.policy, own, seeded(0))
    runs = sampler(agent.policy, own, seeded(1))
    assert runs.rewards[0][runs.mask[0]].unique().tolist() == [1.0] and float(runs.rewards[1].max()) != 1.0
    assert float(runs.observations[0].std()) > 2 * float(runs.observations[1].std())


def test_ends_are_merged_for_some():
    agent, start, vector = dataclasses.replace(PENDULUM_PPO, num_envs=2).prepare([0, 1])
    runs = SomeEndsMerged(vector, torch.tensor([True, False]))(agent.policy, agent.policy_part(start), seeded(0))
    assert runs.terminated[0].any() and not runs.truncated[0].any()
    assert runs.truncated[1].any() and not runs.terminated[1].any()


def test_every_row_has_its_details():
    assert len({variant(method) for method in METHODS}) == len(METHODS)  # no two rows are the same
    assert variant("Pendulum: γ = 0.99, ends merged")[1] == Details(discount=0.99, merge_ends=True)
    expected = [f"{env}: {name}" for env in ("CartPole", "Pendulum") for name in DETAILS]
    assert sorted(METHODS) == sorted([*expected, *(f"Pendulum: {name}" for name in GRID)])
    assert all(variant(f"CartPole: {name}")[0] == "CartPole" for name in DETAILS)
