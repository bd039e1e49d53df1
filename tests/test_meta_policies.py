"""PolicyMAML and its outer rules: gradients by finite differences, trust regions, and training that must get better."""

import functools
import signal
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
    clipped_loss,
    kl_product,
    meta_gradient,
    policies,
    stage_kl,
    surrogate_and_kl,
    surrogate_loss,
)
from metarl_core.parameters import initial_parameters, repeat_parameters, trainable_parameters
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
    visited = method.visited(meta, batch.support, create_graph=False)
    for stage, parameters in zip((*batch.support, batch.query), visited, strict=True):
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
    visited = method.visited(meta, batch.support)
    alone = short._step(visited[1], batch.support[1], 0.2, surrogate_loss, False)
    for name, value in visited[2].items():
        torch.testing.assert_close(value, alone[name])
    learned, started = setting(learned_rates=True, inner_lr=(0.4, 0.2))
    assert bool((started["rate.log_std"] == 0.4).all())
    assert torch.equal(learned.rates(started, 1)["log_std"], started["rate.log_std"])


def test_every_step_is_measured_on_fresh_trajectories():
    method, meta = setting(inner_steps=2, every_step=True)
    batch = collected(method, meta)
    losses, visited = method.losses(meta, batch, surrogate_loss)
    each = []
    for parameters, stage in ((visited[1], batch.support[1]), (visited[2], batch.query)):
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
    ("continuous", {"estimator": "naive", "sampling_term": True, "inner_steps": 2}),
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
    term = {"estimator": "naive", "sampling_term": True}
    variants = [{}, {"estimator": "naive"}, {"estimator": "dice"}, {"first_order": True}, term]
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
    method, meta = setting(estimator="naive", sampling_term=True)
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


def test_a_batch_keeps_the_parameters_that_collected_it():
    """Outer rules move the leaves in place; ProMP's penalty measures the divergence from what they were."""
    method, meta = setting()
    learned = trainable_parameters(meta)
    batch = collected(method, learned)
    for name, value in learned.items():
        value.data += 0.1
        torch.testing.assert_close(batch.support[0].parameters[name][0], meta[name], rtol=0, atol=0)
    divergence = stage_kl(method.policy, repeat_parameters(learned, len(batch)), batch.support[0])
    assert float(divergence.detach().min()) > 1e-4


def test_the_penalty_holds_the_policy_before_adaptation():
    method, meta = setting()
    batch, reached = collected(method, meta, tasks=6), {}
    for eta in (0.0, 10.0):
        learned = trainable_parameters(meta)
        own = method.collect(learned, method.family.sample_tasks(6, seeded(1)), seeded(2))
        torch.testing.assert_close(own.query.advantage, batch.query.advantage)
        OuterPPO(outer_lr=0.01, epochs=10, kl_coefficient=eta).begin(method, learned).update(own, seeded())
        reached[eta] = float(stage_kl(method.policy, repeat_parameters(learned, 6), batch.support[0]).mean().detach())
    assert reached[10.0] < 0.5 * reached[0.0]


# Outer rules


def updated(rule, method, meta, batch, seed=0):
    learned = trainable_parameters(meta)
    rule.begin(method, learned).update(batch, seeded(seed))
    return {name: value.detach() for name, value in learned.items()}


def test_one_epoch_of_ppo_on_the_whole_batch_is_adam():
    method, meta = setting()
    batch = collected(method, meta, tasks=7)
    first, second = (
        updated(rule, method, meta, batch) for rule in (OuterAdam(outer_lr=0.01), OuterPPO(outer_lr=0.01, epochs=1))
    )
    for name, value in first.items():
        torch.testing.assert_close(value, second[name], rtol=1e-3, atol=1e-4)
        assert not torch.equal(value, meta[name])


def test_ppo_objective_by_hand():
    method, meta = setting(inner_steps=2)
    batch = collected(method, meta)
    meta = moved(meta, 0.1)
    found = OuterPPO(clip=0.1, kl_coefficient=0.5).objective(method, meta, batch)
    visited = method.visited(meta, batch.support)
    query = batch.query
    expected = clipped_loss(method.policy, visited[2], query.trajectories, query.advantage, 0.1)
    for parameters, stage in zip(visited[:2], batch.support, strict=True):
        valid, observations = stage.trajectories.mask, stage.trajectories.observations
        mean, std = method.policy.mean_and_std(parameters, observations)
        old_mean, old_std = method.policy.mean_and_std(stage.parameters, observations)
        divergence = (std / old_std).log() + (old_std**2 + (old_mean - mean) ** 2) / (2 * std**2) - 0.5
        divergence = (divergence.sum(-1) * valid).sum((1, 2)) / valid.sum((1, 2))
        torch.testing.assert_close(stage_kl(method.policy, parameters, stage), divergence, rtol=1e-3, atol=1e-5)
        expected = expected + 0.5 * divergence
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert float(stage_kl(method.policy, visited[0], batch.support[0]).min()) > 1e-3


@pytest.mark.parametrize("options", [{}, {"learned_rates": True}, {"every_step": True, "inner_steps": 2}])
def test_kl_product_is_the_hessian_of_the_divergence(options):
    """Against finite differences of the slope of the mean divergence as a function of θ, through the inner loop."""
    method, meta = setting(hidden=(3,), **options)
    batch, meta = as_double(collected(method, meta)), as_double(meta)
    stages, visited = method.query_stages(batch), method.visited(meta, batch.support)
    assert len(stages) == (2 if method.every_step else 1)
    fixed = [
        replace(stage, parameters={name: value.detach() for name, value in one.items()})
        for stage, one in zip(stages, visited[-len(stages) :], strict=True)
    ]

    def slope(parameters):
        leaves = {name: value.clone().requires_grad_() for name, value in parameters.items()}
        visited = method.visited(leaves, batch.support)[-len(stages) :]
        divergences = [stage_kl(method.policy, one, stage).mean() for one, stage in zip(visited, fixed, strict=True)]
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
    before, nothing = surrogate_and_kl(method, meta, batch)
    assert float(nothing) == pytest.approx(0, abs=1e-6)
    new = updated(rule, method, meta, batch)
    after, divergence = surrogate_and_kl(method, new, batch)
    assert float(after) < float(before) and 1e-3 < float(divergence) <= 0.01
    batch, meta = as_double(batch), as_double(meta)
    _, divergence = surrogate_and_kl(method, updated(replace(rule, max_kl=1e-8), method, meta, batch), batch)
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
    new = updated(OuterReptile(outer_lr=0.25), method, meta, batch)
    for name, value in meta.items():
        mean = batch.query.parameters[name].mean(0)
        torch.testing.assert_close(new[name], value + 0.25 * (mean - value))
    learned_rates, rates = setting(learned_rates=True)
    with pytest.raises(ValueError, match="learned_rates must be False"):
        updated(OuterReptile(), learned_rates, rates, collected(learned_rates, rates))


# Training


RULES = {
    "Adam": (OuterAdam(outer_lr=1e-2), {}),
    "ProMP": (OuterPPO(outer_lr=3e-3, kl_coefficient=5e-4), {}),
    "TRPO": (OuterTRPO(max_kl=0.05), {}),
    "TRPO, first order": (OuterTRPO(max_kl=0.05), {"first_order": True}),
    "Meta-SGD": (OuterPPO(outer_lr=3e-3), {"learned_rates": True}),
    "DiCE": (OuterAdam(outer_lr=1e-2), {"estimator": "dice"}),
    "Reptile": (OuterReptile(outer_lr=1.0), {"inner_steps": 3}),
}


def trained(rule, options, iterations=30, seed=1):
    method, meta = setting(hidden=(32,), **({"episodes": 10, "inner_lr": 0.5} | options))
    config = policies.TrainConfig(iterations=iterations, meta_batch=10)
    learned, history = policies.train(method, meta, config, seeded(seed), rule=rule, description=None)
    return method, meta, learned, history


@pytest.mark.in_turn(4)
@pytest.mark.parametrize("name", RULES)
def test_meta_training_improves_the_adapted_return(name):
    method, meta, learned, history = trained(*RULES[name])
    tasks = method.family.sample_tasks(30, seeded(9), "test")
    before, after = (
        policies.adaptation_curve(method, m, tasks, seeded(2), steps=1, episodes=20).returns[:, 1]
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
    _, visited, _ = policies.adaptation_curve(method, learned, tasks, seeded(2))  # its own rates
    _, once, _ = policies.adaptation_curve(method, learned, tasks, seeded(2), inner_lr=halves)
    for name, value in start.items():
        torch.testing.assert_close(visited[1][name] - value, 2 * (once[1][name] - value), rtol=1e-3, atol=1e-6)


def test_training_is_reproducible_and_leaves_the_start_alone():
    rule, options = RULES["TRPO"]
    runs = [trained(rule, options, 3, seed) for seed in (5, 5, 6)]
    assert runs[0][3] == runs[1][3] != runs[2][3]
    assert all(torch.equal(value, runs[1][2][name]) for name, value in runs[0][2].items())
    _, fresh = setting(hidden=(32,))
    assert all(torch.equal(value, fresh[name]) for name, value in runs[0][1].items())


def test_an_interrupt_ends_the_training_after_the_iteration():
    method, meta = setting()
    seen = []

    def callback(iteration, parameters, batch):
        assert isinstance(batch, MetaBatch) and isinstance(batch.query.trajectories, Trajectories)
        parameters["mean.weight0"].zero_()  # a copy: the training goes on with its own
        seen.append(iteration)
        if iteration == 3:
            signal.raise_signal(signal.SIGINT)

    config = policies.TrainConfig(iterations=50, meta_batch=3)
    learned, history = policies.train(
        method, meta, config, seeded(), rule=OuterAdam(), description=None, callback=callback
    )
    assert seen == [1, 2, 3] == history["iteration"] and {len(values) for values in history.values()} == {3}
    assert history.interrupted and bool((learned["mean.weight0"] != 0).any())
    assert not torch.equal(learned["mean.weight0"], meta["mean.weight0"])


DIAGNOSTICS = {
    "Adam": {"loss", "grad_norm"},
    "ProMP": {"loss", "grad_norm", "approx_kl", "clip_fraction"},
    "TRPO": {"loss", "grad_norm", "approx_kl", "accepted"},
    "Reptile": {"grad_norm"},
}


@pytest.mark.parametrize("name", DIAGNOSTICS)
def test_history_says_what_happened(name):
    rule, options = RULES[name]
    method, meta = setting(**options)
    steps = []
    config = policies.TrainConfig(iterations=3, meta_batch=4)
    _, history = policies.train(
        method,
        meta,
        config,
        seeded(),
        rule=rule,
        description=None,
        callback=lambda iteration, parameters, batch: steps.append(batch.steps),
    )
    assert set(history) == {"iteration", "return", "return_before", "env_steps"} | DIAGNOSTICS[name]
    assert {len(values) for values in history.values()} == {3}
    assert history["env_steps"] == np.cumsum(steps).tolist()
    assert min(history["grad_norm"]) > 0
    if "approx_kl" in history:
        assert 0 <= min(history["approx_kl"]) <= max(history["approx_kl"]) < 0.2
    if name == "TRPO":
        assert set(history["accepted"]) <= {0.0, 1.0} and max(history["approx_kl"]) <= rule.max_kl


def test_ppo_diagnostics_by_hand():
    """Approximate divergence and clip fraction of the adapted policies' ratios on the query episodes."""
    method, meta = setting()
    batch, meta = as_double(collected(method, meta)), as_double(moved(meta, 0.1))
    _, (approx_kl, clip_fraction) = OuterPPO(clip=0.2).objective_and_ratios(method, meta, batch)
    adapted, query = method.visited(meta, batch.support)[-1], batch.query.trajectories
    log_ratio = method.policy.log_probability(adapted, query.observations, query.actions) - query.log_probabilities
    for task in range(3):
        valid = log_ratio[task][query.mask[task]].detach().numpy()
        assert float(approx_kl[task]) == pytest.approx(np.mean(np.exp(valid) - 1 - valid), rel=1e-6)
        assert float(clip_fraction[task]) == pytest.approx(np.mean(np.abs(np.exp(valid) - 1) > 0.2), rel=1e-6)
    assert float(clip_fraction.max()) > 0


def test_trpo_says_when_it_took_no_step():
    method, meta = setting()
    batch = collected(method, meta)
    broken = replace(batch, query=replace(batch.query, advantage=torch.zeros_like(batch.query.advantage)))
    metrics = OuterTRPO().begin(method, trainable_parameters(meta)).update(broken, seeded())
    assert metrics["accepted"] == 0 and metrics["approx_kl"] == 0


@pytest.mark.parametrize("name", ["Adam", "ProMP", "TRPO", "Meta-SGD", "Reptile"])
def test_a_resumed_training_is_the_uninterrupted_one(name, tmp_path):
    """Interrupted at random iterations and resumed in a new generator: the same numbers, bit for bit."""
    rule, options = RULES[name]
    method, meta = setting(hidden=(4,), **(options | {"episodes": 3}))
    config = policies.TrainConfig(iterations=6, meta_batch=3)
    whole, history = policies.train(method, meta, config, seeded(3), rule=rule, description=None)
    stops = sorted(np.random.default_rng(len(name)).choice(np.arange(1, 6), 2, replace=False).tolist())
    path = tmp_path / "training.pt"
    for turn, stop in enumerate([*stops, None]):

        def callback(iteration, parameters, batch, stop=stop):
            if iteration == stop:
                signal.raise_signal(signal.SIGINT)

        generator = seeded(3 if turn == 0 else 100 + turn)
        resumed, part = policies.train(
            method, meta, config, generator, rule=rule, description=None, callback=callback, checkpoint=path
        )
        assert part.iterations == (stop or 6)
    assert dict(part) == dict(history)
    assert all(torch.equal(value, whole[key]) for key, value in resumed.items())
    with pytest.raises(ValueError, match="other settings"):
        policies.train(
            replace(method, discount=0.5), meta, config, seeded(), rule=rule, description=None, checkpoint=path
        )


def test_settings_in_a_checkpoint_are_the_same_in_every_process(tmp_path):
    """Functions go by their names: an address would make every new process refuse its own checkpoint."""
    method, meta = setting(hidden=(4,), episodes=2)
    path = tmp_path / "training.pt"
    rule = OuterAdam(optimiser=functools.partial(torch.optim.AdamW, weight_decay=0.1))
    policies.train(
        method,
        meta,
        policies.TrainConfig(iterations=1, meta_batch=2),
        seeded(),
        rule=rule,
        description=None,
        checkpoint=path,
    )
    settings = torch.load(path, weights_only=True)["loop"]["settings"]
    assert "AdamW" in settings and " at 0x" not in settings


def test_a_rule_of_ones_own():
    """The protocol is all that a training needs."""

    class Halve:
        def begin(self, method, meta, anneal_over=None):
            self.meta = meta
            return self

        def update(self, batch, generator):
            with torch.no_grad():
                for value in self.meta.values():
                    value.mul_(0.5)
            return {"tasks": len(batch)}

        def state_dict(self):
            return {}

        def load_state_dict(self, state_dict, /):
            pass

    method, meta = setting()
    config = policies.TrainConfig(iterations=2, meta_batch=3)
    learned, history = policies.train(method, meta, config, seeded(), rule=Halve(), description=None)
    assert history["tasks"] == [3, 3]
    assert all(torch.equal(value, meta[name] / 4) for name, value in learned.items())


def test_the_outer_step_size_falls_to_zero():
    """SGD in place of Adam, one task and no noise in the gradient's length: steps shrink as 1 − i / n."""
    rates = []

    class Recorded(torch.optim.SGD):
        def step(self, closure=None):
            rates.append(self.param_groups[0]["lr"])
            return super().step(closure)

    method, meta = setting()
    rule = OuterAdam(outer_lr=0.4, optimiser=Recorded)
    for anneal in (True, False):
        config = policies.TrainConfig(iterations=4, meta_batch=2, anneal=anneal)
        policies.train(method, meta, config, seeded(), rule=rule, description=None)
    assert rates == pytest.approx([0.4, 0.3, 0.2, 0.1, 0.4, 0.4, 0.4, 0.4])


@pytest.mark.parametrize("estimator", ["lvc", "dice"])
def test_the_sampling_term_is_not_counted_twice(estimator):
    with pytest.raises(ValueError, match="sampling_term must be False.*would count twice"):
        setting(estimator=estimator, sampling_term=True)
    setting(estimator="naive", sampling_term=True)


def test_estimators_are_checked():
    with pytest.raises(ValueError, match="estimator must be one of naive, lvc, dice, got 'magic'"):
        setting(estimator="magic")
