"""The check of the exercise `comparable`."""

from fractions import Fraction

from metarl_core.check import Wrong, case, function_check

STATISTICS = ("mean", "best")


def _paper(draw, horizon, statistic):
    """A record as the exercise describes it."""
    ends = draw.chance(0.5)
    length = draw.choice(None, draw.uniform(0.5, 1.0) * horizon) if ends else float(horizon)
    return {
        "value": draw.uniform(-80, 80),
        "per": draw.choice("episode", "episode", "step"),
        "horizon": horizon,
        "length": length,
        "scale": draw.choice(1.0, draw.uniform(0.05, 0.5), draw.uniform(2, 10)),
        "bonus": draw.choice(0.0, draw.uniform(-2, 2)),
        "statistic": statistic,
    }


def _draw_case(draw):
    """Two papers of 3 to 500 steps; of four pairs one differs in horizon, one of eight in the statistic."""
    horizon, statistic = draw.choice(draw.integer(3, 50), 100, draw.integer(100, 500)), draw.choice(*STATISTICS)
    other = draw.choice(horizon, horizon, horizon, horizon + draw.integer(1, 200))
    another = draw.choice(*[statistic] * 7, STATISTICS[statistic == "mean"])
    papers = _paper(draw, horizon, statistic), _paper(draw, other, another)
    if draw.seed in (16, 18, 19, 21):  # one length is not known, and needed for a bonus alone, or not at all
        one, other = papers if draw.seed % 2 else papers[::-1]
        one.update(per="episode", length=None, bonus=1.5 if draw.seed in (18, 21) else 0.0)
        other.update(length=float(horizon), horizon=horizon, statistic=statistic)
        one.update(horizon=horizon, statistic=statistic)
    return case(*papers).noting(
        {
            "the horizons differ": horizon != other,
            "the statistics differ": statistic != another,
            "a length is not known": any(paper["length"] is None for paper in papers),
            "a reward has a bonus": any(paper["bonus"] for paper in papers),
            "a value is per step": any(paper["per"] == "step" for paper in papers),
            "a reward is scaled": any(paper["scale"] != 1 for paper in papers),
            "episodes end before the horizon": any(paper["length"] not in (None, paper["horizon"]) for paper in papers),
        }
    )


def _in_fractions(one, other):
    """Exact numbers; whether a length is needed is asked first."""
    if one["horizon"] != other["horizon"] or one["statistic"] != other["statistic"]:
        return None
    found = []
    for paper in (one, other):
        value, bonus, scale = (Fraction(paper[name]) for name in ("value", "bonus", "scale"))
        if paper["per"] == "step":
            if paper["length"] is None:
                return None
            found.append(float(Fraction(paper["length"]) * (value - bonus) / scale))
        elif bonus == 0:
            found.append(float(value / scale))
        elif paper["length"] is None:
            return None
        else:
            found.append(float((value - Fraction(paper["length"]) * bonus) / scale))
    return found


def _converted(
    horizons="must agree", statistics=True, lengths="length", scaled="divided", bonus="by length", unknown="refused",
    per=True, first="bonus",
):  # fmt: skip
    """The conversion, a part of it changed.

    `horizons`: "must agree", "ignored" or "proportional"; `lengths`: "length" or "horizon"; `unknown`: what happens
    where a length is None: "refused" only where it is needed, "always" refused, or "horizon" in its place.
    """

    def answer(one, other):
        if horizons == "must agree" and one["horizon"] != other["horizon"]:
            return None
        if statistics and one["statistic"] != other["statistic"]:
            return None
        found = []
        for paper in (one, other):
            length = paper["length"]
            needed = (per and paper["per"] == "step") or (paper["bonus"] and bonus)
            if length is None and (unknown == "always" or (unknown == "refused" and needed)):
                return None
            if length is None or lengths == "horizon":
                length = paper["horizon"]
            value = paper["value"]
            if per and paper["per"] == "step":
                value = value * length
            scale = {"divided": paper["scale"], "multiplied": 1 / paper["scale"], "ignored": 1.0}[scaled]
            added = {"by length": paper["bonus"] * length, "once": paper["bonus"], "": 0.0}[bonus]
            value = (value - added) / scale if first == "bonus" else value / scale - added
            if horizons == "proportional":
                value = value / paper["horizon"] * one["horizon"]
            found.append(value)
        return found

    return answer


check_comparable = function_check(
    "comparable",
    _in_fractions,
    _draw_case,
    Wrong(
        "proportional",
        "You convert a return of one horizon into one of another by the rule of three. Does a body earn the same in "
        "each of its steps, from rest on?",
        _converted(horizons="proportional"),
    ),
    Wrong(
        "horizons_ignored",
        "Two returns over different horizons stand side by side in your answer.",
        _converted(horizons="ignored"),
    ),
    Wrong(
        "statistics_ignored",
        "You compare a mean with a best: what would the best of many equal runs be?",
        _converted(statistics=False),
    ),
    Wrong(
        "horizon_for_length",
        "Episodes that end early are given as many steps as the horizon allows.",
        _converted(lengths="horizon"),
    ),
    Wrong(
        "unknown_is_horizon",
        "Where a paper does not say how long its episodes are, you take the horizon.",
        _converted(unknown="horizon"),
    ),
    Wrong(
        "refused_too_often",
        "You refuse wherever a length is not known. Is it needed in each of these cases?",
        _converted(unknown="always"),
    ),
    Wrong("bonus_once", "The bonus is taken off once an episode. How often was it paid?", _converted(bonus="once")),
    Wrong("bonus_left", "The bonus is still in your numbers.", _converted(bonus="")),
    Wrong(
        "scaled_first",
        "You divide by the scale, and then take the bonus off. In which order does r' = c r + b put them on?",
        _converted(first="scale"),
    ),
    Wrong(
        "multiplied", "You multiply by a scale that has already been multiplied by.", _converted(scaled="multiplied")
    ),
    Wrong("scale_left", "The scale is still in your numbers.", _converted(scaled="ignored")),
    Wrong(
        "per_step_left",
        "A number per step stands in your answer as one per episode.",
        _converted(per=False),
    ),
    rtol=1e-9,
)
