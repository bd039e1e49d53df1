"""Wrong answers that are nobody's textbook example are rejected, and right ones in unusual styles are accepted.

There are thousands. `make attacks` tries all of them on the checks that changed, and keeps what it tried. `make test`
tries a sample: one answer in FEW where all were tried on the check as it is now, one in MORE elsewhere, and others
after each change to the checks.
"""

import importlib
import pkgutil
import re

import attacks
import pytest
from samples import chosen

from metarl_core.check import CheckFailed
from tools.attacks import checks, stale

pytestmark = pytest.mark.slow

FEW, MORE = 96, 64
REPORTS = 6
"""times as few where a report is judged, which takes longest"""
NOT_TRIED = [id(checks()[name]) for name in stale()]
CHAPTERS = sorted(m.name for m in pkgutil.iter_modules(attacks.__path__))


def params(kind):
    listed = [
        (chapter, parts)
        for chapter in CHAPTERS
        for parts in getattr(importlib.import_module(f"attacks.{chapter}"), kind, [])
    ]
    every = [
        pytest.param(*parts, id=f"{chapter}.{parts[0].name}-{getattr(parts[1], '__name__', '').strip('_')}-{n}")
        for n, (chapter, parts) in enumerate(listed)
    ]
    return [one for n, one in enumerate(every) if chosen(n, share(one.values[0]))]


def share(check):
    """Of this many answers to a check one is in the sample."""
    return (MORE if id(check) in NOT_TRIED else FEW) * (REPORTS if check.kind == "design" else 1)


@pytest.mark.parametrize(("check", "answer"), params("WRONG"))
def test_wrong_answer_is_rejected(check, answer):
    with pytest.raises(CheckFailed) as caught:
        check(answer)
    message = str(caught.value)
    assert message.strip() and "Traceback" not in message and "metarl_core/check" not in message


@pytest.mark.parametrize(("check", "answer"), params("RIGHT"))
def test_right_answer_is_accepted(check, answer, capsys, monkeypatch):
    monkeypatch.setenv("METARL_CHECK_SECONDS", "300")  # right answers end, on a slow machine too
    check(answer)
    assert re.fullmatch(r"Passed: .+\n", capsys.readouterr().out)


@pytest.mark.parametrize(("check", "answer", "words"), params("NOT_SAID"))
def test_a_message_does_not_say_what_the_answer_does_not_do(check, answer, words):
    with pytest.raises(CheckFailed) as caught:
        check(answer)
    assert words not in str(caught.value)


@pytest.mark.parametrize(("check", "answer", "words"), params("SAID"))
def test_a_message_names_the_cause(check, answer, words):
    with pytest.raises(CheckFailed) as caught:
        check(answer)
    assert words in str(caught.value)
