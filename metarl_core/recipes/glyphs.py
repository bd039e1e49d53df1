"""Chapter 07: 5-way 1-shot and 5-shot classification of letters of new scripts, every method, five seeds each.

A row is `[task, 3]`, accuracy on the query images of 300 held-out tasks that are the same for all methods and seeds:
on the test scripts with each prediction on its own, on the test scripts with the query images normalised together
(transductive, as in the MAML paper), and on the scripts out of distribution with each prediction on its own.
Pixel neighbours learn nothing, so they have no training seed: theirs is the seed of the rendering.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from metarl_core.meta import MAML, Joint, MetaSGD, Prototypes, Reptile, supervised
from metarl_core.networks import HEAD, accuracy, conv_features, conv_net, conv_net_parameters, cross_entropy
from metarl_core.parameters import Parameters
from metarl_core.tasks import FewShot, ImageClasses, load_glyphs
from metarl_core.tasks.few_shot import turn
from metarl_core.training import Callback, History, adam, sgd

LEARNERS = ("prototypes", "MAML", "FOMAML", "ANIL", "Meta-SGD", "Reptile", "pre-training", "random initialisation")
METHODS = tuple(
    f"{name}, {shots}-shot" for shots in (1, 5) for name in (*LEARNERS, "pre-trained prototypes", "pixel neighbours")
)


@dataclass(frozen=True)
class Settings:
    """All that the table depends on.

    The MAML paper trains for 60,000 iterations of 32 tasks with 64 channels; these are settings for minutes.
    """

    ways: int = 5
    channels: int = 32
    meta_batch: int = 16
    queries: int = 5
    """of each class, in meta-training"""
    prototype_ways: int = 20
    """in meta-training, of as many images as the others: prototypes gain from harder tasks (Snell et al. 2017), and
    their head has no weights that would have to be learned for each class"""
    iterations: dict = field(default_factory=lambda: {"1": 1500, "5": 800})
    """by number of shots"""
    outer_lr: float = 1e-3
    """of Adam; annealed to 0 like Reptile's"""
    chunk: int = 16
    inner_lr: float = 0.4
    """of MAML and ANIL, as in the MAML paper"""
    inner_steps: int = 1
    first_order_inner_lr: float = 0.2
    first_order_inner_steps: int = 3
    """one step of 0.4 leaves FOMAML far behind: it drops a factor that is far from the identity"""
    reptile_inner_lr: float = 0.01
    """of Adam with β₁ = 0; the paper's 0.001 is for 100,000 iterations, and slow at first"""
    reptile_inner_steps: int = 5
    reptile_minibatch: int = 10
    reptile_outer_lr: float = 1.0
    reptile_images: int = 10
    """of each class of a training task, as in the Reptile paper"""
    test_steps: dict = field(default_factory=lambda: {"MAML": 3, "ANIL": 3, "FOMAML": 10, "Reptile": 20})
    """more than in meta-training, as in the papers; the other methods as in meta-training"""
    pretraining_batch: int = 128
    """images of any training letters"""
    pretraining_iterations: int = 3000
    fine_tuning_lr: tuple[float, ...] = (0.01, 0.1, 1.0)
    """all parameters and a new head; the best rate on `selection_tasks` training tasks is used"""
    selection_tasks: int = 50
    fine_tuning_steps: int = 10
    test_tasks: int = 300
    test_chunk: int = 50
    test_queries: int = 10
    """of each class"""
    test_seed: int = 1_000_000
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)


@functools.cache
def glyphs() -> ImageClasses:
    """The letters, rendered once per process."""
    return load_glyphs()


def loss(parameters: Parameters, images: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy of each task, `[task]`; the images of a task are normalised together."""
    return cross_entropy(conv_net(parameters, images), labels)


def method_named(name: str, settings: Settings) -> supervised.Method:
    """The meta-learner of that name with the table's settings."""
    rate, steps = settings.inner_lr, settings.inner_steps
    methods: dict[str, supervised.Method] = {
        "prototypes": Prototypes(loss, conv_features, HEAD),
        "MAML": MAML(loss, rate, steps),
        "FOMAML": MAML(loss, settings.first_order_inner_lr, settings.first_order_inner_steps, first_order=True),
        "ANIL": MAML(loss, rate, steps, only=HEAD),
        "Meta-SGD": MetaSGD(loss),
        "Reptile": Reptile(
            loss, settings.reptile_inner_lr, settings.reptile_inner_steps, settings.reptile_minibatch, adam=True
        ),
    }
    return methods[name]


def sample(
    tasks: int, ways: int, shots: int, queries: int, generator: torch.Generator, split: str = "train"
) -> FewShot:
    """Episodes whose samples are shuffled: Reptile cuts minibatches, which must not hold one label each."""
    data = glyphs().sample_few_shot(tasks, ways, shots, queries, generator, split, rotations=split == "train")
    support, query = (torch.rand(part.shape, generator=generator).argsort(1) for part in (data[1], data[3]))
    row = torch.arange(tasks)[:, None]
    return FewShot(
        data.support_inputs[row, support],
        data.support_targets[row, support],
        data.query_inputs[row, query],
        data.query_targets[row, query],
    )


def sample_letters(size: int, generator: torch.Generator) -> FewShot:
    """Images of any training letters with their own labels, as one task: what ordinary training sees.

    Letters turned by a quarter are letters of their own, as in the episodes.
    """
    data = glyphs()
    letters, instances = data.members["train"], data.images.shape[1]
    label = torch.randint(4 * len(letters), (1, size), generator=generator)
    instance = torch.randint(instances, (1, size), generator=generator)
    images = turn(data.images[letters[label // 4], instance][:, :, None], label % 4).to(torch.float32) / 255
    half = size // 2
    return FewShot(images[:, :half], label[:, :half], images[:, half:], label[:, half:])


def trained(
    name: str, shots: int, seed: int, settings: Settings, callback: Callback | None = None
) -> tuple[Parameters, History]:
    """Meta-parameters and history of a method and seed."""
    generator = torch.Generator().manual_seed(seed)
    if name in ("pre-training", "random initialisation"):
        classes = 4 * len(glyphs().members["train"])
        method: supervised.Method = Joint(loss)
        start = conv_net_parameters(classes, generator, settings.channels)
        if name == "random initialisation":
            return start, History(0)
        config = supervised.TrainConfig(
            iterations=settings.pretraining_iterations,
            meta_batch=1,
            outer_lr=settings.outer_lr,
            optimiser=adam,
            anneal=True,
        )
        draw = lambda tasks, g: sample_letters(settings.pretraining_batch, g)  # noqa: E731
    else:
        method = method_named(name, settings)
        start = conv_net_parameters(settings.ways, generator, settings.channels)
        reptile, prototypes = name == "Reptile", name == "prototypes"
        config = supervised.TrainConfig(
            iterations=settings.iterations[str(shots)],
            meta_batch=settings.meta_batch * settings.ways // settings.prototype_ways
            if prototypes
            else settings.meta_batch,
            outer_lr=settings.reptile_outer_lr if reptile else settings.outer_lr,
            optimiser=sgd if reptile else adam,
            anneal=True,
            chunk=settings.chunk,
            report_every=10,
        )
        queries = settings.reptile_images - shots if reptile else settings.queries
        ways = settings.prototype_ways if prototypes else settings.ways
        draw = lambda tasks, g: sample(tasks, ways, shots, queries, g)  # noqa: E731
    return supervised.train(
        method,
        method.initial(start, generator),
        draw,
        config,
        generator,
        description=f"{name}, {shots}-shot",
        callback=callback,
    )


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


def evaluate(name: str, shots: int, meta: Parameters, settings: Settings) -> Tensor:
    """A row of the table, `[task, 3]`."""
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
