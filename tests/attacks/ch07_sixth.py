"""Answers to chapter 07 that measure a slope, and some that only know a few letters."""

import torch
from torch.nn import functional as F

from metarl_core.check import ch07

from . import named


def _differences(width, order=2):
    """The step along a gradient that is measured along each weight in turn."""

    def answer(features, labels, ways, alpha):
        size = features.shape[1]

        def loss(head):
            weight, bias = head[:-ways].reshape(ways, size), head[-ways:]
            return F.cross_entropy(features @ weight.T + bias, labels)

        def quotient(axis, h):
            return (loss(h * axis) - loss(-h * axis)) / (2 * h)

        axes = torch.eye(ways * size + ways, dtype=features.dtype)
        slope = torch.stack([quotient(axis, width) for axis in axes])
        if order == 4:
            slope = (4 * slope - torch.stack([quotient(axis, 2 * width) for axis in axes])) / 3
        return -alpha * slope[:-ways].reshape(ways, size), -alpha * slope[-ways:]

    return answer


def _class_after_class(features, labels, ways, alpha):
    weight, bias = torch.zeros(ways, features.shape[1], dtype=features.dtype), torch.zeros(ways, dtype=features.dtype)
    for k in range(ways):
        mine = features[labels == k]
        weight[k] = alpha * (mine.sum(0) - features.sum(0) / ways) / len(features)
        bias[k] = alpha * (len(mine) / len(features) - 1 / ways)
    return weight, bias


def _softmax_of_zeros(features, labels, ways, alpha):
    probability = torch.zeros(len(labels), ways, dtype=features.dtype).softmax(1)
    error = probability.scatter_add(1, labels[:, None], -torch.ones(len(labels), 1, dtype=features.dtype))
    error = error / len(labels)
    return -alpha * torch.einsum("nk,nd->kd", error, features), -alpha * error.sum(0)


def _means_and_shares(features, labels, ways, alpha):
    counts = torch.bincount(labels, minlength=ways).to(features.dtype)
    means = torch.stack([features[labels == k].mean(0) for k in range(ways)])
    share = counts / counts.sum()
    return alpha * (share[:, None] * means - features.mean(0) / ways), alpha * (share - 1 / ways)


def _episode(letters=None, pictures=None):
    def answer(scripts, allowed, images, ways, shots, queries, generator):
        usable = [n for n, script in enumerate(scripts) if script in allowed]
        usable = usable if letters is None or len(usable) <= letters else letters_of(usable, letters, ways)
        order = torch.randperm(len(usable), generator=generator)[:ways]
        classes = torch.tensor(usable)[order]
        number = images if pictures is None else max(shots + queries, min(images, pictures))
        shown = torch.stack([torch.randperm(number, generator=generator)[: shots + queries] for _ in range(ways)])
        return classes, shown[:, :shots], shown[:, shots:]

    def letters_of(usable, most, ways):
        return usable[: max(most, ways)]

    return answer


def _numpy_like_choice(scripts, allowed, images, ways, shots, queries, generator):
    """Ranks of uniform numbers in the place of permutations."""
    usable = torch.tensor([n for n, script in enumerate(scripts) if script in set(allowed)])
    classes = usable[torch.rand(len(usable), generator=generator).argsort()[:ways]]
    shown = torch.rand(ways, images, generator=generator).argsort(1)[:, : shots + queries]
    return classes, shown[:, :shots].contiguous(), shown[:, shots:].contiguous()


WRONG = [
    *named(
        ch07.check_head_after_one_step,
        differences_of_a_millionth=_differences(1e-6),
        differences_of_a_hundred_thousandth=_differences(1e-5),
        differences_of_a_thousandth=_differences(1e-3),
        differences_of_fourth_order=_differences(1e-3, 4),
        differences_of_fourth_order_and_a_hundredth=_differences(1e-2, 4),
    ),
    *named(
        ch07.check_draw_episode,
        twelve_letters=_episode(letters=12),
        twenty_letters_at_most=_episode(letters=13),
        fifteen_pictures=_episode(pictures=15),
    ),
]
RIGHT = [
    *named(ch07.check_head_after_one_step, _class_after_class, _softmax_of_zeros, _means_and_shares),
    *named(ch07.check_draw_episode, _numpy_like_choice, letters_in_order=_episode()),
]
NOT_SAID = [(ch07.check_draw_episode, _episode(pictures=15), "come more often than others")]
