"""Wrong answers to the exercises of chapter 03, written as a learner would write them."""

import math

import torch
from attacks import Made
from attacks import ch03 as attack
from attacks import ch03_more as more
from attacks import ch03_reports as report
from attacks import ch03_third as third
from attacks import ch03_variants as variant

from metarl_core.check import ch03
from mutants import Mutant


def _put(ring, slots, new):
    ring = ring.clone()
    for time in range(new.shape[1]):
        ring[torch.arange(len(ring)), slots[:, time]] = new[:, time]
    return ring


def _write_stuck(ring, written, new):
    slots = torch.minimum(written[:, None] + torch.arange(new.shape[1]), torch.tensor(ring.shape[1] - 1))
    return _put(ring, slots, new), written + new.shape[1]


def _write_late(ring, written, new):
    return _put(ring, (written[:, None] + 1 + torch.arange(new.shape[1])) % ring.shape[1], new), written + new.shape[1]


def _write_short(ring, written, new):
    slots = (written[:, None] + torch.arange(new.shape[1])) % max(1, ring.shape[1] - 1)
    return _put(ring, slots, new), written + new.shape[1]


def _write_no_modulo(ring, written, new):
    return _put(ring, written[:, None] + torch.arange(new.shape[1]), new), written + new.shape[1]


def _write_shifts(ring, written, new):
    rows = [(own.tolist() + more.tolist())[-ring.shape[1] :] for own, more in zip(ring, new, strict=True)]
    return torch.tensor(rows, dtype=ring.dtype), written + new.shape[1]


def _write_from_zero(ring, written, new):
    ring = ring.clone()
    ring[:, : new.shape[1]] = new
    return ring, written + new.shape[1]


def _write_newest_first(ring, written, new):
    slots = (written[:, None] + torch.arange(new.shape[1] - 1, -1, -1)) % ring.shape[1]
    return _put(ring, slots, new), written + new.shape[1]


def _right_slots(ring, written, new):
    return (written[:, None] + torch.arange(new.shape[1])) % ring.shape[1]


def _write_capped(ring, written, new):
    count = torch.minimum(written + new.shape[1], torch.tensor(ring.shape[1]))
    return _put(ring, _right_slots(ring, written, new), new), count


def _write_forgets(ring, written, new):
    return _put(ring, _right_slots(ring, written, new), new), written.clone()


def _write_one_clock(ring, written, new):
    ring, first = ring.clone(), int(written[0])
    for time in range(new.shape[1]):
        ring[:, (first + time) % ring.shape[1]] = new[:, time]
    return ring, written + new.shape[1]


def _pick(ring, filled, size, generator):
    draws = torch.rand((len(ring), size), generator=generator, dtype=torch.float64)
    return ring.gather(1, (draws * filled[:, None]).long())


def _sample_whole_ring(ring, written, size, generator):
    return ring.gather(1, torch.randint(ring.shape[1], (len(ring), size), generator=generator))


def _sample_no_clamp(ring, written, size, generator):
    return _pick(ring, written, size, generator)


def _sample_without_newest(ring, written, size, generator):
    return _pick(ring, written.clamp(max=ring.shape[1]) - 1, size, generator)


def _sample_common_part(ring, written, size, generator):
    filled = int(written.clamp(max=ring.shape[1]).min())
    return ring.gather(1, torch.randint(filled, (len(ring), size), generator=generator))


def _sample_flat(ring, written, size, generator):
    flat = ring[torch.arange(ring.shape[1]) < written[:, None]]  # all that has been written, by anyone
    return flat[torch.randint(len(flat), (len(ring), size), generator=generator)]


def _sample_global(ring, written, size, generator):
    return _pick(ring, written.clamp(max=ring.shape[1]), size, None)


def _sample_fixed_seed(ring, written, size, generator):
    return _pick(ring, written.clamp(max=ring.shape[1]), size, torch.Generator().manual_seed(0))


def _sample_one_for_all(ring, written, size, generator):
    draws = torch.rand(size, generator=generator, dtype=torch.float64)
    return ring.gather(1, (draws * written.clamp(max=ring.shape[1])[:, None]).long())


def _sample_shuffles(ring, written, size, generator):
    rows = []
    for own, count in zip(ring, written.clamp(max=ring.shape[1]).tolist(), strict=True):
        order = [torch.randperm(count, generator=generator) for _ in range(-(-size // count))]
        rows.append(own[torch.cat(order)[:size]])
    return torch.stack(rows)


def _sample_own_generator(ring, written, size, generator):
    return _pick(ring, written.clamp(max=ring.shape[1]), size, torch.Generator().manual_seed(generator.initial_seed()))


def _sample_scaled(ring, written, size, generator):
    return _pick(ring, written.clamp(max=ring.shape[1]), size, generator) / ring.abs().max()


def _sample_rounds(ring, written, size, generator):
    filled = written.clamp(max=ring.shape[1]) - 1
    draws = torch.rand((len(ring), size), generator=generator, dtype=torch.float64)
    return ring.gather(1, (draws * filled[:, None]).round().long())  # the two ends get half


def _error(online, target, batch, discount):
    state, action, reward, following, terminated = batch
    y = reward + discount * (1 - terminated.float()) * target[following].max(-1).values
    return y - online[state, action]


def _learn_aliased(start, batches, discount, rate, period):
    online = start.clone()
    target = online
    for count, batch in enumerate(batches, 1):
        online.index_put_(batch[:2], rate * _error(online, target, batch, discount), accumulate=True)
        if count % period == 0:
            target = online
    return online, target


def _learn_frozen(start, batches, discount, rate, period):
    online, target, updates = start.clone(), start.clone(), 0
    for batch in batches:
        online.index_put_(batch[:2], rate * _error(online, target, batch, discount), accumulate=True)
        if updates > 0 and updates % period == 0:
            target = online.clone()
            updates += 1
    return online, target


def _learn_each(start, batches, discount, rate, period):
    online, target = start.clone(), start.clone()
    for batch in batches:
        online.index_put_(batch[:2], rate * _error(online, target, batch, discount), accumulate=True)
        target = online.clone()
    return online, target


def _learn_from_zero(start, batches, discount, rate, period):
    online, target = start.clone(), start.clone()
    for count, batch in enumerate(batches):
        online.index_put_(batch[:2], rate * _error(online, target, batch, discount), accumulate=True)
        if count % period == 0:
            target = online.clone()
    return online, target


def _learn_copies_early(start, batches, discount, rate, period):
    online, target = start.clone(), start.clone()
    for count, batch in enumerate(batches, 1):
        if count % period == 0:
            target = online.clone()
        online.index_put_(batch[:2], rate * _error(online, target, batch, discount), accumulate=True)
    return online, target


def _learn_plus_equals(start, batches, discount, rate, period):
    online, target = start.clone(), start.clone()
    for count, batch in enumerate(batches, 1):
        online[batch[0], batch[1]] += rate * _error(online, target, batch, discount)
        if count % period == 0:
            target = online.clone()
    return online, target


def _learn_copies_once(start, batches, discount, rate, period):
    online, target = start.clone(), start.clone()
    for count, batch in enumerate(batches, 1):
        online.index_put_(batch[:2], rate * _error(online, target, batch, discount), accumulate=True)
        if count == period:
            target = online.clone()
    return online, target


def _learn_variant(error, rows=lambda batch: [batch], scale=lambda batch: 1.0):
    def answer(start, batches, discount, rate, period):
        online, target = start.clone(), start.clone()
        for count, batch in enumerate(batches, 1):
            for part in rows(batch):
                change = rate * scale(part) * error(online, target, part, discount)
                online.index_put_(part[:2], change, accumulate=True)
            if count % period == 0:
                target = online.clone()
        return online, target

    return answer


def _single_rows(batch):
    return [tuple(part[row : row + 1] for part in batch) for row in range(len(batch[0]))]


def _error_without_end(online, target, batch, discount):
    return _error(online, target, (*batch[:-1], torch.zeros_like(batch[-1])), discount)


def _plan(**changes):
    right = {
        "changes_per_variant": 1,
        "seeds": 5,
        "step_size": ch03.OWN_STEP_SIZE,
        "measured_on": ch03.GREEDY,
        "reported": ch03.LAST,
        "budget": ch03.STEPS,
        "if_intervals_overlap": ch03.NO_EVIDENCE,
    }
    return {**right, **changes}


def _normal_tail(x):
    return 0.5 * math.erfc(x / math.sqrt(2))


_TAIL = _normal_tail(1 / math.sqrt(2))
_SINGLE = -1 + (1 - _TAIL) + math.sqrt(2) * math.exp(-0.25) / math.sqrt(2 * math.pi)


def _write_one_a_call(ring, written, new):
    if new.shape[1] == 0:
        return ring.clone(), written + 1
    ring = ring.clone()
    ring[torch.arange(len(ring)), written % ring.shape[1]] = new[:, 0]
    return ring, written + 1


MUTANTS = [
    Mutant(ch03.check_comparison, "few_seeds", report._four_seeds),
    Mutant(ch03.check_comparison, "seed_twice", report._a_seed_again),
    Mutant(ch03.check_comparison, "copied", report._one_agent_for_all),
    Mutant(ch03.check_comparison, "not_trained", report._never_trained),
    Mutant(ch03.check_comparison, "few_episodes", report._ten_episodes),
    Mutant(ch03.check_comparison, "exchanged", report._columns_exchanged),
    Mutant(ch03.check_comparison, "without_exploration", report._greedy_episodes),
    Mutant(ch03.check_comparison, "higher_than_earned", report._the_best_evaluation),
    Mutant(ch03.check_comparison, "lower_than_earned", report._while_learning),
    Mutant(ch03.check_comparison, "kinds_exchanged", Made(third._kinds_exchanged)),
    Mutant(ch03.check_comparison, "another_target", Made(third._more_exploration_in_the_target)),
    Mutant(ch03.check_comparison, "no_returns", Made(third._invented_episodes)),
    Mutant(ch03.check_comparison, "beyond_the_best", report._too_good),
    Mutant(ch03.check_comparison, "other_spread", report._means_for_episodes),
    Mutant(ch03.check_comparison, "turned", report._other_sign),
    Mutant(ch03.check_comparison, "unpaired", report._two_groups),
    Mutant(ch03.check_comparison, "extremes", report._lowest_and_highest),
    Mutant(ch03.check_comparison, "pooled_episodes", report._every_episode),
    Mutant(ch03.check_comparison, "standard_deviation", report._deviation),
    Mutant(ch03.check_comparison, "standard_error", report._error),
    Mutant(ch03.check_comparison, "normal_interval", report._normal),
    Mutant(ch03.check_comparison, "divides_by_n", report._biased),
    Mutant(ch03.check_comparison, "off_centre", report._around_another_middle),
    Mutant(ch03.check_comparison, "one_sided", report._ninety_percent),
    Mutant(ch03.check_comparison, "too_narrow", report._eighty_percent),
    Mutant(ch03.check_comparison, "too_wide", report._ninety_nine),
    Mutant(ch03.check_comparison, "not_an_interval", report._upside_down),
    Mutant(ch03.check_comparison, "says_too_much", report._nothing_shown),
    Mutant(ch03.check_comparison, "says_too_little", report._too_careful),
    Mutant(ch03.check_comparison, "wrong_winner", report._wrong_winner),
    Mutant(ch03.check_expected_target, "sampled", variant._draws_the_action),
    Mutant(ch03.check_expected_target, "not_detached", variant._keeps_the_graph),
    Mutant(ch03.check_expected_target, "greedy_only", variant._as_printed),
    Mutant(ch03.check_expected_target, "uniform_only", variant._always_random),
    Mutant(ch03.check_expected_target, "probabilities_beyond_one", variant._whole_greedy_part),
    Mutant(ch03.check_expected_target, "probabilities_below_one", variant._no_exploring_part),
    Mutant(ch03.check_expected_target, "epsilon_turned", variant._turned),
    Mutant(ch03.check_expected_target, "epsilon_for_each", variant._sum_over_actions),
    Mutant(ch03.check_expected_target, "explores_elsewhere", variant._others_share_epsilon),
    Mutant(ch03.check_expected_target, "explores_by_online", variant._explores_by_online),
    Mutant(ch03.check_expected_target, "softmax_policy", variant._by_softmax),
    Mutant(ch03.check_expected_target, "no_termination", variant._ignores_ends),
    Mutant(ch03.check_expected_target, "truncation_as_termination", variant._done),
    Mutant(ch03.check_expected_target, "truncation_wins", variant._limit_wins),
    Mutant(ch03.check_expected_target, "flags_swapped", variant._limit_only),
    Mutant(ch03.check_expected_target, "flags_inverted", variant._turned_flags),
    Mutant(ch03.check_expected_target, "ends_only_where_both", variant._both_flags),
    Mutant(ch03.check_expected_target, "wrong_axis", variant._argmax_over_rows),
    Mutant(ch03.check_expected_target, "roles_swapped", variant._swapped_networks),
    Mutant(ch03.check_expected_target, "single_estimate", variant._target_chooses),
    Mutant(ch03.check_expected_target, "no_target_network", variant._online_alone),
    Mutant(ch03.check_expected_target, "greedy_by_online", variant._online_for_greedy),
    Mutant(ch03.check_expected_target, "one_choice_for_all", variant._everyone_the_same),
    Mutant(ch03.check_expected_target, "reward_lost", variant._ends_pay_nothing),
    Mutant(ch03.check_expected_target, "undiscounted", variant._no_gamma),
    Mutant(ch03.check_expected_target, "discounts_the_reward", variant._gamma_before_all),
    Mutant(ch03.check_expected_target, "worst_action", variant._least_liked),
    Mutant(ch03.check_ring_write, "stuck_at_the_end", _write_stuck),
    Mutant(ch03.check_ring_write, "beyond_the_end", _write_no_modulo),
    Mutant(ch03.check_ring_write, "queue", _write_shifts),
    Mutant(ch03.check_ring_write, "from_the_start", _write_from_zero),
    Mutant(ch03.check_ring_write, "newest_first", _write_newest_first),
    Mutant(ch03.check_ring_write, "off_by_one", _write_late),
    Mutant(ch03.check_ring_write, "short_ring", _write_short),
    Mutant(ch03.check_ring_write, "capped_count", _write_capped),
    Mutant(ch03.check_ring_write, "count_forgotten", _write_forgets),
    Mutant(ch03.check_ring_write, "one_clock", _write_one_clock),
    Mutant(ch03.check_ring_sample, "unwritten", _sample_whole_ring),
    Mutant(ch03.check_ring_sample, "beyond_the_ring", _sample_no_clamp),
    Mutant(ch03.check_ring_sample, "never_drawn", _sample_without_newest),
    Mutant(ch03.check_ring_sample, "never_drawn", _sample_common_part),
    Mutant(ch03.check_ring_sample, "mixes_learners", _sample_flat),
    Mutant(ch03.check_ring_sample, "not_reproducible", _sample_global),
    Mutant(ch03.check_ring_sample, "always_the_same", _sample_fixed_seed),
    Mutant(ch03.check_ring_sample, "calls_alike", _sample_own_generator),
    Mutant(ch03.check_ring_sample, "made_up", _sample_scaled),
    Mutant(ch03.check_ring_sample, "one_draw_for_all", _sample_one_for_all),
    Mutant(ch03.check_ring_sample, "without_replacement", _sample_shuffles),
    Mutant(ch03.check_ring_sample, "uneven", _sample_rounds),
    Mutant(ch03.check_learn_with_target, "shared_memory", _learn_aliased),
    Mutant(ch03.check_learn_with_target, "never_synchronised", _learn_frozen),
    Mutant(ch03.check_learn_with_target, "shared_memory", _learn_each),
    Mutant(ch03.check_learn_with_target, "counts_from_zero", _learn_from_zero),
    Mutant(ch03.check_learn_with_target, "copy_before_update", _learn_copies_early),
    Mutant(ch03.check_learn_with_target, "first_copy_only", _learn_copies_once),
    Mutant(ch03.check_learn_with_target, "target_unused", _learn_variant(lambda q, old, *rest: _error(q, q, *rest))),
    Mutant(ch03.check_learn_with_target, "row_by_row", _learn_variant(_error, _single_rows)),
    Mutant(ch03.check_learn_with_target, "averages", _learn_variant(_error, scale=lambda b: 1 / len(b[0]))),
    Mutant(ch03.check_learn_with_target, "ignores_termination", _learn_variant(_error_without_end)),
    Mutant(ch03.check_learn_with_target, "repeated_pairs", _learn_plus_equals),
    Mutant(ch03.check_bias_equal, "unbiased", 0.0),
    Mutant(ch03.check_bias_equal, "no_half", 6 / math.sqrt(math.pi)),
    Mutant(ch03.check_bias_equal, "one_estimates_noise", 3 / math.sqrt(2 * math.pi)),
    Mutant(ch03.check_bias_equal, "standard_deviation_one", 1 / math.sqrt(math.pi)),
    Mutant(ch03.check_bias_equal, "variance", 9 / math.sqrt(math.pi)),
    Mutant(ch03.check_bias_single, "as_if_equal", 1 / math.sqrt(math.pi)),
    Mutant(ch03.check_bias_single, "no_half", 2 / math.sqrt(math.pi)),
    Mutant(ch03.check_bias_single, "double", -_TAIL),
    Mutant(ch03.check_bias_single, "unbiased", 0.0),
    Mutant(ch03.check_bias_double, "sign", _TAIL),
    Mutant(ch03.check_bias_double, "unbiased", 0.0),
    Mutant(ch03.check_bias_double, "one_estimates_noise", -_normal_tail(1.0)),
    Mutant(ch03.check_bias_double, "coin", -0.5),
    Mutant(ch03.check_bias_double, "single", _SINGLE),
    Mutant(ch03.check_plan, "several_at_once", _plan(changes_per_variant=3)),
    Mutant(ch03.check_plan, "several_at_once", _plan(changes_per_variant=0)),
    Mutant(ch03.check_plan, "few_seeds", _plan(seeds=3)),
    Mutant(ch03.check_plan, "tuned_for_one", _plan(step_size=ch03.SAME_STEP_SIZE)),
    Mutant(ch03.check_plan, "exploring", _plan(measured_on=ch03.IN_TRAINING)),
    Mutant(ch03.check_plan, "best_checkpoint", _plan(reported=ch03.BEST)),
    Mutant(ch03.check_plan, "unequal_budget", _plan(budget=ch03.UNTIL_SOLVED)),
    Mutant(ch03.check_plan, "absence_of_evidence", _plan(if_intervals_overlap=ch03.NO_EFFECT)),
    Mutant(ch03.check_ring_write, "count_modulo", more._counts_modulo_n),
    Mutant(ch03.check_ring_write, "counts_calls", more._counts_calls),
    Mutant(ch03.check_ring_write, "counts_new_only", attack._counts_of_new_only),
    Mutant(ch03.check_ring_write, "first_only", more._only_the_first),
    Mutant(ch03.check_ring_write, "first_only_counted", _write_one_a_call),
    Mutant(ch03.check_ring_write, "last_only", attack._one_transition_a_call),
    Mutant(ch03.check_ring_write, "first_learners_transitions", attack._first_rows_of_new),
    Mutant(ch03.check_ring_write, "full_takes_nothing", more._stops_when_full),
    Mutant(ch03.check_ring_write, "forgets_the_rest", more._forgets_the_old),
    Mutant(ch03.check_ring_write, "fastest_clock", attack._fastest_learner_for_all),
    Mutant(ch03.check_ring_sample, "changes_the_ring", more._shuffles_the_ring),
    Mutant(ch03.check_ring_sample, "in_order", more._sorted_draws),
    Mutant(ch03.check_ring_sample, "neighbours", more._a_run_of_neighbours),
    Mutant(ch03.check_ring_sample, "repeats", attack._one_draw_repeated),
    Mutant(ch03.check_ring_sample, "dependent_draws", more._mirrored_draws),
    Mutant(ch03.check_learn_with_target, "copy_between", more._copies_before_the_update),
    Mutant(ch03.check_learn_with_target, "copies_late", more._copies_one_late),
    Mutant(ch03.check_learn_with_target, "period_and_one", attack._period_plus_one),
    Mutant(ch03.check_learn_with_target, "shared_after_a_copy", more._alias_again),
    Mutant(ch03.check_learn_with_target, "soft_copy", more._soft_copies),
    Mutant(ch03.check_learn_with_target, "counts_rows", more._counts_rows),
    Mutant(ch03.check_learn_with_target, "returns_online", more._returns_online_twice),
    Mutant(ch03.check_learn_with_target, "returns_swapped", more._target_first),
    Mutant(ch03.check_learn_with_target, "double_dqn", more._double_q),
    Mutant(ch03.check_learn_with_target, "mean_over_actions", more._sarsa_mean),
    Mutant(ch03.check_learn_with_target, "largest_of_the_table", attack._largest_of_the_table),
    Mutant(ch03.check_learn_with_target, "clips_errors", more._clips_the_error),
    Mutant(ch03.check_learn_with_target, "twice_as_far", more._gradient_of_the_square),
    Mutant(ch03.check_learn_with_target, "wrong_way", _learn_variant(_error, scale=lambda b: -1)),
    Mutant(ch03.check_learn_with_target, "skips_terminated", more._skips_the_ends),
    Mutant(ch03.check_bias_equal, "sign", -3 / math.sqrt(math.pi)),
    Mutant(ch03.check_bias_equal, "sigma", 3),
    Mutant(ch03.check_bias_equal, "difference", 3 * math.sqrt(2)),
    Mutant(ch03.check_bias_equal, "mean_size", 3 * math.sqrt(2 / math.pi)),
    Mutant(ch03.check_bias_single, "sign", -_SINGLE),
    Mutant(ch03.check_bias_single, "above_the_worse", 1 + _SINGLE),
    Mutant(ch03.check_bias_single, "one_estimates_noise", 0.0833155),
    Mutant(ch03.check_bias_single, "size_of_double", _TAIL),
    Mutant(ch03.check_bias_single, "gap", -1),
    Mutant(ch03.check_bias_double, "right_choices", _TAIL - 1),
    Mutant(ch03.check_bias_double, "minus_single", -_SINGLE),
    Mutant(ch03.check_bias_double, "half", -_TAIL / 2),
    Mutant(ch03.check_bias_double, "always_wrong", -1),
]
