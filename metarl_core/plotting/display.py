"""Figures and animations as they stand in a notebook, with words for those who cannot see them."""

from __future__ import annotations

import base64
import html
import io
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from matplotlib.animation import PillowWriter
from matplotlib.figure import Figure

from metarl_core.arguments import check_count, check_positive
from metarl_core.plotting.look import STYLE, style

EDITION = "METARL_EDITION"
"""environment variable: "book" where the notebooks are made that are committed with their figures"""


def png(drawn: Figure) -> bytes:
    """The figure as PNG."""
    with style():
        buffer = io.BytesIO()
        drawn.savefig(buffer, format="png", dpi=STYLE["figure.dpi"])
    return buffer.getvalue()


def image_bundle(picture: bytes, alt: str, mime: str = "image/png") -> tuple[dict, dict]:
    """A picture as notebook output with alternative text: data and metadata by MIME type.

    JupyterLab leaves an image's alternative text out of its page, so that a screen reader finds none. At the desk the
    picture is therefore an `img` element in HTML. In the book it stays an image, which GitHub and nbconvert show, the
    latter with the text where it uses the template of the course (tools/page).

    Args:
        picture: bytes of the file.
        alt: what a reader who cannot see it must know.
        mime: its type.

    Raises:
        ValueError: for an empty `alt`.
    """
    if not alt.strip():
        raise ValueError("alt must describe the picture, got an empty text.")
    encoded = base64.b64encode(picture).decode()
    if os.environ.get(EDITION) == "book":
        return {mime: encoded, "text/plain": alt}, {mime: {"alt": alt}}
    element = f'<img src="data:{mime};base64,{encoded}" alt="{html.escape(alt)}" style="max-width: 100%">'
    return {"text/html": element, "text/plain": alt}, {}


def show(drawn: Figure, alt: str) -> None:
    """Show a figure in a notebook.

    Args:
        drawn: the figure.
        alt: what a reader who cannot see it must know: what is plotted, and what it shows.

    Raises:
        ValueError: for an empty `alt`.
    """
    from IPython.display import display  # only notebooks need IPython

    data, metadata = image_bundle(png(drawn), alt)
    display(data, metadata=metadata, raw=True)


def gif(drawn: Figure, draw: Callable[[int], object], frames: int, rate: float = 25.0) -> bytes:
    """An endless animation as GIF: `draw(frame)` changes the figure's artists before each frame.

    Args:
        rate: frames per second.

    Raises:
        ValueError: for fewer than one frame, and a rate that is not above zero.
    """
    check_count("frames", frames)
    check_positive("rate", rate)
    with style(), tempfile.TemporaryDirectory() as folder:
        path, writer = Path(folder) / "animation.gif", PillowWriter(fps=rate)  # type: ignore[arg-type]
        with writer.saving(drawn, str(path), dpi=72):
            for frame in range(frames):
                draw(frame)
                writer.grab_frame()
        return path.read_bytes()


def show_animation(
    drawn: Figure, draw: Callable[[int], object], frames: int, alt: str, rate: float = 25.0, largest: int = 500_000
) -> None:
    """Show an animation in a notebook, as a GIF: no codec is needed, and the file stays small.

    Give the figure fixed `margins`, or the layout is worked out anew for each frame.

    Args:
        drawn, draw, frames, rate: as for `gif`.
        alt: what a reader who cannot see it must know.
        largest: bytes that it may have, since notebooks are committed with their output.

    Raises:
        ValueError: for an empty `alt`, no frame, or an animation that is larger.
    """
    from IPython.display import display  # only notebooks need IPython

    picture = gif(drawn, draw, frames, rate)
    if len(picture) > largest:
        raise ValueError(f"the animation must have at most {largest} bytes, got {len(picture)}: use fewer frames.")
    data, metadata = image_bundle(picture, alt, "image/gif")
    display(data, metadata=metadata, raw=True)
