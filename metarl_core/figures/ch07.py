"""The figures of chapter 07."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from metarl_core import plotting
from metarl_core.evaluation import Interval
from metarl_core.figures.diagrams import arrow, box
from metarl_core.tasks import FewShot, ImageClasses

WINE = "#882255"
"""of prototypes, which have no colour of their own elsewhere"""
STYLE = {
    "prototypes": (WINE, "p"),
    "MAML": plotting.METHOD_STYLE["MAML"],
    "ANIL": plotting.METHOD_STYLE["ANIL"],
    "pre-training": plotting.METHOD_STYLE["pre-trained"],
    "pre-trained prototypes": (plotting.METHOD_STYLE["pre-trained"][0], "D"),
    "pre-training, 4 times as long": plotting.METHOD_STYLE["pre-trained"],
    "random initialisation": plotting.METHOD_STYLE["random initialisation"],
}
SPLIT_COLORS = {"train": plotting.BLUE, "test": plotting.RED, "ood": plotting.PURPLE}


def puzzle(task: FewShot, asked: Tensor) -> None:
    """The five support images of a task and ten of its query images, `asked`."""
    margins = {"left": 0.01, "right": 0.99, "bottom": 0.09, "top": 0.92, "hspace": 0.35, "wspace": 0.1}
    figure, axes = plotting.figure(2, len(asked), width=9.6, height=2.5, margins=margins)
    for place in axes.flat:
        place.set(xticks=[], yticks=[])
        place.grid(visible=False)
    for column in range(len(asked)):
        axes[1, column].imshow(task.query_inputs[0, asked[column], 0], cmap="gray")
        axes[1, column].set_xlabel(f"{column + 1}", labelpad=2)
        axes[0, column].set_visible(column < 5)
    for label, letter in enumerate("ABCDE"):
        axes[0, label].imshow(task.support_inputs[0, label, 0], cmap="gray")
        axes[0, label].set_title(letter, pad=3)
    plotting.show(
        figure,
        "First row: five letters of foreign scripts, white on black, labelled A to E. Second row: ten pictures of "
        "these letters in other faces, numbered 1 to 10, unlabelled.",
    )


def two_loops() -> None:
    """A schematic: adapting to a support set, judging on query images, and the outer step."""
    figure, axes = plotting.figure(width=10.4, height=4.2)
    axes.set(xlim=(0, 10.4), ylim=(0, 4.2))
    axes.axis("off")
    box(axes, 1.0, 2.3, "network\n$θ$", size=13)
    box(axes, 5.0, 2.3, "classifier of\nfive letters $U(θ)$", size=13)
    box(axes, 9.1, 2.3, "query loss\n$L^q(U(θ))$", size=13)
    for x, words in ((3.0, "support set: one\nlabelled image each"), (7.05, "query set: other\nimages of the five")):
        axes.text(x, 3.65, words, ha="center", fontsize=11)
        arrow(axes, (x, 3.5), (x, 2.65), plotting.GREY)
    arrow(axes, (1.7, 2.45), (3.75, 2.45), plotting.BLUE)
    arrow(axes, (6.25, 2.45), (8.2, 2.45), plotting.BLUE)
    for start, end in ((8.2, 6.25), (3.75, 1.7)):
        arrow(axes, (start, 2.12), (end, 2.12), plotting.RED)
    axes.text(2.72, 1.3, "inner loop: class means,\nor gradient steps", ha="center", fontsize=11, color=plotting.BLUE)
    arrow(axes, (1.0, 1.8), (1.0, 0.95), plotting.RED)
    axes.text(1.0, 0.25, "outer step\nof Adam", ha="center", fontsize=11, color=plotting.RED)
    axes.text(6.7, 1.0, "forwards, once for each task of training letters", ha="center", color=plotting.BLUE)
    axes.text(6.7, 0.5, "backwards, through the inner loop too", ha="center", color=plotting.RED)
    plotting.show(
        figure,
        "A diagram. Forwards, in blue: a support set of one labelled image of each letter turns the network into a "
        "classifier of five letters, by class means or by gradient steps; other images of these letters give the query "
        "loss. Backwards, in red: its gradient passes through the classifier and the inner loop to the network, and "
        "makes the outer step.",
    )


def scripts(data: ImageClasses, splits: Mapping[str, Sequence[str]]) -> None:
    """Up to sixteen letters of each script, one script a row."""
    split_of = {name: split for split, names in splits.items() for name in names}
    margins = {"left": 0.2, "right": 0.99, "bottom": 0.01, "top": 0.99, "hspace": 0.08, "wspace": 0.05}
    figure, axes = plotting.figure(len(split_of), 16, width=9.2, height=8.0, margins=margins)
    for row, (name, split) in zip(axes, split_of.items(), strict=True):
        members = [index for index, own in enumerate(data.groups) if own == name]
        shown = np.linspace(0, len(members) - 1, min(16, len(members))).astype(int)
        for panel, index in zip(row, [*shown, *[None] * (16 - len(shown))], strict=True):
            panel.set(xticks=[], yticks=[])
            panel.grid(visible=False)
            panel.spines[:].set_visible(False)
            if index is not None:
                panel.imshow(255 - data.images[members[index], 0], cmap="gray", vmin=0, vmax=255)
        words = f"{name.title().replace('Nko', 'NKo')} ({split})"
        color = SPLIT_COLORS[split]
        row[0].set_ylabel(words, rotation=0, ha="right", va="center", fontsize=9, color=color)
    plotting.show(
        figure,
        "Sixteen letters of each of fifteen scripts, one script a row. Training: Latin, Greek, Cyrillic, Coptic, "
        "Armenian, Old Italic, Lisu. Test: Georgian, Hebrew, Arabic, Lao, NKo. Out of distribution: Canadian "
        "syllabics, Tifinagh, Ogham, which consist of straight strokes, triangles and dots.",
    )


def nearest_letters(nearest: Mapping[str, Tensor]) -> None:
    """Distribution functions of the similarity of a test letter to its nearest training letter, by kind of split."""
    figure, axes = plotting.figure(width=7.0, height=3.6)
    for (name, values), color in zip(nearest.items(), (plotting.BLUE, plotting.RED), strict=True):
        axes.plot(values.sort().values, np.linspace(0, 1, len(values)), color=color, label=f"split {name}")
    axes.set(xlabel="similarity to the nearest training letter", ylabel="share of test letters below")
    axes.legend(loc="upper left")
    plotting.show(
        figure,
        "Distribution functions of the similarity of a test letter to its nearest training letter. Split by letter, "
        "most test letters have a training letter of similarity 0.85 or more; split by script, few do.",
    )


def accuracies(found: Mapping[str, Sequence[Interval]], pixels: Sequence[float], chance: float) -> None:
    """Accuracy of each method on new scripts at one and at five shots, with t intervals, in the order given."""
    figure, axes = plotting.figure(1, 2, width=10.4, height=3.8, sharey=True)
    for panel, k, shots in zip(axes, range(2), (1, 5), strict=True):
        for place, (name, intervals) in enumerate(found.items()):
            interval, (color, marker) = intervals[k], STYLE[name]
            error = [[interval.point - interval.low], [interval.high - interval.point]]
            face = "white" if "times as long" in name else color  # another budget
            look = {"fmt": marker, "markersize": 8, "markerfacecolor": face, "capsize": 3, "color": color}
            panel.errorbar(interval.point, place, xerr=error, **look)
        for value, words, line in ((chance, "chance", ":"), (pixels[k], "pixels", "--")):
            panel.axvline(value, color="black", linestyle=line, linewidth=1.2)
            panel.text(value, -0.75, words, fontsize=10, ha="center", va="bottom")
        panel.set(
            xlabel=f"accuracy on new scripts, 5-way {shots}-shot", xlim=(0.15, 1.0), ylim=(len(found) - 0.5, -0.6)
        )
    axes[0].set_yticks(range(len(found)), list(found))
    plotting.show(
        figure,
        "Accuracy of each method on letters of new scripts with t intervals over five trainings, left 1-shot and right "
        "5-shot; dotted and dashed vertical lines mark chance, 0.2, and pixel neighbours. The marker of longer "
        "pre-training is hollow. From the top in order of 1-shot accuracy: " + ", ".join(found) + ".",
    )
