"""Planned steps per second beside a plain loop: `python -m benchmarks.planning`.

One thread, bodies and search of chapter 12's table: CEM with two rounds of 40 candidates and 15 steps. A planned step
is one step of one candidate for one body. Planned is with the true equations, or with a network of two layers of 64.
The reference is the same search, for one body after another, or for one candidate of one body after another. Both find
the same plans from the same noise, which is checked first. Processor times, medians of several turns.
"""

import functools
import platform
from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.meta import times
from metarl_core.meta import FixedModel
from metarl_core.meta.models import Believer, DynamicsNetwork
from metarl_core.parameters import initial_parameters
from metarl_core.planning import CEM, Dynamics, PlanningModel, TrueDynamics, imagined_returns
from metarl_core.recipes.changing_bodies import Settings, family_of
from metarl_core.results import write_benchmark
from metarl_core.results.tables import processor
from metarl_core.tasks import Tasks, expand_tasks, select_tasks

BODIES, FEW, FEWER = 100, 5, 1
"""bodies at once, and those of the loops over bodies and over candidates"""
OURS, BY_BODY, BY_CANDIDATE = "all bodies at once", "a loop over bodies", "a loop over bodies and candidates"
TRUTH, NETWORK = "true equations", "a network"
SETTINGS = Settings()
PLANNER: CEM = SETTINGS.planner


def dynamics(model: PlanningModel, tasks: Tasks, states: Tensor) -> Dynamics:
    """What is planned with before the first step, for some bodies."""
    params = expand_tasks(tasks, 1)
    seen = family_of(SETTINGS).observation(states, torch.Generator(), params)
    return model.dynamics(model.begin(params, seen), states, seen)


def plans(model: PlanningModel, tasks: Tasks, states: Tensor, noise: Tensor, one_by_one: bool = False) -> Tensor:
    """Plans of all bodies at once, `[body, 1, time, action]`; candidates at once, or one by one."""
    now, low = dynamics(model, tasks, states), -torch.ones(1)

    def score(sequences: Tensor) -> Tensor:
        some = sequences.split(1 if one_by_one else sequences.shape[2], 2)
        return torch.cat([imagined_returns(now.step, now.reward, now.start, part) for part in some], 2)

    return PLANNER.search(score, low, -low, noise)


@torch.no_grad()
def in_turn(model: PlanningModel, tasks: Tasks, states: Tensor, noise: Tensor, one_by_one: bool) -> Tensor:
    """The same plans, one body after another."""
    found = []
    for body in range(len(states)):
        some = slice(body, body + 1)
        found.append(plans(model, select_tasks(tasks, some), states[some], noise[:, some], one_by_one))
    return torch.cat(found)


def rates(turns: int = 5) -> dict[str, float]:
    """Planned steps per second of processor time."""
    generator, family = torch.Generator().manual_seed(0), family_of(SETTINGS)
    tasks = family.sample_tasks(BODIES, generator)
    states = family.initial(generator, expand_tasks(tasks, 1))
    noise = PLANNER.noise((BODIES, 1), torch.zeros(1), generator)
    network = DynamicsNetwork(5, 1, SETTINGS.hidden, torch.tanh, generator=generator)
    meta = initial_parameters(network)
    learned = Believer(FixedModel(network), meta, family.observed_reward)
    rivals = {
        OURS: (BODIES, plans),
        BY_BODY: (FEW, functools.partial(in_turn, one_by_one=False)),
        BY_CANDIDATE: (FEWER, functools.partial(in_turn, one_by_one=True)),
    }
    actions: dict[str, Callable[[], Tensor]] = {}
    bodies: dict[str, int] = {}
    with torch.no_grad():
        for what, model in ((TRUTH, TrueDynamics(family)), (NETWORK, learned)):
            right = plans(model, tasks, states, noise)
            for rival, (number, find) in rivals.items():
                some = slice(number)
                run = functools.partial(find, model, select_tasks(tasks, some), states[some], noise[:, some])
                torch.testing.assert_close(run(), right[some], atol=1e-3, rtol=0)
                actions[f"{what}, {rival}"], bodies[f"{what}, {rival}"] = torch.no_grad()(run), number
    seconds = times(actions, turns, 0.1)
    steps = PLANNER.iterations * PLANNER.candidates * PLANNER.horizon
    return {name: bodies[name] * steps / value for name, value in seconds.items()}


def main() -> None:
    torch.set_num_threads(1)
    found = rates()
    for name, rate in found.items():
        what = name.split(",")[0]
        print(f"{name:52}{rate:12,.0f} planned steps per second, ours {found[f'{what}, {OURS}'] / rate:.1f} ×")
    content = {
        "processor": processor(), "python": platform.python_version(), "torch": torch.__version__,
        "bodies": BODIES, "candidates": PLANNER.candidates, "rounds": PLANNER.iterations, "horizon": PLANNER.horizon,
        "steps_per_second": {name: round(rate) for name, rate in found.items()},
    }  # fmt: skip
    write_benchmark("planning", content)


if __name__ == "__main__":
    main()
