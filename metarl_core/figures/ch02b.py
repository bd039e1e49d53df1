"""The figure of appendix 02b, The Gittins index."""

import numpy as np

from metarl_core import plotting


def index(half_won: np.ndarray, excess: np.ndarray) -> None:
    """The index of an arm that won half of 0, 2, 4, … pulls; index minus mean `[successes, failures]`."""
    drawn, (curve, chart) = plotting.figure(1, 2, width=10, height=3.9)
    pulls = 2 * np.arange(len(half_won))
    curve.plot(pulls, half_won, "o-", markersize=4, color=plotting.BLUE, label="Gittins index")
    curve.plot(pulls, np.full(len(pulls), 0.5), "--", color=plotting.GREY, label="posterior mean")
    curve.fill_between(pulls, 0.5, half_won, color=plotting.BLUE, alpha=0.15)
    curve.text(4, 0.53, "value of\ninformation", fontsize=10)
    curve.set(xlabel="pulls of the arm so far, half of them won", ylabel="index (reward per pull)", ylim=(0.4, 0.9))
    curve.legend(fontsize=10)
    image = chart.imshow(excess.T, origin="lower", vmin=0)
    chart.set(xlabel="successes", ylabel="failures")
    chart.grid(False)
    drawn.colorbar(image, ax=chart, label="index minus posterior mean")
    plotting.show(
        drawn,
        "Left: the Gittins index of an arm with mean one half falls from about 0.83 towards 0.5 as pulls mount up. "
        "Right: map over successes and failures of index minus posterior mean; it is largest for few pulls and falls "
        "to zero where one pull is left.",
    )
