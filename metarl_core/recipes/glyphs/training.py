"""How a network is meta-trained on letters, or trained without meta-learning."""

import functools

import torch
from torch import Tensor

from metarl_core.meta import MAML, Joint, MetaSGD, Prototypes, Reptile, supervised
from metarl_core.networks import HEAD, conv_features, conv_net, conv_net_parameters, cross_entropy
from metarl_core.parameters import Parameters
from metarl_core.recipes.glyphs.settings import Settings
from metarl_core.tasks import FewShot, ImageClasses, load_glyphs
from metarl_core.tasks.few_shot import turn
from metarl_core.training import Callback, History, adam, sgd


@functools.cache
def letters() -> ImageClasses:
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
    data = letters().sample_few_shot(tasks, ways, shots, queries, generator, split, rotations=split == "train")
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
    data = letters()
    training, instances = data.members["train"], data.images.shape[1]
    label = torch.randint(4 * len(training), (1, size), generator=generator)
    instance = torch.randint(instances, (1, size), generator=generator)
    images = turn(data.images[training[label // 4], instance][:, :, None], label % 4).to(torch.float32) / 255
    half = size // 2
    return FewShot(images[:, :half], label[:, :half], images[:, half:], label[:, half:])


def trained(
    name: str, shots: int, seed: int, settings: Settings | None = None, callback: Callback | None = None
) -> tuple[Parameters, History]:
    """Meta-parameters and history of one method and seed; the table's, with its settings."""
    settings = settings or Settings()
    generator = torch.Generator().manual_seed(seed)
    if name in ("pre-training", "random initialisation"):
        classes = 4 * len(letters().members["train"])
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
