"""Families whose body changes in the middle of an episode, as Gymnasium's ids make them."""

from typing import Any

from metarl_core.tasks.changing import ChangingTasks
from metarl_core.tasks.continuous_cartpole import ContinuousCartPole
from metarl_core.tasks.damped_pendulum import DampedPendulum
from metarl_core.tasks.two_link_arm import TwoLinkArm


def changing_cartpole(earliest: int | None = None, latest: int | None = None, **family: Any) -> ChangingTasks:
    """`ContinuousCartPole` whose force jumps to another value, in half of the tasks of another sign.

    The ordinary task does not change; draw others by `sample_tasks`.

    Args:
        earliest, latest: bounds of the step of the change, see `ChangingTasks`.
        family: keywords of `ContinuousCartPole`; `hidden_sign` is true unless given.

    Raises:
        ValueError: for bounds in the wrong order, or what the family refuses.
    """
    return ChangingTasks(ContinuousCartPole(**{"hidden_sign": True, **family}), "force", earliest, latest)


def changing_pendulum(earliest: int | None = None, latest: int | None = None, **family: Any) -> ChangingTasks:
    """`DampedPendulum` whose gravity jumps to another value; arguments as in `changing_cartpole`."""
    return ChangingTasks(DampedPendulum(**family), "gravity", earliest, latest)


def changing_arm(earliest: int | None = None, latest: int | None = None, **family: Any) -> ChangingTasks:
    """`TwoLinkArm` whose second motor jumps to another strength; arguments as in `changing_cartpole`."""
    return ChangingTasks(TwoLinkArm(**family), "gain2", earliest, latest)
