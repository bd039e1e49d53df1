"""Generalised advantage estimation against its definition, step by step."""

import pytest
import torch

from metarl_core.agents import gae, next_values


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def segments(rows=6, horizon=9, seed=0):
    """Rewards, values, final values and ends, as a `VectorSampler` may record them."""
    generator = seeded(seed)
    rewards = torch.randn((rows, horizon), dtype=torch.float64, generator=generator)
    values = torch.randn((rows, horizon), dtype=torch.float64, generator=generator)
    final = torch.randn(rows, dtype=torch.float64, generator=generator)
    kind = torch.randint(6, (rows, horizon), generator=generator)
    return rewards, values, final, kind == 0, kind == 1


def by_definition(rewards, values, final, terminated, truncated, discount, gae_lambda):
    """The weighted mean of n-step advantages (1 − λ) Σ λ^{n−1} A^(n), written out; the last one takes the rest."""
    horizon = len(rewards)
    following = [*values[1:].tolist(), float(final)]
    result = []
    for t in range(horizon):
        last = next((k for k in range(t, horizon) if terminated[k] or truncated[k]), horizon - 1)
        total = 0.0
        for n in range(1, last - t + 2):
            end = t + n - 1
            beyond = 0.0 if terminated[end] else discount**n * following[end]
            paid = sum(discount ** (k - t) * float(rewards[k]) for k in range(t, end + 1))
            advantage = paid + beyond - float(values[t])
            total += (gae_lambda ** (n - 1) if end == last else (1 - gae_lambda) * gae_lambda ** (n - 1)) * advantage
        result.append(total)
    return torch.tensor(result, dtype=torch.float64)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("discount, gae_lambda", [(0.9, 0.8), (0.99, 0.95), (1.0, 1.0), (0.9, 0.0), (0.0, 0.5)])
def test_weighted_mean_of_n_step_advantages(seed, discount, gae_lambda):
    data = segments(seed=seed)
    assert data[3].any() and data[4].any()
    result = gae(*data, discount, gae_lambda)
    for row in range(len(result)):
        expected = by_definition(*(value[row] for value in data), discount, gae_lambda)
        torch.testing.assert_close(result[row], expected, rtol=1e-10, atol=1e-12)


def test_limits():
    rewards, values, final, terminated, truncated = segments()
    following = next_values(values, final)
    one_step = rewards + 0.9 * following * ~terminated - values
    torch.testing.assert_close(gae(rewards, values, final, terminated, truncated, 0.9, 0.0), one_step)
    never = torch.zeros_like(terminated)
    returns, running = [], final
    for t in reversed(range(rewards.shape[1])):
        running = rewards[:, t] + 0.9 * running
        returns.insert(0, running)
    monte_carlo = torch.stack(returns, 1) - values
    torch.testing.assert_close(gae(rewards, values, final, never, never, 0.9, 1.0), monte_carlo)


def test_terminated_and_truncated():
    """By hand: γ = ½, λ = 1, r = 1, V = 10 before, 20 after."""
    one, no, yes = torch.ones(1), torch.tensor([False]), torch.tensor([True])

    def single(terminated, truncated):
        return float(gae(one, 10 * one, torch.tensor(20.0), terminated, truncated, 0.5, 1.0))

    assert single(yes, no) == 1 - 10
    assert single(no, yes) == single(no, no) == 1 + 10 - 10
    assert single(yes, yes) == 1 - 10


def test_nothing_passes_an_episodes_end():
    """Step 3 ended an episode, step 4 only reset: what comes later, and what the reset paid, changes nothing before."""
    rewards, values, final, *_ = segments()
    for kind in range(2):
        ends = torch.zeros((2, *rewards.shape), dtype=torch.bool)
        ends[kind, :, 3] = True
        before = gae(rewards, values, final, *ends, 0.9, 0.8)
        spoilt_rewards, spoilt_values = rewards.clone(), values.clone()
        spoilt_rewards[:, 4:] += 100
        spoilt_values[:, 5:] -= 100
        after = gae(spoilt_rewards, spoilt_values, final, *ends, 0.9, 0.8)
        assert torch.equal(before[:, :4], after[:, :4]) and not torch.equal(before[:, 4:], after[:, 4:])


def test_advantages_are_constants():
    rewards, values, final, *ends = segments()
    assert not gae(rewards, values.requires_grad_(), final.requires_grad_(), *ends, 0.9, 0.8).requires_grad


@pytest.mark.parametrize(
    "name, numbers", [("discount", (1.1, 0.9)), ("discount", (-0.1, 0.9)), ("gae_lambda", (0.9, 1.5))]
)
def test_refuses(name, numbers):
    with pytest.raises(ValueError, match=f"{name} must be in"):
        gae(*segments(), *numbers)
