"""Wrong answers to the exercises of chapter 04, written as a learner would write them."""

import math

import torch
from attacks import ch04 as attack
from attacks import ch04_more as more

from metarl_core.check import ch04
from mutants import Mutant


def _sweep(delta, decay, goes_on):
    columns, running = [], torch.zeros_like(delta[:, 0])
    for t in range(delta.shape[1] - 1, -1, -1):
        running = delta[:, t] + decay * goes_on[:, t] * running
        columns.insert(0, running)
    return torch.stack(columns, 1)


def _shifted(values, last):
    return torch.cat([values[:, 1:], last[:, None]], 1)


def _gae_done(rewards, values, final, terminated, truncated, discount, gae_lambda):
    going = (~(terminated | truncated)).double()  # the old Gym's "done"
    return _sweep(rewards + discount * going * _shifted(values, final) - values, discount * gae_lambda, going)


def _gae_no_termination(rewards, values, final, terminated, truncated, discount, gae_lambda):
    going = (~(terminated | truncated)).double()
    return _sweep(rewards + discount * _shifted(values, final) - values, discount * gae_lambda, going)


def _gae_across(rewards, values, final, terminated, truncated, discount, gae_lambda):
    delta = rewards + discount * (~terminated).double() * _shifted(values, final) - values
    return _sweep(delta, discount * gae_lambda, torch.ones_like(delta))


def _gae_past_truncation(rewards, values, final, terminated, truncated, discount, gae_lambda):
    going = (~terminated).double()
    return _sweep(rewards + discount * going * _shifted(values, final) - values, discount * gae_lambda, going)


def _gae_with(decay, first=None):
    def answer(rewards, values, final, terminated, truncated, discount, gae_lambda):
        delta = (
            rewards + (first or (lambda g, l: g))(discount, gae_lambda) * ~terminated * _shifted(values, final) - values
        )
        return _sweep(delta, decay(discount, gae_lambda), (~(terminated | truncated)).double())

    return answer


def _gae_same_column(rewards, values, final, terminated, truncated, discount, gae_lambda):
    going = (~(terminated | truncated)).double()
    return _sweep(rewards + discount * ~terminated * values - values, discount * gae_lambda, going)


def _gae_no_final(rewards, values, final, terminated, truncated, discount, gae_lambda):
    following = torch.zeros_like(values)
    following[:, :-1] = values[:, 1:]
    delta = rewards + discount * following * ~terminated - values
    return _sweep(delta, discount * gae_lambda, (~(terminated | truncated)).double())


def _gae_flags(future, carries):
    """With what is allowed to pass on a future, and what an advantage, as a learner may have mixed them up."""

    def answer(rewards, values, final, terminated, truncated, discount, gae_lambda):
        goes_on, sums_on = future(terminated, truncated).double(), carries(terminated, truncated).double()
        return _sweep(rewards + discount * goes_on * _shifted(values, final) - values, discount * gae_lambda, sums_on)

    return answer


def _gae_right(*args):
    return _gae_with(lambda g, l: g * l)(*args)


def _gae_last_step_lost(rewards, values, final, terminated, truncated, discount, gae_lambda):
    delta = rewards + discount * ~terminated * _shifted(values, final) - values
    done, result = terminated | truncated, torch.zeros_like(rewards)
    for t in range(delta.shape[1]):
        weight, alive = 1.0, torch.ones_like(done[:, 0])
        for later in range(t, delta.shape[1]):
            alive = alive & ~done[:, later] if later > t else alive
            result[:, t] += weight * alive.double() * delta[:, later]
            weight *= discount * gae_lambda
    return result


def _ppo(pick, sign=-1, ratio=lambda new, old: (new - old).exp(), gain=torch.Tensor.detach, past=torch.Tensor.detach):
    def answer(log_pi, old_log_pi, advantage, clip):
        r, a = ratio(log_pi, past(old_log_pi)), gain(advantage)
        return sign * pick(r * a, r.clamp(1 - clip, 1 + clip) * a, a).mean()

    return answer


def _least(free, held, a):
    return torch.minimum(free, held)


def _ppo_summed(log_pi, old_log_pi, advantage, clip):
    r, a = (log_pi - old_log_pi.detach()).exp(), advantage.detach()
    return -torch.minimum(r * a, r.clamp(1 - clip, 1 + clip) * a).sum()


def _ppo_limits_gain(log_pi, old_log_pi, advantage, clip):
    gain = torch.exp(log_pi - old_log_pi.detach()) * advantage.detach()
    return -torch.min(gain, torch.clip(gain, 1 - clip, 1 + clip)).mean()


def _ppo_upper_limit_only(log_pi, old_log_pi, advantage, clip):
    r, a = (log_pi - old_log_pi.detach()).exp(), advantage.detach()
    return -torch.minimum(r * a, r.clamp(max=1 + clip) * a).mean()


def _ppo_normalised(log_pi, old_log_pi, advantage, clip):
    a = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
    return _ppo(_least)(log_pi, old_log_pi, a, clip)


def _density(action, mean, log_std, power=1, parts=(1, 1), reduce="sum"):
    z = (action - mean) / torch.exp(power * log_std)
    terms = -(z**2) / 2 - parts[0] * log_std - parts[1] * math.log(math.sqrt(2 * math.pi))
    return getattr(terms, reduce)(-1)


def _one_constant(action, mean, log_std):
    return _density(action, mean, log_std, parts=(1, 0)) - math.log(math.sqrt(2 * math.pi))


def _density_by_torch(action, mean, log_std):
    return torch.distributions.Normal(mean, log_std.exp()).log_prob(action).sum(-1)


def _density_without_exp(action, mean, log_std):
    z = (action - mean) / log_std
    return (-0.5 * z**2 - log_std - 0.5 * math.log(2 * math.pi)).sum(-1)


def _density_plus_log_std(action, mean, log_std):
    z = (action - mean) / log_std.exp()
    return (-0.5 * z**2 + log_std - 0.5 * math.log(2 * math.pi)).sum(-1)


def _actor_critic(
    target_fixed=True, advantage_fixed=True, divide="std", critic=True, centred=True, ends=True, actor=-1, weight=0.5
):
    def answer(log_pi, value, next_value, rewards, terminated, discount):
        target = rewards + discount * next_value * (~terminated if ends else 1.0)
        target = target.detach() if target_fixed else target
        advantage = (target - value).detach() if advantage_fixed else target - value
        deviation = advantage.std(correction=0)
        scale = {"std": deviation, "bessel": advantage.std(), "var": advantage.var(correction=0), "none": 1.0}[divide]
        predicted = value if critic else value.detach()
        middle = advantage.mean() if centred else 0.0
        return actor * (log_pi * (advantage - middle) / scale).mean() + weight * (target - predicted).square().mean()

    return answer


def _gae_turned(rewards, values, final, terminated, truncated, discount, gae_lambda):
    delta = rewards + discount * terminated.double() * _shifted(values, final) - values
    return _sweep(delta, discount * gae_lambda, (~(terminated | truncated)).double())


def _density_log_pi(action, mean, log_std):
    z = (action - mean) / log_std.exp()
    return -(z.square() / 2 + log_std + math.log(math.pi)).sum(-1)


MUTANTS = [
    Mutant(ch04.check_gae, "truncation_as_termination", _gae_done),
    Mutant(ch04.check_gae, "ignores_termination", _gae_no_termination),
    Mutant(ch04.check_gae, "runs_across_ends", _gae_across),
    Mutant(ch04.check_gae, "stops_at_termination_only", _gae_past_truncation),
    Mutant(ch04.check_gae, "truncation_wins", _gae_flags(lambda d, u: u | ~d, lambda d, u: ~(d | u))),
    Mutant(ch04.check_gae, "flags_swapped", _gae_flags(lambda d, u: ~u, lambda d, u: ~(d | u))),
    Mutant(ch04.check_gae, "stops_at_truncation_only", _gae_flags(lambda d, u: ~d, lambda d, u: ~u)),
    Mutant(ch04.check_gae, "stops_before_the_end", _gae_last_step_lost),
    Mutant(ch04.check_gae, "only_delta", _gae_with(lambda g, l: 0.0)),
    Mutant(ch04.check_gae, "critics_target", lambda *a: _gae_right(*a) + a[1]),
    Mutant(ch04.check_gae, "backwards", lambda *a: _gae_right(*a)[:, range(a[0].shape[1] - 1, -1, -1)]),
    Mutant(ch04.check_gae, "forgets_lambda", _gae_with(lambda g, l: g)),
    Mutant(ch04.check_gae, "forgets_gamma_in_the_sum", _gae_with(lambda g, l: l)),
    Mutant(ch04.check_gae, "swaps_gamma_and_lambda", _gae_with(lambda g, l: g * l, lambda g, l: l)),
    Mutant(ch04.check_gae, "own_value_as_next", _gae_same_column),
    Mutant(ch04.check_gae, "forgets_the_last_value", _gae_no_final),
    Mutant(ch04.check_ppo_loss, "sign", _ppo(_least, sign=1)),
    Mutant(ch04.check_ppo_loss, "no_clip", _ppo(lambda free, held, a: free)),
    Mutant(ch04.check_ppo_loss, "no_minimum", _ppo(lambda free, held, a: held)),
    Mutant(
        ch04.check_ppo_loss,
        "wrong_side_for_negative",
        _ppo(lambda free, held, a: torch.where(a > 0, torch.minimum(free, held), torch.maximum(free, held))),
    ),
    Mutant(ch04.check_ppo_loss, "inverse_ratio", _ppo(_least, ratio=lambda new, old: (old - new).exp())),
    Mutant(ch04.check_ppo_loss, "log_ratio", _ppo(_least, ratio=lambda new, old: new - old)),
    Mutant(ch04.check_ppo_loss, "sum_over_samples", _ppo_summed),
    Mutant(ch04.check_ppo_loss, "advantage_carries_gradient", _ppo(_least, gain=lambda a: a)),
    Mutant(ch04.check_ppo_loss, "old_carries_gradient", _ppo(_least, past=lambda old: old)),
    Mutant(ch04.check_ppo_loss, "maximum", _ppo(lambda free, held, a: torch.maximum(free, held))),
    Mutant(ch04.check_ppo_loss, "one_sided", _ppo_upper_limit_only),
    Mutant(ch04.check_ppo_loss, "clips_the_product", _ppo_limits_gain),
    Mutant(ch04.check_ppo_loss, "standardises", _ppo_normalised),
    Mutant(ch04.check_ppo_loss, "no_gradient", torch.no_grad()(_ppo(_least))),
    Mutant(ch04.check_ppo_loss, "all_carry_gradient", _ppo(_least, gain=lambda a: a, past=lambda old: old)),
    Mutant(ch04.check_log_density, "distributions", _density_by_torch),
    Mutant(ch04.check_log_density, "log_std_as_std", _density_without_exp),
    Mutant(ch04.check_log_density, "determinant_turned", _density_plus_log_std),
    Mutant(ch04.check_log_density, "density_itself", lambda *a: torch.exp(_density(*a))),
    Mutant(ch04.check_log_density, "no_gradient", torch.no_grad()(_density)),
    Mutant(ch04.check_log_density, "mean_over_dimensions", lambda *a: _density(*a, reduce="mean")),
    Mutant(ch04.check_log_density, "variance_for_std", lambda *a: _density(*a, power=0.5)),
    Mutant(ch04.check_log_density, "divides_by_the_square", lambda *a: _density(*a, power=2)),
    Mutant(ch04.check_log_density, "no_log_determinant", lambda *a: _density(*a, parts=(0, 1))),
    Mutant(ch04.check_log_density, "no_constant", lambda *a: _density(*a, parts=(1, 0))),
    Mutant(ch04.check_log_density, "one_constant_for_all", _one_constant),
    Mutant(ch04.check_actor_critic_loss, "target_carries_gradient", _actor_critic(False, False, "var")),  # as it was
    Mutant(ch04.check_actor_critic_loss, "target_carries_gradient", _actor_critic(target_fixed=False)),
    Mutant(ch04.check_actor_critic_loss, "critic_frozen", _actor_critic(critic=False)),
    Mutant(ch04.check_actor_critic_loss, "advantage_carries_gradient", _actor_critic(advantage_fixed=False)),
    Mutant(ch04.check_actor_critic_loss, "divides_by_variance", _actor_critic(divide="var")),
    Mutant(ch04.check_actor_critic_loss, "other_standard_deviation", _actor_critic(divide="bessel")),
    Mutant(ch04.check_actor_critic_loss, "not_standardised", _actor_critic(divide="none")),
    Mutant(
        ch04.check_actor_critic_loss, "advantage_carries_gradient", _actor_critic(advantage_fixed=False, divide="var")
    ),
    Mutant(ch04.check_actor_critic_loss, "not_centred", _actor_critic(centred=False)),
    Mutant(ch04.check_actor_critic_loss, "ignores_termination", _actor_critic(ends=False)),
    Mutant(ch04.check_actor_critic_loss, "forgets_discount", lambda *a: _actor_critic()(*a[:-1], 1.0)),
    Mutant(ch04.check_actor_critic_loss, "actor_sign", _actor_critic(actor=1)),
    Mutant(ch04.check_actor_critic_loss, "no_half", _actor_critic(weight=1.0)),
    Mutant(ch04.check_actor_critic_loss, "sum_over_samples", lambda *a: len(a[0]) * _actor_critic()(*a)),
    Mutant(ch04.check_best_baseline, "mean_return", 0.8 * 2 + 0.2 * 7),
    Mutant(ch04.check_best_baseline, "score_not_squared", (0.8 * 0.2 * 2 + 0.2 * 0.8 * 7) / (2 * 0.8 * 0.2)),
    Mutant(ch04.check_best_baseline, "forgets_probabilities", (0.04 * 2 + 0.64 * 7) / 0.68),
    Mutant(ch04.check_best_baseline, "sign", -(0.2 * 2 + 0.8 * 7)),
    Mutant(ch04.check_variance_mean_baseline, "second_moment", 0.8 * 0.2**2 + 0.2 * 3.2**2),
    Mutant(ch04.check_variance_mean_baseline, "standard_deviation", math.sqrt(1.44)),
    Mutant(ch04.check_variance_mean_baseline, "no_baseline", 0.8 * 0.4**2 + 0.2 * 5.6**2 - 0.64),
    Mutant(ch04.check_variance_mean_baseline, "without_score", 0.8 * 2**2 + 0.2 * 7**2 - 9),
    Mutant(ch04.check_variance_best_baseline, "second_moment", 0.64),
    Mutant(ch04.check_variance_best_baseline, "same_as_mean", 1.44),
    Mutant(ch04.check_variance_best_baseline, "impossible", -0.64),
    Mutant(ch04.check_gae, "ignores_both", more._no_flags),
    Mutant(ch04.check_gae, "only_truncation", attack._one_done_flag_from_truncation),
    Mutant(ch04.check_gae, "future_where_both", attack._either_flag_must_be_alone),
    Mutant(ch04.check_gae, "terminated_last", attack._never_ends_in_the_last_column),
    Mutant(ch04.check_gae, "stops_only_at_both", more._cuts_only_where_both),
    Mutant(ch04.check_gae, "stops_where_one", attack._stops_where_exactly_one),
    Mutant(ch04.check_gae, "flags_inverted", _gae_turned),
    Mutant(ch04.check_gae, "first_environments_ends", more._first_environments_flags),
    Mutant(ch04.check_gae, "any_environments_ends", attack._any_environment_ends_all),
    Mutant(ch04.check_gae, "flags_one_early", more._flags_one_early),
    Mutant(ch04.check_gae, "first_environment_only", more._one_environment),
    Mutant(ch04.check_gae, "forgets_gamma_in_delta", more._no_discount_in_delta),
    Mutant(ch04.check_gae, "usual_settings", more._usual_settings),
    Mutant(ch04.check_gae, "squared_lambda", attack._lambda_squared),
    Mutant(ch04.check_gae, "last_value_again", more._last_value_again),
    Mutant(ch04.check_gae, "own_value_at_truncation", attack._truncated_with_own_value),
    Mutant(ch04.check_gae, "standardises", more._standardised),
    Mutant(ch04.check_gae, "critics_target_at_truncation", more._forgets_to_subtract),
    Mutant(ch04.check_gae, "nothing_at_truncation", more._delta_dropped_at_ends),
    Mutant(ch04.check_ppo_loss, "minimum_of_means", more._minimum_of_means),
    Mutant(ch04.check_ppo_loss, "clips_the_log_ratio", more._clips_the_log_ratio),
    Mutant(ch04.check_ppo_loss, "quotient_of_logs", more._ratio_of_logs),
    Mutant(ch04.check_ppo_loss, "clipped_term_constant", attack._clipped_term_detached),
    Mutant(ch04.check_ppo_loss, "linear_ratio", more._difference_of_logs),
    Mutant(ch04.check_ppo_loss, "gradient_past_the_clip", more._straight_through_clip),
    Mutant(ch04.check_ppo_loss, "gradient_of_equal_policies", more._detached_weight),
    Mutant(ch04.check_ppo_loss, "right_gradient_only", more._right_gradient_wrong_value),
    Mutant(ch04.check_ppo_loss, "same_push", more._with_a_kl_term),
    Mutant(ch04.check_ppo_loss, "mean_over_the_free", more._mean_over_the_unclipped),
    Mutant(ch04.check_log_density, "sign", more._positive),
    Mutant(ch04.check_log_density, "no_half", more._no_half),
    Mutant(ch04.check_log_density, "not_squared", attack._no_square),
    Mutant(ch04.check_log_density, "log_variance", more._log_variance),
    Mutant(ch04.check_log_density, "half_log_std", attack._half_the_log_std),
    Mutant(ch04.check_log_density, "constant_not_halved", more._whole_log_two_pi),
    Mutant(ch04.check_log_density, "rounded_constant", more._rounded_constant),
    Mutant(ch04.check_log_density, "other_constant", _density_log_pi),
    Mutant(ch04.check_log_density, "squashed", more._squashed),
    Mutant(ch04.check_log_density, "logarithm_of_zero", more._density_then_log),
    Mutant(ch04.check_log_density, "limits_log_std", more._log_std_clamped),
    Mutant(ch04.check_log_density, "mean_detached", more._mean_detached),
    Mutant(ch04.check_log_density, "log_std_detached", more._log_std_detached),
    Mutant(ch04.check_log_density, "adds_a_small_number", more._small_number_added),
    Mutant(ch04.check_actor_critic_loss, "flags_inverted", more._terminates_the_wrong_way),
    Mutant(ch04.check_actor_critic_loss, "actor_frozen", more._log_pi_detached),
    Mutant(ch04.check_actor_critic_loss, "other_scale", more._root_mean_square),
    Mutant(ch04.check_actor_critic_loss, "same_push", more._entropy_bonus),
    Mutant(ch04.check_actor_critic_loss, "scales_the_critic", more._targets_scaled_too),
    Mutant(ch04.check_actor_critic_loss, "bounded_pull", more._huber),
    Mutant(ch04.check_best_baseline, "first_reward", 2),
    Mutant(ch04.check_best_baseline, "second_reward", 7),
    Mutant(ch04.check_best_baseline, "none", 0),
    Mutant(ch04.check_best_baseline, "sum_of_rewards", 9),
    Mutant(ch04.check_variance_mean_baseline, "negative", -1.44),
    Mutant(ch04.check_variance_mean_baseline, "impossible_zero", 0),
    Mutant(ch04.check_variance_mean_baseline, "squared_mean", 0.64),
    Mutant(ch04.check_variance_mean_baseline, "added", 2.72),
    Mutant(ch04.check_variance_mean_baseline, "unweighted", 2.25),
    Mutant(ch04.check_variance_best_baseline, "estimate", 0.8),
    Mutant(ch04.check_variance_best_baseline, "no_baseline", 5.76),
]
