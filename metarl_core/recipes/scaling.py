"""Chapter 14: how long an iteration of MAML takes on one process and on two, over links of several speeds.

Two processes with one thread each train sine curves with `spread`, on "hosts" of their own: network namespaces of one
machine, joined by a pair of virtual network cards that a token bucket (`tc`, `tbf`) holds to a stated rate. So the
link is really as slow as it says; its delay is what the machine needs, and is not varied. A row is
`[network · tasks, part]`: for each width and each number of tasks *per process* the median seconds of an iteration, of
its own tasks' gradients, and of the sum over processes; and of how many numbers that sum is. One more row for each
width holds the sum alone, of as many numbers as the network has, without any computing before it. Repetitions ("seeds")
are process groups of their own.

    python -m metarl_core.recipes.scaling RESULT      what each process runs, its rank in the environment

With METARL_REALTIME=1 the processes run in front of all others, as those of the committed table did on a busy machine.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from metarl_core.meta import MAML, supervised
from metarl_core.networks import MLP, mlp
from metarl_core.parameters import Parameters, initial_parameters
from metarl_core.randomness import seeded
from metarl_core.scale import Ranks, join, spread
from metarl_core.tasks import FewShot, Sinusoids

ALONE, LOCAL = "one process", "two, memory"
LINKS = {"two, 1 Gbit/s": 1000, "two, 200 Mbit/s": 200, "two, 50 Mbit/s": 50}
"""megabits per second"""
METHODS = (ALONE, LOCAL, *LINKS)
PARTS = ("iteration", "gradients", "sum", "numbers")
"""seconds, but for the last one: how many numbers the sum is of, the same on every machine"""
HOSTS = ("metarl-0", "metarl-1")


@dataclass(frozen=True)
class Settings:
    """All that the table depends on; the chapter reads them back from the table."""

    widths: tuple[int, ...] = (64, 256, 512)
    """of the two hidden layers"""
    tasks: tuple[int, ...] = (1, 4, 12)
    """per process"""
    points: int = 10
    """of a task, to adapt to and to be measured on"""
    iterations: int = 15
    """timed, after two that are not; their median counts"""
    test_tasks: int = 12
    """rows: of each width one for each number of tasks, and one for the sum alone"""
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)


def run(method: str, seed: int, settings: Settings | None = None) -> np.ndarray:
    """Seconds `[width · (tasks, sum alone), part]` of one group of processes.

    Raises:
        OSError: where this machine has no network namespaces, or does not let one make them.
    """
    size = 1 if method == ALONE else 2
    with tempfile.TemporaryDirectory() as folder, hosts(LINKS.get(method)) as (prefixes, address):
        file = Path(folder) / "seconds.npy"
        environment = {
            **os.environ,
            "MASTER_ADDR": address,
            "MASTER_PORT": "29514",
            "WORLD_SIZE": str(size),
            "OMP_NUM_THREADS": "1",
        }
        if method in LINKS:
            environment["GLOO_SOCKET_IFNAME"] = "metarl"
        command = [sys.executable, "-m", "metarl_core.recipes.scaling", str(file)]
        started = [
            subprocess.Popen([*prefixes[rank], *command], env=environment | {"RANK": str(rank), "LOCAL_RANK": "0"})
            for rank in range(size)
        ]
        codes = [process.wait() for process in started]
        if any(codes):
            raise OSError(f"the processes of {method!r} must end with 0, got {codes}.")
        return np.load(file)


@contextlib.contextmanager
def hosts(megabits: int | None) -> Iterator[tuple[list[list[str]], str]]:
    """What to write in front of the command of each process, and the address of the first one.

    Args:
        megabits: per second, of the link between two namespaces; None: no namespaces.
    """
    if megabits is None:
        yield [[], []], "127.0.0.1"
        return
    if not shutil.which("ip") or not shutil.which("tc"):
        raise OSError("this machine has no ip and tc: the table can be made on Linux alone.")
    try:
        for host in HOSTS:
            _ip("netns", "add", host)
        _ip("-n", HOSTS[0], "link", "add", "metarl", "type", "veth", "peer", "name", "metarl", "netns", HOSTS[1])
        for number, host in enumerate(HOSTS):
            _ip("-n", host, "addr", "add", f"10.114.0.{number + 1}/24", "dev", "metarl")
            _ip("-n", host, "link", "set", "lo", "up")
            _ip("-n", host, "link", "set", "metarl", "up")
            given = ["rate", f"{megabits}mbit", "burst", f"{bucket(megabits)}b", "latency", "100ms"]
            _call("tc", "-n", host, "qdisc", "add", "dev", "metarl", "root", "tbf", *given)
        yield [["ip", "netns", "exec", host] for host in HOSTS], "10.114.0.1"
    finally:
        for host in HOSTS:
            subprocess.run(["ip", "netns", "del", host], check=False, capture_output=True)


def _ip(*arguments: str) -> None:
    _call("ip", *arguments)


def _call(*command: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"{' '.join(command[:4])} must be allowed here, got: {done.stderr.strip()}.")


class Timed(Ranks):
    """Ranks that note how long their sums take, and of how many numbers the last one was."""

    seconds, numbers = 0.0, 0

    def total(self, values: Tensor) -> Tensor:
        started = time.perf_counter()
        summed = super().total(values)
        self.seconds += time.perf_counter() - started
        self.numbers = values.numel()
        return summed


def loss(parameters: Parameters, inputs: Tensor, targets: Tensor) -> Tensor:
    """Mean squared error `[task]`."""
    return (mlp(parameters, inputs) - targets).square().mean((1, 2))


def bucket(megabits: int) -> int:
    """Bytes that the token bucket of a link lets through at once, after a pause."""
    return 1024 * max(16, megabits)


def numbers(width: int) -> int:
    """How many a network with two hidden layers of that width has."""
    return width * width + 4 * width + 1


def measured(ranks: Ranks, settings: Settings) -> np.ndarray:
    """The row: seconds `[width · (tasks, sum alone), part]`, as this process sees them."""
    timed = Timed(ranks.rank, ranks.size, ranks.device)
    rows = []
    for width in settings.widths:
        start = initial_parameters(MLP((1, width, width, 1), generator=seeded(0)))
        for tasks in settings.tasks:
            rows.append(_iterations(timed, start, tasks, settings))
        flat, alone = torch.zeros(numbers(width)), []
        for _ in range(settings.iterations + 2):
            timed.total(torch.zeros(1))  # all are here
            started = time.perf_counter()
            timed.total(flat)
            alone.append(time.perf_counter() - started)
        rows.append([float(np.median(alone[2:]))] * 3 + [timed.numbers])
    return np.array(rows)


def _iterations(ranks: Timed, start: Parameters, tasks: int, settings: Settings) -> list[float]:
    """Medians over iterations of the seconds of a whole one, its gradients, and its sum; numbers in the sum."""
    method, whole, gradients, sums = MAML(loss, inner_lr=0.01), [], [], []
    spent = [0.0]

    def noted(meta: Parameters, data: FewShot) -> tuple[Parameters, Tensor]:
        began = time.perf_counter()
        found = method.direction(meta, data)
        spent[0] += time.perf_counter() - began
        return found

    def draw(number: int, generator: torch.Generator) -> FewShot:
        return Sinusoids().sample_few_shot(number, settings.points, settings.points, generator)

    last = [time.perf_counter()]

    def note(iteration: int, parameters: Parameters, data: FewShot) -> None:
        now = time.perf_counter()
        whole.append(now - last[0])
        gradients.append(spent[0])
        sums.append(ranks.seconds)
        ranks.seconds, spent[0] = 0.0, 0.0
        last[0] = time.perf_counter()

    config = supervised.TrainConfig(
        iterations=settings.iterations + 2, meta_batch=tasks * ranks.size, report_every=1, batches_at_once=1
    )
    ranks.seconds = 0.0
    supervised.train(
        method, start, draw, config, seeded(0), description=None, callback=note, direction=spread(noted, ranks, chunk=1)
    )
    return [float(np.median(values[2:])) for values in (whole, gradients, sums)] + [ranks.numbers]


def main(file: str) -> None:
    """Measure with the processes that were started together; the first one writes the row."""
    torch.set_num_threads(1)
    if os.environ.get("METARL_REALTIME"):  # in front of whatever else runs on the machine, for who may
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    with join(minutes=5) as ranks:
        row = measured(ranks, Settings())
        if ranks.first:
            np.save(file, row)


if __name__ == "__main__":
    main(*sys.argv[1:])
