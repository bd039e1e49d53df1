"""Figures that chapters share: described, labelled, and told apart by readers who see colours differently."""

import base64
import contextlib
import io
import itertools
import struct

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from PIL import Image

from metarl_core import plotting
from metarl_core.agents import OraclePolicy
from metarl_core.evaluation import Curve, Interval
from metarl_core.tasks import PointNavigation, rollout
from metarl_core.widgets import Explorer, slider


def size(picture):
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", picture[16:24])


def test_show_tells_what_it_shows(monkeypatch):
    shown = []
    monkeypatch.setenv("METARL_EDITION", "book")
    monkeypatch.setattr("IPython.display.display", lambda data, **options: shown.append((data, options)))
    drawn, axes = plotting.figure()
    axes.plot([0, 1])
    plotting.show(drawn, "A rising line.")
    ((data, options),) = shown
    assert options == {"metadata": {"image/png": {"alt": "A rising line."}}, "raw": True}
    assert data["text/plain"] == "A rising line." and len(data["image/png"]) > 1000
    for empty in ("", "  \n"):
        with pytest.raises(ValueError, match="alt must describe"):
            plotting.show(drawn, empty)
    assert len(shown) == 1


def test_at_the_desk_a_figure_has_its_words_in_the_page(monkeypatch):
    """JupyterLab drops the alternative text of an image output, and keeps that of an HTML element."""
    monkeypatch.delenv("METARL_EDITION", raising=False)
    data, metadata = plotting.image_bundle(b"picture", 'Reward < 0, "steeply"')
    assert metadata == {} and data["text/plain"] == 'Reward < 0, "steeply"' and "image/png" not in data
    assert 'alt="Reward &lt; 0, &quot;steeply&quot;"' in data["text/html"]
    assert f'src="data:image/png;base64,{base64.b64encode(b"picture").decode()}"' in data["text/html"]


def test_animation_tells_what_it_shows(monkeypatch):
    shown = []
    monkeypatch.setenv("METARL_EDITION", "book")
    monkeypatch.setattr("IPython.display.display", lambda data, **options: shown.append((data, options)))
    drawn, axes = plotting.figure(width=2, height=1, margins={"left": 0.1})
    (line,) = axes.plot([0, 1])

    def draw(frame):
        line.set_ydata([0, frame])

    plotting.show_animation(drawn, draw, 3, "A line that turns.", rate=20)
    ((data, options),) = shown
    assert options == {"metadata": {"image/gif": {"alt": "A line that turns."}}, "raw": True}
    assert data["text/plain"] == "A line that turns."
    with Image.open(io.BytesIO(base64.b64decode(data["image/gif"]))) as picture:
        assert picture.format == "GIF" and picture.n_frames == 3 and picture.size == (144, 72)
        assert picture.info["duration"] == 50 and picture.info["loop"] == 0
        frames = set()
        for frame in range(3):
            picture.seek(frame)
            frames.add(picture.convert("RGB").tobytes())
        assert len(frames) == 3
    for wrong, message in (({"alt": " "}, "alt"), ({"frames": 0}, "frames"), ({"largest": 100}, "at most 100 bytes")):
        with pytest.raises(ValueError, match=message):
            plotting.show_animation(**{"drawn": drawn, "draw": draw, "frames": 3, "alt": "A line.", **wrong})
    assert len(shown) == 1


def test_figure_sizes():
    drawn, axes = plotting.figure(1, 3, width=9, height=3, sharey=True)
    assert axes.shape == (3,)
    assert size(plotting.png(drawn)) == (990, 330)
    drawn, _ = plotting.figure(margins={"left": 0.2, "right": 0.9})
    assert drawn.subplotpars.left == 0.2


def test_style_is_left_as_it_was():
    import matplotlib

    before = dict(matplotlib.rcParams)
    plotting.png(plotting.figure()[0])
    with plotting.style():
        assert matplotlib.rcParams["font.size"] == 12
    assert dict(matplotlib.rcParams) == before


# Machado, Oliveira & Fernandes 2009: full deuteranopia and protanopia, on linear RGB.
VISION = {
    "normal": np.eye(3),
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
}


def linear(color):
    rgb = np.array(to_rgb(color))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    """CIE L*a*b* of linear sRGB under D65."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(np.maximum(to_xyz @ np.clip(rgb, 0, 1), 1e-6) / np.array([0.9505, 1.0, 1.089]))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("vision", VISION)
def test_methods_are_told_apart(vision):
    styles = plotting.METHOD_STYLE
    for first, second in itertools.combinations(styles, 2):
        (one, marker), (other, other_marker) = styles[first], styles[second]
        distance = np.linalg.norm(lab(VISION[vision] @ linear(one)) - lab(VISION[vision] @ linear(other)))
        assert distance > 10, f"{first} and {second} under {vision}"
        assert marker != other_marker


def test_methods_stand_out_from_white():
    for method, (color, _) in plotting.METHOD_STYLE.items():
        luminance = np.array([0.2126, 0.7152, 0.0722]) @ linear(color)
        assert 1.05 / (luminance + 0.05) > 2, method


def test_plot_curve():
    drawn, axes = plotting.figure()
    curve = Curve(np.array([1.0, 2.0]), np.array([0.5, 1.5]), np.array([1.5, 3.0]))
    plotting.plot_curve(axes, [0, 1], curve, "MAML")
    plotting.plot_curve(axes, [0, 1], curve, "ours", style="oracle")
    plotting.plot_curve(axes, [0, 1], curve, "without a style")
    (first, second, third) = axes.get_lines()
    assert first.get_color() == plotting.BLUE and first.get_label() == "MAML" and first.get_ydata().tolist() == [1, 2]
    assert second.get_color() == plotting.GREEN and third.get_marker() == "o"
    band = axes.collections[0].get_paths()[0].get_extents()
    assert (band.y0, band.y1) == (0.5, 3.0)
    assert to_rgb(axes.collections[2].get_facecolor()[0][:3]) == to_rgb(third.get_color())
    plotting.png(drawn)


@pytest.mark.parametrize("horizontal", [True, False])
def test_plot_intervals(horizontal):
    drawn, axes = plotting.figure()
    intervals = [Interval(2.0, 1.0, 4.0), Interval(-3.0, -5.0, -2.0)]
    plotting.plot_intervals(axes, ["MAML", "else"], intervals, horizontal=horizontal)
    ticks = axes.get_yticklabels() if horizontal else axes.get_xticklabels()
    assert [tick.get_text() for tick in ticks] == ["MAML", "else"]
    bars = [patch.get_width() if horizontal else patch.get_height() for patch in axes.patches]
    assert bars == [2, -3]
    bars = next(container for container in axes.containers if hasattr(container, "errorbar"))
    segments = [np.array(part) for part in bars.errorbar.lines[2][0].get_segments()]
    ends = [sorted(part[:, 0 if horizontal else 1]) for part in segments]
    np.testing.assert_allclose(ends, [[1, 4], [-5, -2]])
    assert to_rgb(axes.patches[0].get_facecolor()[:3]) == to_rgb(plotting.BLUE)
    plotting.png(drawn)


def test_plot_paths():
    family = PointNavigation()
    tasks = {"goal": torch.tensor([[0.3, -0.2], [0.1, 0.4]])}
    seen = rollout(family, tasks, OraclePolicy(family), tasks, 3, torch.Generator())
    drawn, axes = plotting.figure()
    plotting.plot_paths(axes, seen, 1, tasks["goal"][1])
    assert axes.get_xlabel() and axes.get_ylabel() and axes.get_xlim() == (-0.8, 0.8)
    paths = axes.collections[0].get_segments()
    assert len(paths) == 3
    for path in paths:
        np.testing.assert_allclose(path[0], [0, 0])
        np.testing.assert_allclose(path[-1], [0.1, 0.4], atol=0.01)  # padding is no part of a path
        assert len(path) == int(seen.lengths[1, 0]) + 1
    assert {line.get_label() for line in axes.get_lines()} == {"start", "goal"}
    plotting.png(drawn)


WILD = {
    "lines.linewidth": 9,
    "font.size": 30,
    "axes.facecolor": "black",
    "savefig.facecolor": "red",
    "savefig.bbox": "tight",
    "xtick.direction": "in",
    "figure.constrained_layout.h_pad": 1.0,
}


@pytest.mark.parametrize("drawn_by", ["figure", "style", "explorer"])
def test_a_readers_own_settings_do_not_reach_the_figures(drawn_by):
    def draw(height=1.0):
        new, axes = plotting.figure()
        if drawn_by != "figure":
            axes.plot([0, height], label="a line")
            axes.set(title="the course's own")
            axes.legend()
        return new

    def picture():
        if drawn_by == "explorer":
            return Explorer(draw, "A line.", height=slider(1.0, 0.5, 2.0, 0.1, "height")).picture.value
        with plotting.style() if drawn_by == "style" else contextlib.nullcontext():
            return plotting.png(draw())

    usual = picture()
    with matplotlib.rc_context(WILD):
        assert picture() == usual
        assert matplotlib.rcParams["lines.linewidth"] == 9, "they are the reader's again"


def test_figures_bring_their_own_paper():
    """White and opaque to the corners, so that axes are read on JupyterLab's dark theme, too."""
    drawn, axes = plotting.figure(width=3, height=2)
    axes.plot([0, 1])
    frames = plotting.gif(drawn, lambda frame: None, 2)
    for picture in (plotting.png(drawn), Explorer(lambda: drawn, "A line.").picture.value, frames):
        with Image.open(io.BytesIO(picture)) as opened:
            seen = opened.convert("RGBA")
        # A film has 256 colours, and its white may be off by one.
        assert all(min(seen.getpixel(at)) >= 254 for at in ((0, 0), (seen.width - 1, seen.height - 1)))
        assert seen.getchannel("A").getextrema() == (255, 255)
