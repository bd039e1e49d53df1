"""The explorers: figures that are computed anew while the reader moves a slider."""

from metarl_core.widgets.adaptation import adaptation_explorer
from metarl_core.widgets.budget import Learner, budget_explorer
from metarl_core.widgets.explorer import Explorer, slider
from metarl_core.widgets.tasks import task_explorer

__all__ = ["Explorer", "Learner", "adaptation_explorer", "budget_explorer", "slider", "task_explorer"]
