"""Bad input to `metarl_core.networks`, `metarl_core.parameters`, `metarl_core.training` and the inner loop."""

from pathlib import Path

import gymnasium
import torch

from metarl_core import networks, parameters, training
from metarl_core.meta import adapt, split_rates
from metarl_core.networks import MLP, conv_net_parameters, task_loss
from metarl_core.parameters import initial_parameters, repeat_parameters

LINEAR = torch.nn.Linear(1, 1)
NETWORK = initial_parameters(MLP((2, 3, 1)))
IMAGES = torch.zeros(2, 3, 1, 28, 28)
CONV = repeat_parameters(conv_net_parameters(5, torch.Generator(), channels=2), 2)
OPTIMISER = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)


def mean_square(outputs, targets):
    return (outputs - targets).square().mean()


LOSS = task_loss(LINEAR, mean_square)


def in_another_mode():
    module = torch.nn.Sequential(torch.nn.Linear(1, 1))
    loss, own = task_loss(module, mean_square), repeat_parameters(initial_parameters(module), 2)
    loss(own, torch.zeros(2, 4, 1), torch.zeros(2, 4, 1))
    module.eval()
    return loss(own, torch.zeros(2, 4, 1), torch.zeros(2, 4, 1))


ONE = repeat_parameters(initial_parameters(LINEAR), 2)
RECURRENT = parameters.initial_parameters(networks.GRU(2, 3, torch.Generator("cpu")))

CALLS = [
    ("MLP", lambda: MLP((3,)), "sizes must hold at least two positive widths, got \\[3\\]"),
    ("MLP", lambda: MLP((3, 2.5)), "sizes must be a sequence of widths of at least 1, got"),
    ("MLP", lambda: MLP((3, 1), torch.Generator()), "activation must be a function of a tensor, got"),
    ("MLP", lambda: MLP((3, 1), generator=0), "generator must be a torch.Generator, got 0"),
    ("MLP", lambda: MLP((3, 1), initialisation="zero"), "initialisation must be .*, got 'zero'"),
    ("mlp", lambda: networks.mlp(NETWORK, torch.zeros(4, 3)), "inputs must have"),
    ("mlp", lambda: networks.mlp({}, torch.zeros(4, 3)), "parameters must"),
    ("conv_net_parameters", lambda: conv_net_parameters(0, torch.Generator()), "must be at least 1, got"),
    ("GRU", lambda: networks.GRU(0), "inputs must be at least 1, got 0"),
    ("GRU", lambda: networks.GRU(2, 3.5), "hidden must be a whole number, got 3.5"),
    ("GRU", lambda: networks.GRU(2, 3, 7), "generator must be a torch.Generator, got 7"),
    ("gru", lambda: networks.gru(NETWORK, torch.zeros(4, 5, 2)), "parameters must be those of a GRU, weight_input, "),
    (
        "gru",
        lambda: networks.gru(RECURRENT, torch.zeros(5, 3)),
        r"inputs must have shape \[..., time, 2\], got \[5, 3\]",
    ),
    ("gru", lambda: networks.gru(RECURRENT, torch.zeros(2)), r"inputs must have shape \[..., time, 2\], got \[2\]"),
    (
        "gru",
        lambda: networks.gru(RECURRENT, torch.zeros(4, 5, 2), torch.zeros(5, 3)),
        r"hidden must have shape \[4, 3\] beside these inputs, got \[5, 3\]",
    ),
    (
        "gru",
        lambda: networks.gru({n: v.expand(2, *v.shape) for n, v in RECURRENT.items()}, torch.zeros(4, 5, 2)),
        r"inputs must have shape \[2, ..., time, 2\], got \[4, 5, 2\]",
    ),
    ("gru_step", lambda: networks.gru_step(RECURRENT, torch.zeros(4, 3), torch.zeros(4, 3)), "inputs must have shape"),
    (
        "gru_step",
        lambda: networks.gru_step(RECURRENT, torch.zeros(4, 2), torch.zeros(4, 2)),
        r"hidden must have shape \[4, 3\] beside these inputs, got \[4, 2\]",
    ),
    ("conv_net", lambda: networks.conv_net(CONV, IMAGES[0]), "images must have"),
    ("conv_features", lambda: networks.conv_features(CONV, IMAGES[:, :, 0]), "images must have"),
    (
        "cross_entropy",
        lambda: networks.cross_entropy(torch.zeros(2, 3, 5), torch.zeros(2, 4).long()),
        "targets must have",
    ),
    *(
        (
            "cross_entropy",
            lambda label=label: networks.cross_entropy(torch.zeros(2, 3, 5), torch.full((2, 3), label)),
            f"targets must be labels from 0 to 4, got {label}",
        )
        for label in (5, -1, -100)
    ),
    ("accuracy", lambda: networks.accuracy(torch.zeros(2, 3, 5), torch.zeros(2, 4).long()), "targets must have"),
    (
        "accuracy",
        lambda: networks.accuracy(torch.zeros(2, 3, 5), torch.full((2, 3), 7)),
        "targets must be labels from 0 to 4, got 7",
    ),
    (
        "encode_observation",
        lambda: networks.encode_observation(torch.tensor([9]), gymnasium.spaces.Discrete(3)),
        "observation must hold integers",
    ),
    ("observation_size", lambda: networks.observation_size(gymnasium.spaces.Text(3)), "Discrete or Box space, got"),
    ("task_loss", lambda: task_loss("net", mean_square), "module must be a torch.nn.Module, got 'net'"),
    ("task_loss", lambda: task_loss(LINEAR, "mse"), "criterion must be a function of outputs and targets, got 'mse'"),
    (
        "task_loss",
        lambda: task_loss(LINEAR, mean_square, batched="yes"),
        "batched must be True, False or None, got 'yes'",
    ),
    ("TaskLoss", lambda: LOSS(ONE, torch.zeros(2, 4, 1), torch.zeros(3, 4, 1)), "of the same tasks, got 2 and 3"),
    ("TaskLoss", lambda: LOSS({}, torch.zeros(2, 4, 1), torch.zeros(2, 4, 1)), "parameters must"),
    ("TaskLoss", lambda: LOSS([1], torch.zeros(2, 4, 1), torch.zeros(2, 4, 1)), "parameters must be a dictionary"),
    ("TaskLoss", lambda: LOSS(ONE, [1.0], torch.zeros(2, 4, 1)), "inputs and targets must be tensors, got list and"),
    ("TaskLoss", lambda: LOSS(ONE, torch.zeros(2, 4, 1), torch.zeros(2, 4, 1).double()), "targets must have .*float32"),
    (
        "TaskLoss",
        lambda: task_loss(LINEAR, lambda o, t: 3.0)(ONE, torch.zeros(2, 4, 1), torch.zeros(2, 4, 1)),
        r"what criterion gives for a task must have shape \[\], got float",
    ),
    ("TaskLoss", in_another_mode, "module must stay in the mode of the first call"),
    ("task_loss", lambda: task_loss(torch.nn.LazyLinear(2), mean_square), "called once, for the shape of its lazy"),
    ("copy_parameters", lambda: parameters.copy_parameters([1]), "must be a dictionary of tensors, got list"),
    ("detach_parameters", lambda: parameters.detach_parameters(LINEAR), "must be a dictionary .*, got Linear"),
    ("leaf_parameters", lambda: parameters.leaf_parameters(None), "must be a dictionary of tensors, got NoneType"),
    ("trainable_parameters", lambda: parameters.trainable_parameters([1]), "must be a dictionary of tensors"),
    ("initial_parameters", lambda: initial_parameters(NETWORK), "module must be a Module, got dict"),
    ("repeat_parameters", lambda: repeat_parameters(NETWORK, 1.5), "tasks must be a whole number, got 1.5"),
    ("stack_parameters", lambda: parameters.stack_parameters([1, 2]), "must be a dictionary of tensors, got int"),
    ("select_parameters", lambda: parameters.select_parameters(NETWORK, "a"), "learner must be a whole number"),
    ("save_parameters", lambda: parameters.save_parameters(NETWORK, "no such/x.pt"), "in a folder that exists"),
    ("GeneratorState", lambda: training.GeneratorState(3), "generator must be a torch.Generator, got 3"),
    (
        "LiveParameters",
        lambda: training.LiveParameters({"w": torch.ones(2)}).load_state_dict({"w": torch.ones(1)}),
        r"such as w of shape \[2\] and torch.float32, got w of shape \[1\]",
    ),
    ("training_loop", lambda: training.training_loop(print, 2.5, {}), "iterations must be a whole number, got 2.5"),
    ("repeat_parameters", lambda: repeat_parameters(NETWORK, 0), "tasks must be at least 1, got 0"),
    ("stack_parameters", lambda: parameters.stack_parameters([]), "many must hold at least one set of parameters"),
    ("stack_parameters", lambda: parameters.stack_parameters([NETWORK, {}]), "same names and shapes"),
    (
        "select_parameters",
        lambda: parameters.select_parameters(NETWORK, 7),
        "learner must be a row of weight0 .* got 7",
    ),
    ("trainable_copy", lambda: parameters.trainable_copy(NETWORK, 2), "leading axis of 2 learners"),
    ("has_task_axis", lambda: parameters.has_task_axis(torch.zeros(2), 3), "must have 3 axes, or 4 with a task axis"),
    ("dtype_of", lambda: parameters.dtype_of({}), "parameters must hold at least one tensor, got none"),
    ("clip_grad_norm", lambda: parameters.clip_grad_norm(ONE, 0.0), "largest must be above 0, got 0.0"),
    ("clip_grad_norm", lambda: parameters.clip_grad_norm(ONE, 1.0), "parameters must have gradients"),
    (
        "save_parameters",
        lambda: parameters.save_parameters([1], Path("x.pt")),
        "must be a dictionary of tensors, got list",
    ),
    (
        "load_parameters",
        lambda: parameters.load_parameters(__file__),
        "must be a complete file written by save_parameters",
    ),
    ("check_optimiser", lambda: training.check_optimiser("adam"), "optimiser must be a function of tensors and lr"),
    (
        "make_optimiser",
        lambda: training.make_optimiser(lambda tensors, lr: None, [torch.zeros(1)], 0.1),
        "optimiser must return an optimiser such as torch.optim.AdamW, got NoneType",
    ),
    ("training_loop", lambda: training.training_loop(print, -1, {}), "iterations must be at least 0, got -1"),
    ("adapt", lambda: adapt(ONE, [], 0.1, steps=2), "at least 0 steps and one loss for each, got 2 steps, 0 losses"),
    ("adapt", lambda: adapt(ONE, lambda p: p["w"], 0.1, only=("w",)), "only must name parameters"),
    ("split_rates", lambda: split_rates(NETWORK), "lacks a learned rate for weight0"),
]
EXEMPT = {
    "HEAD": "a constant",
    "Criterion": "a type",
    "Parameters": "a type",
    "Callback": "a type",
    "Counter": "a number as a Stateful",
    "History": "a record",
    "Metrics": "a type",
    "OptimiserFactory": "a type",
    "Stateful": "a protocol",
    "linear_schedule": "a formula for any numbers",
    "set_lr": "hands a number to torch's optimiser, which checks its own",
    "adam": "torch's optimiser, which checks its own arguments",
    "sgd": "torch's optimiser, which checks its own arguments",
    "memory": "a module",
    "models": "a module",
    "policies": "a module",
    "supervised": "a module",
    "values": "a module",
}
