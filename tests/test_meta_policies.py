"""PolicyMAML and its outer rules: gradients by finite differences, trust regions, and training that must get better."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from metarl_core.agents import CategoricalPolicy, GaussianPolicy
from metarl_core.meta import (
    MetaBatch,
    OuterAdam,
    OuterPPO,
    OuterReptile,
    OuterTRPO,
    PolicyMAML,
    PolicyMetaConfig,
    adaptation_curve,
    clipped_loss,
    kl_product,
    meta_gradient,
    meta_train_policy,
    stage_kl,
    surrogate_loss,
)
from metarl_core.parameters import initial_parameters
from metarl_core.tasks import CartPole, PointNavigation, Trajectories, select_tasks


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def setting(kind="continuous", hidden=(8,), **options):
    """A method and meta-parameters on a small problem; tanh, so that finite differences meet no kinks."""
    if kind == "continuous":
        family = PointNavigation(horizon=12)
        policy = GaussianPolicy(
            family.observation_space, family.action_space, hidden, torch.tanh, seeded(), initial_std=0.7
        )
    else:
        family = CartPole(horizon=30)
        policy = CategoricalPolicy(family.observation_space, family.action_space, hidden, torch.tanh, seeded())
    method = PolicyMAML(family, policy, **({"episodes": 6, "inner_lr": 0.3} | options))
    return method, method.initial(initial_parameters(policy))


def as_double(value):
    if isinstance(value, torch.Tensor):
        return value.double() if value.is_floating_point() else value
    if isinstance(value, dict):
        return {name: as_double(entry) for name, entry in value.items()}
    if isinstance(value, tuple):
        return tuple(as_double(entry) for entry in value)
    return type(value)(**{name: as_double(entry) for name, entry in vars(value).items()})


def collected(method, meta, tasks=3, seed=1):
    drawn = method.family.sample_tasks(tasks, seeded(seed))
    return method.collect(meta, drawn, seeded(seed + 1))


def moved(meta, size=0.02, seed=5):
    generator = seeded(seed)
    return {name: value + size * torch.randn(value.shape, generator=generator) for name, value in meta.items()}


# Collecting


@pytest.mark.parametrize("steps", [1, 3])
def test_stages_are_what_they_say(steps):
    """Each stage's trajectories come from its parameters; an inner step leads from each stage to the next."""
    method, meta = setting(inner_steps=steps)
    batch = collected(method, meta)
    assert len(batch.support) == steps and len(batch) == 3
    along = method.visited(meta, batch.support, create_graph=False)
    for stage, parameters in zip((*batch.support, batch.query), along, strict=True):
        for name, value in parameters.items():
            torch.testing.assert_close(stage.parameters[name], value.detach())
            assert not stage.parameters[name].requires_grad
        trajectories = stage.trajectories
        again = method.policy.log_probability(stage.parameters, trajectories.observations, trajectories.actions)
        valid = trajectories.mask
        torch.testing.assert_close(again[valid], trajectories.log_probabilities[valid], rtol=1e-4, atol=1e-4)
    first, last = batch.support[0].trajectories, batch.query.trajectories
    assert not torch.equal(first.actions, last.actions)  # the query is new
    assert batch.steps == sum(int(s.trajectories.mask.sum()) for s in (*batch.support, batch.query))


def test_the_inner_step_is_the_policy_gradient_at_the_given_rate():
    """θ' − θ = −α ∇(−E log π A): the rate is used, and doubling it doubles the step."""
    method, meta = setting()
    batch = collected(method, meta)
    leaves = {name: value.clone().requires_grad_() for name, value in meta.items()}
    support = batch.support[0]
    log_probability = method.policy.log_probability(
        leaves, support.trajectories.observations, support.trajectories.actions
    )
    mean = (log_probability * support.advantage * support.trajectories.mask).sum((1, 2))
    objective = (mean / support.trajectories.mask.sum((1, 2)))[1]  # of the second task
    gradients = torch.autograd.grad(objective, list(leaves.values()))
    for rate in (0.3, 0.6):
        adapted = replace(method, inner_lr=rate).visited(meta, batch.support)[-1]
        for (name, value), gradient in zip(meta.items(), gradients, strict=True):
            torch.testing.assert_close(adapted[name][1] - value, rate * gradient, rtol=1e-4, atol=1e-6)


def test_rates_of_each_step():
    method, meta = setting(inner_steps=3, inner_lr=(0.4, 0.2))
    assert [method.rates(meta, step) for step in range(3)] == [0.4, 0.2, 0.2]
    batch = collected(method, meta)
    short, _ = setting(inner_lr=0.2)
    along = method.visited(meta, batch.support)
    alone = short._step(meta, along[1], batch.support[1], 0, False)
    for name, value in along[2].items():
        torch.testing.assert_close(value, alone[name])
    learned, started = setting(learned_rates=True, inner_lr=(0.4, 0.2))
    assert bool((started["rate.log_std"] == 0.4).all())
    assert torch.equal(learned.rates(started, 1)["log_std"], started["rate.log_std"])


def test_every_step_is_judged_on_fresh_trajectories():
    method, meta = setting(inner_steps=2, every_step=True)
    batch = collected(method, meta)
    losses, along = method.losses(meta, batch, surrogate_loss)
    each = []
    for parameters, stage in ((along[1], batch.support[1]), (along[2], batch.query)):
        each.append(surrogate_loss(method.policy, parameters, stage.trajectories, stage.advantage))
    torch.testing.assert_close(losses, (each[0] + each[1]) / 2)


def test_selecting_and_cutting_batches():
    method, meta = setting(inner_steps=2)
    batch = collected(method, meta, tasks=5)
    parts = batch.chunks(2)
    assert [len(part) for part in parts] == [2, 2, 1]
    assert torch.equal(torch.cat([part.query.trajectories.rewards for part in parts]), batch.query.trajectories.rewards)
    assert torch.equal(torch.cat([part.outcome for part in parts]), batch.outcome)
    few = batch.first_episodes(2)
    assert few.support[1].trajectories.rewards.shape == (5, 2, 12) and few.query.advantage.shape == (5, 2, 12)
    assert torch.equal(few.query.parameters["log_std"], batch.query.parameters["log_std"])


def test_relative_outcome_by_hand():
    method, meta = setting(discount=0.9)
    batch = collected(method, meta, tasks=4)
    trajectories = batch.query.trajectories
    earned = (trajectories.rewards * 0.9 ** torch.arange(12)).sum(-1).mean(1)
    for task in range(4):
        others = torch.cat([earned[:task], earned[task + 1 :]]).mean()
        steps = trajectories.mask[task].sum(-1).float().mean()
        expected = (earned[task] - others) / (batch.query.scale[task] * steps)
        torch.testing.assert_close(batch.outcome[task], expected, rtol=1e-4, atol=1e-5)


# Gradients


CASES = [
    ("continuous", {}),
    ("discrete", {}),
    ("continuous", {"inner_steps": 2}),
    ("discrete", {"inner_steps": 2, "estimator": "naive"}),
    ("continuous", {"estimator": "naive"}),
    ("continuous", {"learned_rates": True}),
    ("discrete", {"learned_rates": True, "inner_steps": 2}),
    ("continuous", {"sampling_term": True, "inner_steps": 2}),
    ("continuous", {"every_step": True, "inner_steps": 2, "inner_lr": (0.3, 0.1)}),
]


@pytest.mark.parametrize(("kind", "options"), CASES)
def test_meta_gradient_by_finite_differences(kind, options):
    """On fixed trajectories the outer loss is a function of the meta-parameters, and this is its gradient (float64).

    Taken away from the parameters that sampled, where ratios are not 1.
    """
    method, meta = setting(kind, hidden=(3,), **options)
    batch, meta = as_double(collected(method, meta, tasks=2)), as_double(moved(meta))
    gradients, losses = meta_gradient(method, meta, batch)

    def mean_loss(parameters):
        return float(method.losses(parameters, batch, surrogate_loss)[0].detach().mean())

    assert mean_loss(meta) == pytest.approx(float(losses.mean()), rel=1e-10)
    for name, value in meta.items():
        for place in np.ndindex(*value.shape):
            sides = []
            for shift in (1e-6, -1e-6):
                other = {key: entry.clone() for key, entry in meta.items()}
                other[name][place] += shift
                sides.append(mean_loss(other))
            numeric = (sides[0] - sides[1]) / 2e-6
            assert float(gradients[name][place]) == pytest.approx(numeric, rel=1e-4, abs=1e-7), (name, place)


def test_variants_differ():
    """First order, the estimators and E-MAML's term each change the meta-gradient, and the loss's value not at all."""
    method, meta = setting()
    batch = collected(method, meta)
    variants = [{}, {"estimator": "naive"}, {"estimator": "dice"}, {"first_order": True}, {"sampling_term": True}]
    found = [meta_gradient(replace(method, **options), meta, batch)[0]["mean.weight0"] for options in variants]
    for one in range(len(found)):
        for other in range(one):
            assert not torch.allclose(found[one], found[other], rtol=1e-2), (variants[one], variants[other])
    first_order = meta_gradient(replace(method, first_order=True), meta, batch)[0]
    adapted = {name: value.requires_grad_() for name, value in batch.query.parameters.items()}
    query = batch.query
    losses = surrogate_loss(method.policy, adapted, query.trajectories, query.advantage)
    direct = torch.autograd.grad(losses.mean(), list(adapted.values()))
    for value, gradient in zip(first_order.values(), direct, strict=True):
        torch.testing.assert_close(value, gradient.sum(0), rtol=1e-3, atol=1e-6)


def test_chunks_and_company_change_nothing():
    method, meta = setting(sampling_term=True)
    batch = collected(method, meta, tasks=5)
    whole, losses = meta_gradient(method, meta, batch, chunk=5)
    for chunk in (1, 2):
        part, part_losses = meta_gradient(method, meta, batch, chunk=chunk)
        torch.testing.assert_close(part_losses, losses, rtol=1e-4, atol=1e-6)
        for name, value in part.items():
            torch.testing.assert_close(value, whole[name], rtol=1e-3, atol=1e-5)
    order = [3, 1, 4, 0, 2]
    permuted, permuted_losses = meta_gradient(method, meta, batch.select(order), chunk=2)
    torch.testing.assert_close(permuted_losses, losses[order], rtol=1e-4, atol=1e-6)
    for name, value in permuted.items():
        torch.testing.assert_close(value, whole[name], rtol=1e-3, atol=1e-5)


# Outer rules


def updated(rule, method, meta, batch, seed=0):
    learned = {name: value.clone().requires_grad_() for name, value in meta.items()}
    rule.update(method, learned, rule.begin(learned), batch, seeded(seed))
    return {name: value.detach() for name, value in learned.items()}


def test_one_epoch_of_ppo_on_the_whole_batch_is_adam():
    method, meta = setting()
    batch = collected(method, meta, tasks=7)
    first, second = (updated(rule, method, meta, batch) for rule in (OuterAdam(0.01), OuterPPO(0.01, epochs=1)))
    for name, value in first.items():
        torch.testing.assert_close(value, second[name], rtol=1e-3, atol=1e-4)
        assert not torch.equal(value, meta[name])


def test_ppo_objective_by_hand():
    method, meta = setting(inner_steps=2)
    batch = collected(method, meta)
    meta = moved(meta, 0.1)
    found = OuterPPO(clip=0.1, kl_coefficient=0.5).objective(method, meta, batch)
    along = method.visited(meta, batch.support)
    query = batch.query
    expected = clipped_loss(method.policy, along[2], query.trajectories, query.advantage, 0.1)
    for parameters, stage in zip(along[:2], batch.support, strict=True):
        valid, observations = stage.trajectories.mask, stage.trajectories.observations
        mean, std = method.policy.mean_and_std(parameters, observations)
        old_mean, old_std = method.policy.mean_and_std(stage.parameters, observations)
        divergence = (std / old_std).log() + (old_std**2 + (old_mean - mean) ** 2) / (2 * std**2) - 0.5
        divergence = (divergence.sum(-1) * valid).sum((1, 2)) / valid.sum((1, 2))
        torch.testing.assert_close(stage_kl(method.policy, parameters, stage), divergence, rtol=1e-3, atol=1e-5)
        expected = expected + 0.5 * divergence
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert float(stage_kl(method.policy, along[0], batch.support[0]).min()) > 1e-3


@pytest.mark.parametrize("options", [{}, {"learned_rates": True}, {"every_step": True, "inner_steps": 2}])
def test_kl_product_is_the_hessian_of_the_divergence(options):
    """Against finite differences of the slope of the mean divergence as a function of θ, through the inner loop."""
    method, meta = setting(hidden=(3,), **options)
    batch, meta = as_double(collected(method, meta)), as_double(meta)
    stages, along = method.judged(batch), method.visited(meta, batch.support)
    assert len(stages) == (2 if method.every_step else 1)
    fixed = [
        replace(stage, parameters={name: value.detach() for name, value in one.items()})
        for stage, one in zip(stages, along[-len(stages) :], strict=True)
    ]

    def slope(parameters):
        leaves = {name: value.clone().requires_grad_() for name, value in parameters.items()}
        along = method.visited(leaves, batch.support)[-len(stages) :]
        divergences = [stage_kl(method.policy, one, stage).mean() for one, stage in zip(along, fixed, strict=True)]
        found = torch.autograd.grad(sum(divergences) / len(stages), list(leaves.values()))
        return dict(zip(leaves, found, strict=True))

    product = kl_product(method, meta, batch)
    for seed in range(3):
        generator = seeded(seed)
        vector = {n: torch.randn(v.shape, generator=generator, dtype=torch.float64) for n, v in meta.items()}
        sides = [slope({n: v + shift * vector[n] for n, v in meta.items()}) for shift in (1e-6, -1e-6)]
        for name, value in product(vector).items():
            numeric = (sides[0][name] - sides[1][name]) / 2e-6
            torch.testing.assert_close(value, numeric, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("continuous", {}),
        ("discrete", {"inner_steps": 2}),
        ("continuous", {"learned_rates": True}),
        ("continuous", {"every_step": True, "inner_steps": 2}),
    ],
)
def test_trpo_honours_its_divergence(kind, options):
    method, meta = setting(kind, **options)
    batch = collected(method, meta, tasks=6)
    rule = OuterTRPO(max_kl=0.01, hessian_episodes=6)
    before, nothing = rule.judge(method, meta, batch)
    assert float(nothing) == pytest.approx(0, abs=1e-6)
    new = updated(rule, method, meta, batch)
    after, divergence = rule.judge(method, new, batch)
    assert float(after) < float(before) and 1e-3 < float(divergence) <= 0.01
    batch, meta = as_double(batch), as_double(meta)
    _, divergence = rule.judge(method, updated(replace(rule, max_kl=1e-8), method, meta, batch), batch)
    # Tiny steps reach what the quadratic model says, unless the line search halved them.
    assert any(float(divergence) == pytest.approx(1e-8 / 4**halved, rel=0.1) for halved in range(3))


def test_trpo_keeps_what_it_cannot_improve():
    method, meta = setting()
    batch = collected(method, meta)
    broken = replace(batch, query=replace(batch.query, advantage=torch.zeros_like(batch.query.advantage)))
    new = updated(OuterTRPO(), method, meta, broken)
    assert all(torch.equal(new[name], value) for name, value in meta.items())


def test_reptile_moves_towards_the_mean_of_the_adapted_parameters():
    method, meta = setting(inner_steps=3)
    batch = collected(method, meta)
    new = updated(OuterReptile(0.25), method, meta, batch)
    for name, value in meta.items():
        mean = batch.query.parameters[name].mean(0)
        torch.testing.assert_close(new[name], value + 0.25 * (mean - value))
    learned_rates, rates = setting(learned_rates=True)
    with pytest.raises(ValueError, match="learned_rates must be False"):
        updated(OuterReptile(), learned_rates, rates, collected(learned_rates, rates))


# Training


RULES = {
    "Adam": (OuterAdam(1e-2), {}),
    "ProMP": (OuterPPO(3e-3, kl_coefficient=5e-4), {}),
    "TRPO": (OuterTRPO(0.05), {}),
    "TRPO, first order": (OuterTRPO(0.05), {"first_order": True}),
    "Meta-SGD": (OuterPPO(3e-3), {"learned_rates": True}),
    "DiCE": (OuterAdam(1e-2), {"estimator": "dice"}),
    "Reptile": (OuterReptile(1.0), {"inner_steps": 3}),
}


def trained(rule, options, iterations=30, seed=1):
    method, meta = setting(hidden=(32,), **({"episodes": 10, "inner_lr": 0.5} | options))
    config = PolicyMetaConfig(iterations, 10)
    learned, history = meta_train_policy(method, rule, meta, config, seeded(seed))
    return method, meta, learned, history


@pytest.mark.parametrize("name", RULES)
def test_meta_training_improves_the_adapted_return(name):
    method, meta, learned, history = trained(*RULES[name])
    tasks = method.family.sample_tasks(30, seeded(9), "test")
    before, after = (
        adaptation_curve(method.family, tasks, method.policy, method.start(m), method.rates(m, 0), 1, seeded(2))[0][
            :, 1
        ]
        for m in (meta, learned)
    )
    assert float((after - before).mean()) > 0.4
    assert {len(values) for values in history.values()} == {30}
    assert all(not value.requires_grad for value in learned.values())


def test_learned_rates_are_learned_and_used():
    method, meta, learned, _ = trained(*RULES["Meta-SGD"])
    start, rates = method.start(learned), method.rates(learned, 0)
    assert set(start) == set(rates) == set(dict(method.policy.named_parameters()))
    spread = torch.cat([value.flatten() for value in rates.values()])
    assert float((spread - 0.5).abs().mean()) > 0.01
    tasks = select_tasks(method.family.sample_tasks(2, seeded(9), "test"), slice(0, 2))
    halves = {name: value / 2 for name, value in rates.items()}
    _, visited, _ = adaptation_curve(method.family, tasks, method.policy, start, [rates, halves], 2, seeded(2))
    _, once, _ = adaptation_curve(method.family, tasks, method.policy, start, halves, 1, seeded(2))
    for name, value in start.items():
        torch.testing.assert_close(visited[1][name] - value, 2 * (once[1][name] - value), rtol=1e-3, atol=1e-6)


def test_training_is_reproducible_and_leaves_the_start_alone():
    rule, options = RULES["TRPO"]
    runs = [trained(rule, options, 3, seed) for seed in (5, 5, 6)]
    assert runs[0][3] == runs[1][3] != runs[2][3]
    assert all(torch.equal(value, runs[1][2][name]) for name, value in runs[0][2].items())
    _, fresh = setting(hidden=(32,))
    assert all(torch.equal(value, fresh[name]) for name, value in runs[0][1].items())


def test_interrupted_training_returns_what_was_reached(monkeypatch):
    method, meta = setting()
    draw, calls, seen = method.family.draw_tasks, [], []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return draw(*arguments)

    monkeypatch.setattr(method.family, "draw_tasks", interrupted)

    def callback(iteration, parameters, batch):
        assert isinstance(batch, MetaBatch) and isinstance(batch.query.trajectories, Trajectories)
        seen.append(iteration)

    config = PolicyMetaConfig(50, 3)
    learned, history = meta_train_policy(method, OuterAdam(), meta, config, seeded(), callback=callback)
    assert seen == [1, 2, 3] and {len(values) for values in history.values()} == {3}
    assert not torch.equal(learned["mean.weight0"], meta["mean.weight0"])


def test_estimators_are_checked():
    method, meta = setting(estimator="magic")
    with pytest.raises(ValueError, match="naive, lvc, dice"):
        collected(method, meta)
