"""Every public call answers bad input with one sentence: what was given, and what is allowed.

The tables stand in tests/bad_input/, one file a subpackage: `CALLS` lists (public name, call, pattern of the message),
and `EXEMPT` says why a name can be given nothing wrong. A public name that stands in neither fails.
"""

import dataclasses
import importlib
import pkgutil
from pathlib import Path

import pytest

import metarl_core

TABLES = [
    importlib.import_module(f"bad_input.{path.stem}")
    for path in sorted((Path(__file__).parent / "bad_input").glob("[a-z]*.py"))
]
NO_SURFACE = {
    "arguments": "what the messages are made of",
    "registration": "called by Gymnasium",
    "figures": "drawn for the chapters alone",
    "recipes": "settings of the committed tables",
    "session": "called by notebooks, with nothing",
    "widgets": "explorers of the chapters: the package under them answers",
}
PACKAGES = [
    "metarl_core.meta.memory",
    "metarl_core.meta.models",
    "metarl_core.meta.policies",
    "metarl_core.meta.supervised",
    "metarl_core.meta.values",
    *(f"metarl_core.{module.name}" for module in pkgutil.iter_modules(metarl_core.__path__)),
]
SURFACE = {
    f"{package}.{name}": name
    for package in PACKAGES
    if package.rpartition(".")[2] not in NO_SURFACE
    for name in importlib.import_module(package).__all__
}
SETTINGS = [
    pytest.param(kind, field, id=f"{full}-{field.name}")
    for full, name in SURFACE.items()
    if dataclasses.is_dataclass(kind := getattr(importlib.import_module(full.rpartition(".")[0]), name))
    and all(field.default is not dataclasses.MISSING for field in dataclasses.fields(kind))
    for field in dataclasses.fields(kind)
    if isinstance(field.default, bool | int | float)
]
CALLS = [pytest.param(*call, id=f"{call[0]}-{n}") for table in TABLES for n, call in enumerate(table.CALLS)]


@pytest.mark.parametrize("name, call, message", CALLS)
def test_bad_input_is_answered_in_one_sentence(name, call, message):
    with pytest.raises(ValueError, match=message) as caught:
        call()
    said = str(caught.value)
    assert said.endswith(".") and "\n" not in said and len(said) < 500, said


@pytest.mark.parametrize("kind, field", [one for one in SETTINGS if str(one.values[1].name).endswith("lr")])
def test_every_step_size_is_finite(kind, field):
    with pytest.raises(ValueError, match=f"{field.name} must be finite, got inf"):
        kind(**{field.name: float("inf")})


@pytest.mark.parametrize("kind, field", SETTINGS)
def test_every_setting_refuses_another_kind(kind, field):
    """Numbers refuse words and truth values, whole numbers refuse fractions, truth values anything else."""
    others = ["x", None, float("nan")] if "None" not in str(field.type) else ["x", float("nan")]
    if isinstance(field.default, bool):
        others += [1, 0.0]
    else:
        others += [True, [1]] if field.type not in (float, "float") else [True]
        others += [field.default + 0.5, float("inf")] if field.type in (int, "int") else []
    for other in others:
        with pytest.raises(ValueError, match=f"^{field.name} must be") as caught:
            kind(**{field.name: other})
        assert str(caught.value).endswith(".") and "\n" not in str(caught.value)


def test_every_public_name_has_a_bad_call_or_a_reason():
    covered = {call[0] for table in TABLES for call in table.CALLS} | {name for t in TABLES for name in t.EXEMPT}
    missing = sorted(full for full, name in SURFACE.items() if name not in covered)
    assert not missing, f"give each of these a bad call in tests/bad_input/: {', '.join(missing)}"


def test_the_tables_name_what_exists():
    public = set(SURFACE.values())
    for table in TABLES:
        unknown = {call[0] for call in table.CALLS} | set(table.EXEMPT)
        assert unknown <= public, f"{table.__name__}: {sorted(unknown - public)}"
        assert all(reason.strip() for reason in table.EXEMPT.values())
