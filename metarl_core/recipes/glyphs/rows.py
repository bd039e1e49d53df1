"""What a trained network reaches on letters of new scripts."""

import functools
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from metarl_core.meta import Joint, Prototypes, supervised
from metarl_core.networks import HEAD, accuracy, conv_features, conv_net
from metarl_core.parameters import Parameters
from metarl_core.recipes.glyphs.settings import Settings
from metarl_core.recipes.glyphs.training import loss, method_named, sample, trained
from metarl_core.tasks import FewShot, load_glyphs


def test_data(shots: int, settings: Settings, split: str) -> list[FewShot]:
    """The held-out tasks, in pieces."""
    generator = torch.Generator().manual_seed(settings.test_seed)
    return supervised.batches(
        sample(settings.test_tasks, settings.ways, shots, settings.test_queries, generator, split), settings.test_chunk
    )


def learner(name: str, shots: int, meta: Parameters, settings: Settings) -> Callable[[Tensor, Tensor], Parameters]:
    """`adapt(support images, support labels) -> parameters [task, ...]`, as it is used at test."""
    if name == "pre-trained prototypes":
        return functools.partial(Prototypes(loss, conv_features, HEAD).adapt, meta)
    if name in ("pre-training", "random initialisation"):
        start = with_new_head(meta, settings.ways)
        method = Joint(loss, choose_rate(start, shots, settings), settings.fine_tuning_steps)
        return functools.partial(method.adapt, start)
    return functools.partial(method_named(name, settings).adapt, meta, steps=settings.test_steps.get(name))


def with_new_head(parameters: Parameters, ways: int) -> Parameters:
    """The network with a last layer of zeros for `ways` classes."""
    weight, bias = HEAD
    return parameters | {weight: torch.zeros(ways, parameters[weight].shape[1]), bias: torch.zeros(ways)}


def choose_rate(start: Parameters, shots: int, settings: Settings) -> float:
    """The fine-tuning rate with the best accuracy on episodes of training letters."""
    generator = torch.Generator().manual_seed(settings.test_seed)
    data = sample(settings.selection_tasks, settings.ways, shots, settings.test_queries, generator)
    means = []
    for rate in settings.fine_tuning_lr:
        adapted = Joint(loss, rate, settings.fine_tuning_steps).adapt(start, data.support_inputs, data.support_targets)
        with torch.no_grad():
            means.append(accuracies(adapted, data, transductive=False).mean())
    return settings.fine_tuning_lr[int(torch.stack(means).argmax())]


def accuracies(adapted: Parameters, data: FewShot, transductive: bool) -> Tensor:
    """Accuracy on the query images, `[task]`; not transductive: normalised by the support images."""
    support = None if transductive else data.support_inputs
    with torch.no_grad():
        return accuracy(conv_net(adapted, data.query_inputs, support), data.query_targets)


def pixel_neighbours(data: FewShot) -> Tensor:
    """Accuracy of the label of the nearest support image in Euclidean distance between pixels, `[task]`."""
    distance = torch.cdist(data.query_inputs.flatten(2), data.support_inputs.flatten(2))
    predicted = data.support_targets.gather(1, distance.argmin(-1))
    return (predicted == data.query_targets).float().mean(1)


def evaluate(name: str, shots: int, meta: Parameters, settings: Settings | None = None) -> Tensor:
    """A row of the table, `[task, 3]`."""
    settings = settings or Settings()
    adapt = learner(name, shots, meta, settings)
    columns: list[list[Tensor]] = [[], [], []]
    for split, kept in (("test", columns[:2]), ("ood", columns[2:])):
        for data in test_data(shots, settings, split):
            adapted = adapt(data.support_inputs, data.support_targets)
            for transductive, column in zip((False, True), kept, strict=False):
                column.append(accuracies(adapted, data, transductive))
    return torch.stack([torch.cat(column) for column in columns], 1)


def evaluate_pixels(shots: int, seed: int, settings: Settings) -> Tensor:
    """The row of pixel neighbours on the letters as another rendering has them."""
    data = load_glyphs(seed)
    columns = []
    for split in ("test", "ood"):
        generator = torch.Generator().manual_seed(settings.test_seed)
        columns.append(
            pixel_neighbours(
                data.sample_few_shot(settings.test_tasks, settings.ways, shots, settings.test_queries, generator, split)
            )
        )
    return torch.stack([columns[0], columns[0], columns[1]], 1)


@functools.lru_cache(2)
def _trained_once(name: str, seed: int) -> Parameters:
    return trained(name, 0, seed, Settings())[0]


def run(method: str, seed: int) -> np.ndarray:
    """The row of one method and seed."""
    settings = Settings()
    name, shots = method.removesuffix("-shot").rsplit(", ", 1)
    if name == "pixel neighbours":
        return evaluate_pixels(int(shots), seed, settings).numpy()
    if name in ("pre-training", "pre-trained prototypes"):
        meta = _trained_once("pre-training", seed)  # it knows no shots
    else:
        meta, _ = trained(name, int(shots), seed, settings)
    return evaluate(name, int(shots), meta, settings).numpy()
