"""Meta-training over several processes, on one machine or on many: the tasks of a meta-batch are spread over them.

No engine of our own: processes are started by `torchrun` and talk by `torch.distributed`, gloo on CPUs and NCCL on
GPUs. `DistributedDataParallel` does not fit here: it averages what `.backward()` leaves in modules, and a meta-gradient
is a function's result. So every process computes the outer direction of its own tasks, and one sum of one flat vector
makes the mean of all.
"""

from .ranks import RankLostError, Ranks, join
from .spread import spread

__all__ = ["RankLostError", "Ranks", "join", "spread"]
