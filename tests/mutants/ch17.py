"""Wrong answers to the exercises of chapter 17, written as a learner would write them."""

import torch
from attacks import ch17_projects as project

from metarl_core.check import ch17
from mutants import Mutant

LETTERS = {case.number: case.right for case in ch17.CASES}
KINDS = {case.number: case.kind for case in ch17.CASES}

# ---------------------------------------------------------------- diagnoses and kinds

DIAGNOSES = [
    Mutant(ch17.check_diagnoses, f"case_{number:02d}_{letter}", {**LETTERS, number: letter})
    for number, right in LETTERS.items()
    for letter in "ABC"
    if letter != right
]
OF_KINDS = [
    Mutant(
        ch17.check_kinds,
        f"{right}, called {given}".replace(" ", "_").replace(",", ""),
        {**KINDS, next(number for number, kind in KINDS.items() if kind == right): given},
    )
    for right in ch17.KINDS
    for given in ch17.KINDS
    if given != right
]

# ---------------------------------------------------------------- meta_gradient


def _colleague(fixed=("graph", "anew", "query"), change=None):
    """The colleague's module with some of the bugs repaired, and perhaps a new one."""

    def answer(weights, tasks, inner_lr):
        w = weights.clone().requires_grad_()
        start, whole, slopes = w, 0, 0
        for (x, y), (x2, y2) in tasks:

            def loss(at, a, b):
                off = (a @ at - b) ** 2
                return off.sum() if change == "sums" else off.mean()

            (g,) = torch.autograd.grad(loss(start, x, y), start, create_graph=True)
            g = -g if change == "uphill" else g
            new = start - inner_lr * g if change != "no step" else start
            if "graph" not in fixed:
                new = new.detach().clone().requires_grad_()
            outer = loss(new, x2, y2) if "query" in fixed else loss(new, x, y)
            if "graph" in fixed:
                whole = whole + outer
            else:
                slopes = slopes + torch.autograd.grad(outer, new)[0]
            if "anew" not in fixed:
                start = new
        found = torch.autograd.grad(whole, w)[0] if "graph" in fixed else slopes
        return found if change == "total" else found / len(tasks)

    return answer


def _gradient(misconception, fixed=("graph", "anew", "query"), change=None):
    return Mutant(ch17.check_meta_gradient, misconception, _colleague(fixed, change))


# ---------------------------------------------------------------- td_targets


def _stepwise(ends, gamma=None):
    def answer(rewards, terminated, truncated, next_values, discount):
        y = rewards.clone()
        for t in range(len(y)):
            if not ends(bool(terminated[t]), bool(truncated[t])):
                y[t] += (discount if gamma is None else gamma) * next_values[t]
        return y

    return answer


# ---------------------------------------------------------------- next_belief


def _belief(found_rule, missed_rule):
    def answer(belief, cell, found):
        b = belief.clone()
        if found:
            if found_rule == "half":
                b *= 0.5
                b[cell] = b[cell] + 0.5
                return b
            b[:] = 0
            b[cell] = 1
            return b
        gone = float(b[cell])
        if missed_rule == "ignored":
            return b
        b[cell] = 0
        if missed_rule == "ceil":
            b = b.ceil()
        if missed_rule == "spread":
            rest = torch.arange(len(b)) != cell
            b[rest] += gone / (len(b) - 1)
            return b
        return b if missed_rule == "as it is" else b / b.sum()

    return answer


# ---------------------------------------------------------------- elite_mean


def _elites(change):
    def answer(plans, scores, elites):
        found = []
        flat = sorted(((float(s), e, c) for e, row in enumerate(scores) for c, s in enumerate(row)), reverse=True)
        for e in range(len(plans)):
            order = scores[e].sort(descending=change != "worst").indices.tolist()
            if change == "first":
                order = scores[0].sort(descending=True).indices.tolist()
            if change == "argsort":
                order = [place for place, entry in enumerate(order) if entry < elites]
            if change == "lowest numbers":
                order = list(range(len(order)))
            number = elites + 1 if change == "one more" else 1 if change == "best" else elites
            chosen = torch.stack([plans[e, c] for c in order[:number]])
            if change == "pooled":
                chosen = torch.stack([plans[i, c] for _, i, c in flat[: elites * len(plans)]])
            if change == "weighted":
                share = torch.softmax(scores[e][order[:number]], 0)
                found.append((share[:, None, None] * chosen).sum(0))
            else:
                found.append(chosen.mean(0))
        return torch.stack(found)

    return answer


# ---------------------------------------------------------------- trusted


def _test(settings=((0.2, 3), (0.4, 1), (0.2, 3)), derivative="exact", leaves=True):
    """A test by hand that looks at less than it should.

    `settings`: step sizes and numbers of steps; `derivative`: "exact", "is there", "alone" or not looked at; `leaves`:
    whether theta is looked at afterwards.
    """

    def trusted(adapted):
        for inner_lr, steps in settings:
            start = torch.tensor([0.5, -1.0]).double()
            theta = start.clone().requires_grad_()
            found = adapted(lambda at: at.pow(4).sum() / 4, theta, inner_lr, steps)
            value, slope = start.clone(), torch.ones(2).double()
            for _ in range(steps):
                slope = slope * (1 - 3 * inner_lr * value**2)
                value = value - inner_lr * value**3
            if derivative != "alone" and not torch.allclose(found.detach(), value):
                return False
            if leaves and not torch.equal(theta.detach(), start):
                return False
            if derivative == "values":
                continue
            if not found.requires_grad:
                return False
            (got,) = torch.autograd.grad(found.sum(), theta, allow_unused=True)
            if got is None or (derivative != "is there" and not torch.allclose(got, slope)):
                return False
        return True

    return trusted


def _counts_steps(adapted):
    """On a loss whose slope is 1 everywhere: finds that steps are missing, and nothing of their slopes."""
    theta = torch.zeros(2).double().requires_grad_()
    return torch.allclose(adapted(lambda at: at.sum(), theta, 0.5, 3).detach(), torch.full((2,), -1.5).double())


def _demanding(adapted):
    """Wants theta itself where no step is taken."""
    theta = torch.tensor([0.5, -1.0]).double().requires_grad_()
    return _test()(adapted) and adapted(lambda at: at.sum(), theta, 0.1, 0) is theta


def _trusted(misconception, **less):
    return Mutant(ch17.check_trusted, misconception, _test(**less))


MUTANTS = [
    *DIAGNOSES,
    *OF_KINDS,
    _gradient("as_it_was", ()),
    _gradient("cut", ("anew", "query")),
    _gradient("leaks", ("graph", "query")),
    _gradient("own_support", ("graph", "anew")),
    _gradient("cut_and_leaks", ("query",)),
    _gradient("cut_and_own", ("anew",)),
    _gradient("leaks_and_own", ("graph",)),
    _gradient("total", change="total"),
    _gradient("summed", change="sums"),
    _gradient("no_step", change="no step"),
    _gradient("uphill", change="uphill"),
    Mutant(ch17.check_td_targets, "merged", _stepwise(lambda terminated, truncated: terminated or truncated)),
    Mutant(ch17.check_td_targets, "only_truncated", _stepwise(lambda terminated, truncated: truncated)),
    Mutant(ch17.check_td_targets, "never_ends", _stepwise(lambda terminated, truncated: False)),
    Mutant(ch17.check_td_targets, "both", _stepwise(lambda terminated, truncated: terminated and truncated)),
    Mutant(
        ch17.check_td_targets,
        "truncated_goes_on",
        _stepwise(lambda terminated, truncated: terminated and not truncated),
    ),
    Mutant(ch17.check_td_targets, "no_discount", _stepwise(lambda terminated, truncated: terminated, gamma=1.0)),
    Mutant(ch17.check_next_belief, "as_it_was", _belief("half", "ceil")),
    Mutant(ch17.check_next_belief, "half", _belief("half", "bayes")),
    Mutant(ch17.check_next_belief, "uniform", _belief("sure", "ceil")),
    Mutant(ch17.check_next_belief, "not_normalised", _belief("sure", "as it is")),
    Mutant(ch17.check_next_belief, "spread_evenly", _belief("sure", "spread")),
    Mutant(ch17.check_next_belief, "not_found_ignored", _belief("sure", "ignored")),
    Mutant(ch17.check_elite_mean, "as_it_was", _elites("argsort")),
    Mutant(ch17.check_elite_mean, "first_ones", _elites("lowest numbers")),
    Mutant(ch17.check_elite_mean, "worst", _elites("worst")),
    Mutant(ch17.check_elite_mean, "pooled", _elites("pooled")),
    Mutant(ch17.check_elite_mean, "of_the_first", _elites("first")),
    Mutant(ch17.check_elite_mean, "one_more", _elites("one more")),
    Mutant(ch17.check_elite_mean, "best_alone", _elites("best")),
    Mutant(ch17.check_elite_mean, "weighted", _elites("weighted")),
    Mutant(ch17.check_trusted, "trusts_all", lambda adapted: True),
    Mutant(ch17.check_trusted, "trusts_none", lambda adapted: False),
    _trusted("values_alone", derivative="values"),
    _trusted("a_cut_alone", derivative="is there"),
    _trusted("derivatives_alone", derivative="alone"),
    _trusted("one_call", settings=((0.2, 3),), leaves=False),
    _trusted("theta_moves", leaves=False),
    _trusted("remembers", settings=((0.2, 3),)),
    _trusted("one_setting", settings=((0.1, 1), (0.1, 1))),
    _trusted("one_step_size", settings=((0.1, 3), (0.1, 3))),
    _trusted("one_number_of_steps", settings=((0.2, 1), (0.4, 1), (0.2, 1))),
    Mutant(
        ch17.check_trusted,
        "no_curvature",
        lambda adapted: _test(settings=((0.2, 1), (0.4, 1), (0.2, 1)))(adapted) and _counts_steps(adapted),
    ),
    Mutant(ch17.check_trusted, "distrusts_a_right_one", _demanding),
    *(Mutant(ch17.check_claim, misconception, report) for misconception, report in project.MISCONCEIVED),
]
