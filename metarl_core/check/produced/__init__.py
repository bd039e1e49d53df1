"""What the checks of experiments share: a report is read, its agents are played again, its interval is worked out.

An experiment has no right answer. Its check looks at what was produced: it plays the agents that were handed in on
episodes of its own, and compares. A report that claims what its agents do not do is told so, and so is one that
leaves out seeds, an interval, or what a number cost.
"""

from metarl_core.check.produced.intervals import INTERVAL_FAULTS, interval_fault
from metarl_core.check.produced.read import report_check
from metarl_core.check.produced.returns import fault_of_returns, same_agents

__all__ = ["INTERVAL_FAULTS", "fault_of_returns", "interval_fault", "report_check", "same_agents"]
