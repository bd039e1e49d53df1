"""The rendered letters: nothing leaks between splits, the same seed draws the same pictures, and they are pictures."""

import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
import torch

from metarl_core.tasks import load_glyphs
from metarl_core.tasks.glyph_rendering import RASTER, SIDE, jitter, rasterise
from metarl_core.tasks.glyphs import LOOK_ALIKE, SCRIPTS, script_of, select_letters, templates

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def letters():
    return select_letters()


@pytest.fixture(scope="module")
def glyphs():
    return load_glyphs()


def test_shapes_and_values(glyphs, letters):
    assert glyphs.images.shape == (len(letters), 20, SIDE, SIDE) and glyphs.images.dtype == torch.uint8
    assert glyphs.groups == tuple(script_of(code) for code in letters)
    peak = glyphs.images.flatten(2).amax(2)
    ink = glyphs.images.float().mean((2, 3)) / 255
    assert peak.min() > 100 and ink.min() > 0.01 and ink.max() < 0.6
    assert glyphs.images.float().std(1).amax((1, 2)).min() > 30  # the images of a class are not copies


def test_sizes(glyphs):
    sizes = {split: len(members) for split, members in glyphs.members.items()}
    # Another version of the fonts may have a few letters more or less.
    assert sizes["train"] > 850 and sizes["test"] > 150 and sizes["ood"] > 280


def test_a_script_is_in_one_split(glyphs):
    scripts = [{glyphs.groups[i] for i in members.tolist()} for members in glyphs.members.values()]
    assert sum(map(len, scripts)) == len(set.union(*scripts)) == sum(map(len, SCRIPTS.values()))


def test_no_form_is_in_two_splits(letters):
    """In every face, and turned: the definition written out pair by pair of splits."""
    forms = {
        split: torch.cat([rasters for code, rasters in letters.items() if script_of(code) in scripts])
        for split, scripts in SCRIPTS.items()
    }
    for one, other in (("train", "test"), ("train", "ood"), ("test", "ood")):
        for quarter in range(4):
            turned = templates(forms[one].rot90(quarter, (1, 2)))
            nearest = max((some @ turned.T).max() for some in templates(forms[other]).split(256))
            assert nearest < LOOK_ALIKE


def test_no_form_is_twice_in_a_split(letters):
    for scripts in SCRIPTS.values():
        sans = templates(torch.stack([r[0] for code, r in letters.items() if script_of(code) in scripts]))
        assert (sans @ sans.T).fill_diagonal_(0).max() < LOOK_ALIKE


def test_the_latin_letters_are_there_and_their_doubles_are_not(letters):
    assert {ord(letter) for letter in "ABEKMRSagk"} <= set(letters)
    for double in ("GREEK CAPITAL LETTER ALPHA", "CYRILLIC CAPITAL LETTER IE", "ARMENIAN SMALL LETTER OH"):
        assert ord(unicodedata.lookup(double)) not in letters
    assert all(len(rasters) > 1 for rasters in letters.values())


@pytest.mark.parametrize(
    "character, script",
    [
        ("A", "LATIN"),
        ("é", "LATIN"),
        ("ѣ", "CYRILLIC"),
        ("ᐃ", "CANADIAN SYLLABICS"),
        ("ߌ", "NKO"),
        ("ﬁ", None),
        ("ﺐ", None),
        ("ª", None),
        ("ʰ", None),
        ("1", None),
        ("漢", None),
        ("𝔸", None),
    ],
)
def test_script_of(character, script):
    assert script_of(ord(character)) == script


@pytest.mark.in_turn(3)
def test_the_same_seed_draws_the_same(glyphs):
    again, other = load_glyphs(), load_glyphs(seed=1)
    assert torch.equal(again.images, glyphs.images)
    assert again.groups == other.groups == glyphs.groups
    assert not torch.equal(other.images, glyphs.images)


def test_pixels_alone_do_not_solve_it(glyphs):
    """Nearest neighbour in pixels, 5-way: the floor that a learner has to beat, and above chance."""
    for shots, low, high in ((1, 0.45, 0.56), (5, 0.66, 0.79)):
        data = glyphs.sample_few_shot(300, 5, shots, 15, torch.Generator().manual_seed(0), "test")
        nearest = torch.cdist(data.query_inputs.flatten(2), data.support_inputs.flatten(2)).argmin(2)
        correct = data.support_targets.gather(1, nearest) == data.query_targets
        assert low < correct.float().mean() < high


def test_rasters_are_centred_and_fill_their_box():
    for rasters in rasterise([ord("A"), ord("l"), ord("—")]).values():
        ink = rasters > 0
        for raster in ink:
            rows, columns = (raster.any(axis).nonzero().flatten() for axis in (1, 0))
            assert 38 <= max(len(rows), len(columns)) <= 44
            for line in (rows, columns):
                assert abs(int(line[0]) - (RASTER - 1 - int(line[-1]))) <= 1


def test_tiny_marks_and_unknown_characters_are_left_out():
    assert set(rasterise([ord("."), ord("'"), ord("A"), 0x4E00])) == {ord("A")}


def test_no_jitter_is_the_letter():
    rasters = rasterise([ord("R")])[ord("R")]
    plain = jitter(rasters, torch.Generator().manual_seed(0), strength=0.0)
    margin = (2 * SIDE - RASTER) // 2
    expected = torch.nn.functional.pad(rasters.float(), [margin] * 4)
    expected = torch.nn.functional.avg_pool2d(expected[:, None], 2)[:, 0]
    assert (plain.float() - expected).abs().max() <= 1


def test_refuses():
    with pytest.raises(ValueError, match="instances must be at least 1, got 0"):
        load_glyphs(instances=0)


def test_importing_the_tasks_leaves_matplotlib_alone():
    code = "import sys, metarl_core.tasks; print(*{'matplotlib', 'PIL'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""
