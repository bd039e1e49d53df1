"""The figure of appendix 01a, The field."""

import numpy as np

from metarl_core import plotting

ROWS = ("gradient steps", "recurrent memory", "attention in context", "inferred context", "learned model")
COLUMNS = ("few-shot: a handful of episodes", "many-shot: thousands of updates")
ENTRIES = (  # column, row, x offset, text, in this course?
    (0, 0, -0.25, "MAML · 05, 08\nProMP, E-MAML · 09", True),
    (0, 0, 0.25, "Reptile, Meta-SGD\n06, in a DQN: 10", True),
    (0, 1, 0.0, "RL² · 11", True),
    (0, 2, 0.0, "SNAIL", False),
    (0, 3, 0.0, "task-conditioned policy, PEARL, VariBAD · 11a", True),
    (0, 4, 0.0, "GrBAL: adaptive dynamics + MPC · 12", True),
    (1, 0, -0.25, "meta-gradients on\nhyper-parameters", False),
    (1, 0, 0.25, "evolved losses,\nLPG", False),
    (1, 2, 0.0, "algorithm distillation", False),
)


def field_map() -> None:
    """Methods by how long adaptation may take and by what carries it."""
    drawn, axes = plotting.figure(width=10.5, height=5.4)
    for column, row, offset, text, here in ENTRIES:
        color = plotting.BLUE if here else plotting.GREY
        box = {"boxstyle": "round,pad=0.45", "facecolor": color if here else "white", "edgecolor": color}
        ink = "white" if here else color
        axes.text(column + 0.5 + offset, row + 0.5, text, ha="center", va="center", fontsize=11, color=ink, bbox=box)
    axes.set(xlim=(0, 2), ylim=(len(ROWS), 0), ylabel="what carries the adaptation")
    axes.set_xticks([0.5, 1.5], COLUMNS)
    axes.set_yticks(np.arange(len(ROWS)) + 0.5, ROWS)
    axes.tick_params(length=0)
    axes.yaxis.labelpad = 12
    axes.grid(visible=False)
    axes.axvline(1, color="black", linewidth=0.8)
    for line in range(1, len(ROWS)):
        axes.axhline(line, color="black", linewidth=0.3)
    plotting.show(
        drawn,
        "A grid. Columns: few-shot and many-shot. Rows: gradient steps, recurrent memory, attention in context, "
        "inferred context, learned model. Built in the course, all of them few-shot: with gradient steps MAML "
        "(05, 08), ProMP and E-MAML (09), Reptile and Meta-SGD (06, 10); with a recurrent memory RL² (11); with an "
        "inferred context task-conditioned policies, PEARL and VariBAD (11a); with a learned model GrBAL (12). Named "
        "only: few-shot SNAIL; many-shot meta-gradients, evolved losses, LPG, algorithm distillation.",
    )
