"""Learned step sizes (Li et al. 2017) stand among the meta-parameters, under the names of θ with a prefix."""

from metarl_core.arguments import check_dictionary
from metarl_core.parameters import Parameters

RATE = "rate."


def split_rates(meta: Parameters) -> tuple[Parameters, Parameters]:
    """θ and α, both under the names of θ.

    Raises:
        ValueError: where a parameter has no learned rate.
    """
    check_dictionary("meta", meta)
    start = {name: value for name, value in meta.items() if not name.startswith(RATE)}
    lacking = [name for name in start if RATE + name not in meta]
    if lacking:
        raise ValueError(f"meta must be what method.initial(…) gives, but it lacks a learned rate for {lacking[0]}.")
    return start, {name: meta[RATE + name] for name in start}
