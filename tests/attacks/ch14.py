"""Answers to the exercises of chapter 14."""

import math

import numpy as np
import torch

from metarl_core.check import ch14

# ------------------------------------------------------------------ spread_gradient


def _by_functional(theta, inputs, targets, shares, inner_lr):
    """Right: with torch.func over all tasks at once, and sums of sums."""

    def loss(weights, x, y):
        return torch.nn.functional.mse_loss(x @ weights, y)

    def outer(weights, x, y):
        return loss(weights - inner_lr * torch.func.grad(loss)(weights, x[0], y[0]), x[1], y[1])

    each = torch.func.vmap(torch.func.grad(outer), (None, 0, 0))(theta, inputs, targets)
    sums = [each[own].sum(0) for own in shares]
    return torch.stack(sums).sum(0).div(sum(len(own) for own in shares))


def _gradient_variant(change):
    def answer(theta, inputs, targets, shares, inner_lr):
        if change == "first rank":
            shares = shares[:1]
        if change == "one each":
            shares = [own[:1] for own in shares]
        if change == "without the last":
            shares = [*shares[:-1], shares[-1][:-1] or shares[-1]]
        if change == "half the rate":
            inner_lr = inner_lr / 2
        if change == "first point":
            inputs, targets = inputs[:, :, :1], targets[:, :, :1]
        found = _by_functional(theta, inputs, targets, shares, inner_lr)
        if change == "turned":
            return -found
        if change == "single":
            return found.float()
        if change == "an axis more":
            return found[None]
        if change == "rounded":
            return found.mul(1000).round() / 1000
        return found

    return answer


# ------------------------------------------------------------------ own_noise


def _by_lists(seed, iteration, tasks, block, rank, size):
    """Right: all tasks listed with their blocks."""
    blocks = [list(range(first, min(first + block, tasks))) for first in range(0, tasks, block)]
    found = []
    for b, own in enumerate(blocks):
        if len(blocks) * rank // size <= b < len(blocks) * (rank + 1) // size:
            key = seed * 10**6 + iteration * 10**3 + b
            source = torch.Generator().manual_seed(key)
            found += torch.randn(len(own), dtype=torch.float64, generator=source).tolist()
    return torch.tensor(found, dtype=torch.float64)


def _noise_variant(change):
    def answer(seed, iteration, tasks, block, rank, size):
        if change == "seed ignored":
            seed = 0
        if change == "other rank":
            rank = size - 1 - rank
        if change == "whole":
            rank, size = 0, 1
        if change == "blocks of one":
            block = 1
        if change == "iteration from one":
            iteration = iteration + 1
        found = _by_lists(seed, iteration, tasks, block, rank, size)
        if change == "backwards":
            return found.flip(0)
        if change == "single":
            return found.float()
        if change == "a column":
            return found[:, None]
        return found

    return answer


def _never_empty(seed, iteration, tasks, block, rank, size):
    """Breaks where a rank has no block."""
    number = math.ceil(tasks / block)
    return torch.cat(
        [
            torch.randn(
                min(block, tasks - b * block),
                generator=torch.Generator().manual_seed(1_000_000 * seed + 1_000 * iteration + b),
                dtype=torch.float64,
            )
            for b in range(number * rank // size, number * (rank + 1) // size)
        ]
    )


def _uniform(seed, iteration, tasks, block, rank, size):
    normal = _by_lists(seed, iteration, tasks, block, rank, size)
    return 0.5 * (1 + torch.erf(normal / 2**0.5))


# ------------------------------------------------------------------ speed_up


def _by_rounds(tasks, ranks, a, b, delay, size, bandwidth, ring):
    """Right: with what is sent as a list of messages."""
    piece = size / ranks if ring else size
    if ranks == 1:
        sent = []
    elif ring:
        sent = [delay + piece / bandwidth] * (2 * (ranks - 1))
    else:
        sent = [delay, delay, *[piece / bandwidth] * (2 * ranks - 2)]
    most = tasks // ranks + (tasks % ranks > 0)
    found = (b + tasks * a) / (b + most * a + math.fsum(sent))
    return np.float64(found), found / ranks


def _speed_variant(change):
    def answer(tasks, ranks, a, b, delay, size, bandwidth, ring):
        if change == "bits":
            size = 8 * size
        if change == "one round more":
            delay = delay * ranks / max(1, ranks - 1)
        if change == "b once":
            found = (a * tasks) / (a * tasks / _by_rounds(tasks, ranks, a, 0.0, delay, size, bandwidth, ring)[0] + b)
            return found, found / ranks
        if change == "two ranks":
            ranks = 2
        found, share = _by_rounds(tasks, ranks, a, b, delay, size, bandwidth, ring)
        if change == "at least one":
            return max(1.0, found), max(1.0, found) / ranks
        if change == "exchanged":
            return share, found
        if change == "rounded":
            return round(found, 2), round(share, 2)
        if change == "percent":
            return found, 100 * share
        if change == "alone":
            return found
        return found, share

    return answer


WRONG = [
    *[
        (ch14.check_spread_gradient, _gradient_variant(change))
        for change in (
            "first rank", "one each", "without the last", "half the rate", "first point", "turned", "single",
            "an axis more", "rounded",
        )
    ],
    *[
        (ch14.check_own_noise, _noise_variant(change))
        for change in (
            "seed ignored", "other rank", "whole", "blocks of one", "iteration from one", "backwards", "single",
            "a column",
        )
    ],
    (ch14.check_own_noise, _never_empty),
    (ch14.check_own_noise, _uniform),
    *[
        (ch14.check_speed_up, _speed_variant(change))
        for change in (
            "bits", "one round more", "b once", "two ranks", "at least one", "exchanged", "rounded", "percent",
            "alone",
        )
    ],
]  # fmt: skip
RIGHT = [
    (ch14.check_spread_gradient, _by_functional),
    (ch14.check_own_noise, _by_lists),
    (ch14.check_speed_up, _by_rounds),
]
