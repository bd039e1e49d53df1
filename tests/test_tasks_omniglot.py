"""The loader of Omniglot, on a small folder of the archive's layout, and its errors."""

import shutil

import pytest
import torch
from PIL import Image, ImageDraw

from metarl_core.tasks import load_omniglot

ALPHABETS = {"images_background": ("Greek", "Korean"), "images_evaluation": ("Tengwar",)}
CHARACTERS, DRAWERS = 3, 4


@pytest.fixture
def folder(tmp_path):
    number = 0
    for part, alphabets in ALPHABETS.items():
        for alphabet in alphabets:
            for character in range(1, CHARACTERS + 1):
                number += 1
                place = tmp_path / part / alphabet / f"character{character:02}"
                place.mkdir(parents=True)
                for drawer in range(1, DRAWERS + 1):
                    picture = Image.new("1", (105, 105), 1)  # black ink on white, one bit a pixel, as in the archive
                    height = 10 * number
                    ImageDraw.Draw(picture).rectangle((20, height, 20 + 10 * drawer, height + 7), fill=0)
                    picture.save(place / f"{number:04}_{drawer:02}.png")
    return tmp_path


def test_classes_and_splits(folder):
    data = load_omniglot(folder)
    assert data.images.shape == (9, DRAWERS, 28, 28) and data.images.dtype == torch.uint8
    assert data.groups == ("Greek",) * 3 + ("Korean",) * 3 + ("Tengwar",) * 3
    assert data.members["train"].tolist() == [0, 1, 2, 3, 4, 5] and data.members["test"].tolist() == [6, 7, 8]
    assert load_omniglot(str(folder), side=14).images.shape == (9, DRAWERS, 14, 14)


def test_ink_is_light_and_where_it_was_drawn(folder):
    images = load_omniglot(folder).images.float() / 255
    scale = 28 / 105
    rows = torch.arange(28) + 0.5
    for number in range(9):
        for drawer in range(DRAWERS):
            picture = images[number, drawer]
            assert picture[:, 0].max() == 0 and picture.max() > 0.75
            area = 8 * (10 * (drawer + 1) + 1) * scale**2
            assert float(picture.sum()) == pytest.approx(area, rel=0.02)
            centre = float((picture.sum(1) * rows).sum() / picture.sum())
            assert centre == pytest.approx((10 * (number + 1) + 4) * scale, abs=0.1)


def test_episodes(folder):
    data = load_omniglot(folder).sample_few_shot(8, 3, 1, 3, torch.Generator().manual_seed(0), "test", rotations=True)
    assert data.query_inputs.shape == (8, 9, 1, 28, 28)
    with pytest.raises(ValueError, match="one of train, test, got 'ood'"):
        load_omniglot(folder).sample_few_shot(1, 1, 1, 1, torch.Generator(), "ood")


def test_other_files_do_not_matter(folder):
    (folder / "readme.txt").write_text("x")
    (folder / "images_background" / "readme.txt").write_text("x")
    (folder / "images_background" / "Greek" / "character01" / "notes.txt").write_text("x")
    assert load_omniglot(folder).images.shape == (9, DRAWERS, 28, 28)


def spoil(folder, what):
    character = folder / "images_background" / "Greek" / "character02"
    if what == "nothing there":
        shutil.rmtree(folder)
    elif what == "empty":
        shutil.rmtree(folder)
        folder.mkdir()
    elif what == "no evaluation":
        shutil.rmtree(folder / "images_evaluation")
    elif what == "no alphabets":
        shutil.rmtree(folder / "images_evaluation")
        (folder / "images_evaluation").mkdir()
    elif what == "no characters":
        shutil.rmtree(folder / "images_background" / "Greek")
        (folder / "images_background" / "Greek").mkdir()
    elif what == "no pictures":
        shutil.rmtree(character)
        character.mkdir()
    elif what == "not a picture":
        (character / "0002_01.png").write_bytes(b"no picture")
    elif what == "half a picture":
        file = character / "0002_01.png"
        file.write_bytes(file.read_bytes()[:60])
    elif what == "one missing":
        (character / "0002_01.png").unlink()
    elif what == "an alphabet twice":
        shutil.copytree(folder / "images_background" / "Greek", folder / "images_evaluation" / "Greek")


@pytest.mark.parametrize(
    "what, message",
    [
        ("nothing there", "must be unpacked as .*there is no folder .*images_background"),
        ("empty", "must be unpacked as .*there is no folder .*images_background"),
        ("no evaluation", "there is no folder .*images_evaluation"),
        ("no alphabets", "images_evaluation has no folders of alphabets"),
        ("no characters", "Greek has no folders of characters"),
        ("no pictures", "character02 has none"),
        ("not a picture", "0002_01.png cannot be read"),
        ("half a picture", "0002_01.png cannot be read"),
        ("one missing", "as many pictures as the first, 4, but .*character02 has 3"),
        ("an alphabet twice", "must not share a group"),
    ],
)
def test_refuses(folder, what, message):
    spoil(folder, what)
    with pytest.raises(ValueError, match=message) as error:
        load_omniglot(folder)
    assert "\n" not in str(error.value)


def test_refuses_a_side_of_zero(folder):
    with pytest.raises(ValueError, match="at least 1, got 0"):
        load_omniglot(folder, side=0)
