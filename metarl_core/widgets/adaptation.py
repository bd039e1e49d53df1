"""Watch policies adapt to a goal that the reader drags. All numbers are computed in the browser, as it is dragged."""

import re
from collections.abc import Mapping
from pathlib import Path

import anywidget
import torch
import traitlets
from matplotlib.figure import Figure

from metarl_core import plotting
from metarl_core.agents.policies import GaussianPolicy
from metarl_core.arguments import check_filled, check_type
from metarl_core.meta.policies import PolicyMAML, adaptation_curve
from metarl_core.parameters import Parameters
from metarl_core.plotting.look import pinned
from metarl_core.randomness import seeded
from metarl_core.tasks.navigation import MAX_STEP, PointNavigation

STATIC = Path(__file__).parent / "static"
GOAL = (0.3, 0.25)
"""where the goal stands first, in half-widths of 0.5"""
STEPS = 3
"""gradient steps at most"""


class AdaptationExplorer(anywidget.AnyWidget):
    """Policies that walk to a goal, drawn by `static/adaptation.js`; it asks the kernel nothing.

    Where widgets are not shown (GitHub, a printed page) the picture takes its place.

    Args:
        data: what `mount` in adaptation.js takes.
        picture: a PNG of the first position.
        alt: alternative text of the picture.
    """

    # As one module, since a widget's module can import none that lies beside it.
    _esm = (STATIC / "policy_gradient.js").read_text("utf-8") + re.sub(
        r'^import .* from "\./.*\n', "", (STATIC / "adaptation.js").read_text("utf-8"), flags=re.MULTILINE
    )
    _css = (STATIC / "adaptation.css").read_text("utf-8")
    data = traitlets.Dict().tag(sync=True)

    def __init__(self, data: dict, picture: bytes, alt: str):
        self.picture, self.alt = picture, alt
        super().__init__(data=data)

    def _repr_mimebundle_(self, **kwargs):
        bundle, _ = super()._repr_mimebundle_(**kwargs)
        data, metadata = plotting.image_bundle(self.picture, self.alt)
        return {**bundle, **data}, metadata


def adaptation_explorer(
    family: PointNavigation,
    policy: GaussianPolicy,
    starts: Mapping[str, Parameters],
    inner_lr: float = 0.5,
    episodes: int = 20,
    seed: int = 1,
) -> AdaptationExplorer:
    """Drag a goal and watch policies from several initialisations adapt to it, side by side.

    Each walks, takes up to three policy-gradient steps, with new walks before each, and walks again: the numbers of
    `adaptation_curve` with a generator of this seed, for every goal and every initialisation the same noise.

    Args:
        family: with the distance as reward.
        policy: a perceptron with rectifiers.
        starts: initial parameters by label, in the order of the panels.
        inner_lr: first step size α; the second and later steps take half of it.
        episodes: before each step and after the last.
        seed: of the noise.

    Raises:
        ValueError: for another family, reward or policy, parameters of another network, and numbers out of range.
    """
    check_type("family", family, PointNavigation)
    if family.reward_kind != "distance":
        raise ValueError(f"family must have the reward 'distance', got {family.reward_kind!r}.")
    check_type("policy", policy, GaussianPolicy)
    if policy.activation is not torch.relu:
        raise ValueError(f"policy must have the activation torch.relu, got {policy.activation!r}.")
    method = PolicyMAML(family, policy, inner_lr, episodes=episodes)
    check_filled("starts", starts)
    for parameters in starts.values():
        method.check_meta(parameters)
    goal = [value * family.half_width / 0.5 for value in GOAL]
    data = explorer_data(family, policy, method, starts, goal, seed)
    words = (
        "Walks of a point in the plane before and after one gradient step, one panel for each initialisation: "
        + ", ".join(starts)
        + ". A star marks the goal, which the reader can drag where the notebook runs."
    )
    with pinned({}):  # the reader's own matplotlib settings do not reach the picture
        picture = plotting.png(draw_first(method, starts, goal, 1.4 * family.half_width, seed))
    return AdaptationExplorer(data, picture, words)


def explorer_data(
    family: PointNavigation,
    policy: GaussianPolicy,
    method: PolicyMAML,
    starts: Mapping[str, Parameters],
    goal: list[float],
    seed: int,
) -> dict:
    """What `mount` in adaptation.js takes: settings, and as bytes of float32 the parameters and the noise."""
    generator = seeded(seed)
    names = [name for name, _ in policy.named_parameters() if name != "log_std"] + ["log_std"]
    return {
        "methods": [
            {
                "label": label,
                "color": plotting.METHOD_STYLE.get(label, (plotting.BLUE, "o"))[0],
                "parameters": _bytes(torch.cat([parameters[name].flatten() for name in names])),
            }
            for label, parameters in starts.items()
        ],
        "sizes": list(policy.mean.sizes),
        # `rollout` draws noise once for each stage, [time, task, episode, action]; here there is one task.
        "noises": [
            _bytes(policy.noise((family.horizon, 1, method.episodes), generator)) for _ in range(STEPS + 1)
        ],
        "goal": goal,
        "goalColor": plotting.RED,
        "stepSize": method.inner_lr,
        "arena": {
            "episodes": method.episodes,
            "horizon": family.horizon,
            "discount": method.discount,
            "bound": family.action_bound,
            "move": MAX_STEP,
            "endsAtGoal": family.terminate_at_goal,
            "minLogStd": policy.min_log_std,
            "halfWidth": family.half_width,
        },
    }  # fmt: skip


def _bytes(values: torch.Tensor) -> bytes:
    return values.detach().cpu().float().numpy().astype("<f4").tobytes()


def draw_first(
    method: PolicyMAML, starts: Mapping[str, Parameters], goal: list[float], limit: float, seed: int
) -> Figure:
    """The explorer as it stands first: walks before (grey) and after one step."""
    margins = {"left": 0.01, "right": 0.99, "bottom": 0.02, "top": 0.82, "wspace": 0.05}
    figure, axes = plotting.figure(1, len(starts), width=9.6, height=3.9, margins=margins, squeeze=False)
    for panel, (label, start) in zip(axes[0], starts.items(), strict=True):
        returns, _, walks = adaptation_curve(method, start, {"goal": torch.tensor([goal])}, seeded(seed))
        color = plotting.METHOD_STYLE.get(label, (plotting.BLUE, "o"))[0]
        for walk, shade in zip(walks, ("0.6", color), strict=True):
            plotting.plot_paths(panel, walk, 0, goal, shade, limit)
        panel.set(xticks=[], yticks=[], xlabel="", ylabel="")
        before, after = (f"{value:.1f}".replace("-", "−") for value in returns[0].tolist())
        panel.set_title(f"{label}\nreturn {before} → {after}")
    return figure
