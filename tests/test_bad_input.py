"""Every public call answers bad input with one sentence: what was given, and what is allowed.

The tables stand in tests/bad_input/, one file a subpackage: `CALLS` lists (public name, call, pattern of the message),
and `EXEMPT` says why a name can be given nothing wrong. A public name that stands in neither fails.
"""

import importlib
from pathlib import Path

import pytest

TABLES = [
    importlib.import_module(f"bad_input.{path.stem}")
    for path in sorted((Path(__file__).parent / "bad_input").glob("[a-z]*.py"))
]
CALLS = [pytest.param(*call, id=f"{call[0]}-{n}") for table in TABLES for n, call in enumerate(table.CALLS)]


@pytest.mark.parametrize("name, call, message", CALLS)
def test_bad_input_is_answered_in_one_sentence(name, call, message):
    with pytest.raises(ValueError, match=message) as caught:
        call()
    said = str(caught.value)
    assert said.endswith(".") and "\n" not in said and len(said) < 500, said
