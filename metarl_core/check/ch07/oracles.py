"""What several checks of chapter 07 compare with."""

import torch


def draw_features(draw):
    """Features `[n, d]`, labels, ways and notes: 2 to 5 classes, once 60, of 1 to 4 samples, in random order, 1 to 4
    features."""
    ways, size = draw.once(18, 60, draw.integer(2, 5)), draw.integer(1, 4)
    same = draw.chance(0.4)
    shots = draw.choice(1, 3, draw.integer(1, 4))
    counts = [shots if same else draw.integer(1, 4) for _ in range(ways)]
    labels = torch.arange(ways).repeat_interleave(torch.tensor(counts))
    labels = labels[draw.permutation(len(labels))]
    place = draw.choice(0.0, 2.0) * draw.normal(size)  # values far from 0
    features = 0.7 * draw.normal(len(labels), size) + (draw.normal(ways, size) + place)[labels]
    if draw.chance(0.3):
        features = features.T.contiguous().T
    notes = {
        "classes have different numbers of samples": len(set(counts)) > 1,
        "samples are in the order of their labels": bool((labels.diff() >= 0).all()),
        "every class has one sample": max(counts) == 1,
        "a class has three samples or more": max(counts) > 2,
        "there are two classes": ways == 2,
        "there is one feature": size == 1,
    }
    return features, labels, ways, notes


def head(weight=2.0, bias=-1.0, power=1.0, total=False, in_order=False):
    """A head with its two factors changed; sums instead of means; samples in order, equally many, taken for granted."""

    def answer(features, labels, ways):
        member = torch.nn.functional.one_hot(labels, ways).to(features.dtype)
        means = member.T @ features
        means = means if total else means / member.sum(0)[:, None]
        if in_order:  # raises where the numbers cannot be equal
            means = features.reshape(ways, len(labels) // ways, features.shape[1]).mean(1)
        return weight * means, bias * means.square().sum(1) ** power

    return answer
