"""The figures of appendix 10a."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from metarl_core import plotting

RULES = {"TD": plotting.BLUE, "residual gradient": plotting.RED}


def three_examples(
    chain: Mapping[str, Sequence[float]],
    cycle: Mapping[str, Sequence[float]],
    baird: Mapping[str, Sequence[float]],
    limit: float,
) -> None:
    """Largest errors (in Baird's example: values) after each expected update, by rule; `limit` on the random chain."""
    figure, panels = plotting.figure(1, 3, width=11.6, height=3.9)
    titles = ("random chain", "deterministic cycle", "Baird's example")
    for panel, by_rule, title in zip(panels, (chain, cycle, baird), titles, strict=True):
        for rule, sizes in by_rule.items():
            panel.plot(sizes, color=RULES[rule], label=rule)
        panel.set(yscale="log", xlabel="expected updates", title=title)
    panels[0].axhline(limit, color="black", linestyle=":", label="limit by (10.5)")
    for panel in panels[:2]:
        panel.set(ylim=(1e-3, 10), ylabel="largest error")
    panels[2].set_ylabel("largest |value|")
    panels[0].legend(fontsize=10)
    plotting.show(
        figure,
        "Three panels on logarithmic axes. Random chain: the error of TD falls below the picture, that of the residual "
        f"gradient stays at {limit:.1f}, on the dotted line of the formula. Deterministic cycle: both fall, TD within "
        "some hundred updates, the residual gradient over thousands. Baird's example, where the true values are zero: "
        f"TD grows to {baird['TD'][-1]:.0f}, the residual gradient falls to {baird['residual gradient'][-1]:.1f} and "
        "stays near it.",
    )
