"""The explorers: figures that are computed anew while the reader moves a slider, or drags the goal itself."""

from metarl_core.widgets.adaptation import AdaptationExplorer, adaptation_explorer
from metarl_core.widgets.bandit_memory import bandit_memory_explorer
from metarl_core.widgets.budget import Learner, budget_explorer
from metarl_core.widgets.explorer import Explorer, slider
from metarl_core.widgets.few_shot import few_shot_explorer
from metarl_core.widgets.imagined_fan import imagined_fan_explorer
from metarl_core.widgets.inner_loops import InnerLoop, inner_loop_explorer
from metarl_core.widgets.maml_landscape import maml_landscape_explorer
from metarl_core.widgets.meta_gradient import meta_gradient_explorer
from metarl_core.widgets.policy_adaptation import policy_adaptation_explorer
from metarl_core.widgets.policy_gradient import policy_gradient_explorer
from metarl_core.widgets.q_adaptation import plot_greedy_moves, q_adaptation_explorer
from metarl_core.widgets.q_values import q_value_explorer
from metarl_core.widgets.self_test import Question, SelfTest, questions, self_test
from metarl_core.widgets.tasks import task_explorer

__all__ = [
    "AdaptationExplorer",
    "Explorer",
    "InnerLoop",
    "Learner",
    "Question",
    "SelfTest",
    "adaptation_explorer",
    "bandit_memory_explorer",
    "budget_explorer",
    "few_shot_explorer",
    "imagined_fan_explorer",
    "inner_loop_explorer",
    "maml_landscape_explorer",
    "meta_gradient_explorer",
    "plot_greedy_moves",
    "policy_adaptation_explorer",
    "policy_gradient_explorer",
    "q_adaptation_explorer",
    "q_value_explorer",
    "questions",
    "self_test",
    "slider",
    "task_explorer",
]
