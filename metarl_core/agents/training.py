"""The loop that all actor-critic agents share: collect, update, tell how it goes."""

from collections.abc import Callable

import torch
from tqdm.auto import tqdm

from metarl_core.parameters import Parameters
from metarl_core.tasks.rollout import Trajectories

Callback = Callable[[int, Parameters, Trajectories], None]


def train_policy(
    agent,
    parameters: Parameters,
    sampler,
    update: Callable[[Trajectories, torch.Generator], None],
    iterations: int,
    generator: torch.Generator,
    description: str,
    callback: Callback | None = None,
) -> tuple[Parameters, dict[str, list]]:
    """Alternate `sampler` and `update` for `iterations` iterations, with a progress bar.

    Args:
        agent: an `ActorCritic`.
        parameters: of every learner, `[learner, ...]`; `update` changes them in place.
        sampler: a `VectorSampler` or a `FamilySampler`.
        update: the method `update` of a `PPO`, `TRPO` or `A2C` made for the same parameters.
        generator: source of the policies' noise and of the minibatches.
        description: name on the progress bar.
        callback: called as `callback(iteration, parameters, trajectories)` after each update.

    Returns:
        Trained parameters and history: `return` (mean undiscounted return of each learner's latest episodes, a
        list `[learner]` per iteration) and `steps` (environment steps per learner so far). An interrupt
        (Ctrl-C) returns what was reached.
    """
    history: dict[str, list] = {"return": [], "steps": []}
    steps = 0
    bar = tqdm(range(iterations), desc=description)
    try:
        for iteration in bar:
            trajectories = sampler(agent.policy, agent.policy_part(parameters), generator)
            update(trajectories, generator)
            steps += trajectories.steps // sampler.learners
            recent = sampler.recent_return()
            history["return"].append(recent.tolist())
            history["steps"].append(steps)
            bar.set_postfix(mean_return=f"{float(recent.nanmean()):.1f}")
            if callback is not None:
                callback(iteration, parameters, trajectories)
    except KeyboardInterrupt:
        bar.write(f"Interrupted after {len(history['steps'])} of {iterations} iterations.")
    return {name: value.detach() for name, value in parameters.items()}, history
