"""What is seen of a report on starts and goals: its tables learn once more, and one of them is trained again."""

from dataclasses import dataclass

import numpy as np
import torch

from metarl_core.check import CheckFailed
from metarl_core.check.reports import fault_of_plays, fault_of_returns, interval_fault, returns, whole_numbers
from metarl_core.check.reports.fields import refused
from metarl_core.randomness import seeded
from metarl_core.recipes.goal_cells import ACTIONS, CELLS, SIDE, earned, meta_train

HELPS = "the trained start earns more than a fresh one"
HURTS = "the trained start earns less than a fresh one"
NOT_TOLD_APART = "the two could not be told apart"
NEVER_A_GOAL = "a start hurts at cells that were never a goal, wherever they lie"
WHERE_GOALS_LAY = "a start helps at cells that were never a goal among old goals, and hurts on the other side"
NOT_DECIDED = "the two intervals do not decide it"

SPLITS = ("scattered", "sides")
PLACES = tuple(f"{split}, {age}" for split in SPLITS for age in ("old", "new"))
STARTS = ("trained", "fresh")
HALF, EVEN, TWICE, MOST_SEEDS = CELLS // 2, (6, 12), 2, 12
"""goals of a training; of how many each half of the grid may hold where they are scattered; plays for a mean; seeds"""
HALVES = [
    frozenset(cell for cell in range(CELLS) if (cell // SIDE if down else cell % SIDE) // (SIDE // 2) == second)
    for down in (True, False)
    for second in (0, 1)
]
"""upper, lower, left and right"""
ALIKE = 1.5
"""squares of distances, in units of those of another play, within which rewards are of the same tables and goals"""
APART = 0.1
"""how far a table may be off when it is trained again, as a part of how far its values lie apart"""


def cells(where, value):
    """Different cells of the grid."""
    found = whole_numbers(where, value)
    if not all(0 <= cell < CELLS for cell in found) or len(set(found)) < len(found):
        raise refused(where, value, f"a list of different cells, from 0 to {CELLS - 1}")
    return found


def rewards(where, value):
    """Mean rewards `[seed, goal]`, by place and by start."""
    if not isinstance(value, dict) or set(value) != set(PLACES):
        raise refused(where, value, "a dict with the keys " + ", ".join(map(repr, PLACES)))
    for place in PLACES:
        if not isinstance(value[place], dict) or set(value[place]) != set(STARTS):
            raise refused(f"{where}[{place!r}]", value[place], "a dict with the keys 'trained' and 'fresh'")
    return {
        place: {start: returns(f"{where}[{place!r}][{start!r}]", value[place][start]) for start in STARTS}
        for place in PLACES
    }


@dataclass(frozen=True)
class Found:
    """What the report says, and what its tables earn here."""

    report: dict
    faults: dict
    """ "higher", "lower" or None, by place and start"""
    faults_of_leads: dict
    """the same of trained less fresh, by place: where both are a little off, on opposite sides, it shows in these"""
    alike: dict
    """by what was said of something else: whether it fits that"""

    def leads(self, place):
        """Of each seed and goal: trained less fresh."""
        said = self.report["rewards"][place]
        return said["trained"] - said["fresh"]

    def interval(self, split):
        return self.report[f"low_{split}"], self.report[f"high_{split}"]

    def conclusion(self, split):
        return self.report[f"conclusion_{split}"]

    def fault(self, split, sign=1, place="new"):
        leads = sign * self.leads(f"{split}, {place}")
        return interval_fault(*self.interval(split), leads.mean(1), leads)

    @property
    def suspect(self):
        """The split whose interval is not the right one, or whose conclusion does not follow; else the first."""
        return next((s for s in SPLITS if self.fault(s)), next((s for s in SPLITS if not self.follows(s)), SPLITS[0]))

    def follows(self, split):
        low, high = self.interval(split)
        return self.conclusion(split) == (HELPS if low > 0 else HURTS if high < 0 else NOT_TOLD_APART)

    @property
    def rows_alike(self):
        """Whether two seeds are said to earn the same with their trained starts, at every goal of a place."""
        rows = [both["trained"] for both in self.report["rewards"].values()]
        return any(len(np.unique(one, axis=0)) < len(one) for one in rows)

    @property
    def turned(self):
        return any(self.fault(split) and not self.fault(split, -1) for split in SPLITS)

    @property
    def of_old_goals(self):
        return any(self.fault(split) and not self.fault(split, place="old") for split in SPLITS)

    @property
    def verdict(self):
        """What follows from both conclusions."""
        said = tuple(self.conclusion(split) for split in SPLITS)
        return {(HELPS, HURTS): WHERE_GOALS_LAY, (HURTS, HURTS): NEVER_A_GOAL}.get(said, NOT_DECIDED)


def goals_of(report, place):
    split, age = place.split(", ")
    old = report[f"goals_{split}"]
    return old if age == "old" else [cell for cell in range(CELLS) if cell not in old]


def _earned_here(report):
    """Mean rewards over some plays, and those of one more, by place and start; all tables play side by side."""
    trained = [report[f"starts_{split}"].float() for split in SPLITS]
    tables = torch.cat([table for one in trained for table in (one, 0 * one)])
    everywhere = list(range(CELLS))
    plays = [earned(tables, everywhere, seeded(5150 + k)).double().numpy() for k in range(TWICE + 1)]
    both = [np.mean(plays[:TWICE], 0), plays[TWICE]]
    kinds = [(split, start) for split in SPLITS for start in STARTS]
    blocks = [dict(zip(kinds, np.split(one, len(kinds)), strict=True)) for one in both]
    return {
        (place, start): tuple(one[place.split(", ")[0], start][:, goals_of(report, place)] for one in blocks)
        for place in PLACES
        for start in STARTS
    }


def examine(report):
    number = len(report["seeds"])
    if not 1 <= number <= MOST_SEEDS:
        raise CheckFailed(f"`transfer` may have one to {MOST_SEEDS} seeds.", "shape")
    for split in SPLITS:
        shape = tuple(report[f"starts_{split}"].shape)
        if shape != (number, CELLS, ACTIONS):
            words = f"has shape {list(shape)}; expected is {[number, CELLS, ACTIONS]}."
            raise CheckFailed(f'`transfer["starts_{split}"]` {words}', "shape")
        if len(report[f"goals_{split}"]) != HALF:
            words = f"holds {len(report[f'goals_{split}'])} cells; half of the {CELLS} are asked for."
            raise CheckFailed(f'`transfer["goals_{split}"]` {words}', "shape")
    said, own = report["rewards"], _earned_here(report)
    for place in PLACES:
        for start in STARTS:
            shape = said[place][start].shape
            if shape != (number, HALF):
                words = f"has shape {list(shape)}; expected is {[number, HALF]}."
                raise CheckFailed(f'`transfer["rewards"]["{place}"]["{start}"]` {words}', "shape")

    def judge(place):
        """Fresh tables are the same for all seeds: where their rows are equal, seeds were played with equal luck."""
        return fault_of_returns if np.ptp(said[place]["fresh"], 0).any() else fault_of_plays

    def fault(place, start, other=None):
        mean, once = own[other or (place, start)]
        return judge(place)(said[place][start] - mean, once - mean)

    def fault_of_leads(place, sign=1):
        (mean, once), (mean_fresh, once_fresh) = (own[place, start] for start in STARTS)
        lead, average = said[place]["trained"] - said[place]["fresh"], mean - mean_fresh
        return judge(place)(sign * lead - average, once - once_fresh - average)

    def exchanged(place):
        """Whether each start is said to earn what the other one does here, goal by goal, too."""
        swapped = list(zip(STARTS, STARTS[::-1], strict=True))
        fits = not any(fault(place, start, (place, other)) for start, other in swapped)
        far = sum(np.square(said[place][start] - own[place, other][0]).sum() for start, other in swapped)
        luck = sum(np.square(once - mean).sum() for mean, once in (own[place, start] for start in STARTS))
        return fits and not fault_of_leads(place, -1) and far < ALIKE * luck

    pairs = [(place, start) for place in PLACES for start in STARTS]
    faults, faults_of_leads = {pair: fault(*pair) for pair in pairs}, {place: fault_of_leads(place) for place in PLACES}
    wrong = [p for p in PLACES if faults_of_leads[p] or any(faults[p, start] for start in STARTS)]
    alike = {
        "starts_exchanged": bool(wrong) and all(map(exchanged, wrong)),
        "places_exchanged": not any(
            fault(p, s, (p.replace("old", "?").replace("new", "old").replace("?", "new"), s)) for p, s in pairs
        ),
    }

    return Found(report, faults, faults_of_leads, alike)


def train_again(found):
    """How far the two tables of one seed are, at most, from those that are trained again."""
    report, off = found.report, []
    place = int(abs(report["low_sides"]) * 1e6) % len(report["seeds"])
    for split in SPLITS:
        again = meta_train([report["seeds"][place]], report[f"goals_{split}"])[0]
        off.append(float((report[f"starts_{split}"][place] - again).norm() / (again - again.mean()).norm()))
    return max(off)
