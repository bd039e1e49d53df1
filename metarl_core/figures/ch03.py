"""The figures of chapter 03."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.patches import Rectangle
from torch import Tensor

from metarl_core import plotting
from metarl_core.agents import DQNConfig
from metarl_core.evaluation import summarise_curves
from metarl_core.figures import words

EXPONENT_STYLE = ((plotting.RED, "X"), (plotting.BLUE, "o"), (plotting.GREEN, "s"), (plotting.ORANGE, "^"))


def step_sizes(
    errors: Mapping[str, np.ndarray], exponents: Sequence[float], visits: Mapping[str, np.ndarray], discount: float
) -> None:
    """Error of Q-learning `errors[world]` `[exponent, seed, task, moment]` against visits per pair."""
    figure, panels = plotting.figure(1, 2, width=11, height=4.2, sharey=True)
    for place, (name, of_world) in zip(panels, errors.items(), strict=True):
        for exponent, values, (color, marker) in zip(exponents, of_world, EXPONENT_STYLE, strict=True):
            curve = summarise_curves(np.maximum(values, 1e-7), resamples=300)
            place.plot(visits[name], curve.point, color=color, marker=marker, markevery=4, label=f"ω = {exponent:g}")
            place.fill_between(visits[name], curve.low, curve.high, color=color, alpha=0.25, linewidth=0)
        slope = 0.8 * visits[name] ** -(1 - discount)
        place.plot(visits[name], slope, "k:", linewidth=1.5, label="slope −(1 − γ)")
        place.set(xscale="log", yscale="log", ylim=(5e-5, 1.5), xlabel="visits per pair (s, a)", title=name)
    panels[0].set_ylabel("largest error ÷ largest value")
    panels[1].legend(loc="lower left", fontsize=10)
    plotting.show(
        figure,
        "Error of Q-learning against visits per pair, both axes logarithmic, for four exponents of the step size. On "
        "random MDPs ω = 0 stays at a high level, 0.6 falls fastest and then flattens, 0.8 falls more slowly, 1 "
        "follows the dotted line of slope −0.1. On deterministic grids ω = 0 drops to zero after few visits, and the "
        "others follow in the order of their exponents; there ω = 1 falls faster than the dotted line.",
    )


def triad(lines: Mapping[str, Sequence[float]]) -> None:
    """|V(1)| against updates, a line for each of the six settings."""
    colors = (plotting.RED, plotting.ORANGE, plotting.PURPLE, plotting.BLUE, plotting.SKY, plotting.GREEN)
    figure, axes = plotting.figure(width=9.0, height=3.9)
    for (label, record), color in zip(lines.items(), colors, strict=True):
        axes.plot(record, "-" if record[-1] > 1 else "--", color=color, label=label)
    axes.set(yscale="log", ylim=(1e-3, 1e6), xlabel="updates", ylabel="|V(1)|, true value 0")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    plotting.show(
        figure,
        "The absolute value of state 1 against updates on a logarithmic axis. With all updates at state 1 and a shared "
        "weight it grows exponentially, with half of the updates there or with a target network more slowly. With a "
        "weight for each state, with a tenth of the updates at state 1, or without bootstrapping it shrinks.",
    )


def maximum_bias(numbers: Sequence[int], results: Mapping[str, Sequence[Sequence[float]]]) -> None:
    """Bias of the single and of the double estimate, `results[panel][number]`, against the number of actions."""
    figure, panels = plotting.figure(1, 2, width=10.2, height=3.7, sharey=True)
    for place, (title, biases) in zip(panels, results.items(), strict=True):
        for index, (name, color, marker) in enumerate((("single", plotting.RED, "X"), ("double", plotting.BLUE, "o"))):
            place.plot(numbers, [bias[index] for bias in biases], color=color, marker=marker, label=name)
        place.axhline(0, color="black", linewidth=1)
        place.set(xscale="log", xlabel="number of actions", title=title)
        place.set_xticks(numbers, [str(number) for number in numbers])
        place.minorticks_off()
    panels[0].plot(2, 1 / math.sqrt(math.pi), "k+", markersize=14, markeredgewidth=2, label="σ/√π, (03.18)")
    panels[0].set_ylabel("bias of the maximum, in σ")
    panels[0].legend()
    plotting.show(
        figure,
        "Bias of the estimated maximum against the number of actions. Left, all true values equal: the single estimate "
        "is too high by 0.56 for two actions and by 2.2 for fifty; the double estimate has no bias. Right, values "
        "spread from −2 to 0: the single estimate is again too high, but less; the double one is too low by up to 0.5.",
    )


def hyper_parameters(config: DQNConfig, num_envs: int, hidden: Sequence[int]) -> None:
    """A table: what is used here, and what Mnih et al. (2015) used on Atari."""
    first, last, share = config.exploration
    epsilon = f"{first:g} → {last:g} in {share * config.steps:,.0f} steps"
    atari = "Mnih et al. 2015, Atari"
    words.table(
        ("setting", "`DQNConfig`", "here", atari),
        [
            ("network", "", f"{' and '.join(map(str, hidden))} rectified units", "three convolutions, 512 units"),
            ("optimiser, step size", "`lr`", f"Adam, {config.lr:g}, linearly to 0", "RMSProp, 0.00025"),
            ("discount γ", "`discount`", f"{config.discount:g}", "0.99"),
            ("minibatch", "`batch_size`", config.batch_size, "32"),
            ("replay buffer", "`buffer_size`", f"{config.buffer_size:,}", "1,000,000"),
            ("steps before the first update", "`learning_starts`", f"{config.learning_starts:,}", "50,000"),
            ("steps per update", "`train_frequency`", f"{config.train_frequency:g}", "4"),
            ("target network", "`tau`", f"soft, τ = {config.tau:g}", "a copy every 10,000 updates"),
            ("ε", "`exploration`", epsilon, "1 → 0.1 in a million frames"),
            ("loss", "`huber`", "squared error", "error clipped to ±1, that is Huber's"),
            ("target", "`double`", "double Q-learning", "plain maximum"),
            ("gradient norm, at most", "`max_grad_norm`", f"{config.max_grad_norm:g}", "no limit"),
            ("environments; steps", "`steps`", f"{num_envs}; {config.steps:,} in all", "1; 50,000,000 frames"),
        ],
    )  # fmt: skip


def learning(
    thousands: np.ndarray,
    live: np.ndarray,
    table: np.ndarray,
    limit: np.ndarray,
    discount: float,
    controller: float,
    random: float,
) -> None:
    """Returns and values `[seed, report, (training, greedy, value)]`: live runs, the table's, the curve of (03.22)."""
    figure, (left, right) = plotting.figure(1, 2, width=11, height=5.6)
    below = {"fontsize": 9, "loc": "upper center", "bbox_to_anchor": (0.5, -0.16)}  # the lines need the room above
    curve = summarise_curves(table[:, None, :, 1])
    plotting.plot_curve(left, thousands, curve, "greedy, five seeds of the table (IQM, 95 %)", markevery=3)
    values = table[:, :, 2]
    right.fill_between(
        thousands, values.min(0), values.max(0), color=plotting.BLUE, alpha=0.2, linewidth=0, label="range of the table"
    )
    for seed, run in enumerate(live):
        once = None if seed else "greedy, single live seeds"
        left.plot(thousands, run[:, 1], color="black", alpha=0.7, linewidth=1.2, label=once)
        once = None if seed else "max Q at the start, single live seeds"
        right.plot(thousands, run[:, 2], color="black", alpha=0.7, linewidth=1.3, label=once)
    left.plot(thousands, live[:, :, 0].mean(0), "--", color=plotting.GREY, label="in training, ε-greedy (live mean)")
    left.axhline(controller, color=plotting.METHOD_STYLE["oracle"][0], linestyle=":", label="linear controller")
    left.axhline(random, color=plotting.RED, linestyle=":", label="random actions")
    left.set(xlabel="environment steps per seed, thousands", ylabel="return", ylim=(0, 540), title="CartPole-v1")
    left.legend(**below)
    right.plot(thousands, limit, "--", color=plotting.ORANGE, label="(03.22), from 0 to 1/(1 − γ)")
    earned = ((1 - discount ** live[:, :, 1]) / (1 - discount)).mean(0)
    right.plot(thousands, earned, "-.", color=plotting.GREY, label="discounted return of that length (live mean)")
    top = 1 / (1 - discount)
    right.axhline(top, color="black", linestyle=":", label="balancing for ever, 1/(1 − γ)")
    highest = max(1.3 * top, 1.05 * live[:, :, 2].max())
    right.set(xlabel="environment steps per seed, thousands", ylabel="discounted return", ylim=(0, highest))
    right.set_title("estimated value of the start")
    right.legend(**below)
    plotting.show(
        figure,
        "Left: return against environment steps. Greedy curves of single seeds stay near 200 to 400 for the first "
        "third, then rise to 500 one after the other; the band of the table's five seeds does the same. The training "
        "curve follows. Lines mark the linear controller near 500 and random actions near 22. Right: the estimated "
        "values bend like the dashed line of (03.22), lie about a third above it, and end above the dotted line at "
        "200, the most that can be earned.",
    )


def cartpoles(titles: Sequence[str], runs: Sequence[Tensor], every: int = 4, frames: int = 75) -> None:
    """Carts side by side, `runs` `[time, 4]` of one length each: an animation at about real speed."""
    margins = {"left": 0.02, "right": 0.98, "bottom": 0.05, "top": 0.84, "wspace": 0.06}
    figure, panels = plotting.figure(1, len(runs), width=3.2 * len(runs), height=1.9, margins=margins)
    parts = []
    for place, title in zip(panels, titles, strict=True):
        cart = place.add_patch(Rectangle((0, -0.12), 0.5, 0.24, color=plotting.GREY))
        (pole,) = place.plot([], [], color=plotting.RED, linewidth=5, solid_capstyle="round")
        place.axhline(-0.13, color="black", linewidth=1)
        place.set(xlim=(-2.65, 2.65), ylim=(-0.2, 1.15), title=title, xticks=[], yticks=[])
        for edge in (-2.4, 2.4):
            place.plot([edge, edge], [-0.2, 0.1], color="black", linewidth=1)
        place.grid(visible=False)
        parts.append((cart, pole))

    def draw(frame: int) -> None:
        for (cart, pole), states in zip(parts, runs, strict=True):
            x, _, angle, _ = states[min(every * frame, len(states) - 1)].tolist()
            cart.set_x(x - 0.25)
            pole.set_data([x, x + math.sin(angle)], [0, math.cos(angle)])

    plotting.show_animation(
        figure, draw, frames,
        "Three carts with poles that begin with a lean to the right; an episode that ends begins anew. Before training "
        "the pole falls over and over. After 12,500 steps the pole is kept up and the cart drifts to the edge of the "
        "track. After 50,000 steps the cart catches the pole and stays on the track.",
        rate=1 / (0.02 * every),
    )  # fmt: skip


def ablation(scores: Mapping[str, np.ndarray], discounts: Mapping[str, float]) -> None:
    """The last report of every variant, `scores[variant]` `[seed, report, (training, greedy, value)]`."""
    figure, (left, right) = plotting.figure(1, 2, width=11, height=4.8, sharey=True)
    for place, (name, score) in enumerate(scores.items()):
        color = plotting.BLUE if name == "full" else plotting.GREY
        offsets = place + np.linspace(-0.22, 0.22, len(score))
        left.plot(score[:, -1, 1], offsets, "o", color=color, markersize=6, alpha=0.8)
        left.text(525, place, f"{int((score[:, -1, 1] >= 475).sum())} of {len(score)}", va="center", fontsize=10)
        right.plot(score[:, -1, 2], offsets, "o", color=color, markersize=6, alpha=0.8)
        right.plot([1 / (1 - discounts[name])] * 2, [place - 0.4, place + 0.4], color="black", linewidth=1.5)
    left.axvline(475, color="black", linestyle=":")
    left.set(xlabel="greedy return at the end, one dot per seed", xlim=(-10, 615), xticks=range(0, 501, 100))
    left.set_yticks(range(len(scores)), list(scores))
    left.invert_yaxis()
    right.plot([], [], color="black", linewidth=1.5, label="highest possible value, 1/(1 − γ)")
    right.set(xscale="log", xlabel="estimated value of the start at the end, max Q")
    right.legend(fontsize=10, loc="upper right", bbox_to_anchor=(1.0, 0.97))
    plotting.show(
        figure,
        "Dots for five seeds of eleven variants of DQN. Left, greedy return at the end: the full agent solves CartPole "
        "with five of five seeds; without a target network, with Huber's loss and without one minus terminated none or "
        "one does; the others are solved by four or five seeds. Right, estimated value on a logarithmic axis: most lie "
        "a little above the highest possible value of 200, but without a target network they are near 200,000 and "
        "without one minus terminated in the millions.",
    )


WHO = {"DQN": plotting.BLUE, "oracle": plotting.METHOD_STYLE["oracle"][0], "nominal": plotting.ORANGE}
"""who plays under changed physics, and in which colour"""


def changed_physics(by_kind: Mapping[str, Mapping[str, np.ndarray]]) -> None:
    """Mean returns `by_kind[kind][who]`, a group of bars for each kind of task."""
    figure, axes = plotting.figure(width=9.0, height=3.7)
    for offset, (who, color) in zip((-0.27, 0.0, 0.27), WHO.items(), strict=True):
        heights = [float(np.mean(means[who])) for means in by_kind.values()]
        bars = axes.bar(np.arange(len(by_kind)) + offset, heights, 0.25, color=color, label=who)
        if who != "DQN":
            axes.bar_label(bars, fmt="%.0f", fontsize=9, padding=2)
            continue
        for place, means in enumerate(by_kind.values()):
            seeds = means[who].mean(1)
            axes.plot(np.full(len(seeds), place + offset), seeds, "o", color="black", markersize=3.5)
            axes.text(place + offset, seeds.max() + 12, f"{seeds.mean():.0f}", ha="center", fontsize=9)
    axes.set_xticks(range(len(by_kind)), list(by_kind))
    axes.set(ylabel="return", ylim=(0, 640))
    axes.legend(ncols=3, fontsize=10, loc="upper center")
    plotting.show(
        figure,
        "Mean returns of the DQN agents in blue with a dot for each seed, of the controller that knows each task in "
        "green and of the controller designed for ordinary physics in orange. Ordinary physics: all at 500. All "
        "parameters within a factor of two: green and orange at 500, blue lower. Factors of two to four: green near "
        "470, orange near 280, blue lower still. Force reversed: green at 500, orange and blue near 9.",
    )
