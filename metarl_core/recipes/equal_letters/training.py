"""How a network is meta-trained on letters, or trained without meta-learning."""

import functools

import torch
from torch import Tensor

from metarl_core.meta import MAML, Joint, Prototypes, supervised
from metarl_core.networks import HEAD, conv_features, conv_net, conv_net_parameters, cross_entropy
from metarl_core.parameters import Parameters
from metarl_core.recipes.equal_letters.settings import META_LEARNERS, TRANSDUCTIVE, Rates, Settings
from metarl_core.tasks import FewShot, ImageClasses, load_glyphs
from metarl_core.tasks.few_shot import turn
from metarl_core.training import Callback, History


@functools.cache
def letters() -> ImageClasses:
    """The letters, rendered once per process."""
    return load_glyphs()


def loss(parameters: Parameters, images: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy of each task, `[task]`; the images of a task are normalised together."""
    return cross_entropy(conv_net(parameters, images), labels)


def inductive_loss(adapted: Parameters, data: FewShot) -> Tensor:
    """Cross entropy on the query images, `[task]`, each of them normalised by the support images."""
    return cross_entropy(conv_net(adapted, data.query_inputs, data.support_inputs), data.query_targets)


class InductiveMAML(MAML):
    """`MAML` whose query images are normalised by the support images, as they are at test."""

    def outer_loss(self, meta: Parameters, data: FewShot) -> Tensor:
        """`inductive_loss` after the inner steps, `[task]`."""
        return inductive_loss(self.adapt(meta, data.support_inputs, data.support_targets), data)


class InductivePrototypes(Prototypes):
    """`Prototypes` whose query images are normalised by the support images, as they are at test."""

    def outer_loss(self, meta: Parameters, data: FewShot) -> Tensor:
        """`inductive_loss` with the class means as head, `[task]`."""
        return inductive_loss(self.adapt(meta, data.support_inputs, data.support_targets), data)


def method_named(name: str, inner_lr: float, settings: Settings | None = None) -> supervised.Method:
    """The method of that name."""
    steps = (settings or Settings()).inner_steps
    methods: dict[str, supervised.Method] = {
        "prototypes": InductivePrototypes(loss, conv_features, HEAD),
        TRANSDUCTIVE: Prototypes(loss, conv_features, HEAD),
        "MAML": InductiveMAML(loss, inner_lr, steps),
        "ANIL": InductiveMAML(loss, inner_lr, steps, only=HEAD),
        "pre-training": Joint(loss),
        "random initialisation": Joint(loss),
    }
    return methods[name]


def sample(
    tasks: int,
    ways: int,
    shots: int,
    queries: int,
    generator: torch.Generator,
    split: str = "train",
) -> FewShot:
    """Episodes; those of training letters are turned by quarters, which makes further letters of them."""
    return letters().sample_few_shot(tasks, ways, shots, queries, generator, split, rotations=split == "train")


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
    name: str,
    shots: int,
    seed: int,
    rates: Rates,
    settings: Settings | None = None,
    callback: Callback | None = None,
) -> tuple[Parameters, History]:
    """Meta-parameters and history of one method and seed; the table's, with its settings and its rates."""
    settings = settings or Settings()
    generator = torch.Generator().manual_seed(seed)
    method, episodes = method_named(name, rates.inner_lr, settings), name in (*META_LEARNERS, TRANSDUCTIVE)
    classes = settings.ways if episodes else 4 * len(letters().members["train"])
    start = method.initial(conv_net_parameters(classes, generator, settings.channels), generator)
    if name == "random initialisation":
        return start, History(0)
    tasks_in_update, ways, queries = settings.episode(name, shots)

    def draw(tasks: int, generator: torch.Generator) -> FewShot:
        if not episodes:
            return sample_letters(settings.images, generator)
        return sample(tasks, ways, shots, queries, generator)

    config = supervised.TrainConfig(
        iterations=settings.iterations,
        meta_batch=tasks_in_update if episodes else 1,
        outer_lr=rates.outer_lr,
        anneal=True,
        report_every=10,
    )
    words = f"{name}, {shots}-shot" if episodes else name
    return supervised.train(method, start, draw, config, generator, description=words, callback=callback)
