"""The check of the exercise `elite_mean`."""

import torch

from metarl_core.check import Wrong, case, function_check


def _draw_case(draw):
    """1 to 4 environments, 2 to 8 candidates, once 40, without equal scores."""
    environments = draw.choice(1, *[draw.integer(2, 4)] * 4)
    candidates = draw.once(17, 40, draw.integer(2, 8))
    elites = draw.choice(1, candidates, *[int(draw.integers(1, candidates, 1))] * 6)
    steps, actions = draw.integer(1, 4), draw.integer(1, 2)
    plans = draw.normal(environments, candidates, steps, actions)
    ranks = torch.stack([torch.tensor(draw.permutation(candidates)) for _ in range(environments)]).double()
    scores = ranks * 0.75 + 5 * draw.normal(environments, 1)
    return case(plans, scores, elites).noting(
        {
            "there is more than one environment": environments > 1,
            "all candidates are elites": elites == candidates,
            "there is one elite": elites == 1,
        }
    )


def _one_by_one(plans, scores, elites):
    found = []
    for own, values in zip(plans, scores.tolist(), strict=True):
        order = sorted(range(len(values)), key=lambda candidate: -values[candidate])
        found.append(sum(own[candidate] for candidate in order[:elites]) / elites)
    return torch.stack(found)


def _mean_of(chosen):
    """The mean over the candidates of a mask [environment, candidate]."""

    def answer(plans, scores, elites):
        mask = chosen(scores, elites).to(plans.dtype)[..., None, None]
        return (mask * plans).sum(1) / mask.sum(1)

    return answer


def _pooled(plans, scores, elites):
    best = scores.flatten().topk(elites * len(plans)).indices
    return plans.flatten(0, 1)[best].mean(0).expand(len(plans), *plans.shape[2:]).clone()


def _of_the_first(plans, scores, elites):
    return plans[:, scores[0].topk(elites).indices].mean(1)


def _best_alone(plans, scores, elites):
    return plans[torch.arange(len(plans)), scores.argmax(1)]


def _weighted(plans, scores, elites):
    best = scores.topk(elites, 1)
    weights = best.values.softmax(1)[..., None, None]
    return (weights * torch.take_along_dim(plans, best.indices[..., None, None], 1)).sum(1)


check_elite_mean = function_check(
    "elite_mean",
    _one_by_one,
    _draw_case,
    Wrong(
        "as_it_was",
        "The bug is still there. Write down `argsort` of three scores by hand: does its first entry speak of the first "
        "candidate?",
        _mean_of(lambda scores, elites: (-scores).argsort(1) < elites),
    ),
    Wrong(
        "first_ones",
        "Your elites are those with the lowest numbers, whatever they score.",
        _mean_of(lambda scores, elites: torch.arange(scores.shape[1]).expand_as(scores) < elites),
    ),
    Wrong(
        "worst",
        "Your elites are the worst of each environment.",
        _mean_of(lambda scores, elites: scores.argsort(1).argsort(1) < elites),
    ),
    Wrong("pooled", "Your elites are the best of all environments together.", _pooled),
    Wrong("of_the_first", "The first environment's scores choose for all.", _of_the_first),
    Wrong(
        "one_more",
        "You take one elite more than asked for.",
        _mean_of(lambda scores, elites: (-scores).argsort(1).argsort(1) <= elites),
    ),
    Wrong("best_alone", "You return the best plan. What was asked for is a mean.", _best_alone),
    Wrong("weighted", "Your mean weighs better plans more.", _weighted),
)
