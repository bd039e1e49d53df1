"""Models that adapt: against finite differences, closed forms, plain loops, and each environment alone."""

import dataclasses
import functools
import signal

import numpy as np
import pytest
import torch

from metarl_core.agents import UniformPolicy
from metarl_core.meta import models
from metarl_core.meta.models import (
    Data,
    DynamicsNetwork,
    Ensemble,
    FixedModel,
    GrBAL,
    LastLayerRLS,
    Normalisation,
    OnlineSGD,
    ReBAL,
    TrainConfig,
    Transitions,
    draw_windows,
    fit_normalisation,
    transitions_of,
)
from metarl_core.networks import GRU, mlp
from metarl_core.parameters import initial_parameters, stack_parameters
from metarl_core.planning import CEM, RandomShooting
from metarl_core.tasks import CartPole, ChangingTasks, ContinuousCartPole, DampedPendulum, rollout


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def steps(environments, length, seed=0, size=3, actions=2):
    """Random transitions, all steps taken."""
    generator = seeded(seed)
    seen, following = torch.randn((2, environments, length, size), generator=generator, dtype=torch.float64)
    action = torch.randn((environments, length, actions), generator=generator, dtype=torch.float64)
    return Transitions(seen, action, following, torch.ones(environments, length, dtype=torch.bool))


def network(hidden=(5,), seed=0, **options):
    normalisation = Normalisation(
        *(torch.rand(n, generator=seeded(9), dtype=torch.float64) + 0.5 for n in (5, 5, 3, 3))
    )
    make = functools.partial(DynamicsNetwork, 3, 2, hidden, torch.tanh, normalisation=normalisation)
    return make(generator=seeded(seed), dtype=torch.float64, **options)


def rebal(**options):
    return ReBAL(network(context=4), GRU(8, 4, seeded(1), dtype=torch.float64), **options)


def with_parameters(method):
    start = method.parameters() if isinstance(method, ReBAL) else initial_parameters(method.network)
    return method, method.initial(start)


METHODS = {
    "fixed": lambda: FixedModel(network(), past=4, future=3),
    "SGD": lambda: OnlineSGD(network(), past=4, future=3, lr=0.3),
    "RLS": lambda: LastLayerRLS(network(), past=4, future=3, forgetting=0.9, prior=0.5),
    "GrBAL": lambda: GrBAL(network(), inner_lr=0.3, inner_steps=2, past=4, future=3),
    "ReBAL": lambda: rebal(past=4, future=3),
}


def windows(number=3, past=4, future=3):
    """Windows whose pasts have different lengths, the first of them nothing."""
    lengths = torch.arange(number) % (past + 1)
    known = torch.arange(past) < lengths[:, None]
    support = steps(number, past)
    support = Transitions(*(part * known[..., None] for part in support[:3]), known)
    return models.Windows(support, steps(number, future, 1))


# Data


def test_transitions_are_those_of_a_plain_loop():
    family = CartPole(horizon=40)
    played = rollout(family, family.sample_tasks(3, seeded()), UniformPolicy(family.action_space), {}, 4, seeded(1))
    assert int(played.lengths.min()) < 40
    found = transitions_of(played)
    for task in range(3):
        for episode in range(4):
            length = int(played.lengths[task, episode])
            whole = [*played.observations[task, episode, :length], played.final_observations[task, episode]]
            for time in range(length):
                assert torch.equal(found.observations[task, episode, time], whole[time])
                assert torch.equal(found.next_observations[task, episode, time], whole[time + 1])
    assert torch.equal(found.mask, played.mask)


def labelled(tasks=3, episodes=2, length=20, ends=None, change_at=None):
    """Steps that say where they are: observation (task, episode, time)."""
    place = torch.stack(
        torch.meshgrid(*(torch.arange(n) for n in (tasks, episodes, length)), indexing="ij"), -1
    ).float()
    mask = torch.ones(tasks, episodes, length, dtype=torch.bool)
    if ends is not None:
        mask = torch.arange(length) < torch.tensor(ends)[:, None, None].expand(-1, episodes, 1)
    change_at = None if change_at is None else torch.tensor(change_at)
    return Data(Transitions(place, place[..., :1], place + torch.tensor([0.0, 0.0, 1.0]), mask), change_at)


@pytest.mark.parametrize("shortest", [None, 0, 2])
@pytest.mark.parametrize("across", [False, True])
def test_windows_lie_in_one_episode_and_on_one_side_of_a_change(shortest, across):
    ends, changes = [20, 12, 20], [7, 30, 13]
    drawn = draw_windows(labelled(3, 2, 20, ends, changes), 4, 3, 20_000, seeded(), shortest=shortest, across=across)
    support, query = drawn.support, drawn.query
    lengths = support.mask.sum(1)
    assert set(lengths.tolist()) == set(range(4 if shortest is None else shortest, 5))
    task, episode, moment = query.observations[:, 0].long().unbind(-1)
    moments = {}
    for n in range(20_000):
        count, (t, e, m) = int(lengths[n]), (int(task[n]), int(episode[n]), int(moment[n]))
        times = [*range(m - count, m), *range(m, m + 3)]
        rows = torch.cat([support.observations[n, :count], query.observations[n]])
        if n < 2000:
            assert rows.tolist() == [[t, e, time] for time in times], "consecutive, up to the step before the moment"
            assert bool((support.observations[n, count:] == 0).all() and (support.actions[n, count:] == 0).all())
        assert times[0] >= 0 and times[-1] < ends[t]
        crosses = times[0] < changes[t] <= times[-1]
        assert across or not crosses
        moments[t, e, m] = moments.get((t, e, m), 0) + 1
    expected = 0
    for t in range(3):
        for m in range(ends[t] - 2):
            begin = m - (4 if shortest is None else shortest)
            expected += 2 * (begin >= 0 and (across or not begin < changes[t] <= m + 2))
    assert len(moments) == expected, "every moment that fits is drawn"
    counts = np.array(list(moments.values()))
    assert counts.min() > 0.75 * counts.mean() and counts.max() < 1.25 * counts.mean()


def test_normalisation_counts_the_steps_that_were_taken():
    data = steps(4, 6)
    mask = torch.rand((4, 6), generator=seeded(3)) < 0.5
    data = data._replace(mask=mask, actions=torch.full_like(data.actions, 7.0))
    found = fit_normalisation(data)
    rows = [(data.observations[i, t].numpy(), data.next_observations[i, t].numpy()) for i, t in mask.nonzero().tolist()]
    deltas = np.array([after - before for before, after in rows])
    np.testing.assert_allclose(found.delta_mean, deltas.mean(0))
    np.testing.assert_allclose(found.delta_std, deltas.std(0))
    np.testing.assert_allclose(found.input_mean, [*np.mean([before for before, _ in rows], 0), 7, 7])
    assert found.input_std[3:].tolist() == [1, 1], "what never varies is not divided by nothing"


# Network


def test_what_a_network_predicts_by_hand():
    model, seen = network(), steps(1, 6)
    own, parameters = model.normalisation, initial_parameters(model)
    inputs = (torch.cat([seen.observations, seen.actions], -1) - own.input_mean) / own.input_std
    change = mlp(parameters, inputs, torch.tanh) * own.delta_std + own.delta_mean
    predicted = model.predict(parameters, seen.observations, seen.actions)
    torch.testing.assert_close(predicted, seen.observations + change)
    errors = ((predicted - seen.next_observations) / own.delta_std).square()
    torch.testing.assert_close(model.losses({n: v[None] for n, v in parameters.items()}, seen), errors.mean()[None])


def test_the_loss_of_a_gaussian_is_its_negative_log_likelihood():
    model, seen = network(probabilistic=True), steps(2, 6)
    parameters = {name: value.expand(2, *value.shape) for name, value in initial_parameters(model).items()}
    mean, log_variance = model.distribution(parameters, seen.observations, seen.actions)
    likelihood = torch.distributions.Normal(mean, (log_variance / 2).exp()).log_prob(
        model.deltas(seen.observations, seen.next_observations)
    )
    expected = -likelihood.mean((1, 2)) - np.log(2 * np.pi) / 2
    torch.testing.assert_close(model.losses(parameters, seen), expected)
    extreme = {name: value * 1e6 for name, value in parameters.items()}
    _, bounded = model.distribution(extreme, seen.observations, seen.actions)
    assert float(bounded.min()) >= -10.001 and float(bounded.max()) <= 1.001


# Every method


@pytest.mark.parametrize("name", METHODS)
def test_the_gradient_is_that_of_finite_differences(name):
    method, meta = with_parameters(METHODS[name]())
    data = windows(5)
    leaves = {key: value.clone().requires_grad_() for key, value in meta.items()}
    gradients = torch.autograd.grad(method.outer_loss(leaves, data).sum(), list(leaves.values()))
    for (key, value), gradient in zip(meta.items(), gradients, strict=True):
        for place in range(0, value.numel(), max(value.numel() // 4, 1)):
            ends = []
            for sign in (1, -1):
                moved = value.clone().flatten()
                moved[place] += sign * 1e-5
                moved = {k: v.clone().requires_grad_() for k, v in (meta | {key: moved.view_as(value)}).items()}
                ends.append(float(method.outer_loss(moved, data).detach().sum()))
            expected = (ends[0] - ends[1]) / 2e-5
            assert float(gradient.flatten()[place]) == pytest.approx(expected, rel=1e-5, abs=1e-8), (key, place)


@pytest.mark.parametrize("name", METHODS)
def test_an_environment_in_a_batch_is_one_alone(name):
    method, meta = with_parameters(METHODS[name]())
    data, seen = windows(5), steps(5, 7, 2)
    observations = torch.randn((5, 6, 3), generator=seeded(4), dtype=torch.float64)
    actions = torch.randn((5, 6, 2), generator=seeded(5), dtype=torch.float64)
    losses = method.outer_loss(meta, data).detach()
    predicted = method.predict(meta, method.adapt(meta, seen), observations, actions).detach()
    for one in range(5):
        own = models.Windows(*(Transitions(*(part[one, None] for part in half)) for half in data))
        torch.testing.assert_close(method.outer_loss(meta, own).detach()[0], losses[one])
        memory = method.adapt(meta, Transitions(*(part[one, None] for part in seen)))
        alone = method.predict(meta, memory, observations[one, None], actions[one, None]).detach()
        torch.testing.assert_close(alone[0], predicted[one])


@pytest.mark.parametrize("name", METHODS)
def test_to_adapt_is_to_observe_step_after_step(name):
    """And the newest step counts, at once; nothing else does for a model that is fixed."""
    method, meta = with_parameters(METHODS[name]())
    seen, probe = steps(2, 7, 2), steps(2, 1, 3)
    memory = method.start(meta, 2)
    for time in range(7):
        memory = method.observe(meta, memory, seen.at(slice(time, time + 1)))
        known = method.predict(meta, memory, probe.observations, probe.actions)
        whole = method.adapt(meta, seen.at(slice(0, time + 1)))
        torch.testing.assert_close(known, method.predict(meta, whole, probe.observations, probe.actions))
        other = seen.next_observations.clone()
        other[:, time] += 1.0
        changed = method.adapt(meta, seen._replace(next_observations=other).at(slice(0, time + 1)))
        same = torch.allclose(known, method.predict(meta, changed, probe.observations, probe.actions))
        assert same == (name == "fixed")


@pytest.mark.parametrize("name", ["GrBAL", "ReBAL"])
def test_what_left_the_window_is_forgotten(name):
    method, meta = with_parameters(METHODS[name]())
    seen, probe = steps(2, 9, 2), steps(2, 1, 3)
    recent = Transitions(*(part[:, -4:] for part in seen))
    found = [method.predict(meta, method.adapt(meta, s), probe.observations, probe.actions) for s in (seen, recent)]
    assert torch.equal(*found)


# Each method by its formula


def plain_gradient(model, parameters, seen, one):
    """∇L of one environment, its network written out."""
    leaves = {key: value.clone().requires_grad_() for key, value in parameters.items()}
    own, keep = model.normalisation, seen.mask[one]
    inputs = (torch.cat([seen.observations[one, keep], seen.actions[one, keep]], -1) - own.input_mean) / own.input_std
    hidden = torch.tanh(inputs @ leaves["weight0"].T + leaves["bias0"])
    change = (hidden @ leaves["weight1"].T + leaves["bias1"]) * own.delta_std + own.delta_mean
    error = (seen.observations[one, keep] + change - seen.next_observations[one, keep]) / own.delta_std
    gradients = torch.autograd.grad(error.square().mean(), list(leaves.values()))
    return dict(zip(leaves, gradients, strict=True))


def test_grbal_steps_from_theta_on_the_last_steps():
    method, meta = with_parameters(METHODS["GrBAL"]())
    seen = steps(2, 7, 2)
    memory = method.start(meta, 2)
    for time in range(7):
        memory = method.observe(meta, memory, seen.at(slice(time, time + 1)))
        last = seen.at(slice(max(time - 3, 0), time + 1))
        for one in range(2):
            expected = meta
            for _ in range(2):
                gradient = plain_gradient(method.network, expected, last, one)
                expected = {key: value - 0.3 * gradient[key] for key, value in expected.items()}
            for key, value in expected.items():
                torch.testing.assert_close(memory.adapted[key][one].detach(), value)


def test_grbal_with_nothing_seen_is_theta():
    method, meta = with_parameters(METHODS["GrBAL"]())
    data = windows(3)
    assert data.support.mask.sum(1).tolist() == [0, 1, 2]
    adapted = method.adapted(meta, data.support, False)
    for key, value in meta.items():
        torch.testing.assert_close(adapted[key][0].detach(), value)
        assert not torch.allclose(adapted[key][2].detach(), value)


def test_first_order_grbal_takes_the_gradient_where_it_arrived():
    method, meta = with_parameters(dataclasses.replace(METHODS["GrBAL"](), first_order=True))
    data = windows(3)
    leaves = {key: value.clone().requires_grad_() for key, value in meta.items()}
    found = torch.autograd.grad(method.outer_loss(leaves, data).sum(), list(leaves.values()))
    adapted = method.adapted(meta, data.support, False)
    total = {key: torch.zeros_like(value) for key, value in meta.items()}
    for one in range(3):
        own = {key: value[one].detach() for key, value in adapted.items()}
        for key, gradient in plain_gradient(method.network, own, data.query, one).items():
            total[key] += gradient
    for gradient, expected in zip(found, total.values(), strict=True):
        torch.testing.assert_close(gradient, expected)


def test_online_sgd_goes_on_from_where_it_is():
    method, meta = with_parameters(METHODS["SGD"]())
    seen = steps(2, 7, 2)
    memory = method.adapt(meta, seen)
    for one in range(2):
        expected = meta
        for time in range(7):
            gradient = plain_gradient(method.network, expected, seen.at(slice(max(time - 3, 0), time + 1)), one)
            expected = {key: value - 0.3 * gradient[key] for key, value in expected.items()}
        for key, value in expected.items():
            torch.testing.assert_close(memory.parameters[key][one], value)


@pytest.mark.parametrize("forgetting", [0.9, 1.0])
def test_recursive_least_squares_is_the_weighted_ridge_regression(forgetting):
    """Σ λ^(t−i) ‖Δ_i − W φ_i‖² + λ^t ρ ‖W − W₀‖², solved at once."""
    method, meta = with_parameters(dataclasses.replace(METHODS["RLS"](), forgetting=forgetting))
    model, seen = method.network, steps(2, 12, 2)
    memory = method.adapt(meta, seen)
    for one in range(2):
        own = model.normalisation
        inputs = (torch.cat([seen.observations[one], seen.actions[one]], -1) - own.input_mean) / own.input_std
        hidden = torch.tanh(inputs @ meta["weight0"].T + meta["bias0"])
        features = torch.cat([hidden, torch.ones(12, 1, dtype=torch.float64)], -1).numpy()
        deltas = ((seen.next_observations - seen.observations)[one] - own.delta_mean) / own.delta_std
        first = np.concatenate([meta["weight1"].numpy(), meta["bias1"].numpy()[:, None]], 1)
        weights = forgetting ** np.arange(11, -1, -1.0)[:, None]
        prior = forgetting**12 * 0.5
        normal = features.T @ (weights * features) + prior * np.eye(6)
        solved = np.linalg.solve(normal, features.T @ (weights * deltas.numpy()) + prior * first.T)
        np.testing.assert_allclose(memory.weights[one].numpy(), solved.T, rtol=1e-8, atol=1e-8)


def test_rebal_reads_the_steps_that_were_taken():
    """The memory against torch's own GRU over each past alone; padding changes nothing."""
    method, meta = with_parameters(METHODS["ReBAL"]())
    data = windows(5).support
    theirs = torch.nn.GRU(8, 4, batch_first=True, dtype=torch.float64)
    pairs = {"weight_ih_l0": "input", "weight_hh_l0": "hidden"}
    with torch.no_grad():
        for name, own in pairs.items():
            getattr(theirs, name).copy_(meta[f"reader.weight_{own}"])
            getattr(theirs, name.replace("weight", "bias")).copy_(meta[f"reader.bias_{own}"])
        for one in range(5):
            count, own = int(data.mask[one].sum()), method.network.normalisation
            seen = [part[one, None, :count] for part in data[:3]]
            inputs = (torch.cat(seen[:2], -1) - own.input_mean) / own.input_std
            deltas = (seen[2] - seen[0] - own.delta_mean) / own.delta_std
            expected = theirs(torch.cat([inputs, deltas], -1))[1][0, 0] if count else torch.zeros(4).double()
            torch.testing.assert_close(method.read(meta, data)[one], expected)


def test_members_of_an_ensemble_are_models_alone():
    model = network(probabilistic=True)
    parts = [initial_parameters(network(seed=seed, probabilistic=True)) for seed in range(3)]
    method = Ensemble(model, past=4, future=3)
    meta, data = method.initial(stack_parameters(parts)), windows(6)
    losses = method.outer_loss(meta, data)
    alone = FixedModel(model, past=4, future=3)
    probe = steps(2, 4, 5)
    predicted = method.members(meta, probe.observations, probe.actions)
    for member, own in enumerate(parts):
        share = models.Windows(*(Transitions(*(p[2 * member : 2 * member + 2] for p in half)) for half in data))
        counts = (share.support.mask.sum(1) + 3).double()
        each = torch.stack([alone.outer_loss({k: v.expand(2, *v.shape) for k, v in own.items()}, share)])[0]
        torch.testing.assert_close(losses[member], (each * counts).sum() / counts.sum())
        torch.testing.assert_close(predicted[member], model.predict(own, probe.observations, probe.actions))
    torch.testing.assert_close(method.predict(meta, None, probe.observations, probe.actions), predicted.mean(0))
    many = [alone.outer_loss({k: v.expand(6, *v.shape) for k, v in own.items()}, data) for own in parts]
    counts = (data.support.mask.sum(1) + 3).double()
    order = sorted(range(3), key=lambda m: float((many[m] * counts).sum()))
    elite = method.elite(meta, data, 2)
    torch.testing.assert_close(elite["weight0"][0], parts[order[0]]["weight0"])
    torch.testing.assert_close(elite["weight0"][1], parts[order[1]]["weight0"])


# Training and playing


def pendulum_data(tasks=8, seed=0):
    family = ChangingTasks(DampedPendulum(horizon=40, hidden_sign=True), ["gain"], 20)
    drawn = family.sample_tasks(tasks, seeded(seed), dtype=torch.float64)
    played = rollout(family, drawn, UniformPolicy(family.action_space), {}, 2, seeded(seed + 1))
    return family, Data(transitions_of(played), drawn["change_at"])


def pendulum_method(kind, data):
    options = {"normalisation": fit_normalisation(data.transitions), "dtype": torch.float64}
    make = functools.partial(DynamicsNetwork, 3, 1, (8,), torch.tanh, generator=seeded(), **options)
    if kind is ReBAL:
        return with_parameters(ReBAL(make(context=4), GRU(7, 4, seeded(1), dtype=torch.float64), past=4, future=3))
    return with_parameters(kind(make(), past=4, future=3))


@pytest.mark.parametrize("kind", [FixedModel, GrBAL, ReBAL])
def test_training_learns_and_resumes(kind, tmp_path):
    _, data = pendulum_data()
    method, meta = pendulum_method(kind, data)
    config = TrainConfig(
        iterations=60, meta_batch=16, report_every=20, validation_windows=64, outer_lr=1e-2, shortest=0
    )
    run = functools.partial(models.train, method, meta, data, validation=pendulum_data(4, 7)[1], description=None)
    trained, history = run(config, seeded())
    assert history["iteration"] == [20, 40, 60] and history["validation_loss"][-1] < 0.8 * history["loss"][0]
    file = tmp_path / "checkpoint.pt"

    def stop(iteration, parameters, drawn):
        if iteration == 40:
            signal.raise_signal(signal.SIGINT)

    assert run(config, seeded(), callback=stop, checkpoint=file)[1].interrupted
    again, resumed = run(config, seeded(5), checkpoint=file)
    assert resumed["validation_loss"] == history["validation_loss"]
    assert all(torch.equal(again[name], trained[name]) for name in trained)


def test_validation_is_measured_after_adaptation_and_chooses():
    """An inner step that helps is seen by the validation loss; the best report is what is returned."""
    _, data = pendulum_data()
    method, meta = pendulum_method(GrBAL, data)
    method = dataclasses.replace(method, inner_lr=0.2)
    seen, kept = [], []
    config = TrainConfig(iterations=8, meta_batch=4, report_every=1, validation_windows=64, outer_lr=0.3)
    trained, history = models.train(
        method,
        meta,
        data,
        config,
        seeded(),
        validation=data,
        description=None,
        callback=lambda iteration, parameters, drawn: kept.append(parameters),
    )
    drawn = draw_windows(data, 4, 3, 64, seeded())
    for parameters in kept:
        leaves = {name: value.requires_grad_() for name, value in parameters.items()}
        seen.append(float(method.outer_loss(leaves, drawn).detach().mean()))
    assert history["validation_loss"] == pytest.approx(seen)
    best = min(range(8), key=lambda n: seen[n])
    assert best < 7, "with this step size the last is not the best"
    assert all(torch.equal(trained[name], kept[best][name]) for name in trained)
    last, _ = models.train(
        method, meta, data, dataclasses.replace(config, keep_best=False), seeded(), validation=data, description=None
    )
    assert all(torch.equal(last[name], kept[-1][name]) for name in last)


@pytest.mark.parametrize("kind", [OnlineSGD, LastLayerRLS, GrBAL, ReBAL])
def test_what_is_planned_with_has_learned_from_all_steps_before(kind):
    """The prediction of each step in `adaptation_curve`, made again from the episode by `adapt`."""
    family, data = pendulum_data()
    method, meta = pendulum_method(kind, data)
    tasks = family.sample_tasks(2, seeded(3), "test", torch.float64)
    planner = RandomShooting(horizon=3, candidates=6)
    curve = models.adaptation_curve(method, meta, family, tasks, planner, seeded(4), episodes=2, horizon=8)
    seen = transitions_of(curve.played.trajectories)
    flat = Transitions(*(part.flatten(0, 1) for part in seen))
    for time in range(8):
        memory = method.adapt(meta, flat.at(slice(0, time))) if time else method.start(meta, 4)
        now = flat.at(slice(time, time + 1))
        predicted = method.predict(meta, memory, now.observations, now.actions)
        error = (predicted - now.next_observations).square().reshape(2, 2, 3)
        torch.testing.assert_close(curve.played.errors[:, :, time], error)
    scale = method.network.normalisation.delta_std.square()
    by_hand = (curve.played.errors.flatten(0, 1) / scale).mean(-1)
    torch.testing.assert_close(models.prediction_errors(method, meta, flat), by_hand)
    torch.testing.assert_close(curve.errors, curve.played.errors.mean((1, 3)))
    torch.testing.assert_close(curve.rewards, curve.played.trajectories.rewards.mean(1))


@pytest.mark.slow
def test_least_squares_find_the_sign_that_a_fixed_model_cannot_know():
    """One-step errors on held-out tasks after 25 steps, of one trained network; the force may be reversed."""
    family = ContinuousCartPole(hidden_sign=True, horizon=30)
    parts = []
    for split, number in (("train", 60), ("test", 20)):
        tasks = family.sample_tasks(number, seeded(), split)
        parts.append(transitions_of(rollout(family, tasks, UniformPolicy(family.action_space), {}, 1, seeded(1))))
    data, held_out = Data(parts[0]), Transitions(*(part[:, 0] for part in parts[1]))
    normalisation = fit_normalisation(data.transitions)
    model = DynamicsNetwork(5, 1, (32,), torch.tanh, normalisation=normalisation, generator=seeded())
    method, meta = with_parameters(FixedModel(model, 8, 8))
    config = TrainConfig(iterations=400, meta_batch=32, outer_lr=5e-3, anneal=True, shortest=0)
    meta, _ = models.train(method, meta, data, config, seeded(), description=None)
    fixed, squares = (
        float(models.prediction_errors(one, meta, held_out)[:, 25:].mean())
        for one in (method, LastLayerRLS(model, 8, 8, forgetting=0.98))
    )
    assert squares < 0.5 * fixed, (squares, fixed)


def test_planning_with_a_fixed_model_and_cem():
    family, data = pendulum_data()
    method, meta = pendulum_method(FixedModel, data)
    tasks = family.sample_tasks(2, seeded(3), "ood", torch.float64)
    planner = CEM(horizon=3, candidates=6, elites=2, iterations=2)
    curve = models.adaptation_curve(method, meta, family, tasks, planner, seeded(4), horizon=5)
    assert curve.rewards.shape == curve.errors.shape == (2, 5) and bool(curve.rewards.isfinite().all())
