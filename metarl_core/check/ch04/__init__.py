"""The checks of chapter 04: n-step advantages, a loss with two clips, an actor-critic's loss, baselines, PPO."""

from metarl_core.check.ch04.actor_critic_loss import check_actor_critic_loss
from metarl_core.check.ch04.best_baseline import check_best_baseline
from metarl_core.check.ch04.dual_clip_loss import check_dual_clip_loss
from metarl_core.check.ch04.n_step_advantages import check_n_step_advantages
from metarl_core.check.ch04.project import ABOVE, BELOW, NOT_TOLD, check_project
from metarl_core.check.ch04.tuned import BAR, STEPS, check_tuned
from metarl_core.check.ch04.variance_best_baseline import check_variance_best_baseline
from metarl_core.check.ch04.variance_mean_baseline import check_variance_mean_baseline

__all__ = [
    "ABOVE",
    "BELOW",
    "NOT_TOLD",
    "BAR",
    "STEPS",
    "check_actor_critic_loss",
    "check_best_baseline",
    "check_dual_clip_loss",
    "check_n_step_advantages",
    "check_project",
    "check_tuned",
    "check_variance_best_baseline",
    "check_variance_mean_baseline",
]
