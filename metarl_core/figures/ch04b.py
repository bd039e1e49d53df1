"""The figures of appendix 04b, Implementation details of PPO."""

from collections.abc import Mapping, Sequence

import numpy as np

from metarl_core import plotting
from metarl_core.evaluation import t_interval
from metarl_core.figures.ch04 import WATCHED

LOOKS = ((plotting.BLUE, "-"), (plotting.ORANGE, "--"), (plotting.GREEN, "-."), (plotting.PURPLE, ":"))


def clipped_value_loss(clip: float) -> None:
    """The loss of a critic and its value-clipped form against the new value, for two targets; the old value is 0."""
    drawn, axes = plotting.figure(1, 2, width=10, height=3.6)
    for panel, target in zip(axes, (0.1, 3.0), strict=True):
        value = np.linspace(-0.5, max(0.5, 1.2 * target), 500)
        plain = (value - target) ** 2
        near = (np.clip(value, -clip, clip) - target) ** 2
        panel.axvspan(-clip, clip, color=plotting.GREY, alpha=0.15, linewidth=0)
        panel.plot(
            value, np.maximum(plain, near), color=plotting.BLUE, linewidth=3, alpha=0.8, label="with value clipping"
        )
        panel.plot(value, plain, color=plotting.ORANGE, linestyle="--", linewidth=1.4, label="squared error")
        panel.plot(target, 0, "*", color=plotting.RED, markersize=14, label="target")
        panel.set(
            xlabel="new value V − old value",
            ylabel="loss of one sample",
            title=f"target {target:g} above the old value",
        )
    axes[1].legend(fontsize=10)
    plotting.show(
        drawn,
        "The loss of one sample against the new value. Where the target is nearer than the clip the two losses agree "
        "near it. Where the target is 3 away the clipped loss stops falling at 0.2 and is flat to beyond the target.",
    )


def effects(scores: Mapping[str, Mapping[str, np.ndarray]]) -> None:
    """Mean return over the training `[seed]` of each variant, a panel for each environment; the first is PPO."""
    drawn, panels = plotting.figure(1, 2, width=12.6, height=4.8)
    for panel, (environment, variants) in zip(panels, scores.items(), strict=True):
        for row, means in enumerate(variants.values()):
            interval = t_interval(means)
            color = plotting.BLUE if row == 0 else plotting.ORANGE
            panel.plot([interval.low, interval.high], [row, row], color=color, linewidth=9, alpha=0.3)
            panel.plot(means, np.full(len(means), row), "o", color=color, markersize=5, alpha=0.7)
            panel.plot(interval.point, row, "|", color="black", markersize=16, markeredgewidth=2)
        panel.axvline(float(next(iter(variants.values())).mean()), color=plotting.BLUE, linewidth=1, linestyle=":")
        panel.set(title=environment, xlabel="mean return over the training")
        panel.set_yticks(range(len(variants)), list(variants))
        panel.set_ylim(len(variants) - 0.5, -0.5)
        panel.grid(axis="y", visible=False)
    plotting.show(
        drawn,
        "Mean return over the training of PPO and twelve variants on CartPole and on Pendulum: five "
        "seeds as dots, their mean as a bar and its t interval as a band. The table below says which differ.",
    )


def discount_grid(curves: Mapping[str, Mapping[str, np.ndarray]], steps: int) -> None:
    """Returns `[seed, checkpoint]` of variants on Pendulum, a panel for each group; steps of a whole training."""
    drawn, panels = plotting.figure(1, len(curves), width=11.6, height=3.9, sharey=True)
    for panel, (title, variants) in zip(panels, curves.items(), strict=True):
        for (name, returns), (color, line) in zip(variants.items(), LOOKS, strict=False):
            x = steps * np.arange(1, returns.shape[1] + 1) / returns.shape[1] / 1000
            intervals = [t_interval(returns[:, i]) for i in range(returns.shape[1])]
            panel.plot(x, [each.point for each in intervals], line, color=color, marker="o", markersize=3, label=name)
            low, high = ([getattr(each, end) for each in intervals] for end in ("low", "high"))
            panel.fill_between(x, low, high, color=color, alpha=0.15, linewidth=0)
        panel.set(xlabel="environment steps, thousands", title=title, ylim=(-1900, 0))
        panel.legend(fontsize=9, loc="lower right")
    panels[0].set_ylabel("return of the greedy policy")
    plotting.show(
        drawn,
        "Learning curves on Pendulum, means of five seeds with t intervals: two discounts with and without scaled "
        "rewards, with λ = 0.95 and 0, and with truncation kept apart from termination or merged with it. The table "
        "below gives the numbers.",
    )


def patients(histories: Mapping[str, Mapping[str, Sequence[Sequence[float]]]]) -> None:
    """What trainings note at each update: seeds as thin lines, their median thick; a colour and a line for each."""
    drawn, grid = plotting.figure(2, 3, width=11, height=6)
    panels = grid.ravel()
    for (name, history), (color, line) in zip(histories.items(), LOOKS, strict=True):
        for panel, (key, title) in zip(panels, WATCHED.items(), strict=False):
            curves = np.array(history[key])  # [update, seed]
            place = np.arange(1, len(curves) + 1)
            panel.plot(place, curves, color=color, linewidth=0.6, alpha=0.3)
            panel.plot(place, np.nanmedian(curves, 1), line, color=color, linewidth=2.2, label=name)
            panel.set(title=title, xlabel="update")
    panels[1].set(yscale="log", ylim=(1e-9, 10))
    panels[3].set(ylim=(-1, 1.05))
    handles, labels = panels[0].get_legend_handles_labels()
    panels[5].legend(handles, labels, loc="center", title="thin: seeds; thick: median", handlelength=3)
    panels[5].set_axis_off()
    plotting.show(
        drawn,
        "Five panels against the update, four trainings of five seeds named A to D: return, approximate KL, clip "
        "fraction, explained variance and entropy. The answer below says what is seen in each.",
    )
