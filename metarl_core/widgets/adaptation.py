"""Watch policies adapt to a goal that the reader drags, or to controls that the reader turns.

All numbers are computed in the browser, as the handle is moved.
"""

import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anywidget
import torch
import traitlets
from matplotlib.figure import Figure

from metarl_core import plotting
from metarl_core.agents.policies import GaussianPolicy
from metarl_core.arguments import check_filled, check_one_of, check_positive, check_type
from metarl_core.meta.policies import PolicyMAML, adaptation_curve
from metarl_core.parameters import Parameters
from metarl_core.plotting.display import EDITION
from metarl_core.plotting.look import pinned
from metarl_core.randomness import seeded
from metarl_core.tasks import PointNavigation, TaskFamily, Tasks, TurnedControls, expand_tasks
from metarl_core.tasks.navigation import MAX_STEP
from metarl_core.tasks.turned_controls import around_goal
from metarl_core.training import Callback

STATIC = Path(__file__).parent / "static"
MODULES = ("policy_gradient.js", "panel.js", "worlds.js", "adaptation.js")
"""in this order they are one module"""
GOAL = (0.6, 0.5)
"""where the goal stands first, in half-widths"""
ANGLE = 2.0
"""that the controls are turned by first, in radians"""
STEPS = 3
"""gradient steps at most"""
EVERY = 2
"""iterations of a training between two pictures of it"""
Family = PointNavigation | TurnedControls


class AdaptationExplorer(anywidget.AnyWidget):
    """Policies that adapt to a task, drawn by `static/adaptation.js`; it asks the kernel nothing.

    Where widgets are not shown (GitHub, a printed page) the picture takes its place. While a network is trained, a
    `callback` shows how it adapts so far.

    Args:
        data: what `mount` in adaptation.js takes, but for the parameters.
        method: how they adapt.
        starts: initial parameters by label.
        alt: alternative text of the picture.
    """

    # As one module, since a widget's module can import none that lies beside it.
    _esm = re.sub(
        r'^import .* from "\./.*\n',
        "",
        "".join((STATIC / name).read_text("utf-8") for name in MODULES),
        flags=re.MULTILINE,
    )
    _css = (STATIC / "adaptation.css").read_text("utf-8")
    data = traitlets.Dict().tag(sync=True)
    parameters = traitlets.Dict().tag(sync=True)

    def __init__(self, data: dict, method: PolicyMAML, starts: Mapping[str, Parameters], alt: str):
        self.method, self.starts, self.alt = method, dict(starts), alt
        self.shown: Any = None
        super().__init__(data=data, parameters={label: flat(method, start) for label, start in starts.items()})

    def callback(self, label: str) -> Callback:
        """A training's callback that shows how the policy of this label adapts so far, every other iteration."""
        check_one_of("label", label, self.starts)

        def show(iteration: int, parameters: Parameters, data: Any) -> None:
            if iteration % EVERY == 0:
                self.learned(label, parameters)

        return show

    def learned(self, label: str, parameters: Parameters) -> None:
        """From now on the policy of this label begins with these parameters."""
        check_one_of("label", label, self.starts)
        self.method.check_meta(parameters)
        self.starts[label] = parameters
        self.parameters = {**self.parameters, label: flat(self.method, parameters)}

    def show(self) -> None:
        """Display it. What follows in the notebook may train the networks and call `learned` or `finish`."""
        from IPython.display import display  # only notebooks need IPython

        self.shown = display(self, display_id=True)

    def finish(self, starts: Mapping[str, Parameters]) -> None:
        """Show these parameters; in the book, whose picture stands still, that picture is drawn anew."""
        for label, parameters in starts.items():
            self.learned(label, parameters)
        if self.shown is not None and os.environ.get(EDITION) == "book":
            self.shown.update(self)

    def _repr_mimebundle_(self, **kwargs):
        bundle, _ = super()._repr_mimebundle_(**kwargs)
        with pinned({}):  # the reader's own matplotlib settings do not reach the picture
            picture = plotting.png(draw_first(self.method, self.starts, self.data))
        data, metadata = plotting.image_bundle(picture, self.alt)
        return {**bundle, **data}, metadata


def adaptation_explorer(
    family: Family,
    policy: GaussianPolicy,
    starts: Mapping[str, Parameters],
    inner_lr: float = 0.5,
    episodes: int = 20,
    discount: float = 0.99,
    seed: int = 1,
) -> AdaptationExplorer:
    """Drag a goal, or turn the controls, and watch policies from several initialisations adapt to it, side by side.

    Each walks, takes up to three policy-gradient steps, with new walks before each, and walks again: the numbers of
    `adaptation_curve` with a generator of this seed, for every task and every initialisation the same noise.

    Args:
        family: `PointNavigation` with the distance as reward, or `TurnedControls`.
        policy: a perceptron with rectifiers or hyperbolic tangents.
        starts: initial parameters by label, in the order of the panels.
        inner_lr: first step size α, above 0; the second and later steps take half of it.
        episodes: before each step and after the last.
        discount: γ of the step.
        seed: of the noise.

    Raises:
        ValueError: for another family, reward or policy, parameters of another network, and numbers out of range.
    """
    if not isinstance(family, Family):
        raise ValueError(f"family must be a PointNavigation or TurnedControls, got {type(family).__name__}.")
    if isinstance(family, PointNavigation) and family.reward_kind != "distance":
        raise ValueError(f"family must have the reward 'distance', got {family.reward_kind!r}.")
    check_type("policy", policy, GaussianPolicy)
    if policy.activation not in (torch.relu, torch.tanh):
        raise ValueError(f"policy must have the activation torch.relu or torch.tanh, got {policy.activation!r}.")
    check_positive("inner_lr", inner_lr)
    method = PolicyMAML(family, policy, inner_lr, episodes=episodes, discount=discount)
    check_filled("starts", starts)
    for parameters in starts.values():
        method.check_meta(parameters)
    data = explorer_data(family, policy, method, list(starts), seed)
    what = "A star marks the goal, which the reader can drag"
    if isinstance(family, TurnedControls):
        what = (
            "The goal, a star, is in the middle; an arrow says how the controls are turned, and the reader can turn it"
        )
    words = "Walks of a point before and after one gradient step, one panel for each initialisation: "
    return AdaptationExplorer(data, method, starts, f"{words}{', '.join(starts)}. {what} where the notebook runs.")


def explorer_data(family: Family, policy: GaussianPolicy, method: PolicyMAML, labels: list[str], seed: int) -> dict:
    """What `mount` in adaptation.js takes but for the parameters; what is drawn at random as bytes of float32."""
    generator = seeded(seed)
    goals = isinstance(family, PointNavigation)
    shape = (family.horizon, 1, method.episodes)
    params = expand_tasks(family.default_params, method.episodes)
    # As `rollout` draws them for each stage: noise [time, task, episode, action] of one task, then first states.
    drawn = [(policy.noise(shape, generator), family.initial(generator, params)) for _ in range(STEPS + 1)]
    return {
        "methods": [{"label": label, "color": _color(label)} for label in labels],
        "sizes": list(policy.mean.sizes),
        "noises": [_bytes(noise) for noise, _ in drawn],
        "starts": [_bytes(states) for _, states in drawn],
        "task": [value * family.half_width for value in GOAL] if goals else [ANGLE],
        "goalColor": plotting.RED,
        "seed": seed,
        "stepSize": method.inner_lr,
        "arena": {
            "world": "goal" if goals else "turned",
            "tanh": policy.activation is torch.tanh,
            "episodes": method.episodes,
            "horizon": family.horizon,
            "discount": method.discount,
            "bound": getattr(family, "action_bound", 1.0),
            "move": MAX_STEP,
            "endsAtGoal": isinstance(family, PointNavigation) and family.terminate_at_goal,
            "minLogStd": policy.min_log_std,
            "halfWidth": family.half_width,
        },
    }


def flat(method: PolicyMAML, parameters: Parameters) -> bytes:
    """All parameters as float32, in the order that `unpack` in policy_gradient.js reads them: log_std last."""
    names = [name for name, _ in method.policy.named_parameters() if name != "log_std"] + ["log_std"]
    return _bytes(torch.cat([parameters[name].flatten() for name in names]))


def _bytes(values: torch.Tensor) -> bytes:
    return values.detach().cpu().float().numpy().astype("<f4").tobytes()


def _color(label: str) -> str:
    return plotting.METHOD_STYLE.get(label, (plotting.BLUE, "o"))[0]


def as_task(family: TaskFamily, numbers: list[float]) -> Tasks:
    """The task that the explorer's handle stands for: a goal, or an angle."""
    if isinstance(family, PointNavigation):
        return {"goal": torch.tensor([numbers])}
    return {"angle": torch.tensor(numbers), "mirror": torch.ones(1)}


def draw_first(method: PolicyMAML, starts: Mapping[str, Parameters], data: dict) -> Figure:
    """The explorer as it stands first: walks before (grey) and after one step."""
    margins = {"left": 0.01, "right": 0.99, "bottom": 0.02, "top": 0.82, "wspace": 0.05}
    figure, axes = plotting.figure(1, len(starts), width=9.6, height=3.9, margins=margins, squeeze=False)
    task, goals = as_task(method.family, data["task"]), data["arena"]["world"] == "goal"
    goal = data["task"] if goals else [0.0, 0.0]
    for panel, (label, start) in zip(axes[0], starts.items(), strict=True):
        returns, _, walks = adaptation_curve(method, start, task, seeded(data["seed"]))
        for walk, shade in zip(walks, ("0.6", _color(label)), strict=True):
            plotting.plot_paths(
                panel, walk if goals else around_goal(walk), 0, goal, shade, 1.4 * data["arena"]["halfWidth"]
            )
        if not goals:
            panel.annotate("", *_dial(ANGLE, data["arena"]["halfWidth"]), arrowprops={"arrowstyle": "-|>", "lw": 2})
        panel.set(xticks=[], yticks=[], xlabel="", ylabel="")
        before, after = (f"{value:.1f}".replace("-", "−") for value in returns[0].tolist())
        panel.set_title(f"{label}\nreturn {before} → {after}")
    return figure


def _dial(angle: float, half_width: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Where the arrow of the dial ends and begins."""
    outwards = (math.cos(angle) * half_width, math.sin(angle) * half_width)
    return (1.3 * outwards[0], 1.3 * outwards[1]), (1.1 * outwards[0], 1.1 * outwards[1])
