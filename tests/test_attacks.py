"""Wrong answers that are nobody's textbook example are rejected, and right ones in unusual styles are accepted."""

import importlib
import pkgutil
import re

import attacks
import pytest

from metarl_core.check import CheckFailed

pytestmark = pytest.mark.slow

CHAPTERS = sorted(m.name for m in pkgutil.iter_modules(attacks.__path__))


def params(kind):
    listed = [
        (chapter, check, answer)
        for chapter in CHAPTERS
        for check, answer in getattr(importlib.import_module(f"attacks.{chapter}"), kind)
    ]
    return [
        pytest.param(check, answer, id=f"{chapter}.{check.name}-{getattr(answer, '__name__', '').strip('_')}-{n}")
        for n, (chapter, check, answer) in enumerate(listed)
    ]


@pytest.mark.parametrize(("check", "answer"), params("WRONG"))
def test_wrong_answer_is_rejected(check, answer):
    with pytest.raises(CheckFailed) as caught:
        check(answer)
    message = str(caught.value)
    assert message.strip() and "Traceback" not in message and "metarl_core/check" not in message


@pytest.mark.parametrize(("check", "answer"), params("RIGHT"))
def test_right_answer_is_accepted(check, answer, capsys):
    check(answer)
    assert re.fullmatch(r"Passed: .+\n", capsys.readouterr().out)
