"""The check of the exercise `pendulum_family`."""

import contextlib

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.compare import difference
from metarl_core.check.outcome import CheckFailed
from metarl_core.tasks import GymnasiumTasks

LIMIT, WHOLE = "the time limit", "whether no episode is cut off before it"


def _draw_case(draw):
    """1 to 4 gravities for training, 1 to 3 held out, none to 2 far off; time limits of 5 to 400 steps."""
    train = [draw.uniform(1, 10) for _ in range(draw.choice(1, *[draw.integer(2, 4)] * 5))]
    test = [draw.uniform(1, 10) for _ in range(draw.integer(1, 3))]
    far = [draw.uniform(11, 20) for _ in range(draw.choice(0, 1, 2))]
    horizon = draw.choice(draw.integer(5, 60), draw.integer(60, 200), draw.integer(201, 400))
    return case(train, test, far, horizon).noting(
        {
            "there is more than one training gravity": len(train) > 1,
            "there is more than one held-out gravity": len(test) > 1,
            "there is none far off": not far,
            "the time limit is above 200": horizon > 200,
        }
    )


def in_words(gravities):
    """A list of numbers as text, so that a list of another length is a wrong value, and no wrong type."""
    return ", ".join(map(repr, map(float, gravities))) or "none"


def _gravities(family, split):
    """Of fresh environments of a split, and the least time limit of their own."""
    found, limits = [], []
    for number in range(*family.ranges[split]):
        with contextlib.closing(family.makers[number]()) as env:
            found.append(float(env.unwrapped.g))
            own = env.spec.max_episode_steps if env.spec is not None else None
            limits.append(float("inf") if own is None else own)
    return in_words(found), min(limits, default=float("inf"))


def _observed(answer, train, test, far, horizon):
    family = answer(train, test, far, horizon)
    if not isinstance(family, GymnasiumTasks):
        raise CheckFailed(
            f"the result is {type(family).__name__}; expected is a family, as `GymnasiumTasks(...)` makes it.", "type"
        )
    with family:
        split = {name: _gravities(family, name) for name in ("train", "test", "ood")}
        return {
            **{f"the gravities of the split {name}": found for name, (found, _) in split.items()},
            LIMIT: family.horizon,
            WHOLE: min(limit for _, limit in split.values()) >= horizon,
        }


def _expected(train, test, far, horizon):
    named = {"train": train, "test": test, "ood": far}
    return {
        **{f"the gravities of the split {name}": in_words(g) for name, g in named.items()},
        LIMIT: horizon,
        WHOLE: True,
    }


def _facts(late=False, swapped=False, joined=False, far_left=False, default=False, ordinary=False, far_test=False):
    """What is observed of a family, a part of it changed."""

    def answer(train, test, far, horizon):
        if swapped:
            train, test = test, train
        if joined:
            train = [*train, *test]
        if far_left:
            far = []
        if far_test:
            far = test
        if late:
            train, test, far = (some[-1:] * len(some) for some in (train, test, far))
        if ordinary:
            train, test, far = ([10.0] * len(some) for some in (train, test, far))
        found = _expected(train, test, far, horizon)
        if default:
            found[LIMIT] = 200
        return found

    return answer


def _as(*variants, cut=False):
    """What is observed is what one of these leads to; `cut`: and episodes are cut off by Gymnasium's own limit."""

    def when(got, *arguments):
        if got[WHOLE] != (arguments[3] <= 200 if cut else True):
            return False
        return any(
            difference({**got, WHOLE: True}, {**_facts(**variant)(*arguments), WHOLE: True}, None, None) is None
            for variant in variants
        )

    return when


LATE = "All environments of a split have the gravity of its last one. When does a function in a loop read its variable?"
FAR = "Your split `ood` holds the gravities of the test split."
CUT = "episodes end before the time limit: whose limit is it, and where is it set?"

check_pendulum_family = function_check(
    "pendulum_family",
    _expected,
    _draw_case,
    Wrong("as_it_was", "All three bugs are still there.", when=_as({"late": True, "far_test": True}, cut=True)),
    Wrong("late_bound", f"Two of the three are repaired. {LATE}", when=_as({"late": True})),
    Wrong("far_is_test", f"Two of the three are repaired. {FAR}", when=_as({"far_test": True})),
    Wrong("cut_off", f"Two of the three are repaired, and {CUT}", when=_as({}, cut=True)),
    Wrong(
        "late_and_far",
        "One of the three is repaired, two are left: look at which gravity each environment has.",
        when=_as({"late": True, "far_test": True}),
    ),
    Wrong("late_and_cut", "One of the three is repaired, two are left.", when=_as({"late": True}, cut=True)),
    Wrong("far_and_cut", "One of the three is repaired, two are left.", when=_as({"far_test": True}, cut=True)),
    Wrong(
        "exchanged",
        "What was to be held out is trained on, and what was for training is held out.",
        when=_as({"swapped": True}),
    ),
    Wrong("leak", "The held-out gravities are in the training split as well.", when=_as({"joined": True})),
    Wrong("no_far_ones", "The split `ood` is empty in your family.", when=_as({"far_left": True})),
    Wrong("ordinary", "Every environment has the ordinary gravity.", when=_as({"ordinary": True})),
    Wrong(
        "default_horizon",
        "Your family has the time limit that it has when nobody asks.",
        when=_as({"default": True}),
    ),
    observe=_observed,
    cases=16,
)
