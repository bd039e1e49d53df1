"""Wrong answers to the exercises of chapter 08, written as a learner would write them."""

import torch
from attacks import ch08 as others
from attacks import ch08_eleventh_reports as eleventh
from attacks import ch08_experiments as report
from attacks import ch08_more as more
from attacks import ch08_tenth_reports as tenth
from report_changes import report_named
from torch.autograd import grad

from metarl_core.check import ch08
from mutants import Mutant

# ---------------------------------------------------------------- task_advantages


def _advantages(
    divide="std", fit="task", over="task", fit_padding=False, count_padding=False, blank=True, discounted=True,
    ridge=1e-5, centre=True, clear=True,
):  # fmt: skip
    def answer(rewards, features, mask, discount):
        gamma = discount if discounted else 1.0
        to_go, later = [], torch.zeros_like(rewards[..., 0])
        for reward in rewards.flip(-1).unbind(-1):
            later = reward + gamma * later
            to_go.append(later)
        to_go = torch.stack(to_go[::-1], -1)
        weight = torch.ones_like(rewards) if fit_padding else mask.double()
        x, y = (features * weight[..., None]).flatten(1, 2), (to_go * weight).flatten(1, 2)
        if fit == "all":
            x, y = x.flatten(0, 1)[None], y.flatten()[None]
        w = torch.linalg.pinv(x.mT @ x + ridge * torch.eye(x.shape[-1], dtype=x.dtype)) @ (x.mT @ y[..., None])
        if fit == "none":
            w = torch.zeros_like(w)
        raw = to_go - (features * w[:, None, None, :, 0]).sum(-1)
        counted = torch.ones_like(mask) if count_padding else mask
        raw = raw * mask if count_padding and clear else raw
        result = torch.zeros_like(raw)
        for task in range(len(raw)):
            values = raw[counted] if over == "all" else raw[task][counted[task]]
            scale = {
                "std": values.std(correction=0),
                "var": values.var(correction=0),
                "not": torch.tensor(1.0),
                "n - 1": values.std(),
            }
            result[task] = (raw[task] - values.mean() * centre) / scale[divide]
        return result * mask if blank else result

    return answer


# ---------------------------------------------------------------- inner_step


def _from_the_start(rewards, features, mask, discount):
    """Rewards discounted once, then summed from each step on."""
    weighted = rewards * discount ** torch.arange(rewards.shape[-1], dtype=rewards.dtype)
    return _advantages(discounted=False)(weighted, features, mask, discount)


def _step(
    reduce=torch.sum, rate=None, sign=1, over="steps", adapt_std=True, masked=True, detach=True, density=None,
    power=1.0,
):  # fmt: skip
    def answer(theta, states, actions, advantage, mask, alpha):
        weight, log_std = (theta[name].detach().clone().requires_grad_() for name in ("weight", "log_std"))
        normal = torch.distributions.Normal(states @ weight.T, (power * log_std).exp())
        log_density = normal.log_prob(actions) if density is None else density(actions, normal.mean, normal.stddev)
        log_probability = reduce(log_density, -1)
        total = (log_probability * advantage * (mask if masked else 1)).sum()
        count = {"steps": mask.sum(), "places": mask.numel(), "episodes": len(mask), "nothing": 1}[over]
        slopes = grad(total / count, [weight, log_std])
        used = alpha if rate is None else rate
        moved = [p + sign * used * s for p, s in zip((weight, log_std), slopes, strict=True)]
        moved = [p.detach() for p in moved] if detach else moved
        return {"weight": moved[0], "log_std": moved[1] if adapt_std else theta["log_std"].detach().clone()}

    return answer


# ---------------------------------------------------------------- trust_region_step


def _region(gradient="full", metric="full", sign=-1, two=2, spread=2, solve=True, total=False):
    def answer(theta, curvature, centre, alpha, sigma, delta):
        g, h = torch.zeros_like(theta), torch.zeros_like(curvature[0])
        for a, c in zip(curvature, centre, strict=True):
            jacobian = torch.eye(len(theta), dtype=theta.dtype) - alpha * a
            end = theta - alpha * a @ (theta - c)
            g = (
                g
                + {
                    "full": jacobian @ a @ (end - c),
                    "first order": a @ (end - c),
                    "at theta": a @ (theta - c),
                }[gradient]
            )
            h = h + {"full": jacobian.T @ jacobian, "once": jacobian, "none": torch.eye(len(theta)).double()}[metric]
        if not total:
            g, h = g / len(centre), h / len(centre)
        h = h / sigma**spread
        x = torch.linalg.inv(h) @ g if solve else g
        return sign * (two * delta / (x @ h @ x)) ** 0.5 * x

    return answer


def _region_by_autograd(theta, curvature, centre, alpha, sigma, delta):
    def ends(point):
        return point - alpha * torch.einsum("nij,nj->ni", curvature, point - centre)

    def loss(point):
        offset = ends(point) - centre
        return 0.5 * torch.einsum("ni,nij,nj->n", offset, curvature, offset).mean()

    def divergence(point):
        return ((ends(point) - ends(theta)) ** 2).sum(1).mean() / (2 * sigma**2)

    g, h = torch.func.grad(loss)(theta), torch.func.hessian(divergence)(theta)
    x = torch.linalg.solve(h, g)
    return -((2 * delta / (x @ h @ x)) ** 0.5) * x


# ---------------------------------------------------------------- meta_loss


def _loss(
    query=True, rate=None, divide="std", graph=True, fresh=True, reduce=torch.mean, cut=False, sign=-1.0, ratio=True,
    recorded=True,
):  # fmt: skip
    def answer(theta, goals, noise, alpha, sigma):
        def density(point, actions):
            return -((actions - point) ** 2).sum(-1) / (2 * sigma**2)

        def collect(point, draws, goal):
            actions = (point + sigma * draws).detach()
            reward = -((actions - goal) ** 2).sum(-1)
            scale = {"std": reward.std(correction=0), "var": reward.var(correction=0), "n - 1": reward.std()}[divide]
            return actions, density(point, actions).detach(), (reward - reward.mean()) / scale

        def judge(point, data):
            actions, old, weight = data
            return -(torch.exp(density(point, actions) - old) * weight).mean()

        outer, point = [], theta
        for number, goal in enumerate(goals):
            point = theta if fresh else point
            support = collect(point, noise[number, 0], goal)
            (slope,) = grad(judge(point, support), point, create_graph=graph, retain_graph=True)
            adapted = point + sign * (alpha if rate is None else rate) * slope
            if cut:
                adapted = adapted.detach()
            judged = collect(adapted, noise[number, 1], goal) if query else support
            if not recorded:  # by the policy before adaptation
                judged = judged[0], density(point, judged[0]).detach(), judged[2]
            outer.append(judge(adapted, judged) if ratio else -(density(adapted, judged[0]) * judged[2]).mean())
            point = adapted
        return reduce(torch.stack(outer))

    return answer


def _leak(theta, goals, noise, alpha, sigma):
    """θ is moved in place of a copy: each task starts where the last one ended, with its own derivative."""
    total, start = torch.zeros_like(theta), theta.detach()
    for number in range(len(goals)):
        leaf = start.clone().requires_grad_()
        one = _loss()(leaf, goals[number : number + 1], noise[number : number + 1], alpha, sigma)
        total = total + grad(one, leaf)[0] / len(goals)
        actions = (start + sigma * noise[number, 0]).detach()
        reward = -((actions - goals[number]) ** 2).sum(-1)
        weight = (reward - reward.mean()) / reward.std(correction=0)
        start = start + alpha * (weight[:, None] * (actions - start)).mean(0) / sigma**2
    return (total.detach() * (theta - theta.detach())).sum()


MUTANTS = [
    Mutant(ch08.check_task_advantages, "variance", _advantages(divide="var")),
    Mutant(ch08.check_task_advantages, "not_divided", _advantages(divide="not")),
    Mutant(ch08.check_task_advantages, "all_tasks_fitted", _advantages(fit="all")),
    Mutant(ch08.check_task_advantages, "all_tasks_normalised", _advantages(over="all")),
    Mutant(ch08.check_task_advantages, "padding_fitted", _advantages(fit_padding=True)),
    Mutant(ch08.check_task_advantages, "padding_counted", _advantages(count_padding=True)),
    Mutant(ch08.check_task_advantages, "padding_counted", _advantages(count_padding=True, blank=False)),
    Mutant(ch08.check_task_advantages, "padding_kept", _advantages(blank=False)),
    Mutant(ch08.check_task_advantages, "no_baseline", _advantages(fit="none")),
    Mutant(ch08.check_task_advantages, "undiscounted", _advantages(discounted=False)),
    Mutant(ch08.check_task_advantages, "padding_counted", _advantages(count_padding=True, clear=False)),
    Mutant(ch08.check_task_advantages, "discounted_from_the_start", _from_the_start),
    Mutant(ch08.check_task_advantages, "mean_kept", _advantages(centre=False)),
    Mutant(ch08.check_task_advantages, "divide_by_n_minus_one", _advantages(divide="n - 1")),
    Mutant(ch08.check_task_advantages, "no_ridge", _advantages(ridge=0.0)),
    Mutant(ch08.check_inner_step, "mean_over_dimensions", _step(torch.mean)),
    Mutant(ch08.check_inner_step, "inner_rate_ignored", _step(rate=0.1)),
    Mutant(ch08.check_inner_step, "inner_rate_ignored", _step(rate=1.0)),
    Mutant(ch08.check_inner_step, "sign", _step(sign=-1)),
    Mutant(ch08.check_inner_step, "padding_counted", _step(over="places")),
    Mutant(ch08.check_inner_step, "mean_over_episodes", _step(over="episodes")),
    Mutant(ch08.check_inner_step, "sum_over_steps", _step(over="nothing")),
    Mutant(ch08.check_inner_step, "spread_not_adapted", _step(adapt_std=False)),
    Mutant(ch08.check_inner_step, "normaliser_forgotten", _step(density=lambda a, m, s: -0.5 * ((a - m) / s) ** 2)),
    Mutant(ch08.check_inner_step, "padding_pushes", _step(masked=False)),
    Mutant(ch08.check_inner_step, "padding_everywhere", _step(masked=False, over="places")),
    Mutant(ch08.check_inner_step, "std_as_variance", _step(power=0.5)),
    Mutant(ch08.check_inner_step, "graph_kept", _step(detach=False)),
    Mutant(ch08.check_trust_region_step, "sigma_not_squared", _region(spread=1)),
    Mutant(ch08.check_trust_region_step, "by_autograd", _region_by_autograd),
    Mutant(ch08.check_trust_region_step, "fisher_at_theta", _region(metric="none")),
    Mutant(ch08.check_trust_region_step, "jacobian_once", _region(metric="once")),
    Mutant(ch08.check_trust_region_step, "first_order", _region("first order")),
    Mutant(ch08.check_trust_region_step, "not_adapted", _region("at theta")),
    Mutant(ch08.check_trust_region_step, "uphill", _region(sign=1)),
    Mutant(ch08.check_trust_region_step, "half_forgotten", _region(two=1)),
    Mutant(ch08.check_trust_region_step, "no_spread", _region(spread=0)),
    Mutant(ch08.check_trust_region_step, "plain_gradient", _region(solve=False)),
    Mutant(ch08.check_trust_region_step, "sum_over_tasks", _region(total=True)),
    Mutant(ch08.check_meta_loss, "graph_cut", _loss(cut=True)),
    Mutant(ch08.check_meta_loss, "as_it_was", _loss(recorded=False, rate=0.1, divide="var")),
    Mutant(ch08.check_meta_loss, "denominator", _loss(recorded=False)),
    Mutant(ch08.check_meta_loss, "support_as_query", _loss(query=False)),
    Mutant(ch08.check_meta_loss, "inner_rate_ignored", _loss(rate=0.1)),
    Mutant(ch08.check_meta_loss, "variance", _loss(divide="var")),
    Mutant(ch08.check_meta_loss, "two_left", _loss(recorded=False, rate=0.1)),
    Mutant(ch08.check_meta_loss, "two_left", _loss(recorded=False, divide="var")),
    Mutant(ch08.check_meta_loss, "two_left", _loss(rate=0.1, divide="var")),
    Mutant(ch08.check_meta_loss, "no_curvature", _loss(graph=False)),
    Mutant(ch08.check_meta_loss, "tasks_leak", _leak),
    Mutant(ch08.check_meta_loss, "sum_over_tasks", _loss(reduce=torch.sum)),
    Mutant(ch08.check_meta_loss, "uphill_inside", _loss(sign=1.0)),
    Mutant(ch08.check_meta_loss, "divide_by_n_minus_one", _loss(divide="n - 1")),
    Mutant(ch08.check_meta_loss, "log_density", _loss(ratio=False)),
]

# ---------------------------------------------------------------- payoff

MUTANTS += [
    Mutant(ch08.check_payoff, misconception, answer)
    for misconception, answer in {
        "few_seeds": report._four_seeds,
        "seed_twice": report._a_seed_again,
        "copied": report._one_table_for_all,
        "rows_alike": report_named(eleventh.WRONG, "means_over_seeds_for_rows"),
        "measured_on_training": report._on_training_tasks,
        "few_tasks": report._sixty_mazes,
        "not_adapted": report._no_step,
        "exchanged": report._columns_exchanged,
        "tuned_for_one": report._step_of_maml,
        "higher_than_earned": report._lucky,
        "lower_than_earned": report._a_little_less,
        "turned": report._other_way_round,
        "unpaired": report._two_groups,
        "pooled_episodes": report._every_pair,
        "extremes": report._lowest_and_highest,
        "standard_deviation": report._deviation,
        "standard_error": report._error,
        "normal_interval": report._normal,
        "divides_by_n": report._biased,
        "off_centre": report._another_middle,
        "one_sided": report._ninety_percent,
        "too_narrow": report._eighty_percent,
        "too_wide": report._ninety_nine,
        "not_an_interval": report._no_interval,
        "says_too_much": report._a_winner_anyway,
        "says_too_little": report._too_careful,
        "wrong_winner": report._wrong_winner,
        "adaptation_free": report._free_of_charge,
        "half_the_training": report._queries_alone,
        "too_early": report._rounded_down,
        "other_bill": report._tasks_and_seeds,
        "other_tasks": report_named(tenth.WRONG, "tasks_rolled"),
        "drawn_otherwise": report_named(tenth.WRONG, "rich_tasks"),
        "not_repeated": report._trained_for_longer,
        "baseline_not_tuned": report._small_steps,
        "alpha_not_tuned": report._small_alpha,
        "scratch_not_tuned": report._slow_from_scratch,
        "counts_updates": report._updates,
        "another_count": report._to_the_best_arm,
    }.items()
]

# ---------------------------------------------------------------- answers that are attacks, too

ALSO = {
    ch08.check_task_advantages: {
        "each_episode": others._per_episode,
        "added_to_deviation": others._per_task(lambda x: (x - x.mean()) / (x.std(correction=0) + 1e-3)),
    },
    ch08.check_inner_step: {
        "episodes_alike": others._step(others._normal, others._mean_of_episode_means),
        "advantages_centred": others._normalises_the_advantage,
    },
    ch08.check_trust_region_step: {
        "mean_before_product": others._mean_jacobian,
        "diagonal_only": others._diagonal_metric,
        "curvature_of_the_loss": others._curvature_of_the_loss,
        "not_scaled": others._unscaled_natural_step,
    },
    ch08.check_meta_loss: {
        "not_divided": others._loss(collect=others._centred_only),
        "not_centred": others._loss(collect=others._not_centred),
        "sum_over_draws": others._loss(inner=others._summed_loss),
        "noise_exchanged": others._loss(draws=(1, 0)),
        "noise_twice": others._loss(draws=(0, 0)),
        "first_task_only": others._first_task_only,
    },
}

RECENT = {
    ch08.check_task_advantages: {
        "other_ridge": more._constant_not_penalised,
        "whole_return": more._whole_return,
        "another_discount": more._discount_of_the_course,
        "steps_with_a_reward": more._steps_with_a_reward,
    },
    ch08.check_inner_step: {"advantages_normalised": more._advantages_again_normalised},
    ch08.check_trust_region_step: {
        "curvature_of_the_loss": more._curvature_in_the_region,
        "first_order": more._first_order_by_autograd,
    },
    ch08.check_meta_loss: {
        "value_only_differs": more._value_is_a_return,
        "no_slope": more._actions_not_held,
        "queries_of_theta": more._query_actions_by_theta,
        "log_density": more._plain_log_density,
        "support_mean_and_deviation": more._query_advantages_by_support_numbers,
    },
}

MUTANTS += [
    Mutant(check, misconception, answer)
    for both in (ALSO, RECENT)
    for check, answers in both.items()
    for misconception, answer in answers.items()
]
