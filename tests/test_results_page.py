"""RESULTS.md says what the tables hold."""

import tomllib

import pytest

from metarl_core.results import load_table
from tools.course import read
from tools.results_page import PAGE, SOURCE, page

RESULTS = tomllib.loads(SOURCE.read_text(encoding="utf-8"))["result"]


def test_the_page_is_in_step_with_tables_and_course():
    assert PAGE.read_text(encoding="utf-8") == page(), "run `make results-page`"


@pytest.mark.parametrize("result", RESULTS, ids=[result["what"] for result in RESULTS])
def test_an_entry_is_complete(result):
    assert result["source"] and read()[result["chapter"]].status == "ready"
    assert len(result["columns"]) == len(result["published"]) == len(result["at"])
    scores = load_table(result["table"]).scores(result["method"])
    assert len(scores) >= 5 and scores[..., result["at"]].shape[-1] == len(result["at"])


def test_a_mean_by_hand():
    first = next(result for result in RESULTS if result["table"] == "sinusoid" and result["method"] == "MAML")
    by_hand = load_table("sinusoid").scores("MAML")[:, 0, 1].mean()
    assert first["at"][0] == 1 and f"| here | {by_hand:.3g} [" in page()
