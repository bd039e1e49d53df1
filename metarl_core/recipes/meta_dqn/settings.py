"""What the table of meta-learned Q-networks depends on."""

from dataclasses import dataclass, field

from metarl_core.agents import DQNConfig
from metarl_core.meta import values
from metarl_core.tasks import CartPole, GridGoals, RotatedKeys, TaskFamily

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
