"""Pictures of letters, drawn from the DejaVu fonts that matplotlib ships, and their handwritten-like variations.

matplotlib is imported where it is used, so that the other tasks stay light.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

FACES = tuple(
    "DejaVu" + face
    for face in (
        *("Sans", "Sans-Bold", "Sans-Oblique", "Sans-BoldOblique"),
        *("SansMono", "SansMono-Bold", "SansMono-Oblique", "SansMono-BoldOblique"),
        *("Serif", "Serif-Bold", "Serif-Italic", "Serif-BoldItalic"),
    )
)
"""DejaVu only: matplotlib's LastResort font claims every code point and draws a placeholder."""
FILL = 40
"""longest side of a letter in a raster, in pixels"""
RASTER = 48
"""side of a raster, in pixels"""
SIDE = 28
"""side of an image, in pixels; one of its pixels covers 2 × 2 of a raster's"""
BUMPS = 4
"""elastic jitter moves the points of a BUMPS × BUMPS lattice"""


def rasterise(codes: Collection[int], faces: Sequence[str] = FACES) -> dict[int, Tensor]:
    """Draw each code point in every one of the faces that has it.

    A letter is drawn so large that its longer side measures `FILL` pixels, and centred.

    Returns:
        For each code point that at least one face has, in order: uint8 `[face, RASTER, RASTER]`, ink 255 on 0.
    """
    from matplotlib import get_data_path
    from matplotlib.ft2font import FT2Font

    drawn: dict[int, list[np.ndarray]] = defaultdict(list)
    for name in faces:
        face = FT2Font(str(Path(get_data_path(), "fonts", "ttf", f"{name}.ttf")))
        for code in sorted(face.get_charmap().keys() & set(codes)):
            raster = draw(face, code)
            if raster is not None:
                drawn[code].append(raster)
    return {code: torch.from_numpy(np.stack(drawn[code])) for code in sorted(drawn)}


def draw(face: Any, code: int) -> np.ndarray | None:
    """One letter as uint8 `[RASTER, RASTER]`; None where it has no ink or is tiny beside a letter (a dot, a dash)."""
    face.set_size(100, 72)  # points at 72 per inch: 100 pixels to the em
    left, bottom, right, top = (edge / 64 for edge in face.load_char(code).bbox)
    longest, shortest = max(right - left, top - bottom), min(right - left, top - bottom)
    if longest < 30 or shortest < 5:
        return None
    face.set_size(100 * FILL / longest, 72)
    face.set_text(chr(code))
    face.draw_glyphs_to_bitmap(antialiased=True)
    ink = np.asarray(face.get_image())
    rows, columns = (np.flatnonzero(ink.any(axis)) for axis in (1, 0))
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1][:RASTER, :RASTER]
    y, x = ((RASTER - side) // 2 for side in ink.shape)
    raster = np.zeros((RASTER, RASTER), dtype=np.uint8)
    raster[y : y + ink.shape[0], x : x + ink.shape[1]] = ink
    return raster


def jitter(rasters: Tensor, generator: torch.Generator, strength: float = 1.0) -> Tensor:
    """Draw each raster once more, as another hand would: a random affine map and elastic displacement.

    Args:
        rasters: uint8 `[n, RASTER, RASTER]`.
        generator: source of randomness, on the rasters' device.
        strength: scales all of it; 0 draws the letters as they are.

    Returns:
        uint8 `[n, SIDE, SIDE]`, ink 255 on 0.
    """
    n, device = len(rasters), rasters.device

    def spread(width: float, *shape: int) -> Tensor:
        return (
            strength * width * (2 * torch.rand(n, *shape, generator=generator, device=device, dtype=torch.float32) - 1)
        )

    angle, shear = spread(0.2), spread(0.2)
    stretch = spread(0.15, 2).exp()
    rotation = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], 1).view(n, 2, 2)
    shears = torch.eye(2, device=device, dtype=torch.float32).repeat(n, 1, 1)
    shears[:, 0, 1] = shear
    affine = stretch[:, :, None] * (rotation @ shears)
    shift = spread(0.08, 2, 1)
    lattice = strength * 0.06 * torch.randn(n, 2, BUMPS**2, generator=generator, device=device, dtype=torch.float32)
    # Everything that moves a point is linear in these features of the point, so one product moves all points.
    where = torch.cat([affine, shift, lattice], 2) @ features().to(device)
    samples = where.view(n, 2, 2 * SIDE, 2 * SIDE).permute(0, 2, 3, 1) * (2 * SIDE / RASTER)
    fine = F.grid_sample(rasters[:, None].float(), samples, align_corners=False)
    return F.avg_pool2d(fine, 2)[:, 0].round().to(torch.uint8)


def features() -> Tensor:
    """x, y, 1 and a smooth bump about each point of the lattice, at each of (2 SIDE)² pixels: `[feature, pixel]`.

    Coordinates run from −1 to 1 over the image.
    """
    line = (torch.arange(2 * SIDE, device="cpu", dtype=torch.float32) + 0.5) / SIDE - 1
    centres = torch.linspace(-0.75, 0.75, BUMPS, device="cpu", dtype=torch.float32)
    bump = (-0.5 * ((line - centres[:, None]) / (centres[1] - centres[0])).square()).exp()
    y, x = torch.meshgrid(line, line, indexing="ij")
    bumps = torch.einsum("iy,jx->ijyx", bump, bump).flatten(0, 1)
    return torch.cat([torch.stack([x, y, torch.ones_like(x)]), bumps]).flatten(1)
