"""What a trained network reaches on letters of new scripts, with step sizes that were chosen on training letters."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from metarl_core.meta import MAML, Prototypes, supervised
from metarl_core.meta.inner_loop import adapt
from metarl_core.networks import HEAD, accuracy, conv_features, conv_net
from metarl_core.parameters import Parameters
from metarl_core.recipes.equal_letters.settings import LONGER, TRANSDUCTIVE, Rates, Settings
from metarl_core.recipes.equal_letters.training import loss, sample, trained
from metarl_core.tasks import FewShot, load_glyphs

NEW_HEAD = ("pre-training", LONGER, "random initialisation")
"""methods that begin a new task with a last layer of zeros"""


class Chosen(NamedTuple):
    """How a trained network adapts at test, and what that reaches on training letters."""

    lr: float
    steps: int
    accuracy: float


class Row(NamedTuple):
    """What the table holds of one method."""

    test: np.ndarray
    """accuracy on the test scripts, each query image normalised by the support images, `[seed, task]`"""
    together: np.ndarray
    """the same, all query images of a task normalised together: transductive"""
    ood: np.ndarray
    """as `test`, on the scripts out of distribution"""
    outer_lr: np.ndarray
    """chosen for the training, `[seed]`; 0 where there is none"""
    inner_lr: np.ndarray
    """chosen for the training of MAML and ANIL"""
    test_lr: np.ndarray
    """chosen for the gradient steps at test; 0 where there are none"""
    test_steps: np.ndarray


def read(scores: np.ndarray) -> Row:
    """Take `[seed, task, column]` apart, as `load_table("equal_letters").scores(method)` gives it."""
    return Row(*np.moveaxis(scores[..., :3], -1, 0), *scores[:, 0, 3:].T)


def test_data(shots: int, settings: Settings, split: str) -> list[FewShot]:
    """The held-out tasks, in pieces."""
    generator = torch.Generator().manual_seed(settings.test_seed)
    return supervised.batches(
        sample(settings.test_tasks, settings.ways, shots, settings.test_queries, generator, split), settings.test_chunk
    )


@functools.lru_cache(2)
def selection_data(shots: int, settings: Settings) -> FewShot:
    """Tasks of training letters, on which choices are made."""
    generator = torch.Generator().manual_seed(settings.selection_seed)
    return sample(settings.selection_tasks, settings.ways, shots, settings.selection_queries, generator)


def with_new_head(parameters: Parameters, ways: int) -> Parameters:
    """The network with a last layer of zeros for `ways` classes."""
    weight, bias = HEAD
    return parameters | {weight: torch.zeros(ways, parameters[weight].shape[1]), bias: torch.zeros(ways)}


def takes_steps(name: str) -> bool:
    """Whether a method takes gradient steps at test."""
    return "prototypes" not in name


def adapted_by(name: str, meta: Parameters, data: FewShot, lr: float, counts: Sequence[int]) -> list[Parameters]:
    """Parameters `[task, ...]` after each number of steps, in rising order; class means take none."""
    if not takes_steps(name):
        return [Prototypes(loss, conv_features, HEAD).adapt(meta, data.support_inputs, data.support_targets)]
    found, done = [], 0
    current = MAML(loss).adapt(meta, data.support_inputs, data.support_targets, 0)
    for count in counts:
        current = adapt(
            current,
            lambda p: loss(p, data.support_inputs, data.support_targets),
            lr,
            count - done,
            create_graph=False,
            only=HEAD if name == "ANIL" else None,
        )
        found.append(current)
        done = count
    return found


def accuracies(adapted: Parameters, data: FewShot, transductive: bool = False) -> Tensor:
    """Accuracy on the query images, `[task]`; not transductive: normalised by the support images."""
    with torch.no_grad():
        logits = conv_net(adapted, data.query_inputs, None if transductive else data.support_inputs)
    return accuracy(logits, data.query_targets)


def start_of(name: str, meta: Parameters, settings: Settings) -> Parameters:
    """Where a trained network begins on a new task."""
    return with_new_head(meta, settings.ways) if name in NEW_HEAD else meta


def choose(name: str, shots: int, meta: Parameters, settings: Settings) -> Chosen:
    """Step size and number of steps that serve a trained network best on training letters."""
    data, start, best = selection_data(shots, settings), start_of(name, meta, settings), Chosen(0.0, 0, -1.0)
    for lr in settings.test_lrs if takes_steps(name) else (0.0,):
        counts = settings.test_steps if takes_steps(name) else (0,)
        for steps, adapted in zip(counts, adapted_by(name, start, data, lr, counts), strict=True):
            reached = float(accuracies(adapted, data).mean())
            if reached > best.accuracy:
                best = Chosen(lr, steps, reached)
    return best


@functools.cache
def choose_rates(name: str, shots: int, settings: Settings) -> Rates:
    """The best of four choices, by trainings of half the length and what they reach on training letters."""
    half = dataclasses.replace(settings, iterations=settings.iterations // 2)
    reached = {}
    for rates in settings.choices(name):
        meta, _ = trained(name, shots, settings.search_seed, rates, half)
        reached[rates] = choose(name, shots, meta, settings).accuracy
    return max(reached, key=lambda rates: reached[rates])


@functools.lru_cache(2)
def pretrained(seed: int, settings: Settings, times: int = 1) -> tuple[Parameters, Rates]:
    """One training for both numbers of shots, whose rate is chosen for one shot; `times` as long as the others."""
    rates = choose_rates("pre-training", 1, settings)
    settings = dataclasses.replace(settings, iterations=times * settings.iterations)
    return trained("pre-training", 1, seed, rates, settings)[0], rates


def evaluate(
    name: str, shots: int, meta: Parameters, lr: float, steps: int, settings: Settings | None = None
) -> Tensor:
    """Accuracies of one trained network on held-out tasks, `[task, 3]`, as the first columns of a row."""
    settings = settings or Settings()
    start = start_of(name, meta, settings)
    columns: list[list[Tensor]] = [[], [], []]
    for split, kept in (("test", columns[:2]), ("ood", columns[2:])):
        for data in test_data(shots, settings, split):
            adapted = adapted_by(name, start, data, lr, (steps,))[-1]
            for transductive, column in zip((False, True), kept, strict=False):
                column.append(accuracies(adapted, data, transductive))
    return torch.stack([torch.cat(column) for column in columns], 1)


def pixel_neighbours(data: FewShot) -> Tensor:
    """The label of the nearest support image in Euclidean distance between pixels, `[task, query]`."""
    distance = torch.cdist(data.query_inputs.flatten(2), data.support_inputs.flatten(2))
    return data.support_targets.gather(1, distance.argmin(-1))


def evaluate_pixels(shots: int, seed: int, settings: Settings) -> Tensor:
    """Accuracies of pixel neighbours, `[task, 3]`, on the letters as another rendering has them."""
    source, columns = load_glyphs(seed), []
    for split in ("test", "ood"):
        generator = torch.Generator().manual_seed(settings.test_seed)
        data = source.sample_few_shot(
            settings.test_tasks, settings.ways, shots, settings.test_queries, generator, split
        )
        columns.append((pixel_neighbours(data) == data.query_targets).float().mean(1))
    return torch.stack([columns[0], columns[0], columns[1]], 1)


def run(method: str, seed: int, settings: Settings) -> Tensor:
    """The row `[task, column]` of one method and seed."""
    name, words = method.removesuffix("-shot").rsplit(", ", 1)
    shots, rates, chosen = int(words), Rates(0.0), Chosen(0.0, 0, 0.0)
    if name == "pixel neighbours":
        found = evaluate_pixels(shots, seed, settings)
    else:
        if name in ("pre-training", "pre-trained prototypes", LONGER):
            meta, rates = pretrained(seed, settings, settings.longer if name == LONGER else 1)
        else:
            if name != "random initialisation":
                rates = choose_rates("prototypes" if name == TRANSDUCTIVE else name, shots, settings)
            meta, _ = trained(name, shots, seed, rates, settings)
        chosen = choose(name, shots, meta, settings)
        found = evaluate(name, shots, meta, chosen.lr, chosen.steps, settings)
    same = torch.tensor([*rates, chosen.lr, chosen.steps], dtype=found.dtype)
    return torch.cat([found, same.expand(len(found), -1)], 1)
