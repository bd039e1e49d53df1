"""An explorer: a figure that is computed anew while the reader moves a slider."""

from collections.abc import Callable
from pathlib import Path

import anywidget
import ipywidgets
import traitlets
from matplotlib.figure import Figure

from metarl_core import plotting
from metarl_core.plotting.look import pinned


class Names(anywidget.AnyWidget):
    """Words for a screen reader, given by `static/names.js` to the controls and the picture of one explorer."""

    _esm = (Path(__file__).parent / "static" / "names.js").read_text("utf-8")
    alt = traitlets.Unicode().tag(sync=True)


class Explorer(ipywidgets.VBox):
    """Controls above a picture that is drawn anew whenever a control changes.

    Where widgets are not shown (GitHub, a printed page) the picture at the default values takes
    their place.

    Args:
        draw: from the controls' values, by name, to a figure.
        alt: alternative text of the picture.
        controls: widgets with a `value`, by the names of `draw`'s arguments.
    """

    def __init__(self, draw: Callable[..., Figure], alt: str, **controls):
        self.draw, self.alt, self.controls = draw, alt, controls
        self.picture = ipywidgets.Image(format="png")
        box = ipywidgets.Box(list(controls.values()), layout={"flex_flow": "row wrap"})
        super().__init__([box, self.picture, Names(alt=alt)])
        self.add_class("metarl-explorer")
        for control in controls.values():
            control.observe(self._redraw, names="value")
        self._redraw()

    def _redraw(self, change=None) -> None:
        values = {name: control.value for name, control in self.controls.items()}
        with pinned({}):  # the reader's own matplotlib settings do not reach the picture
            self.picture.value = plotting.png(self.draw(**values))

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        data, metadata = plotting.image_bundle(self.picture.value, self.alt)
        return {**bundle, **data}, metadata


def slider(value, low, high, step, label: str, integer: bool = False):
    """A slider of the course's width whose figure follows while it is dragged."""
    kind = ipywidgets.IntSlider if integer else ipywidgets.FloatSlider
    return kind(
        value=value, min=low, max=high, step=step, description=label,
        continuous_update=True, style={"description_width": "initial"}, layout={"width": "330px"},
    )  # fmt: skip
