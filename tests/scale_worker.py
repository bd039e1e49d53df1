"""A training that several processes share, each started by tests/test_scale.py with its rank in the environment.

    python tests/scale_worker.py METHOD RESULT CHECKPOINT [ITERATION]

writes what it learned to RESULT; CHECKPOINT may be "none". Rank 1 dies before ITERATION, without a word.
"""

import os
import sys

import torch

from metarl_core.meta import MAML, MetaSGD, Reptile, supervised
from metarl_core.networks import MLP, mlp
from metarl_core.parameters import initial_parameters
from metarl_core.randomness import seeded
from metarl_core.scale import join, spread
from metarl_core.tasks import FewShot, Sinusoids
from metarl_core.training import loop

TASKS = 7
"""that neither two nor three processes can share evenly"""
CONFIG = supervised.TrainConfig(iterations=6, meta_batch=TASKS, outer_lr=0.01, report_every=1, batches_at_once=2)


def loss(parameters, inputs, targets):
    return (mlp(parameters, inputs, torch.tanh) - targets).square().mean((1, 2))


METHODS = {
    "MAML": MAML(loss, 0.1, 2),
    "MetaSGD": MetaSGD(loss, 1),
    "Reptile": Reptile(loss, 0.1, 3, minibatch=4),
}


def sample(tasks, generator):
    data = Sinusoids().sample_few_shot(tasks, 5, 6, generator)
    return FewShot(*(part.double() for part in data))


def start(method):
    network = initial_parameters(MLP((1, 8, 1), torch.tanh, seeded(0)))
    return method.initial({name: value.double() for name, value in network.items()}, seeded(1))


def train(name, direction=None, checkpoint=None, callback=None):
    """Meta-parameters and losses after `CONFIG.iterations`."""
    learned, history = supervised.train(
        METHODS[name], start(METHODS[name]), sample, CONFIG, seeded(2),
        description=None, direction=direction, checkpoint=checkpoint, callback=callback,
    )  # fmt: skip
    return dict(learned), list(history["loss"])


def main(name, result, checkpoint="none", dies_before=None):
    loop.SECONDS_BETWEEN_CHECKPOINTS = 0.0
    with join(minutes=2) as ranks:

        def die(iteration, parameters, data):
            if ranks.rank == 1 and dies_before is not None and iteration + 1 == int(dies_before):
                os._exit(1)

        direction = spread(METHODS[name].direction, ranks, chunk=2)
        file = ranks.checkpoint(None if checkpoint == "none" else checkpoint)
        learned, losses = train(name, direction, file, die)
        torch.save({"learned": learned, "losses": losses}, f"{result}.{ranks.rank}")


if __name__ == "__main__":
    main(*sys.argv[1:])
