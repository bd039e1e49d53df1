"""Bad input to `metarl_core.planning`."""

import torch

from metarl_core.planning import CEM, MPPI, RandomShooting, TrueDynamics, imagined_returns, play, shifted
from metarl_core.tasks import CartPole, DampedPendulum, GymnasiumTasks

RNG = torch.Generator("cpu")
FAMILY = DampedPendulum(horizon=2)
MODEL, PLANNER = TrueDynamics(FAMILY), CEM(horizon=2, candidates=4, elites=2, iterations=1)
LOW, HIGH = torch.tensor([-1.0]), torch.tensor([1.0])
START, ACTIONS = torch.zeros(2, 3), torch.zeros(2, 4, 5, 1)


def planned(planner=PLANNER, score=None, low=LOW, high=HIGH, noise=None, start=None):
    def call():
        drawn = planner.noise((3,), LOW, RNG) if noise is None else noise
        return planner.search(score or (lambda sequences: sequences.sum((-1, -2))), low, high, drawn, start)

    return call


def played(family=FAMILY, tasks=None, model=MODEL, planner=PLANNER, episodes=1, generator=RNG, **named):
    return lambda: play(family, tasks, model, planner, episodes, generator, **named)


def imagined(step=None, reward=None, start=START, actions=ACTIONS, discount=1.0):
    step, reward = step or (lambda s, a: s), reward or (lambda s, a, n: s[..., 0])
    return lambda: imagined_returns(step, reward, start, actions, discount)


def simulators():
    import gymnasium

    return TrueDynamics(GymnasiumTasks([lambda: gymnasium.make("Pendulum-v1")]))


CALLS = [
    ("imagined_returns", imagined(step=3), "step must be a function of states and actions, got 3"),
    ("imagined_returns", imagined(reward=3), "reward must be a function of states, actions and next states, got 3"),
    ("imagined_returns", imagined(actions=ACTIONS[0]), r"\[2, candidate, time, action\], got \[4, 5, 1\]"),
    ("imagined_returns", imagined(start=START[:1]), r"\[1, candidate, time, action\], got \[2, 4, 5, 1\]"),
    ("imagined_returns", imagined(discount=1.5), r"discount must be in \[0, 1\], got 1.5"),
    ("RandomShooting", lambda: RandomShooting(candidates=0), "candidates must be at least 1, got 0"),
    ("RandomShooting", lambda: PLANNER.noise((2,), LOW, 3), "generator must be a torch.Generator, got 3"),
    ("CEM", lambda: CEM(elites=400), "elites must be at most the 350 candidates, got 400"),
    ("CEM", lambda: CEM(smoothing=2), r"smoothing must be in \[0, 1\], got 2"),
    ("CEM", planned(score=torch.sum), r"what score gives must have shape \[3, 4\], got \[\]"),
    ("CEM", planned(score="best"), "score must be a function of sequences of actions, got 'best'"),
    ("CEM", planned(low=HIGH), r"low must be below high, both finite, got \[1.0\] and \[1.0\]"),
    ("CEM", planned(high=HIGH * torch.inf), "low must be below high, both finite"),
    ("CEM", planned(noise=torch.zeros(1, 3, 4, 3, 1)), r"\[..., candidate, 2, 1\], got \[1, 3, 4, 3, 1\]"),
    ("CEM", planned(noise=torch.zeros(4, 2, 1)), r"\[..., candidate, 2, 1\], got \[4, 2, 1\]"),
    ("CEM", planned(start=torch.zeros(2, 2, 1)), r"start must have shape \[3, 2, 1\], got \[2, 2, 1\]"),
    ("MPPI", lambda: MPPI(temperature=0), "temperature must be above 0, got 0"),
    ("MPPI", lambda: MPPI(std=-1), "std must be above 0, got -1"),
    ("MPPI", lambda: MPPI(iterations=0), "iterations must be at least 1, got 0"),
    ("shifted", lambda: shifted(torch.zeros(3)), r"\[..., time, action\], got \[3\]"),
    ("TrueDynamics", lambda: TrueDynamics("pendulum"), "family must be a TaskFamily, got str"),
    ("TrueDynamics", simulators, "family must have pure functions, got GymnasiumTasks"),
    ("play", played(family="pendulum"), "family must be a TaskFamily, got str"),
    ("play", played(family=CartPole()), "actions in a bounded Box with one axis, got Discrete"),
    ("play", played(model=FAMILY), "model must have begin, .*, got DampedPendulum without begin"),
    ("play", played(planner=FAMILY), "planner must have horizon, noise, search, got DampedPendulum without noise"),
    ("play", played(tasks={"mass": [1.0]}), "tasks must have the entries"),
    ("play", played(episodes=0), "episodes must be at least 1, got 0"),
    ("play", played(horizon=1.5), "horizon must be a whole number, got 1.5"),
    ("play", played(generator=1), "generator must be a torch.Generator, got 1"),
    ("play", played(discount=-1), r"discount must be in \[0, 1\], got -1"),
    ("play", played(exploration=-1), "exploration must be at least 0, got -1"),
]
EXEMPT = {
    "Dynamics": "a record",
    "Planner": "a protocol",
    "PlanningModel": "a protocol",
    "Played": "a record, made by `play`",
    "Reward": "a type",
    "Score": "a type",
    "Step": "a type",
}
