"""The attention memory: one by one as at once, never ahead, and its derivatives by finite differences."""

import functools

import numpy as np
import pytest
import torch

from metarl_core.meta.memory import RL2, CausalAttention, MemoryAgent, TrainConfig, memory_ppo_loss, play_trials, waves
from metarl_core.parameters import initial_parameters, leaf_parameters, select_parameters, stack_parameters
from metarl_core.tasks import BernoulliBandits, GridGoals


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def network(inputs=3, seed=0, dtype=torch.float64, **sizes):
    attention = CausalAttention(inputs, **{"hidden": 8, "heads": 2, "layers": 2} | sizes, generator=seeded(seed))
    drawn = {name: torch.randn(v.shape, generator=seeded(seed + 1)) for name, v in attention.named_parameters()}
    # biases begin at zero and gains at one, where a mistake in them would not show
    return attention, {n: (v + 0.3 * drawn[n]).to(dtype) for n, v in initial_parameters(attention).items()}


def inputs_of(*shape, seed=5, dtype=torch.float64):
    return torch.randn(shape, generator=seeded(seed), dtype=dtype)


def one_by_one(attention, parameters, inputs):
    cache, read = attention.initial(*inputs.shape[:-2], like=inputs), []
    for given in inputs.unbind(-2):
        step, cache = attention.step(parameters, given, cache)
        read.append(step)
    return torch.stack(read, -2)


def by_hand(attention, parameters, inputs):
    """One trial `[time, inputs]` with plain loops over steps and heads."""
    p = {name: value.numpy() for name, value in parameters.items()}
    heads, size = attention.heads, attention.hidden // attention.heads

    def norm(gain, u):
        return u / np.sqrt((u**2).mean() + 1e-6) * gain

    features = [p["embed_weight"] @ x + p["embed_bias"] for x in inputs.numpy()]
    waves_of = waves(torch.arange(len(inputs), dtype=torch.float64), attention.hidden).numpy()
    features = [u + w for u, w in zip(features, waves_of, strict=True)]
    for layer in range(attention.layers):
        qkv = [p[f"qkv_weight{layer}"] @ norm(p[f"look_gain{layer}"], u) + p[f"qkv_bias{layer}"] for u in features]
        after = []
        for t, u in enumerate(features):
            looked = []
            for head in range(heads):
                own = slice(head * size, (head + 1) * size)
                q = np.split(qkv[t], 3)[0][own]
                scores = np.array([q @ np.split(qkv[i], 3)[1][own] for i in range(t + 1)]) / np.sqrt(size)
                weights = np.exp(scores - scores.max())
                weights /= weights.sum()
                looked.append(sum(w * np.split(qkv[i], 3)[2][own] for i, w in enumerate(weights)))
            u = u + p[f"out_weight{layer}"] @ np.concatenate(looked) + p[f"out_bias{layer}"]
            h = np.maximum(p[f"up_weight{layer}"] @ norm(p[f"think_gain{layer}"], u) + p[f"up_bias{layer}"], 0)
            after.append(u + p[f"down_weight{layer}"] @ h + p[f"down_bias{layer}"])
        features = after
    return np.stack([norm(p["read_gain"], u) for u in features])


@pytest.mark.parametrize("sizes", [{}, {"layers": 1, "heads": 1}, {"hidden": 12, "heads": 3}])
def test_it_computes_what_plain_loops_do(sizes):
    attention, parameters = network(**sizes)
    inputs = inputs_of(6, 3)
    assert np.allclose(attention.sequence(parameters, inputs).numpy(), by_hand(attention, parameters, inputs))


@pytest.mark.parametrize("batch", [(), (4,), (2, 3)])
def test_one_by_one_is_the_whole_sequence(batch):
    attention, parameters = network()
    inputs = inputs_of(*batch, 7, 3)
    whole = attention.sequence(parameters, inputs)
    assert whole.shape == (*batch, 7, 8)
    assert torch.allclose(one_by_one(attention, parameters, inputs), whole, atol=1e-12)


def test_nothing_is_read_from_later_steps():
    attention, parameters = network()
    inputs = inputs_of(7, 3)
    slopes = torch.autograd.functional.jacobian(lambda x: attention.sequence(parameters, x), inputs).abs()
    by_step = slopes.sum((1, 3))  # of what is read at a step, by the inputs of a step
    assert not by_step.triu(1).any()
    assert (by_step.tril() > 0)[torch.ones(7, 7).tril().bool()].all()


def test_the_order_of_steps_is_seen():
    attention, parameters = network()
    inputs = inputs_of(5, 3)
    swapped = inputs[[1, 0, 2, 3, 4]]
    apart = attention.sequence(parameters, inputs) - attention.sequence(parameters, swapped)
    assert apart[-1].abs().max() > 1e-3


def test_other_rows_and_later_padding_change_nothing():
    attention, parameters = network()
    inputs = inputs_of(4, 6, 3)
    padded = torch.cat([inputs, torch.full((4, 3, 3), 1e3, dtype=torch.float64)], 1)
    whole = attention.sequence(parameters, inputs)
    assert torch.allclose(attention.sequence(parameters, padded)[:, :6], whole, atol=1e-12)
    assert torch.allclose(attention.sequence(parameters, inputs[2]), whole[2], atol=1e-12)


def test_derivatives_by_finite_differences():
    attention, parameters = network(hidden=4)
    inputs, names = inputs_of(2, 4, 3), list(parameters)
    leaves = [parameters[name].clone().requires_grad_() for name in names]

    def read(x, *values):
        return attention.sequence(dict(zip(names, values, strict=True)), x)

    assert torch.autograd.gradcheck(read, (inputs.requires_grad_(), *leaves), eps=1e-6, atol=1e-7)


def test_a_step_has_the_derivatives_of_the_sequence():
    attention, parameters = network()
    inputs, weight = inputs_of(2, 5, 3), inputs_of(2, 5, 8, seed=6)
    found = []
    for read in (attention.sequence, functools.partial(one_by_one, attention)):
        leaves = leaf_parameters(parameters)
        found.append(torch.autograd.grad((read(leaves, inputs) * weight).sum(), list(leaves.values())))
    for one, other in zip(*found, strict=True):
        assert torch.allclose(one, other, atol=1e-10)


def test_each_task_may_have_parameters_of_its_own():
    several = [network(seed=seed) for seed in (0, 3)]
    stacked = stack_parameters([parameters for _, parameters in several])
    attention, inputs = several[0][0], inputs_of(2, 4, 6, 3)
    together = attention.sequence(stacked, inputs)
    assert torch.allclose(one_by_one(attention, stacked, inputs), together, atol=1e-12)
    for task in range(2):
        alone = attention.sequence(select_parameters(stacked, task), inputs[task])
        assert torch.allclose(together[task], alone, atol=1e-12)


@pytest.mark.parametrize("family", [BernoulliBandits(3, 6), GridGoals(size=3, horizon=5, start=(0, 0))])
def test_an_agent_samples_with_the_probabilities_that_it_reads(family):
    make = functools.partial(CausalAttention, hidden=8)
    agent = MemoryAgent(family.observation_space, family.action_space, make, generator=seeded())
    parameters = initial_parameters(agent)
    parameters["policy.logits.weight0"] = 30 * parameters["policy.logits.weight0"]
    trials = play_trials(family, family.sample_tasks(4, seeded()), agent, parameters, 3, 2, seeded(1))
    new = agent.distribution(parameters, agent.read(parameters, trials.inputs)).log_prob(trials.actions)
    assert torch.allclose(new * trials.mask, trials.log_probabilities, atol=1e-4)
    method = RL2(family, agent, 3, 2)
    advantages = torch.ones_like(trials.rewards) * trials.mask
    _, noted = memory_ppo_loss(method, parameters, trials, advantages, advantages, TrainConfig())
    assert abs(float(noted["approx_kl"])) < 1e-6


def test_waves_by_hand():
    found = waves(torch.arange(4.0), 6)
    for time in range(4):
        for number, period in enumerate((1.0, 1000**0.5, 1000.0)):
            assert float(found[time, number]) == pytest.approx(np.sin(time / period), abs=1e-6)
            assert float(found[time, 3 + number]) == pytest.approx(np.cos(time / period), abs=1e-6)
