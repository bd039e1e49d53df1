"""What several checks of chapter 07 compare with."""

import torch

from metarl_core.check import case


def feature_cases():
    """Features of a few samples of each class, in random order."""
    for seed, counts in enumerate(((3, 3, 3), (2, 2, 2, 2, 2), (1, 4, 2))):
        generator = torch.Generator().manual_seed(10 + seed)
        labels = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
        labels = labels[torch.randperm(len(labels), generator=generator)]
        features = 0.7 * torch.randn(len(labels), 4, generator=generator, dtype=torch.float64)
        features = features + 0.8 * torch.randn(len(counts), 4, generator=generator, dtype=torch.float64)[labels]
        yield case(features, labels, len(counts))


def head(weight=2.0, bias=-1.0, power=1.0, total=False, in_order=False):
    """A head with its two factors changed; sums instead of means; samples taken to be in order of their labels."""

    def answer(features, labels, ways):
        labels = labels.sort().values if in_order else labels
        member = torch.nn.functional.one_hot(labels, ways).to(features.dtype)
        means = member.T @ features
        means = means if total else means / member.sum(0)[:, None]
        return weight * means, bias * means.square().sum(1) ** power

    return answer
