"""The figures of chapter 01, Why learn to learn?"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from metarl_core import plotting
from metarl_core.evaluation import interquartile_mean, summarise_curves, t_curves

METHODS = {name: color for name, (color, _) in plotting.METHOD_STYLE.items()}


def return_over_goals(goals: Tensor, returns: Tensor, own_goal: Tensor, own_return: float) -> None:
    """Mean return of one policy on a square grid of goals: `goals` `[n², 2]`, `returns` `[n, n]`."""
    drawn, (left, right) = plotting.figure(1, 2, width=9.6, height=4.0)
    image = left.imshow(returns.T, origin="lower", extent=(-0.5, 0.5, -0.5, 0.5), vmin=-125, vmax=0)
    left.plot(*own_goal.tolist(), "*", color=plotting.RED, markersize=16, markeredgecolor="white")
    left.set(title="Return of one specialist on all goals", xlabel="goal x", ylabel="goal y")
    left.grid(visible=False)
    drawn.colorbar(image, ax=left, label="mean return")
    distance = torch.linalg.vector_norm(goals - own_goal, dim=-1)
    right.plot(distance, returns.flatten(), ".", color=METHODS["specialist"], alpha=0.6)
    right.axhline(own_return, color=plotting.RED, linestyle=":", label="return on its own goal")
    right.set(xlabel="distance from the goal it was trained on", ylabel="mean return", title="The same, by distance")
    right.legend()
    plotting.show(
        drawn,
        "Left: a heat map of the specialist's return over all goals of the square: highest at the goal that it was "
        "trained on, marked by a star, and darker the farther away, but for single bright cells on its path. Right: "
        "the return falls along a straight line with the distance from that goal.",
    )


def cost_of_one_goal(tuned, untuned: np.ndarray, level: float, cost: np.ndarray, middle: float) -> None:
    """Learning curves from scratch by update of 20 episodes, and how many goals `cost` (in steps) has brought there."""
    drawn, (left, right) = plotting.figure(1, 2, width=9.6, height=3.9)
    episodes = np.arange(len(untuned)) * 20
    plotting.plot_curve(left, episodes, tuned, "learning rate tuned", "from scratch", markevery=5)
    left.plot(episodes, untuned, color=plotting.GREY, linestyle="--", label="learning rate 0.003")
    left.axhline(level, color="black", linestyle=":", linewidth=1.2)
    left.set(xlabel="episodes on the new goal", ylabel="return (IQM)", title="Learning a held-out goal from nothing")
    left.legend(loc="lower right")
    right.ecdf(cost.flatten() / 1000, color=METHODS["from scratch"])
    right.axvline(middle / 1000, color="black", linestyle=":", label="interquartile mean")
    title = f"Goals that have reached a return of −{-level:g}"
    right.set(xlabel="environment steps on the goal (thousands)", ylabel="share of the trainings", title=title)
    right.legend(loc="lower right")
    plotting.show(
        drawn,
        "Left: return against episodes for training from scratch on held-out goals. The tuned curve rises from about "
        "−72 and crosses −10 after about 200 episodes, the curve at learning rate 0.003 after about 500. Right: the "
        "share of trainings that have reached −10 against environment steps; it rises from 0 at about 10 thousand "
        "steps to 1 at about 35 thousand.",
    )


def two_optima(
    a: Tensor, c: Tensor, alpha: float, optimum: Callable[[int], float], objective: Callable[[Tensor, int], Tensor]
) -> None:
    """One gradient step on a steep and a flat task from two starts, and the two objectives."""
    drawn, (left, right) = plotting.figure(1, 2, width=11.0, height=3.9)
    labels: list[str] = []
    theta = torch.linspace(-1.5, 1.5, 301)
    for steps, name, method in ((0, "multi-task optimum", "pre-trained"), (1, "meta-optimum", "MAML")):
        color, marker = plotting.METHOD_STYLE[method]
        before = optimum(steps)
        for kind, steepness, centre in zip(("steep", "flat"), a.tolist(), c.tolist(), strict=True):
            row, after = len(labels), before - alpha * steepness * (before - centre)
            labels.append(f"{name},\n{kind} task")
            arrow = {"arrowstyle": "-|>", "color": color, "linewidth": 2.0, "mutation_scale": 16, "shrinkA": 0}
            left.annotate("", (after, row), (before, row), arrowprops={**arrow, "shrinkB": 0})
            left.plot(before, row, marker, color=color, markersize=9)
            left.plot(centre, row, "*", color=plotting.RED, markersize=14)
            value = -0.5 * steepness * (after - centre) ** 2
            left.text(1.25, row, f"J = {value:.2f}".replace("-", "−"), va="center", fontsize=11)
        curve, when = objective(theta, steps), "after one step" if steps else "before adaptation"
        right.plot(theta, curve, color=color, label=f"mean return {when}")
        right.plot(before, curve.max(), marker, color=color, markersize=9)
    left.set_yticks(range(4), labels)
    left.grid(axis="y", visible=False)
    left.set(xlabel="θ", xlim=(-1.3, 1.8), ylim=(3.6, -0.6), title="One step on each task; stars: its optimum")
    right.set(xlabel="θ where adaptation starts", ylabel="mean return", ylim=(-1.2, 0.05))
    right.set_title("Two objectives, two optima")
    right.legend(fontsize=10, loc="lower right")
    plotting.show(
        drawn,
        "Left: one gradient step as an arrow, for each of two starts and two tasks. On the steep task, whose optimum "
        "is at 1, the step goes most of the way from either start. On the flat task, whose optimum is at −1, it moves "
        "little: the multi-task start 0.6 stays far away, the meta start −0.6 is near already. Right: the mean return "
        "before adaptation is highest at 0.6, after one step at −0.6.",
    )


def learned_scale(scale: Tensor, before: Tensor, after: Mapping[float, Tensor]) -> None:
    """Mean return of the second toy by its scale: before adaptation, and after one step of each size."""
    drawn, axes = plotting.figure(width=7.0, height=3.8)
    axes.plot(scale, before, color=METHODS["pre-trained"], linewidth=3, label="before adaptation")
    for line, (alpha, returns) in zip(("-", "--", ":"), after.items(), strict=False):
        label = f"after one step, α = {alpha:g}"
        axes.plot(scale, returns, color=METHODS["MAML"], linestyle=line, label=label)
    axes.set(xlabel="scale s where adaptation starts (x = 0)", ylabel="mean return of both tasks", ylim=(-1.0, 0.05))
    axes.legend(fontsize=10, loc="lower left")
    plotting.show(
        drawn,
        "Mean return of the second toy against its scale. Before adaptation it is the same for every scale. After one "
        "step it has a maximum of zero, which lies at a larger scale the smaller the step size is.",
    )


def adaptation(curves: Mapping[str, np.ndarray], dashed: Mapping[str, np.ndarray], lines: Mapping[str, float]) -> None:
    """Returns `[seed, goal, step]` by method; `dashed`: step sizes chosen for three steps; `lines`: no learning."""
    drawn, axes = plotting.figure(width=8.4, height=4.8)
    for name, scores in curves.items():
        plotting.plot_curve(axes, range(4), summarise_curves(scores, resamples=500), name, name)
    for name, scores in dashed.items():
        color, marker = plotting.METHOD_STYLE[name]
        curve = interquartile_mean(scores.reshape(-1, 4), axis=0)
        axes.plot(range(4), curve, ":", marker=marker, color=color, alpha=0.7, label=f"{name}, α best for three steps")
    for name, value in lines.items():
        color = METHODS.get(name, "black")
        axes.axhline(value, color=color, linestyle="--", linewidth=1.2)
        axes.text(3.55, value - 0.8, name, va="top", ha="right", color=color)
    axes.set(xlabel="gradient steps (20 episodes each)", ylabel="return on held-out goals (IQM)", xticks=range(4))
    axes.set_xlim(-0.1, 3.6)
    axes.legend(fontsize=10, loc="upper left", bbox_to_anchor=(0.0, -0.16), ncols=2)
    plotting.show(
        drawn,
        "Return on held-out goals against gradient steps, five seeds. MAML and the pre-trained policy start together "
        "at the level of staying put. After one step MAML is highest at about −9, the pre-trained policy with a step "
        "size chosen for one step close below it, the specialist lower; with step sizes chosen for three steps both "
        "are far below. After three steps all of these are close together, a few points below the oracle. Random "
        "initialisation improves slowly and stays below staying put.",
    )


def return_by_step_size(rates: Sequence[float], returns: Mapping[str, np.ndarray]) -> None:
    """Mean return after one step by step size: `returns` `[seed, goal, rate]` by "method, updates"."""
    drawn, axes = plotting.figure(width=7.6, height=4.2)
    for name, scores in returns.items():
        plotting.plot_curve(axes, rates, t_curves(scores), name, name.split(",")[0])
    axes.set(xscale="log", xlabel="step size α of one gradient step", ylabel="mean return on held-out goals")
    axes.set_xticks(rates, [f"{rate:g}" for rate in rates])
    axes.minorticks_off()
    axes.legend(fontsize=10, loc="lower center")
    plotting.show(
        drawn,
        "Mean return on held-out goals after one gradient step against the step size, ten seeds, with narrow bands. "
        "MAML has its maximum at 0.5, the pre-trained policy one of about the same height at 0.7. At 0.5 it is below "
        "MAML, from 0.7 on MAML is below it, and both fall far at the longest steps.",
    )


def one_seed(means: Mapping[str, np.ndarray], distance: Sequence[float]) -> None:
    """Mean returns before adaptation of five seeds by method, and the specialists' by `distance` of their goals."""
    drawn, (left, right) = plotting.figure(1, 2, width=9.6, height=3.8, sharey=True)
    for place, (name, values) in enumerate(means.items()):
        color, marker = plotting.METHOD_STYLE[name]
        left.plot([place] * len(values), values, marker, color=color, alpha=0.7, markersize=9)
    left.set_xticks(range(len(means)), list(means))
    left.set(
        ylabel="mean return on held-out goals", xlim=(-0.4, len(means) - 0.6), title="Before adaptation, five seeds"
    )
    color, marker = plotting.METHOD_STYLE["specialist"]
    right.plot(distance, means["specialist"], marker, color=color, markersize=9)
    for seed, (x, y) in enumerate(zip(distance, means["specialist"], strict=True)):
        right.annotate(f"seed {seed}", (x, y), (9, -4), textcoords="offset points", fontsize=10)
    right.set(xlabel="distance of the specialist's goal from the centre", title="The five specialists", xlim=(0, 0.85))
    plotting.show(
        drawn,
        "Left: mean returns of five seeds before adaptation: specialists scatter from −38 to −69, pre-trained and "
        "meta-trained policies all lie close to −37. Right: the specialists' returns fall with the distance of their "
        "own goals from the centre of the square; seed 0 is nearest to the centre and the best.",
    )
