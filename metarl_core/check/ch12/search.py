"""The check of the exercise `search`."""

import copy

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.compare import difference

PLAN, INSIDE = "the plan", "whether every plan that was scored lies inside the bounds"
SLACK = 1e-12


class Score:
    """How good plans are, in each environment another function, whose optimum may lie outside the bounds.

    Args:
        draw: of the case.
    """

    def __init__(self, draw, environments, steps, width):
        self.goals = draw.skewed(environments, steps, width, scale=2.0) * draw.choice(0.3, 1.0, 1.0)
        self.rows = draw.normal(environments, steps * width) / (steps * width) ** 0.5
        self.level = 3 * draw.skewed(environments)
        self.lowest, self.highest = None, None

    def __call__(self, plans):
        if plans.ndim != 4 or plans.shape[0] != len(self.goals) or plans.shape[2:] != self.goals.shape[1:]:
            form = ", ".join(map(str, self.goals.shape[1:]))
            raise ValueError(f"score takes plans [{len(self.goals)}, candidate, {form}], got {list(plans.shape)}.")
        if plans.shape[1]:
            flat = plans.detach().flatten(0, 2)
            lowest, highest = flat.amin(0), flat.amax(0)
            self.lowest = lowest if self.lowest is None else torch.minimum(self.lowest, lowest)
            self.highest = highest if self.highest is None else torch.maximum(self.highest, highest)
        off = (plans - self.goals[:, None]).square().mean((2, 3))
        wave = torch.sin(3 * (plans.flatten(2) * self.rows[:, None]).sum(-1))
        return self.level[:, None] - off + 0.3 * wave

    def again(self):
        """The same function, which has seen nothing."""
        twin = copy.copy(self)
        twin.lowest, twin.highest = None, None
        return twin


def _draw_case(draw):
    """1 to 4 environments, 1 to 4 rounds, 1 to 12 candidates, plans of 1 to 5 steps of 1 or 2 numbers, any bounds; once
    6 rounds with three elites.
    """
    environments, rounds = draw.choice(1, *[draw.integer(2, 4)] * 4), draw.choice(1, *[draw.integer(2, 4)] * 5)
    candidates = draw.choice(1, *[draw.integer(2, 12)] * 6)
    environments, rounds, candidates = (
        draw.once(17, 60, environments),
        draw.once(18, 30, draw.once(21, 6, rounds)),
        draw.once(19, 60, draw.once(21, 8, candidates)),
    )
    elites = draw.choice(1, candidates, *[int(draw.integers(1, candidates, 1))] * 3)
    elites = draw.once(21, 3, elites)  # where there is a single one, all rounds but the first are alike
    steps, width = draw.choice(1, *[draw.integer(2, 5)] * 5), draw.integer(1, 2)
    low = draw.normal(width) - 0.5
    high = low + draw.uniform(0.5, 2.5) * (1 + draw.flags(width).double())
    start = low + (high - low) * torch.rand((environments, steps, width), generator=draw.generator).double()
    noise = draw.normal(rounds, environments, candidates, steps, width, scale=draw.choice(1.0, 2.5))
    return case(Score(draw, environments, steps, width), low, high, noise, start, elites).noting(
        {
            "there is more than one environment": environments > 1,
            "there is more than one round": rounds > 1,
            "there are more than four rounds": rounds > 4,
            "there is one elite": elites == 1,
            "all candidates are elites": elites == candidates,
            "an action has more than one number": width > 1,
        }
    )


def _observed(answer, score, low, high, noise, start, elites):
    own = score.again()
    plan = answer(own, low, high, noise, start, elites)
    inside = own.lowest is None or bool((own.lowest >= low - SLACK).all() and (own.highest <= high + SLACK).all())
    return {PLAN: plan, INSIDE: inside}


def _one_by_one(score, low, high, noise, start, elites):
    """Each environment on its own, candidates sorted in a list."""
    plans = []
    for number in range(noise.shape[1]):

        def worth(plan, number=number):
            every = plan.expand(len(start), 1, *plan.shape)
            return float(score.again()(every)[number, 0])

        mean, std, best = start[number], ((high - low) / 4).expand_as(start[number]), []
        for drawn in noise[:, number]:
            some = [*best, *(torch.minimum(torch.maximum(mean + std * one, low), high) for one in drawn)]
            best = sorted(some, key=worth, reverse=True)[:elites]
            mean = sum(best) / len(best)
            std = (sum((plan - mean) ** 2 for plan in best) / len(best)) ** 0.5
        plans.append(best[0])
    return {PLAN: torch.stack(plans), INSIDE: True}


def _found(
    pooled=False, clipped="scored", kept=True, correction=0, returned="best", lowest=False, width=4.0, fresh=False,
    leader=False, same_noise=False, single=False, begin=True, narrow=True, shared_std=False, old=0.0,
    wide=False, behind=False,
):  # fmt: skip
    """The search in tensors, a part of it changed.

    `clipped`: what is clipped, of what is scored or in the end; `fresh`: what is returned is out of the last round's
    new candidates; `leader`: the elites' places of the first environment for all; `single`: one round; `narrow`:
    whether σ is fitted; `old`: the share of the old Gaussian; `wide`: σ₀ with one number for all;
    `behind`: whether old elites stand behind the new candidates.
    """

    def answer(score, low, high, noise, start, elites):
        span = (high - low).max().expand_as(high) if wide else high - low
        mean = start if begin else ((low + high) / 2).expand_as(start)
        std, best = (span / width).expand_as(start), start.new_zeros(len(start), 0, *start.shape[1:])
        for number, drawn in enumerate(noise):
            drawn = noise[0] if same_noise else drawn
            plans = mean.unsqueeze(1) + std.unsqueeze(1) * drawn
            plans = plans.clamp(low, high) if clipped == "scored" else plans
            new = plans
            if kept:
                plans = torch.cat([plans, best] if behind else [best, plans], 1)
            scores = score(plans)
            if pooled:
                order = scores.flatten().topk(elites * len(scores) if pooled == "all" else elites, largest=not lowest)
                chosen = plans.flatten(0, 1)[order.indices].expand(len(scores), -1, -1, -1)
            else:
                order = scores.topk(elites, 1, largest=not lowest).indices
                order = order[:1].expand_as(order) if leader else order
                chosen = plans.gather(1, order[..., None, None].expand(*order.shape, *plans.shape[2:]))
            best = chosen
            mean = old * mean + (1 - old) * chosen.mean(1)
            if narrow:
                spread = (
                    chosen.std((1, 2), correction=0)[:, None] if shared_std else chosen.std(1, correction=correction)
                )
                std = old * std + (1 - old) * spread.expand_as(mean)
            if single and number == 0:
                break
        if fresh:
            order = score(new).argmax(1)
            best = new[torch.arange(len(new)), order][:, None]
        result = mean if returned == "mean" else best[:, -1] if returned == "last" else best[:, 0]
        return result.clamp(low, high) if clipped == "end" else result

    return answer


def _plan_of(*changed, inside=None):
    """The plan is what one of these answers returns; `inside`: and what was scored was inside the bounds, or not."""

    def when(got, *arguments):
        if inside is not None and got[INSIDE] != inside:
            return False
        for answer in changed:
            if difference(got[PLAN], _observed(answer, *arguments)[PLAN], None, None) is None:
                return True
        return False

    return when


check_search = function_check(
    "search",
    _one_by_one,
    _draw_case,
    Wrong(
        "pooled",
        "Your elites are the best candidates of all environments together. Whose motor is the mean of such plans for?",
        when=_plan_of(_found(pooled="all"), _found(pooled="one"), _found(pooled="all", kept=False)),
    ),
    Wrong(
        "first_for_all",
        "The places of the first environment's elites are taken in all environments.",
        when=_plan_of(_found(leader=True), _found(leader=True, behind=True), _found(leader=True, kept=False)),
    ),
    Wrong(
        "never_clipped",
        "Plans are scored, and returned, that nobody can carry out. What does the world do with a push beyond bounds?",
        when=_plan_of(_found(clipped="never"), _found(clipped="never", kept=False), inside=False),
    ),
    Wrong(
        "clipped_at_the_end",
        "What you return can be done, and what you scored could not: the search found its elites among plans that the "
        "world would have cut off.",
        when=_plan_of(_found(clipped="end"), _found(clipped="end", kept=False), inside=False),
    ),
    Wrong(
        "scored_outside",
        "The plan is right, and plans were scored that lie outside the bounds.",
        when=lambda got, *a: not got[INSIDE] and difference(got[PLAN], _one_by_one(*a)[PLAN], None, None) is None,
    ),
    Wrong(
        "worst",
        "Your elites are the candidates with the lowest scores. Is a score a cost here?",
        when=_plan_of(_found(lowest=True), _found(lowest=True, kept=False)),
    ),
    Wrong(
        "not_kept",
        "The elites of a round do not take part in the next one. What if the next one finds nothing better?",
        when=_plan_of(_found(kept=False)),
    ),
    Wrong(
        "mean_returned",
        "You return the last mean. What was asked for was scored, and is the best of what was scored.",
        when=_plan_of(_found(returned="mean"), _found(returned="mean", kept=False)),
    ),
    Wrong(
        "new_ones_alone",
        "What you return is the best of the last round's new candidates. May an older plan not be better?",
        when=_plan_of(_found(fresh=True)),
    ),
    Wrong(
        "last_elite",
        "What you return is an elite, but the worst of them.",
        when=_plan_of(_found(returned="last")),
    ),
    Wrong(
        "one_round",
        "Only one round of your search has any effect.",
        when=_plan_of(_found(single=True)),
    ),
    Wrong(
        "same_noise",
        "Each of your rounds uses the noise of the first one.",
        when=_plan_of(_found(same_noise=True)),
    ),
    Wrong(
        "start_ignored",
        "Your search begins in the middle of the action space, whatever plan it is given.",
        when=_plan_of(_found(begin=False)),
    ),
    Wrong(
        "never_narrower",
        "Your Gaussian moves, and stays as wide as it was.",
        when=_plan_of(_found(narrow=False)),
    ),
    Wrong(
        "shared_deviation",
        "All steps of your plans share one standard deviation. Are the last pushes as sure as the first one?",
        when=_plan_of(_found(shared_std=True)),
    ),
    Wrong(
        "too_wide",
        "Your first standard deviation is half of an action's range.",
        when=_plan_of(_found(width=2.0)),
    ),
    Wrong(
        "as_wide_as_all",
        "Your first standard deviation is a whole range.",
        when=_plan_of(_found(width=1.0)),
    ),
    Wrong(
        "smoothed",
        "A tenth of the old mean and deviation is left in your new ones. That is the chapter's search, not this one.",
        when=_plan_of(_found(old=0.1)),
    ),
    Wrong(
        "n_minus_one",
        "Your standard deviation is divided by E - 1.",
        when=_plan_of(_found(correction=1)),
    ),
    observe=_observed,
)  # fmt: skip
