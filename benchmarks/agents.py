"""Seconds of training until an agent is good, beside Stable-Baselines3: `python -m benchmarks.agents`.

An agent is good when 20 greedy episodes on `gymnasium.make(...)` first reach a mean return of 475 on CartPole-v1
or −200 on Pendulum-v1. One thread, one training at a time, the libraries in turn. Training is interrupted for an
evaluation every half second or so, which does not count. Both libraries use networks of the same size, and
Stable-Baselines3 the settings of RL Baselines3 Zoo. Processor seconds are compared, because they hardly depend
on what else the machine does; wall seconds stand beside them. A training that ends before it is good counts as
infinite.
"""

import argparse
import importlib.metadata
import json
import math
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, replace

import gymnasium
import numpy as np
import torch

from metarl_core.agents import (
    CARTPOLE_DQN,
    CARTPOLE_PPO,
    PENDULUM_PPO,
    ActorCritic,
    Setting,
    evaluate,
    train_dqn,
    train_ppo,
)
from metarl_core.parameters import select_parameters
from metarl_core.results import write_benchmark
from metarl_core.results.tables import processor

THRESHOLDS = {"CartPole-v1": 475.0, "Pendulum-v1": -200.0}
EVERY = 0.5
"""processor seconds of training between evaluations"""
EPISODES = 20


class Good(Exception):
    """Raised inside a training whose agents have all reached the threshold."""


class Watch:
    """Counts the seconds of training alone, and remembers when each learner was first good.

    Args:
        environment: its id.
        learners: number of agents trained at once.
    """

    def __init__(self, environment: str, learners: int = 1):
        self.env, self.threshold = gymnasium.make(environment), THRESHOLDS[environment]
        self.good = [math.inf] * learners
        self.cpu = self.wall = self.last = 0.0
        self.evaluations = 0
        self.resume()

    def resume(self) -> None:
        self.started = (time.process_time(), time.perf_counter())

    def look(self, mean_return: Callable[[int, int], float]) -> None:
        """Evaluate if it is time; `mean_return(learner, seed)` gives the mean of `EPISODES` episodes."""
        if time.process_time() - self.started[0] + self.cpu - self.last < EVERY:
            return
        self.cpu += time.process_time() - self.started[0]
        self.wall += time.perf_counter() - self.started[1]
        self.last = self.cpu
        self.evaluations += 1
        for learner, seconds in enumerate(self.good):
            if math.isinf(seconds) and mean_return(learner, 10_000 * self.evaluations) >= self.threshold:
                self.good[learner] = self.cpu
        if all(map(math.isfinite, self.good)):
            raise Good
        self.resume()


def ours(setting: Setting, seeds: tuple[int, ...]) -> dict:
    """One learner per seed, all at once."""
    agent, parameters, sampler = setting.prepare(seeds)
    watch = Watch(setting.env_id, len(seeds))

    def look(current):
        def mean_return(learner, seed):
            own = select_parameters(current, learner)
            policy, own = (agent.policy, agent.policy_part(own)) if isinstance(agent, ActorCritic) else (agent, own)
            return float(evaluate(watch.env, policy, own, EPISODES, seed).mean())

        watch.look(mean_return)

    generator = torch.Generator().manual_seed(seeds[0])
    watch.resume()
    try:
        if isinstance(agent, ActorCritic):
            train_ppo(
                agent,
                parameters,
                sampler,
                setting.config,
                generator,
                callback=lambda iteration, parameters, data: look(parameters),
            )
        else:
            train_dqn(
                agent,
                parameters,
                sampler,
                setting.config,
                generator,
                callback=lambda iteration, parameters, data: look(parameters),
                report_every=200,
            )
    except Good:
        pass
    steps = sampler.steps_taken // len(seeds)
    return {"cpu_seconds": max(watch.good), "wall_seconds": watch.wall, "steps": steps}


def theirs(algorithm: str, environment: str, seed: int, steps: int, copies: int, **options) -> dict:
    """Stable-Baselines3."""
    import stable_baselines3
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.env_util import make_vec_env

    watch = Watch(environment)

    def mean_return(_, evaluation_seed):
        returns = []
        for episode in range(EPISODES):
            observation, _ = watch.env.reset(seed=evaluation_seed if episode == 0 else None)
            total, over = 0.0, False
            while not over:
                action, _ = model.predict(observation, deterministic=True)
                observation, reward, terminated, truncated, _ = watch.env.step(action)
                total, over = total + float(reward), terminated or truncated
            returns.append(total)
        return float(np.mean(returns))

    class Look(BaseCallback):
        def _on_step(self) -> bool:
            watch.look(mean_return)
            return True

    envs = make_vec_env(environment, copies, seed=seed)
    model = getattr(stable_baselines3, algorithm)("MlpPolicy", envs, seed=seed, device="cpu", **options)
    watch.resume()
    try:
        model.learn(steps, callback=Look())
    except Good:
        pass
    return {"cpu_seconds": watch.good[0], "wall_seconds": watch.wall, "steps": model.num_timesteps}


def linear(start: float) -> Callable[[float], float]:
    """A schedule from `start` to zero, as the Zoo's `lin_`."""
    return lambda remaining: remaining * start


ZOO = {
    "DQN, CartPole-v1": dict(
        algorithm="DQN", environment="CartPole-v1", steps=50_000, num_envs=1, learning_rate=2.3e-3, batch_size=64,
        buffer_size=100_000, learning_starts=1000, gamma=0.99, target_update_interval=10, train_freq=256,
        gradient_steps=128, exploration_fraction=0.16, exploration_final_eps=0.04,
        policy_kwargs={"net_arch": [256, 256]},
    ),
    "PPO, CartPole-v1": dict(
        algorithm="PPO", environment="CartPole-v1", steps=100_000, num_envs=8, n_steps=32, batch_size=256,
        gae_lambda=0.8, gamma=0.98, n_epochs=20, ent_coef=0.0, learning_rate=linear(1e-3), clip_range=linear(0.2),
    ),
    "PPO, Pendulum-v1": dict(
        algorithm="PPO", environment="Pendulum-v1", steps=100_000, num_envs=4, n_steps=1024, gae_lambda=0.95, gamma=0.9,
        n_epochs=10, ent_coef=0.0, learning_rate=1e-3, clip_range=0.2, use_sde=True, sde_sample_freq=4,
    ),
}  # fmt: skip
"""Settings of RL Baselines3 Zoo; its networks are 256-256 for DQN, and for PPO the default 64-64 of both libraries."""

OURS = {
    "DQN, CartPole-v1": replace(CARTPOLE_DQN, hidden=(256, 256)),
    "PPO, CartPole-v1": replace(
        CARTPOLE_PPO,
        num_envs=16,
        num_steps=32,
        config=replace(CARTPOLE_PPO.config, iterations=200, lr=2e-3, minibatches=2, discount=0.98, gae_lambda=0.8),
    ),
    "PPO, Pendulum-v1": replace(
        PENDULUM_PPO, config=replace(PENDULUM_PPO.config, minibatches=8, lr=3e-3, gae_lambda=0.9)
    ),
}
"""The course's settings, in a greater hurry: larger steps, more environments at once."""


def spread(values: list[float]) -> dict:
    """Median, least and greatest; None where a training never was good."""
    return {
        name: round(value, 2) if math.isfinite(value) else None
        for name, value in (("median", statistics.median(values)), ("min", min(values)), ("max", max(values)))
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, help="trainings of each contender")
    parser.add_argument("--only", choices=list(ZOO), help="one problem; the committed file is then left alone")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for name in [arguments.only] if arguments.only else ZOO:
        mine, other = [], []
        for seed in range(arguments.seeds):
            mine.append(ours(OURS[name], (seed,)))
            other.append(theirs(seed=seed, **ZOO[name]))
            print(name, "seed", seed, mine[-1], other[-1], flush=True)
        together = ours(OURS[name], tuple(range(5)))
        ratio = statistics.median(run["cpu_seconds"] for run in other) / statistics.median(
            run["cpu_seconds"] for run in mine
        )
        row = {
            "name": name,
            "threshold": THRESHOLDS[ZOO[name]["environment"]],
            "ratio": round(ratio, 2) if math.isfinite(ratio) else None,
            "ours": {"cpu_seconds": spread([run["cpu_seconds"] for run in mine]), "runs": mine},
            "stable_baselines3": {"cpu_seconds": spread([run["cpu_seconds"] for run in other]), "runs": other},
            "ours, five seeds at once, until the last is good": together,
            "our settings": asdict(OURS[name]),
        }
        rows.append(row)
        print(f"{name}: ours {row['ours']['cpu_seconds']} s, Stable-Baselines3")
        print(f"{row['stable_baselines3']['cpu_seconds']} s, {row['ratio']} times as fast;", end=" ")
        print(f"five seeds at once {together['cpu_seconds']:.1f} s")
    if arguments.only:
        return
    versions = {
        package: importlib.metadata.version(package).split("+")[0]
        for package in ("torch", "gymnasium", "numpy", "stable-baselines3")
    }
    versions["python"] = platform.python_version()
    content = {"processor": processor(), "threads": 1, "versions": versions, "episodes": EPISODES, "rows": rows}
    text = json.dumps(content).replace("Infinity", "null")
    write_benchmark("agents", json.loads(text))


if __name__ == "__main__":
    main()
