"""Episodes: support and query apart, labels that say nothing of the class, and errors that say what is wrong."""

import pytest
import torch

from metarl_core.tasks import ImageClasses, Sinusoids
from metarl_core.tasks.few_shot import turn

SIDE = 4


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def numbered(classes=12, instances=7):
    """Images that carry their class and instance as grey levels: pixel (0, 0) and pixel (0, 1)."""
    images = torch.zeros(classes, instances, SIDE, SIDE, dtype=torch.uint8)
    images[:, :, 0, 0] = 1 + torch.arange(classes, dtype=torch.uint8)[:, None]
    images[:, :, 0, 1] = 100 + torch.arange(instances, dtype=torch.uint8)
    groups = [f"script {i // 3}" for i in range(classes)]
    return ImageClasses(images, groups, {"train": ["script 0", "script 1", "script 2"], "test": ["script 3"]})


def read(images, column):
    return (255 * images[:, :, 0, 0, column]).round().long()


@pytest.mark.parametrize("split, members", [("train", range(1, 10)), ("test", range(10, 13))])
def test_an_episode(split, members):
    data = numbered().sample_few_shot(500, 3, 2, 4, seeded(), split)
    assert data.support_inputs.shape == (500, 6, 1, SIDE, SIDE) and data.query_inputs.shape == (500, 12, 1, SIDE, SIDE)
    assert data.support_inputs.dtype == torch.float32 and data.support_targets.dtype == torch.int64
    assert data.support_targets.tolist() == [[0, 0, 1, 1, 2, 2]] * 500
    assert data.query_targets.tolist() == [[0] * 4 + [1] * 4 + [2] * 4] * 500
    support, query = read(data.support_inputs, 0).view(500, 3, 2), read(data.query_inputs, 0).view(500, 3, 4)
    assert set(support.flatten().tolist()) == set(members)
    classes = support[:, :, :1]
    assert bool((support == classes).all()) and bool((query == classes).all())
    assert all(len(set(row)) == 3 for row in classes[:, :, 0].tolist())
    instances = torch.cat([read(data.support_inputs, 1).view(500, 3, 2), read(data.query_inputs, 1).view(500, 3, 4)], 2)
    assert all(len(set(row)) == 6 for row in instances.flatten(0, 1).tolist())


def test_labels_and_instances_are_uniform():
    data = numbered().sample_few_shot(6000, 3, 1, 1, seeded())
    for label in range(3):
        counts = torch.bincount(read(data.support_inputs, 0)[:, label], minlength=10)[1:]
        assert bool((counts - 6000 / 9).abs().lt(130).all())
    counts = torch.bincount(read(data.query_inputs, 1).flatten() - 100, minlength=7)
    assert bool((counts - 18000 / 7).abs().lt(230).all())


def test_every_image_may_be_used():
    data = numbered().sample_few_shot(2, 9, 3, 4, seeded())
    assert sorted(read(data.support_inputs, 0)[0, ::3].tolist()) == list(range(1, 10))


@pytest.mark.parametrize("rotations", [False, True])
def test_reproducible(rotations):
    first, again, other = (
        numbered().sample_few_shot(20, 3, 1, 2, seeded(seed), rotations=rotations) for seed in (3, 3, 4)
    )
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first.query_inputs, other.query_inputs)


def test_rotations_turn_a_class_as_one():
    data = numbered().sample_few_shot(400, 3, 2, 2, seeded(), rotations=True)
    corners = torch.stack([data.support_inputs[..., y, x] for y, x in ((0, 0), (-1, 0), (-1, -1), (0, -1))], -1)
    # The pixel that numbers a class lies in a corner; each quarter turn to the left moves it one corner on.
    quarter = (corners[:, :, 0] > 0).float().argmax(-1).view(400, 3, 2)
    assert torch.equal(quarter[..., 0], quarter[..., 1])
    assert torch.bincount(quarter[..., 0].flatten(), minlength=4).min() > 240
    query = torch.stack([data.query_inputs[..., y, x] for y, x in ((0, 0), (-1, 0), (-1, -1), (0, -1))], -1)
    assert torch.equal((query[:, :, 0] > 0).float().argmax(-1).view(400, 3, 2), quarter)


def test_turn():
    images = torch.rand(2, 2, 3, SIDE, SIDE)
    turned = turn(images, torch.tensor([[0, 1], [2, 3]]))
    for task, ways, quarter in ((0, 0, 0), (0, 1, 1), (1, 0, 2), (1, 1, 3)):
        assert torch.equal(turned[task, ways], images[task, ways].rot90(quarter, (1, 2)))


def test_floating_point_images_are_stored_as_bytes():
    images = torch.rand(2, 3, SIDE, SIDE)
    classes = ImageClasses(images, ["a", "b"], {"train": ["a"], "ood": ["b"]})
    assert classes.images.dtype == torch.uint8 and (classes.images / 255 - images).abs().max() <= 0.5 / 255 + 1e-6
    drawn = classes.sample_few_shot(1, 1, 1, 2, seeded(), "ood")
    assert drawn.query_inputs.min() >= 0 and drawn.query_inputs.max() <= 1


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((0, 3, 1, 1), "n must be at least 1, got 0"),
        ((1, 0, 1, 1), "ways must be at least 1, got 0"),
        ((1, 3, 0, 1), "shots must be at least 1, got 0"),
        ((1, 3, 1, -1), "queries must be at least 1, got -1"),
        ((1, 10, 1, 1), "at most 9, the classes of split 'train', got 10"),
        ((1, 3, 3, 5), r"at most 7, the images of a class, got 3 \+ 5"),
    ],
)
def test_sampling_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        numbered().sample_few_shot(*arguments, seeded())


def test_sampling_refuses_a_split_it_has_not():
    with pytest.raises(ValueError, match="one of train, test, got 'ood'"):
        numbered().sample_few_shot(1, 1, 1, 1, seeded(), "ood")


GOOD = torch.zeros(2, 3, SIDE, SIDE)


@pytest.mark.parametrize(
    "images, groups, splits, message",
    [
        (GOOD[0], "ab", {"train": "ab"}, r"\[class, instance, side, side\], got \[3, 4, 4\]"),
        (GOOD[:, :, 1:], "ab", {"train": "ab"}, r"got \[2, 3, 3, 4\]"),
        (GOOD[:, :0], "ab", {"train": "ab"}, r"got \[2, 0, 4, 4\]"),
        (GOOD + 1.5, "ab", {"train": "ab"}, r"in \[0, 1\]"),
        (GOOD * float("nan"), "ab", {"train": "ab"}, r"in \[0, 1\]"),
        (GOOD.long(), "ab", {"train": "ab"}, "uint8"),
        (GOOD, "abc", {"train": "abc"}, "2 classes, got 3"),
        (GOOD, "ab", {"valid": "ab"}, r"train, test, ood, got \['valid'\]"),
        (GOOD, "ab", {}, r"got \[\]"),
        (GOOD, "ab", {"train": "ab", "test": "b"}, "must not share a group"),
        (GOOD, "ab", {"train": "a"}, r"see \['b'\]"),
        (GOOD, "ab", {"train": "abc"}, r"see \['c'\]"),
    ],
)
def test_image_classes_refuse(images, groups, splits, message):
    with pytest.raises(ValueError, match=message):
        ImageClasses(images, groups, splits)


@pytest.mark.parametrize("split", ["train", "test", "ood"])
def test_sinusoids(split):
    data = Sinusoids().sample_few_shot(50, 5, 10, seeded(), split)
    assert data.support_inputs.shape == data.support_targets.shape == (50, 5, 1)
    assert data.query_inputs.shape == data.query_targets.shape == (50, 10, 1)
    # Both sets lie on one sinusoid A sin(x + p) = a sin x + b cos x: fit it on the support, predict the query.
    a, b = (torch.cat([x.sin(), x.cos()], 2).double() for x in (data.support_inputs, data.query_inputs))
    weights = torch.linalg.lstsq(a, data.support_targets.double()).solution
    assert torch.allclose(b @ weights, data.query_targets.double(), atol=1e-3)
    amplitude = weights.norm(dim=1)
    assert bool((amplitude >= 4.999).all()) == (split == "ood")
    again = Sinusoids().sample_few_shot(50, 5, 10, seeded(), split)
    assert all(torch.equal(x, y) for x, y in zip(data, again, strict=True))


def test_sinusoids_refuse():
    for arguments, message in (
        ((0, 5, 5), "at least 1, got 0"),
        ((2, 0, 5), "shots must be at least 1, got 0"),
        ((2, 5, 0), "queries must be at least 1, got 0"),
    ):
        with pytest.raises(ValueError, match=message):
            Sinusoids().sample_few_shot(*arguments, seeded())
    with pytest.raises(ValueError, match="train, test, ood, got 'valid'"):
        Sinusoids().sample_few_shot(1, 1, 1, seeded(), "valid")
