"""Wrong answers to the exercises of chapter 04, written as a learner would write them."""

import math

from attacks import Made
from attacks import ch04_eighth_reports as eighth
from attacks import ch04_more as more
from attacks import ch04_projects as project
from attacks import ch04_reports as report
from attacks import ch04_sixth as sixth
from attacks import ch04_variants as variant
from attacks import ch04p_fifth as fifth
from attacks import ch04p_fourth as fourth
from attacks import ch04p_third as third

from metarl_core.check import ch04
from mutants import Mutant


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


MUTANTS = [
    Mutant(ch04.check_project, "not_your_own", project._from_the_course),
    Mutant(ch04.check_project, "far_from_one", Made(third._observations_in_hundreds)),
    Mutant(ch04.check_project, "ends_by_the_clock", Made(third._time_limit_terminates)),
    Mutant(ch04.check_project, "few_seeds", project._four_seeds),
    Mutant(ch04.check_project, "seed_twice", project._a_seed_again),
    Mutant(ch04.check_project, "seed_twice", Made(fifth._five_seeds_one_twice)),
    Mutant(ch04.check_project, "copied", project._one_agent),
    Mutant(ch04.check_project, "copied", Made(fifth._near_copies)),
    Mutant(ch04.check_project, "not_greedy", Made(fifth._not_greedy)),
    Mutant(ch04.check_project, "not_greedy", Made(fourth._explores_a_little)),
    Mutant(ch04.check_project, "ignores_parameters", Made(fourth._a_rule_for_a_policy)),
    Mutant(ch04.check_project, "ignores_parameters", Made(fifth._policy_that_is_the_controller)),
    Mutant(ch04.check_project, "agents_meet", Made(fifth._one_agent_acts_for_all)),
    Mutant(ch04.check_project, "episodes_meet", eighth.project_of(eighth._centred_by_the_batch)),
    Mutant(ch04.check_project, "episodes_meet", eighth.project_of(eighth._controller_by_rank)),
    Mutant(ch04.check_project, "evaluated_on_training_seeds", project._same_seeds),
    Mutant(ch04.check_project, "few_episodes", project._ten_episodes),
    Mutant(ch04.check_project, "no_cost", project._free),
    Mutant(ch04.check_project, "random_untrue", project._random_made_worse),
    Mutant(ch04.check_project, "controller_untrue", project._controller_made_worse),
    Mutant(ch04.check_project, "higher_than_earned", project._agents_made_better),
    Mutant(ch04.check_project, "lower_than_earned", project._agents_made_worse),
    Mutant(ch04.check_project, "other_spread", Made(fifth._means_repeated)),
    Mutant(ch04.check_project, "other_spread", Made(fifth._deviations_shrunk)),
    Mutant(ch04.check_project, "higher_than_earned", Made(fifth._best_thirty_of_forty)),
    Mutant(ch04.check_project, "extremes", project._ends),
    Mutant(ch04.check_project, "pooled_episodes", project._every_episode),
    Mutant(ch04.check_project, "standard_deviation", project._deviation),
    Mutant(ch04.check_project, "standard_error", project._error),
    Mutant(ch04.check_project, "normal_interval", project._normal),
    Mutant(ch04.check_project, "divides_by_n", project._biased),
    Mutant(ch04.check_project, "off_centre", project._shifted),
    Mutant(ch04.check_project, "one_sided", project._ninety),
    Mutant(ch04.check_project, "too_narrow", project._eighty),
    Mutant(ch04.check_project, "too_wide", project._ninety_nine),
    Mutant(ch04.check_project, "not_an_interval", project._upside_down),
    Mutant(ch04.check_project, "weak_controller", project._engine_off),
    Mutant(ch04.check_project, "not_learned", project._not_learned),
    Mutant(ch04.check_project, "verdict", project._other_verdict),
    Mutant(ch04.check_tuned, "over_budget", report._too_many_steps),
    Mutant(ch04.check_tuned, "few_seeds", report._three_seeds),
    Mutant(ch04.check_tuned, "seed_twice", report._a_seed_again),
    Mutant(ch04.check_tuned, "nothing_tried", report._no_tuning_seeds),
    Mutant(ch04.check_tuned, "tuned_on_these", report._tuned_on_the_same),
    Mutant(ch04.check_tuned, "copied", report._one_agent_for_all),
    Mutant(ch04.check_tuned, "other_starts", eighth.tuned_of(eighth._agents_exchanged)),
    Mutant(ch04.check_tuned, "other_setting", eighth.tuned_of(eighth._setting_of_the_chapter)),
    Mutant(ch04.check_tuned, "few_episodes", report._five_episodes),
    Mutant(ch04.check_tuned, "drawn_actions", report._drawn),
    Mutant(ch04.check_tuned, "higher_than_earned", report._claims_all),
    Mutant(ch04.check_tuned, "lower_than_earned", report._half_of_it),
    Mutant(ch04.check_tuned, "extremes", report._ends),
    Mutant(ch04.check_tuned, "pooled_episodes", report._every_episode),
    Mutant(ch04.check_tuned, "standard_deviation", report._deviation),
    Mutant(ch04.check_tuned, "standard_error", report._error),
    Mutant(ch04.check_tuned, "normal_interval", report._normal),
    Mutant(ch04.check_tuned, "divides_by_n", report._biased),
    Mutant(ch04.check_tuned, "off_centre", report._shifted),
    Mutant(ch04.check_tuned, "one_sided", report._ninety),
    Mutant(ch04.check_tuned, "too_narrow", report._eighty),
    Mutant(ch04.check_tuned, "too_wide", report._ninety_nine),
    Mutant(ch04.check_tuned, "not_an_interval", report._upside_down),
    Mutant(ch04.check_tuned, "not_shown", report._not_above),
    Mutant(ch04.check_n_step_advantages, "truncation_as_termination", variant._one_done_flag),
    Mutant(ch04.check_n_step_advantages, "truncation_wins", variant._time_limit_wins),
    Mutant(ch04.check_n_step_advantages, "flags_swapped", variant._only_time_limits_end),
    Mutant(ch04.check_n_step_advantages, "ignores_termination", variant._always_a_future),
    Mutant(ch04.check_n_step_advantages, "runs_across_ends", variant._over_all_ends),
    Mutant(ch04.check_n_step_advantages, "stops_at_termination_only", variant._over_time_limits),
    Mutant(ch04.check_n_step_advantages, "stops_at_truncation_only", variant._over_terminations),
    Mutant(ch04.check_n_step_advantages, "ignores_both", variant._no_flags_at_all),
    Mutant(ch04.check_n_step_advantages, "stops_only_at_both", variant._stops_where_both),
    Mutant(ch04.check_n_step_advantages, "flags_inverted", variant._terminated_have_a_future),
    Mutant(ch04.check_n_step_advantages, "any_environments_ends", variant._one_environment_stops_all),
    Mutant(ch04.check_n_step_advantages, "flags_one_early", variant._flags_of_the_next_step),
    Mutant(ch04.check_n_step_advantages, "stops_before_the_end", variant._last_step_left_out),
    Mutant(ch04.check_n_step_advantages, "one_step_more", variant._one_step_too_many),
    Mutant(ch04.check_n_step_advantages, "one_step_fewer", variant._one_step_too_few),
    Mutant(ch04.check_n_step_advantages, "ignores_n", variant._to_the_end),
    Mutant(ch04.check_n_step_advantages, "only_delta", variant._just_delta),
    Mutant(ch04.check_n_step_advantages, "no_value_where_short", variant._no_value_behind_the_segment),
    Mutant(ch04.check_n_step_advantages, "power_n_always", variant._gamma_to_the_n),
    Mutant(ch04.check_n_step_advantages, "never_a_value", variant._rewards_then_minus_v),
    Mutant(ch04.check_n_step_advantages, "undiscounted", variant._no_discount),
    Mutant(ch04.check_n_step_advantages, "own_value_as_next", variant._same_column),
    Mutant(ch04.check_n_step_advantages, "forgets_the_last_value", variant._nothing_after_the_last_column),
    Mutant(ch04.check_n_step_advantages, "last_value_again", variant._last_column_again),
    Mutant(ch04.check_n_step_advantages, "own_value_at_truncation", variant._value_of_the_cut_step),
    Mutant(ch04.check_n_step_advantages, "standardises", variant._centred_and_scaled),
    Mutant(ch04.check_n_step_advantages, "critics_target", variant._without_minus_v),
    Mutant(ch04.check_n_step_advantages, "backwards", variant._newest_first),
    Mutant(ch04.check_dual_clip_loss, "sign", variant._uphill),
    Mutant(ch04.check_dual_clip_loss, "no_clip", variant._no_limits),
    Mutant(ch04.check_dual_clip_loss, "no_cap", variant._as_printed),
    Mutant(ch04.check_dual_clip_loss, "only_the_cap", variant._only_c),
    Mutant(ch04.check_dual_clip_loss, "cap_for_good_actions", variant._c_for_good_ones),
    Mutant(ch04.check_dual_clip_loss, "cap_whatever_the_sign", variant._maximum_for_every_sign),
    Mutant(ch04.check_dual_clip_loss, "no_lower_limit", variant._bad_never_too_rare),
    Mutant(ch04.check_dual_clip_loss, "bad_held_early", variant._bad_between_the_epsilons),
    Mutant(ch04.check_dual_clip_loss, "good_held_below", variant._good_not_below),
    Mutant(ch04.check_dual_clip_loss, "held_on_both_sides", variant._epsilons_for_all),
    Mutant(ch04.check_dual_clip_loss, "signs_swapped", variant._the_other_way_round),
    Mutant(ch04.check_dual_clip_loss, "limits_the_log_ratio", variant._limits_on_the_logs),
    Mutant(ch04.check_dual_clip_loss, "linear_ratio", variant._one_plus_difference),
    Mutant(ch04.check_dual_clip_loss, "quotient_of_logs", variant._quotient_of_logs),
    Mutant(ch04.check_dual_clip_loss, "inverse_ratio", variant._ratio_upside_down),
    Mutant(ch04.check_dual_clip_loss, "log_ratio", variant._difference_of_logs),
    Mutant(ch04.check_dual_clip_loss, "gradient_past_the_limits", variant._free_gradient),
    Mutant(ch04.check_dual_clip_loss, "gradient_of_equal_policies", variant._pull_without_the_ratio),
    Mutant(ch04.check_dual_clip_loss, "gone_where_held", variant._held_samples_are_zero),
    Mutant(ch04.check_dual_clip_loss, "right_gradient_only", variant._shifted_by_the_mean),
    Mutant(ch04.check_dual_clip_loss, "same_push", variant._with_an_entropy_term),
    Mutant(ch04.check_dual_clip_loss, "mean_over_the_free", variant._mean_over_free_samples),
    Mutant(ch04.check_dual_clip_loss, "sum_over_samples", variant._sum_of_the_samples),
    Mutant(ch04.check_dual_clip_loss, "standardises", variant._standardises_first),
    Mutant(ch04.check_dual_clip_loss, "no_gradient", variant._no_graph),
    Mutant(ch04.check_dual_clip_loss, "advantage_carries_gradient", variant._advantage_has_a_graph),
    Mutant(ch04.check_dual_clip_loss, "old_carries_gradient", variant._old_has_a_graph),
    Mutant(ch04.check_dual_clip_loss, "all_carry_gradient", variant._all_have_graphs),
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
    Mutant(ch04.check_actor_critic_loss, "actor_summed", sixth.summed_for_the_actor),
    Mutant(ch04.check_actor_critic_loss, "critic_summed", sixth.summed_for_the_critic),
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
