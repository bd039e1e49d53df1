"""The figures of appendix 07a."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from metarl_core import plotting
from metarl_core.figures.ch07 import WINE


def half_width(values: Tensor) -> float:
    """Half of a 95 % interval over tasks."""
    return 1.96 * float(values.std()) / len(values) ** 0.5


def normalisations(found: Mapping[str, Mapping[str, Tensor]], chance: float) -> None:
    """Accuracy `[task]` of two networks under several ways to normalise their query images."""
    figure, axes = plotting.figure(width=8.4, height=4.0)
    names: list[str] = []
    for (network, by_way), face, marker, shift in zip(found.items(), (WINE, "white"), "pd", (-0.13, 0.13), strict=True):
        names = list(by_way)
        for place, each in enumerate(by_way.values()):
            mean = float(each.mean())
            look = {"marker": marker, "markersize": 7, "markerfacecolor": face, "capsize": 3, "color": WINE}
            label = network if place == 0 else None
            axes.errorbar(mean, place + shift, xerr=half_width(each), linestyle="none", label=label, **look)
    axes.axvline(chance, color="black", linestyle=":", linewidth=1.2)
    axes.text(chance + 0.01, 4.5, "chance", fontsize=9)
    axes.set_yticks(range(len(names)), names)
    axes.set(xlim=(0, 1.02), ylim=(4.7, -0.5), xlabel="accuracy, 5-way 1-shot (95 % interval over tasks)")
    axes.legend(title="query images in training", fontsize=10, loc="center left", bbox_to_anchor=(0.02, 0.45))
    plotting.show(
        figure,
        "Accuracy of two networks, trained inductively and transductively, under five ways to normalise query images. "
        "By the support set, 50 together, and five together, one of each class, are close to each other. Each alone is "
        "far lower, and ten together of one class lower still.",
    )


def faces(found: Mapping[tuple[str, str], Tensor]) -> None:
    """Accuracy `[task, (network, another, pixels)]` by split and by faces: points with intervals over tasks."""
    figure, axes = plotting.figure(1, 2, width=9.6, height=3.6)
    splits = {"train": "training\nletters", "test": "test\nscripts", "ood": "out of\ndistribution"}
    for panel, which, title in zip(axes, (0, 2), ("prototypes of section 1", "pixel neighbours"), strict=True):
        for kind, color, marker, shift in (
            ("all faces", plotting.BLUE, "o", -0.08),
            ("one face", plotting.ORANGE, "s", 0.08),
        ):
            values = [found[split, kind][:, which] for split in splits]
            means, halves = [float(value.mean()) for value in values], [half_width(value) for value in values]
            panel.errorbar(np.arange(3) + shift, means, yerr=halves, fmt=marker, capsize=4, color=color, label=kind)
        panel.set_xticks(range(3), list(splits.values()))
        panel.set(title=title, xlim=(-0.4, 2.4))
    axes[0].set_ylabel("accuracy, 5-way 1-shot")
    axes[1].legend(fontsize=10, loc="lower right")
    plotting.show(
        figure,
        "Accuracy on training letters, test scripts and scripts out of distribution, with all faces and with one face, "
        "left for prototypes and right for pixel neighbours. One face is easier everywhere.",
    )
