"""Environment steps per second on CartPole with random actions, beside Gymnasium: `python -m benchmarks.environments`.

One thread. Every contender plays actions that were drawn beforehand. Contenders take turns, so that a busy
machine slows all of them alike; medians over the turns are compared, and ratios travel where times do not.
"""

import importlib.metadata
import platform
import statistics
import time
from collections.abc import Callable

import gymnasium
import numpy as np
import torch
from tqdm.auto import tqdm

from metarl_core.agents import UniformPolicy
from metarl_core.results import write_benchmark
from metarl_core.results.tables import processor
from metarl_core.tasks import CartPole, TaskVectorEnv, expand_tasks, rollout

BATCHES = ((20, 20), (64, 64), (256, 64))
LOOP = "gymnasium.make, a Python loop"

Contender = tuple[str, int, Callable[[int], int]]
"""Name, environments at once, and a function that takes about that many steps in all and returns how many it took."""


def single_loop() -> Callable[[int], int]:
    env = gymnasium.make("CartPole-v1")
    actions = np.random.default_rng(0).integers(2, size=10_000).tolist()

    def run(steps: int) -> int:
        env.reset(seed=0)
        for index in range(steps):
            _, _, terminated, truncated, _ = env.step(actions[index % len(actions)])
            if terminated or truncated:
                env.reset()
        return steps

    return run


def vector(env: gymnasium.vector.VectorEnv) -> Callable[[int], int]:
    """Any vector environment through Gymnasium's own interface."""
    actions = np.random.default_rng(0).integers(2, size=(50, env.num_envs))

    def run(steps: int) -> int:
        rounds = max(1, steps // env.num_envs)
        env.reset(seed=0)
        for index in range(rounds):
            env.step(actions[index % len(actions)])
        return rounds * env.num_envs

    return run


def functional_batch(tasks: int, episodes: int) -> Callable[[int], int]:
    """The functions of the family in a plain loop, with the masks of ended episodes as `rollout` keeps them."""
    family, rng = CartPole(), torch.Generator().manual_seed(0)
    params = expand_tasks(family.sample_tasks(tasks, rng), episodes)
    actions = torch.randint(2, (50, tasks, episodes), generator=rng)

    @torch.inference_mode()
    def run(steps: int) -> int:
        rounds = max(1, steps // (tasks * episodes))
        for index in range(rounds):
            if index % 50 == 0:
                state = family.initial(rng, params)
                done = torch.zeros(tasks, episodes, dtype=torch.bool)
            action = actions[index % 50]
            following = family.transition(state, action, rng, params)
            family.reward(state, action, following, rng, params)
            done |= family.terminal(following, rng, params)
            state = following
        return rounds * tasks * episodes

    return run


def rollouts(tasks: int, episodes: int, horizon: int = 10) -> Callable[[int], int]:
    """`rollout` itself, the drawing of actions and the assembly of trajectories included; every step is counted
    that the episodes took, and none that was masked."""
    family, rng = CartPole(), torch.Generator().manual_seed(0)
    drawn, policy = family.sample_tasks(tasks, rng), UniformPolicy(family.action_space)

    def run(steps: int) -> int:
        taken = 0
        while taken < steps:
            taken += rollout(family, drawn, policy, {}, episodes, rng, horizon).steps
        return taken

    return run


def contenders() -> list[Contender]:
    found: list[Contender] = [
        (LOOP, 1, single_loop()),
        ("gymnasium.make_vec, sync", 64, vector(gymnasium.make_vec("CartPole-v1", 64, "sync"))),
        ("gymnasium.make_vec, async", 8, vector(gymnasium.make_vec("CartPole-v1", 8, "async"))),
    ]
    for size in (1024, 4096):
        theirs = gymnasium.make_vec("CartPole-v1", size, "vector_entry_point")
        found.append(("Gymnasium's NumPy vector", size, vector(theirs)))
        found.append(("TaskVectorEnv", size, vector(TaskVectorEnv(CartPole(), size))))
    for tasks, episodes in BATCHES:
        found.append(("functions of the family", tasks * episodes, functional_batch(tasks, episodes)))
        found.append(("rollout with random actions", tasks * episodes, rollouts(tasks, episodes)))
    return found


def measure(found: list[Contender], turns: int = 9, seconds: float = 0.1) -> list[float]:
    """Median steps per second of each contender over `turns` turns of about `seconds` each."""
    budgets = []
    for _, size, run in found:  # warm up, and find how many steps fit
        run(size)
        begin = time.perf_counter()
        taken = run(20 * size)
        budgets.append(max(20 * size, int(taken / (time.perf_counter() - begin) * seconds)))
    rates: list[list[float]] = [[] for _ in found]
    for _ in tqdm(range(turns), desc="turns", leave=False):
        for index, (_, _, run) in enumerate(found):
            begin = time.perf_counter()
            taken = run(budgets[index])
            rates[index].append(taken / (time.perf_counter() - begin))
    return [statistics.median(values) for values in rates]


def main() -> None:
    torch.set_num_threads(1)
    found = contenders()
    rates = measure(found)
    by_name = {(name, size): rate for (name, size, _), rate in zip(found, rates, strict=True)}
    loop = by_name[LOOP, 1]
    rows = []
    print(f"{'CartPole, random actions':38}{'at once':>8}{'steps/s':>12}{'× loop':>9}{'× NumPy vector':>16}")
    for (name, size), rate in by_name.items():
        peer = by_name.get(("Gymnasium's NumPy vector", size))
        beside = f"{rate / peer:.2f}" if peer else ""
        print(f"{name:38}{size:8d}{rate:12,.0f}{rate / loop:9.1f}{beside:>16}")
        row = {"name": name, "environments": size, "steps_per_second": round(rate), "times_loop": round(rate / loop, 2)}
        rows.append({**row, "times_numpy_vector": round(rate / peer, 3)} if peer else row)
    versions = {name: importlib.metadata.version(name).split("+")[0] for name in ("torch", "gymnasium", "numpy")}
    versions["python"] = platform.python_version()
    content = {"processor": processor(), "threads": 1, "versions": versions, "rows": rows}
    write_benchmark("environments", content)


if __name__ == "__main__":
    main()
