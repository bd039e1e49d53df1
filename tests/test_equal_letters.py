"""Chapter 07's table: one budget for all, queries that do not know of each other, choices on training letters."""

import numpy as np
import pytest
import torch

from metarl_core.meta import MAML
from metarl_core.networks import HEAD, conv_net_parameters
from metarl_core.randomness import seeded
from metarl_core.recipes import equal_letters
from metarl_core.recipes.equal_letters import rows
from metarl_core.results import load_table
from metarl_core.tasks import FewShot, ImageClasses

SETTINGS = equal_letters.Settings()


@pytest.fixture(autouse=True, scope="module")
def noise_for_letters():
    """Thirty letters that are noise on noise: to render the real ones takes seconds."""
    base = torch.rand(30, 1, 28, 28, generator=seeded(0))
    images = (base + 0.3 * torch.rand(30, 20, 28, 28, generator=seeded(1))).clamp(0, 1)
    groups = ["a"] * 20 + ["b"] * 5 + ["c"] * 5
    data = ImageClasses(images, groups, {"train": ["a"], "test": ["b"], "ood": ["c"]})
    patch = pytest.MonkeyPatch()
    for module in (equal_letters.training, rows):
        if hasattr(module, "letters"):
            patch.setattr(module, "letters", lambda: data)
    rows.selection_data.cache_clear()
    yield data
    patch.undo()
    rows.selection_data.cache_clear()


@pytest.mark.parametrize("shots", SETTINGS.shots)
@pytest.mark.parametrize("name", ["prototypes", "MAML", "ANIL", "transductive prototypes"])
def test_every_update_sees_as_many_images(name, shots):
    tasks, ways, queries = SETTINGS.episode(name, shots)
    assert tasks * ways * (shots + queries) == SETTINGS.images
    assert len(set(SETTINGS.choices(name))) == (6 if name in ("MAML", "ANIL") else 4)
    assert SETTINGS.search_seed not in SETTINGS.seeds


@pytest.mark.parametrize("name", ["prototypes", "MAML", "ANIL"])
def test_trained_as_tested_each_query_is_judged_by_itself(name):
    data = equal_letters.sample(2, 5, 1, 2, seeded(2))
    method = equal_letters.method_named(name, 0.4)
    meta = method.initial(conv_net_parameters(5, seeded(3), 4))
    halves = [FewShot(data[0], data[1], data[2][:, part], data[3][:, part]) for part in (slice(0, 5), slice(5, 10))]
    whole, parts = method.outer_loss(meta, data), [method.outer_loss(meta, half) for half in halves]
    torch.testing.assert_close(whole, torch.stack(parts).mean(0))
    if name == "prototypes":
        transductive = equal_letters.method_named("transductive prototypes", 0.0)
        parts = [transductive.outer_loss(meta, half) for half in halves]
        assert not torch.allclose(transductive.outer_loss(meta, data), torch.stack(parts).mean(0), rtol=1e-3)


def test_steps_at_test_go_on_from_each_other_and_move_the_head_alone_in_anil():
    data = equal_letters.sample(2, 5, 1, 2, seeded(2))
    meta = conv_net_parameters(5, seeded(3), 4)
    after = rows.adapted_by("ANIL", meta, data, 0.3, (1, 2, 4))
    whole = MAML(equal_letters.loss, 0.3, only=HEAD).adapt(meta, data.support_inputs, data.support_targets, 4)
    for name, value in after[-1].items():
        torch.testing.assert_close(value, whole[name])
        same = torch.equal(value, meta[name].expand_as(value))
        assert same is (name not in HEAD)
    assert not torch.equal(after[0][HEAD[0]], after[1][HEAD[0]])
    (means,) = rows.adapted_by("pre-trained prototypes", meta, data, 0.0, (0,))
    torch.testing.assert_close(means[HEAD[1]], -(means[HEAD[0]] / 2).square().sum(-1))


def test_choices_are_made_on_training_letters(noise_for_letters):
    chosen_on = rows.selection_data(1, SETTINGS)
    training = noise_for_letters.images[noise_for_letters.members["train"]].flatten(0, 1)
    turned = torch.cat([training.rot90(k, (-2, -1)) for k in range(4)]).flatten(1)
    images = (255 * chosen_on.support_inputs[:5].flatten(0, 1).flatten(1)).round().to(torch.uint8)
    assert all(bool((turned == image).all(1).any()) for image in images)
    meta = conv_net_parameters(8, seeded(3), 4)
    best = rows.choose("pre-training", 1, meta, SETTINGS)
    assert best.lr in SETTINGS.test_lrs and best.steps in SETTINGS.test_steps and 0.2 < best.accuracy <= 1
    assert rows.choose("pre-trained prototypes", 1, meta, SETTINGS)[:2] == (0.0, 0)


def test_rows_of_the_table_come_apart():
    table = load_table("equal_letters")
    for method in equal_letters.METHODS:
        row = equal_letters.read(table.scores(method))
        for part in (row.test, row.together, row.ood):
            assert part.shape == (5, SETTINGS.test_tasks) and ((part >= 0) & (part <= 1)).all()
        name = method.rpartition(", ")[0]
        untrained = name in ("random initialisation", "pixel neighbours")
        outer = {0.0} if untrained else {rates.outer_lr for rates in SETTINGS.choices(name.replace("longer ", ""))}
        outer = {rates.outer_lr for rates in SETTINGS.choices("pre-training")} if "pre-tr" in name else outer
        assert set(row.outer_lr) <= outer and len(set(row.outer_lr)) == 1, "chosen once, for all seeds"
        assert np.all((row.test_steps > 0) == (row.test_lr > 0)) and set(row.test_steps) <= {0, *SETTINGS.test_steps}
