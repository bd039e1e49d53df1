"""Every explorer survives every one of its controls, and each control does something."""

import functools
import io

import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from widget_walker import walk

from metarl_core.agents import GaussianPolicy, QNetwork, q_update
from metarl_core.exact import enumeration, estimators, planes
from metarl_core.meta import (
    MAML,
    QMAML,
    Joint,
    MemoryAgent,
    MetaSGD,
    NewTaskConfig,
    PlainDQN,
    Prototypes,
    models,
    supervised,
)
from metarl_core.meta.memory import play_trials
from metarl_core.networks import GRU, HEAD, MLP, conv_features, conv_net, conv_net_parameters, cross_entropy, mlp
from metarl_core.parameters import initial_parameters
from metarl_core.tasks import (
    BernoulliBandits,
    FewShot,
    GridGoals,
    ImageClasses,
    PointNavigation,
    RotatedKeys,
    Sinusoids,
)
from metarl_core.widgets import (
    InnerLoop,
    Learner,
    bandit_memory_explorer,
    budget_explorer,
    few_shot_explorer,
    imagined_fan_explorer,
    inner_loop_explorer,
    maml_landscape_explorer,
    meta_gradient_explorer,
    policy_adaptation_explorer,
    policy_gradient_explorer,
    q_adaptation_explorer,
    q_value_explorer,
    task_explorer,
)
from metarl_core.widgets import bandit_memory as memory_module
from metarl_core.widgets import few_shot as few_shot_module
from metarl_core.widgets import imagined_fan as fan_module
from metarl_core.widgets import inner_loops as inner_module
from metarl_core.widgets import policy_adaptation as adaptation_module
from metarl_core.widgets import q_values as q_module


def policy_adaptation():
    """Chapter 08's explorer on an untrained policy and on one that is a little off."""
    family = PointNavigation()
    policy = GaussianPolicy(family.observation_space, family.action_space, generator=torch.Generator().manual_seed(0))
    start = initial_parameters(policy)
    off = {name: value + 0.05 for name, value in start.items()}
    return policy_adaptation_explorer(family, policy, {"MAML": start, "random initialisation": off})


def budget():
    """Chapter 01's explorer on two made-up learners, one of which never gets far."""
    fast = Learner([-40.0, -10.0, -5.0], [0.0, 2e3, 4e3], training=4e6, search=1e6)
    slow = Learner([-70.0, -30.0, -20.0], [0.0, 2e4, 8e4])
    return budget_explorer({"MAML": fast, "from scratch": slow})


def q_values():
    """Chapter 03's explorer after a short walk."""
    return q_value_explorer(steps=6_000)


def few_shot():
    """Chapter 07's explorer with small untrained networks; the pictures of a class are noise with more noise on it."""
    generator = torch.Generator().manual_seed(0)
    classes, noise = (torch.rand(24, n, 28, 28, generator=generator) for n in (1, 10))
    data = ImageClasses(
        (classes + noise) / 2, ["A"] * 8 + ["B"] * 8 + ["C"] * 8, {"train": "A", "test": "B", "ood": "C"}
    )

    def loss(parameters, inputs, targets):
        return cross_entropy(conv_net(parameters, inputs), targets)

    network = conv_net_parameters(5, generator, channels=8)
    return few_shot_explorer(
        data,
        {
            "random initialisation": (Joint(loss, 0.05), network),
            "prototypes": (Prototypes(loss, conv_features, HEAD), network),
        },
    )


def inner_loops():
    """Chapter 06's explorer on a small untrained network, with one rate and with a rate for each parameter."""
    start = initial_parameters(MLP((1, 6, 1), generator=torch.Generator().manual_seed(0)))
    rates = {name: torch.full_like(value, 0.02) for name, value in start.items()}
    learners = {"one rate": InnerLoop(start, 0.01, "black", "o"), "many": InnerLoop(start, rates, "red", "X")}
    return inner_loop_explorer(learners, tasks=8)


def meta_gradient():
    """Chapter 09's explorer with few episodes."""
    return meta_gradient_explorer(number=1024)


def q_adaptation():
    """Chapter 10's explorer on a small untrained network, with inner steps and with updates of DQN."""
    family = RotatedKeys()
    spaces = family.observation_space, family.action_space
    network = QNetwork(*spaces, (16,), torch.Generator().manual_seed(0))
    start = {name: value[None] for name, value in network.initial_parameters().items()}
    methods = QMAML(family, network, inner_lr=0.03), PlainDQN(family, network)
    learners = {"MAML": (methods[0], start), "pre-trained": (methods[1], start)}
    return q_adaptation_explorer(learners, NewTaskConfig(batch_size=32, burst=5))


def bandit_memory():
    """Chapter 11's explorer on a small untrained memory."""
    return bandit_memory_explorer(*small_memory(), pulls=8)


def small_memory():
    family, generator = BernoulliBandits(3, 8), torch.Generator().manual_seed(0)
    make = functools.partial(GRU, hidden=6)
    agent = MemoryAgent(family.observation_space, family.action_space, make, generator=generator)
    return agent, {name: 3 * value for name, value in initial_parameters(agent).items()}


def imagined_fan():
    """Chapter 12's explorer on small untrained models."""
    network = models.DynamicsNetwork(5, 1, (8,), torch.tanh, generator=torch.Generator().manual_seed(0))
    start = initial_parameters(network)
    return imagined_fan_explorer(
        {"least squares": (models.LastLayerRLS(network), start), "GrBAL": (models.GrBAL(network), start)}
    )


EXPLORERS = [
    task_explorer,
    budget,
    q_values,
    policy_gradient_explorer,
    maml_landscape_explorer,
    few_shot,
    inner_loops,
    policy_adaptation,
    meta_gradient,
    q_adaptation,
    bandit_memory,
    imagined_fan,
]


@pytest.mark.in_turn(4)
@pytest.mark.parametrize("explorer", EXPLORERS)
def test_explorer(explorer):
    walk(explorer())


def test_mean_moves_are_those_of_the_policy():
    """Without noise, from each place of the grid by itself."""
    family = PointNavigation()
    policy = GaussianPolicy(family.observation_space, family.action_space, generator=torch.Generator().manual_seed(1))
    start = initial_parameters(policy)
    places, moves = adaptation_module.mean_moves(policy, start, 0.8)
    assert places.shape == moves.shape == (81, 2) and np.abs(places).max() == np.float32(0.8)
    for place, move in zip(places[::20], moves[::20], strict=True):
        expected = policy.distribution(start, torch.from_numpy(place)).mean.clamp(-1, 1)
        np.testing.assert_allclose(move, expected.detach(), rtol=1e-5, atol=1e-6)


def test_q_values_are_those_of_q_learning_and_end_near_the_optimum():
    """Along one walk, one update at a time by the package, and the greedy policy at the end by value iteration."""
    family = GridGoals(walls=q_module.WALLS, start=(6, 0))
    walk = q_module._random_walk(family, q_module.GOAL, 20_000, q_module.SLIP, 0)
    table, visits = torch.zeros(1, 49, 4, dtype=torch.float64), torch.zeros(49, 4)
    for cell, action, reward, following in walk[:3000].tolist():
        visits[cell, action] += 1
        step = [torch.tensor([value]) for value in (cell, action, reward, following, following == q_module.GOAL)]
        table = q_update(table, *step, 0.9, float(visits[cell, action]) ** -0.6)
    learned = q_module.learn_from_a_walk(walk, q_module.GOAL, 49, (0.7, 0.9), (0.6, 1.0), [3000, 20_000])
    assert table.max() > 0 and learned.shape == (2, 2, 2, 49, 4)
    torch.testing.assert_close(torch.from_numpy(learned[0, 1, 0]), table[0])
    optimal = q_module._optimum(family, 0.9)
    assert np.abs(learned[1, 1, 0] - optimal)[family.distance[family.start].isfinite()].max() < 0.2


def test_advantage_estimates_are_priced_exactly():
    """With the exact values and no discount no λ biases the gradient, which is that of the exact return."""
    transitions, rewards, logits = enumeration.small_mdp()
    leaf = logits.clone().requires_grad_()
    value = torch.zeros(3, dtype=torch.float64)
    for _ in range(enumeration.HORIZON):
        value = (leaf.softmax(-1) * (rewards + transitions @ value)).sum(-1)
    (exact,) = torch.autograd.grad(value.mean(), leaf)
    _, _, probabilities, earned, scores = enumeration.all_trajectories()
    estimates = scores.sum(1) * earned.sum(1, keepdim=True)
    torch.testing.assert_close(probabilities @ estimates, exact.flatten())
    exactly = enumeration.gae_bias_and_variance(1.0, (0.0, 0.5, 1.0), 0.0)
    assert exactly[:, 0].max() < 1e-12 and (np.diff(exactly[:, 1]) > 0).all()
    assert (np.diff(enumeration.gae_bias_and_variance(1.0, (0.0, 0.5, 1.0), 1.0)[:, 0]) < 0).all()


@pytest.mark.parametrize("time", [fan_module.BEFORE - 5, fan_module.BEFORE + 5])
def test_true_futures_are_those_of_the_episode(time):
    """The first step of a plan leads where the body leads that holds at that step, and no other."""
    seen = fan_module.episode(-8.0, 0.3, 0)
    now, plans, true = fan_module.fan(seen, time, -8.0, 0.3, 0)
    assert plans.shape == (1, fan_module.FAN, fan_module.AHEAD, 1) and bool((plans.abs() <= 1).all())
    family, tasks = fan_module.changed(-8.0, 0.3)
    family = family.family
    for params in ({"force": torch.tensor([[-8.0]]), "mass_pole": torch.tensor([[0.3]])}, {}):
        position, velocity, cosine, sine, turning = now[0, 0]
        state = torch.stack([position, velocity, torch.atan2(sine, cosine), turning])[None, None]
        params = {name: value[:, None] for name, value in family.default_params.items()} | params
        ends = family.observation(family.transition(state, plans[:, :1, 0], None, params), None, params)
        same = torch.allclose(ends[0, 0], true[0, 0], atol=1e-5)
        assert same == (("force" in params and float(params["force"]) < 0) == (time >= fan_module.BEFORE))


@pytest.mark.parametrize("bend", [0.0, 1.0])
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_landscape_directions_are_those_of_the_package(steps, bend):
    """Gradients by hand in the explorer, by automatic differentiation in `MAML`; and the closed form where it holds."""
    tasks, theta = planes.landscape(bend=bend), np.array([0.4, -0.7])

    def loss(parameters, curvature, centre):
        offset = parameters["theta"] - centre[:, 0]
        q = 0.5 * torch.einsum("ti,tij,tj->t", offset, curvature[:, 0], offset)
        return torch.log1p(bend * q) / bend if bend else q

    data = [torch.from_numpy(value[:, None]) for value in (tasks.curvature, tasks.centre)]
    for method, first_order, inner in (("MAML", False, steps), ("FOMAML", True, steps), ("joint training", False, 0)):
        package = MAML(loss, 0.4, inner, first_order).direction(
            {"theta": torch.from_numpy(theta)}, FewShot(*data, *data)
        )
        by_hand = planes.meta_direction(tasks, theta, 0.4, steps, method)
        np.testing.assert_allclose(by_hand, package[0]["theta"].numpy(), rtol=1e-10)
        rest = planes.resting_point(tasks, 0.4, steps, method)
        assert np.linalg.norm(planes.meta_direction(tasks, rest, 0.4, steps, method)) < 1e-6
        if bend == 0:
            power = {"MAML": 2 * steps, "FOMAML": steps, "joint training": 0}[method]
            factor = [a @ np.linalg.matrix_power(np.eye(2) - 0.4 * a, power) for a in tasks.curvature]
            weighted = np.einsum("tij,tj->i", factor, tasks.centre)
            np.testing.assert_allclose(rest, np.linalg.solve(np.sum(factor, 0), weighted), atol=1e-5)


def test_few_shot_decisions_are_those_of_one_step_after_another():
    """Against gradients taken one at a time, and against distances to the class means."""
    data = ImageClasses(torch.rand(16, 10, 28, 28, generator=torch.Generator().manual_seed(1)), "A" * 16, {"test": "A"})
    network = conv_net_parameters(5, torch.Generator().manual_seed(2), channels=4)
    task = data.sample_few_shot(1, 5, 2, 5, torch.Generator().manual_seed(3), "test")

    def loss(parameters, inputs, targets):
        return cross_entropy(conv_net(parameters, inputs), targets)

    shown = few_shot_module.decide(data, Joint(loss, 0.1), network, "test", 2, 3, by_support=True)
    current = {name: value[None].requires_grad_() for name, value in network.items()}
    for step in range(few_shot_module.STEPS + 1):
        expected = conv_net(current, task.query_inputs, task.support_inputs).softmax(-1)[0].detach()
        np.testing.assert_allclose(shown.probabilities[step], expected.numpy(), atol=1e-4)
        slopes = torch.autograd.grad(loss(current, *task[:2]).sum(), list(current.values()))
        moved = [value - 0.1 * slope for value, slope in zip(current.values(), slopes, strict=True)]
        current = {name: value.detach().requires_grad_() for name, value in zip(current, moved, strict=True)}
    method = Prototypes(loss, conv_features, HEAD)
    shown = few_shot_module.decide(data, method, network, "test", 2, 3, by_support=False)
    near, far = (conv_features({n: v[None] for n, v in network.items()}, x)[0] for x in task[::2])
    nearest = torch.cdist(far, near.unflatten(0, (5, 2)).mean(1)).argmin(1)
    assert (shown.probabilities.argmax(-1) == nearest.numpy()).all()


def toy(draw):
    """A slider, a dropdown, a checkbox and a button over a figure that `draw` may spoil."""
    image = widgets.Image(format="png")
    height = widgets.FloatSlider(1.0, min=0.5, max=2.0, description="height")
    colour = widgets.Dropdown(options=["C0", "C1"], description="colour")
    grid = widgets.Checkbox(False, description="grid")
    button = widgets.Button(description="again")
    clicks = [0]

    def update(_=None):
        shown = draw(height.value, colour.value, grid.value, clicks[0])
        figure, axes = plt.subplots(figsize=(1, 1))
        axes.plot([0, 1], [0, shown[0]], color=shown[1], lw=1 + shown[3])
        axes.set_ylim(0, 2)
        axes.grid(shown[2])
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png")
        plt.close(figure)
        image.value = buffer.getvalue()

    def click(_):
        clicks[0] += 1
        update()

    for control in (height, colour, grid):
        control.observe(update, "value")
    button.on_click(click)
    update()
    return widgets.VBox([widgets.HBox([height, colour, grid, button]), image])


def test_walker_is_content_with_a_good_explorer():
    made = walk(toy(lambda *state: state))
    assert made == {"FloatSlider height": 3, "Dropdown colour": 2, "Checkbox grid": 2, "Button again": 2}


def test_walker_hears_an_exception_and_says_where():
    with pytest.raises(ZeroDivisionError) as caught:
        walk(toy(lambda height, *rest: (1 / (height - 2), *rest)))
    assert caught.value.__notes__ == ["raised at FloatSlider height = 2.0"]


def test_walker_notices_a_control_that_does_nothing():
    with pytest.raises(AssertionError, match="never change the picture: Dropdown colour"):
        walk(toy(lambda height, colour, grid, clicks: (height, "C0", grid, clicks)))


def test_walker_wants_a_png_and_a_control():
    with pytest.raises(AssertionError, match="not a PNG"):
        walk(widgets.VBox([widgets.Image(value=b""), widgets.IntSlider()]))
    with pytest.raises(AssertionError, match=r"no widgets\.Image"):
        walk(widgets.IntSlider())
    with pytest.raises(AssertionError, match="no control"):
        walk(widgets.Image(value=b""))


def test_errors_along_the_inner_loop_are_those_of_the_methods():
    """At any factor on the step sizes: MAML's with one rate, Meta-SGD's with a rate for each parameter."""
    generator = torch.Generator().manual_seed(0)
    start = initial_parameters(MLP((1, 6, 1), generator=generator))
    data = Sinusoids().sample_few_shot(7, 5, 9, generator)
    rates = {name: 0.05 * torch.rand(value.shape, generator=generator) - 0.01 for name, value in start.items()}
    one = inner_module.errors_along(InnerLoop(start, 0.01, "", ""), data, (0.5, 2.0), 3)
    many = inner_module.errors_along(InnerLoop(start, rates, "", ""), data, (0.5, 2.0), 3)
    assert one.shape == (2, 4)
    for place, factor in enumerate((0.5, 2.0)):
        maml = supervised.adaptation_curve(MAML(inner_loss, 0.01 * factor), start, data, range(4)).mean(0)
        scaled = start | {"rate." + name: factor * value for name, value in rates.items()}
        meta_sgd = supervised.adaptation_curve(MetaSGD(inner_loss), scaled, data, range(4)).mean(0)
        torch.testing.assert_close(one[place], maml)
        torch.testing.assert_close(many[place], meta_sgd)


def inner_loss(parameters, inputs, targets):
    return (mlp(parameters, inputs) - targets).square().mean((1, 2))


@pytest.mark.parametrize("baseline", [True, False])
def test_sampled_terms_of_the_meta_gradient_have_the_exact_mean(baseline):
    """The sums over the episodes estimate ∇J and ∇²J, and H₂ vanishes with the exact value function as baseline."""
    logits, number = estimators.small_mdp()[2], 2**16
    episodes = estimators.draw_episodes(4, baseline, number, seed=3)

    def off(samples, exact):
        return (((samples.mean(0) - exact) / (samples.std(0) / number**0.5 + 1e-12)).abs()).max()

    def value(flat):
        return estimators.expected_return(flat.view_as(logits), 4)

    exact, _ = estimators.policy_gradient(logits, 4)
    torch.testing.assert_close(exact, torch.func.grad(value)(logits.flatten()))
    hessian = torch.func.hessian(value)(logits.flatten())
    assert off(episodes.gradient, exact) < 5
    assert off(episodes.h1 + episodes.h2 + episodes.h12, hessian) < 5
    assert (off(episodes.h2, 0 * hessian) < 5) == baseline
    assert off(episodes.h1 + episodes.h2, hessian) > 10


def test_the_true_meta_gradient_is_the_mean_of_naive_and_sampling_term():
    """Two unbiased estimates of one gradient: by difference, and as E-MAML has it; the others are off."""
    episodes = estimators.draw_episodes(3, False, 2**16)
    found, truth = estimators.meta_gradients(episodes, 4, 2.0, 3)
    for name, estimates in found.items():
        error = (estimates.mean(0) - truth).norm()
        spread = (estimates.var(0).sum() / len(estimates)).sqrt()
        assert (error < 3 * spread) == (name == "naive + sampling term"), name


def test_a_memory_reads_what_others_pull_as_it_reads_its_own_play():
    agent, parameters = small_memory()
    family = BernoulliBandits(3, 8)
    tasks = family.sample_tasks(1, torch.Generator().manual_seed(1))
    own = play_trials(family, tasks, agent, parameters, 1, 1, torch.Generator().manual_seed(2))
    arms, rewards = own.actions[0, 0].tolist(), own.rewards[0, 0].tolist()
    found = memory_module.read(agent, parameters, arms, rewards)
    chosen = torch.from_numpy(found.chances[:-1]).log().gather(-1, own.actions[0, 0, :, None])[:, 0]
    torch.testing.assert_close(chosen, own.log_probabilities[0, 0])
    assert found.states.shape == (9, 6)


def test_all_who_pull_meet_the_same_luck_and_buttons_hold_what_was_pulled():
    luck, means = np.array([[0.2, 0.9], [0.6, 0.1]]), np.array([0.5, 0.5])
    assert memory_module.paid(luck, means, [1, 0, 1, 0]) == [0.0, 1.0, 1.0, 0.0]
    pulling = memory_module.Pulling(2, 3)
    for button in (0, 1, 1, 0):  # the fourth pull is one too many
        pulling.children[button].click()
    assert pulling.value == (0, 1, 1)
    pulling.children[2].click()
    assert pulling.value == (0, 1)
    pulling.children[3].click()
    assert pulling.value == ()


def test_principal_axes_are_those_of_largest_variance():
    rng = np.random.default_rng(0)
    states = rng.normal(size=(4000, 3)) * [0.1, 3.0, 1.0] + 5
    centre, axes = memory_module.principal_axes(states)
    np.testing.assert_allclose(centre, 5, atol=0.2)
    np.testing.assert_allclose(np.abs(axes), [[0, 1, 0], [0, 0, 1]], atol=0.05)
