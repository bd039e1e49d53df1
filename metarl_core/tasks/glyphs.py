"""Letters of fifteen scripts as few-shot image classes, rendered from fonts, so that nothing is downloaded.

A class is a letter; its images are its faces (upright, bold, slanted, serif, monospaced) under random affine and
elastic jitter. Train and test are split *by script*, as Omniglot is by alphabet: accented letters and letters that
two related scripts share would otherwise leak.
"""

import unicodedata

import torch
from torch import Tensor
from torch.nn import functional as F

from metarl_core.arguments import check_count
from metarl_core.tasks.few_shot import ImageClasses
from metarl_core.tasks.glyph_rendering import FACES, jitter, rasterise

SCRIPTS = {
    "train": ("LATIN", "GREEK", "CYRILLIC", "COPTIC", "ARMENIAN", "OLD ITALIC", "LISU"),
    "test": ("GEORGIAN", "HEBREW", "ARABIC", "LAO", "NKO"),
    "ood": ("CANADIAN SYLLABICS", "TIFINAGH", "OGHAM"),
}
"""The train scripts descend from the Greek alphabet or borrow its forms (Lisu is made of turned capitals); the
test scripts are written with other forms; out of distribution are scripts of geometric strokes, in which turning
a sign or adding a dot makes another letter.

Letters with the fonts of matplotlib 3.11. train, 911: Latin 531, Cyrillic 151, Greek 134, Armenian 52, Old Italic
26, Coptic 9, Lisu 8. test, 175: Arabic 69, Georgian 57, Lao 21, Hebrew 16, NKo 12. ood, 310: Canadian syllabics
271, Tifinagh 24, Ogham 15."""
LOOK_ALIKE = 0.93
"""Cosine of two templates from which two letters count as one form. Across splits, in any face and turned by any
quarter; within a split, in the upright sans-serif face."""
TEMPLATE = 12
"""side of a template in pixels"""


def load_glyphs(seed: int = 0, instances: int = 20) -> ImageClasses:
    """Render the data set, about 1,400 letters, in some five seconds.

    Args:
        seed: of the jitter; the letters are the same for every seed.
        instances: images of each letter.

    Returns:
        `ImageClasses` with images `[class, instances, 28, 28]`, ink light on dark, a script's name as group and
        the splits of `SCRIPTS`.

    Raises:
        ValueError: where `instances` is below 1 or `seed` below 0.
    """
    check_count("seed", seed, 0)
    check_count("instances", instances)
    letters = select_letters()
    generator = torch.Generator("cpu").manual_seed(seed)
    # Faces take turns; the jitter makes two images of one face differ.
    upright = torch.cat([rasters[torch.arange(instances, device="cpu") % len(rasters)] for rasters in letters.values()])
    images = torch.cat([jitter(some, generator) for some in upright.split(1024)])
    groups = [str(script_of(code)) for code in letters]
    return ImageClasses(images.unflatten(0, (len(letters), instances)), groups, SCRIPTS)


def script_of(code: int) -> str | None:
    """The script in `SCRIPTS` that a letter belongs to; None for other characters and other scripts.

    Copies of other letters count as none: small ones (category Lm), ligatures, and the shapes that an Arabic letter
    takes within a word (whose decomposition starts with a tag such as <medial>).
    """
    character = chr(code)
    if unicodedata.category(character) not in ("Lu", "Ll", "Lt", "Lo"):
        return None
    if unicodedata.decomposition(character).startswith("<"):
        return None
    name = unicodedata.name(character, "")
    return next((script for scripts in SCRIPTS.values() for script in scripts if name.startswith(script + " ")), None)


def select_letters() -> dict[int, Tensor]:
    """The letters that two faces or more have and that look like no other chosen one.

    Returns:
        For each code point its rasters `[face, side, side]`, in the order of `SCRIPTS`.
    """
    script = {code: name for code in range(0x10400) if (name := script_of(code))}
    sans = rasterise(script, FACES[:1])
    chosen: dict[int, Tensor] = {}
    taken = torch.zeros((1, TEMPLATE**2), device="cpu")
    for scripts in SCRIPTS.values():
        candidates = [code for code in sans if script[code] in scripts]
        # Plain letters before accented ones: of A and those accented forms that look alike, A stays.
        candidates.sort(key=lambda code: (scripts.index(script[code]), bool(unicodedata.decomposition(chr(code)))))
        distinct = drop_look_alikes(candidates, templates(torch.cat([sans[code] for code in candidates])))
        drawn = rasterise(distinct)
        drawn = {code: drawn[code] for code in distinct if len(drawn[code]) > 1}
        forms = templates(torch.cat(list(drawn.values())))
        alike = torch.cat([(some @ taken.T).amax(1) for some in forms.split(256)]) >= LOOK_ALIKE
        repeats = alike.split([len(rasters) for rasters in drawn.values()])
        new = {code: drawn[code] for code, repeat in zip(drawn, repeats, strict=True) if not repeat.any()}
        rasters = torch.cat(list(new.values()))
        taken = torch.cat([taken, *(templates(rasters.rot90(quarter, (1, 2))) for quarter in range(4))])
        chosen |= new
    return chosen


def drop_look_alikes(codes: list[int], forms: Tensor) -> list[int]:
    """The codes, in order, whose template in `forms` `[code, pixel]` resembles no template kept before."""
    alike = forms @ forms.T >= LOOK_ALIKE
    kept: list[int] = []
    for i in range(len(codes)):
        if not alike[i, kept].any():
            kept.append(i)
    return [codes[i] for i in kept]


def templates(rasters: Tensor) -> Tensor:
    """Coarse pictures `[n, TEMPLATE²]` of unit length, so that products are cosines, of rasters `[n, side, side]`."""
    return F.normalize(F.adaptive_avg_pool2d(rasters[:, None].float(), TEMPLATE).flatten(1))
