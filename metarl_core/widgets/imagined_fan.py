"""Change a body while it runs, and watch what models of it imagine bend to what would happen."""

import functools
from collections.abc import Mapping

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from metarl_core import plotting
from metarl_core.meta.models import Method, Transitions, transitions_of
from metarl_core.parameters import Parameters
from metarl_core.planning import CEM, TrueDynamics, play
from metarl_core.tasks.changing import ChangingTasks
from metarl_core.tasks.continuous_cartpole import ContinuousCartPole
from metarl_core.tasks.family import Tasks
from metarl_core.widgets.explorer import Explorer, slider

BEFORE, AFTER, FAN, AHEAD = 25, 40, 12, 15
"""steps before the change and after it, imagined futures, and steps of each"""
PLANNER = CEM(horizon=10, iterations=2, candidates=32, elites=6)


def changed(force: float, mass: float) -> tuple[ChangingTasks, Tasks]:
    """The ordinary cart-pole, which gets another force and another mass of the pole after `BEFORE` steps."""
    family = ChangingTasks(
        ContinuousCartPole(hidden_sign=True, horizon=BEFORE + AFTER), ("force", "mass_pole"), BEFORE, BEFORE
    )
    after = {"after.force": torch.tensor([force]), "after.mass_pole": torch.tensor([mass])}
    return family, family.default_params | after


@functools.lru_cache(maxsize=16)
def episode(force: float, mass: float, seed: int) -> Transitions:
    """An episode that was planned with the true dynamics and disturbed, `[1, time, ...]`."""
    family, tasks = changed(force, mass)
    generator = torch.Generator().manual_seed(seed)
    played = play(family, tasks, TrueDynamics(family), PLANNER, 1, generator, exploration=0.3)
    return Transitions(*(part[0] for part in transitions_of(played.trajectories)))


def fan(seen: Transitions, time: int, force: float, mass: float, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Random plans from step `time` on, and what they would truly lead to.

    Returns:
        The observation at the step `[1, 1, observation]`, plans `[1, fan, time, action]`, and observations after each
        step of them `[fan, time, observation]`.
    """
    family, tasks = changed(force, mass)
    world = family.family
    holds = family.before(tasks) if time < BEFORE else family.after(tasks)
    params = {name: value.expand(1, FAN) for name, value in holds.items()}
    generator = torch.Generator().manual_seed(seed)
    ends = 2 * torch.rand(1, FAN, 2, 1, generator=generator) - 1
    plans = torch.lerp(ends[:, :, :1], ends[:, :, 1:], torch.linspace(0, 1, AHEAD)[:, None])
    now = seen.observations[:, time : time + 1]
    position, velocity, cosine, sine, turning = now.expand(1, FAN, -1).unbind(-1)
    state = torch.stack([position, velocity, torch.atan2(sine, cosine), turning], -1)
    states = []
    for step in range(AHEAD):
        state = world.transition(state, plans[:, :, step], generator, params)
        states.append(world.observation(state, generator, params)[0])
    return now, plans, torch.stack(states, 1)


def imagine(method: Method, meta: Parameters, past: Transitions, now: Tensor, plans: Tensor) -> Tensor:
    """What a model imagines after it has learned from `past`, `[fan, time, observation]`."""
    memory = method.adapt(meta, past) if past.mask.shape[1] else method.start(meta, 1)
    state, imagined = now.expand(1, plans.shape[1], -1), []
    with torch.no_grad():
        for step in range(plans.shape[2]):
            state = method.predict(meta, memory, state, plans[:, :, step])
            imagined.append(state[0])
    return torch.stack(imagined, 1)


def imagined_fan_explorer(
    models: Mapping[str, tuple[Method, Parameters]], force: float = -10.0, mass: float = 0.1, after: int = 30
) -> Explorer:
    """Choose what the cart-pole changes to, and how many steps ago: futures as imagined, and as they would be.

    Args:
        models: of `ContinuousCartPole`, by name, with their parameters; one panel each.
        force: default newtons of a full push after the change; before it they are 10.
        mass: default kilograms of the pole after the change; before it 0.1.
        after: default number of steps since the change.

    Raises:
        ValueError: for no models, or models of other observations.
    """
    if not models:
        raise ValueError("models must have at least one, got none.")
    for name, (method, _) in models.items():
        if method.network.observation_size != 5:
            raise ValueError(f"models must predict the 5 numbers of ContinuousCartPole, {name!r} has another width.")

    def draw(force: float, mass: float, steps: int) -> Figure:
        force, time = float(force), BEFORE + int(steps)
        seen = episode(force, float(mass), 3)
        now, plans, true = fan(seen, time, force, float(mass), 4)
        margins = {"left": 0.08, "right": 0.99, "bottom": 0.15, "top": 0.86, "wspace": 0.08}
        figure, panels = plotting.figure(
            1, len(models), width=3.6 * len(models), height=3.6, margins=margins, sharey=True, squeeze=False
        )
        for panel, (name, (method, meta)) in zip(panels[0], models.items(), strict=True):
            imagined = imagine(method, meta, seen.at(slice(0, time)), now, plans)
            _panel(panel, imagined, true)
            error = (imagined - true)[..., :2].square().mean().sqrt()
            panel.set_title(f"{name}: {float(error):.2f} off", fontsize=11)
        panels[0, 0].set_ylabel("position of the cart, m")
        return figure

    return Explorer(
        draw,
        "One panel for each model: twelve futures of the cart's position over the next fifteen steps as the model "
        "imagines them, solid, and as they would be, dashed, for the same pushes. A model that has not learned of the "
        "change draws a fan that is too narrow or mirrored; one that has covers the dashed lines.",
        force=slider(force, -15.0, 15.0, 0.5, "newtons of a push after the change"),
        mass=slider(mass, 0.05, 0.5, 0.05, "mass of the pole after it, kg"),
        steps=slider(after, 0, AFTER - 1, 1, "steps since the change", integer=True),
    )


def _panel(panel: Axes, imagined: Tensor, true: Tensor) -> None:
    """Positions of one model's fan; a colour for each plan, from its first push."""
    order = true[:, -1, 0].argsort()
    for place, index in enumerate(order.tolist()):
        color = plotting.BLUE if place < FAN // 3 else plotting.GREY if place < 2 * FAN // 3 else plotting.ORANGE
        panel.plot(range(1, AHEAD + 1), imagined[index, :, 0], color=color, linewidth=1.6)
        panel.plot(range(1, AHEAD + 1), true[index, :, 0], color=color, linewidth=1.2, linestyle="--", alpha=0.7)
    centre = float(true[:, 0, 0].mean())
    panel.set(xlabel="steps ahead", ylim=(centre - 0.9, centre + 0.9))


__all__ = ["episode", "fan", "imagine", "imagined_fan_explorer"]
