"""Walk over every control of an explorer without a browser: set each to its ends, its options and back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ipywidgets as widgets

PNG = b"\x89PNG\r\n\x1a\n"
NUMBERS = (
    widgets.IntSlider,
    widgets.FloatSlider,
    widgets.BoundedIntText,
    widgets.BoundedFloatText,
    widgets.FloatLogSlider,
)
RANGES = (widgets.IntRangeSlider, widgets.FloatRangeSlider)
CHOICES = (widgets.Dropdown, widgets.Select, widgets.RadioButtons, widgets.ToggleButtons, widgets.SelectionSlider)
SWITCHES = (widgets.Checkbox, widgets.ToggleButton)


def tree(widget: widgets.Widget) -> Iterator[widgets.Widget]:
    """The widget and everything inside it, depth first."""
    yield widget
    for child in getattr(widget, "children", ()):
        yield from tree(child)


def values(control: widgets.Widget) -> list[Any]:
    """The values to try: lowest and highest for numbers; every option for choices; [] for what is no control."""
    if isinstance(control, widgets.FloatLogSlider):
        return [control.base**control.min, control.base**control.max]
    if isinstance(control, NUMBERS):
        return [control.min, control.max]
    if isinstance(control, RANGES):
        return [(control.min, control.min), (control.max, control.max), (control.min, control.max)]
    if isinstance(control, CHOICES):
        return [value for _, value in control._options_full]
    if isinstance(control, SWITCHES):
        return [not control.value]
    return []


def walk(explorer: widgets.Widget) -> dict[str, int]:
    """Try all controls; {control: how many different pictures it made}.

    Raises whatever a callback raises, naming the control and value, and AssertionError where there is no PNG, no
    control, or a control that changes nothing at any of its values.
    """
    images = [w for w in tree(explorer) if isinstance(w, widgets.Image)]
    controls = [w for w in tree(explorer) if values(w) or isinstance(w, widgets.Button)]
    assert images, "the explorer shows no widgets.Image"
    assert controls, "the explorer has no control"
    pictures = _pictures(images, "at the start")
    made: dict[str, int] = {}
    for number, control in enumerate(controls):
        name = f"{type(control).__name__} {getattr(control, 'description', '') or number}"
        seen = {pictures}
        if isinstance(control, widgets.Button):
            _do(control.click, f"a click on {name}")
            seen.add(_pictures(images, f"after a click on {name}"))
        start = getattr(control, "value", None)
        for value in [*values(control), *([start] if values(control) else [])]:
            if not control.disabled:
                _do(lambda: setattr(control, "value", value), f"{name} = {value!r}")  # noqa: B023, called at once
                seen.add(_pictures(images, f"at {name} = {value!r}"))
        pictures = _pictures(images, f"after {name}")
        made[name] = len(seen)
    idle = [name for name, count in made.items() if count < 2]
    assert not idle, f"these controls never change the picture: {', '.join(idle)}"
    return made


def _do(action, what: str) -> None:
    try:
        action()
    except Exception as error:
        error.add_note(f"raised at {what}")
        raise


def _pictures(images: list[widgets.Image], when: str) -> tuple[bytes, ...]:
    for image in images:
        assert bytes(image.value).startswith(PNG), f"the image is not a PNG {when}"
    return tuple(bytes(image.value) for image in images)
