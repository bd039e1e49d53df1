"""Environment steps per second of MuJoCo's cheetah and ant, one by one and together: `python -m benchmarks.simulators`.

One thread; needs the extra `benchmarks`. Contenders take turns, as in `benchmarks.environments`.
"""

import importlib.metadata
import platform
from collections.abc import Callable

import gymnasium
import torch

from benchmarks.environments import Contender, measure
from metarl_core.agents import UniformPolicy
from metarl_core.results import write_benchmark
from metarl_core.results.tables import processor
from metarl_core.tasks import GymnasiumTasks, Locomotion, TaskFamily, rollout

TASKS, EPISODES, HORIZON = 8, 10, 10
LOOP = "gymnasium.make, a Python loop"


def loop(name: str) -> Callable[[int], int]:
    env = gymnasium.make(name)
    env.action_space.seed(0)
    actions = [env.action_space.sample() for _ in range(100)]

    def run(steps: int) -> int:
        env.reset(seed=0)
        for index in range(steps):
            _, _, terminated, truncated, _ = env.step(actions[index % 100])
            if terminated or truncated:
                env.reset()
        return steps

    return run


def rollouts(family: TaskFamily) -> Callable[[int], int]:
    """Whole rollouts of random actions, as learners collect them."""
    policy, rng = UniformPolicy(family.action_space), torch.Generator().manual_seed(0)
    tasks = family.sample_tasks(TASKS, rng)

    def run(steps: int) -> int:
        taken = 0
        while taken < steps:
            taken += rollout(family, tasks, policy, {}, EPISODES, rng).steps
        return taken

    return run


def vector(env: gymnasium.vector.VectorEnv) -> Callable[[int], int]:
    env.action_space.seed(0)
    actions = [env.action_space.sample() for _ in range(10)]

    def run(steps: int) -> int:
        rounds = max(1, steps // env.num_envs)
        env.reset(seed=0)
        for index in range(rounds):
            env.step(actions[index % len(actions)])
        return rounds * env.num_envs

    return run


def contenders(body: str) -> list[Contender]:
    name, size = f"{body}-v5", TASKS * EPISODES
    makers = [lambda: gymnasium.make(name)] * TASKS
    return [
        (LOOP, 1, loop(name)),
        ("gymnasium.make_vec, sync", size, vector(gymnasium.make_vec(name, size, "sync"))),
        ("GymnasiumTasks in rollout", size, rollouts(GymnasiumTasks(makers, horizon=HORIZON))),
        ("Locomotion in rollout", size, rollouts(Locomotion(body, horizon=HORIZON))),
        ("Locomotion in rollout, two threads", size, rollouts(Locomotion(body, horizon=HORIZON, threads=2))),
    ]


def main() -> None:
    torch.set_num_threads(1)
    rows = []
    for body in ("HalfCheetah", "Ant"):
        found = contenders(body)
        rates = measure(found, turns=5, seconds=0.4)
        for (name, size, _), rate in zip(found, rates, strict=True):
            print(f"{body:12}{name:38}{size:6d}{rate:10,.0f}{rate / rates[0]:8.2f}")
            rows.append(
                {
                    "body": body,
                    "name": name,
                    "environments": size,
                    "steps_per_second": round(rate),
                    "times_loop": round(rate / rates[0], 2),
                }
            )
    names = ("torch", "gymnasium", "mujoco", "numpy")
    versions = {name: importlib.metadata.version(name).split("+")[0] for name in names}
    versions["python"] = platform.python_version()
    write_benchmark("simulators", {"processor": processor(), "threads": 1, "versions": versions, "rows": rows})


if __name__ == "__main__":
    main()
