"""The check of the exercise `relative_error`."""

import itertools

import numpy as np
import torch

from metarl_core.check import Wrong, case, function_check


def _draw_case(draw):
    """2 to 12 steps of training and 1 to 9 of test data, which lie elsewhere; 1 to 3 entries of o, 1 or 2 of a."""
    size, width = draw.integer(1, 3), draw.integer(1, 2)
    number, tested = draw.choice(2, *[draw.integer(3, 12)] * 6), draw.choice(1, *[draw.integer(2, 9)] * 5)
    number, tested = draw.once(17, 60, number), draw.once(18, 60, tested)
    train = _steps(draw, number, size, width)
    test = _steps(draw, tested, size, width, elsewhere=True)
    ridge = draw.choice(draw.uniform(0.05, 0.5), draw.uniform(0.5, 5), draw.uniform(5, 50))
    return case(train, test, ridge).noting(
        {
            "there are two steps of training": number == 2,
            "there is one step of test data": tested == 1,
            "an observation has more than one entry": size > 1,
            "there are more test than training steps": tested > number,
        }
    )


def _steps(draw, number, size, width, elsewhere=False):
    """Changes are smaller than observations, and of another size in each entry."""
    scales = torch.tensor([0.3, 3.0, 1.0], dtype=torch.float64)[:size]
    seen = draw.skewed(number, size, scale=2.0) * scales + draw.uniform(-2, 2)
    acted = draw.normal(number, width) + (draw.uniform(-1, 1) if elsewhere else 0)
    change = 0.3 * scales.flip(0) * draw.skewed(number, size) + 0.2 * acted[:, :1] + 0.1 * seen
    return seen, acted, seen + change + (draw.uniform(-1, 1) if elsewhere else 0)


def _by_normal_equations(train, test, ridge):
    """Entry by entry in numpy: the ridge as further rows of a least-squares problem."""
    (o, a, following), (o2, a2, following2) = ([part.numpy() for part in some] for some in (train, test))

    def scaled(own, other):
        columns = []
        for one, two in zip(own.T, other.T, strict=True):
            mean = sum(one) / len(one)
            deviation = (sum((value - mean) ** 2 for value in one) / len(one)) ** 0.5
            columns.append(((one - mean) / deviation, (two - mean) / deviation))
        return [np.stack(values, 1) for values in zip(*columns, strict=True)]

    x, x2 = scaled(np.hstack([o, a]), np.hstack([o2, a2]))
    y, y2 = scaled(following - o, following2 - o2)
    rows = np.vstack([x, ridge**0.5 * np.eye(x.shape[1])])
    weights = np.linalg.lstsq(rows, np.vstack([y, np.zeros((x.shape[1], y.shape[1]))]), rcond=None)[0]
    return torch.tensor(float(((y2 - x2 @ weights) ** 2).mean()), dtype=torch.float64)


def _measured(
    absolute=False, joined=False, single=False, correction=0, own=False, plain=False, on_training=False,
    total=False, root=False, centred=True, unit="change", ridge_mean=False, inputs="both", backwards=False,
):  # fmt: skip
    """The error in tensors, a part of it changed.

    `joined`: statistics of both sets; `own`: each set by its own; `single`: one deviation for all entries; `plain`: no
    normalisation; `unit`: what the error is measured in; `ridge_mean`: the ridge beside a mean; `inputs`: what is seen.
    """

    def answer(train, test, ridge):
        sets = []
        for observations, actions, following in (train, test):
            seen = {"both": [observations, actions], "o": [observations], "a": [actions]}[inputs]
            change = following if absolute else observations - following if backwards else following - observations
            sets.append((torch.cat(seen, -1), change))
        scaled, units = [], []
        for values in zip(*sets, strict=True):
            source = torch.cat(values) if joined else values[0]
            parts = []
            for value in values:
                base = value if own else source
                mean = base.mean(0) if centred else 0.0
                std = base.std(correction=correction) if single else base.std(0, correction=correction)
                units.append(std)
                parts.append(value if plain else (value - mean) / std)
            scaled.append(parts)
        (x, x_test), (y, y_test) = scaled
        strength = ridge * len(x) if ridge_mean else ridge
        weights = torch.linalg.solve(x.T @ x + strength * torch.eye(x.shape[1]).to(x), x.T @ y)
        wrong = (y - x @ weights) if on_training else (y_test - x_test @ weights)
        if unit == "own":
            wrong = wrong * units[-1]
        found = wrong.square().sum(-1).mean() if total else wrong.square().mean()
        return found.sqrt() if root else found

    return answer


BUGS = {"absolute": True, "joined": True, "single": True}
LEFT = [dict(pair) for pair in itertools.combinations(BUGS.items(), 2)]

check_relative_error = function_check(
    "relative_error",
    _by_normal_equations,
    _draw_case,
    Wrong(
        "as_it_was",
        "All three bugs are still there.",
        _measured(**BUGS),
    ),
    Wrong(
        "absolute_target",
        "Two of the three are repaired. What does your model predict, and what does it predict for W = 0?",
        _measured(absolute=True),
    ),
    Wrong(
        "test_statistics",
        "Two of the three are repaired. Your mean and deviation know the test data: may they, when a model is measured "
        "that was trained without?",
        _measured(joined=True),
    ),
    Wrong(
        "one_deviation",
        "Two of the three are repaired. A position in metres and a velocity in metres per second share one number in "
        "your normalisation.",
        _measured(single=True),
    ),
    *(Wrong("_and_".join(pair), "One of the three is repaired, two are left.", _measured(**pair)) for pair in LEFT),
    Wrong(
        "each_by_its_own",
        "Your test data are normalised by statistics of their own. A wind that blows in all of them would be gone.",
        _measured(own=True),
    ),
    Wrong(
        "not_normalised",
        "Nothing is normalised in your answer: which entries decide the error?",
        _measured(plain=True),
    ),
    Wrong(
        "n_minus_one",
        "Your deviations are divided by n - 1. What does the text say about their squares?",
        _measured(correction=1),
    ),
    Wrong(
        "not_centred",
        "You divide by deviations, and do not subtract means.",
        _measured(centred=False),
    ),
    Wrong(
        "on_training_data",
        "Your error is that on the data which the model was fitted to.",
        _measured(on_training=True),
    ),
    Wrong(
        "sum_over_entries",
        "Your error is a sum over the entries of an observation. Was 1 the error of a model that predicts the mean?",
        _measured(total=True),
    ),
    Wrong("root", "Your error is the root of what was asked for.", _measured(root=True)),
    Wrong(
        "own_units",
        "Your error stands in the units of the observation, not in those of a usual change.",
        _measured(unit="own"),
    ),
)
