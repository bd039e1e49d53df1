"""Meta-training over several processes, on one machine or on many: the tasks of a meta-batch are spread over them.

No engine of our own: processes are started by `torchrun` and talk by `torch.distributed`, gloo on CPUs and NCCL on
GPUs. `DistributedDataParallel` does not fit here: it averages what `.backward()` leaves in modules, and a meta-gradient
is a function's result. So every process computes the outer direction of its own tasks, and one sum of one flat vector
makes the mean of all.

`spread` does so for supervised tasks. `train_policies` and `train_values` train by interaction, where tasks also need
random numbers while they are computed: the meta-batch is cut into blocks, each with a generator of its own.
"""

from .launch import Launched, torchrun
from .policies import train_policies
from .ranks import RankLostError, Ranks, join
from .spread import spread
from .values import train_values

__all__ = [
    "Launched",
    "RankLostError",
    "Ranks",
    "join",
    "spread",
    "torchrun",
    "train_policies",
    "train_values",
]
