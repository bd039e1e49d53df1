"""Draw a few-shot task, and watch the decision about its query images change from one inner step to the next."""

import functools
from collections.abc import Mapping
from typing import NamedTuple

import ipywidgets
import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage

from metarl_core import plotting
from metarl_core.networks.conv_net import conv_net
from metarl_core.parameters import Parameters
from metarl_core.tasks import ImageClasses
from metarl_core.widgets.explorer import Explorer, slider

WAYS, QUERIES, STEPS = 5, 5, 8
CLASS_COLORS = (plotting.BLUE, plotting.ORANGE, plotting.GREEN, plotting.PURPLE, plotting.RED)
TOGETHER, BY_SUPPORT = "all query images together", "the support images"


class Decisions(NamedTuple):
    """A task's images `[sample, side, side]`, and what the network says of each query after each number of steps."""

    support: np.ndarray
    queries: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    """`[step, query, class]`"""


def decide(
    data: ImageClasses, method, meta: Parameters, split: str, shots: int, seed: int, by_support: bool
) -> Decisions:
    """Draw the task with that seed, take 0, 1, …, `STEPS` inner steps and judge its queries after each of them."""
    generator = torch.Generator().manual_seed(seed)
    task = data.sample_few_shot(1, WAYS, shots, QUERIES, generator, split)
    probabilities = []
    for steps in range(STEPS + 1):
        adapted = method.adapt(meta, task.support_inputs, task.support_targets, steps)
        with torch.no_grad():
            logits = conv_net(adapted, task.query_inputs, task.support_inputs if by_support else None)
        probabilities.append(logits[0].softmax(-1))
    support, queries = (images[0, :, 0].numpy(force=True) for images in (task.support_inputs, task.query_inputs))
    labels, found = task.query_targets[0].numpy(force=True), torch.stack(probabilities).numpy(force=True)
    return Decisions(support, queries, labels, found)


def few_shot_explorer(data: ImageClasses, learners: Mapping[str, tuple], task: int = 1, query: int = 1) -> Explorer:
    """Draw a 5-way task and follow one query image, and all of them, over the inner steps.

    Args:
        data: whose splits are offered.
        learners: by name, a method with `adapt` (`MAML`, `Prototypes`, …) and its meta-parameters for five classes.
        task, query: what is shown first; a task is its seed, queries count from 1.
    """
    decisions = functools.lru_cache(64)(
        lambda learner, split, shots, task, by: decide(
            data, learners[learner][0], learners[learner][1], split, shots, task, by == BY_SUPPORT
        )
    )

    def draw(learner: str, split: str, shots: int, task: int, query: int, steps: int, statistics: str) -> Figure:
        shown = decisions(learner, split, shots, task, statistics)
        margins = {"left": 0.005, "right": 0.985, "bottom": 0.15, "top": 0.87, "wspace": 0.3}
        figure, axes = plotting.figure(
            1, 3, width=11.0, height=3.9, margins=margins, gridspec_kw={"width_ratios": [1.25, 1.0, 1.15]}
        )
        _draw_task(axes[0], shown, shots, query - 1, steps)
        _draw_query(axes[1], shown, query - 1, steps)
        _draw_accuracy(axes[2], shown, steps)
        return figure

    return Explorer(
        draw,
        "Left: the five letters of a task, an example of each, and below them its 25 query images framed in the colour "
        "of the class that the network decides for; wrong ones are struck through. Middle: the probability of each "
        "class for one query image against the inner steps. Right: the share of right answers and the mean probability "
        "of the right class against the inner steps.",
        learner=_dropdown(list(learners), "learner", "250px"),
        split=_dropdown([name for name in ("test", "ood", "train") if name in data.members], "letters from", "210px"),
        statistics=_dropdown([TOGETHER, BY_SUPPORT], "queries normalised by", "380px"),
        task=slider(task, 0, 40, 1, "task", integer=True),
        shots=slider(1, 1, 5, 1, "shots K", integer=True),
        steps=slider(1, 0, STEPS, 1, "inner steps", integer=True),
        query=slider(query, 1, WAYS * QUERIES, 1, "query image", integer=True),
    )


def _dropdown(options, label: str, width: str):
    return ipywidgets.Dropdown(
        options=options, description=label, layout={"width": width}, style={"description_width": "initial"}
    )


def _place(axes, picture: np.ndarray, x: float, y: float, color: str, zoom: float, width: float = 2.5) -> None:
    image = OffsetImage(picture, cmap="gray", zoom=zoom, resample=True)
    frame = {"edgecolor": color, "linewidth": width, "boxstyle": "square,pad=0.0"}
    axes.add_artist(AnnotationBbox(image, (x, y), frameon=True, pad=0.0, bboxprops=frame))


def _draw_task(axes, shown: Decisions, shots: int, query: int, steps: int) -> None:
    """Support images in the top row, queries below in their true class's column."""
    chosen = shown.probabilities[steps].argmax(1)
    for label in range(WAYS):
        _place(axes, shown.support[label * shots], label, 0, CLASS_COLORS[label], 1.25, 4)
    for index, picture in enumerate(shown.queries):
        label, row = divmod(index, QUERIES)
        _place(axes, picture, label, 1.55 + row, CLASS_COLORS[chosen[index]], 0.95)
        if chosen[index] != label:
            axes.plot(label + np.array([-0.3, 0.3]), 1.55 + row + np.array([-0.4, 0.4]), color="white", zorder=6)
        if index == query:
            axes.plot(label + 0.43, 1.55 + row, "<", color="black", markersize=9, clip_on=False)
    axes.axhline(0.82, color="black", linewidth=0.8)
    axes.set(xlim=(-0.55, WAYS - 0.35), ylim=(QUERIES + 1.1, -0.65), xticks=[], yticks=[])
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.set_title("labelled (top), asked (below)")


def _draw_query(axes, shown: Decisions, query: int, steps: int) -> None:
    for label, color in enumerate(CLASS_COLORS):
        right = shown.labels[query] == label
        axes.plot(
            shown.probabilities[:, query, label], color=color, linewidth=3.5 if right else 1.4, marker="o", markersize=4
        )
    axes.axvline(steps, color="black", linestyle=":", linewidth=1.2)
    axes.set(ylim=(-0.03, 1.03), xlabel="inner steps taken", ylabel="probability")
    axes.set_title(f"query image {query + 1} (thick: its class)")


def _draw_accuracy(axes, shown: Decisions, steps: int) -> None:
    right = shown.probabilities[:, np.arange(len(shown.labels)), shown.labels]
    accuracy = (shown.probabilities.argmax(-1) == shown.labels).mean(1)
    axes.plot(accuracy, "o-", color="black", markersize=4, label="share of right answers")
    axes.plot(right.mean(1), "s--", color=plotting.GREY, markersize=4, label="mean probability\nof the right class")
    axes.axhline(1 / WAYS, color="black", linestyle=":", linewidth=1.0)
    axes.axvline(steps, color="black", linestyle=":", linewidth=1.2)
    axes.set(ylim=(-0.03, 1.03), xlabel="inner steps taken", ylabel="over 25 queries")
    axes.set_title(f"{round(accuracy[steps] * len(shown.labels))} of {len(shown.labels)} right after {steps}")
    axes.legend(fontsize=9, loc="lower right")
