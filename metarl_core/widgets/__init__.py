"""The explorers: figures that are computed anew while the reader moves a slider."""

from metarl_core.widgets.adaptation import adaptation_explorer
from metarl_core.widgets.explorer import Explorer, slider
from metarl_core.widgets.tasks import task_explorer

__all__ = ["Explorer", "adaptation_explorer", "slider", "task_explorer"]
