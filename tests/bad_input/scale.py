"""Bad input to `metarl_core.scale`."""

from metarl_core.scale import Ranks, join, spread


def joined(**given):
    with join(**given):
        pass


CALLS = [
    ("Ranks", lambda: Ranks(-1), "rank must be .* got -1"),
    ("Ranks", lambda: Ranks(0, 0), "size must be .* got 0"),
    ("Ranks", lambda: Ranks(2, 2), "rank must be below the number of ranks, 2, got 2"),
    ("Ranks", lambda: Ranks().own(-3), "tasks must be .* got -3"),
    ("join", lambda: joined(minutes=0.0), "minutes must be .* got 0"),
    ("spread", lambda: spread(None, Ranks()), "direction must be .* got None"),
    ("spread", lambda: spread(lambda meta, data: (meta, data), 4), "ranks must be .* got"),
    ("spread", lambda: spread(lambda meta, data: (meta, data), Ranks(), 0), "chunk must be .* got 0"),
]
EXEMPT = {"RankLostError": "an error"}
