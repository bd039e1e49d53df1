"""Bad input to `metarl_core.meta.supervised`."""

import torch

from metarl_core.meta import supervised
from metarl_core.meta.supervised import MAML, Joint, MetaSGD, Prototypes, Reptile
from metarl_core.networks import MLP, mlp
from metarl_core.parameters import initial_parameters, repeat_parameters
from metarl_core.tasks import FewShot, Sinusoids

NETWORK = initial_parameters(MLP((1, 4, 1)))
DATA = Sinusoids().sample_few_shot(3, 5, 2, torch.Generator())


def loss(parameters, inputs, targets):
    return (mlp(parameters, inputs) - targets).square().mean((1, 2))


def sample(tasks, generator):
    return Sinusoids().sample_few_shot(tasks, 5, 2, generator)


def other_tasks(method):
    return lambda: method.adapt(method.initial(NETWORK), DATA.support_inputs, DATA.support_targets[:2])


def config(**settings):
    return lambda: supervised.TrainConfig(**settings)


METHOD = MAML(loss)


def trained(method=METHOD, meta=NETWORK, sample=sample, config=None, generator=None, **named):
    config = supervised.TrainConfig(iterations=1, meta_batch=2) if config is None else config
    generator = torch.Generator() if generator is None else generator
    return lambda: supervised.train(method, meta, sample, config, generator, description=None, **named)


def curve(method=METHOD, meta=NETWORK, data=DATA, **named):
    return lambda: supervised.adaptation_curve(method, meta, data, **named)


OTHER_QUERY = DATA._replace(query_inputs=DATA.query_inputs[:2])
PROTOTYPES = Prototypes(loss, lambda parameters, inputs: inputs, ("weight1", "bias1"))

CALLS = [
    ("MAML", lambda: MAML(loss, inner_lr=-1.0), "inner_lr must be at least 0, got -1.0"),
    *(
        (kind.__name__, lambda kind=kind: kind(loss, inner_lr=float("inf")), "inner_lr must be finite, got inf")
        for kind in (MAML, Reptile, Joint)
    ),
    ("MAML", lambda: MAML(loss, inner_lr="x"), "inner_lr must be at least 0, got 'x'"),
    ("MAML", lambda: MAML(loss, inner_steps=2.5), "inner_steps must be a whole number, got 2.5"),
    ("MAML", lambda: MAML(loss, first_order="no"), "first_order must be True or False, got 'no'"),
    ("MAML", lambda: MAML(loss, only="weight0"), "only must be names of parameters, or None, got 'weight0'"),
    ("MAML", lambda: MAML(loss).initial([1]), "parameters must be a dictionary .*, got list"),
    ("MAML", lambda: MAML(loss).adapt(NETWORK, *DATA[:2], 1.5), "steps must be a whole number, got 1.5"),
    ("MAML", lambda: MAML(loss).direction(NETWORK, tuple(DATA)), "data must have .* got tuple without support_inputs"),
    ("MAML", lambda: MAML(loss).direction(NETWORK, OTHER_QUERY), "same tasks everywhere, got 3, 3, 2, 3 tasks"),
    ("MetaSGD", lambda: MetaSGD(loss, initial_rates=0.1), "initial_rates must be two increasing numbers, got 0.1"),
    ("MetaSGD", lambda: MetaSGD(loss, initial_rates=(1, 2, 3)), "initial_rates must be two increasing numbers"),
    ("MetaSGD", lambda: MetaSGD(loss).adapt([1], *DATA[:2]), "meta must be a dictionary of tensors, got list"),
    ("Reptile", lambda: Reptile(loss, inner_lr=None), "inner_lr must be at least 0, got None"),
    ("Reptile", lambda: Reptile(loss, minibatch=1.5), "minibatch must be a whole number, got 1.5"),
    ("Reptile", lambda: Reptile(loss).adapt(NETWORK, *DATA[:2], -1), "steps must be at least 0, got -1"),
    ("Reptile", lambda: Reptile(loss).direction(NETWORK, OTHER_QUERY), "same tasks everywhere"),
    ("Joint", lambda: Joint(loss, inner_lr="x"), "inner_lr must be at least 0, got 'x'"),
    ("Joint", lambda: Joint(loss).direction(NETWORK, OTHER_QUERY), "same tasks everywhere"),
    ("Prototypes", lambda: Prototypes(loss, None, ("a", "b")), "features must be a function of .*, got None"),
    ("Prototypes", lambda: Prototypes(loss, len, "ab"), "head must be the names of a weight and a bias, got 'ab'"),
    ("Prototypes", lambda: PROTOTYPES.adapt(NETWORK, *DATA[:2]), "targets must be labels .*, got torch.float32"),
    ("train", trained(method=None), "method must have .*, got NoneType without direction"),
    ("train", trained(meta=MLP((1, 4, 1))), "meta must be a dictionary .*, got MLP"),
    ("train", trained(meta={"w": torch.ones(1).long()}), r"meta\['w'\] must be .*, got torch.int64"),
    ("train", trained(meta={"w": 1.0}), r"meta\['w'\] must be .*, got float"),
    ("train", trained(sample=DATA), "sample must be a function of a number of tasks and a generator"),
    ("train", trained(sample=lambda n, g: tuple(sample(n, g))), "what sample draws must have .* got tuple without"),
    ("train", trained(config={}), "config must be a TrainConfig, got dict"),
    ("train", trained(generator=1), "generator must be a torch.Generator, got 1"),
    ("train", trained(callback=3), "callback must be a function of .*, got 3"),
    ("train", trained(direction=3), "direction must be a function of .*, got 3"),
    ("train", trained(checkpoint=3), "checkpoint must be the path of a file, or None, got '3'"),
    ("train", trained(checkpoint="."), "checkpoint must be the path of a file, or None, got '.'"),
    ("adaptation_curve", curve(data=tuple(DATA)), "data must have .* got tuple without support_inputs"),
    ("adaptation_curve", curve(steps=3), "steps must be numbers of at least 0, got 3"),
    ("adaptation_curve", curve(steps=(0, 1.5)), "steps must be numbers of at least 0"),
    ("adaptation_curve", curve(measure=3), "measure must be a function of .*, got 3"),
    ("batches", lambda: supervised.batches(DATA, 1.5), "size must be a whole number, got 1.5"),
    ("MAML", lambda: MAML(loss, inner_steps=-1), "inner_steps must be at least 0, got -1"),
    ("MAML", lambda: MAML("mse"), "loss must be a function of parameters, inputs and targets, got 'mse'"),
    ("MAML", other_tasks(MAML(loss)), "inputs and targets must be of the same tasks, got 3 and 2"),
    ("MAML", lambda: MAML(loss, only=("head",)).direction(NETWORK, DATA), "only must name parameters"),
    ("MetaSGD", lambda: MetaSGD(loss, initial_rates=(0.1, 0.01)), "initial_rates must be two increasing numbers"),
    ("MetaSGD", other_tasks(MetaSGD(loss)), "inputs and targets must be of the same tasks"),
    ("MetaSGD", lambda: MetaSGD(loss).direction(NETWORK, DATA), "lacks a learned rate for weight0"),
    ("Reptile", lambda: Reptile(loss, inner_steps=0), "inner_steps must be at least 1, got 0"),
    ("Reptile", lambda: Reptile(loss, minibatch=0), "minibatch must be at least 1, got 0"),
    ("Reptile", other_tasks(Reptile(loss)), "inputs and targets must be of the same tasks"),
    ("Joint", lambda: Joint(loss, inner_steps=-1), "inner_steps must be at least 0, got -1"),
    ("Joint", other_tasks(Joint(loss)), "inputs and targets must be of the same tasks"),
    ("Prototypes", lambda: Prototypes(loss, len, ("weight",)), "head must be the names of a weight and a bias"),
    (
        "Prototypes",
        lambda: PROTOTYPES.adapt(NETWORK, torch.zeros(1, 2, 1), torch.tensor([[1, 1]])),
        "at least one sample of each class",
    ),
    ("TrainConfig", config(iterations=-1), "iterations must be at least 0, got -1"),
    ("TrainConfig", config(meta_batch=0), "meta_batch must be at least 1, got 0"),
    ("TrainConfig", config(outer_lr=0.0), "outer_lr must be above 0, got 0.0"),
    ("TrainConfig", config(outer_lr="fast"), "outer_lr must be above 0, got 'fast'"),
    ("TrainConfig", config(chunk=0), "chunk must be at least 1, got 0"),
    ("TrainConfig", config(optimiser="adam"), "optimiser must be a function of tensors and lr"),
    (
        "train",
        lambda: supervised.train(
            MAML(loss), {}, sample, supervised.TrainConfig(iterations=1), torch.Generator(), description=None
        ),
        "meta must be a dictionary of at least one tensor, got none",
    ),
    (
        "train",
        lambda: supervised.train(
            MAML(loss),
            NETWORK,
            lambda n, g: sample(2, g),
            supervised.TrainConfig(iterations=1, meta_batch=3),
            torch.Generator(),
            description=None,
        ),
        "sample must draw the 3 tasks that it is asked for, got 2",
    ),
    (
        "adaptation_curve",
        lambda: supervised.adaptation_curve(MAML(loss), NETWORK, DATA, [-1]),
        "steps must be numbers of at least 0, got \\[-1\\]",
    ),
    ("adaptation_curve", lambda: supervised.adaptation_curve(MAML(loss), NETWORK, DATA, []), "steps must be numbers"),
    ("batches", lambda: supervised.batches(DATA, 0), "size must be at least 1, got 0"),
    ("in_chunks", lambda: supervised.in_chunks(MAML(loss).direction, NETWORK, DATA, 0), "chunk must be at least 1"),
    (
        "adapt_by_adam",
        lambda: supervised.adapt_by_adam(repeat_parameters(NETWORK, 3), [], 0.1, beta=1.0),
        "beta must be in \\[0, 1\\), got 1.0",
    ),
    (
        "trace_direction",
        lambda: supervised.trace_direction(MAML(loss), NETWORK, DATA)(NETWORK, FewShot(*(v[:2] for v in DATA))),
        "traced for shapes .*; trace again for these",
    ),
]
EXEMPT = {
    "DataLoss": "a type",
    "Direction": "a type",
    "Method": "a protocol",
    "Sample": "a type",
    "gradient_of": "calls the function that it is given; what that says is its own",
}
