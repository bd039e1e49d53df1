"""Chapter 10: Q-networks on held-out tasks, every method on five families, five seeds each.

Every row is `[task, column]`: 20 test tasks, then 20 out of distribution, and

- the mean return of the greedy policy at each of `checkpoints` (environment steps in the new task),
- the first checkpoint at which the level is reached, and the training episodes finished by then. The level lies
  `share` of the way from a uniformly random policy to a reference that knows the task; where it is not reached, the
  numbers are those of the last checkpoint,
- environment steps and seconds of processor time that meta-training took, per seed.

The learning rate of DQN on a new task, and whether it begins with a burst of updates, are chosen for each method on
training tasks. The families:

- keys: walk to a visible goal with keys whose directions are rotated by a hidden angle; out of distribution the
  keyboard is mirrored.
- sign: CartPole with varying physics, whose push has a hidden sign.
- physics: CartPole with varying physics alone.
- dense, sparse: a hidden goal in a grid with walls; the reward tells the distance, or nothing before the goal.

"informed" is one network that is told the task, trained on many: it learns nothing in a new one.
"""

import dataclasses
import functools
import time
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from metarl_core.agents import DQNConfig, OraclePolicy, QNetwork, UniformPolicy, VectorSampler, mean_returns, train_dqn
from metarl_core.meta import QMAML, NewTaskConfig, PlainDQN, QReptile, first_reached, repeat_for_tasks, values
from metarl_core.parameters import Parameters, stack_parameters
from metarl_core.results import Experiment
from metarl_core.tasks import CartPole, GridGoals, InformedTasks, RotatedKeys, TaskFamily, Tasks, TaskVectorEnv

FAMILIES = ("keys", "sign", "physics", "dense", "sparse")
EVERYWHERE = ("Meta-SGD", "Reptile", "pre-training", "fresh", "informed")
FORCED = "pre-training, forced to learn"
"""Pre-training without the choice to stay as it is."""
ALSO = {
    "keys": ("MAML", "FOMAML", "MAML, larger α", "FOMAML, larger α"),
    "sign": ("MAML",),
    "physics": (FORCED,),
}
METHODS = tuple(f"{family}: {name}" for family in FAMILIES for name in (*ALSO.get(family, ()), *EVERYWHERE))
LIVE = "keys: Meta-SGD"
"""Its seeds are trained one by one, so that the chapter can repeat one of them; those of other methods in one batch."""
WALLS = ((2, 2), (2, 3), (2, 4), (4, 6), (5, 6), (6, 6), (6, 2), (7, 2))


@dataclass(frozen=True)
class Problem:
    """What differs between the families."""

    inner_lr: float
    """where the rates of Meta-SGD begin, and the larger α of MAML and FOMAML"""
    iterations: int
    """of meta-training by MAML and its kin"""
    learning_starts: int = 50
    """random steps in a new task, and transitions of a support set in meta-training"""
    inner_steps: int = 3
    maml_lr: float = 0.01
    """α of MAML and FOMAML, a third of `inner_lr`"""
    share: float = 0.9
    """of the way from random to the reference: the level"""


def problems() -> dict[str, Problem]:
    return {
        "keys": Problem(0.03, 200),
        "sign": Problem(0.01, 200, maml_lr=0.003, share=0.75),
        "physics": Problem(0.01, 100, share=0.75),
        "dense": Problem(0.03, 60, learning_starts=80),
        "sparse": Problem(0.03, 60, learning_starts=80),
    }


@dataclass(frozen=True)
class Settings:
    """All that the table depends on; the chapter reads it back from the table."""

    problems: dict = field(default_factory=problems)
    dqn: DQNConfig = field(
        default_factory=lambda: DQNConfig(
            steps=1600,
            discount=0.95,
            huber=False,
            tau=0.02,
            batch_size=64,
            buffer_size=2_000,
            train_frequency=1,
            exploration=(0.3, 0.05, 0.3),
        )
    )
    """in a new task"""
    checkpoints: tuple[int, ...] = (0, 50, 80, 100, 150, 200, 250, 300, 400, 500, 600, 800, 1000, 1200, 1400, 1600)
    rates: tuple[float, ...] = (3e-4, 1e-3, 3e-3, 0.0)
    """learning rates of DQN in a new task to choose from; 0: the network stays as it is"""
    bursts: tuple[int, ...] = (0, 50)
    choice_steps: int = 600
    choice_tasks: int = 5
    meta: values.TrainConfig = field(default_factory=lambda: values.TrainConfig(outer_lr=1e-3))
    tasks: int = 20
    """training tasks of MAML and of pre-training; tasks per iteration of Reptile"""
    reptile_iterations: int = 20
    reptile_steps: int = 800
    """environment steps of the inner loop"""
    reptile_exploration: tuple[float, float, float] = (1.0, 0.1, 0.5)
    pre_training: DQNConfig = field(
        default_factory=lambda: DQNConfig(
            steps=320_000,
            discount=0.95,
            huber=False,
            tau=0.02,
            batch_size=256,
            buffer_size=100_000,
            learning_starts=2_000,
            train_frequency=20,
            exploration=(1.0, 0.1, 0.3),
        )
    )
    """of one network on all training tasks, as many environment steps as Reptile; also of the informed network"""
    informed_tasks: int = 400
    """training tasks of the informed network, half of them out of distribution: as a bound it should not suffer from
    having seen few"""
    hidden: tuple[int, ...] = (64, 64)
    test_tasks: int = 40
    """the first half from the test split, the second out of distribution"""
    test_seed: int = 1000
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)


def family_of(problem: str) -> TaskFamily:
    """The task family of a problem."""
    return {
        "keys": lambda: RotatedKeys(),
        "sign": lambda: CartPole(spread=2.0, horizon=200, hidden_sign=True),
        "physics": lambda: CartPole(spread=2.0, horizon=200),
        "dense": lambda: GridGoals(9, "dense", WALLS, horizon=40),
        "sparse": lambda: GridGoals(9, "sparse", WALLS, horizon=40),
    }[problem]()


def untrained(family: TaskFamily, seeds, settings: Settings):
    """A Q-network and one set of random parameters for each seed, `[seed, ...]`."""
    spaces = family.observation_space, family.action_space
    networks = [QNetwork(*spaces, settings.hidden, torch.Generator().manual_seed(seed)) for seed in seeds]
    return networks[0], stack_parameters([network.initial_parameters() for network in networks])


def method_named(problem: str, name: str, family: TaskFamily, network: QNetwork, settings: Settings) -> values.Method:
    """A meta-learner or a baseline by its name."""
    own, dqn = settings.problems[problem], settings.dqn
    if name == "Reptile":
        inner = dataclasses.replace(
            dqn,
            steps=settings.reptile_steps,
            learning_starts=own.learning_starts,
            exploration=settings.reptile_exploration,
        )
        return QReptile(family, network, inner)
    if name in ("fresh", "pre-training", FORCED, "informed"):
        return PlainDQN(family, network, discount=dqn.discount, double=dqn.double, huber=dqn.huber)
    return QMAML(
        family,
        network,
        discount=dqn.discount,
        double=dqn.double,
        huber=dqn.huber,
        inner_lr=own.maml_lr if name in ("MAML", "FOMAML") else own.inner_lr,
        inner_steps=own.inner_steps,
        first_order=name.startswith("FOMAML"),
        learned_rates=name == "Meta-SGD",
    )


def joined(*many: Tasks) -> Tasks:
    """Several sets of tasks as one."""
    return {name: torch.cat([tasks[name] for tasks in many]) for name in many[0]}


def held_out(family: TaskFamily, settings: Settings) -> Tasks:
    """The test tasks, the same for all methods and seeds: half of them out of distribution."""
    generator = torch.Generator().manual_seed(settings.test_seed)
    half = settings.test_tasks // 2
    return joined(*(family.sample_tasks(half, generator, split) for split in ("test", "ood")))


def repeated(tasks: Tasks, runs: int) -> Tasks:
    """The same tasks once for each run, `[run · task, ...]`."""
    return joined(*[tasks] * runs)


def levels(problem: str, family: TaskFamily, tasks: Tasks, settings: Settings) -> tuple[Tensor, Tensor, Tensor]:
    """Returns `[task]` of a uniformly random policy, of the reference that knows the task, and the level between."""
    generator = torch.Generator().manual_seed(settings.test_seed)
    low = mean_returns(family, tasks, UniformPolicy(family.action_space), {}, 100, generator)
    if isinstance(family, CartPole):
        best = torch.full_like(low, family.horizon)
    else:
        choose = family.steering_action if isinstance(family, RotatedKeys) else family.optimal_action
        best = mean_returns(family, tasks, OraclePolicy(family, choose), tasks, 100, generator)
    share = settings.problems[problem].share
    return low, best, low + share * (best - low)


def train(problem: str, name: str, settings: Settings, seeds):
    """Meta-train one network per seed, all in one batch.

    Returns:
        The method, its meta-parameters `[seed, ...]`, environment steps per seed.
    """
    family = family_of(problem)
    if name == "informed":
        family = InformedTasks(family)
    network, start = untrained(family, seeds, settings)
    method = method_named(problem, name, family, network, settings)
    generator = torch.Generator().manual_seed(seeds[0])
    if name == "fresh":
        return method, start, 0
    if name in ("pre-training", FORCED, "informed"):
        tasks = family.sample_tasks(len(seeds) * settings.tasks, generator)
        if name == "informed":
            half = settings.informed_tasks // 2
            tasks = joined(*(family.sample_tasks(half, generator, split) for _ in seeds for split in ("train", "ood")))
        envs = TaskVectorEnv(family, family.check_tasks(tasks), tasks)
        sampler = VectorSampler(envs, learners=len(seeds), seed=seeds[0])
        start, _ = train_dqn(
            network, start, sampler, settings.pre_training, generator, description=f"{problem}: {name}"
        )
        return method, start, sampler.steps_taken // len(seeds)
    meta, history = values.train(
        method,
        method.initial(start),
        meta_training(problem, name, settings),
        generator,
        seed=seeds[0],
        description=f"{problem}: {name}",
    )
    return method, meta, history["env_steps"][-1] // len(seeds)


def meta_training(problem: str, name: str, settings: Settings) -> values.TrainConfig:
    """How its outer loop runs."""
    if name == "Reptile":
        return values.TrainConfig(iterations=settings.reptile_iterations, meta_batch=settings.tasks, outer_lr=1.0)
    own = settings.problems[problem]
    return dataclasses.replace(
        settings.meta, iterations=own.iterations, meta_batch=settings.tasks, support=own.learning_starts
    )


def new_tasks(problem: str, settings: Settings) -> NewTaskConfig:
    """How a new task is learned, before the method's choice of learning rate and burst."""
    dqn = settings.dqn
    return NewTaskConfig(
        steps=dqn.steps,
        learning_starts=settings.problems[problem].learning_starts,
        batch_size=dqn.batch_size,
        buffer_size=dqn.buffer_size,
        tau=dqn.tau,
        exploration=dqn.exploration,
        max_grad_norm=dqn.max_grad_norm,
        checkpoints=settings.checkpoints,
    )


def chosen(problem: str, method: values.Method, meta: Parameters, settings: Settings, rates) -> NewTaskConfig:
    """The configuration that gives the highest mean return over the first steps of new *training* tasks."""
    generator = torch.Generator().manual_seed(settings.test_seed + 1)
    tasks = method.family.sample_tasks(runs_of(meta) * settings.choice_tasks, generator)
    config = new_tasks(problem, settings)
    points = tuple(point for point in config.checkpoints if config.learning_starts < point <= settings.choice_steps)
    short = dataclasses.replace(config, steps=settings.choice_steps, checkpoints=points)
    scores = {}
    for lr in rates:
        for burst in settings.bursts if lr else (0,):
            trial = dataclasses.replace(short, lr=lr, burst=burst)
            returns, _ = values.adaptation_curve(method, meta, tasks, trial, generator, description=None)
            scores[lr, burst] = float(returns.mean())
    lr, burst = max(scores, key=scores.get)
    return dataclasses.replace(config, lr=lr, burst=burst)


def runs_of(parameters) -> int:
    """The length of the leading axis of parameters `[run, ...]`."""
    return len(next(iter(parameters.values())))


def measure(problem: str, name: str, method: values.Method, meta: Parameters, settings: Settings):
    """Returns and finished episodes of a method on the held-out tasks, both `[run, task, checkpoint]`."""
    runs, shape = runs_of(meta), (runs_of(meta), settings.test_tasks, len(settings.checkpoints))
    tasks = repeated(held_out(method.family, settings), runs)
    if isinstance(method.family, InformedTasks):
        config = NewTaskConfig()
        generator = torch.Generator().manual_seed(config.evaluation_seed)
        begin = repeat_for_tasks(meta, settings.test_tasks)
        once = mean_returns(method.family, tasks, method.network, begin, config.episodes, generator)
        return once.reshape(runs, -1, 1).expand(shape).numpy(), np.zeros(shape)
    rates = [rate for rate in settings.rates if rate or name != FORCED]
    config = chosen(problem, method, meta, settings, rates)
    generator = torch.Generator().manual_seed(settings.test_seed)
    returns, episodes = values.adaptation_curve(
        method, meta, tasks, config, generator, seed=settings.test_seed, description=f"{problem}: {name}"
    )
    return returns.reshape(shape).numpy(), episodes.reshape(shape).numpy()


def rows(method: str, seeds, settings: Settings) -> np.ndarray:
    """The rows `[seed, task, column]` of a method, its seeds in one batch."""
    problem, name = method.split(": ")
    begun = time.process_time()
    learner, meta, steps = train(problem, name, settings, seeds)
    seconds = (time.process_time() - begun) / len(seeds)
    returns, episodes = measure(problem, name, learner, meta, settings)
    *_, level = levels(problem, family_of(problem), held_out(family_of(problem), settings), settings)
    first = first_reached(returns, level.numpy(), settings.checkpoints, settings.checkpoints[-1])
    by_then = np.take_along_axis(episodes, np.searchsorted(settings.checkpoints, first)[..., None], -1)
    cost = np.broadcast_to([steps, seconds], (*first.shape, 2))
    return np.concatenate([returns, first[..., None], by_then, cost], -1)


@functools.lru_cache(1)
def _all_seeds(method: str) -> np.ndarray:
    settings = Settings()
    return rows(method, settings.seeds, settings)


def run(method: str, seed: int) -> np.ndarray:
    """The row of one method and seed; the first seed asked for trains all of them, but for the method `LIVE`."""
    if method == LIVE:
        return rows(method, (seed,), Settings())[0]
    return _all_seeds(method)[Settings().seeds.index(seed)]


EXPERIMENT = Experiment(
    name="meta_dqn",
    script=__file__,
    settings=Settings(),
    methods=METHODS,
    run=run,
    sample=((LIVE, 0), *(("keys: fresh", seed) for seed in Settings().seeds)),
    # Machines round differently, and then one task more or less reaches the level; seconds differ from run to run.
    tolerance=(*[10.0] * len(Settings().checkpoints), 1e3, 1e2, 0.0, np.inf),
    digits=2,
    by_method=True,
)
