"""Wrong answers to the exercises of chapter 09, written as a learner would write them."""

import torch
from attacks import ch09_experiments as report
from attacks import ch09_tenth_reports as tenth
from report_changes import report_named
from torch.autograd import grad

from metarl_core.check import ch09
from mutants import Mutant

# ---------------------------------------------------------------- dice_loss


def _box(c):
    return torch.exp(c - c.detach())


def _weights(x, c):
    return _box(c) - _box(c - x)


def _loss(weight):
    def answer(log_pi, advantage, mask):
        w = weight(log_pi.masked_fill(~mask, 0.0))
        return -(w * advantage)[mask].mean()

    return answer


def _multiplied(log_pi, advantage, mask):
    x = log_pi * mask
    return -(_weights(x, x.cumsum(1)) * advantage * mask).sum() / mask.sum()


def _naive_and_multiplied(log_pi, advantage, mask):
    return -(log_pi * mask * advantage).sum() / mask.sum()


def _without_graph(log_pi, advantage, mask):
    return _loss(lambda x: _weights(x, x.cumsum(1)))(log_pi, advantage, mask).detach()


def _mean_of_means(log_pi, advantage, mask):
    one = _loss(lambda x: _weights(x, x.cumsum(1)))
    return sum(one(x[None], a[None], m[None]) for x, a, m in zip(log_pi, advantage, mask, strict=True)) / len(mask)


def _reward_to_go_of_scores(x):
    return _weights(x, x.sum(1, keepdim=True) - x.cumsum(1) + x)


def _unstopped(x):
    c = x.cumsum(1)
    return torch.exp(c) - torch.exp(c - x)


def _advantages_centred(log_pi, advantage, mask):
    return _loss(lambda x: _weights(x, x.cumsum(1)))(log_pi, advantage - advantage[mask].mean(), mask)


def _flattened(x):
    return _weights(x, x.reshape(-1).cumsum(0).reshape(x.shape))


def _over_first_axis(x):
    return _weights(x, x.cumsum(0))


def _divided(by):
    def answer(log_pi, advantage, mask):
        x = log_pi.masked_fill(~mask, 0.0) / by(mask)
        return -(_weights(x, x.cumsum(1)) * advantage)[mask].mean()

    return answer


def _no_mask(log_pi, advantage, mask):
    return -(_weights(log_pi, log_pi.cumsum(1)) * advantage).mean()


def _mean_over_padding(log_pi, advantage, mask):
    x = log_pi.masked_fill(~mask, 0.0)
    return -(_weights(x, x.cumsum(1)) * advantage.masked_fill(~mask, 0.0)).mean()


def _mean_over_episodes(log_pi, advantage, mask):
    return _summed(log_pi, advantage, mask) / len(mask)


def _negated(log_pi, advantage, mask):
    return -_loss(lambda x: _weights(x, x.cumsum(1)))(log_pi, advantage, mask)


def _summed(log_pi, advantage, mask):
    return _loss(lambda x: _weights(x, x.cumsum(1)))(log_pi, advantage, mask) * mask.sum()


def _advantages_standardised(log_pi, advantage, mask):
    taken = advantage[mask]
    return _loss(lambda x: _weights(x, x.cumsum(1)))(
        log_pi, (advantage - taken.mean()) / (taken.std(correction=0) + 1e-8), mask
    )


def _last_step_cut(log_pi, advantage, mask):
    x = log_pi.masked_fill(~mask, 0.0)
    kept = mask & torch.cat([mask[:, 1:], torch.zeros_like(mask[:, :1])], 1)
    return -(_weights(x, x.cumsum(1)) * advantage.masked_fill(~kept, 0.0)).sum() / mask.sum()


def _half_of_the_past(x):
    past = x.cumsum(1) - x
    past = past / 2 + past.detach() / 2
    return _box(past + x) - _box(past)


def _halved_and_doubled(x):
    return 2 * _weights(x / 2, x.cumsum(1) / 2)


def _entropy_too(log_pi, advantage, mask):
    return _loss(lambda x: _weights(x, x.cumsum(1)))(log_pi, advantage, mask) + 0.01 * log_pi[mask].mean()


# ---------------------------------------------------------------- bandit_hessians


def _hessians(true="right", naive="right"):
    def answer(p, q, b):
        mean = (p * q).sum()
        curved = torch.outer(p, p) - torch.diag(p)  # ∇² log π, the same for all arms
        score = torch.eye(len(p), dtype=p.dtype) - p
        outer = lambda value: sum(p[a] * value[a] * torch.outer(score[a], score[a]) for a in range(len(p)))  # noqa: E731
        trues = {
            "right": outer(q) + mean * curved,
            "only_scores": outer(q),
            "mixed": outer(q - b) + mean * curved,
            "mixed the other way": outer(q) + (mean - b) * curved,
            "curvature": mean * curved,
            "naive": (mean - b) * curved,
            "diagonal": torch.diag((outer(q) + mean * curved).diagonal()),
            "not centred": torch.diag(p * q) - torch.outer(p * q, p) - torch.outer(p, p * q),
            "twice": 2 * outer(q) + 2 * mean * curved,
            "baseline": torch.diag(p * (q - b)) - torch.outer(p * (q - b), p) - torch.outer(p, p * (q - b)),
            "sign": -outer(q) - mean * curved,
            "only_scores, centred": outer(q - b),
            "twice the curvature": outer(q) + 2 * mean * curved,
            "mean_held": torch.diag(p * (q - mean)) - torch.outer(p * (q - mean), p),
            "mean_held, transposed": torch.diag(p * (q - mean)) - torch.outer(p, p * (q - mean)),
        }
        naives = {
            "right": (mean - b) * curved,
            "no_baseline": mean * curved,
            "sign": -(mean - b) * curved,
            "diagonal": (mean - b) * torch.diag(curved.diagonal()),
            "zero": 0 * curved,
            "no_rewards": curved,
            "unweighted": (q.mean() - b) * curved,
            "summed": (q - b).sum() * curved,
            "by p": -torch.diag((q - b) / p),
            "true": trues["right"],
            "half": (mean - b) / 2 * curved,
        }
        return {"true": trues[true], "naive": naives[naive]}

    return answer


def _swapped(p, q, b):
    right = _hessians()(p, q, b)
    return {"true": right["naive"], "naive": right["true"]}


# ---------------------------------------------------------------- sampling_term


def _term(
    centre="others", over=None, detach=True, sign=-1.0, total=False, masked="where", box=False, cut=False, exp=False
):
    def answer(log_pi, mask, outcome):
        o = outcome.detach() if detach else outcome
        n = len(o)
        others = (o.sum() - o) / (n - 1)
        reward = {
            "others": o - others, "all": o - o.mean(), "none": o, "n": o - (o.sum() - o) / n,
            "std": (o - o.mean()) / (o.std() + 1e-8), "next": o - o.roll(-1),
            "better": (o - others).relu(),
        }[centre]  # fmt: skip
        logs = {"where": torch.where(mask, log_pi, 0.0), "times": log_pi * mask, "no": log_pi}[masked]
        if over == "episodes":
            score = logs.sum(2).mean(1)
        elif over == "steps":
            score = logs.sum((1, 2)) / mask.sum((1, 2))
        elif over == "all":
            score = logs.mean((1, 2))
        else:
            score = logs.sum((1, 2))
        score = score / 2 if over == "two" else (score + score.detach()) / 2 if cut == "half" else score
        score = _box(score) if box else score.exp() if exp else score
        result = sign * ((score.detach() if cut is True else score) * reward)
        return result.sum() if total else result.mean()

    return answer


# ---------------------------------------------------------------- meta_loss

BUGS = ("upside down", "covariance", "shared")


def _repaired(
    mean=False, naive=False, detached=False, create_graph=True, total=False, no_graph=False, change=None, bugs=()
):
    def answer(theta, tasks, alpha, sigma):
        outer, last, found = [], theta, []
        for actions, advantage, goal in tasks:
            at = theta.detach().requires_grad_() if detached else last
            width = {"variance": sigma**2, "root of sigma": sigma**0.5, "one": 1.0, "half": 0.5}.get(change, sigma)
            width = sigma**0.5 if "covariance" in bugs else width
            density = torch.distributions.Normal(at, width).log_prob(actions)
            advantage = advantage - advantage.mean() if change == "centred" else advantage
            log_pi = density.mean(-1) if mean or change == "mean, twice as far" else density.sum(-1)
            weight = log_pi if naive else torch.exp(log_pi - log_pi.detach())
            weight = _box(density).sum(-1) if change == "by dimension" else weight
            weight = weight**2 / 2 if change == "square" else log_pi.exp() if change == "density" else weight
            surrogate = (weight * advantage).sum() if change == "sum" else (weight * advantage).mean()
            if bugs:
                weight = torch.exp(log_pi.detach() - log_pi) if "upside down" in bugs else weight
                number = weight.sum() if "shared" in bugs else len(actions)
                surrogate = (weight * advantage).sum() / number * (-1 if "upside down" in bugs else 1)
            (slope,) = grad(surrogate, at, create_graph=create_graph)
            adapted = theta - alpha * slope if change == "down" else last + alpha * slope
            adapted = theta.detach() + alpha * slope if change == "start" else adapted
            if change == "mean, twice as far":
                adapted = theta + 2 * alpha * slope
            if change == "two steps":
                density = torch.distributions.Normal(adapted, width).log_prob(actions).sum(-1)
                adapted = adapted + alpha * grad((_box(density) * advantage).mean(), adapted, create_graph=True)[0]
            last = adapted if change == "in turn" else theta
            found.append(adapted)
            adapted = adapted.detach() if no_graph else adapted
            square = ((adapted - goal) ** 2).sum()
            outer.append(square / 2 if change == "mean" else square.sqrt() if change == "root" else square)
        if change == "together":
            outer = [(sum(found) / len(found) - goal).square().sum() for *_, goal in tasks]
        result = sum(outer) if total else sum(outer) / len(outer)
        return -result if change == "negated" else result

    return answer


MUTANTS = [
    Mutant(ch09.check_dice_loss, "naive", _loss(lambda x: x)),
    Mutant(ch09.check_dice_loss, "naive", _naive_and_multiplied),
    Mutant(ch09.check_dice_loss, "padding_multiplied", _multiplied),
    Mutant(ch09.check_dice_loss, "no_graph", _without_graph),
    Mutant(ch09.check_dice_loss, "mean_of_means", _mean_of_means),
    Mutant(ch09.check_dice_loss, "from_the_end", _loss(_reward_to_go_of_scores)),
    Mutant(ch09.check_dice_loss, "box_before", _loss(lambda x: _box(x.cumsum(1) - x))),
    Mutant(ch09.check_dice_loss, "boxes_added", _loss(lambda x: _box(x.cumsum(1)) + _box(x.cumsum(1) - x))),
    Mutant(ch09.check_dice_loss, "not_stopped", _loss(_unstopped)),
    Mutant(ch09.check_dice_loss, "not_stopped", _loss(lambda x: x.cumsum(1).exp())),
    Mutant(ch09.check_dice_loss, "not_stopped", _loss(torch.exp)),
    Mutant(ch09.check_dice_loss, "centred", _advantages_centred),
    Mutant(ch09.check_dice_loss, "lvc", _loss(_box)),
    Mutant(ch09.check_dice_loss, "nothing_held", _loss(lambda x: torch.exp(x.cumsum(1) - x.cumsum(1)))),
    Mutant(ch09.check_dice_loss, "whole_episode", _loss(lambda x: _box(x.sum(1, keepdim=True)).expand_as(x))),
    Mutant(ch09.check_dice_loss, "box_on_advantages", _loss(lambda x: _box(x.cumsum(1)))),
    Mutant(ch09.check_dice_loss, "sum_scaled", _divided(lambda mask: mask.sum(1, keepdim=True))),
    Mutant(ch09.check_dice_loss, "sum_scaled", _divided(len)),
    Mutant(ch09.check_dice_loss, "sum_scaled", _divided(torch.sum)),
    Mutant(ch09.check_dice_loss, "across_episodes", _loss(_flattened)),
    Mutant(ch09.check_dice_loss, "across_episodes", _loss(_over_first_axis)),
    Mutant(ch09.check_dice_loss, "sign", _negated),
    Mutant(ch09.check_dice_loss, "sum_over_steps", _summed),
    Mutant(ch09.check_dice_loss, "mask_ignored", _no_mask),
    Mutant(ch09.check_dice_loss, "mask_ignored", _mean_over_padding),
    Mutant(ch09.check_dice_loss, "other_divisor", _mean_over_episodes),
    Mutant(ch09.check_bandit_hessians, "baseline_ignored", _hessians(naive="no_baseline")),
    Mutant(ch09.check_bandit_hessians, "naive_sign", _hessians(naive="sign")),
    Mutant(ch09.check_bandit_hessians, "swapped", _swapped),
    Mutant(ch09.check_bandit_hessians, "only_scores", _hessians("only_scores")),
    Mutant(ch09.check_bandit_hessians, "mixed_baselines", _hessians("mixed")),
    Mutant(ch09.check_bandit_hessians, "baseline_ignored", _hessians("mean_held", "no_baseline")),
    Mutant(ch09.check_bandit_hessians, "mixed_baselines", _hessians("mixed the other way")),
    Mutant(ch09.check_bandit_hessians, "only_curvature", _hessians("curvature")),
    Mutant(ch09.check_bandit_hessians, "rewards_unweighted", _hessians(naive="unweighted")),
    Mutant(ch09.check_bandit_hessians, "naive_is_true", _hessians(naive="true")),
    Mutant(ch09.check_bandit_hessians, "true_is_naive", _hessians("naive")),
    Mutant(ch09.check_bandit_hessians, "baseline_for_mean", _hessians("baseline")),
    Mutant(ch09.check_bandit_hessians, "rewards_not_centred", _hessians("not centred")),
    Mutant(ch09.check_bandit_hessians, "true_diagonal", _hessians("diagonal")),
    Mutant(ch09.check_bandit_hessians, "true_factor", _hessians("twice")),
    Mutant(ch09.check_bandit_hessians, "naive_factor", _hessians(naive="half")),
    Mutant(ch09.check_bandit_hessians, "true_sign", _hessians("sign")),
    Mutant(ch09.check_bandit_hessians, "mean_held", _hessians("mean_held")),
    Mutant(ch09.check_bandit_hessians, "mean_held", _hessians("mean_held, transposed")),
    Mutant(ch09.check_bandit_hessians, "no_rewards", _hessians(naive="no_rewards")),
    Mutant(ch09.check_bandit_hessians, "diagonal_only", _hessians(naive="diagonal")),
    Mutant(ch09.check_bandit_hessians, "zero", _hessians(naive="zero")),
    Mutant(ch09.check_sampling_term, "not_centred", _term("none")),
    Mutant(ch09.check_sampling_term, "own_included", _term("all")),
    Mutant(ch09.check_sampling_term, "mean_over_episodes", _term(over="episodes")),
    Mutant(ch09.check_sampling_term, "mean_over_episodes", _term(over="steps")),
    Mutant(ch09.check_sampling_term, "outcome_differentiated", _term(detach=False)),
    Mutant(ch09.check_sampling_term, "sign", _term(sign=1.0)),
    Mutant(ch09.check_sampling_term, "sum_over_tasks", _term(total=True)),
    Mutant(ch09.check_sampling_term, "mask_ignored", _term(masked="no")),
    Mutant(ch09.check_sampling_term, "padding_multiplied", _term(masked="times")),
    Mutant(ch09.check_sampling_term, "mean_over_episodes", _term(over="all")),
    Mutant(ch09.check_sampling_term, "own_included", _term("all", masked="times")),
    Mutant(ch09.check_sampling_term, "divided_by_all", _term("n")),
    Mutant(ch09.check_sampling_term, "standardised", _term("std")),
    Mutant(ch09.check_sampling_term, "value", _term(box=True)),
    Mutant(ch09.check_sampling_term, "probabilities", _term(exp=True)),
    Mutant(ch09.check_sampling_term, "neighbour", _term("next")),
    Mutant(ch09.check_sampling_term, "no_graph", _term(cut=True)),
    Mutant(ch09.check_meta_loss, "as_it_was", _repaired(bugs=BUGS)),
    Mutant(ch09.check_meta_loss, "upside_down", _repaired(bugs=BUGS[:1])),
    Mutant(ch09.check_meta_loss, "covariance", _repaired(bugs=BUGS[1:2])),
    Mutant(ch09.check_meta_loss, "shared", _repaired(bugs=BUGS[2:])),
    Mutant(ch09.check_meta_loss, "two_left", _repaired(bugs=BUGS[1:])),
    Mutant(ch09.check_meta_loss, "two_left", _repaired(bugs=BUGS[::2])),
    Mutant(ch09.check_meta_loss, "mean_over_dimensions", _repaired(mean=True)),
    Mutant(ch09.check_meta_loss, "first_order", _repaired(detached=True)),
    Mutant(ch09.check_meta_loss, "first_order", _repaired(create_graph=False)),
    Mutant(ch09.check_meta_loss, "naive", _repaired(naive=True)),
    Mutant(ch09.check_meta_loss, "two_left", _repaired(bugs=BUGS[:2])),
    Mutant(ch09.check_meta_loss, "sum_over_actions", _repaired(change="sum")),
    Mutant(ch09.check_meta_loss, "negated", _repaired(change="negated")),
    Mutant(ch09.check_meta_loss, "centred", _repaired(change="centred")),
    Mutant(ch09.check_meta_loss, "spread", _repaired(change="variance")),
    Mutant(ch09.check_meta_loss, "covariance", _repaired(change="root of sigma")),
    Mutant(ch09.check_meta_loss, "spread", _repaired(change="one")),
    Mutant(ch09.check_meta_loss, "start_cut", _repaired(change="start")),
    Mutant(ch09.check_meta_loss, "descended", _repaired(change="down")),
    Mutant(ch09.check_meta_loss, "mean_of_squares", _repaired(change="mean")),
    Mutant(ch09.check_meta_loss, "length_not_squared", _repaired(change="root")),
    Mutant(ch09.check_meta_loss, "no_graph", _repaired(no_graph=True)),
    Mutant(ch09.check_meta_loss, "sum_over_tasks", _repaired(total=True)),
    Mutant(ch09.check_dice_loss, "standardised", _advantages_standardised),
    Mutant(ch09.check_dice_loss, "boxes_of_steps_summed", _loss(lambda x: _box(x).cumsum(1))),
    Mutant(ch09.check_dice_loss, "before_the_start", _loss(lambda x: _box(x.cumsum(1)) - _box(x.cumsum(1)).roll(1, 1))),
    Mutant(ch09.check_dice_loss, "last_step_idle", _last_step_cut),
    Mutant(ch09.check_dice_loss, "mixed_wrong", _loss(_half_of_the_past)),
    Mutant(ch09.check_dice_loss, "second_order_wrong", _loss(_halved_and_doubled)),
    Mutant(ch09.check_dice_loss, "linear_term", _entropy_too),
    Mutant(ch09.check_bandit_hessians, "only_scores", _hessians("only_scores, centred")),
    Mutant(ch09.check_bandit_hessians, "twice", _hessians("twice the curvature")),
    Mutant(ch09.check_bandit_hessians, "rewards_unweighted", _hessians(naive="summed")),
    Mutant(ch09.check_bandit_hessians, "by_probabilities", _hessians(naive="by p")),
    Mutant(ch09.check_sampling_term, "better_half", _term("better")),
    Mutant(ch09.check_sampling_term, "slope", _term(cut="half")),
    Mutant(ch09.check_sampling_term, "factor", _term(over="two")),
    Mutant(ch09.check_meta_loss, "spread", _repaired(change="half")),
    Mutant(ch09.check_meta_loss, "ratio_of_each_dimension", _repaired(change="by dimension")),
    Mutant(ch09.check_meta_loss, "made_up_for", _repaired(change="mean, twice as far")),
    Mutant(ch09.check_meta_loss, "no_ratio", _repaired(change="density")),
    Mutant(ch09.check_meta_loss, "two_steps", _repaired(change="two steps")),
    Mutant(ch09.check_meta_loss, "in_turn", _repaired(change="in turn")),
    Mutant(ch09.check_meta_loss, "mean_of_adapted", _repaired(change="together")),
    Mutant(ch09.check_meta_loss, "other_slope", _repaired(change="square")),
]

MUTANTS += [
    Mutant(ch09.check_sign, misconception, answer)
    for misconception, answer in {
        "few_groups": report._five_hundred,
        "no_such_groups": report._means_for_groups,
        "chosen_groups": report._selected,
        "one_road": report._held_chances,
        "mean_step": report._mean_step,
        "one_task": report._arm_one_pays,
        "sampled": report._by_drawing,
        "truth_off": report._objective_itself,
        "not_less_truth": report._mean_of_lvc,
        "of_another": report._other_way_round,
        "not_an_interval": report._no_interval,
        "extremes": report._lowest_and_highest,
        "standard_deviation": report._deviation,
        "standard_error": report._error,
        "off_centre": report._another_middle,
        "one_sided": report._ninety_percent,
        "too_narrow": report._eighty_percent,
        "too_wide": report._ninety_nine,
        "says_too_much": report._a_bias_anyway,
        "says_too_little": report._too_careful,
        "wrong_winner": report._wrong_side,
        "wrong_sign_bought": report._many_of_naive,
        "gives_up": report._given_up,
        "two_sided": report._both_sides,
        "not_squared": report._ratio_alone,
        "of_the_truth": report._around_the_truth,
        "other_batch": report._a_hundred,
        "few_batches": report._two_hundred_batches,
        "reused": report._again,
        "batches_again": report_named(tenth.WRONG, "batches_twice"),
        "other_batches": report._larger_batches,
        "share_of_wrong_ones": report._wrong_ones,
        "other_share": report._as_predicted,
    }.items()
] + [Mutant(ch09.check_sign, "no_such_groups", report._groups_of_their_own)]
