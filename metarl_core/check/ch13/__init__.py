"""Checks of the exercises of chapter 13: audits, numbers of two papers, an environment of one's own as a family."""

from metarl_core.check.ch13.comparable import check_comparable
from metarl_core.check.ch13.pendulum_family import check_pendulum_family
from metarl_core.check.ch13.served import check_served

__all__ = ["check_comparable", "check_pendulum_family", "check_served"]
