"""The checks of chapter 04: GAE, PPO's loss, a joint log-probability, an actor-critic loss, the best baseline."""

from metarl_core.check.ch04.actor_critic_loss import check_actor_critic_loss
from metarl_core.check.ch04.best_baseline import check_best_baseline
from metarl_core.check.ch04.gae import check_gae
from metarl_core.check.ch04.log_density import check_log_density
from metarl_core.check.ch04.ppo_loss import check_ppo_loss
from metarl_core.check.ch04.variance_best_baseline import check_variance_best_baseline
from metarl_core.check.ch04.variance_mean_baseline import check_variance_mean_baseline

__all__ = [
    "check_actor_critic_loss",
    "check_best_baseline",
    "check_gae",
    "check_log_density",
    "check_ppo_loss",
    "check_variance_best_baseline",
    "check_variance_mean_baseline",
]
