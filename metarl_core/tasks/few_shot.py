"""Few-shot tasks: a handful of examples to learn from, and others to be judged on.

In an N-way K-shot episode a task is N classes that were never labelled before; K labelled examples of each are
the support set, and other examples of the same classes the query set (Vinyals et al. 2016, section 4.1).
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from metarl_core.arguments import check_count, check_generator, check_one_of
from metarl_core.tasks.checks import SPLITS, check_dtype


class FewShot(NamedTuple):
    """Data of many tasks: support, to adapt on, and query, to measure the adapted learner with.

    All have leading axes `[task, sample]`: images `[task, sample, 1, side, side]` and labels `[task, sample]`,
    or points `[task, sample, 1]` on both sides.
    """

    support_inputs: Tensor
    support_targets: Tensor
    query_inputs: Tensor
    query_targets: Tensor


class ImageClasses:
    """Labelled images whose classes come in groups, such as letters in alphabets, and are split by group.

    Args:
        images: `[class, instance, side, side]`, uint8 0 to 255 or floating point in [0, 1]; kept as uint8,
            a quarter of the memory.
        groups: name of each class's group.
        splits: for each split ("train", "test", "ood"; not all need exist) the names of its groups.

    Attributes:
        images: uint8 `[class, instance, side, side]`.
        groups: the group of each class.
        members: for each split the indices of its classes `[class]`.

    Raises:
        ValueError: where shapes, values or names do not fit, or a group stands in two splits.
    """

    def __init__(self, images: Tensor, groups: Sequence[str], splits: Mapping[str, Sequence[str]]):
        self.images = as_bytes(images)
        self.groups = tuple(groups)
        if len(self.groups) != len(images):
            raise ValueError(f"groups must name the group of each of the {len(images)} classes, got {len(groups)}.")
        if not splits or not set(splits) <= set(SPLITS):
            raise ValueError(f"splits must be some of {', '.join(SPLITS)}, got {sorted(splits)}.")
        split_of = {group: split for split, names in splits.items() for group in names}
        if len(split_of) < sum(len(set(names)) for names in splits.values()):
            raise ValueError("splits must not share a group: the classes of a test split must be new.")
        if set(split_of) != set(self.groups):
            odd = sorted(set(split_of) ^ set(self.groups))
            raise ValueError(f"every group of the classes must be in one split and no other, see {odd}.")
        self.members = {
            split: torch.tensor(
                [i for i, group in enumerate(self.groups) if split_of[group] == split], device=self.images.device
            )
            for split in splits
        }

    def sample_few_shot(
        self,
        n: int,
        ways: int,
        shots: int,
        queries: int,
        generator: torch.Generator,
        split: str = "train",
        rotations: bool = False,
        dtype: torch.dtype | None = None,
    ) -> FewShot:
        """Draw `n` episodes.

        Args:
            n: number of tasks.
            ways: classes in a task.
            shots: support images of each class.
            queries: query images of each class, none of them in the support set.
            generator: source of randomness.
            split: whose classes are drawn.
            rotations: turn each class of a task by 0, 90, 180 or 270 degrees, all its images alike. It makes
                new classes out of few (Santoro et al. 2016) and belongs in training only.
            dtype: of the images; torch's default by default.

        Returns:
            Images `[n, ways * shots, 1, side, side]` in [0, 1] and labels int64 0 to ways − 1
            `[n, ways * shots]`, and alike with `queries`. A class gets a random label; samples are ordered by
            label, so `view(n, ways, shots, ...)` separates the classes. All on the device of `self.images`.

        Raises:
            ValueError: where `n`, `ways`, `shots` or `queries` is below 1 or more than there is, or there is no
                such split.
        """
        for name, value in (("n", n), ("ways", ways), ("shots", shots), ("queries", queries)):
            check_count(name, value)
        check_generator(generator)
        check_one_of("split", split, self.members)
        check_dtype(dtype)
        dtype = torch.get_default_dtype() if dtype is None else dtype
        members, instances = self.members[split], self.images.shape[1]
        if ways > len(members):
            raise ValueError(f"ways must be at most {len(members)}, the classes of split {split!r}, got {ways}.")
        if shots + queries > instances:
            raise ValueError(
                f"shots + queries must be at most {instances}, the images of a class, got {shots} + {queries}."
            )
        # The first entries of a random ranking are a draw without replacement, for all tasks at once.
        source, device = generator.device, members.device
        drawn = torch.rand(n, len(members), generator=generator, device=source).topk(ways).indices.to(device)
        picked = torch.rand(n, ways, instances, generator=generator, device=source).topk(shots + queries).indices
        picked = picked.to(device)
        images = self.images[members[drawn][:, :, None], picked]
        if rotations:
            images = turn(images, torch.randint(4, (n, ways), generator=generator, device=source).to(device))
        images = images[:, :, :, None].to(dtype) / 255
        labels = torch.arange(ways, device=device).repeat_interleave(shots + queries).expand(n, -1).view(n, ways, -1)
        support, query = slice(None, shots), slice(shots, None)
        return FewShot(
            images[:, :, support].flatten(1, 2),
            labels[:, :, support].flatten(1, 2),
            images[:, :, query].flatten(1, 2),
            labels[:, :, query].flatten(1, 2),
        )


def as_bytes(images: Tensor) -> Tensor:
    """`images` as uint8.

    Raises:
        ValueError: where they are not `[class, instance, side, side]` or not in range.
    """
    if not isinstance(images, Tensor):
        raise ValueError(f"images must be a tensor, got {type(images).__name__}.")
    if images.ndim != 4 or 0 in images.shape or images.shape[2] != images.shape[3]:
        raise ValueError(f"images must have shape [class, instance, side, side], got {list(images.shape)}.")
    if images.dtype == torch.uint8:
        return images
    if not images.is_floating_point() or not bool(((images >= 0) & (images <= 1)).all()):
        raise ValueError("images must be uint8, or floating point in [0, 1].")
    return (255 * images).round().to(torch.uint8)


def turn(images: Tensor, quarters: Tensor) -> Tensor:
    """`images` `[task, class, image, side, side]`, each class turned left by `quarters` `[task, class]` × 90°."""
    turned = images.clone()
    for quarter in (1, 2, 3):
        chosen = quarters == quarter
        turned[chosen] = images[chosen].rot90(quarter, (-2, -1))
    return turned
