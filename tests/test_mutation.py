"""Solutions changed by machine: the scores that `python -m tools.mutation` found are of today's checks, and high."""

import zlib

import pytest
from samples import chosen

from tools.mutation.kept import SOLUTIONS, code_of, digests, kept, reasons, stale
from tools.mutation.mutants import mutants
from tools.mutation.score import LEAST, Score, judged, other_plans, other_values, score

SAMPLE, SHARE = 2, 12
"""mutants of one check in so many that are tried again here: what has not changed since has its verdict kept"""


@pytest.mark.parametrize("chapter", SOLUTIONS)
def test_scores_are_of_the_checks_as_they_are_now(chapter):
    assert set(kept(chapter)) == set(digests(chapter))
    assert not stale(chapter), "run python -m tools.mutation"


@pytest.mark.parametrize("chapter", SOLUTIONS)
def test_every_check_rejects_what_behaves_differently(chapter):
    why = reasons(chapter)
    for name, content in kept(chapter).items():
        found = Score(content["mutants"], content["rejected"], content["survivors"])
        missed = [mutant for mutant, verdict in found.survivors.items() if verdict == "missed"]
        assert found.share(why.get(name, {})) >= LEAST, f"{chapter}.{name} lets through {sorted(found.survivors)}"
        assert not set(missed) & set(why.get(name, {})), "what further cases tell apart is not equivalent"


@pytest.mark.parametrize("chapter", SOLUTIONS)
def test_reasons_are_of_survivors(chapter):
    scores = kept(chapter)
    for name, why in reasons(chapter).items():
        assert set(why) <= set(scores[name]["survivors"]), f"{chapter}.{name} explains what does not survive"
        assert all(reason.strip().endswith(".") for reason in why.values())


@pytest.mark.slow
@pytest.mark.parametrize("chapter", SOLUTIONS)
def test_a_sample_gets_the_verdicts_that_were_kept(chapter):
    scores = kept(chapter)
    for name, one in judged(SOLUTIONS[chapter]).items():
        if not chosen(zlib.crc32(f"{chapter}.{name}".encode()), SHARE):
            continue
        found = score(one, SAMPLE)
        assert set(found.survivors) <= set(scores[name]["survivors"]), f"{chapter}.{name}"


def test_a_score_depends_on_the_code_that_its_check_uses_and_on_no_other():
    bill, stream = code_of("ch01", "check_bill"), code_of("ch01", "check_stream_returns")
    assert {"metarl_core.check.ch01.bill_repeated", "metarl_core.check.reports.intervals"} <= set(bill)
    assert {"metarl_core.check.functions", "metarl_core.check.watch"} <= set(stream)
    assert not [module for module in stream if "reports" in module or "bill" in module]
    assert all(module.startswith("metarl_core.check") for module in bill + stream)


CODE = '''
def mean_return(rewards, mask, discount=0.9):
    """The docstring is left alone."""
    total = 0
    for t in range(rewards.shape[1]):
        if mask[t]:
            total += discount**t * rewards[:, t].detach()
    return total.mean(dim=0)
'''


def test_the_operators_reach_every_kind_of_fault():
    names = " | ".join(mutant.name for mutant in mutants(CODE))
    for change in (
        ": 1 -> 0",  # a constant
        "total.mean(dim=0) -> total.sum(dim=0)",  # mean against sum
        "total.mean(dim=0) -> total.mean()",  # a dropped argument
        "rewards[:, t].detach() -> rewards[:, t]",  # a removed detach
        "discount ** t -> discount * t",  # an operator
        "discount ** t * rewards[:, t].detach() -> rewards[:, t].detach()",  # a dropped factor
        "range(rewards.shape[1]) -> range(rewards.shape[1] - 1)",  # off by one
        "ends after its first round",  # a loop
    ):
        assert change in names
    assert "docstring" not in names


def test_every_mutant_differs_from_the_code_and_from_the_others():
    found = mutants(CODE)
    assert len({m.code for m in found}) == len(found) == len({m.name for m in found}) > 20


def test_only_what_the_answer_reaches_is_changed():
    code = "def one(x):\n    return two(x) + 1\ndef two(x):\n    return 2 * x\ndef three(x):\n    return 3 * x\n"

    def changed(answer):
        return {line for m in mutants(code, answer) for line in ("x) + 1", "2 * x", "3 * x") if f"{line} ->" in m.name}

    assert changed("one") == {"x) + 1", "2 * x"}
    assert changed("lambda x: (two(x), three(x))") == {"2 * x", "3 * x"}
    assert changed(None) == {"x) + 1", "2 * x", "3 * x"}


def test_numbers_and_plans_are_changed():
    assert {value for _, value in other_values(2.0)} == {2.02, -2.0, 4.0, 1.0, 3.0, 0.5}
    assert [value[1:] for _, value in other_values((2.0, 7))] == [(7,)] * 7
    plans = dict(
        other_plans({"seeds": 5, "split": "a", "paired": True}, {"seeds": int, "split": ("a", "b"), "paired": bool})
    )
    assert plans["split: 'a' -> 'b'"]["split"] == "b" and plans["paired: True -> False"]["paired"] is False
    assert plans["seeds: 5 -> 0"]["seeds"] == 0
