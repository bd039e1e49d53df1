"""The check of the exercise `split_tasks`."""

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.copies import clone


def _split_cases():
    for seed, (side, repeats, share) in enumerate(((6, 3, 0.25), (5, 1, 0.4), (8, 2, 0.2))):
        generator = torch.Generator().manual_seed(seed)
        cells = torch.cartesian_prod(torch.arange(side), torch.arange(side)).repeat(repeats, 1)
        cells = cells[torch.randperm(len(cells), generator=generator)]
        far = (cells > side // 2).all(1)
        yield case(cells, far, share, torch.Generator().manual_seed(10 + seed))


def _rows(cells, index) -> set:
    return set(map(tuple, cells[index].tolist()))


def _look_at_split(answer, cells, far, share, generator):
    """What can be said of a split, as facts that do not depend on which random one was chosen."""
    again, other = clone(generator), torch.Generator().manual_seed(12345)
    untouched = cells.clone(), far.clone()
    torch.manual_seed(1)  # a split that draws from the global source is not reproducible
    split = answer(cells, far, share, generator)
    torch.manual_seed(2)
    twin = answer(*clone(untouched), share, again)
    different = answer(*clone(untouched), share, other)
    cells, far = untouched
    for name in ("train", "test", "ood"):
        index = split[name]
        if not isinstance(index, torch.Tensor) or index.ndim != 1 or index.is_floating_point():
            raise TypeError(f"entry {name!r} should be a one-dimensional tensor of integers")
    found = torch.cat([split[name] for name in ("train", "test", "ood")])
    near, outside = torch.cat([split["train"], split["test"]]), split["ood"]
    return {
        "names": sorted(split),
        "tasks in train and in test": len(_rows(cells, split["train"]) & _rows(cells, split["test"])),
        "rows in train and in test": len(set(split["train"].tolist()) & set(split["test"].tolist())),
        "far tasks outside ood": int(far[near].sum()),
        "near tasks in ood": int((~far[outside]).sum()),
        "rows in no split": len(set(range(len(cells))) - set(found.tolist())),
        "rows listed twice": len(found) - len(set(found.tolist())),
        "different test tasks": len(_rows(cells, split["test"])),
        "same generator, same split": all(set(split[k].tolist()) == set(twin[k].tolist()) for k in split),
        "other generator, other split": set(split["test"].tolist()) != set(different["test"].tolist()),
    }


def _facts_of_a_good_split(cells, far, share, generator):
    return {
        "names": ["ood", "test", "train"],
        "tasks in train and in test": 0,
        "rows in train and in test": 0,
        "far tasks outside ood": 0,
        "near tasks in ood": 0,
        "rows in no split": 0,
        "rows listed twice": 0,
        "different test tasks": round(share * len(_rows(cells, ~far))),
        "same generator, same split": True,
        "other generator, other split": True,
    }


check_split_tasks = function_check(
    "split_tasks",
    _facts_of_a_good_split,
    _split_cases,
    Wrong(
        "ood_overlaps",
        "Tasks from the far region stand in train or test, or near ones in ood. Then the ood split measures nothing "
        "new.",
        when=lambda facts, *_: facts["far tasks outside ood"] + facts["near tasks in ood"] > 0,
    ),
    Wrong(
        "test_in_train",
        "The same rows stand in train and in test. A learner that memorises its training tasks would look brilliant.",
        when=lambda facts, *_: facts["rows in train and in test"] > 0,
    ),
    Wrong(
        "twins_across_splits",
        "No row stands in two splits, and yet train and test share tasks. Look at the rows themselves: are they all "
        "different?",
        when=lambda facts, *_: facts["tasks in train and in test"] > 0,
    ),
    Wrong(
        "not_reproducible",
        "Two calls with equal generators gave two different splits. Where does your randomness come from?",
        when=lambda facts, *_: not facts["same generator, same split"],
    ),
    Wrong(
        "always_the_same",
        "Another generator gives the same test tasks. Is your split random at all, or does it follow the order of "
        "the list?",
        when=lambda facts, *_: not facts["other generator, other split"],
    ),
    Wrong(
        "wrong_share",
        "The splits are disjoint, but the number of different test tasks is not the share that was asked for. "
        "A share of what?",
        when=lambda facts, cells, far, share, _: (
            facts["rows in no split"] == 0 and facts["different test tasks"] != round(share * len(_rows(cells, ~far)))
        ),
    ),
    observe=_look_at_split,
)
