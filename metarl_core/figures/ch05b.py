"""The figures of appendix 05b."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from metarl_core import plotting


def kernels(maps: Mapping[str, Tensor], titles: Mapping[str, str]) -> None:
    """Heat maps of kernels `[x', x]` on [−5, 5]², each with a colour scale of its own."""
    figure, axes = plotting.figure(1, len(maps), width=3 * len(maps), height=3.5)
    for panel, (name, kernel) in zip(axes, maps.items(), strict=True):
        largest = float(kernel.abs().flatten().quantile(0.98))
        panel.imshow(kernel, origin="lower", extent=(-5, 5, -5, 5), cmap="RdBu_r", vmin=-largest, vmax=largest)
        panel.set(title=f"{name}\n{titles[name]}", xlabel="x", xticks=[-5, 0, 5], yticks=[-5, 0, 5])
        panel.grid(visible=False)
    axes[0].set_ylabel("x'")
    plotting.show(
        figure,
        "Heat maps of kernels over x and x', red positive, blue negative. Random network: positive, largest in the "
        "corners where both are large and of one sign. Pre-training: two strong patches in the same corners, else "
        "nearly nothing. MAML: diagonal stripes of alternating sign. The best kernel for one step: diagonal stripes "
        "too, with a narrow bright line on the diagonal.",
    )


def where_it_ends(
    x: Tensor,
    by_place: Mapping[int, Tensor],
    steps: Sequence[int],
    inside: Tensor,
    outside: Tensor,
    zeros: Sequence[float],
) -> None:
    """Error against x after some steps; error `[task, step]` against steps inside and outside of the amplitudes."""
    figure, (left, right) = plotting.figure(1, 2, width=11, height=4.0)
    color = plotting.METHOD_STYLE["MAML"][0]
    for (count, error), look in zip(by_place.items(), (":", "--", "-"), strict=True):
        left.plot(x, error, look, color=color, label=f"{count} step{'s' if count != 1 else ''}")
    left.axvspan(-5, 5, color=plotting.GREY, alpha=0.12, linewidth=0)
    left.axhline(zeros[0], color="black", linestyle=":", linewidth=1.2, label="predicting zero")
    left.set(yscale="log", xlabel="x (trained in the grey part)", ylabel="mean squared error", title="Other inputs")
    left.legend(fontsize=9)
    right.plot(steps, inside.median(0).values, "o-", color=color, label="amplitude 0.1 to 5, median task")
    right.plot(steps, inside.mean(0), "o:", color=color, label="mean of the same")
    middle = outside.nan_to_num(1e9, 1e9).median(0).values
    right.plot(steps, middle, "s-", color=plotting.RED, label="amplitude 5 to 10, median task")
    right.axhline(zeros[1], color=plotting.RED, linestyle=":", linewidth=1.2, label="zero, amplitude 5 to 10")
    right.set_xscale("symlog", linthresh=1, linscale=0.4)
    right.set(yscale="log", xlim=(-0.1, 120), ylim=(0.05, 100), xlabel="gradient steps", ylabel="squared error")
    right.set(title="More steps, larger amplitudes")
    right.set_xticks([0, 1, 10, 100], ["0", "1", "10", "100"])
    right.minorticks_off()
    right.legend(fontsize=9)
    plotting.show(
        figure,
        "Left: error against x after 0, 1 and 10 steps. Inside the trained interval it falls below one; outside it "
        "rises to about a hundred at ten, and steps do not help. Right: error against steps. Within the trained "
        "amplitudes it falls, steeply in the first step and slowly up to 100. For amplitudes 5 to 10 the median falls "
        "in the first step, then slowly, and stays far higher.",
    )
