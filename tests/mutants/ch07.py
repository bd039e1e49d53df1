"""Wrong answers to the exercises of chapter 07, written as a learner would write them."""

import torch
from attacks import ch07 as others
from attacks import ch07_experiments as report
from attacks import ch07_more as more
from attacks import ch07_projects as project
from torch.nn import functional as F

from metarl_core.check import ch07
from mutants import Mutant

# ---------------------------------------------------------------- draw_episode


def _images(images, ways, shots, queries, generator):
    drawn = torch.stack([torch.randperm(images, generator=generator)[: shots + queries] for _ in range(ways)])
    return drawn[:, :shots], drawn[:, shots:]


def _usable(scripts, allowed):
    return torch.tensor([i for i, script in enumerate(scripts) if script in allowed])


def _classes(scripts, allowed, ways, generator):
    usable = _usable(scripts, allowed)
    return usable[torch.randperm(len(usable), generator=generator)[:ways]]


def _any_letter(scripts, allowed, images, ways, shots, queries, generator):
    classes = torch.randperm(len(scripts), generator=generator)[:ways]
    return classes, *_images(images, ways, shots, queries, generator)


def _four_fifths_of_the_letters(scripts, allowed, images, ways, shots, queries, generator):
    """A random split of letters: the training part holds letters of every script."""
    train = torch.randperm(len(scripts), generator=torch.Generator().manual_seed(0))
    train = train[: max(ways, int(0.8 * len(scripts)))]
    classes = train[torch.randperm(len(train), generator=generator)[:ways]]
    return classes, *_images(images, ways, shots, queries, generator)


def _with_replacement(scripts, allowed, images, ways, shots, queries, generator):
    usable = _usable(scripts, allowed)
    classes = usable[torch.randint(len(usable), (ways,), generator=generator)]
    return classes, *_images(images, ways, shots, queries, generator)


def _two_draws(scripts, allowed, images, ways, shots, queries, generator):
    classes = _classes(scripts, allowed, ways, generator)
    support, _ = _images(images, ways, shots, 0, generator)
    query, _ = _images(images, ways, queries, 0, generator)
    return classes, support, query


def _forgets_the_generator(scripts, allowed, images, ways, shots, queries, generator):
    classes = _classes(scripts, allowed, ways, generator)
    return classes, *_images(images, ways, shots, queries, None)


def _sorted_classes(scripts, allowed, images, ways, shots, queries, generator):
    classes = _classes(scripts, allowed, ways, generator).sort().values
    return classes, *_images(images, ways, shots, queries, generator)


def _class_modulo_ways(scripts, allowed, images, ways, shots, queries, generator):
    """One class of each label: label = place among the allowed letters modulo N."""
    usable = _usable(scripts, allowed)
    # as even as this allows: each label picks among its own letters
    classes = []
    for label in range(ways):
        own = usable[torch.arange(len(usable)) % ways == label]
        classes.append(own[torch.randint(len(own), (1,), generator=generator)])
    return torch.cat(classes), *_images(images, ways, shots, queries, generator)


def _one_permutation_for_all(scripts, allowed, images, ways, shots, queries, generator):
    classes = _classes(scripts, allowed, ways, generator)
    drawn = torch.randperm(images, generator=generator)[: shots + queries].repeat(ways, 1)
    return classes, drawn[:, :shots], drawn[:, shots:]


def _first_images_support(scripts, allowed, images, ways, shots, queries, generator):
    classes = _classes(scripts, allowed, ways, generator)
    support = torch.arange(shots).repeat(ways, 1)
    rest = [shots + torch.randperm(images - shots, generator=generator)[:queries] for _ in range(ways)]
    return classes, support, torch.stack(rest)


def _script_first(scripts, allowed, images, ways, shots, queries, generator):
    """Each letter by drawing a script first: letters of small scripts come too often."""
    chosen = []
    while len(chosen) < ways:
        script = allowed[int(torch.randint(len(allowed), (), generator=generator))]
        own = [i for i, name in enumerate(scripts) if name == script]
        letter = own[int(torch.randint(len(own), (), generator=generator))]
        if letter not in chosen:
            chosen.append(letter)
    order = torch.randperm(ways, generator=generator)
    return torch.tensor(chosen)[order], *_images(images, ways, shots, queries, generator)


def _seeded_anew(scripts, allowed, images, ways, shots, queries, generator):
    generator.manual_seed(0)
    return _classes(scripts, allowed, ways, generator), *_images(images, ways, shots, queries, generator)


def _block_of_letters(scripts, allowed, images, ways, shots, queries, generator):
    """Neighbours in the listing, in random order."""
    usable = _usable(scripts, allowed)
    start = int(torch.randint(len(usable), (), generator=generator))
    block = usable.roll(-start)[:ways]
    return block[torch.randperm(ways, generator=generator)], *_images(images, ways, shots, queries, generator)


def _cyclic_labels(scripts, allowed, images, ways, shots, queries, generator):
    """Sorted classes, begun at a random place: every letter gets every label."""
    classes = _classes(scripts, allowed, ways, generator).sort().values
    classes = classes.roll(int(torch.randint(ways, (), generator=generator)))
    return classes, *_images(images, ways, shots, queries, generator)


def _same_support_numbers(scripts, allowed, images, ways, shots, queries, generator):
    """Support images drawn once for the episode, queries for each class."""
    classes = _classes(scripts, allowed, ways, generator)
    order = torch.randperm(images, generator=generator)
    rest = torch.stack([order[shots:][torch.randperm(images - shots, generator=generator)] for _ in range(ways)])
    return classes, order[:shots].repeat(ways, 1), rest[:, :queries]


def _shifted_images(scripts, allowed, images, ways, shots, queries, generator):
    """One permutation for the episode, shifted by one from class to class."""
    classes = _classes(scripts, allowed, ways, generator)
    order = torch.randperm(images, generator=generator)
    drawn = torch.stack([(order + k) % images for k in range(ways)])[:, : shots + queries]
    return classes, drawn[:, :shots], drawn[:, shots:]


def _lowest_queries(scripts, allowed, images, ways, shots, queries, generator):
    """Support at random; the first of the remaining images are the queries."""
    classes = _classes(scripts, allowed, ways, generator)
    drawn = [torch.randperm(images, generator=generator) for _ in range(ways)]
    rest = [order[shots:].sort().values[:queries] for order in drawn]
    return classes, torch.stack(drawn)[:, :shots], torch.stack(rest)


# ---------------------------------------------------------------- heads


def _means(features, labels, ways):
    return torch.stack([features[labels == k].mean(0) for k in range(ways)])


def _head(make):
    return lambda features, labels, ways: make(_means(features, labels, ways))


def _summed(features, labels, ways):
    sums = torch.stack([features[labels == k].sum(0) for k in range(ways)])
    return 2 * sums, -sums.pow(2).sum(1)


def _sliced(features, labels, ways):
    means = features.reshape(ways, len(labels) // ways, features.shape[1]).mean(1)
    return 2 * means, -means.pow(2).sum(1)


def _class_means_step(features, labels, ways, alpha):
    count = torch.bincount(labels, minlength=ways).double()[:, None]
    push = (F.one_hot(labels, ways).double() - 1 / ways).T
    return alpha * (push @ features) / count, alpha * push.sum(1) / count[:, 0]


def _by_autograd(features, labels, ways, alpha):
    weight = torch.zeros(ways, features.shape[1], dtype=features.dtype, requires_grad=True)
    bias = torch.zeros(ways, dtype=features.dtype, requires_grad=True)
    F.cross_entropy(F.linear(features, weight, bias), labels).backward()
    return -alpha * weight.grad, -alpha * bias.grad


def _step(features, labels, ways, alpha, change):
    gradient = (1 / ways - F.one_hot(labels, ways).double()) / len(labels)
    return change(gradient, features, alpha)


def _centred_only(features, labels, ways, alpha):
    weight = torch.stack([alpha * features[labels == k].sum(0) / len(labels) for k in range(ways)])
    return weight, alpha * torch.bincount(labels, minlength=ways).double() / len(labels)


def _scaled_prototypes(features, labels, ways, alpha):
    means = _means(features, labels, ways)
    return alpha * 2 * means, -alpha * means.pow(2).sum(1)


# ---------------------------------------------------------------- predict_all


def _standardise(x, mean, variance):
    return (x - mean) / torch.sqrt(variance + 1e-5)


def _predict(
    running=False, seen="support", judge="support", logits=lambda d: -d, correction=0,
    standardise=_standardise, raw=False, output=torch.log_softmax,
):  # fmt: skip
    def answer(tasks):
        result, mean, variance = [], 0.0, 1.0
        for support, labels, query, query_labels in tasks:
            batch = {"support": support, "all": torch.cat([support, query]), "own": support}[seen]
            new_mean, new_variance = batch.mean(0), batch.var(0, correction=correction)
            if running:
                mean, variance = 0.9 * mean + 0.1 * new_mean, 0.9 * variance + 0.1 * new_variance
            else:
                mean, variance = new_mean, new_variance
            s, q = standardise(support, mean, variance), standardise(query, mean, variance)
            s = support if raw else s
            if seen == "own":
                q = _standardise(query, query.mean(0), query.var(0, correction=0))
            x, y = {
                "support": (s, labels),
                "query": (q, query_labels),
                "all": (torch.cat([s, q]), torch.cat([labels, query_labels])),
            }[judge]
            centres = _means(x, y, int(labels.max()) + 1)
            result.append(output(logits(((q[:, None] - centres) ** 2).sum(-1)), 1))
        return torch.stack(result)

    return answer


# ---------------------------------------------------------------- standard_errors


def _binomial(correct):
    p = correct.double().mean((1, 2))
    each = (p * (1 - p) / correct[0].numel()).sqrt()
    every = correct.double().mean()
    return {"network": each, "method": (every * (1 - every) / correct.numel()).sqrt()}


def _tasks_everywhere(correct):
    share = correct.double().mean(2)
    return {"network": share.std(1) / share.shape[1] ** 0.5, "method": share.std() / share.numel() ** 0.5}


def _task_means(correct):
    share = correct.double().mean(2)
    return {"network": share.std(1) / share.shape[1] ** 0.5, "method": share.mean(0).std() / share.shape[1] ** 0.5}


def _answers_for_method(correct):
    share = correct.double().mean(2)
    return {
        "network": share.std(1) / share.shape[1] ** 0.5,
        "method": correct.double().std() / correct.numel() ** 0.5,
    }


def _averaged(correct):
    share = correct.double().mean(2)
    each = share.std(1) / share.shape[1] ** 0.5
    return {"network": each, "method": each.mean()}


def _deviations(correct):
    share = correct.double().mean(2)
    return {"network": share.std(1), "method": share.mean(1).std()}


def _by_n(correct):
    share = correct.double().mean(2)
    s, t = share.shape
    return {"network": share.std(1, correction=0) / t**0.5, "method": share.mean(1).std(correction=0) / s**0.5}


def _colleagues(known=True, split=True, choose=True):
    """The colleague's code, with some of its bugs."""

    def answer(tasks):
        found, statistics = [], {}
        for support, labels, query, query_labels in tasks:
            key = support.shape if known else len(found)
            mean, variance = statistics.setdefault(key, (support.mean(0), support.var(0, unbiased=False)))
            near, far = ((part - mean) / (variance + 1e-5) ** 0.5 for part in (support, query))
            n = int(labels.max()) + 1
            parts = near.tensor_split(n) if split else [near[labels == k] for k in range(n)]
            offset = far.unsqueeze(1) - torch.stack([part.mean(0) for part in parts])
            ways = [(-d).log_softmax(1) for d in (offset.square().sum(2), offset.abs().sum(2), offset.abs().amax(2))]
            best = max(ways, key=lambda w: int((w.argmax(1) == query_labels).sum())) if choose else ways[0]
            found.append(best)
        return torch.stack(found)

    return answer


# ---------------------------------------------------------------- the experiment


def _experiment(misconception, answer):
    return Mutant(ch07.check_training_ways, misconception, answer)


def _stepped(misconception, change):
    return Mutant(ch07.check_head_after_one_step, misconception, lambda f, y, n, alpha: _step(f, y, n, alpha, change))


MUTANTS = [
    Mutant(ch07.check_draw_episode, "split_by_class", _any_letter),
    Mutant(ch07.check_draw_episode, "split_by_class", _four_fifths_of_the_letters),
    Mutant(ch07.check_draw_episode, "class_twice", _with_replacement),
    Mutant(ch07.check_draw_episode, "support_in_query", _two_draws),
    Mutant(ch07.check_draw_episode, "global_random", _forgets_the_generator),
    Mutant(ch07.check_draw_episode, "labels_fixed", _sorted_classes),
    Mutant(ch07.check_draw_episode, "labels_fixed", _class_modulo_ways),
    Mutant(ch07.check_draw_episode, "same_images", _one_permutation_for_all),
    Mutant(ch07.check_draw_episode, "first_images", _first_images_support),
    Mutant(ch07.check_draw_episode, "uneven_classes", _script_first),
    Mutant(ch07.check_draw_episode, "uneven_choices", _block_of_letters),
    Mutant(ch07.check_draw_episode, "uneven_choices", _cyclic_labels),
    Mutant(ch07.check_draw_episode, "same_episode", _seeded_anew),
    Mutant(ch07.check_draw_episode, "shared_images", _same_support_numbers),
    Mutant(ch07.check_draw_episode, "shared_images", _shifted_images),
    Mutant(ch07.check_draw_episode, "first_images", _lowest_queries),
    Mutant(ch07.check_prototype_head, "no_bias", _head(lambda c: (2 * c, torch.zeros_like(c[:, 0])))),
    Mutant(ch07.check_prototype_head, "factor_two", _head(lambda c: (c, -(c.norm(dim=1) ** 2)))),
    Mutant(ch07.check_prototype_head, "temperature", _head(lambda c: (c, -0.5 * c.norm(dim=1) ** 2))),
    Mutant(ch07.check_prototype_head, "sign", _head(lambda c: (-2 * c, c.norm(dim=1) ** 2))),
    Mutant(ch07.check_prototype_head, "bias_sign", _head(lambda c: (2 * c, c.norm(dim=1) ** 2))),
    Mutant(ch07.check_prototype_head, "norm_not_squared", _head(lambda c: (2 * c, -c.norm(dim=1)))),
    Mutant(ch07.check_prototype_head, "sum_not_mean", _summed),
    Mutant(ch07.check_prototype_head, "in_order", _sliced),
    Mutant(ch07.check_head_after_one_step, "class_term_only", _centred_only),
    _stepped("uphill", lambda g, f, alpha: (alpha * g.T @ f, alpha * g.sum(0))),
    _stepped("sum_not_mean", lambda g, f, alpha: (-alpha * len(f) * g.T @ f, -alpha * len(f) * g.sum(0))),
    _stepped("bias_stays", lambda g, f, alpha: (-alpha * g.T @ f, torch.zeros_like(g[0]))),
    Mutant(ch07.check_head_after_one_step, "prototypes", _scaled_prototypes),
    _stepped("step_size_ignored", lambda g, f, alpha: (-g.T @ f, -g.sum(0))),
    Mutant(ch07.check_head_after_one_step, "mean_of_class", _class_means_step),
    Mutant(ch07.check_head_after_one_step, "by_autograd", _by_autograd),
    Mutant(ch07.check_predict_all, "as_it_was", _colleagues()),
    Mutant(ch07.check_predict_all, "by_position", _colleagues(known=False, choose=False)),
    Mutant(ch07.check_predict_all, "metric_of_the_queries", _colleagues(known=False, split=False)),
    Mutant(ch07.check_predict_all, "statistics_of_other_tasks", _colleagues(split=False, choose=False)),
    Mutant(ch07.check_predict_all, "query_prototypes", _predict(judge="all")),
    Mutant(ch07.check_predict_all, "query_prototypes", _predict(judge="query")),
    Mutant(ch07.check_predict_all, "running_statistics", _predict(running=True)),
    Mutant(ch07.check_predict_all, "joint_statistics", _predict(seen="all")),
    Mutant(ch07.check_predict_all, "query_statistics", _predict(seen="own")),
    Mutant(ch07.check_predict_all, "two_left", _colleagues(known=False)),
    Mutant(ch07.check_predict_all, "two_left", _colleagues(split=False)),
    Mutant(ch07.check_predict_all, "two_left", _colleagues(choose=False)),
    Mutant(ch07.check_predict_all, "sign", _predict(logits=lambda d: d)),
    Mutant(ch07.check_predict_all, "not_squared", _predict(logits=lambda d: -d.sqrt())),
    Mutant(ch07.check_predict_all, "other_variance", _predict(correction=1)),
    Mutant(ch07.check_predict_all, "no_epsilon", _predict(standardise=lambda x, m, v: (x - m) / v.sqrt())),
    Mutant(
        ch07.check_predict_all, "epsilon_outside", _predict(standardise=lambda x, m, v: (x - m) / (v.sqrt() + 1e-5))
    ),
    Mutant(ch07.check_predict_all, "not_logarithms", _predict(output=torch.softmax)),
    Mutant(ch07.check_predict_all, "raw_prototypes", _predict(raw=True)),
    Mutant(ch07.check_standard_errors, "over_queries", _binomial),
    Mutant(ch07.check_standard_errors, "queries_for_method", _answers_for_method),
    Mutant(ch07.check_standard_errors, "averaged_errors", _averaged),
    Mutant(ch07.check_standard_errors, "tasks_for_method", _tasks_everywhere),
    Mutant(ch07.check_standard_errors, "tasks_for_method", _task_means),
    Mutant(ch07.check_standard_errors, "deviation", _deviations),
    Mutant(ch07.check_standard_errors, "divide_by_n", _by_n),
    _experiment("few_seeds", report._four_seeds),
    _experiment("seed_twice", report._a_seed_again),
    _experiment("copied", report._one_training_for_all),
    _experiment("few_tasks", report._hundred_tasks),
    _experiment("no_shares", report._per_cent),
    _experiment("exchanged", report._columns_exchanged),
    _experiment("measured_on_training", report._measured_on_training),
    _experiment("other_accuracies", report._of_another_seed),
    _experiment("turned", report._other_sign),
    _experiment("unpaired", report._two_groups),
    _experiment("extremes", report._lowest_and_highest),
    _experiment("pooled_episodes", report._every_task),
    _experiment("standard_deviation", report._deviation),
    _experiment("standard_error", report._error),
    _experiment("normal_interval", report._normal),
    _experiment("divides_by_n", report._biased),
    _experiment("off_centre", report._another_middle),
    _experiment("one_sided", report._ninety_percent),
    _experiment("too_narrow", report._eighty_percent),
    _experiment("too_wide", report._ninety_nine),
    _experiment("not_an_interval", report._upside_down),
    _experiment("says_too_much", report._winner_all_the_same),
    _experiment("says_too_little", report._lucky_seeds_and_doubt),
    _experiment("wrong_winner", report._lucky_seeds_and_the_loser),
    _experiment("pair_over_trainings", report._pair_of_all),
    _experiment("pair_over_queries", report._pair_of_answers),
    _experiment("pair_interval", report._pair_of_another_seed),
    _experiment("pair_conclusion", report._pair_not_told),
    _experiment("pairs_miscounted", report._higher_means_counted),
    _experiment("not_repeated", report._both_of_ten_letters),
]

# ---------------------------------------------------------------- answers that are attacks, too

ALSO = {
    ch07.check_prototype_head: {
        "mean_of_squares": others._mean_of_squares,
        "mean_over_features": others._norm_over_classes,
        "equal_counts": others._equal_counts,
        "unit_length": others._normalised_means,
    },
    ch07.check_head_after_one_step: {
        "bias_without_alpha": others._bias_not_scaled,
        "bias_summed": others._bias_summed,
        "mean_over_classes": others._mean_over_classes_too,
        "equal_counts": others._equal_counts_step,
    },
    ch07.check_predict_all: {
        "statistics_of_other_tasks": others._all_supports_together,
        "one_scale": others._one_scale,
        "not_scaled": others._no_scaling,
        "mean_distance": others._mean_over_features,
        "over_queries": others._softmax_over_queries,
    },
    ch07.check_standard_errors: {
        "variances": others._variances,
        "half_intervals": others._intervals,
        "other_root": others._root_of_the_other,
        "propagated_errors": others._combined_error,
    },
}

RECENT = {
    ch07.check_draw_episode: {
        "few_episodes": more._sixteen_episodes,
        "uneven_images": more._query_images_after_the_support_images,
    },
    ch07.check_prototype_head: {
        "class_frequencies": more._with_class_frequencies,
        "another_origin": more._bias_of_the_centred_only,
    },
    ch07.check_head_after_one_step: {
        "sum_not_mean": more._gradient_of_the_sum,
        "mean_of_class": more._by_class_size,
        "frequencies_predicted": more._frequencies_as_prediction,
        "half_predicted": more._as_for_two_classes,
    },
    ch07.check_predict_all: {
        "absolute": more._absolute_distance,
        "own_query": more._one_query_helps,
        "statistics_of_means": more._statistics_of_the_means,
        "logarithm_of_rounded": more._log_of_softmax,
    },
    ch07.check_standard_errors: {
        "root_of_one_less": more._root_of_one_less,
        "one_for_all_networks": more._one_for_all_networks,
        "both_parts": more._both_parts,
    },
}

MUTANTS += [
    Mutant(check, misconception, answer)
    for both in (ALSO, RECENT)
    for check, answers in both.items()
    for misconception, answer in answers.items()
]

MUTANTS += [Mutant(ch07.check_project, name, answer) for name, answer in project.MISCONCEIVED]
