"""Beliefs over a latent task variable: closed forms, finite differences, and which loss teaches which parameter."""

import functools
import itertools

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from metarl_core.meta import memory
from metarl_core.meta.memory import (
    RL2,
    BeliefConfig,
    BeliefMemory,
    MemoryAgent,
    ProductEncoder,
    RecurrentEncoder,
    TrainConfig,
    belief_loss,
    gaussian_kl,
    gaussian_product,
)
from metarl_core.networks import mlp
from metarl_core.parameters import initial_parameters, leaf_parameters
from metarl_core.tasks import GridGoals, GridNavi

ENCODERS = {
    "recurrent": functools.partial(RecurrentEncoder, latent=2, hidden=12),
    "product": functools.partial(ProductEncoder, latent=2, hidden=(6,)),
}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def setting(name="recurrent", family=None, episodes=2, dtype=torch.float32):
    family = GridNavi(3, horizon=4) if family is None else family
    make = functools.partial(BeliefMemory, actions=int(family.action_space.n), encoder=ENCODERS[name], decoder=(6,))
    agent = MemoryAgent(family.observation_space, family.action_space, make, (8,), seeded())
    method = RL2(family, agent, trials=3, episodes=episodes)
    noise = functools.partial(torch.randn, generator=seeded(1))
    # biases begin at zero, where a mistake in them would not show
    parameters = {k: (v + 0.1 * noise(v.shape)).to(dtype) for k, v in initial_parameters(agent).items()}
    return method, parameters


def played(method, parameters, tasks=4):
    return method.play(parameters, method.family.sample_tasks(tasks, seeded(2)), seeded(3))


def drawn(method, trials, contexts):
    contexts = torch.tensor(contexts)
    noise = torch.randn((*trials.mask.shape[:2], len(contexts), 2), generator=seeded(4))
    return contexts, noise


def test_a_product_of_gaussians_against_its_density():
    """Proportional to the product of the densities: the difference of logarithms is one constant everywhere."""
    mean, log_std = torch.randn((2, 5, 3), generator=seeded()).double()
    product_mean, product_log_std = gaussian_product(mean, log_std)
    points = torch.linspace(-2, 2, 41).double()[:, None]
    separate = Normal(mean[:, None], log_std[:, None].exp()).log_prob(points).sum(0)
    together = Normal(product_mean, product_log_std.exp()).log_prob(points)
    constant = separate - together
    assert torch.allclose(constant, constant[:1].expand_as(constant), atol=1e-9)


def test_products_of_growing_sets():
    mean, log_std = torch.randn((2, 4, 5, 3), generator=seeded()).double()
    each = gaussian_product(mean, log_std, cumulative=True)
    for number in range(1, 6):
        alone = gaussian_product(mean[:, :number], log_std[:, :number])
        assert all(torch.allclose(all_[:, number - 1], one) for all_, one in zip(each, alone, strict=True))


def test_the_divergence_is_that_of_torch():
    one, two, three, four = torch.randn((4, 6, 3), generator=seeded()).double()
    expected = kl_divergence(Normal(one, two.exp()), Normal(three, four.exp())).sum(-1)
    assert torch.allclose(gaussian_kl(one, two, three, four), expected)
    assert torch.allclose(gaussian_kl(one, two, one, two), torch.zeros(6).double())


@pytest.mark.parametrize("name", ENCODERS)
def test_step_by_step_is_the_whole_sequence(name):
    method, parameters = setting(name)
    trials, agent = played(method, parameters), method.agent
    whole = agent.read(parameters, trials.inputs)
    own, state = {k[7:]: v for k, v in parameters.items() if k[:7] == "memory."}, agent.start(parameters, 4, 3)
    for time in range(trials.inputs.shape[2]):
        shown, state = agent.memory.step(own, trials.inputs[:, :, time], state)
        assert torch.allclose(shown, whole[:, :, time], atol=1e-5)
    new = agent.distribution(parameters, whole).log_prob(trials.actions)
    assert torch.allclose(new * trials.mask, trials.log_probabilities, atol=1e-5)


def test_the_product_forgets_the_order_and_starts_at_the_prior():
    method, parameters = setting("product")
    encoder = method.agent.memory.encoder
    own = {k[len("memory.encoder.") :]: v for k, v in parameters.items() if k.startswith("memory.encoder.")}
    pairs = torch.randn((5, 2, encoder.factor.sizes[0] // 2), generator=seeded(5))
    mean, log_std = encoder.sequence(own, pairs)
    assert torch.equal(mean[:, 0], torch.zeros(5, 2)) and torch.equal(log_std[:, 0], torch.zeros(5, 2))
    factor_mean, factor_log_std = encoder._factors(own, pairs[:, 0], pairs[:, 1])
    expected = gaussian_product(
        torch.stack([torch.zeros_like(factor_mean), factor_mean], 1),
        torch.stack([torch.zeros_like(factor_mean), factor_log_std], 1),
    )
    assert torch.allclose(mean[:, 1], expected[0]) and torch.allclose(log_std[:, 1], expected[1])
    assert (log_std[:, 1] < 0).all(), "evidence can only narrow the belief"


@pytest.mark.parametrize("name", ENCODERS)
def test_the_bound_by_a_plain_loop(name):
    family = GridGoals(size=3, horizon=5, start=(0, 0))  # episodes that end early: trials with padding
    method, parameters = setting(name, family)
    trials, agent = played(method, parameters), method.agent
    assert not trials.mask.all()
    contexts, noise = drawn(method, trials, [0, 2, 7])
    loss, parts = belief_loss(agent, parameters, trials, contexts, noise, kl_coef=0.3)
    own = {k[7:]: v for k, v in parameters.items() if k[:7] == "memory."}
    mean, log_std = agent.memory.belief(own, trials.inputs)
    total, kl, count = 0.0, 0.0, 0
    for task, trial, number in itertools.product(range(4), range(3), range(3)):
        time, here = int(contexts[number]), (task, trial)
        if not trials.mask[task, trial, time]:
            continue
        count += 1
        now = Normal(mean[here][time], log_std[here][time].exp())
        last = Normal(mean[here][time - 1], log_std[here][time - 1].exp()) if time else Normal(torch.zeros(2), 1.0)
        kl += float(kl_divergence(now, last).sum())
        z = now.mean + now.stddev * noise[task, trial, number]
        for step in range(int(trials.mask[here].sum())):
            seen = torch.nn.functional.one_hot(trials.observations[here][step], 9)
            acted = torch.nn.functional.one_hot(trials.actions[here][step], 4)
            guess = agent.memory.decode(own, z, seen.float(), acted.float())
            total += 0.5 * float((guess - trials.rewards[here][step]) ** 2)
    assert float(parts["reconstruction"]) == pytest.approx(total / count, rel=1e-4)
    assert float(parts["kl"]) == pytest.approx(kl / count, rel=1e-4)
    assert float(loss) == pytest.approx((total + 0.3 * kl) / count, rel=1e-4)


@pytest.mark.parametrize("name", ENCODERS)
def test_the_gradient_of_the_bound_against_finite_differences(name):
    method, parameters = setting(name, dtype=torch.float64)
    single = {k: v.float() for k, v in parameters.items()}
    trials = played(method, single, tasks=2)
    trials = memory.Trials(**{k: v.double() if v.is_floating_point() else v for k, v in vars(trials).items()})
    contexts, noise = drawn(method, trials, [0, 3, 5])
    names = [name for name in parameters if name.startswith("memory.")]

    def loss(*values):
        return belief_loss(method.agent, parameters | dict(zip(names, values, strict=True)), trials, contexts, noise)[0]

    values = [parameters[name].requires_grad_() for name in names]
    assert torch.autograd.gradcheck(loss, values, fast_mode=True)


@pytest.mark.parametrize("name", ENCODERS)
def test_rewards_teach_the_encoder_and_returns_teach_the_policy(name):
    """The actor-critic loss reaches nothing of the memory, the bound nothing else."""
    method, parameters = setting(name)
    trials = played(method, parameters)
    contexts, noise = drawn(method, trials, [1, 6])
    advantages = torch.randn(trials.mask.shape, generator=seeded(6))
    config = TrainConfig(entropy_coef=0.1)
    losses = {
        "policy": lambda own: memory.memory_ppo_loss(method, own, trials, advantages, advantages, config)[0],
        "memory": lambda own: belief_loss(method.agent, own, trials, contexts, noise)[0],
    }
    for side, loss in losses.items():
        leaves = leaf_parameters(parameters)
        loss(leaves).backward()
        for key, value in leaves.items():
            reached = value.grad is not None and bool(value.grad.any())
            assert reached == ((side == "memory") == key.startswith("memory.")), (side, key)


def test_padding_changes_nothing():
    method, parameters = setting(family=GridGoals(size=3, horizon=5, start=(0, 0)))
    trials = played(method, parameters)
    contexts, noise = drawn(method, trials, [0, 4, 9])
    off = ~trials.mask
    changed = vars(trials) | {
        "rewards": trials.rewards + 9.0 * off,
        "expected_rewards": trials.expected_rewards + 9.0 * off,
        "inputs": trials.inputs + 5.0 * off[..., None],
    }
    one, two = (
        belief_loss(method.agent, parameters, data, contexts, noise)[0] for data in (trials, memory.Trials(**changed))
    )
    assert torch.allclose(one, two, atol=1e-6)


@pytest.mark.in_turn(2)
@pytest.mark.slow
@pytest.mark.parametrize("name", ENCODERS)
def test_the_belief_learns_to_foresee_rewards(name):
    """At a trial's end its own belief explains its rewards better than that of a trial on another task."""
    method, parameters = setting(name, GridNavi(3, horizon=8))
    config = TrainConfig(iterations=80, meta_batch=16, outer_lr=1e-6, epochs=1, minibatches=1)  # it plays at random
    belief = BeliefConfig(belief_lr=1e-2, updates=4, kl_coef=0.02)
    meta, _ = memory.train_belief(method, parameters, config, belief, seeded(), description=None)
    tasks = {"goal": method.family.goals["train"].repeat(20)}  # neighbours in this list are different tasks
    trials = method.play(meta, tasks, seeded(8))
    contexts, noise = drawn(method, trials, [15])
    others = memory.Trials(**vars(trials) | {"inputs": trials.inputs.roll(1, 0)})
    own, other = (
        float(belief_loss(method.agent, meta, data, contexts, noise)[1]["reconstruction"]) for data in (trials, others)
    )
    assert own < 0.8 * other


def test_the_bound_of_arrivals_by_a_plain_loop():
    """The decoder reads where a step led; where that is the start of the next episode, or padding, nothing counts."""
    family = GridGoals(size=3, horizon=5, start=(0, 0))
    make = functools.partial(BeliefMemory, actions=4, encoder=ENCODERS["recurrent"], decoder=(6,), of_arrival=True)
    agent = MemoryAgent(family.observation_space, family.action_space, make, (8,), seeded())
    method, parameters = RL2(family, agent, trials=3, episodes=2), initial_parameters(agent)
    trials = played(method, parameters)
    contexts, noise = drawn(method, trials, [0, 2, 7])
    _, parts = belief_loss(agent, parameters, trials, contexts, noise)
    own = {k[7:]: v for k, v in parameters.items() if k[:7] == "memory."}
    mean, log_std = agent.memory.belief(own, trials.inputs)
    total, count = 0.0, 0
    for task, trial, number in itertools.product(range(4), range(3), range(3)):
        time, here = int(contexts[number]), (task, trial)
        if not trials.mask[task, trial, time]:
            continue
        count += 1
        z = mean[here][time] + log_std[here][time].exp() * noise[task, trial, number]
        for step in range(int(trials.mask[here].sum()) - 1):
            if trials.done[here][step]:
                continue
            arrived = torch.nn.functional.one_hot(trials.observations[here][step + 1], 9).float()
            total += 0.5 * float((agent.memory.decode(own, z, arrived) - trials.rewards[here][step]) ** 2)
    assert trials.done[:, :, :-1].any() and not trials.mask.all()
    assert float(parts["reconstruction"]) == pytest.approx(total / count, rel=1e-4)


@pytest.mark.parametrize("of_arrival", [False, True])
def test_one_latent_beside_many_steps_is_decoded_as_if_it_were_repeated(of_arrival):
    """Leading axes broadcast, for one network and for several side by side."""
    make = functools.partial(BeliefMemory, actions=5, decoder=(6, 4), of_arrival=of_arrival)
    memories = [make(9 + 5 + 2, generator=seeded(seed)) for seed in (0, 1)]
    each = [initial_parameters(one) for one in memories]
    both = {name: torch.stack([one[name] for one in each]) for name in each[0]}
    latent, seen = torch.randn(2, 3, 1, 5, generator=seeded(2)), torch.randn(2, 1, 4, 9, generator=seeded(3))
    acted = None if of_arrival else torch.randn(2, 1, 4, 5, generator=seeded(4))
    together = memories[0].decode(both, latent, seen, acted)
    assert together.shape == (2, 3, 4)
    for row, own in enumerate(each):
        for context, step in itertools.product(range(3), range(4)):
            action = [] if acted is None else [acted[row, 0, step]]
            known = torch.cat([latent[row, context, 0], seen[row, 0, step], *action])
            layers = {name[8:]: value for name, value in own.items() if name.startswith("decoder.")}
            assert torch.allclose(mlp(layers, known)[0], together[row, context, step], atol=1e-5)
