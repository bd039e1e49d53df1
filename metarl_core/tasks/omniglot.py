"""Omniglot (Lake et al. 2015) from a local copy of its public archive: 1623 letters, each drawn by 20 people."""

from pathlib import Path

import numpy as np
import torch

from metarl_core.arguments import check_count
from metarl_core.tasks.few_shot import ImageClasses

PARTS = {"train": "images_background", "test": "images_evaluation"}
"""the archive's folders: 30 alphabets and 20 others"""


def load_omniglot(folder: str | Path, side: int = 28) -> ImageClasses:
    """Read the archive's drawings, ink light on dark and shrunk to `side` × `side`.

    Expects `images_background.zip` and `images_evaluation.zip` of the archive unpacked in `folder`:
    `folder/images_background/<Alphabet>/<characterNN>/<id>_<drawer>.png` and alike `images_evaluation`. The split is
    the archive's, by alphabet: background trains, evaluation tests. Turned letters as further training classes,
    usual in the literature, are drawn by `sample_few_shot(..., rotations=True)`.

    Args:
        folder: where the two folders lie.
        side: of an image in pixels.

    Returns:
        `ImageClasses` with images `[class, drawer, side, side]` and alphabets as groups.

    Raises:
        ValueError: where a folder is missing or empty, a picture cannot be read, or characters differ in their
            number of pictures.
    """
    side = check_count("side", side)
    if not isinstance(folder, str | Path):
        raise ValueError(f"folder must be a path, got {folder!r}.")
    folder = Path(folder).expanduser()
    images: list[np.ndarray] = []
    groups: list[str] = []
    splits: dict[str, list[str]] = {}
    for split, part in PARTS.items():
        splits[split] = []
        for alphabet in subfolders(folder / part, "alphabets"):
            splits[split].append(alphabet.name)
            for character in subfolders(alphabet, "characters"):
                images.append(read_character(character, side))
                groups.append(alphabet.name)
                if len(images[-1]) != len(images[0]):
                    raise ValueError(
                        f"every character must have as many pictures as the first, {len(images[0])}, "
                        f"but {character} has {len(images[-1])}."
                    )
    return ImageClasses(torch.from_numpy(np.stack(images)), groups, splits)


def subfolders(folder: Path, what: str) -> list[Path]:
    """The folders within `folder`, in order of their names.

    Raises:
        ValueError: where `folder` does not exist or has none.
    """
    layout = "Omniglot must be unpacked as <folder>/images_background/<Alphabet>/<characterNN>/<id>_<drawer>.png"
    if not folder.is_dir():
        raise ValueError(f"{layout} and alike images_evaluation, but there is no folder {folder}.")
    found = sorted(path for path in folder.iterdir() if path.is_dir())
    if not found:
        raise ValueError(f"{layout} and alike images_evaluation, but {folder} has no folders of {what}.")
    return found


def read_character(folder: Path, side: int) -> np.ndarray:
    """The pictures of a character as uint8 `[drawer, side, side]`, ink 255 on 0, in order of their names.

    Raises:
        ValueError: where there is none, or one is not a picture.
    """
    from PIL import Image, ImageOps

    files = sorted(folder.glob("*.png"))
    if not files:
        raise ValueError(f"a character's folder must hold its pictures <id>_<drawer>.png, but {folder} has none.")
    drawings = []
    for file in files:
        try:
            with Image.open(file) as picture:
                ink = ImageOps.invert(picture.convert("L"))
        except (OSError, SyntaxError) as error:  # Pillow raises SyntaxError for a broken PNG chunk
            raise ValueError(f"every .png of Omniglot must be a picture, but {file} cannot be read.") from error
        drawings.append(np.asarray(ink.resize((side, side), Image.Resampling.BILINEAR)))
    return np.stack(drawings)
