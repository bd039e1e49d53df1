"""The figures of chapter 00, Start here."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from metarl_core import plotting
from metarl_core.agents import GaussianPolicy
from metarl_core.meta.policies import AdaptationCurve
from metarl_core.parameters import Parameters
from metarl_core.tasks import Tasks
from metarl_core.tasks.turned_controls import around_goal, turn

SHOWN = ("MAML", "pre-trained")
Adapt = Callable[[Parameters], AdaptationCurve]


def two_worlds(
    hidden: tuple[GaussianPolicy, Mapping[str, Parameters], Adapt, Tensor],
    turned: tuple[GaussianPolicy, Mapping[str, Parameters], Adapt, Tasks],
) -> None:
    """Walks before and after one step in both worlds, and at each place where the mean move leads.

    Args:
        hidden, turned: policy, initial parameters by label, how they adapt to one task, and that goal `[2]` or task.
    """
    drawn, axes = plotting.figure(2, 4, width=11.4, height=6.6)
    (policy, starts, adapt, goal), (turning, turned_starts, turned_adapt, task) = hidden, turned
    for column, name in enumerate(SHOWN):
        _column(axes[:, column], f"Hidden goal\n{name}", policy, adapt(starts[name]), name, goal, lambda move: move)
    for column, name in enumerate(SHOWN, 2):
        curve = turned_adapt(turned_starts[name])
        lead = _comes_out(task)
        _column(axes[:, column], f"Turned controls\n{name}", turning, curve, name, torch.zeros(2), lead, sign=-1.0)
    axes[0, 0].set_ylabel("before\n\ny", fontsize=13)
    axes[1, 0].set_ylabel("after one step\n\ny", fontsize=13)
    plotting.show(
        drawn,
        "Eight panels, walks of a point in the plane with arrows for where the mean move leads; above before, below "
        "after one gradient step. Hidden goal: before the step the arrows of MAML and of the pre-trained policy point "
        "to the start in the middle, and the walks stay there; after it they gather at the goal, the pre-trained ones "
        "a little short of it. Turned controls, the goal in the middle: before the step MAML's arrows lead to it along "
        "one line and away from it along another, those of the pre-trained policy away on all sides. After it "
        "MAML's arrows point to the goal from all sides and its walks end there; the pre-trained policy's do not.",
    )


def _comes_out(task: Tasks) -> Callable[[Tensor], Tensor]:
    """From a move as the policy means it to the move that results, `[place, 2]`."""

    def turned(move: Tensor) -> Tensor:
        wide = {name: value[:, None].expand(-1, len(move)) for name, value in task.items()}
        return turn(move[None], wide)[0]

    return turned


def _column(panels, title, policy, curve: AdaptationCurve, name, goal: Tensor, lead, sign: float = 1.0) -> None:
    """One initialisation. `sign` is −1 where states are offsets of the goal, which is then drawn in the middle."""
    color = plotting.METHOD_STYLE[name][0]
    limit = 0.7 if sign > 0 else 1.0
    places = torch.cartesian_prod(*[torch.linspace(-0.85 * limit, 0.85 * limit, 9)] * 2)
    for row, panel in enumerate(panels):
        walks = curve.trajectories[row] if sign > 0 else around_goal(curve.trajectories[row])
        plotting.plot_paths(panel, walks, 0, goal, color, limit=limit)
        panel.collections[0].set(alpha=0.22 if sign > 0 else 0.5, linewidth=0.9 if sign > 0 else 1.3)
        mean = policy.mean_and_std(curve.parameters[row], sign * places[None])[0][0].detach()
        move = lead(mean / torch.linalg.vector_norm(mean, dim=-1, keepdim=True).clamp_min(1))
        panel.quiver(*places.unbind(-1), *move.unbind(-1), color="black", alpha=0.6, scale=17, width=0.006, zorder=4)
        panel.set(xlabel="x" if row else "", ylabel="", xticks=[-0.5, 0, 0.5], yticks=[-0.5, 0, 0.5])
        number = f"return {curve.returns[0, row]:.0f}".replace("-", "−")
        panel.set_title(f"{title}\n{number}" if row == 0 else number, color=color, weight="bold")
