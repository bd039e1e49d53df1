"""What is a sample budget worth? Environment steps for a level of return, training beforehand included."""

from collections.abc import Mapping
from dataclasses import dataclass

import ipywidgets
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from metarl_core import plotting
from metarl_core.widgets.explorer import Explorer, slider


@dataclass(frozen=True)
class Learner:
    """What one method earns on a new task and what it spends, in environment steps.

    `returns[k]` is its return on a new task after k updates, `steps[k]` what those updates cost on that task;
    `training` is spent once before the first new task comes, `search` once to choose a step size.
    """

    returns: np.ndarray
    steps: np.ndarray
    training: float = 0.0
    search: float = 0.0

    def updates_to(self, level: float) -> int | None:
        """The first number of updates whose return is at least `level`; None where none of them is."""
        reached = np.asarray(self.returns) >= level
        return int(reached.argmax()) if reached.any() else None

    def cost(self, level: float, tasks: int, count_search: bool = True) -> tuple[float, float, float] | None:
        """Steps spent on training, on search and on `tasks` new tasks, each brought to `level`; None: never there."""
        updates = self.updates_to(level)
        if updates is None:
            return None
        return self.training, self.search if count_search else 0.0, tasks * float(self.steps[updates])


def budget_explorer(learners: Mapping[str, Learner], level: float = -12.0, tasks: int = 50) -> Explorer:
    """Choose a level of return and a number of tasks to come; see what each method spends in total.

    Args:
        learners: by the name of the method.
        level, tasks: where the sliders stand at first.
    """

    def draw(level: float, tasks: float, count_search: bool) -> Figure:
        number = round(tasks)
        margins = {"left": 0.08, "right": 0.985, "bottom": 0.15, "top": 0.88, "wspace": 0.42}
        figure, (left, right) = plotting.figure(1, 2, width=10.2, height=3.9, margins=margins)
        for name, learner in learners.items():
            color, marker = plotting.METHOD_STYLE.get(name, (plotting.GREY, "o"))
            steps = np.maximum(np.asarray(learner.steps, dtype=float), 300.0)  # zero has no place on a log axis
            left.plot(steps, learner.returns, color=color, marker=marker, markersize=4, linewidth=1.2, label=name)
            updates = learner.updates_to(level)
            if updates is not None:
                left.plot(steps[updates], learner.returns[updates], marker, color=color, markersize=9)
        left.axhline(level, color="black", linestyle=":", linewidth=1.2)
        left.set(xscale="log", xlabel="environment steps on the new task", ylabel="return", title="One new task")
        left.set_xticks([300, 1e3, 1e4, 1e5], ["0", "10³", "10⁴", "10⁵"])
        left.legend(fontsize=9, loc="lower right")
        costs = {name: learner.cost(level, number, count_search) for name, learner in learners.items()}
        place = np.arange(len(costs))
        parts = np.array([cost or (0.0, 0.0, 0.0) for cost in costs.values()]) / 1e6
        colors = [plotting.METHOD_STYLE.get(name, (plotting.GREY, "o"))[0] for name in costs]
        start = np.zeros(len(costs))
        kinds = (("training", 1.0), ("step-size search", 0.6), ("new tasks", 0.3))
        for column, (_, alpha) in enumerate(kinds):
            right.barh(place, parts[:, column], left=start, color=colors, alpha=alpha, height=0.6)
            start = start + parts[:, column]
        for row, (cost, total) in enumerate(zip(costs.values(), start, strict=True)):
            text = "never reaches this return" if cost is None else f" {total:.2f}"
            right.text(total, row, text, va="center", fontsize=10)
        keys = [Patch(color=plotting.GREY, alpha=alpha, label=label) for label, alpha in kinds]
        right.legend(handles=keys, fontsize=9, loc="lower center", ncols=3)
        right.set_yticks(place, list(costs))
        right.set_ylim(len(costs) + 0.2, -0.6)  # room for the legend below the bars
        right.set_xlim(0, max(float(start.max()), 0.1) * 1.22)
        right.grid(axis="y", visible=False)
        plural = "s" if number > 1 else ""
        right.set(xlabel="environment steps in all, millions", title=f"{number} task{plural} to return −{-level:g}")
        return figure

    level_slider = slider(level, -35.0, -5.0, 0.5, "return to reach")
    tasks_slider = ipywidgets.FloatLogSlider(
        value=tasks, min=0, max=4, step=0.05, description="tasks to come", readout_format=".0f",
        style={"description_width": "initial"}, layout={"width": "330px"},
    )  # fmt: skip
    switch = ipywidgets.Checkbox(value=True, description="count the search for step sizes", indent=False)
    return Explorer(
        draw,
        "Left: return of each method against environment steps on one new task, with the chosen level as a dotted "
        "line. Right: bars of the steps that each method spends in all to bring the chosen number of tasks to "
        "that level, split into training beforehand (dark), search for a step size, and the new tasks (light).",
        level=level_slider,
        tasks=tasks_slider,
        count_search=switch,
    )
