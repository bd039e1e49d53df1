"""Appendix 16a: which language is a word of? Five languages, five words of each, five seeds a method.

Two sources: names of countries in real languages (`names`), with languages of another script out of distribution, and
languages made up of a known prior (`made-up`), for which the best possible classifier is known.

- letter chains: Bayes' rule for words as chains of letters, with a Dirichlet prior fitted to the training languages
  (empirical Bayes; on made-up languages also with the prior that they were drawn from: the ceiling).
- flat letter chains: the same with one of each transition counted beforehand, so that nothing is learned.
- nearest mean: the nearest class mean of the n-grams themselves, without a network.
- prototypes, MAML: meta-trained networks; pre-training: a classifier of all training languages that gets a new head at
  test, and gradient steps; random initialisation: the same without training.

Everything that is trained sees as many words in as many updates. Step sizes are the best of four choices (six of both
for MAML), by trainings of half the length from `search_seed`; where a method takes steps at test, their size and number
are chosen for each trained network. All choices are made on tasks of training languages.

A row is `[task, 6]`: accuracy on held-out languages and out of distribution, then what was chosen: outer_lr, inner_lr,
and size and number of the steps at test, the same for all tasks.
"""

import dataclasses
import functools
import itertools
from dataclasses import dataclass

import torch
from torch import Tensor

from metarl_core.exact.letter_chains import chain_counts, chain_logits, chain_symbols, fit_prior
from metarl_core.meta import MAML, Joint, Prototypes, supervised
from metarl_core.meta.inner_loop import adapt
from metarl_core.networks import MLP, accuracy, cross_entropy, mlp
from metarl_core.parameters import Parameters, initial_parameters
from metarl_core.tasks import FewShot
from metarl_core.tasks.languages import Languages, load_languages, made_up_languages, ngrams
from metarl_core.training import History

TRAINED = ("prototypes", "MAML", "pre-training")
LEARNERS = ("letter chains", "flat letter chains", "nearest mean", *TRAINED, "random initialisation")
METHODS = (*(f"{name}, {source}" for source in ("names", "made-up") for name in LEARNERS), "known prior, made-up")
HEAD = ("weight2", "bias2")
FEATURES = ("weight0", "bias0", "weight1", "bias1")


@dataclass(frozen=True)
class Settings:
    """All that the table depends on."""

    ways: int = 5
    shots: int = 5
    test_queries: int = 10
    queries: int = 5
    """of each language of a training task"""
    size: int = 512
    """places of n-grams"""
    hidden: tuple[int, int] = (64, 64)
    iterations: int = 400
    words: int = 400
    """in each update"""
    prototype_ways: int = 20
    outer_lrs: tuple[float, ...] = (3e-3, 1e-2, 3e-2, 1e-1)
    meta_lrs: tuple[float, ...] = (1e-2, 3e-2, 1e-1)
    inner_lrs: tuple[float, ...] = (1.0, 5.0)
    inner_steps: int = 1
    test_lrs: tuple[float, ...] = (0.1, 0.3, 1.0, 3.0)
    test_steps: tuple[int, ...] = (1, 2, 4, 8, 16)
    selection_tasks: int = 50
    selection_seed: int = 2_000_000
    search_seed: int = 100
    symbols: int = 97
    strength: float = 5.0
    """of made-up languages"""
    made_up: tuple[int, int, int, int] = (85, 37, 9, 150)
    """made-up languages to train on, to test on, out of distribution, and words of each"""
    source_seed: int = 3_000_000
    test_tasks: int = 200
    test_seed: int = 1_000_000
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)


@functools.lru_cache(4)
def source(name: str, settings: Settings) -> tuple[Languages, Tensor | None]:
    """The languages of that name, and their prior where it is known."""
    if name == "names":
        return load_languages(), None
    train, test, ood, words = settings.made_up
    generator = torch.Generator().manual_seed(settings.source_seed)
    return made_up_languages(train, test, words, settings.strength, generator, ood=ood)


def loss(parameters: Parameters, words: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy of each task, `[task]`, of words as `ngrams`."""
    return cross_entropy(mlp(parameters, words), labels)


def features(parameters: Parameters, words: Tensor) -> Tensor:
    """The last hidden layer, `[task, sample, feature]`."""
    return torch.relu(mlp({name: parameters[name] for name in FEATURES}, words))


def method_named(name: str, inner_lr: float, settings: Settings) -> supervised.Method:
    """The method of that name."""
    if name == "prototypes":
        return Prototypes(loss, features, HEAD)
    return MAML(loss, inner_lr, settings.inner_steps) if name == "MAML" else Joint(loss)


def as_ngrams(data: FewShot, settings: Settings) -> FewShot:
    """The same tasks as a network sees them."""
    return data._replace(
        support_inputs=ngrams(data.support_inputs, settings.size), query_inputs=ngrams(data.query_inputs, settings.size)
    )


def all_languages(languages: Languages, words: int, generator: torch.Generator) -> FewShot:
    """Words of any training languages, labelled by language, as one task: what ordinary training sees."""
    training = languages.members["train"]
    label = torch.randint(len(training), (1, words), generator=generator)
    word = (torch.rand(1, words, generator=generator) * languages.numbers[training][label]).long()
    codes, half = languages.codes[training[label], word], words // 2
    return FewShot(codes[:, :half], label[:, :half], codes[:, half:], label[:, half:])


def trained(
    name: str, kind: str, seed: int, outer_lr: float, inner_lr: float, settings: Settings
) -> tuple[Parameters, History]:
    """Meta-parameters and history of one network."""
    languages, _ = source(kind, settings)
    generator = torch.Generator().manual_seed(seed)
    method, episodes = method_named(name, inner_lr, settings), name in ("prototypes", "MAML")
    classes = settings.ways if episodes else len(languages.members["train"])
    network = MLP((settings.size, *settings.hidden, classes), generator=generator)
    start = method.initial(initial_parameters(network), generator)
    if name == "random initialisation":
        return start, History(0)
    ways = settings.prototype_ways if name == "prototypes" else settings.ways
    shots, queries = settings.shots, settings.queries

    def draw(tasks: int, generator: torch.Generator) -> FewShot:
        if episodes:
            found = languages.sample_few_shot(tasks, ways, shots, queries, generator)
        else:
            found = all_languages(languages, settings.words, generator)
        return as_ngrams(found, settings)

    config = supervised.TrainConfig(
        iterations=settings.iterations,
        meta_batch=settings.words // (ways * (shots + queries)) if episodes else 1,
        outer_lr=outer_lr,
        anneal=True,
        report_every=10,
    )
    return supervised.train(method, start, draw, config, generator, description=f"{name}, {kind}")


def adapted_by(
    name: str, meta: Parameters, data: FewShot, lr: float, counts: tuple[int, ...], settings: Settings
) -> list[Parameters]:
    """Parameters `[task, ...]` after each number of steps, in rising order; class means take none."""
    if name == "prototypes":
        return [Prototypes(loss, features, HEAD).adapt(meta, data.support_inputs, data.support_targets)]
    if name != "MAML":
        width = settings.hidden[-1]
        meta = meta | {"weight2": torch.zeros(settings.ways, width), "bias2": torch.zeros(settings.ways)}
    current, found, done = MAML(loss).adapt(meta, data.support_inputs, data.support_targets, 0), [], 0
    for count in counts:
        inner = functools.partial(loss, words=data.support_inputs, labels=data.support_targets)
        current = adapt(current, inner, lr, count - done, create_graph=False)
        found.append(current)
        done = count
    return found


def accuracies(adapted: Parameters, data: FewShot) -> Tensor:
    """Accuracy on the query words, `[task]`."""
    with torch.no_grad():
        return accuracy(mlp(adapted, data.query_inputs), data.query_targets)


def held_out(kind: str, split: str, settings: Settings) -> FewShot:
    """Tasks of languages that are not trained on, as code points, the same for all methods and seeds."""
    generator = torch.Generator().manual_seed(settings.test_seed)
    numbers = (settings.test_tasks, settings.ways, settings.shots, settings.test_queries)
    return source(kind, settings)[0].sample_few_shot(*numbers, generator, split)


@functools.lru_cache(2)
def selection(kind: str, settings: Settings) -> FewShot:
    """Tasks of training languages, on which choices are made."""
    generator = torch.Generator().manual_seed(settings.selection_seed)
    numbers = (settings.selection_tasks, settings.ways, settings.shots, settings.test_queries)
    return as_ngrams(source(kind, settings)[0].sample_few_shot(*numbers, generator), settings)


def choose(name: str, kind: str, meta: Parameters, settings: Settings) -> tuple[float, int, float]:
    """Size and number of the steps that serve a network best on training languages, and its accuracy there."""
    lrs, counts = (settings.test_lrs, settings.test_steps) if name != "prototypes" else ((0.0,), (0,))
    data, best = selection(kind, settings), (0.0, 0, -1.0)
    for lr in lrs:
        for steps, adapted in zip(counts, adapted_by(name, meta, data, lr, counts, settings), strict=True):
            reached = float(accuracies(adapted, data).mean())
            best = max(best, (lr, steps, reached), key=lambda found: found[2])
    return best


@functools.cache
def choose_rates(name: str, kind: str, settings: Settings) -> tuple[float, float]:
    """outer_lr and inner_lr of a training: the best on training languages after half of the updates."""
    half = dataclasses.replace(settings, iterations=settings.iterations // 2)
    choices = (
        itertools.product(settings.meta_lrs, settings.inner_lrs)
        if name == "MAML"
        else ((lr, 0.0) for lr in settings.outer_lrs)
    )
    reached = {}
    for rates in choices:
        meta, _ = trained(name, kind, settings.search_seed, *rates, half)
        reached[rates] = choose(name, kind, meta, settings)[2]
    return max(reached, key=lambda rates: reached[rates])


def classified(name: str, kind: str, data: FewShot, settings: Settings) -> Tensor:
    """Accuracy `[task]` of what is computed without a network."""
    if name == "nearest mean":
        seen = as_ngrams(data, settings)
        member = torch.nn.functional.one_hot(seen.support_targets, settings.ways).to(seen.support_inputs.dtype)
        means = member.mT @ seen.support_inputs / settings.shots
        return accuracy(-torch.cdist(seen.query_inputs, means), seen.query_targets)
    languages, prior = source(kind, settings)
    symbols = settings.symbols
    if name == "flat letter chains":
        prior = torch.ones(symbols, symbols, dtype=torch.float64)
    elif name == "letter chains":
        prior = fit_prior(chain_counts(chain_symbols(languages.codes[languages.members["train"]], symbols), symbols))
    if prior is None:
        raise ValueError(f"no prior is known of {kind!r}.")
    pieces = supervised.batches(data, 20)
    return torch.cat([accuracy(chain_logits(piece, prior, settings.ways), piece.query_targets) for piece in pieces])


def run(method: str, seed: int, settings: Settings | None = None) -> Tensor:
    """The row `[task, 6]` of one method and seed."""
    settings = settings or Settings()
    name, kind = method.rsplit(", ", 1)
    tasks = [held_out(kind, split, settings) for split in ("test", "ood")]
    chosen = (0.0, 0.0, 0.0, 0)
    if name in (*TRAINED, "random initialisation"):
        rates = choose_rates(name, kind, settings) if name in TRAINED else (0.0, 0.0)
        meta, _ = trained(name, kind, seed, *rates, settings)
        lr, steps, _ = choose(name, kind, meta, settings)
        chosen = (*rates, lr, steps)
        seen = [as_ngrams(data, settings) for data in tasks]
        found = [accuracies(adapted_by(name, meta, data, lr, (steps,), settings)[-1], data) for data in seen]
    else:
        found = [classified(name, kind, data, settings) for data in tasks]
    columns = torch.stack([one.float() for one in found], 1)
    return torch.cat([columns, torch.tensor(chosen).expand(len(columns), -1)], 1)
