"""The loop that all policy-gradient agents share: collect, update, tell how it goes."""

import torch
from tqdm.auto import tqdm

from metarl_core.agents.networks import Parameters


def train_policy(
    agent, parameters: Parameters, rule, sample, iterations: int, generator: torch.Generator, description: str
) -> dict[str, list]:
    """Alternate `sample` and `rule.update` for `iterations` iterations.

    Args:
        agent: an `ActorCritic`.
        parameters: of every learner, `[learner, ...]`; the rule updates them in place.
        rule: `PPO`, `TRPO` or `A2C`, made for the same parameters.
        sample: a `VectorSampler`, or `family_sampler(...)`.

    Returns:
        History: `return` (mean return of the latest episodes, one number per learner, at each iteration)
        and `steps` (environment steps per learner so far). An interrupt (Ctrl-C) returns what was reached;
        the parameters hold what was learned.
    """
    history: dict[str, list] = {"return": [], "steps": []}
    steps = 0
    bar = tqdm(range(iterations), desc=description)
    try:
        for _ in bar:
            trajectories = sample(agent.policy, agent.policy_part(parameters), generator)
            rule.update(trajectories, generator)
            steps += trajectories.steps // len(trajectories.rewards)
            recent = sample.recent_return() if hasattr(sample, "recent_return") else trajectories.returns.mean(1)
            history["return"].append(recent.tolist())
            history["steps"].append(steps)
            bar.set_postfix(mean_return=f"{float(recent.nanmean()):.1f}")
    except KeyboardInterrupt:
        bar.write(f"Interrupted after {len(history['steps'])} of {iterations} iterations.")
    return history
