"""Meta-iterations per second of MAML, beside other ways to write it: `python -m benchmarks.meta`.

One thread, data drawn beforehand, the Adam step included. The contenders take turns, and the median of their
processor times is compared, because it hardly depends on what else the machine does. All compute the same
meta-gradient, which is checked first. *Clones of modules* is learn2learn's algorithm, line by line (`clone_module`
and `update_module` of version 0.2.0); the library itself is measured, too, where it is installed.
"""

import copy
import functools
import importlib.metadata
import importlib.util
import platform
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.utils.flop_counter import FlopCounterMode
from tqdm.auto import tqdm

from metarl_core.meta import MAML, supervised, trace_direction
from metarl_core.networks import HEAD, MLP, conv_net, conv_net_parameters, cross_entropy, mlp
from metarl_core.parameters import Parameters, initial_parameters
from metarl_core.results import write_benchmark
from metarl_core.results.tables import processor
from metarl_core.tasks import FewShot, Sinusoids

OUTER_LR = 1e-3
CHUNK = 8
"""tasks at once in the convolutional network"""
Step = Callable[[], None]
Gradient = Callable[[dict], dict]
Contender = Callable[["Problem"], Gradient]


class Problem:
    """A network in both forms, a loss for one task, and data of one meta-batch."""

    def __init__(self, module: nn.Module, parameters: Parameters, rename: dict[str, str], method: MAML, data: FewShot):
        self.module, self.parameters, self.rename, self.method, self.data = module, parameters, rename, method, data
        with torch.no_grad():
            for name, value in module.named_parameters():
                value.copy_(parameters[rename[name]])
        floating = data.support_targets.is_floating_point()
        self.loss = nn.functional.mse_loss if floating else nn.functional.cross_entropy

    def double(self) -> "Problem":
        """The same in double precision, where rounding does not blur a comparison."""
        parameters = {name: value.double() for name, value in self.parameters.items()}
        data = FewShot(*(value.double() if value.is_floating_point() else value for value in self.data))
        return Problem(copy.deepcopy(self.module).double(), parameters, self.rename, self.method, data)


def sinusoids(tasks: int = 25, width: int = 40, steps: int = 1) -> Problem:
    """The MAML paper's regression: 5 support and 5 query points."""
    generator = torch.Generator().manual_seed(0)
    parameters = initial_parameters(MLP((1, width, width, 1), generator=generator, initialisation="linear"))
    module = nn.Sequential(nn.Linear(1, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1))
    rename = {f"{2 * i}.{part}": f"{part}{i}" for i in range(3) for part in ("weight", "bias")}
    method = MAML(lambda p, x, y: (mlp(p, x) - y).square().mean((1, 2)), 0.01, steps)
    return Problem(module, parameters, rename, method, Sinusoids().sample_few_shot(tasks, 5, 5, generator))


def images(tasks: int = 32, channels: int = 32) -> Problem:
    """5-way 1-shot classification of 28 × 28 images with the four-block network, one query image per class."""
    generator = torch.Generator().manual_seed(0)
    parameters = conv_net_parameters(5, generator, channels)
    layers: list[nn.Module] = []
    rename = {}
    for block in range(4):
        conv = nn.Conv2d(channels if block else 1, channels, 3, stride=2, padding=1, bias=False)
        layers += [conv, nn.BatchNorm2d(channels, track_running_stats=False), nn.ReLU()]
        rename |= {f"{3 * block}.weight": f"weight{block}", f"{3 * block + 1}.weight": f"scale{block}"}
        rename[f"{3 * block + 1}.bias"] = f"shift{block}"
    layers += [nn.Flatten(), nn.Linear(4 * channels, 5)]
    rename |= {"13.weight": HEAD[0], "13.bias": HEAD[1]}
    pictures = torch.rand(2, tasks, 5, 1, 28, 28, generator=generator)
    labels = torch.arange(5).expand(tasks, 5)
    method = MAML(lambda p, x, y: cross_entropy(conv_net(p, x), y), 0.4)
    return Problem(
        nn.Sequential(*layers), parameters, rename, method, FewShot(pictures[0], labels, pictures[1], labels)
    )


# The contenders: each returns a function that computes the meta-gradient, by the module's parameter names


def plain_loop(problem: Problem) -> Gradient:
    """One task after another, `functional_call` and `create_graph`."""
    module, data, rate, steps = problem.module, problem.data, problem.method.inner_lr, problem.method.inner_steps

    def gradient(parameters: dict) -> dict:
        total = 0.0
        for task in range(len(data.support_inputs)):
            adapted = dict(parameters)
            for _ in range(steps):
                loss = problem.loss(
                    functional_call(module, adapted, data.support_inputs[task]), data.support_targets[task]
                )
                slopes = torch.autograd.grad(loss, list(adapted.values()), create_graph=True)
                adapted = {k: v - rate * g for (k, v), g in zip(adapted.items(), slopes, strict=True)}
            total += problem.loss(functional_call(module, adapted, data.query_inputs[task]), data.query_targets[task])
        total = total / len(data.support_inputs)
        return dict(zip(parameters, torch.autograd.grad(total, list(parameters.values())), strict=True))

    return gradient


def clone_module(module: nn.Module) -> nn.Module:
    """A copy of the module tree whose parameters are clones, with a graph back to the original."""
    clone = module.__new__(type(module))
    clone.__dict__ = module.__dict__.copy()
    clone._parameters = {name: None if value is None else value.clone() for name, value in module._parameters.items()}
    clone._buffers = module._buffers.copy()
    clone._modules = {name: clone_module(child) for name, child in module._modules.items()}
    return clone


def move_module(module: nn.Module, updates: dict[Tensor, Tensor]) -> None:
    """Replace each parameter by itself plus its update."""
    for name, value in module._parameters.items():
        if value is not None:
            module._parameters[name] = value + updates[value]
    for child in module._modules.values():
        move_module(child, updates)


def clones(problem: Problem) -> Gradient:
    """A clone of the module for each task, adapted by replacing its parameters."""
    module, data, rate, steps = problem.module, problem.data, problem.method.inner_lr, problem.method.inner_steps

    def gradient(parameters: dict) -> dict:
        total = 0.0
        for task in range(len(data.support_inputs)):
            learner = clone_module(module)
            for _ in range(steps):
                loss = problem.loss(learner(data.support_inputs[task]), data.support_targets[task])
                own = list(learner.parameters())
                slopes = torch.autograd.grad(loss, own, create_graph=True)
                move_module(learner, {p: -rate * g for p, g in zip(own, slopes, strict=True)})
            total += problem.loss(learner(data.query_inputs[task]), data.query_targets[task])
        total = total / len(data.support_inputs)
        return dict(zip(parameters, torch.autograd.grad(total, list(module.parameters())), strict=True))

    return gradient


def learn2learn_itself(problem: Problem) -> Gradient:
    import learn2learn  # not in the environment: it is old, and needs a compiler to install

    maml = learn2learn.algorithms.MAML(problem.module, lr=problem.method.inner_lr)
    data = problem.data

    def gradient(parameters: dict) -> dict:
        total = 0.0
        for task in range(len(data.support_inputs)):
            learner = maml.clone()
            for _ in range(problem.method.inner_steps):
                learner.adapt(problem.loss(learner(data.support_inputs[task]), data.support_targets[task]))
            total += problem.loss(learner(data.query_inputs[task]), data.query_targets[task])
        total = total / len(data.support_inputs)
        return dict(zip(parameters, torch.autograd.grad(total, list(problem.module.parameters())), strict=True))

    return gradient


def vmapped(problem: Problem) -> Gradient:
    """`torch.func`: vmap over tasks of grad through a network of one task."""
    module, data, rate, steps = problem.module, problem.data, problem.method.inner_lr, problem.method.inner_steps

    def inner_loss(parameters, inputs, targets):
        return problem.loss(functional_call(module, parameters, inputs), targets)

    def outer_loss(parameters, task):
        adapted = parameters
        for _ in range(steps):
            slopes = grad(inner_loss)(adapted, task.support_inputs, task.support_targets)
            adapted = {name: value - rate * slopes[name] for name, value in adapted.items()}
        return inner_loss(adapted, task.query_inputs, task.query_targets)

    mean_loss = lambda parameters: vmap(outer_loss, (None, 0))(parameters, data).mean()  # noqa: E731
    return lambda parameters: grad(mean_loss)({name: value.detach() for name, value in parameters.items()})


def ours(problem: Problem, compiled: bool = False, chunk: int | None = None) -> Gradient:
    """The package: all tasks in one batch of operations."""
    data, back = problem.data, {ours: theirs for theirs, ours in problem.rename.items()}
    direction = problem.method.direction
    if compiled:
        direction = trace_direction(problem.method, problem.parameters, data, compiled=True)

    def gradient(parameters: dict) -> dict:
        meta = {problem.rename[name]: value for name, value in parameters.items()}
        found, _ = supervised.in_chunks(direction, meta, data, chunk)
        return {back[name]: value for name, value in found.items()}

    return gradient


def stepping(problem: Problem, gradient: Gradient) -> Step:
    """One meta-iteration: gradient and Adam."""
    parameters = dict(problem.module.named_parameters())
    optimiser = torch.optim.Adam(parameters.values(), lr=OUTER_LR, fused=True)

    def step() -> None:
        found = gradient(parameters)
        for name, value in parameters.items():
            value.grad = found[name]
        optimiser.step()

    return step


def check(problem: Problem, contenders: dict[str, Contender]) -> None:
    """All contenders compute the same meta-gradient.

    Raises:
        AssertionError: where one does not.
    """
    problem = problem.double()
    parameters = dict(problem.module.named_parameters())
    found = {name: contender(problem)(parameters) for name, contender in contenders.items()}
    expected = next(iter(found.values()))
    for name, gradient in found.items():
        for key, value in gradient.items():
            error = float((value - expected[key]).norm() / expected[key].norm())
            assert error < 1e-6, f"{name} has another gradient of {key}: relative error {error:.1e}"


def times(steps: dict[str, Step], turns: int = 7, seconds: float = 0.3) -> dict[str, float]:
    """Median processor seconds of one iteration of each, in turn."""
    counts = {}
    for name, step in steps.items():
        step()
        begin = time.process_time()
        step()
        counts[name] = max(1, int(seconds / (time.process_time() - begin + 1e-6)))
    taken: dict[str, list[float]] = {name: [] for name in steps}
    for _ in tqdm(range(turns), desc="turns", leave=False):
        for name, step in steps.items():
            begin = time.process_time()
            for _ in range(counts[name]):
                step()
            taken[name].append((time.process_time() - begin) / counts[name])
    return {name: statistics.median(values) for name, values in taken.items()}


def compare(title: str, problem: Problem, contenders: dict[str, Contender], reference: str) -> list[dict]:
    """Times of all contenders on one problem, printed and returned."""
    if importlib.util.find_spec("learn2learn"):
        contenders = {**contenders, "learn2learn": learn2learn_itself}
    check(problem, contenders)
    measured = times({name: stepping(problem, contender(problem)) for name, contender in contenders.items()})
    rows = []
    print(f"{title:44}{'ms':>9}{'per second':>12}{'× ' + reference:>22}")
    for name, seconds in measured.items():
        ratio = measured[reference] / seconds
        print(f"  {name:42}{1000 * seconds:9.2f}{1 / seconds:12.1f}{ratio:22.1f}")
        rows.append({"name": name, "milliseconds": round(1000 * seconds, 3), "times_reference": round(ratio, 2)})
    return rows


def matmul_rate(size: int = 1024) -> float:
    """Floating-point operations per second of a large matrix product: the most that this machine gives."""
    a, b = torch.rand(2, size, size)
    return 2 * size**3 / times({"matmul": lambda: a @ b}, 5, 0.2)["matmul"]


def scaling(rate: float) -> list[dict]:
    """Time per iteration against tasks, inner steps and width, and the least time that the arithmetic needs."""
    settings = [("tasks", n, dict(tasks=n)) for n in (1, 5, 25, 125, 625)]
    settings += [("inner steps", n, dict(steps=n)) for n in (1, 2, 5, 10)]
    settings += [("width", n, dict(width=n)) for n in (10, 40, 160, 640)]
    rows = []
    for axis, value, changes in tqdm(settings, desc="scaling", leave=False):
        problem = sinusoids(**changes)
        step = stepping(problem, ours(problem))
        with FlopCounterMode(display=False) as counter:
            step()
        seconds = times({"ours": step}, 5, 0.2)["ours"]
        limit = counter.get_total_flops() / rate
        parameters = sum(value.numel() for value in problem.parameters.values())
        rows.append(
            {"axis": axis, "value": value, "parameters": parameters, "milliseconds": round(1000 * seconds, 3),
             "limit_milliseconds": round(1000 * limit, 4)}
        )  # fmt: skip
        print(f"  {axis:12}{value:6d}{1000 * seconds:10.2f} ms, arithmetic alone {1000 * limit:8.3f} ms")
    return rows


def main() -> None:
    torch.set_num_threads(1)
    reference = "clones of modules"
    results = {
        "sinusoids": compare(
            "MAML on sinusoids, 25 tasks, 40-40",
            sinusoids(),
            {
                reference: clones,
                "plain loop": plain_loop,
                "vmap": vmapped,
                "metarl_core": ours,
                "metarl_core, compiled": functools.partial(ours, compiled=True),
            },
            reference,
        ),
        "images": compare(
            "MAML on images, 32 tasks, four blocks of 32",
            images(),
            # Not vmap: its second derivative of batch_norm is off by half a per cent (torch 2.13).
            {
                reference: clones,
                "plain loop": plain_loop,
                f"metarl_core, {CHUNK} tasks at once": functools.partial(ours, chunk=CHUNK),
            },
            reference,
        ),
    }
    rate = matmul_rate()
    print(f"matrix product: {rate / 1e9:.1f} GFLOP/s")
    versions = {"torch": importlib.metadata.version("torch").split("+")[0], "python": platform.python_version()}
    content = {
        "processor": processor(), "threads": 1, "versions": versions, "gigaflops": round(rate / 1e9, 1),
        **results, "scaling": scaling(rate),
    }  # fmt: skip
    write_benchmark("meta", content)


if __name__ == "__main__":
    main()
