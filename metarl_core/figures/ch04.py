"""The figures of chapter 04, Policy-gradient agents."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch

from metarl_core import plotting
from metarl_core.evaluation import Interval, t_curves, t_interval

COLOR = {"PPO": plotting.BLUE, "TRPO": plotting.PURPLE, "A2C": plotting.ORANGE, "REINFORCE": plotting.RED}
MARKER = {"PPO": "o", "TRPO": "v", "A2C": "s", "REINFORCE": "X"}


def swings(angles: np.ndarray, updates: Sequence[int]) -> None:
    """Pendulums side by side, moving; `angles` `[pendulum, step]` from upright, after so many updates each."""
    margins = {"left": 0.01, "right": 0.99, "bottom": 0.02, "top": 0.86, "wspace": 0.03}
    drawn, axes = plotting.figure(1, len(updates), width=6.6, height=2.5, margins=margins)
    rods = []
    for panel, number in zip(axes, updates, strict=True):
        (rod,) = panel.plot([0, 0], [0, 1], color=plotting.BLUE, linewidth=7, solid_capstyle="round")
        panel.plot(0, 0, "o", color="black", markersize=6)
        panel.set(xlim=(-1.25, 1.25), ylim=(-1.25, 1.25), aspect="equal", xticks=[], yticks=[])
        panel.set_title(f"after {number} updates" if number else "untrained")
        panel.grid(visible=False)
        rods.append(rod)

    def draw(frame: int) -> None:
        for rod, angle in zip(rods, angles[:, frame], strict=True):
            rod.set_data([0, -math.sin(angle)], [0, math.cos(angle)])

    plotting.show_animation(
        drawn,
        draw,
        angles.shape[1],
        "Three pendulums that start hanging down, driven by one agent at three moments of its training, in real time. "
        "Untrained, it hangs or swings a little. After 12 updates it swings but does not stay up. After 60 updates it "
        "swings to and fro once or twice and then holds the pendulum upright.",
        rate=20,
    )


def small_mdp_variances(exactly: Mapping[str, float], measured: Mapping[str, Interval]) -> None:
    """Variance of each estimator on the three-state MDP: exact as a bar, sampled as a point with its interval."""
    drawn, axes = plotting.figure(width=8.6, height=4.2)
    place = np.arange(len(exactly))
    axes.barh(place, list(exactly.values()), color=plotting.SKY, height=0.65, label="exact, all 1296 trajectories")
    points = np.array([[m.point, m.low, m.high] for m in measured.values()])
    errors = np.abs(points[:, 1:].T - points[:, 0])
    label = "sampled, 95 % interval"
    axes.errorbar(points[:, 0], place, xerr=errors, fmt="o", color="black", capsize=4, markersize=5, label=label)
    for row, variance in enumerate(exactly.values()):
        axes.text(max(variance, points[row, 2]) * 1.07, row, f"{variance:.1f}", va="center")
    axes.set_yticks(place, list(exactly))
    axes.invert_yaxis()
    axes.set(xscale="log", xlim=(1, 130), xlabel="variance of the gradient estimate from one episode")
    axes.set_xticks([1, 3, 10, 30, 100], ["1", "3", "10", "30", "100"])
    axes.minorticks_off()
    axes.grid(axis="y", visible=False)
    axes.legend(fontsize=10, loc="lower right")
    plotting.show(
        drawn,
        "Bars of the variance of seven policy-gradient estimators on a small MDP, logarithmic axis, falling from the "
        "whole return over reward-to-go, the best constant baseline, the state value and GAE to the true advantage. "
        "Points with intervals from sampling lie on the ends of the bars.",
    )


def error_of_lambda(traces: np.ndarray, price: np.ndarray, errors: Mapping[int, np.ndarray]) -> None:
    """Bias and variance `price` `[λ, 2]` of GAE with a wrong V, and the error of a mean of so many episodes."""
    drawn, (left, right) = plotting.figure(1, 2, width=10.4, height=3.9)
    left.plot(traces, price[:, 0], color=plotting.RED, label="bias (length)")
    left.plot(traces, np.sqrt(price[:, 1]), color=plotting.BLUE, linestyle="--", label="standard deviation")
    left.set(xlabel="λ", ylabel="length, gradient of one episode", title="V wrong by up to 1")
    left.legend()
    looks = ((plotting.ORANGE, "-"), (plotting.GREEN, "--"), (plotting.PURPLE, ":"))
    for (color, line), (number, error) in zip(looks, errors.items(), strict=True):
        right.plot(traces, error, color=color, linestyle=line, label=f"{number} episodes")
        right.plot(traces[error.argmin()], error.min(), "*", color=color, markersize=14)
    right.set(yscale="log", xlabel="λ", ylabel="root mean squared error", ylim=(0.08, 3))
    right.set_title("mean of several episodes; star: best λ")
    right.legend(ncols=3, fontsize=10, loc="upper center", columnspacing=0.8, handlelength=1.6)
    plotting.show(
        drawn,
        "Left: against λ, the bias of the GAE gradient falls to zero at λ = 1 while its standard deviation rises. "
        "Right: the error of a mean of 10, 100 and 1000 episodes; the best λ moves to the right as the batch grows.",
    )


def clipped_objective(epsilon: float) -> None:
    """PPO's objective of one sample against the probability ratio, for both signs of the advantage."""
    ratios = torch.linspace(0.3, 1.9, 400)
    drawn, axes = plotting.figure(1, 2, width=10.4, height=3.8)
    for panel, sign in zip(axes, (1.0, -1.0), strict=True):
        clipped = ratios.clamp(1 - epsilon, 1 + epsilon) * sign
        lower = torch.minimum(ratios * sign, clipped)
        panel.axvspan(1 - epsilon, 1 + epsilon, color=plotting.GREY, alpha=0.12, linewidth=0)
        panel.plot(ratios, ratios * sign, color=plotting.ORANGE, linestyle="--", linewidth=1.4, label="ρ A")
        panel.plot(ratios, clipped, color=plotting.GREEN, linestyle=":", label="clip(ρ) A alone")
        panel.plot(ratios, lower, color=plotting.BLUE, linewidth=3, alpha=0.8, label="minimum")
        panel.plot(1, sign, "o", color="black")
        panel.set(xlabel="ratio ρ", ylabel="objective of one sample", title=f"A = {'+' if sign > 0 else '−'}1")
        panel.legend(loc="upper left" if sign > 0 else "lower left")
    plotting.show(
        drawn,
        "The clipped objective of one sample against the probability ratio. For positive advantage it rises up to 1.2 "
        "and is flat beyond; for negative advantage it is flat below 0.8 and falls beyond. The clipped term alone is "
        "flat on both sides.",
    )


WATCHED = {
    "return": "return",
    "approx_kl": "approximate KL",
    "clip_fraction": "clip fraction",
    "explained_variance": "explained variance of V",
    "entropy": "entropy of the policy",
}


def diagnostics(histories: Mapping[str, Mapping[str, Sequence[Sequence[float]]]]) -> None:
    """What a training notes at each update: seeds as thin lines, their median thick; two histories by name."""
    drawn, grid = plotting.figure(2, 3, width=11, height=6)
    panels = grid.ravel()
    for (name, history), color in zip(histories.items(), (plotting.BLUE, plotting.RED), strict=True):
        for panel, (key, title) in zip(panels, WATCHED.items(), strict=False):
            curves = np.array(history[key])  # [update, seed]
            place = np.arange(1, len(curves) + 1)
            panel.plot(place, curves, color=color, linewidth=0.8, alpha=0.35)
            panel.plot(place, np.nanmedian(curves, 1), color=color, linewidth=2.2, label=name)
            panel.set(title=title, xlabel="update")
    panels[1].set(yscale="log", ylim=(1e-5, 1e2))
    panels[3].set(ylim=(-1, 1.05))
    handles, labels = panels[0].get_legend_handles_labels()
    panels[5].legend(handles, labels, loc="center", title="thin: seeds; thick: median")
    panels[5].set_axis_off()
    plotting.show(
        drawn,
        "Five panels against the update, two trainings of five seeds. With the ordinary learning rate the return "
        "climbs to 500, the approximate KL stays near a hundredth and falls, and the entropy falls slowly. With a "
        "hundred times that rate the KL starts around one, nearly all samples are clipped at the first update, the "
        "entropy is near zero from the first updates on, the returns stay low, and the explained variance is near one.",
    )


def learning_curves(
    curves: Mapping[str, Mapping[str, np.ndarray]],
    steps: Mapping[str, int],
    lines: Mapping[str, tuple[float, float, float]],
) -> None:
    """Returns `[seed, episode, checkpoint]` by environment and method; lines: random policy, controller, solved."""
    drawn, panels = plotting.figure(1, 2, width=11.4, height=4.7)
    for panel, (environment, methods) in zip(panels, curves.items(), strict=True):
        for name, scores in methods.items():
            curve = t_curves(scores)
            x = np.linspace(0, steps[environment], curve.point.size) / 1000
            panel.plot(x, curve.point, MARKER[name], linestyle="-", color=COLOR[name], markersize=5, label=name)
            panel.fill_between(x, curve.low, curve.high, color=COLOR[name], alpha=0.2, linewidth=0)
        floor, oracle, solved = lines[environment]
        panel.axhline(oracle, color=plotting.GREEN, linestyle="--", linewidth=1.3, label="controller")
        panel.axhline(floor, color=plotting.GREY, linestyle=":", linewidth=1.5, label="random policy")
        panel.axhline(solved, color="black", linewidth=0.8, label="solved")
        panel.set(xlabel="environment steps of one agent, thousands", ylabel="return of the greedy policy")
        panel.set_ylim(*((-20, 540) if environment == "CartPole" else (-1900, -50)))
        words = f"{environment}, five seeds, mean with t interval; solved: {solved:.0f}"
        panel.set_title(words.replace("-", "−"))
    looks = {text: line for panel in panels for line, text in zip(*panel.get_legend_handles_labels(), strict=True)}
    drawn.legend(looks.values(), looks, ncols=7, fontsize=10, loc="outside lower center")
    plotting.show(
        drawn,
        "Learning curves. On CartPole PPO, A2C and REINFORCE all end at 500; PPO and REINFORCE reach it after about "
        "half of the steps, A2C near the end. On Pendulum PPO and TRPO rise from about −1400 to near −170, close to "
        "the controller; A2C and REINFORCE stay near −1100, hardly better than the random policy.",
    )


def ablations(scores: Mapping[str, Mapping[str, np.ndarray]], levels: Mapping[str, float]) -> None:
    """Final returns `[seed, episode]` of PPO and its variants, by environment; levels: what counts as solved."""
    drawn, panels = plotting.figure(1, 2, width=11, height=4.4, sharey=True)
    for panel, (environment, variants) in zip(panels, scores.items(), strict=True):
        for row, (name, returns) in enumerate(variants.items()):
            final = returns.mean(1)
            interval = t_interval(returns)
            color = plotting.BLUE if name == "PPO" else plotting.ORANGE
            panel.plot([interval.low, interval.high], [row, row], color=color, linewidth=9, alpha=0.3)
            panel.plot(final, np.full(len(final), row), "o", color=color, markersize=5, alpha=0.6)
            panel.plot(interval.point, row, "|", color="black", markersize=18, markeredgewidth=2)
            text = f"{(final >= levels[environment]).sum()} of {len(final)}"
            panel.text(1.02, row, text, transform=panel.get_yaxis_transform(), va="center", fontsize=10)
        panel.axvline(levels[environment], color="black", linewidth=0.8, linestyle=":")
        panel.text(1.02, -0.75, "solved", transform=panel.get_yaxis_transform(), va="center", fontsize=10)
        panel.set(title=environment, xlabel="final return (dots: seeds; band: 95 % t interval)")
        panel.set_yticks(range(len(variants)), list(variants))
        panel.set_ylim(len(variants) - 0.5, -0.5)
        panel.grid(axis="y", visible=False)
    plotting.show(
        drawn,
        "Final returns of PPO and six variants, twenty seeds on CartPole and five on Pendulum, each seed a dot. One "
        "epoch and no clip lose many seeds on CartPole and all on Pendulum; λ = 0 loses most seeds on CartPole and few "
        "points on Pendulum; raw advantages lose a few seeds on CartPole and none on Pendulum; λ = 1 and truncation as "
        "termination lose none on either.",
    )
