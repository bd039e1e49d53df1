"""What the table of few-shot letters depends on."""

from dataclasses import dataclass, field

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
