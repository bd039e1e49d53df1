"""The check of the exercise `td_targets`."""

import torch

from metarl_core.check import Wrong, case, function_check


def _draw_case(draw):
    """1 to 8 steps, once 200; both flags on their own, so that they coincide now and then."""
    steps = draw.once(17, 200, draw.integer(1, 8))
    discount = draw.choice(0.0, 1.0, *[draw.uniform(0.5, 0.99)] * 5)
    terminated, truncated = draw.flags(steps), draw.flags(steps)
    return case(draw.skewed(steps), terminated, truncated, draw.normal(steps, scale=3.0, mean=1.0), discount).noting(
        {
            "a step is terminated and truncated at once": bool((terminated & truncated).any()),
            "a step is truncated and not terminated": bool((truncated & ~terminated).any()),
            "a step is terminated and not truncated": bool((terminated & ~truncated).any()),
            "gamma is 0": discount == 0.0,
            "gamma is 1": discount == 1.0,
        }
    )


def _one_by_one(rewards, terminated, truncated, next_values, discount):
    found = []
    for step in range(len(rewards)):
        future = 0.0 if terminated[step] else float(next_values[step])
        found.append(float(rewards[step]) + discount * future)
    return torch.tensor(found, dtype=rewards.dtype)


def _target(keeps, by=None):
    """With another rule for which futures count."""

    def answer(rewards, terminated, truncated, next_values, discount):
        kept = keeps(terminated, truncated).to(rewards.dtype)
        return rewards + (discount if by is None else by) * kept * next_values

    return answer


check_td_targets = function_check(
    "td_targets",
    _one_by_one,
    _draw_case,
    Wrong(
        "merged",
        "A step that is cut off by the clock has no future in your target. Does the world end there?",
        _target(lambda terminated, truncated: ~(terminated | truncated)),
    ),
    Wrong(
        "only_truncated",
        "In your target time limits end the world, and ends of the world do not.",
        _target(lambda terminated, truncated: ~truncated),
    ),
    Wrong(
        "never_ends",
        "Your target goes on behind the end of the world.",
        _target(lambda terminated, truncated: torch.ones_like(terminated)),
    ),
    Wrong(
        "both",
        "Your target ends only where both flags are up. Which of the two is enough?",
        _target(lambda terminated, truncated: ~(terminated & truncated)),
    ),
    Wrong(
        "truncated_goes_on",
        "Where both flags are up, your target has a future. What does a clock change about a world that has ended?",
        _target(lambda terminated, truncated: ~terminated | truncated),
    ),
    Wrong(
        "no_discount",
        "The flags are right. Where is gamma?",
        _target(lambda terminated, truncated: ~terminated, by=1.0),
    ),
)
