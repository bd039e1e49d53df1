"""Watch tabular Q-learning spread values over a grid with a hidden goal."""

import functools
from typing import Any

import ipywidgets
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection

from metarl_core import plotting
from metarl_core.exact.dynamic_programming import value_iteration
from metarl_core.tasks.gridworld import MOVES, GridGoals
from metarl_core.widgets.explorer import Explorer

WALLS = ((2, 2), (3, 2), (4, 2), (2, 4), (2, 5), (5, 5))
GOAL = 5  # row 0, column 5: behind a wall for one who comes from below
SLIP = 0.2
DISCOUNTS = (0.7, 0.9, 0.97)
EXPONENTS = (0.51, 0.6, 0.8, 1.0)
CORNERS = {
    0: ((-1, -1), (1, -1)),
    1: ((1, -1), (1, 1)),
    2: ((1, 1), (-1, 1)),
    3: ((-1, 1), (-1, -1)),
}  # (x, y) of a move


def _random_walk(family: GridGoals, goal: int, steps: int, slip: float, seed: int) -> np.ndarray:
    """Transitions (state, action, reward, next state) `[step, 4]` of an agent that acts at random.

    With probability `slip` a random move happens in place of the chosen one. From the goal it goes on at the start.
    """
    random = np.random.default_rng(seed)
    chosen = random.integers(len(MOVES), size=steps)
    moved = np.where(random.random(steps) < slip, random.integers(len(MOVES), size=steps), chosen)
    following, cell, record = family.next_cell.tolist(), family.start, []
    for action, move in zip(chosen.tolist(), moved.tolist(), strict=True):
        reached = following[cell][move]
        record.append((cell, action, int(reached == goal), reached))
        cell = family.start if reached == goal else reached
    return np.array(record)


def _slipping_tables(family: GridGoals, goal: int, slip: float) -> tuple[torch.Tensor, torch.Tensor]:
    """The same world as tables `[1, S, A, S]` and expected rewards `[1, S, A]` for dynamic programming."""
    transitions, rewards = (table.double() for table in family.tables({"goal": torch.tensor([goal])}))
    transitions, rewards = ((1 - slip) * table + slip * table.mean(2, keepdim=True) for table in (transitions, rewards))
    return transitions, rewards


def learn_from_a_walk(walk: np.ndarray, goal: int, cells: int, discounts, exponents, moments) -> np.ndarray:
    """Q-tables `[moment, discount, exponent, S, A]` after the given numbers of updates along one walk.

    All settings learn side by side from the same transitions; the step size of a pair's n-th visit is n^−exponent.
    """
    gamma = np.repeat(discounts, len(exponents))
    largest = int(np.bincount(walk[:, 0] * len(MOVES) + walk[:, 1]).max())
    rates = np.arange(1, largest + 1)[:, None] ** -np.tile(np.asarray(exponents, dtype=float), len(discounts))
    q = np.zeros((cells, len(MOVES), len(gamma)))
    visits = np.zeros((cells, len(MOVES)), dtype=int)
    kept, wanted = [], set(moments)
    for step, (cell, action, reward, following) in enumerate(walk.tolist()):
        if step in wanted:
            kept.append(q.copy())
        target = reward if following == goal else gamma * q[following].max(0)
        q[cell, action] += rates[visits[cell, action]] * (target - q[cell, action])
        visits[cell, action] += 1
    kept.append(q)  # the last moment is the walk's end
    return np.array(kept).transpose(0, 3, 1, 2).reshape(len(kept), len(discounts), len(exponents), cells, len(MOVES))


def q_value_explorer(steps: int = 40_000, seed: int = 0) -> Explorer:
    """Drag through the updates of Q-learning on a 7 × 7 grid whose goal the agent cannot see.

    The agent walks at random the whole time; it slips to a random move with probability 0.2. All tables at all
    moments are computed beforehand, so that a redraw only draws.

    Args:
        steps: length of the walk; one update per step.
        seed: of the walk.
    """
    family = GridGoals(walls=WALLS, start=(6, 0))
    moments = sorted({0, *(int(float(f"{moment:.1e}")) for moment in np.geomspace(10, steps, 25)), steps})
    walk = _random_walk(family, GOAL, steps, SLIP, seed)
    tables = learn_from_a_walk(walk, GOAL, family.size**2, DISCOUNTS, EXPONENTS, moments)
    optimal = np.array([_optimum(family, discount) for discount in DISCOUNTS])
    cells = [c for c in range(family.size**2) if c != GOAL and divmod(c, family.size) not in WALLS]
    errors = np.abs(tables - optimal[None, :, None])[..., cells, :].max((-1, -2))  # [moment, discount, exponent]

    def draw(moment: int, view: str, discount: float, exponent: float):
        d, e, m = DISCOUNTS.index(discount), EXPONENTS.index(exponent), moments.index(moment)
        margins = {"left": 0.05, "right": 0.985, "bottom": 0.14, "top": 0.89, "wspace": 0.34}
        figure, (left, right) = plotting.figure(
            1, 2, width=10.0, height=4.6, margins=margins, gridspec_kw={"width_ratios": [1, 1.05]}
        )
        _draw_grid(left, family, tables[m, d, e], optimal[d], cells, view)
        left.set_title(f"{view} after {moment:,} updates")
        _draw_errors(right, moments, errors[:, d], e, m)
        right.set_title(f"largest error, γ = {discount:g}")
        return figure

    def choice(options, value, label):
        return ipywidgets.Dropdown(options=options, value=value, description=label, layout={"width": "230px"})

    return Explorer(
        draw,
        "Left: the grid with its walls, start and goal; the four triangles of a cell show the values of its four "
        "moves, which spread backwards from the goal as learning proceeds. Right: the largest error against updates "
        "on logarithmic axes, one line for each exponent of the step size.",
        moment=ipywidgets.SelectionSlider(
            options=[(f"{moment:,}", moment) for moment in moments], value=moments[len(moments) * 2 // 3],
            description="updates", continuous_update=True, layout={"width": "420px"},
        ),
        view=choice(list(VIEWS), "action values", "show"),
        discount=choice(DISCOUNTS, 0.9, "discount γ"),
        exponent=choice(EXPONENTS, 0.8, "exponent ω"),
    )  # fmt: skip


def _optimum(family: GridGoals, discount: float) -> np.ndarray:
    """Q* `[S, A]` of the slipping world."""
    transitions, rewards = _slipping_tables(family, GOAL, SLIP)
    value, _ = value_iteration(transitions, rewards, discount)
    return (rewards + discount * torch.einsum("ksat,kt->ksa", transitions, value))[0].numpy()


@functools.cache
def _triangles(size: int) -> np.ndarray:
    """Corners `[cell · 4 + action, 3, 2]` of the triangle of each move, as (column, row)."""
    shapes = []
    for cell in range(size**2):
        row, column = divmod(cell, size)
        for action in range(len(MOVES)):
            ends = [(column + x / 2, row + y / 2) for x, y in CORNERS[action]]
            shapes.append([(column, row), *ends])
    return np.array(shapes)


def _draw_grid(axes: Axes, family: GridGoals, q: np.ndarray, optimal: np.ndarray, cells: list[int], view: str) -> None:
    shown, limits, colours = VIEWS[view](q, optimal)
    triangles = _triangles(family.size).reshape(-1, len(MOVES), 3, 2)[cells].reshape(-1, 3, 2)
    edges = "face" if view == "greedy policy" else "white"
    faces = PolyCollection(
        list(triangles), array=shown[cells].reshape(-1), cmap=colours, edgecolors=edges, linewidths=0.4
    )
    faces.set_clim(*limits)
    axes.add_collection(faces)
    axes.figure.colorbar(faces, ax=axes, fraction=0.046, pad=0.03)
    if view == "greedy policy":
        _draw_arrows(axes, family, q, optimal, cells)
    for row, column in WALLS:
        axes.fill(
            [column - 0.5, column + 0.5, column + 0.5, column - 0.5], np.repeat([row - 0.5, row + 0.5], 2), "0.35"
        )
    for cell, mark, colour in ((GOAL, "*", plotting.RED), (family.start, "o", "black")):
        row, column = divmod(cell, family.size)
        axes.plot(column, row, mark, color=colour, markersize=13 if mark == "*" else 7, markeredgecolor="white")
    axes.set(
        xlim=(-0.5, family.size - 0.5), ylim=(family.size - 0.5, -0.5), aspect="equal", xlabel="column", ylabel="row"
    )
    axes.grid(visible=False)


def _draw_arrows(axes: Axes, family: GridGoals, q: np.ndarray, optimal: np.ndarray, cells: list[int]) -> None:
    """The greedy move of each cell that knows one; red where it loses more than a hundredth of the best value."""
    known = [cell for cell in cells if q[cell].max() > 0]
    if not known:
        return
    moves = q[known].argmax(-1)
    row, column = np.divmod(known, family.size)
    down, right = np.array(MOVES)[moves].T
    lost = optimal[known].max(-1) - optimal[known, moves]
    colours = np.where(lost > 0.01 * optimal[known].max(-1), plotting.RED, "white")
    axes.quiver(
        column - 0.3 * right, row - 0.3 * down, 0.6 * right, 0.6 * down, color=colours, angles="xy", scale_units="xy",
        scale=1, width=0.011,
    )  # fmt: skip


def _draw_errors(axes: Axes, moments: list[int], errors: np.ndarray, chosen: int, now: int) -> None:
    for index, exponent in enumerate(EXPONENTS):
        weight: dict[str, Any] = {"linewidth": 3.0} if index == chosen else {"linewidth": 1.2, "alpha": 0.7}
        axes.plot(moments[1:], errors[1:, index], label=f"ω = {exponent:g}", **weight)
    if now:
        axes.plot(moments[now], errors[now, chosen], "o", color="black", markersize=8)
    axes.set(xscale="log", yscale="log", xlabel="updates", ylabel="max |Q − Q*|")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("")
    axes.legend(fontsize=10, loc="lower left")


VIEWS = {
    "action values": lambda q, optimal: (q, (0, 1), "viridis"),
    "greedy policy": lambda q, optimal: (np.repeat(q.max(-1, keepdims=True), 4, -1), (0, 1), "viridis"),
    "error to the optimum": lambda q, optimal: (np.abs(q - optimal), (0, 0.3), "magma"),
}
"""From a table and the optimum to the colour of each triangle, its limits and its map."""
