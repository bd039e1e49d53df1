"""The recipes of experiments in the exercises of chapters 05 to 07: trainings of several seeds side by side."""

import numpy as np
import pytest
import torch

from metarl_core.check.ch06.own_rates import predicted
from metarl_core.meta import MAML
from metarl_core.randomness import seeded
from metarl_core.recipes import own_rates, pulses, training_ways
from metarl_core.tasks import FewShot


@pytest.mark.parametrize("second_order", [True, False])
def test_a_seed_of_pulses_learns_the_same_beside_others(second_order):
    alone, together = (pulses.learn(seeds, 0.05, second_order, 3) for seeds in ([4], [7, 4]))
    for name, value in alone.items():
        torch.testing.assert_close(together[name][1:], value, rtol=1e-3, atol=1e-4)
        assert not torch.equal(together["weight0"][0], together["weight0"][1])


@pytest.mark.parametrize("second_order", [True, False])
def test_directions_of_pulses_are_the_packages(second_order):
    theta = pulses.learn([0], 0.05, True, 0)
    tasks = pulses.sample_tasks(3, seeded(1))
    x, y = (part.double() for part in pulses._points(tasks, seeded(2)))
    mine = pulses.directions(theta, 0.1, second_order, x.float()[None], y.float()[None])

    def loss(parameters, inputs, targets):
        for layer in range(3):
            inputs = inputs @ parameters[f"weight{layer}"].mT + parameters[f"bias{layer}"].unsqueeze(-2)
            inputs = inputs.tanh() if layer < 2 else inputs
        return (inputs - targets).square().mean((1, 2))

    method = MAML(loss, 0.1, pulses.STEPS, first_order=not second_order)
    point = {name: value[0].double() for name, value in theta.items()}
    s = pulses.SUPPORT
    theirs, _ = method.direction(point, FewShot(x[:, :s], y[:, :s], x[:, s:], y[:, s:]))
    for name, value in theirs.items():
        torch.testing.assert_close(mine[name][0].mean(0).double(), value, rtol=1e-3, atol=1e-5)


def test_a_bill_of_pulses_and_their_splits():
    assert pulses.iterations(False) * 3 <= pulses.BUDGET >= pulses.iterations(True) * 7
    train, test = (pulses.sample_tasks(40, seeded(1), split)["height"] for split in ("train", "test"))
    assert not set(train.tolist()) & set(test.tolist())


def test_errors_of_pulses_are_finite_where_steps_diverge():
    theta, tasks = pulses.learn([0, 1], 0.1, True, 0), pulses.sample_tasks(5, seeded(3), "test")
    assert pulses.errors(theta, 0.1, tasks).shape == (2, 5) == pulses.cosines(theta, 0.1, tasks).shape
    assert float(pulses.errors(theta, 1e6, tasks).max()) <= pulses.MOST
    torch.testing.assert_close(pulses.cosines(theta, 0.0, tasks), torch.ones(2, 5), rtol=1e-4, atol=1e-4)


def test_learned_rates_come_to_the_predicted_ones_in_closed_form():
    curvatures = [3.0, 1.0, 0.3, 0.2]
    own = own_rates.learn(curvatures, list(range(8)), True)
    np.testing.assert_allclose(own["rates"].mean(0), predicted(curvatures), rtol=0.05)
    assert float(own["theta"].abs().max()) < 0.2


def test_the_predicted_rates_are_the_best_by_simulation():
    """The expected loss over many tasks, of the rates and of each of them a little larger or smaller."""
    curvatures, zero = [2.0, 0.5, 0.1, 0.1], torch.zeros(1, 4)
    tasks, best = own_rates.sample_tasks(curvatures, 200_000, seeded(0)), torch.as_tensor(predicted(curvatures)).float()
    loss = lambda rates: float(own_rates.losses({"theta": zero, "rates": rates[None]}, curvatures, tasks).mean())  # noqa: E731
    assert all(loss(best) < loss(best * (1 + 0.2 * sign * row)) for row in torch.eye(4) for sign in (-1, 1))


def test_seeds_of_rates_and_of_letters_are_the_same_beside_others():
    alone, together = (own_rates.learn([2.0, 0.1], seeds, True, 20) for seeds in ([4], [7, 4]))
    for name, value in alone.items():
        torch.testing.assert_close(together[name][1:], value, rtol=1e-4, atol=1e-5)


@pytest.mark.in_turn(2)
@pytest.mark.slow
def test_letters_are_those_of_the_split_and_seeds_do_not_meet():
    train, test = (training_ways.episodes(30, 5, 2, seeded(1), split) for split in ("train", "test"))
    assert train.shape == (30, 5, 3, training_ways.PIXELS) and 0 <= float(train.min()) <= float(train.max()) <= 1
    assert not torch.isclose(train.flatten(0, 2)[:, None], test.flatten(0, 2)[None], atol=1e-6).all(-1).any()
    alone, together = (training_ways.learn(20, seeds, 3) for seeds in ([4], [7, 4]))
    for name, value in alone.items():
        torch.testing.assert_close(together[name][1:], value, rtol=1e-3, atol=1e-4)
    before = training_ways.accuracies(training_ways.learn(5, [0], 0), test)
    assert before.shape == (1, 30) and 0.25 < float(before.mean()) < 0.6


@pytest.mark.slow
def test_class_means_of_letters_are_those_of_cdist():
    theta, images = training_ways.learn(5, [3], 0), training_ways.episodes(4, 5, 3, seeded(2), "test")
    features = (images @ theta["weight0"][0].T + theta["bias0"][0]).relu() @ theta["weight1"][0].T
    nearest = torch.stack([torch.cdist(f[:, 1:].flatten(0, 1), f[:, 0]).argmin(-1) for f in features])
    right = (nearest == torch.arange(5).repeat_interleave(3)).float().mean(1)
    torch.testing.assert_close(training_ways.accuracies(theta, images)[0], right)
