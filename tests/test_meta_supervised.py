"""Meta-gradients on supervised tasks, in float64: finite differences, closed forms, Taylor terms, plain loops."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from metarl_core.meta import MAML, Joint, MetaSGD, Prototypes, Reptile, adapt, supervised, trace_direction
from metarl_core.networks import MLP, mlp
from metarl_core.parameters import initial_parameters, repeat_parameters
from metarl_core.tasks import FewShot, Sinusoids
from metarl_core.training import adam, sgd

HEAD = ("weight2", "bias2")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def squared(activation=torch.tanh):
    return lambda p, x, y: (mlp(p, x, activation) - y).square().mean((1, 2))


def network(sizes=(1, 4, 4, 1), seed=0):
    return {name: value.double() for name, value in initial_parameters(MLP(sizes, torch.tanh, seeded(seed))).items()}


def sinusoids(tasks=3, support=5, query=6, seed=1):
    family = Sinusoids()
    drawn = family.sample_tasks(tasks, seeded(seed))
    parts = [family.sample_data(drawn, n, seeded(seed + n)) for n in (support, query)]
    return FewShot(*(value.double() for part in parts for value in part))


def methods(steps=1):
    loss = squared()
    return {
        "MAML": MAML(loss, 0.1, steps),
        "FOMAML": MAML(loss, 0.1, steps, first_order=True),
        "ANIL": MAML(loss, 0.1, steps, only=HEAD),
        "MetaSGD": MetaSGD(loss, steps),
        "Reptile": Reptile(loss, 0.1, steps + 1, minibatch=4),
        "Reptile, Adam": Reptile(loss, 0.01, steps + 1, minibatch=4, adam=True),
        "joint": Joint(loss),
    }


def central_differences(function, parameters, shift=1e-5):
    """∂ function / ∂ parameters, entry by entry."""
    result = {}
    for name, value in parameters.items():
        slope = torch.zeros_like(value)
        for place in np.ndindex(*value.shape):
            sides = []
            for sign in (1, -1):
                moved = {key: entry.clone() for key, entry in parameters.items()}
                moved[name][place] += sign * shift
                sides.append(float(function(moved)))
            slope[place] = (sides[0] - sides[1]) / (2 * shift)
        result[name] = slope
    return result


@pytest.mark.parametrize("steps", [1, 2, 5])
@pytest.mark.parametrize("name", ["MAML", "ANIL", "MetaSGD", "joint"])
def test_meta_gradient_by_finite_differences(name, steps):
    method, data = methods(steps)[name], sinusoids()
    meta = method.initial(network(), seeded(2))
    gradients, losses = method.direction(meta, data)
    numeric = central_differences(lambda moved: method.outer_loss(moved, data).mean().detach(), meta)
    assert losses.shape == (3,) and list(gradients) == list(meta)
    for key, slope in numeric.items():
        torch.testing.assert_close(gradients[key], slope, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_first_order_maml_by_finite_differences(steps):
    """FOMAML's direction is the gradient of the query loss with respect to θ' itself."""
    method, data = methods(steps)["FOMAML"], sinusoids()
    meta = network()
    adapted = {k: v.detach() for k, v in method.adapt(meta, data.support_inputs, data.support_targets).items()}

    def query(moved):
        shifted = {key: adapted[key] + moved[key] for key in moved}
        return method.loss(shifted, data.query_inputs, data.query_targets).mean().detach()

    numeric = central_differences(query, {key: torch.zeros_like(value) for key, value in meta.items()})
    first, exact = method.direction(meta, data)[0], methods(steps)["MAML"].direction(meta, data)[0]
    for key, slope in numeric.items():
        torch.testing.assert_close(first[key], slope, rtol=1e-5, atol=1e-8)
        assert not torch.allclose(first[key], exact[key], rtol=1e-3)


# Quadratics: everything is known

SIZE = 3


def quadratic(parameters, curvature, centre):
    """Mean over samples of ½ (θ − c)ᵀ A (θ − c); curvature `[task, sample, 3, 3]`, centre `[task, sample, 3]`."""
    offset = parameters["theta"][:, None] - centre
    return 0.5 * torch.einsum("tsi,tsij,tsj->ts", offset, curvature, offset).mean(1)


def quadratics(tasks=4, samples=1, seed=0):
    random = np.random.default_rng(seed)
    root = random.normal(size=(2, tasks, samples, SIZE, SIZE))
    curvature = torch.from_numpy(root @ root.swapaxes(-1, -2) / SIZE)
    centre = torch.from_numpy(random.normal(size=(2, tasks, samples, SIZE)))
    return FewShot(curvature[0], centre[0], curvature[1], centre[1])


THETA = {"theta": torch.tensor([0.3, -1.0, 0.5], dtype=torch.float64)}


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_closed_form_on_quadratics(steps):
    """MAML: (I − αA)^K A_q (θ_K − c_q); FOMAML drops the factors; Meta-SGD: I − A diag(α), and ∂/∂α for one step."""
    data = quadratics()
    curvature, centre = data.support_inputs[:, 0], data.support_targets[:, 0]
    query_curvature, query_centre = data.query_inputs[:, 0], data.query_targets[:, 0]
    theta, rates = THETA["theta"].expand(4, SIZE), torch.tensor([0.2, -0.1, 0.05], dtype=torch.float64)

    def after(rate):
        current = theta
        for _ in range(steps):
            current = current - rate * torch.einsum("tij,tj->ti", curvature, current - centre)
        return torch.einsum("tij,tj->ti", query_curvature, current - query_centre)

    identity = torch.eye(SIZE, dtype=torch.float64)
    factor = torch.matrix_power(identity - 0.1 * curvature, steps)
    expected = {
        "MAML": torch.einsum("tij,tj->ti", factor, after(0.1)).mean(0),
        "FOMAML": after(0.1).mean(0),
        "MetaSGD": torch.einsum(
            "tij,tj->ti", torch.matrix_power(identity - curvature * rates, steps), after(rates)
        ).mean(0),
    }
    found = {
        "MAML": MAML(quadratic, 0.1, steps).direction(THETA, data)[0]["theta"],
        "FOMAML": MAML(quadratic, 0.1, steps, first_order=True).direction(THETA, data)[0]["theta"],
    }
    both = MetaSGD(quadratic, steps).direction(THETA | {"rate.theta": rates}, data)[0]
    found["MetaSGD"] = both["theta"]
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-12, atol=1e-12)
    if steps == 1:
        inner = torch.einsum("tij,tj->ti", curvature, theta - centre)
        torch.testing.assert_close(both["rate.theta"], -(inner * after(rates)).mean(0), rtol=1e-12, atol=1e-12)


def test_reptile_of_one_step_is_joint_training():
    data = quadratics(samples=2)
    joint = Joint(quadratic).direction(THETA, data)[0]["theta"]
    reptile = Reptile(quadratic, 0.1, inner_steps=1).direction(THETA, data)[0]["theta"]
    torch.testing.assert_close(reptile, 0.1 * joint, rtol=1e-12, atol=1e-12)


def taylor_terms(data):
    """g = E[g_i] and G = ½ ∇E[g_i · g_j] over minibatches i ≠ j of one task; a minibatch is one sample."""
    curvature, centre = data.support_inputs[0], data.support_targets[0]
    slopes = torch.einsum("sij,sj->si", curvature, THETA["theta"] - centre)
    pairs = list(itertools.permutations(range(len(slopes)), 2))
    inner = sum(curvature[i] @ slopes[j] for i, j in pairs) / len(pairs)  # E[H_i g_j] = ½ ∇E[g_i · g_j]
    return slopes.mean(0), inner


def over_orders(direction, data, samples):
    """Mean of `direction(data)` over all orders of the samples of the only task."""
    orders = list(itertools.permutations(range(samples)))
    results = []
    for order in orders:
        mixed = FewShot(*(value[:, list(order)] for value in data[:2]), *(value[:, :0] for value in data[2:]))
        results.append(direction(mixed))
    return torch.stack(results).mean(0)


def nested(first_order, inner_lr):
    """(FO)MAML with all samples but the last as inner minibatches, and the last as query data."""

    def direction(data):
        theta = THETA["theta"].clone().requires_grad_()
        parts = [
            lambda p, s=s: quadratic(p, data.support_inputs[:, s : s + 1], data.support_targets[:, s : s + 1])
            for s in range(data.support_inputs.shape[1])
        ]
        adapted = adapt(repeat_parameters({"theta": theta}, 1), parts[:-1], inner_lr, create_graph=not first_order)
        return torch.autograd.grad(parts[-1](adapted).sum(), theta)[0]

    return direction


def reptile(rate, steps):
    """Reptile's direction with one sample a step."""
    return lambda data: Reptile(quadratic, rate, steps, minibatch=1).direction(THETA, data)[0]["theta"]


def test_taylor_terms_of_two_steps_are_exact():
    """k = 2 on quadratics: Reptile 2g − αG, FOMAML g − αG, without a remainder; MAML g − 2αG and a term in α²."""
    data, rate = quadratics(tasks=1, samples=2, seed=3), 0.1
    g, inner = taylor_terms(data)

    measured = over_orders(reptile(rate, 2), data, 2) / rate
    torch.testing.assert_close(measured, 2 * g - rate * inner, rtol=1e-12, atol=1e-12)
    fomaml = over_orders(nested(True, rate), data, 2)
    torch.testing.assert_close(fomaml, g - rate * inner, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("steps", [2, 3, 4])
def test_taylor_terms_of_more_steps(steps):
    """The second term of each expansion (Nichol et al. 2018, section 5.1); the remainder falls with α²."""
    data = quadratics(tasks=1, samples=steps, seed=4)
    g, inner = taylor_terms(data)
    for name, (scale, weight) in {
        "Reptile": (steps, steps * (steps - 1) / 2),
        "FOMAML": (1, steps - 1),
        "MAML": (1, 2 * (steps - 1)),
    }.items():
        remainder = []
        for rate in (2e-3, 1e-3):
            if name == "Reptile":
                measured = over_orders(reptile(rate, steps), data, steps) / rate
            else:
                measured = over_orders(nested(name == "FOMAML", rate), data, steps)
            remainder.append(float((measured - scale * g + weight * rate * inner).norm()))
            assert remainder[-1] < 0.05 * float((weight * rate * inner).norm())
        assert remainder[0] < 1e-10 or remainder[0] / remainder[1] == pytest.approx(4, rel=0.05)


# Tasks do not touch each other, and nothing changes in place


@pytest.mark.parametrize("name", list(methods()))
def test_no_leak_and_nothing_in_place(name):
    method, data = methods(2)[name], sinusoids(tasks=5)
    meta = method.initial(network(), seeded(2))
    before = {key: value.clone() for key, value in meta.items()}

    def adapted(order):
        part = FewShot(*(value[order] for value in data))
        return method.adapt(meta, part.support_inputs, part.support_targets)

    everything = adapted([0, 1, 2, 3, 4])
    for order in ([4, 2, 0, 1, 3], [3], [1, 1, 2]):
        for key, value in adapted(order).items():
            torch.testing.assert_close(value, everything[key][order], rtol=1e-12, atol=1e-12)
    method.direction(meta, data)
    for key, value in meta.items():
        assert torch.equal(value, before[key]) and value.grad is None and not value.requires_grad
    mean = method.direction(meta, data)[0]
    single = [method.direction(meta, FewShot(*(value[[task]] for value in data)))[0] for task in range(5)]
    for key, value in mean.items():
        torch.testing.assert_close(value, torch.stack([one[key] for one in single]).mean(0), rtol=1e-10, atol=1e-12)


def test_same_numbers_as_a_plain_loop():
    """MAML of one task after another with `create_graph`, written for one task without a task axis."""
    data, meta, rate, steps = sinusoids(tasks=4), network(), 0.1, 3
    leaves = {name: value.clone().requires_grad_() for name, value in meta.items()}
    total = 0.0
    for task in range(4):
        current = dict(leaves)
        for _ in range(steps):
            loss = (mlp(current, data.support_inputs[task], torch.tanh) - data.support_targets[task]).square().mean()
            gradients = torch.autograd.grad(loss, list(current.values()), create_graph=True)
            current = {k: v - rate * g for (k, v), g in zip(current.items(), gradients, strict=True)}
        total += (mlp(current, data.query_inputs[task], torch.tanh) - data.query_targets[task]).square().mean() / 4
    expected = dict(zip(leaves, torch.autograd.grad(total, list(leaves.values())), strict=True))
    found, losses = MAML(squared(), rate, steps).direction(meta, data)
    assert float(losses.mean()) == pytest.approx(float(total.detach()), rel=1e-12)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-10, atol=1e-12)


def test_anil_moves_the_head_only():
    method, data = methods(3)["ANIL"], sinusoids()
    adapted = method.adapt(network(), data.support_inputs, data.support_targets)
    for name, value in adapted.items():
        moved = bool((value != network()[name]).any())
        assert moved == (name in HEAD)


@settings(max_examples=15, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 5), min_size=2, max_size=5),
    tasks=st.integers(1, 4),
    support=st.integers(1, 5),
    query=st.integers(1, 5),
    steps=st.integers(0, 3),
    seed=st.integers(0, 1000),
)
def test_any_architecture(sizes, tasks, support, query, steps, seed):
    """For any network and any data: a directional derivative of MAML's outer loss, and independence of the tasks."""
    generator = seeded(seed)
    meta = network(sizes, seed)
    data = FewShot(
        *(
            torch.randn(tasks, n, width, generator=generator, dtype=torch.float64)
            for n, width in ((support, sizes[0]), (support, sizes[-1]), (query, sizes[0]), (query, sizes[-1]))
        )
    )
    method = MAML(squared(), 0.05, steps)
    gradients, losses = method.direction(meta, data)
    way = {name: torch.randn(value.shape, generator=generator, dtype=torch.float64) for name, value in meta.items()}
    sides = []
    for sign in (1, -1):
        moved = {name: value + sign * 1e-5 * way[name] for name, value in meta.items()}
        sides.append(float(method.outer_loss(moved, data).mean().detach()))
    slope = sum(float((gradients[name] * way[name]).sum()) for name in meta)
    assert slope == pytest.approx((sides[0] - sides[1]) / 2e-5, rel=1e-4, abs=1e-6)
    alone = method.direction(meta, FewShot(*(value[:1] for value in data)))[1]
    torch.testing.assert_close(alone, losses[:1], rtol=1e-10, atol=1e-12)


# Reptile's inner Adam, prototypes


def test_inner_adam_is_torch_adam():
    data, meta = sinusoids(tasks=2), network()
    method = Reptile(squared(), 0.02, inner_steps=6, minibatch=2, adam=True)
    found = method.adapt(meta, data.support_inputs, data.support_targets)
    for task in range(2):
        leaves = {name: value.clone().requires_grad_() for name, value in meta.items()}
        optimiser = torch.optim.Adam(leaves.values(), lr=0.02, betas=(0.0, 0.999))
        for step in range(6):
            piece = [(2 * step + place) % 5 for place in range(2)]  # whole, from the beginning again after the last
            inputs, targets = data.support_inputs[task, piece], data.support_targets[task, piece]
            optimiser.zero_grad()
            (mlp(leaves, inputs, torch.tanh) - targets).square().mean().backward()
            optimiser.step()
        for name, value in leaves.items():
            torch.testing.assert_close(found[name][task], value.detach(), rtol=1e-8, atol=1e-10)


def test_prototypes_are_nearest_means():
    generator = seeded(5)
    body = MLP((4, 6), generator=generator)
    meta = {name: value.double() for name, value in initial_parameters(body).items()}
    labels = torch.tensor([[0, 1, 2, 0, 1, 2, 2], [2, 1, 0, 0, 1, 1, 0]])
    support, query = (torch.randn(2, n, 4, generator=generator, dtype=torch.float64) for n in (7, 5))

    def logits(parameters, inputs):
        features = mlp({name: parameters[name] for name in ("weight0", "bias0")}, inputs)
        return torch.baddbmm(parameters["bias1"][:, None], features, parameters["weight1"].mT)

    def loss(parameters, inputs, targets):
        chances = logits(parameters, inputs).log_softmax(-1)
        return -chances.gather(-1, targets[..., None])[..., 0].mean(1)

    method = Prototypes(loss, mlp, ("weight1", "bias1"))
    found = logits(method.adapt(method.initial(meta), support, labels), query).softmax(-1)
    features, embedded = mlp(repeat_parameters(meta, 2), support), mlp(repeat_parameters(meta, 2), query)
    for task in range(2):
        means = torch.stack([features[task][labels[task] == c].mean(0) for c in range(3)])
        distance = (embedded[task][:, None] - means).square().sum(-1)
        torch.testing.assert_close(found[task], (-distance).softmax(-1), rtol=1e-10, atol=1e-12)
    data = FewShot(support, labels, query, torch.randint(3, (2, 5), generator=generator))
    gradients, _ = method.direction(meta, data)
    numeric = central_differences(lambda moved: method.outer_loss(moved, data).mean().detach(), meta)
    for name, slope in numeric.items():
        torch.testing.assert_close(gradients[name], slope, rtol=1e-5, atol=1e-8)
    with pytest.raises(ValueError, match="at least one sample of each class"):
        method.adapt(meta, support, torch.full_like(labels, 2))


# Tracing and training


@pytest.mark.parametrize("name", list(methods()))
def test_traced_direction_gives_the_same_numbers(name):
    method = methods(2)[name]
    meta = method.initial(network(), seeded(2))
    fast = trace_direction(method, meta, sinusoids())
    other = {key: value + 0.1 for key, value in meta.items()}
    for parameters, data in ((meta, sinusoids()), (other, sinusoids(seed=7))):
        slow, quick = method.direction(parameters, data), fast(parameters, data)
        torch.testing.assert_close(quick[1], slow[1], rtol=1e-10, atol=1e-12)
        for key, value in slow[0].items():
            torch.testing.assert_close(quick[0][key], value, rtol=1e-10, atol=1e-12)
    with pytest.raises(ValueError, match="traced for shapes"):
        fast(meta, sinusoids(tasks=2))


def sample(tasks, generator):
    return Sinusoids().sample_few_shot(tasks, 5, 5, generator)


@pytest.mark.parametrize("name", list(methods()))
def test_training_lowers_the_loss(name):
    method = methods(1)[name]
    start = initial_parameters(MLP((1, 20, 20, 1), torch.tanh, seeded()))
    meta = method.initial(start, seeded(2))
    reptile = name.startswith("Reptile")
    config = supervised.TrainConfig(
        iterations=300,
        meta_batch=10,
        outer_lr=0.5 if reptile else 3e-3,
        optimiser=sgd if reptile else adam,
        anneal=reptile,
        batches_at_once=50,
        chunk=100,
    )
    learned, history = supervised.train(method, meta, sample, config, seeded(3))
    assert history["iteration"] == [100, 200, 300] and len(history["loss"]) == 3
    test = sample(100, seeded(4))
    before, after = (supervised.adaptation_curve(method, m, test, (1,)).mean() for m in (meta, learned))
    assert float(after) < 0.95 * float(before)
    again, _ = supervised.train(method, meta, sample, config, seeded(3))
    assert all(torch.equal(value, again[key]) for key, value in learned.items())


def test_interrupt_keeps_what_was_learned():
    seen = []

    def stop(iteration, meta, data):
        seen.append(meta)
        if iteration == 20:
            raise KeyboardInterrupt

    start = initial_parameters(MLP((1, 8, 1), torch.tanh, seeded()))
    config = supervised.TrainConfig(iterations=1000, meta_batch=5, report_every=10)
    learned, history = supervised.train(MAML(squared()), start, sample, config, seeded(), callback=stop)
    assert history["iteration"] == [10, 20] and len(seen) == 2
    assert all(torch.equal(value, seen[-1][name]) for name, value in learned.items())


def test_errors_say_what_is_allowed():
    start = {"w": torch.zeros(2, 3)}
    with pytest.raises(ValueError, match="at least 0 steps and one loss for each"):
        adapt(start, [lambda p: p["w"].sum(1)], 0.1, steps=2)
    with pytest.raises(ValueError, match="only must name parameters"):
        adapt(start, lambda p: p["w"].sum(1), 0.1, only=("v",))
    meta = initial_parameters(MLP((1, 8, 1), torch.tanh, seeded()))
    with pytest.raises(ValueError, match="optimiser must be a function"):
        supervised.train(MAML(squared()), meta, sample, supervised.TrainConfig(optimiser="lbfgs"), seeded())
    with pytest.raises(FloatingPointError, match="smaller step size"):
        supervised.train(
            MAML(squared(torch.relu), 1e20),
            meta,
            sample,
            supervised.TrainConfig(iterations=200, meta_batch=5),
            seeded(),
        )
