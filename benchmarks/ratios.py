"""The speeds that the course promises, each as a ratio to something measured in turn with it: `make benchmarks`.

No test asserts a time: machines differ, and may be busy. This is run by hand, and by a CI job of its own; its exit code
is 1 where a promised ratio is missed. A ratio, too, depends on the processor: beside clones of modules the same eager
MAML was 11.4 times as fast on an AMD EPYC and 9.7 times on an Intel Xeon, compiled 33.6 and 28 times. Promised is what
both kinds keep, less a tenth for noise.
"""

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch

from benchmarks import environments, memory, meta_rl, planning
from benchmarks.meta import clones, images, ours, sinusoids, stepping, times
from metarl_core.agents import GaussianPolicy
from metarl_core.parameters import initial_parameters
from metarl_core.tasks import ImageClasses, PointNavigation
from metarl_core.widgets import policy_adaptation_explorer
from tools.course_second import factor


@dataclass(frozen=True)
class Ratio:
    """How many times faster than its rival something is, and must be."""

    name: str
    rival: str
    found: float
    promised: float

    @property
    def kept(self) -> bool:
        return self.found >= self.promised

    def __str__(self) -> str:
        verdict = "" if self.kept else "  MISSED"
        return f"{self.name:58}{self.found:9.1f} × {self.rival} (promised {self.promised:g}){verdict}"


def maml() -> list[Ratio]:
    """A meta-iteration beside learn2learn's algorithm, which clones modules task by task."""
    small, large = sinusoids(), images()
    seconds = times(
        {
            "clones": stepping(small, clones(small)),
            "eager": stepping(small, ours(small)),
            "compiled": stepping(small, ours(small, compiled=True)),
        }
    )
    conv = times({"clones": stepping(large, clones(large)), "ours": stepping(large, ours(large, chunk=8))}, 5)
    rival = "clones of modules"
    return [
        Ratio("MAML on sinusoids, eager", rival, seconds["clones"] / seconds["eager"], 8.7),
        Ratio("MAML on sinusoids, compiled", rival, seconds["clones"] / seconds["compiled"], 25),
        Ratio("MAML on images", rival, conv["clones"] / conv["ours"], 1.75),
    ]


def stepping_tasks() -> list[Ratio]:
    """Environment steps per second beside Gymnasium's."""
    wanted = {
        (environments.LOOP, 1), ("Gymnasium's NumPy vector", 4096), ("TaskVectorEnv", 4096),
        ("functions of the family", 4096), ("rollout with random actions", 4096),
    }  # fmt: skip
    found = [entry for entry in environments.contenders() if entry[:2] in wanted]
    rates = {
        name: rate for (name, _, _), rate in zip(found, environments.measure(found, turns=9, seconds=0.1), strict=True)
    }
    loop, vector = rates[environments.LOOP], rates["Gymnasium's NumPy vector"]
    return [
        Ratio(
            "CartPole, functions of the family", "the gymnasium.make loop", rates["functions of the family"] / loop, 100
        ),
        Ratio("CartPole, rollout", "the gymnasium.make loop", rates["rollout with random actions"] / loop, 15),
        Ratio(
            "CartPole, functions of the family",
            "Gymnasium's NumPy vector",
            rates["functions of the family"] / vector,
            1,
        ),
        Ratio("CartPole, TaskVectorEnv", "Gymnasium's NumPy vector", rates["TaskVectorEnv"] / vector, 0.6),
    ]


def meta_rl_sampling() -> list[Ratio]:
    """Collecting 20 tasks × 20 episodes beside one environment after another, and a meta-iteration's share of it."""
    seconds = meta_rl.measure(turns=3)
    per_step = {
        name: value / steps
        for (name, value), steps in (
            (item, next(n for key, n in {"one": 100, "20 in": 2000, "metarl_core": 40_000}.items() if key in item[0]))
            for item in seconds.items()
            if item[0].startswith("sampling")
        )
    }
    slowest, ours = max(per_step.values()), per_step["sampling: metarl_core, 20 tasks × 20 episodes"]
    return [
        Ratio("meta-RL, sampling", "one Gymnasium environment", slowest / ours, 200),
        Ratio(
            "meta-RL, an iteration with TRPO",
            "a plain loop",
            seconds["plain loop, TRPO"] / seconds["metarl_core, TRPO"],
            9,
        ),
        Ratio(
            "meta-RL, an iteration with Adam",
            "a plain loop",
            seconds["plain loop, Adam"] / seconds["metarl_core, Adam"],
            4.4,
        ),
    ]


def memories() -> list[Ratio]:
    """Trials of a recurrent memory per second beside loops over bandits with `nn.GRUCell`."""
    found = memory.rates()
    return [
        Ratio(f"memory, trials {what}", rival, found[f"{what}, {memory.OURS}"] / found[f"{what}, {rival}"], promised)
        for what, rival, promised in PROMISED
    ]


PROMISED = (
    ("played", memory.BY_TASK, 25),
    ("played", memory.BY_TRIAL, 180),
    ("learned from", memory.BY_TASK, 30),
    ("learned from", memory.BY_TRIAL, 240),
)
"""of `memories`: what is done with the trials, beside what, and how many times faster"""


def plans() -> list[Ratio]:
    """Planned steps per second beside the same search for one body after another."""
    found = planning.rates()
    return [
        Ratio(f"planning with {what}", rival, found[f"{what}, {planning.OURS}"] / found[f"{what}, {rival}"], promised)
        for what, rival, promised in PLANS
    ]


PLANS = (
    (planning.TRUTH, planning.BY_BODY, 45),
    (planning.TRUTH, planning.BY_CANDIDATE, 1500),
    (planning.NETWORK, planning.BY_BODY, 4.5),
    (planning.NETWORK, planning.BY_CANDIDATE, 110),
)
"""of `plans`: the model, beside what, and how many times faster"""


def redraws() -> list[Ratio]:
    """Explorers and drawing of tasks beside a course second."""
    family = PointNavigation()
    policy = GaussianPolicy(family.observation_space, family.action_space, generator=torch.Generator().manual_seed(0))
    explorer = policy_adaptation_explorer(family, policy, {"MAML": initial_parameters(policy)})
    explorer.controls["steps"].value = 3

    def drag(goal: float) -> None:
        explorer.controls["goal_x"].value = goal

    classes = ImageClasses(torch.zeros(1000, 20, 28, 28, dtype=torch.uint8), ["a"] * 1000, {"train": ["a"]})
    draw = partial(classes.sample_few_shot, 32, 5, 1, 15, torch.Generator())
    second = factor()
    redraw = median_seconds([partial(drag, goal) for goal in (0.1, 0.2, 0.3, 0.4, 0.5)])
    return [
        Ratio("explorer of chapter 08, a redraw after three steps", "a course second", second / redraw, 3),
        Ratio("drawing 32 five-way tasks of images", "a course second", second / median_seconds([draw] * 20), 50),
    ]


def median_seconds(actions: list[Callable[[], object]]) -> float:
    """Median of the seconds that each takes."""
    taken = []
    for action in actions:
        start = time.perf_counter()
        action()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def main() -> int:
    torch.set_num_threads(1)
    missed = 0
    for part in (stepping_tasks, redraws, maml, meta_rl_sampling, memories, plans):
        for ratio in part():
            print(ratio, flush=True)
            missed += not ratio.kept
    print("Every promised ratio is kept." if not missed else f"{missed} promised ratios are missed.")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
