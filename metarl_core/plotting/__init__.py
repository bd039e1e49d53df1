"""The figures that chapters share, in one style."""

from metarl_core.plotting.curves import (
    plot_curve,
    plot_intervals,
    plot_paths,
)
from metarl_core.plotting.display import (
    gif,
    image_bundle,
    png,
    show,
    show_animation,
)
from metarl_core.plotting.look import (
    BLUE,
    GREEN,
    GREY,
    METHOD_STYLE,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    STYLE,
    YELLOW,
    figure,
    style,
)

__all__ = [
    "BLUE",
    "GREEN",
    "GREY",
    "METHOD_STYLE",
    "ORANGE",
    "PURPLE",
    "RED",
    "SKY",
    "STYLE",
    "YELLOW",
    "figure",
    "gif",
    "image_bundle",
    "plot_curve",
    "plot_intervals",
    "plot_paths",
    "png",
    "show",
    "show_animation",
    "style",
]
