"""The one training loop: interrupts after whole iterations, own copies for callbacks, checkpoints with exact resume."""

import contextlib
import functools
import os
import signal
import threading

import pytest
import torch

from metarl_core.agents import GaussianPolicy
from metarl_core.arguments import in_words
from metarl_core.meta import MAML, MetaSGD, PolicyMAML, Reptile, policies, supervised
from metarl_core.meta.supervised import Joint
from metarl_core.networks import MLP, mlp
from metarl_core.parameters import initial_parameters
from metarl_core.tasks import PointNavigation, Sinusoids
from metarl_core.training import GeneratorState, History, adam, sgd, training_loop


def counted(stop_at=None, how=None):
    """An iteration that adds 1 to the parameters, and once interrupts itself in the middle."""
    parameters = {"w": torch.zeros(2)}

    def iterate(iteration):
        with torch.no_grad():
            parameters["w"] += 0.5
            if iteration == stop_at:
                how()
            parameters["w"] += 0.5
        return {"loss": float(iteration)}, "data"

    return parameters, iterate


def press():
    """Ctrl-C, as a terminal or Jupyter sends it."""
    os.kill(os.getpid(), signal.SIGINT)


def test_history_has_one_entry_a_report():
    parameters, iterate = counted()
    history = training_loop(iterate, 4, parameters, description=None)
    assert history == {"iteration": [1, 2, 3, 4], "loss": [0.0, 1.0, 2.0, 3.0]}
    assert not history.interrupted and history.iterations == history.planned == 4
    history = training_loop(lambda i: iterate(i) if i % 2 else None, 4, parameters, description=None)
    assert history == {"iteration": [2, 4], "loss": [1.0, 3.0]}


def test_an_interrupt_waits_for_the_end_of_the_iteration(capsys):
    parameters, iterate = counted(2, press)
    before = signal.getsignal(signal.SIGINT)
    history = training_loop(iterate, 10, parameters, description="work", shown="loss")
    assert parameters["w"].tolist() == [3.0, 3.0]  # the third iteration was finished
    assert history.interrupted and history.iterations == 3 and len(history["loss"]) == 3
    assert "Interrupted after 3 of 10 iterations." in capsys.readouterr().out
    assert torch.is_grad_enabled() and signal.getsignal(signal.SIGINT) is before


def test_a_second_interrupt_breaks_off_and_grad_mode_is_put_back():
    def twice():
        press()
        torch.set_grad_enabled(False)  # as inside a function decorated by no_grad
        press()

    parameters, iterate = counted(2, twice)
    history = training_loop(iterate, 10, parameters, description=None)
    assert history.iterations == 2 and parameters["w"].tolist() == [2.5, 2.5]
    assert torch.is_grad_enabled()


def test_an_interrupt_in_a_nested_loop_ends_the_outer_one_after_its_iteration():
    inner_histories = []

    def outer(iteration):
        parameters, iterate = counted(1, press if iteration == 1 else lambda: None)
        inner_histories.append(training_loop(iterate, 5, parameters, description=None))
        return {"loss": 0.0}, None

    history = training_loop(outer, 4, {}, description=None)
    assert history.iterations == 2
    assert [inner.iterations for inner in inner_histories] == [5, 5]  # an inner loop is part of an iteration


def test_a_loop_outside_the_main_thread_runs():
    parameters, iterate = counted()
    thread = threading.Thread(target=training_loop, args=(iterate, 3, parameters), kwargs={"description": None})
    thread.start()
    thread.join()
    assert parameters["w"].tolist() == [3.0, 3.0]


def test_callbacks_get_copies_of_their_own():
    parameters, iterate = counted()
    kept = []
    training_loop(iterate, 3, parameters, description=None, callback=lambda *arguments: kept.append(arguments))
    assert [(iteration, own["w"][0].item(), data) for iteration, own, data in kept] == [
        (1, 1.0, "data"),
        (2, 2.0, "data"),
        (3, 3.0, "data"),
    ]
    kept[-1][1]["w"].zero_()
    assert parameters["w"].tolist() == [3.0, 3.0]


FAMILY = Sinusoids()


def sample(tasks, generator):
    return FAMILY.sample_few_shot(tasks, 5, 5, generator)


def loss(parameters, inputs, targets):
    return (mlp(parameters, inputs) - targets).square().mean((1, 2))


METHODS = {
    "MAML": (MAML(loss), {"optimiser": adam}),
    "Meta-SGD, drawn at once": (MetaSGD(loss), {"batches_at_once": 7}),
    "Reptile": (Reptile(loss, minibatch=5), {"optimiser": sgd, "anneal": True, "batches_at_once": 4}),
}


class Stopped(Exception):
    """The kernel dies."""


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("stops", [(1,), (5, 9), (13,)])
def test_a_resumed_training_is_the_uninterrupted_one(name, stops, tmp_path, monkeypatch):
    monkeypatch.setattr("metarl_core.training.loop.SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    method, options = METHODS[name]
    config = supervised.TrainConfig(iterations=17, meta_batch=3, report_every=4, **options)
    start = method.initial(initial_parameters(MLP((1, 8, 1), generator=torch.Generator().manual_seed(0))))

    def run(stop, path):
        calls = 0

        def dying(tasks, generator):
            nonlocal calls
            return sample(tasks, generator)

        def direction(meta, data):
            nonlocal calls
            calls += 1
            if calls == stop:
                raise Stopped
            return method.direction(meta, data)

        generator = torch.Generator().manual_seed(1)
        return supervised.train(
            method, start, dying, config, generator, description=None, direction=direction, checkpoint=path
        )

    whole, whole_history = run(None, None)
    path = tmp_path / "run.pt"
    for stop in stops:
        with pytest.raises(Stopped):
            run(stop, path)
    resumed, history = run(None, path)
    assert all(torch.equal(value, resumed[key]) for key, value in whole.items())
    assert history == whole_history and not history.interrupted
    again, _ = run(1, path)  # nothing is left to do
    assert all(torch.equal(value, again[key]) for key, value in whole.items())


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    path = tmp_path / "run.pt"
    start = initial_parameters(MLP((1, 8, 1)))

    def run(**changes):
        config = supervised.TrainConfig(iterations=2, meta_batch=2, **changes)
        supervised.train(MAML(loss), start, sample, config, torch.Generator(), description=None, checkpoint=path)

    run()
    with pytest.raises(ValueError, match="checkpoint of a training with other settings"):
        run(outer_lr=0.5)
    path.write_bytes(b"no checkpoint")
    with pytest.raises(ValueError, match="must be a complete checkpoint"):
        run()


@pytest.mark.parametrize("change", [{"reward": "sparse"}, {"horizon": 7}, {"hidden": (5,)}, {"activation": torch.tanh}])
def test_a_checkpoint_knows_family_and_network(change, tmp_path):
    def run(reward="distance", horizon=5, **network):
        family = PointNavigation(reward, horizon=horizon)
        spaces = family.observation_space, family.action_space
        policy = GaussianPolicy(*spaces, **{"hidden": (4,), **network}, generator=torch.Generator().manual_seed(0))
        method, config = PolicyMAML(family, policy, episodes=2), policies.TrainConfig(iterations=1, meta_batch=2)
        path = tmp_path / "run.pt"
        policies.train(method, initial_parameters(policy), config, torch.Generator(), description=None, checkpoint=path)

    run()
    run()
    with pytest.raises(ValueError, match="other settings|parameters like those of this training") as caught:
        run(**change)
    assert len(str(caught.value)) < 500


def test_a_checkpoint_is_not_broadcast(tmp_path):
    """Parameters of another network's shapes are refused, also where torch would copy them into these."""
    config = supervised.TrainConfig(iterations=1, meta_batch=2)
    for start in ({"w": torch.zeros(1, 1)}, {"w": torch.zeros(3, 1)}, {"w": torch.zeros(1, 1).double()}):
        like = contextlib.nullcontext() if start["w"].shape == (1, 1) and start["w"].dtype == torch.float32 else None
        with like or pytest.raises(ValueError, match="parameters like those of this training"):
            supervised.train(
                MAML(lambda p, x, y: p["w"].square().sum((1, 2))),
                start,
                sample,
                config,
                torch.Generator(),
                description=None,
                checkpoint=tmp_path / "run.pt",
            )


@pytest.mark.parametrize("method", [MAML, MetaSGD, functools.partial(Reptile, adam=True), Reptile, Joint])
def test_gradients_are_taken_whatever_the_callers_grad_mode(method):
    method, config = method(loss), supervised.TrainConfig(iterations=2, meta_batch=2)
    start = method.initial(initial_parameters(MLP((1, 8, 1))))

    def run():
        meta, _ = supervised.train(method, start, sample, config, torch.Generator().manual_seed(0), description=None)
        data = sample(2, torch.Generator().manual_seed(1))
        return meta, supervised.adaptation_curve(method, meta, data), method.direction(meta, data)[0]

    meta, curve, direction = run()
    with torch.no_grad():
        again, same, alike = run()
        assert not torch.is_grad_enabled()
    assert torch.equal(curve, same)
    for name, value in meta.items():
        assert torch.equal(value, again[name]) and torch.equal(direction[name], alike[name])


def test_generators_are_put_back():
    generator = torch.Generator().manual_seed(3)
    state = GeneratorState(generator).state_dict()
    first = torch.rand(3, generator=generator)
    GeneratorState(generator).load_state_dict(state)
    assert torch.equal(torch.rand(3, generator=generator), first)


def test_history_of_a_resumed_training_goes_on():
    history = History(5, 2, {"loss": (3.0, 2.0)})
    assert history["loss"] == [3.0, 2.0] and history.interrupted
    with pytest.raises(ValueError, match="iterations must be at least 0, got -1"):
        training_loop(lambda i: None, -1, {})


def test_settings_in_words_are_the_same_in_every_process():
    said = in_words(supervised.TrainConfig(optimiser=functools.partial(adam, eps=1e-5))) + in_words(MAML(loss))
    assert "0x" not in said and "optimiser=adam with () {'eps': 1e-05}" in said and "inner_lr=0.01" in said


def test_a_checkpoint_knows_the_methods_step_size(tmp_path):
    start, config = initial_parameters(MLP((1, 8, 1))), supervised.TrainConfig(iterations=1, meta_batch=2)
    for rate, fits in ((0.01, True), (0.01, True), (0.5, False)):
        with contextlib.nullcontext() if fits else pytest.raises(ValueError, match="with other settings"):
            supervised.train(
                MAML(loss, rate),
                start,
                sample,
                config,
                torch.Generator(),
                description=None,
                checkpoint=tmp_path / "run.pt",
            )
