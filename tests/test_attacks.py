"""Wrong answers that are nobody's textbook example are rejected, and right ones in unusual styles are accepted.

There are thousands. `make attacks` tries all of them on the checks that changed, and keeps what it tried; `make test`
asks whether that was done, and tries one in SHARE, others after each change to the checks.
"""

import importlib
import os
import pkgutil
import re
import zlib
from pathlib import Path

import attacks
import pytest

from metarl_core.check import CheckFailed
from tools.attacks import digests, stale, tried

pytestmark = pytest.mark.slow

SHARE = 1 if os.environ.get("METARL_ATTACKS") == "all" else 12
CHECKS = sorted((Path(__file__).parents[1] / "metarl_core" / "check").rglob("*.py"))
TURN = zlib.crc32(b"".join(path.read_bytes().replace(b"\r\n", b"\n") for path in CHECKS))
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
    return every[TURN % SHARE :: SHARE]


def test_every_answer_was_tried_on_the_checks_as_they_are_now():
    assert not stale(), "run make attacks"
    assert set(tried()) == set(digests())


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
