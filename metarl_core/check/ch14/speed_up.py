"""The check of the exercise `speed_up`."""

import math

from metarl_core.check import Wrong, case, function_check


def _draw_case(draw):
    """1 to 30 tasks on 1 to 8 ranks, once 64; times and sizes over several orders of magnitude."""
    some = (draw.integer(3, 8), draw.chance(0.5))
    ranks, ring = draw.choice((1, False), (2, False), (1, True), (2, True), *[some] * 6)
    ranks = draw.once(17, 64, ranks)
    tasks = draw.choice(1, ranks, 3 * ranks, *[draw.integer(2, 30)] * 5)
    b = draw.choice(0.0, *[draw.uniform(0.001, 0.1)] * 6)
    delay = draw.choice(0.0, *[draw.uniform(1e-4, 1e-2)] * 6)
    return case(
        tasks, ranks, draw.uniform(0.005, 0.2), b, delay, draw.uniform(1e4, 1e7), draw.uniform(1e6, 1e9), ring
    ).noting(  # fmt: skip
        {
            "there is one rank": ranks == 1,
            "there are two ranks": ranks == 2,
            "the tasks can be shared evenly": tasks % ranks == 0,
            "the tasks cannot be shared evenly": tasks % ranks > 0,
            "there are fewer tasks than ranks": tasks < ranks,
            "it is a ring": ring,
            "it is a star": not ring,
            "the delay is 0": delay == 0,
            "b is 0": b == 0,
        }
    )


def _by_counting(tasks, ranks, a, b, delay, size, bandwidth, ring):
    """Tasks are dealt one by one; messages are sent round by round."""
    dealt = [0] * ranks
    for task in range(tasks):
        dealt[task % ranks] += 1
    message = 0.0
    if ring:
        for _ in range(2):
            for _ in range(ranks - 1):
                message += delay + size / ranks / bandwidth
    elif ranks > 1:
        for _ in range(2):
            message += delay
            for _ in range(ranks - 1):
                message += size / bandwidth
    found = (a * tasks + b) / (a * max(dealt) + b + message)
    return found, found / ranks


def _derived(
    uneven="slowest", serial="each", rounds=2, pieces=True, delays=True, star="both", message=True, efficiency="ranks",
    inverse=False, bytes_too=True, ring_as=None, alone_pays=False,
):  # fmt: skip
    """In closed form, a part of it changed."""

    def answer(tasks, ranks, a, b, delay, size, bandwidth, ring):
        ring = ring if ring_as is None else ring_as
        most = {"slowest": math.ceil(tasks / ranks), "mean": tasks / ranks, "floor": tasks // ranks}[uneven]
        own = {"each": b, "shared": b / ranks, "none": 0.0}[serial]
        late = delay if delays else 0.0
        moved = size / bandwidth if bytes_too else 0.0
        if ring:
            sent = rounds * (ranks - 1) * (late + moved / (ranks if pieces else 1))
        else:
            way = (ranks - 1) if star in ("both", "one way", "every delay") else 1
            times = 1 if star == "one way" else 2
            sent = times * ((late * (ranks - 1) if star == "every delay" else late) + way * moved)
            sent = sent if ranks > 1 or alone_pays else 0.0
        found = (a * tasks + b) / (a * most + own + (sent if message else 0.0))
        found = 1 / found if inverse else found
        return found, {"ranks": found / ranks, "product": found * ranks, "itself": found}[efficiency]

    return answer


def _alone(place):
    def when(got, *a):
        near = [math.isclose(float(x), y, rel_tol=1e-6) for x, y in zip(got, _by_counting(*a), strict=True)]
        return near[place] and not near[1 - place]

    return when


check_speed_up = function_check(
    "speed_up",
    _by_counting,
    _draw_case,
    Wrong("no_message", "Your processes do not talk to each other. Who makes the mean?", _derived(message=False)),
    Wrong(
        "evenly",
        "Your tasks are always shared evenly. With five tasks on four ranks, for whom does everybody wait?",
        _derived(uneven="mean"),
    ),
    Wrong("too_few", "In your answer some tasks are computed by nobody.", _derived(uneven="floor")),
    Wrong("serial_shared", "More ranks do not make b less.", _derived(serial="shared")),
    Wrong("serial_forgotten", "b is left out on several ranks.", _derived(serial="none")),
    Wrong("half_way", "A ring has two halves: one that adds, and one that hands out.", _derived(rounds=1)),
    Wrong("whole_vector", "In each round of a ring one piece is sent. How long is it?", _derived(pieces=False)),
    Wrong("no_delay", "A round costs its delay, too.", _derived(delays=False)),
    Wrong("no_bytes", "Your messages have no length.", _derived(bytes_too=False)),
    Wrong("one_way", "Rank 0 of the star receives, and then has to send.", _derived(star="one way")),
    Wrong(
        "free_star",
        "In a star all vectors pass rank 0's link, one after another.",
        _derived(star="free"),
    ),
    Wrong("delay_for_each", "All send at once in a star: one delay each way.", _derived(star="every delay")),
    Wrong("always_a_ring", "Your star is a ring.", _derived(ring_as=True)),
    Wrong("always_a_star", "Your ring is a star.", _derived(ring_as=False)),
    Wrong("alone_pays", "One rank alone has nobody to send to.", _derived(alone_pays=True)),
    Wrong("inverse", "Your speed-up is below 1 where several ranks are faster.", _derived(inverse=True)),
    Wrong("product", "Your efficiency is S times R. What does one rank contribute?", _derived(efficiency="product")),
    Wrong("same_number", "Speed-up and efficiency are the same number in your answer.", _derived(efficiency="itself")),
    Wrong("speed_up_alone", "The speed-up is right, the efficiency is not.", when=_alone(0)),
    Wrong("efficiency_alone", "The efficiency is right, the speed-up is not.", when=_alone(1)),
)  # fmt: skip
