"""Exercise of chapter 07: prototypes of a small network without convolutions, trained on 5 letters at a time or on 20.

Ten trainings take seconds: letters of 14 × 14 pixels, a network of one hidden layer without batch normalisation, and
all seeds side by side, `[seed, ...]`. Both see 120 images in each of the same number of updates.
"""

import functools

import torch
from torch import Tensor
from torch.nn import functional as F

from metarl_core.parameters import Parameters, stack_parameters
from metarl_core.recipes.equal_letters import letters

WAYS, SHOTS, QUERIES, LETTERS = 5, 1, 10, 20
"""at test; and letters of an update, as one task or as several"""
UPDATES, TRAINING_QUERIES, LR = 300, 5, 1e-2
"""The step size falls to 0. 0.01 is the best of 0.001, 0.003, 0.01 and 0.03 for both, on training letters."""
PIXELS, HIDDEN, FEATURES = 196, 64, 32


@functools.cache
def _pixels() -> Tensor:
    """`[letter, instance, pixel]`, each pixel the mean of four."""
    images = letters().images.float() / 255
    return F.avg_pool2d(images, 2).flatten(2)


def episodes(tasks: int, ways: int, queries: int, generator: torch.Generator, split: str = "train") -> Tensor:
    """Images `[task, ways, 1 + queries, 196]` of tasks with one support image of each letter, which comes first.

    Args:
        split: "train" or "test": of which scripts the letters are.
    """
    members = letters().members[split]
    chosen = members[torch.rand((tasks, len(members)), generator=generator).topk(ways).indices]
    instances = letters().images.shape[1]
    drawn = torch.rand((tasks, ways, instances), generator=generator).topk(SHOTS + queries).indices
    return _pixels()[chosen[..., None], drawn]


def learn(ways: int, seeds: list[int], updates: int = UPDATES) -> Parameters:
    """Parameters `[seed, ...]` of an embedding after meta-training.

    Args:
        ways: letters of a training task: 5, in four tasks an update, or 20 in one; or 2, 4 or 10.
        seeds: each with initial weights and tasks of its own, the same whatever the other seeds are.
        updates: after which it stops.
    """
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    theta = stack_parameters([_initial(generator) for generator in generators])
    theta = {name: value.requires_grad_() for name, value in theta.items()}
    adam = torch.optim.Adam(theta.values(), lr=LR)
    wanted = torch.arange(ways).repeat_interleave(TRAINING_QUERIES)
    for update in range(updates):
        adam.param_groups[0]["lr"] = LR * (1 - update / UPDATES)
        images = torch.stack([episodes(LETTERS // ways, ways, TRAINING_QUERIES, g) for g in generators])
        logits = _logits(theta, images)
        labels = wanted.expand(logits.shape[:-1])
        adam.zero_grad()
        (len(seeds) * F.cross_entropy(logits.flatten(0, 2), labels.flatten())).backward()
        adam.step()
    return {name: value.detach() for name, value in theta.items()}


@torch.no_grad()
def accuracies(parameters: Parameters, images: Tensor) -> Tensor:
    """Share of the queries of each task that are next to the prototype of their letter, `[seed, task]`.

    Args:
        parameters: `[seed, ...]`, from `learn`.
        images: `[task, ways, 1 + queries, 196]`, from `episodes`.
    """
    parameters = {name: value.float() for name, value in parameters.items()}
    ways, queries = images.shape[1], images.shape[2] - SHOTS
    logits = _logits(parameters, images.expand(len(parameters["weight0"]), *images.shape))
    return (logits.argmax(-1) == torch.arange(ways).repeat_interleave(queries)).float().mean(-1)


def _initial(generator: torch.Generator) -> Parameters:
    def normal(*shape: int) -> Tensor:
        return 2 * torch.randn(shape, generator=generator) / shape[1] ** 0.5

    return {"weight0": normal(HIDDEN, PIXELS), "bias0": torch.zeros(HIDDEN), "weight1": normal(FEATURES, HIDDEN)}


def _logits(theta: Parameters, images: Tensor) -> Tensor:
    """Minus squared distances of the queries to the prototypes, `[seed, task, ways · queries, ways]`."""
    hidden = (images.flatten(1, 3) @ theta["weight0"].mT + theta["bias0"][:, None]).relu()
    features = (hidden @ theta["weight1"].mT).unflatten(1, images.shape[1:4])
    prototypes, queries = features[:, :, :, 0], features[:, :, :, SHOTS:].flatten(2, 3)
    inner = queries @ prototypes.mT
    return 2 * inner - queries.square().sum(-1, keepdim=True) - prototypes.square().sum(-1)[:, :, None]
